"""Clients that stop in the middle, die, never read, or never say goodbye."""

from __future__ import annotations

import ftplib
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.interop.clients import Target
from tests.interop.clients.adapter import run
from tests.interop.clients.curl import Curl, curl_command, url
from tests.interop.clients.lftp import Lftp, quoted
from tests.interop.clients.python_ftplib import connected_ftplib
from tests.interop.conftest import Folder, new_folder, usable
from tests.support.client import logged_in, tls_context
from tests.support.observe import assert_no_traceback, events, eventually
from tests.support.server import PASSWORD, USER, Server, running_server

BIG = 64 << 20
LENIENT = '[policy]\nupload_close_notify = "lenient"\n[transfer]\nstall_timeout = 1\n'


@pytest.fixture(scope="module")
def lenient_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes uploads without close_notify, and gives up quickly on who neither reads nor writes."""
    with running_server(tmp_path_factory.mktemp("lenient"), LENIENT) as server:
        yield server
        assert_no_traceback(server)


@pytest.fixture
def lenient_folder(lenient_server: Server, folder_name: str, tmp_path: Path) -> Folder:
    return new_folder(lenient_server, folder_name, tmp_path)


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_abor_in_a_download(tls, implicit, server: Server, folder: Folder):
    """Ftplib's abort() ends a download in the middle; the session goes on."""
    _make_big(folder.remote / "big")
    with connected_ftplib(Target(server, tls=tls, implicit=implicit), resumes=True) as ftp:
        ftp.voidcmd("TYPE I")
        with ftp.transfercmd(f"RETR {folder.path('big')}") as data:
            assert data.recv(65536)
            assert ftp.abort().startswith("426")
            assert ftp.voidresp().startswith("226")
        assert ftp.nlst(folder.name) == [folder.path("big")]


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_abor_in_an_upload(tls, server: Server, folder: Folder):
    """The same in an upload: a file that was there stays as it was."""
    (folder.remote / "file").write_bytes(b"old")
    with connected_ftplib(Target(server, tls=tls), resumes=True) as ftp:
        ftp.voidcmd("TYPE I")
        with ftp.transfercmd(f"STOR {folder.path('file')}") as data:
            data.sendall(b"new" * 100_000)
            assert ftp.abort().startswith("426")
            assert ftp.voidresp().startswith("226")
        assert ftp.size(folder.path("file")) == 3
    assert (folder.remote / "file").read_bytes() == b"old"


class _Rude(ftplib.FTP_TLS):
    """A client that ends data connections with FIN only, as many did once."""

    def upload(self, path: str, octets: bytes) -> str:
        self.voidcmd("TYPE I")
        with self.transfercmd(f"STOR {path}") as data:
            data.sendall(octets)
        return self.voidresp()


def test_without_close_notify(server: Server, folder: Folder):
    """Nobody knows whether the upload is whole, so it is not said to be; what came is kept for a resumption."""
    with _rude(server) as ftp:
        with pytest.raises(ftplib.error_temp, match=r"426 .*close_notify.*5000 octets were kept"):
            ftp.upload(folder.path("file"), b"x" * 5000)
    assert (folder.remote / "file").read_bytes() == b"x" * 5000


def test_without_close_notify_where_it_is_allowed(lenient_server: Server, lenient_folder: Folder):
    """The operator may decide to trust such clients."""
    with _rude(lenient_server) as ftp:
        assert ftp.upload(lenient_folder.path("file"), b"x" * 5000).startswith("226")
    assert (lenient_folder.remote / "file").read_bytes() == b"x" * 5000


def test_a_client_that_never_reads(lenient_server: Server, lenient_folder: Folder):
    """It holds up nobody else, and is given up in time."""
    _make_big(lenient_folder.remote / "big")
    (lenient_folder.remote / "small").write_bytes(b"small")
    with logged_in(lenient_server) as deaf, closing(deaf.begin(f"RETR {lenient_folder.path('big')}")):
        with logged_in(lenient_server) as other:
            assert other.download(f"RETR {lenient_folder.path('small')}")[0] == b"small"
        answer = deaf.answer()
    assert answer.code == 426
    assert "stalled" in answer.text


def test_killed_in_an_upload(server: Server, folder: Folder):
    """What a killed client has sent is kept, and the next one goes on from there."""
    usable(Curl())
    content = os.urandom(6 << 20)
    (folder.local / "file").write_bytes(content)
    remote = url(Target(server), folder.path("file"))
    with subprocess.Popen([*curl_command(Target(server)), "--upload-file", "-", remote], stdin=subprocess.PIPE) as curl:
        curl.stdin.write(content[: 5 << 20])
        curl.stdin.flush()
        curl.kill()
    [broken] = eventually(lambda: events(server, "file_transferred", path=f"/{folder.path('file')}"))
    assert not broken["complete"]
    assert 0 < broken["octets"] == (folder.remote / "file").stat().st_size
    run([*curl_command(Target(server)), "--continue-at", "-", "--upload-file", folder.here("file"), remote])
    assert (folder.remote / "file").read_bytes() == content


@pytest.mark.parametrize("program", ["curl", "lftp"])
def test_killed_in_a_download(program, server: Server, folder: Folder):
    """The server notices, and lets go of everything it held for the client."""
    usable({"curl": Curl(), "lftp": Lftp()}[program])
    _make_big(folder.remote / "big")
    before = _sockets(server)
    target, got = Target(server), folder.local / "got"
    if program == "curl":
        slow = [*curl_command(target), "--limit-rate", "1M", "--output", str(got), url(target, folder.path("big"))]
    else:
        commands = [
            "set net:limit-rate 1M",
            f"set ssl:ca-file {quoted(str(target.certificate))}",
            f"open -u {USER},{quoted(PASSWORD)} ftp://{target.authority}",
            f"get /{folder.path('big')} -o {quoted(str(got))}",
        ]
        slow = ["lftp", "--norc", "-c", "; ".join(commands)]
    with subprocess.Popen(slow, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
        eventually(lambda: got.exists() and got.stat().st_size, "the download")
        client.kill()
    [broken] = eventually(lambda: events(server, "file_transferred", path=f"/{folder.path('big')}"))
    assert not broken["complete"]
    eventually(lambda: _sockets(server) <= before, "an end of its connections")


def _rude(server: Server) -> _Rude:
    target = Target(server)
    ftp = _Rude(context=tls_context(), timeout=15)
    ftp.connect(target.host, target.port)
    ftp.login(USER, PASSWORD)
    ftp.prot_p()
    return ftp


def _sockets(server: Server) -> int:
    """Count the sockets the server has open."""
    descriptors = Path(f"/proc/{server.process.pid}/fd").iterdir()
    return sum(os.path.basename(os.path.realpath(each)).startswith("socket:") for each in descriptors)


def _make_big(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(BIG)
