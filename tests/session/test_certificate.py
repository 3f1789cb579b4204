"""Distinguished names as text: what operators compare rules with has to be unambiguous (RFC 4514)."""

from __future__ import annotations

import pytest

from ftpstwist.session.certificate import write_name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("a,b", r"a\,b"),
        (" lead", r"\ lead"),
        ("#1", r"\#1"),
        ("trail ", "trail\\ "),
        (" ", "\\ "),
        ("  ", "\\ \\ "),
        ("tab\t", r"tab\09"),
        ("", ""),
    ],
)
def test_values_are_escaped(value, text):
    """RFC 4514 section 2.4: no value can look like another, or like two attributes."""
    assert write_name(((("2.5.4.3", value),),)) == f"CN={text}"


def test_parts_are_turned_round_and_unknown_attributes_keep_their_number():
    """The most particular part comes first; an attribute without a short name is named by its number."""
    name = ((("2.5.4.6", "DE"),), (("2.5.4.3", "x"), ("1.2.3", "y")))
    assert write_name(name) == "CN=x+1.2.3=y,C=DE"
