"""A real HAProxy in front of the control ports: both versions of its header, explicit and implicit TLS, health checks."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import contextmanager

import pytest

from tests.support.client import Client
from tests.support.observe import events, eventually
from tests.support.server import running_server

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed"),
]

CONFIG = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen explicit
    bind 127.0.0.1:{explicit}
    server ftps 127.0.0.1:{to_explicit} {option} check inter 200ms check-send-proxy
listen implicit
    bind 127.0.0.1:{implicit}
    server ftps 127.0.0.1:{to_implicit} {option}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as plain:
        return plain.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    config = '[server]\nproxies = ["127.0.0.1/32"]\n[tls]\nwatch_interval = 3600'
    with running_server(tmp_path_factory.mktemp("haproxy"), config) as running:
        yield running


@contextmanager
def haproxy(server, folder, option):
    """Run HAProxy in front of a server; yield its ports."""
    ports = {"explicit": free_port(), "implicit": free_port()}
    file = folder / "haproxy.cfg"
    file.write_text(
        CONFIG.format(**ports, to_explicit=server.port(), to_implicit=server.port("implicit"), option=option)
    )
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen([shutil.which("haproxy"), "-db", "-f", str(file)], stdout=log, stderr=log)
    try:
        eventually(lambda: all(map(is_open, ports.values())), "HAProxy")
        yield ports
    finally:
        process.terminate()
        process.wait(10)


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl"])
def test_clients_behind_haproxy_are_who_they_are(server, tmp_path, option):
    """The address of the client is in the log, and its data connections, which come directly, are expected from there."""
    with haproxy(server, tmp_path, option) as ports:
        for service, source in (("explicit", "127.0.0.7"), ("implicit", "127.0.0.8")):
            with Client("127.0.0.1", ports[service], implicit=service == "implicit", source=source) as client:
                assert client.answer().code == 220
                if service == "explicit":
                    client.auth()
                client.login().protect()
                client.passive = lambda client=client, source=source: client.connect(
                    client.passive_port(), source=source
                )
                assert client.upload("STOR x", b"hello").code == 226
                assert client.download("RETR x")[0] == b"hello"
            assert eventually(lambda source=source: events(server, "logged_in", peer=source))
    assert not events(server, "misused")
