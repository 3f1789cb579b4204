"""Text from strangers in log lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftpstwist.observe.escape import decodable, escape, quote, word
from ftpstwist.wire.pathname import decode_name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain /a b", "plain /a b"),
        ("Grüße 日本 🎉", "Grüße 日本 🎉"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\0\x1b\x7f", r"\x00\x1b\x7f"),
        ("\x85\u2028\u202e", r"\u0085\u2028\u202e"),
        (decode_name(b"x\xe9"), r"x\xe9"),
        ("\ud83d", r"\ud83d"),
        ("back\\slash", r"back\\slash"),
        ('"', '"'),
    ],
)
def test_escape(text, shown):
    """Readable text stays as it is; what could harm a log is spelt out."""
    assert escape(text) == shown


def test_fields():
    """Quoted and spaced fields can be split again."""
    assert quote('say "hi"\\') == r'"say \"hi\"\\"'
    assert word("a b") == r"a\x20b"
    assert word("") == "-"


def test_decodable_leaves_controls_to_the_format():
    """JSON writes line breaks in its own way; only what is not Unicode is spelt out."""
    assert decodable("a\nb\\\udcff\ud800") == "a\nb\\\\\\xff\\ud800"


@given(st.text(st.characters(codec=None)) | st.binary().map(decode_name))
def test_escaped_text_is_safe_and_unambiguous(text):
    """Whatever comes in: one line, UTF-8, no controls; and different names never look the same."""
    shown = escape(text)
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert shown.isprintable() or not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)
    assert unescape(shown) == text


def unescape(shown):
    """Read an escaped text as its documentation says."""
    named = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
    out, at = [], 0
    while at < len(shown):
        if shown[at] != "\\":
            out.append(shown[at])
            at += 1
        elif shown[at + 1] in named:
            out.append(named[shown[at + 1]])
            at += 2
        else:
            digits = {"x": 2, "u": 4}[shown[at + 1]]
            number = int(shown[at + 2 : at + 2 + digits], 16)
            out.append(chr(number + 0xDC00 if digits == 2 and number >= 0x80 else number))
            at += 2 + digits
    return "".join(out)
