"""Hooks of a real server: a program is told of uploads, one that hangs is killed with its children, none is a shell."""

from __future__ import annotations

import json
import os
import signal
import textwrap
from pathlib import Path

import pytest

from tests.support.client import logged_in
from tests.support.observe import Marked, eventually
from tests.support.server import running_server

TELL = """\
#!/bin/sh
{ env; echo "ARGS $# $1"; cat; } > "$1/$FTP_EVENT.tmp" && mv "$1/$FTP_EVENT.tmp" "$1/$FTP_EVENT.told"
"""
HANG = """\
#!/bin/sh
sleep 600 &
echo $$ $! > "$1/pids.tmp" && mv "$1/pids.tmp" "$1/pids"
wait
"""
LEAVE = """\
#!/bin/sh
sleep 600 &
echo $! > "$1/left.tmp" && mv "$1/left.tmp" "$1/left"
"""
FAIL = """\
#!/bin/sh
echo "the disk of the archive is full" >&2
exit 3
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hooks")
    for name, text in {"tell": TELL, "hang": HANG, "leave": LEAVE, "fail": FAIL}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    tables = f"""
        [[hooks]]
        events = ["login", "upload", "rename", "disconnect"]
        command = ["{folder}/tell", "{folder}"]
        [[hooks]]
        events = ["delete"]
        command = ["{folder}/hang", "{folder}"]
        timeout = 1
        [[hooks]]
        events = ["mkdir"]
        paths = ["/archive"]
        command = ["{folder}/fail"]
        [[hooks]]
        events = ["change"]
        command = ["{folder}/leave", "{folder}"]
        [[hooks]]
        events = ["rmdir"]
        command = ["{folder}/gone"]
        [[hooks]]
        events = ["upload"]
        function = "tests.support.hookfunction:note"
        """
    with running_server(folder, tables=textwrap.dedent(tables)) as running:
        yield running


def told(server, event):
    path = server.folder / f"{event}.told"
    eventually(path.exists, f"the hook for {event}")
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and line[0].isupper()), lines


def test_a_program_is_told_what_happened(server):
    """Environment and JSON hold it; a name full of shell is only a name; nothing of the server's environment leaks."""
    name = "$(touch pwned); `touch pwned` & x"
    with logged_in(server) as client:
        assert client.upload(f"STOR {name}", b"hello").code == 226
    variables, lines = told(server, "upload")
    assert variables["FTP_PATH"] == f"/{name}"
    assert (variables["FTP_OCTETS"], variables["FTP_COMPLETE"]) == ("5", "1")
    assert (variables["REMOTE_USER"], variables["REMOTE_ADDR"]) == ("alice", "127.0.0.1")
    assert variables["TLS_PROTOCOL"] == variables["DATA_TLS_PROTOCOL"] == "TLSv1.3"
    assert variables["DATA_TLS_RESUMED"] == "1"
    assert f"ARGS 1 {server.folder}" in lines
    assert json.loads(lines[-1])["path"] == f"/{name}"
    assert "HOME" not in variables
    assert told(server, "login")[0]["FTP_METHOD"] == "password"
    assert told(server, "disconnect")[0]["FTP_REASON"]
    assert not (server.folder / "pwned").exists()


def test_a_program_that_hangs_is_killed_with_its_children(server):
    """One second for it; the sleep it has started does not stay behind, and the client never waited."""
    log = Marked(server)
    with logged_in(server) as client:
        assert client.upload("STOR x", b"x").code == 226
        assert client.code("DELE x") == 250
        assert client.code("NOOP") == 200
    path = server.folder / "pids"
    eventually(path.exists, "the hook")
    pids = path.read_text().split()
    assert "it was ended after 1 s" in log.wait_for("hang failed")
    for pid in pids:
        eventually(lambda pid=pid: not is_running(pid), "the end of the hook")


def test_a_program_may_leave_something_running(server):
    """A hook that starts a service of its own is over when it says so, though its pipes are still held."""
    log = Marked(server)
    with logged_in(server) as client:
        assert client.upload("STOR z", b"x").code == 226
        assert client.code("SITE CHMOD 600 z") == 200
    assert "leave ran for" in log.wait_for("/leave ran")
    pid = int((server.folder / "left").read_text())
    assert is_running(pid)
    os.kill(pid, signal.SIGKILL)


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_what_goes_wrong_is_one_line_of_the_log(server):
    """Exit status and what it said; a program that is gone is told, too; folders choose."""
    log = Marked(server)
    with logged_in(server) as client:
        assert client.code("MKD elsewhere") == 257
        assert client.code("MKD archive") == 257
        assert client.code("RMD archive") == 250
    assert log.wait_for("fail failed").endswith(r"exit status 3; it said: the disk of the archive is full\n")
    assert "it can not be started: No such file or directory" in log.wait_for("gone failed")
    assert log.text.count("fail failed") == 1
    assert "Traceback" not in log.text


def test_functions_are_called_with_the_event(server):
    """Without a process: a function of the operator's own package."""
    log = Marked(server)
    with logged_in(server) as client:
        assert client.upload("STOR y", b"12345678").code == 226
    log.wait_for("the function saw /y, 8 octets")


def test_no_zombies_stay(server):
    """All programs are waited for."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    if not children.exists():
        pytest.skip("this kernel does not list children")
    eventually(lambda: not children.read_text().split(), "the end of all programs")
