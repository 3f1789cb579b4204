"""``[[quotas]]`` and ``[deflate]`` as the check sees them."""

from __future__ import annotations

import pytest

from ftpstwist.config.load import parse
from ftpstwist.config.summary import summarise
from tests.config.config_support import about, judge


@pytest.mark.parametrize(
    ("text", "key", "complaint"),
    [
        ('[[quotas]]\nname = "a"\nfiles = 1\n[[quotas]]\nname = "a"\nfiles = 2\n', "quotas[1].name", "another quota"),
        ('[[quotas]]\nname = "a"\n', "quotas[0]", "limits nothing"),
        ("[[quotas]]\nfiles = 1\n", "quotas[0]", "is missing"),
        ('[[quotas]]\nname = "a b"\nfiles = 1\n', "quotas[0]", "not a short name"),
        ("[deflate]\nlevel = 7\n", "deflate.level", "above highest_level"),
    ],
)
def test_what_is_wrong(text, key, complaint):
    """A quota that can not be what was meant is told before anybody relies on it."""
    assert any(complaint in line for line in about(judge(text), key)), about(judge(text), key)


def test_what_is_right():
    """And nothing is said about quotas that are."""
    text = '[[quotas]]\nname = "a"\nfiles = 1\n[[quotas]]\nname = "b"\nupload = "1 GB"\nperiod = "day"\n'
    assert about(judge(text + "[deflate]\nlevel = 9\nhighest_level = 9\n"), "quotas") == []


def test_quotas_in_words():
    """An operator reads what holds for whom."""
    text = (
        '[[quotas]]\nname = "a"\ngroups = ["staff"]\nusers = ["bob"]\nshared = true\nsoft = true\noctets = 10\n'
        '[[quotas]]\nname = "b"\nupload = 5\nperiod = "day"\n'
    )
    settings = parse(text, "ftps.toml").settings
    (section,) = [each for each in summarise(settings, ()) if each.title == "Quotas"]
    assert section.lines == (
        "a (user bob, members of staff; together, soft): 10 octets stored",
        "b (all; each): 5 octets uploaded a day",
    )
