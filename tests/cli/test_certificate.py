"""``ftpstwist certificate``: from nothing to certificates for a server and its users, without another program."""

from __future__ import annotations

import stat
import tomllib
from datetime import UTC, datetime
from io import BytesIO, TextIOWrapper

import pytest
from cryptography import x509

from ftpstwist.cli.main import main
from ftpstwist.session.identity import Secret
from ftpstwist.tls.certificate import load_pair
from ftpstwist.tls.description import describe
from ftpstwist.tls.own_authority import read_crl


def certificate(*arguments) -> int:
    return main(["certificate", *map(str, arguments)])


@pytest.fixture
def ca(tmp_path):
    assert certificate("ca", "Example CA", "--out", tmp_path / "ca") == 0
    return tmp_path / "ca"


def now():
    return datetime.now(UTC)


def test_self_signed_pair_is_ready_for_the_configuration(tmp_path, capsys):
    """What is printed can be pasted, and what it names can be loaded."""
    assert certificate("self-signed", "ftp.example.org", "127.0.0.1", "--days", 30, "--out", tmp_path) == 0
    printed = capsys.readouterr().out
    snippet = printed[printed.index("[[tls") :].partition("\n\n")[0]
    entry = tomllib.loads(snippet)["tls"]["certificates"][0]
    pair = load_pair(tmp_path / entry["certificate"], tmp_path / entry["key"], now=now())
    assert pair.server_names == ("ftp.example.org",)
    assert (pair.leaf.not_valid_after_utc - now()).days == 29


def test_authority_signs_for_server_and_user(ca, tmp_path, capsys):
    """Keys are their owner's alone; the password of the .p12 is shown once and opens it."""
    assert certificate("server", "--ca", ca, "*.example.org", "--out", tmp_path) == 0
    pair = load_pair(tmp_path / "wildcard.example.org.crt", tmp_path / "wildcard.example.org.key", now=now())
    assert not pair.complaints
    capsys.readouterr()
    assert certificate("client", "--ca", ca, "alice", "--email", "a@example.org", "--out", tmp_path) == 0
    password = capsys.readouterr().out.partition("Password of alice.p12: ")[2].split()[0]
    assert len(describe((tmp_path / "alice.p12").read_bytes(), Secret(password), now=now())) == 3
    for name in ("alice.key", "alice.p12", "wildcard.example.org.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_password_can_be_given(ca, tmp_path, monkeypatch, capsys):
    """A chosen password comes by standard input and is not shown; an empty one is refused."""
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"open sesame\n")))
    assert certificate("client", "--ca", ca, "alice", "--password-stdin", "--out", tmp_path) == 0
    assert "sesame" not in capsys.readouterr().out
    assert describe((tmp_path / "alice.p12").read_bytes(), Secret("open sesame"), now=now())
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"\n")))
    assert certificate("client", "--ca", ca, "bob", "--password-stdin", "--out", tmp_path) == 1
    assert "empty password" in capsys.readouterr().err
    assert not list(tmp_path.glob("bob*"))


@pytest.mark.parametrize("action", [["self-signed", "x"], ["ca", "x"], ["server", "x"], ["client", "x"]])
def test_nothing_is_overwritten(ca, action, capsys):
    """Doing it twice by mistake loses no key."""
    options = ["--out", ca / "out"] + (["--ca", ca] if action[0] in {"server", "client"} else [])
    assert certificate(*action, *options) == 0
    before = {path: path.read_bytes() for path in (ca / "out").iterdir()}
    assert certificate(*action, *options) == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (ca / "out").iterdir()} == before


def test_revoke_and_renew(ca, tmp_path, capsys):
    """A lost laptop is one command; the list is renewed by another."""
    assert certificate("client", "--ca", ca, "alice", "--out", tmp_path) == 0
    assert certificate("revoke", "--ca", ca, tmp_path / "alice.crt") == 0
    assert certificate("crl", "--ca", ca, "--days", 7) == 0
    crl = read_crl(ca / "ca.crl")
    serial = x509.load_pem_x509_certificate((tmp_path / "alice.crt").read_bytes()).serial_number
    assert [entry.serial_number for entry in crl] == [serial]
    assert (crl.next_update_utc - now()).days == 6
    capsys.readouterr()
    assert certificate("revoke", "--ca", ca, ca / "ca.key") == 1
    assert capsys.readouterr().err


def test_show(ca, tmp_path, capsys):
    """Names, expiry and fingerprint of every file at once; an unknown file is named."""
    assert certificate("show", *sorted(ca.iterdir())) == 0
    printed = capsys.readouterr().out
    assert printed.count("CN=Example CA") == 2
    assert "days left" in printed
    (tmp_path / "x").write_bytes(b"nothing")
    assert certificate("show", tmp_path / "x") == 1
    assert str(tmp_path / "x") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["server", "--ca", "nowhere", "a"], "nowhere/ca.crt"),
        (["self-signed", "a..b"], "can not be in a certificate"),
        (["show", "nowhere"], "nowhere"),
    ],
)
def test_errors_have_no_traceback(arguments, words, capsys, tmp_path, monkeypatch):
    """A mistake is one line."""
    monkeypatch.chdir(tmp_path)
    assert certificate(*arguments) == 1
    assert words in capsys.readouterr().err
