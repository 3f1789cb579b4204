"""Forms of values: what is shown can be read again, and what is read is what was meant."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftpstwist.config.complaint import Unusable
from ftpstwist.config.form import choice, flag, or_word, path, quote, text, words_from
from ftpstwist.config.form_network import PortRange, network, ports
from ftpstwist.config.form_numbers import mode, octets, seconds, whole
from ftpstwist.config.schema_accounts import home_template, permission_set
from ftpstwist.config.schema_data import advertised
from ftpstwist.session.identity import Permission
from ftpstwist.session.policy import Require


def through_toml(form, value):
    """Show a value, let TOML read it, and read it again."""
    return form.read(tomllib.loads(f"value = {form.show(value)}")["value"])


@given(st.floats(min_value=0, max_value=1e9))
def test_durations_survive(value):
    """The example file says exactly what the defaults are."""
    assert through_toml(seconds(), value) == value


@given(st.integers(min_value=0, max_value=1 << 50))
def test_sizes_survive(value):
    """Also those that are shown in larger units."""
    assert through_toml(octets(), value) == value


@given(st.integers(min_value=0, max_value=0o777))
def test_modes_survive(value):
    """No bit of a mode gets lost."""
    assert through_toml(mode(), value) == value


@given(st.integers(1, 65535), st.integers(1, 65535))
def test_port_ranges_survive_and_know_their_ports(one, other):
    """A range holds its two ends and as many ports as it says."""
    ports_given = PortRange(min(one, other), max(one, other))
    assert through_toml(ports(), ports_given) == ports_given
    assert one in ports_given
    assert other in ports_given
    assert ports_given.first - 1 not in ports_given
    assert ports_given.last + 1 not in ports_given
    assert len(ports_given) == abs(one - other) + 1


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=100))
def test_texts_survive_quoting(value):
    """Quotes and backslashes in a banner do no harm."""
    assert through_toml(text(), value) == value
    assert tomllib.loads(f"value = {quote(value)}") == {"value": value}


@given(st.frozensets(st.sampled_from(Permission)))
def test_permissions_survive(value):
    """Every set can be written, by its own name or as a list."""
    assert through_toml(permission_set(), value) == value
    assert through_toml(words_from(Permission), value) == value


@pytest.mark.parametrize(
    ("form", "written", "value"),
    [
        (seconds(), "500ms", 0.5),
        (seconds(), "90s", 90),
        (seconds(), "5m", 300),
        (seconds(), "1.5h", 5400),
        (seconds(), "1 d", 86400),
        (seconds(), 7, 7),
        (seconds(), 0.25, 0.25),
        (octets(), "10 B", 10),
        (octets(), "2kB", 2000),
        (octets(), "3 MB", 3_000_000),
        (octets(), "4 GB", 4_000_000_000),
        (octets(), "1 TB", 10**12),
        (octets(), "1 KiB", 1024),
        (octets(), "1MiB", 1 << 20),
        (octets(), "1 GiB", 1 << 30),
        (octets(), "1 TiB", 1 << 40),
        (ports(), "50000 - 50100", PortRange(50000, 50100)),
        (ports(), "50000", PortRange(50000, 50000)),
        (ports(), 50000, PortRange(50000, 50000)),
        (ports(), 0, PortRange(0, 0)),
        (ports(), "1-65535", PortRange(1, 65535)),
        (mode(), "644", 0o644),
        (mode(), "0755", 0o755),
        (flag(), True, True),
        (choice(Require), "all", Require.ALL),
        (or_word(whole()), "none", None),
        (or_word(whole()), 0, 0),
        (path(), "a/b", Path("a/b")),
        (advertised(), "auto", "auto"),
        (advertised(), "203.0.113.5", "203.0.113.5"),
        (advertised(), "ftp.example.org", "ftp.example.org"),
        (home_template(), "/srv/{user}", "/srv/{user}"),
    ],
)
def test_what_is_written_is_what_is_meant(form, written, value):
    """Units are what they say: kB is 1000 octets, KiB is 1024."""
    assert form.read(written) == value


@pytest.mark.parametrize(
    ("form", "inside", "outside"),
    [
        (whole(least=1), 1, 0),
        (whole(most=10), 10, 11),
        (seconds(least=1), 1, 0.999),
        (seconds(most=300), "5m", "301s"),
        (octets(least=512), 512, 511),
        (octets(most=1 << 20), "1 MiB", (1 << 20) + 1),
        (text(most=3), "abc", "abcd"),
        (ports(), 65535, 65536),
        (ports(), "1-2", "0-2"),
        (mode(), "0777", "1000"),
    ],
)
def test_the_limit_is_good_and_one_beyond_is_not(form, inside, outside):
    """At the cap a value is taken, one step further it is refused."""
    form.read(inside)
    with pytest.raises(Unusable):
        form.read(outside)


@pytest.mark.parametrize("value", [None, True, [1], {}, 3.5, b"x", "\0"])
def test_odd_values_are_refused_with_words_never_with_a_crash(value):
    """Whatever TOML can hold, the answer is a complaint."""
    for form in (path(), network(), mode(), octets(), ports(), advertised(), home_template(), permission_set()):
        with pytest.raises(Unusable) as caught:
            form.read(value)
        assert caught.value.cause
        assert caught.value.remedy
