"""Accounts of PAM: the real libpam with a service of the test's own, and the real passwd database."""

from __future__ import annotations

import pwd

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.task import Clock

from ftpstwist.auth.credentials import PasswordLogin
from ftpstwist.auth.sources import BoundedCalls, SourceChecker
from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.session.identity import Secret
from tests.auth.neighbours import HereThreads, Running
from tests.contracts.checkers import PASSWORD, USER, CheckerContract, ask, asking, come_of
from tests.support.pam import PamService, pam_is_here

pytest.importorskip("pamela")
from ftpstwist.auth.pam import PamAccounts, PamSettings

pytestmark = pam_is_here

NOBODY = pwd.getpwnam("nobody")


def accounts_of(service, **settings):
    return PamAccounts(
        PamSettings(**{"folder": service.services, "known_only": False} | settings),
        calls=BoundedCalls("PAM", threads=HereThreads(), clock=Clock(), at_once=2, seconds=5),
    )


def checker_of(service, **settings):
    return SourceChecker(accounts_of(service, **settings))


def login(user="nobody", password="secret"):
    return PasswordLogin(user.encode(), Secret(password), "192.0.2.7")


@pytest.fixture
def service(tmp_path):
    """Knows two users of the machine, by the password ``secret``."""
    return PamService(tmp_path / "pam", nobody="secret", root="secret")


class TestPamChecker(CheckerContract):
    def make_checker(self, folder):
        return checker_of(PamService(folder / "pam", **{USER: PASSWORD}))


def refusal_of(checker, user="nobody", password="secret"):
    with pytest.raises(UnauthorizedLogin) as refused:
        ask(checker, user, password)
    return str(refused.value)


def test_the_account_is_asked_about_too(service):
    """An account that has expired stays out with the right password; PAM learns where the client is."""
    assert ask(checker_of(service), "nobody", "secret") == b"nobody"
    assert service.asked == ["auth nobody 192.0.2.7", "account nobody 192.0.2.7"]
    service.set_mark("expired")
    assert "PAM" in refusal_of(checker_of(service))


def test_the_passwd_database_gives_home_and_groups(service):
    """A user of the machine needs no entry in the users file."""
    record = ask(checker_of(service, known_only=True, home=True, minimum_uid=0), "nobody", "secret").record
    assert (record.name, record.home) == ("nobody", NOBODY.pw_dir)
    assert record.groups == {"nogroup"}
    bare = ask(checker_of(service, groups=False), "nobody", "secret").record
    assert (bare.home, bare.groups) == (None, frozenset())


@pytest.mark.parametrize(
    ("user", "settings", "cause"),
    [
        ("root", {"minimum_uid": 0}, "root may not log in"),
        ("root", {"allow_root": True}, "user number 0 is below 1000"),
        ("nobody", {"minimum_uid": NOBODY.pw_uid + 1}, "system account"),
        ("nobody", {"valid_shell": True}, "/nologin' is not in"),
    ],
)
def test_who_is_no_person_stays_out(service, user, settings, cause):
    """Root, system accounts and accounts without a shell may not log in, though the password is right."""
    assert cause in refusal_of(checker_of(service, known_only=True, **settings), user)


def test_root_gets_in_where_both_settings_say_so(service):
    """Somebody wants that; it takes two decisions."""
    assert ask(checker_of(service, allow_root=True, minimum_uid=0), "root", "secret") == b"root"


def test_a_user_of_pam_alone_is_refused_unless_told_otherwise(tmp_path):
    """The passwd database is what keeps names of other services out."""
    service = PamService(tmp_path / "pam", ghost="boo")
    assert "passwd database" in refusal_of(checker_of(service, known_only=True), "ghost", "boo")
    assert ask(checker_of(service), "ghost", "boo").record.home is None


def test_shells_are_read_from_the_list_of_the_system(service, tmp_path):
    """Comments and blank lines in it are none."""
    shells = tmp_path / "shells"
    shells.write_text(f"# valid\n\n{NOBODY.pw_shell}\n")
    assert ask(checker_of(service, valid_shell=True, shells=shells), "nobody", "secret")
    shells.unlink()
    error = come_of(asking(checker_of(service, valid_shell=True, shells=shells), "nobody", "secret")).value
    assert (error.kind, str(shells) in error.cause) == (ErrorKind.LOGIN_UNAVAILABLE, True)


@pytest.mark.parametrize("text", ["auth required pam_of_nobody.so\n", ""])
def test_a_broken_service_is_neither_yes_nor_no(service, text):
    """A module that is missing lets nobody in, and counts nobody as a guesser."""
    service.write(text)
    error = come_of(asking(checker_of(service), "nobody", "secret")).value
    assert isinstance(error, FtpError | UnauthorizedLogin)
    assert "PAM" in str(error)


def test_a_failure_holds_no_thread(service):
    """The pause that a module asks for is the defence's: four wrong passwords would keep everybody else waiting."""
    service.write("auth optional pam_faildelay.so delay=20000000\nauth required pam_deny.so\n")
    assert "PAM" in refusal_of(checker_of(service))


def test_services_of_the_system_are_the_usual_ones():
    """Without a folder PAM looks where it always does; a service without a file is what ``other`` says: no."""
    calls = BoundedCalls("PAM", threads=HereThreads(), clock=Clock(), at_once=2, seconds=5)
    source = PamAccounts(PamSettings(service="ftpstwist-without-file"), calls=calls)
    assert "PAM" in str(come_of(asking(SourceChecker(source), "nobody", "secret")).value)


def test_a_folder_that_is_not_there_is_told(service):
    """A typing error in the setting ends in a refusal that says PAM."""
    error = come_of(asking(checker_of(service, folder=service.folder / "none"), "nobody", "secret")).value
    assert "PAM" in str(error)


def test_a_session_lasts_as_long_as_the_login(service):
    """Modules that make homes or keep records see the beginning and the end, each once."""
    accounts = accounts_of(service, session=True)
    record = Running(accounts.check(login())).result
    end = Running(accounts.begin_use(record, login())).result
    assert service.asked[2:] == ["open_session nobody 192.0.2.7"]
    end()
    assert service.asked[3:] == ["close_session nobody 192.0.2.7"]
    assert Running(accounts_of(service).begin_use(record, login())).result is None


def test_a_session_that_is_refused_is_no_login(service):
    """Nothing is left open behind it."""
    service.set_mark("no-session")
    accounts = accounts_of(service, session=True)
    record = Running(accounts.check(login())).result
    error = Running(accounts.begin_use(record, login())).error
    assert (error.kind, "no session" in error.cause) == (ErrorKind.LOGIN_UNAVAILABLE, True)
    assert len(service.asked) == 3


def test_nothing_but_its_answer_comes_out_of_a_conversation(service, capfd):
    """Neither prompts nor passwords end up on the terminal the server was started from."""
    ask(checker_of(service), "nobody", "secret")
    refusal_of(checker_of(service), password="open-sesame")
    assert capfd.readouterr() == ("", "")
