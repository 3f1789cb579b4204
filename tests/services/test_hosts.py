"""How the hosts of a configuration are put together: what is theirs and what all share."""

from dataclasses import replace

import pytest
from twisted.internet.task import Clock

from ftpstwist.auth.passwords import Passwords
from ftpstwist.auth.totp import Codes
from ftpstwist.auth.userrecord import UserFileError
from ftpstwist.config.load import parse
from ftpstwist.services.accounts import AccountParts, build_accounts
from ftpstwist.services.hosts import Hosts
from ftpstwist.services.sources import Sources
from ftpstwist.session.policy import Require
from tests.auth.neighbours import HereThreads

TEXT = """
[server]
banner = "A"
[accounts]
users = "a.toml"
[[hosts]]
names = ["B.example.org", "www.b.example.org"]
users = "b.toml"
[[hosts]]
names = ["c.example.org"]
banner = "C"
require = "data"
"""


@pytest.fixture
def world(tmp_path):
    """Settings with two hosts, of which one has users of its own; and what makes accounts."""
    settings = parse(TEXT, str(tmp_path / "f.toml")).settings

    def make(own, default=None):
        sources = Sources({}, Passwords(), HereThreads(), Codes(now=lambda: 0.0))
        parts = AccountParts(clock=Clock(), threads=None, sources=sources, make_filesystem=None, now=lambda: 0.0)
        return build_accounts(own, parts, counted_with=default)

    return settings, make


def test_hosts_have_what_they_say(world):
    """All else is as at the default host; the users files are told apart in the log of a reload."""
    settings, make = world
    default = make(settings)
    hosts = Hosts(settings, default, make, lambda name: name == "a.example.org")
    b, c, a = (hosts.book.find(f"{each}.example.org") for each in "bca")
    assert a is hosts.book.default
    assert hosts.book.find("www.b.example.org") is b
    assert hosts.book.find("d.example.org") is None
    assert [each.settings.banner for each in (a, b, c)] == ["A", "A", "C"]
    assert [each.settings.policy.policy for each in (a, c)] == [Require.ALL.policy, Require.DATA.policy]
    assert c.authenticator is default.authenticator is a.authenticator
    assert b.authenticator is not default.authenticator
    assert {words: users.path.name for words, users in hosts.users.items()} == {
        "users": "a.toml",
        "users of B.example.org": "b.toml",
    }


def test_a_guesser_is_banned_at_all_hosts(world):
    """Trying the next host brings nobody new attempts."""
    settings, make = world
    default = make(settings)
    hosts = Hosts(settings, default, lambda own: make(own, default), lambda _: False)
    other = hosts.book.find("b.example.org").authenticator
    for _ in range(settings.accounts.defence.failures):
        default.authenticator._defender.failed("192.0.2.1", "alice")
    assert other.refuses("192.0.2.1")


def test_accounts_of_the_application_are_those_of_all_hosts(world):
    """Who embeds the server with a realm of its own gets all logins there."""
    settings, make = world
    default = make(settings)
    hosts = Hosts(settings, default, None, lambda _: False)
    assert hosts.book.find("b.example.org").authenticator is default.authenticator
    assert list(hosts.users) == ["users"]


def test_accounts_outlive_a_change_elsewhere(world):
    """Caps and counts of a host's users stay when another host, or its own banner, changes."""
    settings, make = world
    hosts = Hosts(settings, make(settings), make, lambda _: False)
    before = hosts.book.find("b.example.org")
    b, c = settings.hosts
    hosts.use(hosts.prepare(replace(settings, hosts=(c, replace(b, banner="B")))))
    after = hosts.book.find("b.example.org")
    assert (before.settings.banner, after.settings.banner) == ("A", "B")
    assert after.authenticator is before.authenticator
    hosts.use(hosts.prepare(replace(settings, hosts=(c,))))
    assert hosts.book.find("b.example.org") is None
    assert list(hosts.users) == ["users"]


def test_hosts_that_can_not_be_used_change_nothing(world, tmp_path):
    """A broken users file is told; the hosts in use stay."""
    settings, make = world
    hosts = Hosts(settings, make(settings), make, lambda _: False)
    book = hosts.book
    (tmp_path / "broken.toml").write_text("no toml")
    with pytest.raises(UserFileError):
        hosts.prepare(replace(settings, hosts=(replace(settings.hosts[0], users=tmp_path / "broken.toml"),)))
    assert hosts.book is book
