"""A log in a format of the operator's, as a real session fills it, over a rotation."""

from __future__ import annotations

import re

from tests.support.client import logged_in
from tests.support.observe import eventually
from tests.support.server import running_server


def test_a_session_in_the_format_of_the_operator(tmp_path):
    """Log readers made for ProFTPD see each command, the file of an upload, TLS, and the end; no password."""
    tables = """
[[log.custom]]
file = "own.log"
format = '%h %u "%r" %s %b %f %{transfer-status} %{TLS_PROTOCOL}e %O'
[[log.custom]]
file = "ends.log"
format = "%u %E"
verbs = ["EXIT"]
"""
    with running_server(tmp_path, tables=tables) as server:
        with logged_in(server) as client:
            assert client.upload("STOR a b", b"12345").code == 226
            assert client.download("RETR a b")[0] == b"12345"
            assert client.code("QUIT") == 221
        assert eventually(lambda: server.log("ends.log")).startswith("alice ")
        lines = server.log("own.log").splitlines()
        assert '127.0.0.1 alice "STOR a b" 226 5 /a b success TLSv1.3 0' in lines
        assert '127.0.0.1 alice "RETR a b" 226 5 /a b success TLSv1.3 5' in lines
        assert '127.0.0.1 - "AUTH TLS" 234 - - - - 0' in lines
        assert '127.0.0.1 alice "PASS ****" 230 - - - TLSv1.3 0' in lines
        assert not re.search("correct horse", server.log("own.log"))
