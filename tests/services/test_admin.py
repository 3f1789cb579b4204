"""The admin socket and what can be asked there, of a real server; and what it refuses."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
from pathlib import Path

import pytest

from ftpstwist.cli.main import main
from ftpstwist.services.admin import AdminError, ask
from tests.support.client import Client, connected, logged_in
from tests.support.observe import Marked, eventually
from tests.support.server import running_server

SLOW = "limits.download_rate = 20000\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose one user downloads slowly."""
    with running_server(tmp_path_factory.mktemp("admin"), "[tls]\nwatch_interval = 3600", SLOW) as running:
        (running.files / "big").write_bytes(bytes(1 << 20))
        yield running


def path_of(server):
    return server.folder / "state" / "admin.sock"


def request(server, name, **arguments):
    return ask(path_of(server), name, patience=10, **arguments)


def command(server, capsys, *arguments):
    """Run a command of ``ftpstwist``; return exit status, output and errors."""
    status = main([arguments[0], "--socket", str(path_of(server)), *arguments[1:]])
    return status, *capsys.readouterr()


def sessions(server, **fields):
    found = request(server, "sessions")["sessions"]
    return [each for each in found if all(each[name] == value for name, value in fields.items())]


def test_only_root_and_the_server_may_connect(server):
    """The folder is the server's, the socket has mode 0600, and the kernel is asked who it is."""
    assert stat.S_IMODE(path_of(server).stat().st_mode) == 0o600
    assert stat.S_IMODE(path_of(server).parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_strangers_are_refused_by_their_identity(server):
    """Even if modes were wide open: a process of another user gets no answer, and the log names it."""
    log, folder, here = Marked(server), path_of(server).parent, Path.cwd()
    folder.chmod(0o711)
    path_of(server).chmod(0o666)
    os.chdir(folder)  # the folders above are closed to others
    os.seteuid(65534)
    try:
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect("admin.sock")
            assert stranger.recv(99) == b""
    finally:
        os.seteuid(0)
        os.chdir(here)
        path_of(server).chmod(0o600)
        folder.chmod(0o700)
    log.wait_for("a process of user 65534 was refused at the admin socket")


def test_the_operator_sees_who_is_there_and_what_holds_transfers_up(server, capsys):
    """FAQ row «slow transfers»: status and sessions show rate, and whether client, disk or limiter is waited for."""
    with logged_in(server) as client:
        (session,) = sessions(server, doing="idle")
        assert (session["peer"], session["user"], session["logged_in"]) == ("127.0.0.1", "alice", True)
        assert session["tls"]["version"] == "TLSv1.3"
        assert session["path"] is None
        client.code("TYPE I")
        with client.begin("RETR big") as data:
            data.recv(1000)
            eventually(lambda: sessions(server, doing="RETR", waits_for="rate limit"), "the limiter")
            (session,) = sessions(server, doing="RETR")
            assert session["path"] == "/big"
            assert 0 < session["octets"] < 1 << 20
            assert session["octets_per_second"] > 0
            status, out, _ = command(server, capsys, "sessions")
            assert status == 0
            assert re.search(r"^SESSION +PEER +USER", out)
            assert re.search(
                rf"^{session['session']} +127\.0\.0\.1 +alice .* RETR .*/s +rate limit +/big$", out, re.MULTILINE
            )
            assert request(server, "status")["transfers"] == 1
            kicked, out, _ = command(server, capsys, "kick", session["session"])
            assert (kicked, out) == (0, "the session is ended\n")
            assert client.answer().code in {421, 426}
    eventually(lambda: not sessions(server, session=session["session"]), "the end of the session")
    assert command(server, capsys, "kick", session["session"])[::2] == (
        1,
        f"ftpstwist kick: there is no session {session['session']}\n",
    )


def test_status_tells_how_often_sessions_are_resumed(server, capsys):
    """The reuse rate says whether session_reuse could be required."""
    with logged_in(server) as client:
        assert client.download("MLSD")[1].code == 226
    answer = request(server, "status")
    assert answer["resumption_rate"] > 0
    status, out, _ = command(server, capsys, "status")
    assert status == 0
    assert "resumed their TLS session" in out
    assert "is the first to expire" in out
    assert json.loads(command(server, capsys, "status", "--json")[1])["version"]


def test_bans_come_and_go_by_hand(server, capsys):
    """Who is banned loses the sessions it has, and gets no new ones; unban lets it in again at once."""
    with connected(server) as client:
        status, out, _ = command(server, capsys, "ban", "127.0.0.1", "--for", "10m")
        assert status == 0
        assert re.fullmatch(r"127\.0\.0\.1 is banned; (no|\d+) sessions? ended\n", out)
        assert client.answer().code == 421
    with socket.create_connection(("127.0.0.1", server.port()), timeout=10) as refused:
        assert refused.recv(3) == b"421"
    assert "banned: 127.0.0.1 for " in command(server, capsys, "status")[1]
    assert command(server, capsys, "unban", "127.0.0.1")[0] == 0
    with connected(server):
        pass
    assert command(server, capsys, "unban", "127.0.0.1")[::2] == (1, "ftpstwist unban: 127.0.0.1 is not banned\n")
    assert "is no IP address" in command(server, capsys, "ban", "example.org")[2]


def test_reload_tells_what_was_wrong(server, capsys):
    """A bad file is told at once to whoever asked for the reload, and the exit status says so."""
    users = server.folder / "users.toml"
    good = users.read_text()
    status, out, _ = command(server, capsys, "reload")
    assert status == 0
    assert re.search(r"^users: read anew at ", out, re.MULTILINE)
    users.write_text("[users")
    try:
        status, out, _ = command(server, capsys, "reload")
        assert status == 1
        assert "users: not used: " in out
    finally:
        users.write_text(good)
    assert command(server, capsys, "reload")[0] == 0


def test_certificates_are_listed(server, capsys):
    """Expiry is asked of the running server, not of files it may not have taken."""
    status, out, _ = command(server, capsys, "certificates")
    assert status == 0
    assert re.search(r"^DAYS LEFT +UNTIL +WHAT\n[\d.]+ +20\S+ +the certificate of ", out)


@pytest.mark.parametrize(
    "line",
    [b"", b"x", b"[]", b"1", b'{"request": "shell"}', b'{"request": "kick"}', b'{"request": "kick", "x": 1}',
     b'{"request": ["kick"]}', b'{"request": "ban", "address": "::1", "seconds": "x"}',
     b'{"request": "ban", "address": 5}', b'{"request": "ban", "address": "::1", "seconds": -1}'],
)  # fmt: skip
def test_nonsense_is_refused(server, line):
    """A broken client of the socket does no harm."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path_of(server)))
        client.sendall(line + b"\n")
        assert set(json.loads(client.recv(9999))) == {"error"}


def test_a_request_is_short_and_there_are_few(server):
    """Caps: 4 KiB a request, eight connections; the ninth is closed, and the server answers again afterwards."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path_of(server)))
        client.sendall(b"x" * 5000)
        assert client.recv(9) == b""
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(8)]
    for each in crowd:
        each.connect(str(path_of(server)))
    with pytest.raises(AdminError, match=r"refused to talk|no server answers"):
        request(server, "status")
    for each in crowd:
        each.close()
    assert eventually(lambda: _asked(server), "an answer")


def _asked(server):
    try:
        return request(server, "status")
    except AdminError:
        return None


def test_without_a_server_the_command_says_so(tmp_path, capsys):
    """No traceback: a sentence, and the exit status."""
    assert main(["status", "--socket", str(tmp_path / "admin.sock")]) == 1
    assert "does it run?" in capsys.readouterr().err


def test_a_server_that_may_not_write_its_state_serves_all_the_same(tmp_path):
    """The socket is a convenience: without it there is one warning, with the remedy."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "admin.sock").mkdir()
    with running_server(tmp_path) as server:
        assert "admin.sock can not be made" in server.log()
        with connected(server):
            pass


def test_drain_takes_nobody_new_and_lets_the_others_go_on(tmp_path, capsys):
    """Before maintenance: a mirror job in the middle of its files is not interrupted."""
    with running_server(tmp_path) as server, logged_in(server) as client:
        (server.files / "x").write_bytes(b"x")
        status, out, _ = command(server, capsys, "drain")
        assert (status, out) == (0, "no new sessions; 1 session left\n")
        with pytest.raises(ConnectionRefusedError):
            Client("127.0.0.1", server.port())
        assert client.download("MLSD")[1].code == 226
        assert "takes no new sessions" in command(server, capsys, "status")[1]
