"""The life of the server: SIGHUP renews certificates, users and logs (K12), SIGTERM ends it; sessions do not suffer."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.client import Client, connected, implicit, logged_in
from tests.support.observe import (
    Marked,
    assert_no_traceback,
    closed_sessions,
    eventually,
    fingerprint,
    octets_until_closed,
    process_counts,
    read_to_end,
    reset,
    write_certificate,
)
from tests.support.server import CONFIG, PASSWORD, USER, Server, _hash, _merge, running_server

TWISTD = Path(sys.executable).with_name("twistd")
LOGS = ("command.log", "xfer.log", "events.json")


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory):
    """A server with a certificate from files, which lives through all of this."""
    folder = tmp_path_factory.mktemp("lifecycle")
    with running_server(folder, tables=write_certificate(folder, "ftp")) as server:
        yield server
        assert_no_traceback(server)


@pytest.fixture
def server(long_lived):
    """The same, with files that can be used at the end of every test."""
    users = long_lived.folder / "users.toml"
    good = users.read_text()
    yield long_lived
    users.write_text(good)
    users.chmod(0o600)
    renew(long_lived.folder)
    hang_up(long_lived, "users were read anew")
    for path in long_lived.files.iterdir():
        path.unlink()


def hang_up(server, words):
    """Send SIGHUP and wait for the log to say so."""
    log = Marked(server)
    server.process.send_signal(signal.SIGHUP)
    log.wait_for(words)
    log.wait_for("users")  # the last of what is renewed
    return log


def renew(folder, **validity):
    for name in ("ftp.crt", "ftp.key"):
        (folder / name).unlink(missing_ok=True)
    write_certificate(folder, "ftp", **validity)


# --- SIGHUP: certificates -----------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_new_certificate(server, version):
    """New sessions are shown the new certificate; those that are there live on, in the middle of a transfer, too."""
    old = fingerprint(server.folder / "ftp.crt")
    with logged_in(server, version=version) as client, client.passive() as data:
        assert client.code("STOR file") == 150
        stream = client.wrap_data(data)
        stream.sendall(b"before ")
        renew(server.folder)
        hang_up(server, "certificates were read anew")
        new = fingerprint(server.folder / "ftp.crt")
        assert old != new
        for fresh in (logged_in(server, version=version), implicit(server, "::1", version=version)):
            with fresh:
                assert fingerprint(fresh.sock) == new
                assert fresh.download("NLST")[1].code == 226
        stream.sendall(b"and behind")
        stream.unwrap().close()
        assert client.answer().code == 226
        assert client.download("NLST")[0] == b"file\r\n"
    assert (server.files / "file").read_bytes() == b"before and behind"


def test_auth_of_a_session_that_was_in_clear(server):
    """A control connection that starts TLS after the swap is shown the new certificate, though it was there before."""
    with connected(server) as client:
        renew(server.folder)
        hang_up(server, "certificates were read anew")
        client.auth().login()
        assert fingerprint(client.sock) == fingerprint(server.folder / "ftp.crt")


@pytest.mark.parametrize("damage", ["garbage", "empty", "missing key", "foreign key", "expired", "readable key"])
def test_broken_certificate(server, damage):
    """With files that can not be used everything stays as it was, and the log tells which file and why."""
    old = fingerprint(server.folder / "ftp.crt")
    certificate, key = server.folder / "ftp.crt", server.folder / "ftp.key"
    if damage == "garbage":
        certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    elif damage == "empty":
        certificate.write_text("")
    elif damage == "missing key":
        key.unlink()
    elif damage == "foreign key":
        write_certificate(server.folder, "other")
        (server.folder / "other.key").rename(key)
    elif damage == "expired":
        renew(server.folder, age=30, days=10)
    else:
        key.chmod(0o644)
    with logged_in(server) as client:
        log = hang_up(server, "the old ones stay")
        line = log.wait_for("the old ones stay")
        assert "certificates" in line
        assert re.search(r"ftp\.(crt|key)", line)
        assert client.download("NLST")[1].code == 226
        with logged_in(server) as fresh:
            assert fingerprint(fresh.sock) == old
            assert fresh.download("NLST")[1].code == 226
        renew(server.folder)
        hang_up(server, "certificates were read anew")
        with logged_in(server) as fresh:
            assert fingerprint(fresh.sock) == fingerprint(certificate) != old


# --- SIGHUP: users and logs ---------------------------------------------------------------------------


def test_new_users(server):
    """A user who was added can log in, one who was removed can not any more; sessions that are there live on."""
    users = server.folder / "users.toml"
    with logged_in(server) as client:
        users.write_text(f'[users.bob]\npassword = "{_hash(PASSWORD)}"\n')
        hang_up(server, "users were read anew")
        with connected(server).auth().login("bob", PASSWORD) as bob:
            assert bob.code("PWD") == 257
        with connected(server).auth() as refused:
            assert refused.code(f"USER {USER}") == 331
            assert refused.code(f"PASS {PASSWORD}") == 530
        assert client.download("NLST")[1].code == 226


@pytest.mark.parametrize("damage", ["no TOML", "wrong key", "missing", "readable"])
def test_broken_users(server, damage):
    """A users file that can not be used changes nothing: users log in as before, and the log tells what is wrong."""
    users = server.folder / "users.toml"
    good = users.read_text()
    if damage == "missing":
        users.rename(server.folder / "elsewhere.toml")
    elif damage == "readable":
        users.chmod(0o666)
    else:
        users.write_text("[users.alice\n" if damage == "no TOML" else f"{good}\npasword = 5\n")
    log = hang_up(server, "the new users are not used, the old ones stay")
    assert "users.toml" in log.wait_for("the new users are not used")
    with logged_in(server) as client:
        assert client.download("NLST")[1].code == 226


def test_logs_are_opened_anew(server):
    """Log files that were renamed (logrotate) are let go; events go on in new ones, and none is lost."""
    with logged_in(server) as client:
        assert client.upload("STOR before", b"1").code == 226
        for name in LOGS:
            (server.folder / name).rename(server.folder / f"{name}.1")
        hang_up(server, "log files were read anew")
        assert client.upload("STOR behind", b"2").code == 226
    for name in LOGS:
        assert "before" in server.log(f"{name}.1")
        assert "behind" not in server.log(f"{name}.1")
        assert "before" not in server.log(name)
        eventually(lambda name=name: "behind" in server.log(name), f"the upload in {name}")


# --- nothing is left behind ---------------------------------------------------------------------------


def _session_of_every_kind(server):
    """Go through good and bad ends of sessions and transfers."""
    with logged_in(server) as client:
        client.upload("STOR file", b"x" * 300_000)
        client.download("RETR file")
        client.passive_port()
        client.code("QUIT")
    with logged_in(server) as client, client.passive() as data:
        client.code("STOR file")
        with client.wrap_data(data) as stream:
            stream.sendall(b"half")
            reset(client.sock)
    with logged_in(server) as client, client.passive() as data:
        client.code("RETR file")
        reset(client.wrap_data(data))
        client.answer()
    with connected(server) as client:
        client.code("AUTH TLS")
        client.sock.sendall(b"\x16\x03\x01")
    with Client("127.0.0.1", server.port("implicit")) as client:
        client.sock.sendall(b"USER alice\r\n")
        octets_until_closed(client.sock)
    with logged_in(server) as client, client.passive():
        client.code("STOR file")
        client.send("ABOR")
        client.answer()
        client.answer()


def test_no_leaks(server):
    """After many sessions, good and bad, and many reloads, the process has the descriptors and threads it had."""
    _session_of_every_kind(server)
    with logged_in(server):
        eventually(lambda: closed_sessions(server) >= 5, "the end of the sessions")
    pid = server.process.pid
    idle = eventually(lambda: _is_calm(pid), "calm")
    for _ in range(15):
        _session_of_every_kind(server)
    for _ in range(5):
        renew(server.folder)
        hang_up(server, "certificates were read anew")
    descriptors, threads = eventually(lambda: _is_calm(pid, idle), "calm")
    assert descriptors <= idle[0]
    assert threads <= idle[1] + 16, "worker threads start when they are needed; their number has a limit"
    assert process_counts(pid)[0] <= idle[0]


def test_killed_clients_leave_no_home_open(tmp_path):
    """The end of a session closes its home at once, whatever was running, and does not wait for a garbage collection."""
    (tmp_path / "sitecustomize.py").write_text("import gc\ngc.disable()\n")
    with running_server(tmp_path / "server", prefix=["env", f"PYTHONPATH={tmp_path}"]) as server:
        with (server.files / "big").open("wb") as file:
            file.truncate(64 << 20)
        for number in range(50):
            client = logged_in(server)
            data = client.begin("STOR new" if number % 5 else "RETR big")
            assert client.code("NOOP") == 200  # and the transfer runs
            reset(data)
            reset(client.sock)
        eventually(lambda: not homes_open(server), "an end of all use of homes")


def homes_open(server):
    """Count what the server has open of its users' homes."""
    links = [os.path.realpath(each) for each in Path(f"/proc/{server.process.pid}/fd").iterdir()]
    return sum(link.startswith(f"{server.folder}/files/") for link in links)


def _is_calm(pid, at_most=None):
    """Return the counts if no connection is left, and no more than *at_most* descriptors are open."""
    counts = process_counts(pid)
    sockets = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    ]
    inodes = {_socket_of(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
    established = [fields for fields in sockets if fields[9] in inodes and fields[3] != "0A"]
    if established or (at_most is not None and counts[0] > at_most[0]):
        return None
    return counts


def _socket_of(link):
    try:
        target = str(link.readlink())
    except FileNotFoundError:
        return ""
    match = re.fullmatch(r"socket:\[(\d+)\]", target)
    return match[1] if match else ""


# --- twistd: SIGHUP and SIGTERM -----------------------------------------------------------------------


@dataclass
class Twistd(Server):
    """``twistd ftps`` as operators run it."""

    def end(self):
        """Wait for the end of the process; return its exit code."""
        return self.process.wait(20)


@contextmanager
def running_twistd(folder, config=""):
    """Run ``twistd -n ftps`` with a configuration below *folder*."""
    (folder / "files" / USER).mkdir(parents=True)
    (folder / "ftps.toml").write_text(_merge(CONFIG, f"[passive]\nports = 0\n{config}"))
    (folder / "users.toml").write_text(f'[users.{USER}]\npassword = "{_hash(PASSWORD)}"\n')
    (folder / "users.toml").chmod(0o600)
    with (folder / "server.log").open("wb") as log:
        arguments = [TWISTD, "-n", "--pidfile=", "ftps", "--config", folder / "ftps.toml"]
        process = subprocess.Popen(arguments, cwd=folder, stdout=log, stderr=log)
    server = Twistd(folder, process, {"explicit": [], "implicit": []})
    try:

        def listens():
            assert process.poll() is None, server.log()
            return len(re.findall("service listens on", server.log())) == 4

        eventually(listens, "the start")
        for service, host, port in re.findall(r"(\w+) FTPS service listens on (\S+) port (\d+)", server.log()):
            server.addresses[service].append(f"{host} {port}")
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(20)


def test_sighup_does_not_end_twistd(tmp_path):
    """SIGHUP, whose default ends a process, renews what twistd serves, as often as it comes."""
    with running_twistd(tmp_path) as server, logged_in(server) as client:
        for _ in range(3):
            hang_up(server, "certificates were read anew")
        assert client.download("NLST")[1].code == 226
        with logged_in(server) as fresh:
            assert fresh.code("PWD") == 257


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_end_without_transfers(tmp_path, number):
    """SIGTERM and Ctrl-C: idle sessions hear 421 and close_notify, no new ones come in, the process ends."""
    with running_twistd(tmp_path) as server, ExitStack() as stack:
        sessions = [stack.enter_context(make(server)) for make in (logged_in, implicit)]
        clear = stack.enter_context(connected(server))
        server.process.send_signal(number)
        for client in sessions:
            assert client.answer().code == 421
            assert read_to_end(client.sock) == b""
            client.close()
        assert clear.answer().code == 421
        assert octets_until_closed(clear.sock) == b""
        clear.close()
        assert server.end() in {0, -number}
        with pytest.raises(ConnectionRefusedError):
            connected(server)
        assert "stopped" in server.log()
        assert_no_traceback(server)


@pytest.mark.parametrize("verb", ["STOR", "RETR"])
def test_end_with_a_running_transfer(tmp_path, verb):
    """SIGTERM while a transfer runs: it finishes, is answered 226, and only then the process ends."""
    content = bytes(range(256)) * 40_000
    with running_twistd(tmp_path) as server, logged_in(server) as client:
        (server.files / "file").write_bytes(content)
        assert client.code("TYPE I") == 200
        with client.passive() as data:
            assert client.code(f"{verb} file") == 150
            stream = client.wrap_data(data)
            if verb == "STOR":
                stream.sendall(b"new" + content[: 1 << 20])
            else:
                first = stream.recv(10000)
            log = Marked(server)
            server.process.send_signal(signal.SIGTERM)
            log.wait_for("no new sessions")
            with pytest.raises(ConnectionRefusedError):
                connected(server)
            assert server.process.poll() is None
            if verb == "STOR":
                stream.sendall(content[1 << 20 :])
            else:
                assert first + read_to_end(stream) == content
            stream.unwrap().close()
            assert client.answer().code == 226
        assert client.answer().code == 421
        client.close()
        assert server.end() in {0, -signal.SIGTERM}
        expected = b"new" + content if verb == "STOR" else content
        assert (server.files / "file").read_bytes() == expected
        assert_no_traceback(server)


def test_end_with_a_stalled_transfer(tmp_path):
    """SIGTERM while a transfer stands still: after the limit it is broken off, the old file is kept, the process ends."""
    with running_twistd(tmp_path, "[server]\nshutdown_timeout = 1\n") as server, logged_in(server) as client:
        (server.files / "old").write_bytes(b"old")
        with client.passive() as data:
            assert client.code("STOR old") == 150
            stream = client.wrap_data(data)
            stream.sendall(b"half of it")
            server.process.terminate()
            with suppress(ConnectionError, ssl.SSLError):
                assert read_to_end(stream) == b""
            with pytest.raises((ConnectionError, ssl.SSLError, EOFError)):
                client.answer()
            stream.close()
        assert server.end() in {0, -signal.SIGTERM}
        assert (server.files / "old").read_bytes() == b"old"
        assert [path.name for path in server.files.iterdir()] == ["old"]
        assert "stopped" in server.log()
        assert_no_traceback(server)


def test_end_in_the_middle_of_handshakes(tmp_path):
    """SIGTERM while clients shake hands, or wait on passive ports, does not hold the process up."""
    with running_twistd(tmp_path) as server, ExitStack() as stack:
        handshake = stack.enter_context(connected(server))
        assert handshake.code("AUTH TLS") == 234
        half = stack.enter_context(socket.create_connection(("127.0.0.1", server.port("implicit")), timeout=10))
        half.sendall(b"\x16\x03\x01")
        client = stack.enter_context(logged_in(server))
        waiting = stack.enter_context(client.passive())
        server.process.terminate()
        assert client.answer().code == 421
        assert octets_until_closed(handshake.sock) == b""
        assert octets_until_closed(half) == b""
        assert octets_until_closed(waiting) == b""
        stack.close()
        assert server.end() in {0, -signal.SIGTERM}
        assert_no_traceback(server)
