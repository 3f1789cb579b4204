"""The defence against guessing (K7, RFC 2577 section 5)."""

from ipaddress import ip_network

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from ftpstwist.auth.defender import DefenceSettings, Defender, network_of

EVIL, GOOD = "192.0.2.66", "198.51.100.7"


@pytest.fixture
def clock():
    return Clock()


def defender(clock, **settings):
    return Defender(clock=clock, settings=DefenceSettings(**settings))


def test_answers_take_longer_and_longer(clock):
    """Each failure costs more than the one before, up to the last delay."""
    guard = defender(clock)
    assert [guard.failed(EVIL, "alice") for _ in range(6)] == [1, 2, 4, 5, 5, 5]


def test_delays_follow_the_address_over_all_names(clock):
    """Trying one password on many names is no faster than many on one."""
    guard = defender(clock)
    assert [guard.failed(EVIL, f"user{n}") for n in range(4)] == [1, 2, 4, 5]


def test_delays_follow_the_name_over_all_addresses(clock):
    """Guessing at one name from many addresses gets slow as well."""
    guard = defender(clock)
    assert [guard.failed(f"192.0.2.{n}", "alice") for n in range(4)] == [1, 2, 4, 5]


@pytest.mark.parametrize(("failures", "banned"), [(9, False), (10, True)])
def test_ban_at_the_tenth_failure(clock, failures, banned):
    """Nine failures are bearable, the tenth bans the address."""
    guard = defender(clock)
    for _ in range(failures):
        guard.failed(EVIL, "alice")
    assert guard.refuses(EVIL) is banned


def test_a_name_is_never_banned(clock):
    """Who guesses at alice locks out himself, not alice."""
    guard = defender(clock)
    for _ in range(50):
        guard.failed(EVIL, "alice")
    assert guard.refuses(EVIL)
    assert not guard.refuses(GOOD)


def test_a_ban_ends(clock):
    """After its time the address may try again, and starts with a clean sheet."""
    guard = defender(clock, failures=3, ban=60)
    for _ in range(3):
        guard.failed(EVIL, "alice")
    clock.advance(59.9)
    assert guard.refuses(EVIL)
    clock.advance(0.1)
    assert not guard.refuses(EVIL)
    guard.failed(EVIL, "alice")
    assert not guard.refuses(EVIL)


def test_old_failures_are_forgotten(clock):
    """Ten typing errors in a week are not ten in ten minutes."""
    guard = defender(clock)
    for _ in range(30):
        assert guard.failed(GOOD, "alice") <= 2
        clock.advance(301)
    assert not guard.refuses(GOOD)


def test_failures_0_never_bans(clock):
    """Sites with their own firewall can do without bans; the delays stay."""
    guard = defender(clock, failures=0)
    assert [guard.failed(EVIL, "alice") for _ in range(40)][-1] == 5
    assert not guard.refuses(EVIL)


def test_allowed_networks_are_never_banned(clock):
    """The monitoring host with a stale password is delayed, never banned; v6-mapped addresses count as IPv4."""
    guard = defender(clock, exempt=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")))
    for peer in (EVIL, f"::ffff:{EVIL}", "2001:db8::1", "198.51.100.7", "no address"):
        for _ in range(12):
            guard.failed(peer, "alice")
    assert not guard.refuses(EVIL)
    assert not guard.refuses("2001:db8::1")
    assert guard.refuses("198.51.100.7")
    assert guard.refuses("no address")


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("somewhere", "somewhere"),
    ],
)
def test_what_an_address_counts_as(peer, network):
    """A customer with 2**64 IPv6 addresses is one guesser."""
    assert network_of(peer) == network


def test_a_ban_holds_for_the_whole_64(clock):
    """Changing the lower half of an IPv6 address does not help."""
    guard = defender(clock)
    for n in range(10):
        guard.failed(f"2001:db8::{n:x}", "alice")
    assert guard.refuses("2001:db8::ffff")
    assert not guard.refuses("2001:db8:0:1::1")


@pytest.mark.parametrize(("others", "remembered"), [(4, True), (5, False)])
def test_tables_are_bounded(clock, others, remembered):
    """With all entries used the count is still there; one more address, and the longest unused is forgotten."""
    guard = defender(clock, entries=5)
    guard.failed(EVIL, "alice")
    for n in range(others):
        guard.failed(f"198.51.100.{n}", f"user{n}")
    assert (guard.failed(EVIL, "alice") == 2) is remembered


def test_nothing_grows_beyond_its_cap(clock):
    """A hundred thousand strangers cost no more memory than the tables hold."""
    guard = defender(clock, entries=50, failures=2)
    for n in range(500):
        for _ in range(3):
            guard.failed(f"10.0.{n // 256}.{n % 256}", "x" * 1000 + str(n))
    assert len(guard._addresses) <= 50
    assert len(guard._names) <= 50
    assert len(guard._bans) == 50
    assert max(len(name) for name in guard._names) <= 64


@pytest.mark.parametrize(("others", "banned"), [(4, True), (5, False)])
def test_bans_are_bounded(clock, others, banned):
    """The table of bans has a cap, too; one that is in use stays."""
    guard = defender(clock, entries=5, failures=1)
    for n in range(others + 1):
        guard.failed(f"198.51.100.{n}", "alice")
    assert guard.refuses("198.51.100.0") is banned


def test_a_ban_is_logged(clock):
    """The log tells who was banned, for how long and why, in one line for each ban."""
    guard = defender(clock)
    with capturedLogs() as logs:
        for _ in range(10):
            guard.failed(EVIL, "alice")
    assert [formatEvent(event) for event in logs] == ["192.0.2.66 is banned for 600.0 s after 10 failed logins"]


def test_settings_can_be_replaced(clock):
    """A reload with other settings keeps the counts."""
    guard = defender(clock)
    for _ in range(3):
        guard.failed(EVIL, "alice")
    guard.settings = DefenceSettings(failures=4)
    guard.failed(EVIL, "alice")
    assert guard.refuses(EVIL)
