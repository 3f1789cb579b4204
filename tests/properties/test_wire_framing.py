"""Framing and commands, whatever the network and the clients do."""

from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ftpstwist.wire.command import CommandSyntaxError, parse_command
from ftpstwist.wire.framing import LineFramer
from ftpstwist.wire.pathname import decode_name, encode_name

LIMIT = 512
FEW = settings(max_examples=100, deadline=None)

# Octets that mean something come far more often than chance would have it.
pieces = st.sampled_from(
    [b"\xff", b"\xff\xff", b"\xff\xf4", b"\xff\xfb", b"\r", b"\n", b"\r\n", b"\0", b"\r\0", b"a", b"STOR x", b"y" * 300]
)
streams = st.lists(pieces | st.binary(max_size=8), max_size=40).map(b"".join)


@FEW
@given(stream=streams, cuts=st.lists(st.integers(0, 4000), max_size=12))
@example(stream=b"y" * 513 + b"\r\n", cuts=[513, 514])
@example(stream=b"a\r\0\nb\r\n", cuts=[1, 2, 3, 4])
def test_cuts_do_not_matter(stream, cuts):
    """The same octets are the same commands, however the network delivers them (B33, B36, B37)."""
    whole = LineFramer(max_line=LIMIT)
    expected = whole.receive(stream)
    framer = LineFramer(max_line=LIMIT)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    received = [line for start, end in pairwise(edges) for line in framer.receive(stream[start:end])]
    assert received == expected
    assert framer.pending == whole.pending
    assert framer.pending <= LIMIT + 3


@FEW
@given(lines=st.lists(st.binary(max_size=64), max_size=8))
def test_what_a_client_escapes_comes_back(lines):
    """Any octets in a name survive a client that follows RFC 854 and RFC 2640 (I4, B33)."""
    usable = [line.replace(b"\n", b"") for line in lines]
    stream = b"".join(line.replace(b"\r", b"\r\0").replace(b"\xff", b"\xff\xff") + b"\r\n" for line in usable)
    assert LineFramer().receive(stream) == usable


@FEW
@given(line=st.binary(max_size=64) | st.binary(max_size=32).map(lambda name: b"STOR " + name))
def test_a_line_is_a_command_or_no_command(line):
    """Nothing a client sends is a traceback, and a name is what was sent, octet for octet (B34)."""
    try:
        command = parse_command(line)
    except CommandSyntaxError:
        return
    rebuilt = line.lstrip(b" \xff")[len(command.verb) :]
    assert rebuilt in {b"", b" " + encode_name(command.argument)}
    assert command.verb.isascii()
    assert command.verb == command.verb.upper()


@FEW
@given(octets=st.binary(max_size=64))
def test_names_lose_nothing(octets):
    """Names that are not UTF-8 are still names (I2)."""
    assert encode_name(decode_name(octets)) == octets
