"""The realm: who gets which account, and how often."""

import os

import pytest
from twisted.cred.checkers import ANONYMOUS
from twisted.cred.portal import IRealm
from twisted.internet.defer import CancelledError
from zope.interface.verify import verifyObject

from ftpstwist.auth.realm import Account, AnonymousSettings, Realm, RealmSettings
from ftpstwist.auth.userrecord import UserRecord
from ftpstwist.interfaces import ErrorKind, FtpError, IAccount
from ftpstwist.session.identity import ALL_PERMISSIONS, Limits, PathRule, Permission, Permissions
from ftpstwist.wire.pathname import ROOT
from tests.auth.neighbours import Files, HeldThreads, HereThreads, result_of

READ_LIST = frozenset({Permission.READ, Permission.LIST})
LIST_ONLY = Permissions((PathRule(ROOT, frozenset({Permission.LIST})),))
ALICE = UserRecord(
    "alice",
    home="/data/alice",
    permissions=LIST_ONLY,
    groups=frozenset({"staff"}),
    limits={"sessions": 2, "quota": 5, "upload_rate": None},
    greeting=("Hello",),
)


def realm_of(*records, threads=None, make_filesystem=Files, **settings):
    users = {record.name: record for record in records}
    return Realm(
        RealmSettings(**settings),
        find_user=users.get,
        make_filesystem=make_filesystem,
        threads=threads or HereThreads(),
    )


def avatar(realm, avatar_id):
    interface, account, logout = result_of(realm.requestAvatar(avatar_id, None, IAccount))
    assert interface is IAccount
    assert verifyObject(IAccount, account)
    return account, logout


def refusal(realm, avatar_id):
    with pytest.raises(FtpError) as caught:
        avatar(realm, avatar_id)
    return caught.value


def test_is_a_realm():
    """Any portal can use it."""
    assert verifyObject(IRealm, realm_of())


def test_the_users_file_says_what_an_account_is():
    """Home, permissions, groups, limits and greeting arrive in the session."""
    account, _ = avatar(realm_of(ALICE, limits=Limits(quota=9, upload_rate=9, download_rate=9)), b"alice")
    identity = account.identity
    assert account == Account(identity, Files(identity, "/data/alice"))
    assert (identity.user, identity.groups, identity.anonymous) == ("alice", {"staff"}, False)
    assert (identity.permissions, identity.greeting) == (LIST_ONLY, ("Hello",))
    assert identity.limits == Limits(sessions=2, quota=5, upload_rate=None, download_rate=9)


def test_what_the_users_file_leaves_out():
    """The server's template, permissions and limits fill in."""
    account, _ = avatar(
        realm_of(UserRecord("bob"), root="/srv/x", permissions=LIST_ONLY, limits=Limits(quota=7)), b"bob"
    )
    assert account.filesystem.home == "/srv/x/bob"
    assert (account.identity.permissions, account.identity.limits) == (LIST_ONLY, Limits(quota=7))


def test_empty_permissions_are_not_the_default():
    """A user whose rules allow nothing is allowed nothing."""
    account, _ = avatar(realm_of(UserRecord("bob", permissions=Permissions(()))), b"bob")
    assert not account.identity.permissions.at(ROOT)


def test_users_of_other_checkers():
    """A user that only an ``--auth`` plugin knows gets defaults where that is switched on, and is refused where not."""
    account, _ = avatar(
        realm_of(admit_unlisted=True, home="{root}/u/{user}", limits=Limits(quota=7)), "bürger".encode()
    )
    assert account.filesystem.home == "/srv/ftp/u/bürger"
    assert account.identity.limits.quota == 7
    assert account.identity.permissions.at(ROOT) == ALL_PERMISSIONS
    assert refusal(realm_of(), b"bob").kind is ErrorKind.LOGIN_REFUSED


def test_disabled_holds_whoever_vouches():
    """A user disabled in the users file does not get in by another checker."""
    error = refusal(realm_of(UserRecord("bob", disabled=True), admit_unlisted=True), b"bob")
    assert (error.kind, error.cause) == (ErrorKind.LOGIN_REFUSED, "disabled in the users file")


@pytest.mark.parametrize("name", [b"", b".", b"..", b"../etc", b"/", b"a/b", b"a\0b", b"a\nb", b"x" * 256])
def test_names_that_are_paths_get_no_home(name):
    """No name leads out of the root, whatever a foreign checker accepts."""
    assert refusal(realm_of(admit_unlisted=True), name).kind is ErrorKind.LOGIN_REFUSED


@pytest.mark.parametrize("avatar_id", [None, "alice", 7, ("alice",)])
def test_what_is_no_name(avatar_id):
    """A checker that answers nonsense lets nobody in."""
    assert refusal(realm_of(ALICE, admit_unlisted=True), avatar_id).kind is ErrorKind.LOGIN_UNAVAILABLE


def test_braces_in_a_name_are_letters():
    """A user called {root} has a home of that name."""
    account, _ = avatar(realm_of(admit_unlisted=True), b"{root}")
    assert account.filesystem.home == "/srv/ftp/{root}"


@pytest.mark.parametrize(
    "home", ["/x/{name}", "/x/{}", "/x/{user.upper}", "/x/{user!r}", "/x/{user:>9}", "/x/{", "{root}/{user[0]}{1}"]
)
def test_wrong_templates_are_told_at_start(home):
    """A typing error in the template is found before anybody logs in."""
    with pytest.raises(ValueError, match=r"only \{root\} and \{user\}"):
        RealmSettings(home=home)


def test_sessions_at_the_cap_and_beyond():
    """Two sessions allowed: the third is refused, until one ends; ending one twice frees one."""
    realm = realm_of(ALICE, UserRecord("bob"))
    account, logout = avatar(realm, b"alice")
    avatar(realm, b"alice")
    assert refusal(realm, b"alice").kind is ErrorKind.TOO_MANY_SESSIONS
    avatar(realm, b"bob")
    logout()
    logout()
    assert account.filesystem.closings == [None]
    avatar(realm, b"alice")
    assert refusal(realm, b"alice").kind is ErrorKind.TOO_MANY_SESSIONS


def test_counts_survive_other_settings():
    """A reload does not open the gate for more sessions."""
    realm = realm_of(ALICE)
    avatar(realm, b"alice")
    avatar(realm, b"alice")
    realm.settings = RealmSettings(root="/elsewhere")
    assert refusal(realm, b"alice").kind is ErrorKind.TOO_MANY_SESSIONS


def test_a_home_that_fails_costs_no_session():
    """When files can not be opened, the session is not counted."""

    def fail(identity, home):
        raise FtpError(ErrorKind.NOT_FOUND, f"{home} is not there")

    realm = realm_of(ALICE, make_filesystem=fail)
    for _ in range(5):
        assert refusal(realm, b"alice").kind is ErrorKind.NOT_FOUND
    assert not realm._sessions


def test_a_login_given_up_costs_no_session():
    """When the client goes while its home is opened, the session is not counted, and not before that is over."""
    threads = HeldThreads()
    realm = realm_of(ALICE, threads=threads)
    pending = realm.requestAvatar(b"alice", None, IAccount)
    pending.cancel()
    assert realm._sessions
    threads.release()
    with pytest.raises(CancelledError):
        result_of(pending)
    assert not realm._sessions


def test_anonymous():
    """RFC 1635: the anonymous account has its own root, may read and list, and counts its sessions together."""
    anonymous = AnonymousSettings(root="/srv/pub", limits=Limits(sessions=1), greeting=("Welcome",))
    realm = realm_of(anonymous=anonymous)
    account, _ = avatar(realm, ANONYMOUS)
    assert account.filesystem.home == "/srv/pub"
    assert account.identity.anonymous
    assert account.identity.user == "anonymous"
    assert account.identity.permissions.at(ROOT) == READ_LIST
    assert account.identity.greeting == ("Welcome",)
    assert refusal(realm, ANONYMOUS).kind is ErrorKind.TOO_MANY_SESSIONS


def test_no_anonymous_without_a_root():
    """``--auth anonymous`` alone opens nothing: there is no directory to show."""
    assert refusal(realm_of(ALICE, admit_unlisted=True), ANONYMOUS).kind is ErrorKind.LOGIN_REFUSED


def test_homes_are_made_where_that_is_asked_for(tmp_path):
    """``create_home`` makes the home at the first login, closed to others; without it nothing is made."""
    old = os.umask(0o077)
    try:
        avatar(realm_of(UserRecord("bob"), root=str(tmp_path)), b"bob")
        assert not (tmp_path / "bob").exists()
        realm = realm_of(UserRecord("bob"), root=str(tmp_path / "deep"), create_home=True)
        avatar(realm, b"bob")
        avatar(realm, b"bob")
    finally:
        os.umask(old)
    assert (tmp_path / "deep" / "bob").stat().st_mode & 0o007 == 0


def test_a_home_that_can_not_be_made(tmp_path):
    """The log tells the path and the reason; the client is told that login is not possible."""
    (tmp_path / "bob").write_text("a file")
    error = refusal(realm_of(UserRecord("bob"), root=str(tmp_path), create_home=True), b"bob")
    assert error.kind is ErrorKind.LOGIN_UNAVAILABLE
    assert error.cause == f"home {tmp_path}/bob can not be made: File exists"
    assert not error.hint


def test_other_avatars_are_not_made():
    """Who asks for something else than an account is told so."""
    with pytest.raises(NotImplementedError):
        realm_of(ALICE).requestAvatar(b"alice", None, IRealm)
