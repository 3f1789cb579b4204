"""Password files of other servers, made by their own programs where they are here."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from ftpstwist.auth.passwordfile import CHECK_SECONDS, PasswordFile
from ftpstwist.auth.sources import HashedAccounts, SourceChecker
from tests.auth.neighbours import PASSWORDS, HereThreads
from tests.contracts.checkers import PASSWORD, USER, CheckerContract, ask

otherhashes = pytest.importorskip("passlib.hash")

HASH = otherhashes.sha512_crypt.using(rounds=1000).hash(PASSWORD)


def checker_of(file, clock=None, **settings):
    users = PasswordFile(file, clock=clock or Clock(), **{"group_file": None, "homes": True} | settings)

    async def find(name):
        return users.find(name)

    return SourceChecker(HashedAccounts("the password file", find, passwords=PASSWORDS, threads=HereThreads()))


class TestPasswordFile(CheckerContract):
    def make_checker(self, folder):
        (folder / "passwords").write_text(f"# comment\n\n{USER}:{HASH}\n")
        return checker_of(folder / "passwords")


@pytest.mark.skipif(shutil.which("htpasswd") is None, reason="no htpasswd on this machine")
@pytest.mark.parametrize("option", ["-B", "-5"])
def test_what_htpasswd_makes_is_read(tmp_path, option):
    """bcrypt, and SHA-crypt where htpasswd knows it."""
    made = subprocess.run(
        ["htpasswd", "-nb", option, USER, "secret"], capture_output=True, text=True, check=False, timeout=30
    )
    if made.returncode:
        pytest.skip(f"htpasswd does not know {option}")
    (tmp_path / "htpasswd").write_text(made.stdout)
    assert ask(checker_of(tmp_path / "htpasswd"), USER, "secret") == USER.encode()


def test_homes_and_groups_of_other_servers_are_read(tmp_path):
    """Lines as ProFTPD and pure-ftpd have them; homes only if that is asked for."""
    (tmp_path / "passwd").write_text(
        f"alice:{HASH}:1001:1001::/srv/ftp/alice:/bin/false\nbob:{HASH}:1:1::/srv/ftp/bob/./::::::::::::\n"
    )
    (tmp_path / "group").write_text("staff:x:100:alice,bob\neditors:x:101:alice\n")
    checker = checker_of(tmp_path / "passwd", group_file=tmp_path / "group")
    alice, bob = (ask(checker, name, PASSWORD).record for name in ("alice", "bob"))
    assert (alice.home, alice.groups) == ("/srv/ftp/alice", {"staff", "editors"})
    assert (bob.home, bob.groups) == ("/srv/ftp/bob", {"staff"})
    assert ask(checker_of(tmp_path / "passwd", homes=False), "bob", PASSWORD).record.home is None


def test_a_changed_file_counts_and_a_lost_one_does_not(tmp_path):
    """Users come and go without a restart; a mistake with the file locks nobody out."""
    clock, file = Clock(), tmp_path / "passwords"
    file.write_text(f"{USER}:{HASH}\n")
    checker = checker_of(file, clock)
    ask(checker, USER, PASSWORD)
    file.write_text(f"{USER}:{HASH}\nbob:{HASH}\n")
    clock.advance(CHECK_SECONDS)
    assert ask(checker, "bob", PASSWORD) == b"bob"
    file.unlink()
    clock.advance(CHECK_SECONDS)
    with capturedLogs() as logs:
        assert ask(checker, "bob", PASSWORD) == b"bob"
    assert "stay as they were" in logs[0]["log_format"]


def test_lines_that_are_no_users_are_left_out(tmp_path):
    """And told, by their number; the others count."""
    file = tmp_path / "passwords"
    file.write_text(f"nonsense\n../x:{HASH}\n{USER}:{HASH}\n")
    with capturedLogs() as logs:
        assert ask(checker_of(file), USER, PASSWORD)
    assert [each["line"] for each in logs if "line" in each] == [1, 2]
