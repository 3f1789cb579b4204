"""Octets become lines, Telnet and all (B33, B36, B37, I4, K1)."""

import sys

import pytest

from ftpstwist.wire.framing import MIN_LINE_OCTETS, LineFramer, OverlongLine

LIMIT = 600
OVERLONG = OverlongLine()


@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        pytest.param(b"NOOP\r\n", [b"NOOP"], id="crlf"),
        pytest.param(b"NOOP\n", [b"NOOP"], id="bare-lf"),
        pytest.param(b"\r\n\n", [b"", b""], id="empty-lines"),
        pytest.param(b"NOOP\r\n" * 20, [b"NOOP"] * 20, id="B36-twenty-commands-in-one-packet"),
        pytest.param(b"NOOP", [], id="no-end-yet"),
        pytest.param(b"a\rb\r\n", [b"a\rb"], id="lone-cr-inside"),
        pytest.param(b"a\r\r\n", [b"a\r"], id="only-one-cr-belongs-to-the-end"),
        pytest.param(b"a\r\0b\r\n", [b"a\rb"], id="I4-cr-nul-is-cr"),
        pytest.param(b"a\r\0\r\n", [b"a\r"], id="I4-name-ends-with-cr"),
        pytest.param(b"STOR a\r\0\nDELE b\r\n", [b"STOR a\r\nDELE b"], id="I4-lf-in-name-is-no-command"),
        pytest.param(b"a\0b\r\n", [b"a\0b"], id="nul-elsewhere-stays"),
        pytest.param(b"a\xff\xffb\r\n", [b"a\xffb"], id="B33-doubled-iac"),
        pytest.param(b"a\xff\xff\xff\xffb\r\n", [b"a\xff\xffb"], id="B33-doubled-iac-twice"),
        pytest.param(b"\xff\xf4\xff\xf2ABOR\r\n", [b"ABOR"], id="T23-interrupt-process-and-data-mark"),
        pytest.param(b"\xff\xf6NO\xff\xf1OP\r\n", [b"NOOP"], id="are-you-there-and-no-operation"),
        pytest.param(b"\xff\xfb\x01\xff\xfc\x02\xff\xfd\x03\xff\xfe\x04NOOP\r\n", [b"NOOP"], id="B33-negotiation"),
        pytest.param(b"\xff\xfd\nNOOP\r\n", [b"NOOP"], id="option-number-10-is-no-line-end"),
        pytest.param(b"\xff\xfb\xffNOOP\r\n", [b"NOOP"], id="option-number-255-is-no-iac"),
        pytest.param(b"a\r\xff\xf1\0b\r\n", [b"a\rb"], id="telnet-lies-below-cr-nul"),
        pytest.param(b"a\xffb\r\n", [b"a\xffb"], id="B33-latin-1-not-doubled"),
        pytest.param(b"a\xff\r\n", [b"a\xff"], id="latin-1-at-the-end"),
        pytest.param(b"x" * LIMIT + b"\r\n", [b"x" * LIMIT], id="B37-at-the-limit"),
        pytest.param(b"x" * LIMIT + b"\n", [b"x" * LIMIT], id="B37-at-the-limit-bare-lf"),
        pytest.param(b"x" * (LIMIT + 1) + b"\r\n", [OVERLONG], id="B37-one-beyond-the-limit"),
        pytest.param(b"x" * (LIMIT + 1) + b"\n", [OVERLONG], id="B37-one-beyond-the-limit-bare-lf"),
        pytest.param(b"x" * 9999 + b"\r\nNOOP\r\n", [OVERLONG, b"NOOP"], id="B37-resync-at-next-line"),
        pytest.param(b"x" * 9999, [OVERLONG], id="B37-reported-before-its-end"),
        pytest.param(b"x" * 9999 + b"\r\0\nDELE b\r\nNOOP\n", [OVERLONG, b"NOOP"], id="B37-skipped-to-the-true-end"),
        pytest.param(b"a\r\0\n" * LIMIT, [OVERLONG], id="B37-line-feeds-in-names-count"),
        pytest.param(b"\xff\xf1" * 9999 + b"NOOP\r\n", [b"NOOP"], id="dropped-telnet-does-not-count"),
    ],
)
class TestFraming:
    """Every row, whole and octet by octet: what the network does to the stream must not matter."""

    def test_in_one_piece(self, octets, lines):
        """Pipelining clients get every command done, in order."""
        assert LineFramer(max_line=LIMIT).receive(octets) == lines

    def test_octet_by_octet(self, octets, lines):
        """A slow or tunnelled client gets the same session as a fast one."""
        framer = LineFramer(max_line=LIMIT)
        received = [line for octet in octets for line in framer.receive(bytes([octet]))]
        assert received == lines


def test_endless_line_holds_no_memory():
    """A client that sends one line of a megabyte costs one 500 and not a megabyte (B37)."""
    framer = LineFramer()
    markers = [line for _ in range(16) for line in framer.receive(b"x" * 65536)]
    assert markers == [OVERLONG]
    assert framer.pending <= 2
    assert sys.getsizeof(framer._held) < 1024
    assert framer.receive(b"\r\nNOOP\r\n") == [b"NOOP"]


def test_longest_line_is_the_most_that_is_held():
    """The memory of a connection before login is known beforehand (K13)."""
    framer = LineFramer(max_line=LIMIT)
    assert framer.receive(b"x" * LIMIT + b"\r\xff\xfb") == []
    assert framer.pending == LIMIT + 3


@pytest.mark.parametrize(
    ("octets", "was_held"),
    [
        pytest.param(b"", False, id="nothing"),
        pytest.param(b"AUTH TLS\r\n", False, id="whole-line"),
        pytest.param(b"AUTH TLS\r\nUSER x", True, id="K1-half-a-line"),
        pytest.param(b"AUTH TLS\r\n\xff", True, id="K1-half-a-telnet-command"),
        pytest.param(b"x" * 9999, True, id="K1-rest-of-an-overlong-line"),
    ],
)
def test_clear_forgets_and_tells(octets, was_held):
    """Plaintext sent behind AUTH never becomes part of a command inside TLS (K1)."""
    framer = LineFramer()
    framer.receive(octets)
    assert framer.clear() is was_held
    assert framer.pending == 0
    assert framer.receive(b"PWD\r\n") == [b"PWD"]


def test_limit_too_low_is_refused():
    """A configuration that would cut ordinary pathnames is found out at start (B37)."""
    assert LineFramer(max_line=MIN_LINE_OCTETS).receive(b"x\n") == [b"x"]
    with pytest.raises(ValueError, match="512"):
        LineFramer(max_line=MIN_LINE_OCTETS - 1)
