"""Accounts of a directory: a real slapd, with TLS, and with users who try to be more than a value."""

from __future__ import annotations

import re
import socket

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.task import Clock

from ftpstwist.auth.sources import BoundedCalls, SourceChecker
from ftpstwist.interfaces import ErrorKind, FtpError
from tests.auth.neighbours import HereThreads
from tests.contracts.checkers import PASSWORD, USER, CheckerContract, ask, asking, come_of
from tests.support.directory import BASE, PEOPLE, running_directory, slapd_is_here

pytest.importorskip("ldap")
from ftpstwist.auth.ldap import LdapAccounts, LdapSettings

pytestmark = slapd_is_here

EXACT = "(&(objectClass=posixAccount)(uid:caseExactMatch:={user}))"


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    with running_directory(tmp_path_factory.mktemp("ldap") / "d") as running:
        yield running


def checker_of(directory, **settings):
    common = {
        "servers": (directory.uri,),
        "ca_file": directory.folder / "ca.pem",
        "bind_dn": f"cn=service,{BASE}",
        "bind_password_file": directory.folder / "service.txt",
        "base": PEOPLE,
    }
    return SourceChecker(
        LdapAccounts(
            LdapSettings(**common | settings),
            calls=BoundedCalls("LDAP", threads=HereThreads(), clock=Clock(), at_once=2, seconds=5),
        )
    )


def record_of(checker, user=USER, password=PASSWORD):
    return ask(checker, user, password).record


def cause_of(checker, user=USER, password=PASSWORD):
    """Return why the login is refused, or why it could not be checked."""
    error = come_of(asking(checker, user, password)).value
    assert isinstance(error, UnauthorizedLogin | FtpError)
    assert not isinstance(error, FtpError) or error.kind is ErrorKind.LOGIN_UNAVAILABLE
    return f"{type(error).__name__}: {error}"


class TestBySearch(CheckerContract):
    """The entry is searched, as a service of its own account, over ldap:// with StartTLS."""

    @pytest.fixture
    def checker(self, directory):
        return checker_of(directory, filter=EXACT)


class TestByTemplate(CheckerContract):
    """The entry's name follows from the user's; slapd compares such names without regard to case."""

    @pytest.fixture
    def checker(self, directory):
        return checker_of(directory, servers=(directory.tls_uri,), user_dn=f"uid={{user}},{PEOPLE}", bind_dn="")

    def test_keeps_everybody_else_out(self, checker, user, password):
        if user == "ALICE":
            assert ask(checker, user, password) == b"alice"
        else:
            super().test_keeps_everybody_else_out(checker, user, password)

    test_keeps_everybody_else_out.pytestmark = CheckerContract.test_keeps_everybody_else_out.pytestmark


@pytest.mark.parametrize("way", [{}, {"user_dn": f"uid={{user}},{PEOPLE}"}])
def test_the_entry_gives_the_account(directory, way):
    """Home, quota and groups need no second place where they are written down."""
    checker = checker_of(
        directory,
        home_attribute="homeDirectory",
        quota_attribute="description",
        uid_attribute="uidNumber",
        **way,
    )
    record = record_of(checker)
    assert (record.name, record.home, record.limits) == ("alice", "/srv/homes/alice", {"quota": 5 << 20})


def test_a_name_counts_as_the_directory_spells_it(directory):
    """However the user wrote it, there is one home, and one entry of the users file."""
    assert ask(checker_of(directory), "ALICE", PASSWORD) == b"alice"


def test_groups_are_found_by_search_and_in_the_entry(directory):
    """Both ways directories keep groups; a group that is an entry counts by the first part of its name."""
    posix = checker_of(directory, group_base=f"ou=groups,{BASE}")
    assert record_of(posix).groups == {"staff"}
    by_entry = checker_of(directory, group_base=f"ou=groups,{BASE}", group_filter="(member={dn})")
    assert record_of(by_entry).groups == {"editors"}
    assert record_of(checker_of(directory, group_attribute="homeDirectory")).groups == {"/srv/homes/alice"}
    own = checker_of(directory, group_attribute="creatorsName")
    assert record_of(own).groups == {"admin"}


@pytest.mark.parametrize(
    "name",
    [
        "*",
        "a*",
        "alice)(uid=*",
        "*)(|(uid=*",
        "alice)(userPassword=*",
        r"\2a",
        "{dn}",
        "alice,ou=people",
        f"alice,{PEOPLE}",
        "#616c696365",
    ],
)
@pytest.mark.parametrize("way", [{}, {"user_dn": f"uid={{user}},{PEOPLE}"}])
def test_a_name_is_never_a_filter(directory, name, way):
    """Neither stars nor brackets nor commas make somebody else of a name, with a password that is good for one."""
    assert cause_of(checker_of(directory, **way), name).startswith("UnauthorizedLogin")


@pytest.mark.parametrize("way", [{}, {"user_dn": f"uid={{user}},{PEOPLE}"}])
def test_a_name_of_odd_letters_is_a_name(directory, way):
    """Escaping keeps such users out of nothing."""
    assert record_of(checker_of(directory, **way), "odd,(*)", "secret").name == "odd,(*)"


def test_system_accounts_stay_out(directory):
    """By their number, with the right password; an entry without a number, too."""
    assert "below 1000" in cause_of(checker_of(directory, uid_attribute="uidNumber"), "system", "secret")
    assert "(none)" in cause_of(checker_of(directory, uid_attribute="description"), "system", "secret")


def test_an_attribute_that_can_not_be_meant_lets_nobody_in(directory):
    """A home that is no path is a mistake in the directory, told as such."""
    checker = checker_of(directory, home_attribute="homeDirectory")
    assert "home 'nowhere'" in cause_of(checker, "system", "secret")


def test_a_filter_that_fits_several_entries_fits_nobody(directory):
    """Whose password would it be?"""
    assert "more than one" in cause_of(checker_of(directory, filter="(|(uid={user})(uid=system))"))


class TestServers:
    """Several servers, certificates, and what is told when none can be asked."""

    def test_the_next_server_is_asked_when_one_is_down(self, directory):
        """Servers are for failing."""
        assert record_of(checker_of(directory, servers=("ldap://127.0.0.1:1", directory.uri))).name == "alice"

    def test_no_server_at_all_is_no_refusal(self, directory):
        """The operator reads the name of each; nobody is counted as a guesser."""
        cause = cause_of(checker_of(directory, servers=("ldap://127.0.0.1:1", "ldaps://127.0.0.1:2")))
        assert re.match(r"FtpError: .*ldap://127\.0\.0\.1:1: Can't contact .*ldaps://127\.0\.0\.1:2: Can't", cause)

    @pytest.mark.parametrize("kind", ["uri", "tls_uri"])
    def test_a_certificate_of_strangers_is_refused(self, directory, kind, tmp_path):
        """By default, and before any password is sent; only whoever says so does without."""
        server = getattr(directory, kind)
        assert cause_of(checker_of(directory, servers=(server,), ca_file=None)).startswith("FtpError")
        by_name = server.replace("127.0.0.1", "localhost")
        assert cause_of(checker_of(directory, servers=(by_name,))).startswith("FtpError")
        assert record_of(checker_of(directory, servers=(by_name,), verify=False)).name == "alice"

    def test_tls_can_be_left_out_on_purpose(self, directory):
        """For a directory on the same machine."""
        assert record_of(checker_of(directory, start_tls=False, ca_file=None)).name == "alice"

    def test_a_service_account_that_is_refused_is_told(self, directory, tmp_path):
        """That is a mistake of the operator's, not of all users."""
        wrong = tmp_path / "wrong"
        wrong.write_text("no")
        assert "accounts.ldap.bind_dn" in cause_of(checker_of(directory, bind_password_file=wrong))
        assert "can not be read" in cause_of(checker_of(directory, bind_password_file=tmp_path / "none"))

    def test_a_server_that_says_nothing_is_left(self, directory):
        """One that hangs costs its share of the time, and the next is asked."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            server = f"ldap://127.0.0.1:{silent.getsockname()[1]}"
            assert "Timed out" in cause_of(checker_of(directory, servers=(server,), seconds=0.2))
            assert record_of(checker_of(directory, servers=(server, directory.uri), seconds=0.2)).name == "alice"
