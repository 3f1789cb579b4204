"""``ftpstwist user`` from the command line."""

import argparse
import io
import os
import re
import stat
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.task import Clock

from ftpstwist.auth.passwords import PasswordCost, Passwords
from ftpstwist.auth.userfile import UserFile, read_user_file
from ftpstwist.auth.userrecord import CertificateMode, UserFileError
from ftpstwist.cli import user
from ftpstwist.session.identity import Permission, Secret
from ftpstwist.wire.pathname import ROOT, Pathname
from tests.support.authority import issue

CHEAP = PasswordCost(memory_kib=8, iterations=1)
PASSWORDS = Passwords(CHEAP)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "users.toml"


@pytest.fixture
def run(path):
    """Run ``ftpstwist user`` with arguments and with answers to its questions."""

    def run(*arguments, answers=()):
        parser = argparse.ArgumentParser()
        user.add_arguments(parser.add_subparsers(required=True))
        action, *rest = arguments
        questions = iter(answers)
        args = parser.parse_args(["user", action, "--users", str(path), *rest])
        return user.run(args, ask=lambda _: next(questions), cost=CHEAP)

    return run


def password_of(path, name="alice"):
    return read_user_file(path).users[name].password


def test_add_and_log_in(run, path, capsys):
    """A user added on the command line is one the server lets in, and only with that password."""
    assert run("add", "alice", answers=["s3cret ü", "s3cret ü"]) == 0
    users = UserFile(path, clock=Clock())
    users.load()
    assert PASSWORDS.verify(users.find("alice").password, Secret("s3cret ü"))
    assert not PASSWORDS.verify(users.find("alice").password, Secret("s3cret"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "s3cret" not in "".join(capsys.readouterr())


def test_add_with_everything(run, path):
    """Every option arrives in the file."""
    options = [
        "--home=/data/alice",
        "--permissions=read-only",
        "--permissions=/in=create,list",
        "--permissions=/x=y=none",
        "--group=staff",
        "--group=shop",
        "--max-sessions=3",
        "--quota=10 GiB",
        "--upload-rate=5 MB",
        "--download-rate=70000",
        "--max-file-size=none",
        "--disabled",
    ]
    assert run("add", "alice", *options, answers=["x", "x"]) == 0
    alice = read_user_file(path).users["alice"]
    assert alice.home == "/data/alice"
    assert alice.groups == {"staff", "shop"}
    assert alice.disabled
    limits = {"sessions": 3, "quota": 10 << 30, "upload_rate": 5_000_000, "download_rate": 70_000, "file_size": None}
    assert alice.limits == limits
    assert alice.permissions.at(ROOT) == {Permission.READ, Permission.LIST}
    assert alice.permissions.at(Pathname(("in",))) == {Permission.CREATE, Permission.LIST}
    assert alice.permissions.at(Pathname(("x=y",))) == set()


def test_permissions_everywhere(run, path):
    """One rule without a prefix stays a plain list in the file."""
    run("add", "alice", "--permissions=read,list", answers=["x", "x"])
    assert 'permissions = ["read", "list"]' in path.read_text()


def test_passwd(run, path):
    """The new password holds, the old one does not, and all else stays."""
    run("add", "alice", "--home=/a", answers=["old", "old"])
    assert run("passwd", "alice", answers=["new", "new"]) == 0
    assert PASSWORDS.verify(password_of(path), Secret("new"))
    assert read_user_file(path).users["alice"].home == "/a"


def test_password_from_standard_input(run, path, monkeypatch):
    """Scripts hand over a password without showing it to ``ps``; the line end is no part of it, spaces are."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(" pw \xe9 \r\nrest\n".encode("latin-1"))))
    assert run("add", "alice", "--password-stdin") == 0
    assert PASSWORDS.verify(password_of(path), Secret(" pw \udce9 "))


def test_generated_password(run, path, capsys):
    """A generated password is shown once, is long, and works."""
    assert run("add", "alice", "--generate") == 0
    shown = re.fullmatch(r"Password of alice: (\S{20})\n", capsys.readouterr().out)
    assert PASSWORDS.verify(password_of(path), Secret(shown[1]))
    assert run("passwd", "alice", "--generate") == 0
    assert capsys.readouterr().out != shown[0]


def test_no_password_is_shown_for_a_user_that_was_not_added(run, capsys):
    """Nobody writes down a generated password that does not hold."""
    run("add", "alice", "--generate")
    capsys.readouterr()
    assert run("add", "alice", "--generate") == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "answers", "words"),
    [
        (["add", "bob"], ["one", "other"], "The two passwords differ"),
        (["add", "bob"], ["", ""], "An empty password would let nobody in"),
        (["add", "alice"], ["x", "x"], "users.alice: there is such a user already"),
        (["add", "../bob"], ["x", "x"], "a name is no path"),
        (["add", "bob", "--home=data"], ["x", "x"], "users.bob.home: this is no absolute path"),
        (["add", "bob", "--permissions=everything"], ["x", "x"], "users.bob.permissions: these are no permissions"),
        (["add", "bob", "--permissions=all", "--permissions=read"], ["x", "x"], "there are two for /"),
        (["add", "bob", "--quota=much"], ["x", "x"], "users.bob.limits.quota: this is no size"),
        (["add", "bob", "--max-sessions=0"], ["x", "x"], "users.bob.limits.max_sessions"),
        (["passwd", "nobody"], ["x", "x"], "users.nobody: there is no such user"),
        (["remove", "nobody"], [], "users.nobody: there is no such user"),
    ],
)
def test_what_can_not_be_done(run, path, capsys, arguments, answers, words):
    """A mistake is told in words on standard error, with status 1, and changes nothing."""
    run("add", "alice", answers=["x", "x"])
    before = path.read_text()
    assert run(*arguments, answers=answers) == 1
    assert words in capsys.readouterr().err
    assert path.read_text() == before


def test_remove(run, path):
    """A removed user is gone."""
    run("add", "alice", answers=["x", "x"])
    assert run("remove", "alice") == 0
    assert read_user_file(path).users == {}


def test_list(run, path, capsys):
    """The list shows who may log in and how, and no hash."""
    run("add", "bob", "--disabled", answers=["x", "x"])
    run("add", "alice", "--permissions=read-only", "--permissions=/in=list,create", "--quota=1 KiB", answers=["x", "x"])
    old = Passwords(PasswordCost(memory_kib=16, iterations=1)).hash_password(Secret("x"))
    path.write_text(path.read_text() + f'[users.carl]\nhome = "/c"\npassword = "{old}"\n[users.dora]\n')
    capsys.readouterr()
    assert run("list") == 0
    assert capsys.readouterr().out.splitlines() == [
        "NAME   PASSWORD  HOME        PERMISSIONS                  LIMITS",
        "alice  set       (template)  /=read-only /in=create,list  quota=1024",
        "bob    disabled  (template)  (default)                    (default)",
        "carl   old cost  /c          (default)                    (default)",
        "dora   none      (template)  (default)                    (default)",
    ]


@pytest.mark.parametrize("action", [["list"], ["passwd", "x", "--generate"], ["remove", "x"]])
def test_missing_file(run, path, capsys, action):
    """A wrong path is told; no file is made where there was none."""
    assert run(*action) == 1
    assert "it can not be read: No such file or directory" in capsys.readouterr().err
    assert not path.exists()


def test_missing_folder(run, path, capsys, monkeypatch):
    """The same for the first user in a folder that does not exist."""
    path = path / "deeper" / "users.toml"
    assert run("add", "alice", f"--users={path}", answers=["x", "x"]) == 1
    assert f"{path} can not be changed: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, EOFError])
def test_interrupted(run, path, capsys, monkeypatch, interruption):
    """Control-C at the question changes nothing and shows no traceback."""

    def interrupt():
        raise interruption
        yield

    assert run("add", "alice", answers=interrupt()) == 1
    assert "Nothing was changed" in capsys.readouterr().err
    assert not path.exists()


def test_a_password_is_never_an_argument(run, capsys):
    """There is no option that would show a password to everybody on the host."""
    with pytest.raises(SystemExit):
        run("add", "alice", "--password", "x")
    with pytest.raises(SystemExit):
        run("add", "alice", "--generate", "--password-stdin")


def test_the_question_is_asked_on_the_terminal(path):
    """Without other options the password is asked for twice, without being shown."""
    code = (
        "import argparse; from ftpstwist.cli import user; p = argparse.ArgumentParser();"
        "user.add_arguments(p.add_subparsers()); raise SystemExit(user.run(p.parse_args()))"
    )
    controller, terminal = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", code, "user", "add", "--users", str(path), "alice"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        cwd=os.getcwd(),
    )
    os.close(terminal)
    shown = b""
    for prompt in (b"New password of alice: ", b"Again: "):
        while prompt not in shown:
            shown += os.read(controller, 1000)
        os.write(controller, b"pass-phrase\n")
    assert child.wait(20) == 0
    shown += os.read(controller, 1000)
    os.close(controller)
    assert b"pass-phrase" not in shown
    assert Passwords().verify(password_of(path), Secret("pass-phrase"))


def test_a_certificate_instead_of_a_password(run, path, tmp_path, capsys):
    """The certificate in the file is the user's, whatever stands behind it; nobody is asked for a password."""
    alice, bob = issue("alice"), issue("bob")
    (tmp_path / "bob.der").write_bytes(bob.certificate.public_bytes(Encoding.DER))
    assert run("add", "alice", "--certificate", str(alice.write(tmp_path, "a")), "--home", "/srv/a") == 0
    record = read_user_file(path).users["alice"]
    assert (record.password, record.home, record.certificate_mode) == (None, "/srv/a", CertificateMode.CERTIFICATE)
    assert record.certificates == {f"sha256:{alice.fingerprint}"}
    options = ["--certificate", str(tmp_path / "bob.der"), "--certificate", str(tmp_path / "a.pem"), "--generate"]
    assert run("add", "bob", *options) == 0
    both = read_user_file(path).users["bob"]
    assert (len(both.certificates), both.certificate_mode, both.password is None) == (2, None, False)
    capsys.readouterr()
    assert run("list") == 0
    assert re.search("^alice +certificate ", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(("content", "told"), [(None, "can not be read"), ("nonsense", "holds no certificate")])
def test_a_file_without_a_certificate(run, path, tmp_path, capsys, content, told):
    """The user is not added, and the file is named."""
    file = tmp_path / "file"
    if content is not None:
        file.write_text(content)
    assert run("add", "alice", "--certificate", str(file)) == 1
    assert f"{file} {told}" in capsys.readouterr().err
    assert not path.exists()


def test_totp_gives_a_secret_and_shows_it_for_an_app(run, path, capsys, monkeypatch):
    """As a URI, and as a QR code where the package for it is; a second call makes another."""
    run("add", "alice", "--generate")
    capsys.readouterr()
    assert run("totp", "alice", "--issuer", "My FTP") == 0
    secret = read_user_file(path).users["alice"].totp
    shown = capsys.readouterr().out
    assert shown.startswith(f"otpauth://totp/My%20FTP:alice?secret={secret}&issuer=My%20FTP\n")
    assert len(secret) == 32
    run("list")
    assert "set, code" in capsys.readouterr().out
    monkeypatch.setattr("ftpstwist.cli.user.find_spec", lambda _: None)
    assert run("totp", "alice") == 0
    assert read_user_file(path).users["alice"].totp != secret
    assert "ftpstwist[qr]" in capsys.readouterr().err


def test_totp_can_be_taken_away(run, path, capsys):
    """For who has lost the phone; a name that is not there is told."""
    run("add", "alice", "--generate")
    run("totp", "alice")
    assert run("totp", "alice", "--off") == 0
    assert read_user_file(path).users["alice"].totp is None
    assert run("totp", "bob") == 1
    assert "there is no such user" in capsys.readouterr().err


@pytest.mark.parametrize("secret", ["short", "JBSWY3DPEHPK3PXP", "1" * 32, 7])
def test_secrets_that_are_none_are_refused(path, secret):
    """Base 32, and no fewer than 128 bits."""
    path.write_text(f"[users.alice]\ntotp = {secret!r}\n")
    path.chmod(0o600)
    with pytest.raises(UserFileError, match="no secret of codes"):
        read_user_file(path)
