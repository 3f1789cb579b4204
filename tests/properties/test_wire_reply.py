"""Replies, whatever stands in their text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ftpstwist.wire.framing import LineFramer
from ftpstwist.wire.reply import Reply

texts = st.text(st.characters() | st.sampled_from("\r\n\0\udcff\udc80\ud800 2"), max_size=40)


@settings(max_examples=100, deadline=None)
@given(code=st.integers(100, 699), lines=st.lists(texts, min_size=1, max_size=5))
def test_a_reply_is_one_reply(code, lines):
    """A client that follows RFC 959 sees one reply with as many lines as were meant, and its end is the end (B32)."""
    octets = Reply(code, *lines).encode()
    assert octets.endswith(b"\r\n")
    written = octets[:-2].split(b"\r\n")
    assert len(written) == len(lines)
    assert not any(b"\n" in line for line in written)
    assert all(line.replace(b"\r\0", b"").count(b"\r") == 0 for line in written)
    final = b"%d " % code
    assert [line.startswith(final) for line in written] == [False] * (len(lines) - 1) + [True]
    assert len(lines) == 1 or written[0].startswith(b"%d-" % code)
    assert all(line.startswith(b" ") for line in written[1:-1])


@settings(max_examples=100, deadline=None)
@given(name=st.binary(max_size=40))
def test_a_name_in_a_reply_can_be_read_back(name):
    """The name a client gets from 257 is the name on disk (L11, I2)."""
    usable = name.replace(b"\n", b"").replace(b"\0", b"")
    octets = Reply(257, usable.decode("utf-8", "surrogateescape")).encode()
    assert LineFramer().receive(octets) == [b"257 " + usable]
