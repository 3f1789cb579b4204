"""Character sets of old clients: nothing is lost on the way (I1, I2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftpstwist.wire.charset import LEGACY_CHARSETS, UTF_8, Charset

LABELS = sorted(LEGACY_CHARSETS)
NAMES = st.text(st.characters(exclude_categories=["Cs"]) | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF))
ASCII = "".join(map(chr, range(128)))


@pytest.mark.parametrize("label", LABELS)
def test_ascii_is_ascii(label):
    """I1: the rest of the protocol does not notice."""
    charset = Charset(label)
    assert charset.octets(ASCII) == ASCII.encode()
    assert charset.name(ASCII.encode()) == charset.text(ASCII.encode()) == ASCII


@pytest.mark.parametrize("label", LABELS)
def test_no_octet_that_the_protocol_needs_is_part_of_a_character(label):
    """I4: a character never ends a line or a component of a pathname."""
    for number in range(0x80, 0x3100):
        octets = Charset(label).octets(chr(number))
        assert not set(octets) & set(b"\r\n\0/ ")


@pytest.mark.parametrize("label", [UTF_8, *LABELS])
@given(name=NAMES)
def test_every_name_comes_back(label, name):
    """I2: what a client is shown, it can fetch; whatever is on the disk."""
    assert Charset(label).name(Charset(label).octets(name)) == name


@pytest.mark.parametrize("label", [UTF_8, *LABELS])
@given(octets=st.binary())
def test_nothing_a_client_sends_fails(label, octets):
    """I2: octets that the set does not know are kept as they are."""
    charset = Charset(label)
    assert isinstance(charset.name(octets), str)
    assert isinstance(charset.text(octets), str)


@pytest.mark.parametrize(
    ("label", "name", "octets"),
    [
        ("iso-8859-1", "Gr\u00f6\u00dfe", b"Gr\xf6\xdfe"),
        ("iso-8859-1", "5 \u20ac", b"5 {U+20AC}"),
        ("windows-1252", "5 \u20ac", b"5 \x80"),
        ("shift_jis", "\u65e5\u672c", b"\x93\xfa\x96\x7b"),
        ("iso-8859-1", "raw \udce9", b"raw {U+DCE9}"),
        ("iso-8859-1", "{U+00E9}", b"{U+007B}U+00E9}"),
        ("iso-8859-1", "{U+} {", b"{U+} {"),
        ("koi8-r", "\U0001f600", b"{U+1F600}"),
        (UTF_8, "5 \u20ac \udce9 {U+20AC}", b"5 \xe2\x82\xac \xe9 {U+20AC}"),
    ],
)
def test_what_it_looks_like(label, name, octets):
    """I1: an old client shows what it can, and the rest so that it can be sent back."""
    assert Charset(label).octets(name) == octets
    assert Charset(label).name(octets) == name


def test_passwords_are_not_unescaped():
    """I1: only names are."""
    assert Charset("iso-8859-1").text(b"\xe9{U+0041}") == "\u00e9{U+0041}"


def test_other_sets_are_refused():
    """I1: sets with states, and those that are no ASCII, would break the protocol."""
    for label in ("utf-16", "utf-7", "iso-2022-jp", "hz", "ebcdic", "rot13", ""):
        with pytest.raises(ValueError, match="not a character set"):
            Charset(label)


def test_they_are_values():
    """Rules that say the same are the same."""
    assert Charset("cp850") == Charset("cp850") != Charset()
    assert len({Charset(), Charset(UTF_8)}) == 1
    assert repr(Charset("cp850")) == "Charset('cp850')"
    assert Charset() != "utf-8"
