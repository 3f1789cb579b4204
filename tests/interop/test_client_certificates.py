"""Clients that log in by certificates made with ``ftpstwist certificate``, and with nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from ftpstwist.cli.main import main
from tests.interop.clients import CLIENTS, Adapter, ClientError, Target
from tests.interop.clients.adapter import ClientCertificate
from tests.interop.conftest import Folder, new_folder, passive_ports, usable
from tests.interop.test_certificates import needs_openssl, s_client
from tests.support.observe import Marked, assert_no_traceback
from tests.support.server import USER, Server, running_server

SHOWING = [adapter for adapter in CLIENTS if "certificate" in adapter.options]
GIVING_UP = [adapter for adapter in SHOWING if adapter.name != "lftp"]
"""lftp tries again for half a minute."""
RULES = '[[accounts.certificates.rules]]\nfield = "subject.CN"\nmatch = "template"\nvalue = "{user}"\n'


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ClientCertificate]:
    """Certificates of two authorities, by the name of the authority."""
    folder = tmp_path_factory.mktemp("authorities")
    return {name: make(folder / name) for name in ("ours", "theirs")}


def make(folder: Path) -> ClientCertificate:
    """Do what the documentation says: an authority, and a certificate for the user."""
    folder.mkdir()
    said = StringIO()
    with redirect_stdout(said):
        assert main(["certificate", "ca", "--out", str(folder), "Test CA"]) == 0
        assert main(["certificate", "client", "--ca", str(folder), "--out", str(folder), USER]) == 0
    password = re.search(r"assword[^:]*: (\S+)", said.getvalue())
    assert password, said.getvalue()
    return ClientCertificate(*(folder / f"{USER}.{ending}" for ending in ("crt", "key", "p12")), password[1])


@pytest.fixture(scope="module")
def server(own: dict[str, ClientCertificate], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes no passwords."""
    authority = own["ours"].certificate.parent / "ca.crt"
    config = f'[tls.clients]\nask = "required"\nauthorities = ["{authority}"]\n{passive_ports()}'
    config += '[accounts.certificates]\nmode = "certificate"\n'
    with running_server(tmp_path_factory.mktemp("interop"), config, tables=RULES) as server:
        yield server
        assert_no_traceback(server)


@pytest.fixture
def folder(server: Server, folder_name: str, tmp_path: Path) -> Folder:
    return new_folder(server, folder_name, tmp_path)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("adapter", SHOWING, ids=lambda adapter: adapter.name)
def test_files_move(adapter: Adapter, version, server: Server, folder: Folder, own):
    """T20, T25: the control connection and every data connection show it, or resume; the password is not looked at."""
    content = bytes(range(256)) * 1000
    (folder.local / "up").write_bytes(content)
    target = Target(server, host="localhost", tls=version, shows=own["ours"])
    names = usable(adapter).perform(
        target,
        ("put", folder.here("up"), folder.path("up")),
        ("list", folder.name),
        ("get", folder.path("up"), folder.here("down")),
    )
    assert names == [["up"]]
    assert (folder.local / "down").read_bytes() == content


@pytest.mark.parametrize("shown", ["theirs", None])
@pytest.mark.parametrize("adapter", GIVING_UP, ids=lambda adapter: adapter.name)
def test_without_the_right_one(adapter: Adapter, shown, server: Server, folder: Folder, own):
    """Of another authority of the same name, or none: nobody gets in, and the log says why."""
    log = Marked(server)
    with pytest.raises(ClientError):
        usable(adapter).perform(Target(server, host="localhost", shows=own.get(shown)), ("list", folder.name))
    if shown is None or adapter.name != "Commons Net":  # which may show nothing then
        told = (
            "no authority of ours vouches for it" if shown else "the client showed no certificate, and one is required"
        )
        log.wait_for(told)
    assert "logged in" not in log.text


@needs_openssl
@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
def test_openssl_by_hand(server: Server, implicit, own):
    """USER is the whole login: 232."""
    shown = own["ours"]
    options = ["-quiet", "-cert", str(shown.certificate), "-key", str(shown.key)]
    options += [] if implicit else ["-starttls", "ftp"]
    output = s_client(Target(server, implicit=implicit), *options, text=[f"USER {USER}", "PWD", "NOOP", "QUIT"])
    assert [line[:3] for line in output.splitlines() if line[:3].isdigit()][-4:] == ["232", "257", "200", "221"]
