"""The examples of docs/embedding.md, run as they stand, in one process with a real reactor."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import ROOT

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs/embedding.md").read_text(), re.DOTALL)

TALK = """
import ssl, sys, ftplib, threading, io
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from ftpstwist.session.state import Service

def talk(port):
    context = ssl.create_default_context(cafile="state/server.crt")
    context.check_hostname = False
    client = ftplib.FTP_TLS(context=context, timeout=10)
    client.connect("127.0.0.1", port)
    client.login("alice", "secret")
    client.prot_p()
    client.storbinary("STOR hello.txt", io.BytesIO(b"hello"))
    print("listed:", client.nlst())
    client.quit()
"""
ONCE = """
def talk_and_stop(port):
    try:
        talk(port)
    finally:
        reactor.callFromThread(reactor.stop)

def begin():
    service.privilegedStartService()
    service.startService()
    port = service.addresses(Service.EXPLICIT)[0].port
    threading.Thread(target=talk_and_stop, args=(port,)).start()

reactor.callWhenRunning(begin)
reactor.addSystemEventTrigger("before", "shutdown", lambda: service.stopService())
reactor.run()
"""

RESTART = """
import os, socket, sys

def sockets():
    links = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    return sorted(link for link in links if "/socket:" in link or link.endswith(".log"))

async def serve_twice():
    before = sockets()
    for _ in range(2):
        service.privilegedStartService()
        service.startService()
        port = service.addresses(Service.EXPLICIT)[0].port
        await deferToThread(talk, port)
        await service.stopService()
        assert service.addresses(Service.EXPLICIT) == []
        assert sockets() == before, sockets()
        with socket.socket() as probe:
            print("closed:", probe.connect_ex(("127.0.0.1", port)) != 0)
    print("logged:", open("command.log").read().count("CLOSED"))
    reactor.stop()

def failed(failure):
    failure.printTraceback(file=sys.stderr)
    os._exit(1)

reactor.callWhenRunning(lambda: Deferred.fromCoroutine(serve_twice()).addErrback(failed))
reactor.run()
"""


def run(folder: Path, code: str) -> str:
    (folder / "example.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "example.py"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def example(word: str) -> str:
    return next(code for code in EXAMPLES if word in code)


def test_beside_other_services(tmp_path):
    """The service can be a child of an application, from a configuration file."""
    (tmp_path / "users.toml").write_text("[users]\n")
    (tmp_path / "users.toml").chmod(0o600)
    (tmp_path / "ftps.toml").write_text('[server]\nexplicit = ["tcp:0:interface=127.0.0.1"]\nimplicit = []\n')
    shown = run(tmp_path, example("Application") + "\nprint(len(application.getComponent(__import__("
                "'twisted.application.service', fromlist=['x']).IService).services))\n")  # fmt: skip
    assert shown.strip() == "1"


def serving(word: str, how: str) -> str:
    """Return a program made of an example, and of what it needs, that serves clients as *how* says."""
    parts = [example("Settings("), example("InMemoryUsernamePasswordDatabaseDontUse")]
    if word in {"MemoryFilesystem", "Tenants"}:
        parts.append(example("MemoryFilesystem"))
    if example(word) not in parts:
        parts.append(example(word))
    code = "\n".join(parts).replace("from twisted.internet import reactor\n", "")
    # Port 0 for data, too; a real application names a range that its firewall lets through.
    code = code.replace("    accounts=AccountSettings", "    passive=ANY_PORT, log=LOG,\n    accounts=AccountSettings")
    head = (
        "from pathlib import Path\nfrom twisted.internet import reactor\n"
        "from ftpstwist.config.schema_data import PassiveSettings\n"
        "from ftpstwist.config.schema_server import LogSettings\n"
        "from ftpstwist.config.form_network import PortRange\nANY_PORT = PassiveSettings(ports=PortRange(0, 0))\n"
        "LOG = LogSettings(command_log=Path('command.log'))\n"
    )
    return head + code + TALK + how


@pytest.mark.parametrize("word", ["InMemoryUsernamePasswordDatabaseDontUse", "MemoryFilesystem", "Tenants", "Inbox"])
def test_example_serves(word, tmp_path):
    """The caller's own checkers, storage, realm and sink serve a real client."""
    shown = run(tmp_path, serving(word, ONCE))
    assert "listed: ['hello.txt']" in shown
    if word == "Inbox":
        assert "arrived: /hello.txt 5" in shown


def test_stopped_and_started_again(tmp_path):
    """An application may stop the service, with every socket and file closed, and start the same one again."""
    shown = run(tmp_path, serving("InMemoryUsernamePasswordDatabaseDontUse", RESTART))
    assert shown.splitlines() == [*["listed: ['hello.txt']", "closed: True"] * 2, "logged: 2"]
