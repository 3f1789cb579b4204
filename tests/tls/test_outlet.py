"""How octets leave on a control connection."""

import pytest

from ftpstwist.tls.outlet import MAX_HELD, Outlet


class Socket:
    """A socket and its Twisted transport, which remember who took which octets."""

    def __init__(self):
        self.room = 1 << 20
        self.sent = []
        self.queued = []

    def getHandle(self):
        return self

    def send(self, octets):
        if not self.room:
            raise BlockingIOError
        taken = octets[: self.room]
        self.room -= len(taken)
        self.sent.append(taken)
        return len(taken)

    def write(self, octets):
        self.queued.append(octets)


@pytest.fixture
def socket():
    return Socket()


@pytest.fixture
def outlet(socket):
    return Outlet(socket)


def test_a_reply_leaves_at_once(outlet, socket):
    """A client gets its reply without a turn of the reactor."""
    outlet.write(b"220 ready\r\n")
    assert socket.sent == [b"220 ready\r\n"]
    assert not socket.queued


@pytest.mark.parametrize("room", [0, 3])
def test_what_does_not_fit_waits_in_order(outlet, socket, room):
    """A client that does not read gets its replies in order when it reads again; nothing overtakes."""
    socket.room = room
    outlet.write(b"abcdef")
    socket.room = 100
    outlet.write(b"ghi")
    assert b"".join(socket.sent) == b"abcdef"[:room]
    assert b"".join(socket.queued) == b"abcdefghi"[room:]
    outlet.free()
    outlet.write(b"jkl")
    assert socket.sent[-1] == b"jkl"


def test_errors_are_left_to_twisted(outlet, socket):
    """A connection that is gone is noticed where all ends of connections are."""

    def refuse(octets):
        raise BrokenPipeError

    socket.send = refuse
    outlet.write(b"x")
    assert socket.queued == [b"x"]


def test_what_belongs_together_leaves_together(outlet, socket):
    """The end of a handshake and the greeting are one packet, and so are replies to pipelined commands."""
    outlet.hold()
    outlet.write(b"a")
    outlet.hold()
    outlet.write(b"b")
    outlet.release()
    assert not socket.sent
    outlet.flush()
    outlet.write(b"c")
    outlet.release()
    outlet.write(b"d")
    assert socket.sent == [b"ab", b"c", b"d"]


def test_what_is_held_is_bounded(outlet, socket):
    """A thousand commands in one packet do not fill the memory with their replies."""
    outlet.hold()
    outlet.write(b"x" * MAX_HELD)
    assert not socket.sent
    outlet.write(b"y")
    assert sum(map(len, socket.sent)) == MAX_HELD + 1
