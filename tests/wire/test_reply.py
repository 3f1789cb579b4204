"""Replies that nothing in their text can break (B32, L11)."""

import pytest

from ftpstwist.wire.reply import MAX_LINE_OCTETS, Reply, quote_pathname


@pytest.mark.parametrize(
    ("reply", "octets"),
    [
        pytest.param(Reply(200, "Done"), b"200 Done\r\n", id="one-line"),
        pytest.param(Reply(211, "Features", "MDTM", "End"), b"211-Features\r\n MDTM\r\n211 End\r\n", id="F1-lines"),
        pytest.param(Reply(214, "a", "b"), b"214-a\r\n214 b\r\n", id="two-lines"),
        pytest.param(Reply(550, "a\r\n226 Done"), b"550 a\r\0?226 Done\r\n", id="B32-no-second-reply"),
        pytest.param(Reply(550, "a\0b"), b"550 a?b\r\n", id="nul"),
        pytest.param(Reply(257, "\udcff"), b"257 \xff\xff\r\n", id="L11-iac-doubled"),
        pytest.param(Reply(257, "ä\udce4"), b"257 \xc3\xa4\xe4\r\n", id="I1-utf-8-and-not"),
        pytest.param(Reply(257, "\ud800"), b"257 ?\r\n", id="no-octets-stand-for-it"),
    ],
)
def test_reply_is_written(reply, octets):
    """A file with a wicked name can not make a client see a reply that was never sent."""
    assert reply.encode() == octets


def test_line_is_cut_at_the_limit():
    """No text, however long, becomes an endless line."""
    assert Reply(200, "x" * MAX_LINE_OCTETS).encode() == b"200 " + b"x" * MAX_LINE_OCTETS + b"\r\n"
    assert Reply(200, "x" * (MAX_LINE_OCTETS + 1)).encode() == b"200 " + b"x" * MAX_LINE_OCTETS + b"\r\n"


@pytest.mark.parametrize(("code", "lines"), [(99, ["x"]), (700, ["x"]), (200, [])])
def test_what_is_no_reply_can_not_be_made(code, lines):
    """A mistake of ours is found by the first test that meets it."""
    with pytest.raises(ValueError, match="not a reply"):
        Reply(code, *lines)


@pytest.mark.parametrize(
    ("code", "is_preliminary", "is_positive"),
    [(150, True, True), (226, False, True), (350, False, True), (450, False, False), (550, False, False)],
)
def test_first_digit_tells_the_kind(code, is_preliminary, is_positive):
    """Logs and state follow RFC 959 section 4.2.1."""
    assert (Reply(code, "x").is_preliminary, Reply(code, "x").is_positive) == (is_preliminary, is_positive)


def test_quotes_in_a_pathname_are_doubled():
    """A client finds the end of the pathname in a 257 reply (B23)."""
    assert quote_pathname('a"b') == '"a""b"'
