"""Logging in through the front of twisted.cred: outcomes, times, caps, and what is never told."""

import pytest
from argon2.exceptions import VerificationError
from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.cred.strcred import makeChecker
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, eventAsText, formatEvent
from zope.interface import implementer

from ftpstwist.auth.authenticator import LoginSettings, PortalAuthenticator
from ftpstwist.auth.checkers import ChainChecker, UserFileChecker
from ftpstwist.auth.credentials import credentials_for
from ftpstwist.auth.defender import DefenceSettings, Defender
from ftpstwist.auth.realm import Account, AnonymousSettings, Realm, RealmSettings
from ftpstwist.interfaces import ErrorKind, FtpError, IAccount, LoginRequest
from ftpstwist.session.events import TlsFacts
from ftpstwist.session.identity import Identity, Secret
from tests.auth.neighbours import HASH, PASSWORDS, RIGHT, Files, HeldThreads, HereThreads, Running, load_users

USERS = f"""
    [users.alice]
    password = "{HASH}"
    limits = {{ max_sessions = 2 }}

    [users.bob]
    password = "{HASH}"
"""
EVIL, GOOD = "192.0.2.66", "198.51.100.7"


class House:
    """Everything behind an authenticator, with time and threads in the test's hand."""

    def __init__(self, folder, *, checkers=(), realm=None, threads=None, login=None, defence=None, **realm_settings):
        self.clock = Clock()
        self.threads = threads or HereThreads()
        users = load_users(folder / "users.toml", USERS, self.clock)
        self.realm = realm or Realm(
            RealmSettings(**realm_settings), find_user=users.find, make_filesystem=Files, threads=HereThreads()
        )
        own = UserFileChecker(users, passwords=PASSWORDS, threads=self.threads)
        self.defender = Defender(clock=self.clock, settings=defence)
        portal = Portal(self.realm, [ChainChecker(checkers or [own])])
        self.authenticator = PortalAuthenticator(portal, defender=self.defender, clock=self.clock, settings=login)

    def login(self, user="alice", password=RIGHT, peer=GOOD):
        return Running(self.authenticator.login(LoginRequest(user, Secret(password), peer, None)))

    def fail(self, times, peer=EVIL, user="alice"):
        for _ in range(times):
            attempt = self.login(user, "guess", peer)
            self.clock.advance(5)
            assert attempt.error.kind is ErrorKind.LOGIN_REFUSED


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@implementer(ICredentialsChecker)
class TestedChecker:
    """A checker whose answers the test gives."""

    __test__ = False
    credentialInterfaces = (IUsernamePassword,)  # noqa: N815

    def __init__(self):
        self.asked = []
        self.answers = []

    def requestAvatarId(self, credentials):
        self.asked.append(credentials)
        self.answers.append(Deferred())
        return self.answers[-1]


def kind(attempt):
    assert isinstance(attempt.error, FtpError), attempt.error
    return attempt.error.kind


# --- outcomes -------------------------------------------------------------------------------------


def test_the_right_password(house):
    """A login gives identity, files and the way out, at once."""
    account = house.login().result
    assert account.identity.user == "alice"
    assert account.filesystem == Files(account.identity, "/srv/ftp/alice")
    assert account.method == "password"


def test_logout_counts_once(house):
    """Sessions are counted until their one logout, however often it is called."""
    first = house.login().result
    assert house.login().result
    assert kind(house.login()) is ErrorKind.TOO_MANY_SESSIONS
    first.logout()
    first.logout()
    assert house.login().result
    assert kind(house.login()) is ErrorKind.TOO_MANY_SESSIONS


def test_checkers_see_the_connection(tmp_path):
    """A checker can look at address and protection, as a second factor."""
    checker, facts = TestedChecker(), TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    house = House(tmp_path, checkers=[checker])
    Running(house.authenticator.login(LoginRequest("x\udce9", Secret("x\udcff"), GOOD, facts)))
    (login,) = checker.asked
    assert (login.username, login.password, login.peer, login.tls) == (b"x\xe9", b"x\xff", GOOD, facts)
    assert login.checkPassword(b"x\xff")
    assert not login.checkPassword(b"x")


@pytest.mark.parametrize("plugin", ["memory", "file"])
def test_stock_plugins_log_in(tmp_path, plugin):
    """``--auth memory:`` and ``--auth file:`` work with passwords in octets."""
    (tmp_path / "passwords").write_text("carol:pw ü\n", encoding="utf-8")
    argument = "carol:pw ü" if plugin == "memory" else str(tmp_path / "passwords")
    house = House(tmp_path, checkers=[makeChecker(f"{plugin}:{argument}")], admit_unlisted=True)
    assert house.login("carol", "pw ü").result.identity.user == "carol"
    refused = house.login("carol", "pw u")
    house.clock.advance(1)
    assert kind(refused) is ErrorKind.LOGIN_REFUSED


def test_anonymous(tmp_path):
    """``anonymous`` and ``ftp``, in any case, with any password or none, where there is such an account."""
    house = House(tmp_path, checkers=[AllowAnonymousAccess()], anonymous=AnonymousSettings(root="/pub"))
    for name, password in (("anonymous", "me@example.org"), ("ftp", ""), ("Anonymous", "-x")):
        account = house.login(name, password).result
        assert account.method == "anonymous"
        assert account.identity.anonymous
        assert account.filesystem.home == "/pub"


def test_anonymous_is_off(house):
    """Without an anonymous checker these are names like any other: refused like any other."""
    attempts = [house.login(name, "me@example.org") for name in ("anonymous", "ftp", "nobody")]
    house.clock.advance(5)
    assert {kind(attempt) for attempt in attempts} == {ErrorKind.LOGIN_REFUSED}
    assert len({attempt.error.cause for attempt in attempts}) == 1


def test_an_empty_password_never_counts(tmp_path):
    """Not even a checker that says yes to everything lets in somebody without a password."""
    checker = TestedChecker()
    house = House(tmp_path, checkers=[checker], admit_unlisted=True)
    attempt = house.login("alice", "")
    house.clock.advance(1)
    assert (kind(attempt), attempt.error.cause) == (ErrorKind.LOGIN_REFUSED, "empty password")
    assert not checker.asked


def test_a_realm_may_deny(tmp_path):
    """LoginDenied, and a user disabled after the check, are refusals like a wrong password: delayed and counted."""
    checker = TestedChecker()
    house = House(tmp_path, checkers=[checker])
    denied, unlisted = house.login(), house.login("zoe")
    checker.answers[0].errback(LoginDenied("not on Sundays"))
    checker.answers[1].callback(b"zoe")
    assert not denied.done
    assert not unlisted.done
    house.clock.advance(2)
    assert (kind(denied), denied.error.cause) == (ErrorKind.LOGIN_REFUSED, "LoginDenied: not on Sundays")
    assert kind(unlisted) is ErrorKind.LOGIN_REFUSED


def test_a_home_that_can_not_be_opened(tmp_path):
    """An error of the storage is the server's fault, not the user's: no failure is counted, the log knows the cause."""

    def fail(identity, home):
        raise FtpError(ErrorKind.NOT_FOUND, f"{home} is not there")

    checker = TestedChecker()
    realm = Realm(RealmSettings(admit_unlisted=True), find_user={}.get, make_filesystem=fail, threads=HereThreads())
    house = House(tmp_path, checkers=[checker], realm=realm)
    attempt = house.login()
    with capturedLogs() as logs:
        checker.answers[0].callback(b"alice")
    assert kind(attempt) is ErrorKind.LOGIN_UNAVAILABLE
    assert "/srv/ftp/alice is not there" in attempt.error.cause
    assert "/srv/ftp/alice is not there" in formatEvent(logs[0])
    assert house.defender.failed(GOOD, "alice") == 1


# --- times ----------------------------------------------------------------------------------------


def test_refusals_take_longer_and_longer(house):
    """RFC 2577 section 5: 1, 2, 4, 5 and 5 seconds; a success in between takes no time."""
    for delay in (1, 2, 4, 5, 5):
        attempt = house.login(password="guess")
        house.clock.advance(delay - 0.01)
        assert not attempt.done
        house.clock.advance(0.01)
        assert kind(attempt) is ErrorKind.LOGIN_REFUSED
        house.login().result.logout()


def test_unknown_names_can_not_be_told(tmp_path):
    """K7: same kind, same words and same second for known and unknown names, however long the check took."""
    told = {}
    for user, check_seconds in (("alice", 0.75), ("nobody", 0.0)):
        house = House(tmp_path, threads=HeldThreads())
        attempts = []
        for _ in range(3):
            attempt = house.login(user, "guess")
            house.clock.advance(check_seconds)
            house.threads.release()
            seconds = check_seconds
            while not attempt.done and seconds < 10:
                house.clock.advance(0.125)
                seconds += 0.125
            attempts.append((seconds, kind(attempt), attempt.error.hint))
        told[user] = attempts
    assert told["alice"] == told["nobody"]
    assert [seconds for seconds, *_ in told["alice"]] == [1, 2, 4]


def test_a_check_slower_than_the_delay_is_told_at_once(tmp_path):
    """The delay runs from the start of the check; nobody waits twice."""
    house = House(tmp_path, threads=HeldThreads())
    attempt = house.login(password="guess")
    house.clock.advance(3)
    house.threads.release()
    house.clock.advance(0)
    assert kind(attempt) is ErrorKind.LOGIN_REFUSED


def test_delay_zero(tmp_path):
    """Sites that want no delay get none."""
    house = House(tmp_path, defence=DefenceSettings(delays=(0.0,)))
    attempt = house.login(password="guess")
    house.clock.advance(0)
    assert kind(attempt) is ErrorKind.LOGIN_REFUSED


# --- bans and caps --------------------------------------------------------------------------------


def test_ten_failures_ban_the_address(house):
    """The guesser is refused, right password or not; everybody else logs in to the same account."""
    house.fail(10)
    assert house.authenticator.refuses(EVIL)
    attempt = house.login(peer=EVIL)
    assert (kind(attempt), attempt.error.cause) == (
        ErrorKind.LOGIN_UNAVAILABLE,
        f"{EVIL} is banned after too many failed logins",
    )
    assert not house.authenticator.refuses(GOOD)
    assert house.login(peer=GOOD).result
    house.clock.advance(600)
    assert house.login(peer=EVIL).result


def test_ten_guesses_a_second_at_most(tmp_path):
    """A hundred connections of one address guess no faster than ten a second; others log in meanwhile."""
    checker = TestedChecker()
    login = LoginSettings(checks_at_once=1000, attempts_waiting=1000)
    house = House(tmp_path, checkers=[checker], login=login, defence=DefenceSettings(failures=0, delays=(1.0,)))
    attempts = [house.login(password=f"guess {n}", peer=EVIL) for n in range(100)]
    for second in range(1, 6):
        assert len(checker.asked) == 10 * second
        for answer in checker.answers[-10:]:
            answer.errback(UnauthorizedLogin())
        bystander = house.login("bob", peer=GOOD)
        checker.answers.pop().callback(b"bob")
        assert bystander.result
        checker.asked.pop()
        house.clock.advance(1)
    assert sum(attempt.done for attempt in attempts) == 50


def test_many_right_logins_of_one_address_do_not_wait(house):
    """An office behind one address logs in as fast as passwords can be checked."""
    for _ in range(200):
        house.login("bob").result.logout()


def test_waiting_attempts_of_one_address_are_capped(tmp_path):
    """Ten are checked, five wait, the sixteenth is sent away; another address is not touched."""
    checker = TestedChecker()
    house = House(tmp_path, checkers=[checker], login=LoginSettings(attempts_waiting=5, checks_at_once=100))
    attempts = [house.login(peer=EVIL) for _ in range(16)]
    assert [attempt.done for attempt in attempts] == [False] * 15 + [True]
    assert kind(attempts[15]) is ErrorKind.LOGIN_UNAVAILABLE
    assert len(checker.asked) == 10
    house.login(peer=GOOD)
    assert len(checker.asked) == 11


def test_checks_are_capped(tmp_path):
    """Two checks at once, three logins wait, the sixth is told to come back."""
    checker = TestedChecker()
    house = House(tmp_path, checkers=[checker], login=LoginSettings(checks_at_once=2, checks_waiting=3))
    attempts = [house.login("bob", peer=f"192.0.2.{n}") for n in range(6)]
    assert len(checker.asked) == 2
    assert [attempt.done for attempt in attempts] == [False] * 5 + [True]
    assert kind(attempts[5]) is ErrorKind.LOGIN_UNAVAILABLE
    for n in range(5):
        checker.answers[n].callback(b"bob")
        assert attempts[n].result.identity.user == "bob"


def test_a_refused_login_does_not_hold_up_checks_during_its_delay(tmp_path):
    """Guessers wait by themselves: their delays take no turn from others."""
    house = House(tmp_path, login=LoginSettings(checks_at_once=1, checks_waiting=0))
    attempt = house.login(password="guess", peer=EVIL)
    assert house.login(peer=GOOD).result
    assert not attempt.done
    house.clock.advance(1)


def test_a_ban_holds_for_those_who_wait(tmp_path):
    """Attempts queued before the ban are not checked after it."""
    checker = TestedChecker()
    house = House(tmp_path, checkers=[checker], defence=DefenceSettings(failures=2))
    attempts = [house.login(peer=EVIL) for _ in range(12)]
    for answer in checker.answers[:2]:
        answer.errback(UnauthorizedLogin())
    assert house.authenticator.refuses(EVIL)
    assert len(checker.asked) == 9, "eight at once, and one more after the first failure"
    assert [kind(attempt) for attempt in attempts[9:]] == [ErrorKind.LOGIN_UNAVAILABLE] * 3


def test_a_ban_clears_a_long_queue(tmp_path):
    """A ban while hundreds wait, of one address or of many, sends them all away without trouble."""
    checker = TestedChecker()
    login = LoginSettings(checks_at_once=1, checks_waiting=600, attempts_at_once=3, attempts_waiting=300)
    house = House(tmp_path, checkers=[checker], login=login, defence=DefenceSettings(failures=1))
    evil = [house.login(peer=EVIL) for _ in range(303)]
    others = [house.login("bob", peer=f"10.0.0.{n}") for n in range(200)]
    checker.answers[0].errback(UnauthorizedLogin())
    assert {kind(attempt) for attempt in evil[1:]} == {ErrorKind.LOGIN_UNAVAILABLE}
    for attempt in others:
        checker.answers[-1].callback(b"bob")
        assert attempt.result
    house.clock.advance(1)


# --- clients that go, checkers that do not come ---------------------------------------------------


def test_slow_checker(tmp_path):
    """After the time limit the client hears that login is not possible; its late yes is logged out at once."""
    house = House(tmp_path, threads=HeldThreads(), login=LoginSettings(login_seconds=30, checks_at_once=1))
    attempt = house.login()
    house.clock.advance(29)
    next_one = house.login("bob")
    assert not attempt.done
    house.clock.advance(1)
    assert (kind(attempt), attempt.error.cause) == (
        ErrorKind.LOGIN_UNAVAILABLE,
        "neither yes nor no within 30 s",
    )
    assert len(house.threads.held) == 1, "the thread is still busy, so its turn is not over"
    house.threads.release()
    assert not house.realm._sessions
    house.threads.release()
    assert next_one.result.identity.user == "bob"


def test_checker_that_never_answers(tmp_path):
    """A checker that hangs for ever takes down neither its turn nor the server."""
    checker = TestedChecker()
    house = House(tmp_path, checkers=[checker], login=LoginSettings(checks_at_once=1, checks_waiting=1))
    for _ in range(3):
        attempt = house.login()
        house.clock.advance(30)
        assert kind(attempt) is ErrorKind.LOGIN_UNAVAILABLE


def test_waiting_has_a_limit_too(tmp_path):
    """Who waits behind slow logins hears in the same time that it is not possible now, and is not checked later."""
    checker = TestedChecker()
    house = House(tmp_path, checkers=[checker], login=LoginSettings(attempts_at_once=1, login_seconds=30))
    first = house.login("bob")
    house.clock.advance(20)
    second = house.login("bob")
    house.clock.advance(9)
    checker.answers[0].callback(b"bob")
    assert first.result
    house.clock.advance(20)
    third = house.login("bob")
    house.clock.advance(1)
    assert kind(second) is ErrorKind.LOGIN_UNAVAILABLE
    house.clock.advance(29)
    assert kind(third) is ErrorKind.LOGIN_UNAVAILABLE
    assert len(checker.asked) == 3


@implementer(IRealm)
class LateRealm:
    """A foreign realm that knows nothing of cancelling, and counts its logouts."""

    def __init__(self):
        self.pending = []
        self.logouts = 0

    def requestAvatar(self, avatar_id, mind, *interfaces):
        self.pending.append(Deferred())
        return self.pending[-1]

    def arrive(self):
        account = Account(Identity("alice"), Files(Identity("alice"), "/"))
        self.pending.pop(0).callback((IAccount, account, self._logout))

    def _logout(self):
        self.logouts += 1


def test_client_that_goes_during_the_login(tmp_path):
    """An account that comes when nobody wants it any more is logged out, once."""
    house = House(tmp_path, realm=LateRealm())
    attempt = house.login()
    attempt.cancel()
    assert isinstance(attempt.error, CancelledError)
    assert house.realm.logouts == 0
    house.realm.arrive()
    assert house.realm.logouts == 1
    account = house.login()
    house.realm.arrive()
    account.result.logout()
    account.result.logout()
    assert house.realm.logouts == 2
    assert not house.clock.getDelayedCalls()


def test_client_that_goes_before_its_turn_is_not_checked(tmp_path):
    """Nobody is asked about somebody who has gone; the turn goes to the next."""
    checker = TestedChecker()
    house = House(tmp_path, checkers=[checker], login=LoginSettings(checks_at_once=1, attempts_at_once=2))
    first, second, third = house.login("a"), house.login("b"), house.login("c")
    second.cancel()
    third.cancel()
    fourth = house.login("d")
    checker.answers[0].callback(b"bob")
    assert first.result
    assert [login.username for login in checker.asked] == [b"a", b"d"]
    assert not fourth.done


def test_hanging_up_does_not_shorten_the_delay(tmp_path):
    """Who disconnects after each guess still gets no more than ten turns a second, and is counted."""
    house = House(tmp_path, login=LoginSettings(attempts_waiting=0), defence=DefenceSettings(failures=11))
    for _ in range(10):
        house.login(password="guess", peer=EVIL).cancel()
    assert kind(house.login(password="guess", peer=EVIL)) is ErrorKind.LOGIN_UNAVAILABLE
    house.clock.advance(5)
    house.login(password="guess", peer=EVIL).cancel()
    assert house.authenticator.refuses(EVIL)


def test_hanging_up_during_the_check_is_counted(tmp_path):
    """A guess counts when it was wrong, whether or not anybody waits for the answer."""
    house = House(tmp_path, threads=HeldThreads(), defence=DefenceSettings(failures=1))
    house.login(password="guess", peer=EVIL).cancel()
    house.threads.release()
    assert house.authenticator.refuses(EVIL)


def test_nothing_is_left_behind(house):
    """After all is said no timer runs and no address is remembered as busy."""
    house.login().result.logout()
    house.fail(3)
    assert not house.clock.getDelayedCalls()
    assert not house.authenticator._attempts._gates
    assert not house.authenticator._checks._gates


# --- what is never told ---------------------------------------------------------------------------

PASSWORD = "open-sesame-99ü"


@implementer(ICredentialsChecker)
class LoudChecker:
    """A checker that puts the password wherever it can."""

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815

    def __init__(self, error):
        self._error = error

    def requestAvatarId(self, credentials):
        raise self._error(f"{credentials.password.decode()} is wrong")


@pytest.fixture
def debugging():
    """Failures of Deferreds keep local variables, as under ``twistd --debug``."""
    defer.setDebugging(True)
    yield
    defer.setDebugging(False)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UnauthorizedLogin, ErrorKind.LOGIN_REFUSED),
        (LoginDenied, ErrorKind.LOGIN_REFUSED),
        (ValueError, ErrorKind.LOGIN_UNAVAILABLE),
        (FtpError, ErrorKind.LOGIN_UNAVAILABLE),
    ],
)
def test_no_password_in_logs_and_errors(tmp_path, debugging, error, expected):
    """Whatever a checker throws, neither the log nor the error, with all its frames, holds the password."""
    failing = error if error is not FtpError else (lambda text: FtpError(ErrorKind.STORAGE_FAILED, text))
    house = House(tmp_path, checkers=[LoudChecker(failing)])
    with capturedLogs() as logs:
        attempt = house.login(password=PASSWORD)
        house.clock.advance(1)
    assert kind(attempt) is expected
    assert "it held the password" in attempt.error.cause
    assert len(logs) == (expected is ErrorKind.LOGIN_UNAVAILABLE)
    assert_silent(attempt, logs)


def test_no_password_when_our_own_parts_fail(tmp_path, debugging, monkeypatch):
    """The same for an error deep inside of our own checker."""
    house = House(tmp_path)
    monkeypatch.setattr("argon2.PasswordHasher.verify", _broken_verify)
    with capturedLogs() as logs:
        attempt = house.login(password=PASSWORD)
    assert kind(attempt) is ErrorKind.LOGIN_UNAVAILABLE
    assert attempt.error.cause == "PasswordHashError: Memory allocation error"
    assert len(logs) == 1
    assert "passwords.py" in formatEvent(logs[0]), "the operator sees where"
    assert_silent(attempt, logs)


def _broken_verify(self, hashed, password):
    raise VerificationError("Memory allocation error")


def test_a_name_can_not_forge_log_lines(tmp_path):
    """A line break in a name stays inside its line."""
    house = House(tmp_path, checkers=[LoudChecker(ValueError)])
    with capturedLogs() as logs:
        house.login(user="x\r\n2026 alice logged in\x1b[2J", password=PASSWORD)
    assert r"'x\r\n2026 alice logged in\x1b[2J'" in formatEvent(logs[0])


def assert_silent(attempt, logs):
    shown = [
        repr(attempt.error),
        str(attempt.error.__context__),
        str(attempt.error.__cause__),
        attempt.outcomes[0].getTraceback(),
        attempt.outcomes[0].getTraceback(detail="verbose"),
        *[f"{event!r} {formatEvent(event)} {eventAsText(event)}" for event in logs],
    ]
    for text in shown:
        assert PASSWORD not in text
        assert PASSWORD.encode() not in text.encode()
        assert repr(PASSWORD.encode())[2:-1] not in text


def test_credentials_show_no_password():
    """A repr of credentials or requests in some log is harmless."""
    request = LoginRequest("alice", Secret(PASSWORD), GOOD, None)
    assert PASSWORD not in f"{request!r} {credentials_for(request, anonymous=False)!r}"


# --- several portals ------------------------------------------------------------------------------


def test_hosts_share_bans_and_caps(house):
    """Who is banned at one virtual host is banned at all, and the failures are counted together."""
    other = PortalAuthenticator(house.authenticator._portal, defender=Defender(clock=house.clock), clock=house.clock)
    other.share_counts_with(house.authenticator)
    house.fail(9)
    attempt = Running(other.login(LoginRequest("alice", Secret("guess"), EVIL, None)))
    house.clock.advance(5)
    assert kind(attempt) is ErrorKind.LOGIN_REFUSED
    assert house.authenticator.refuses(EVIL)
    assert other.refuses(EVIL)
