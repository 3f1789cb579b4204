"""What is kept in memory of small transfers, and what happens where it is too much."""

from __future__ import annotations

import pytest

from ftpstwist.commands.at_hand import HELD_OCTETS, HeldUpload, begin, is_at_hand
from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.wire.pathname import ROOT


class Source:
    """Gives its octets in small pieces."""

    def __init__(self, octets: bytes, error: FtpError | None = None) -> None:
        self.octets = octets
        self.error = error
        self.is_open = True

    def read_into(self, buffer: memoryview) -> int:
        assert self.is_open
        piece, self.octets = self.octets[: min(7, len(buffer))], self.octets[min(7, len(buffer)) :]
        if not piece and self.error is not None:
            raise self.error
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self.is_open = False


class Target:
    """Takes so many octets, and remembers how it ended."""

    path = ROOT / "name"

    def __init__(self, room: int = 1 << 30) -> None:
        self.octets = b""
        self.room = room
        self.ends: list[str] = []

    @property
    def size(self) -> int:
        return len(self.octets)

    def write(self, data) -> None:
        if len(self.octets) + len(data) > self.room:
            raise FtpError(ErrorKind.NO_SPACE, "full")
        self.octets += bytes(data)

    def commit(self) -> None:
        self.ends.append("commit")

    def abandon(self) -> int | None:
        self.ends.append("abandon")
        return len(self.octets)


def read_all(source, size: int = 5) -> bytes:
    octets = b""
    buffer = memoryview(bytearray(size))
    while count := source.read_into(buffer):
        octets += buffer[:count]
    return octets


@pytest.mark.parametrize("length", [0, 1, 29])
def test_short_file_is_whole_and_closed(length):
    """A file shorter than what is read at once needs no second look at the disk."""
    inner = Source(b"x" * length)
    source = begin(lambda: inner, 30)
    assert is_at_hand(source)
    assert not inner.is_open
    assert read_all(source) == b"x" * length


@pytest.mark.parametrize("length", [30, 31, 300])
def test_longer_file_goes_on(length):
    """At and beyond what is read at once, the rest follows, in order and once."""
    octets = bytes(range(100)) * 3
    inner = Source(octets[:length])
    source = begin(lambda: inner, 30)
    assert not is_at_hand(source)
    assert inner.is_open
    assert read_all(source) == octets[:length]
    source.close()
    assert not inner.is_open


def test_file_that_the_kernel_can_send_is_left_to_it():
    """A long file is sent from its first octet on by whoever does it best."""

    class Direct(Source):
        taken_back = 0

        def send_to(self, plain, octets):
            raise NotImplementedError

        def unread(self, octets):
            self.taken_back = octets

    inner = Direct(b"x" * 31)
    assert begin(lambda: inner, 30) is inner
    assert inner.taken_back == 30


def test_file_that_can_not_be_read_is_closed():
    """A disk that fails at once leaves no descriptor behind."""
    inner = Source(b"some", FtpError(ErrorKind.STORAGE_FAILED, "I/O error"))
    with pytest.raises(FtpError):
        begin(lambda: inner, 30)
    assert not inner.is_open


def test_small_upload_is_written_with_the_commit():
    """Nothing waits for the disk before the end."""
    target = Target()
    held = HeldUpload(target)
    held.write(b"x" * HELD_OCTETS)
    assert target.octets == b""
    assert held.size == HELD_OCTETS
    held.commit()
    assert target.octets == b"x" * HELD_OCTETS
    assert target.ends == ["commit"]


def test_larger_upload_is_written_as_it_comes():
    """One octet beyond what is kept: all of it is written, in order, and so is what follows."""
    target = Target()
    held = HeldUpload(target)
    held.write(b"x" * HELD_OCTETS)
    held.write(b"y")
    held.write(b"z")
    assert target.octets == b"x" * HELD_OCTETS + b"yz"
    assert held.size == HELD_OCTETS + 2


def test_no_room_at_the_commit():
    """A full disk is told, and the upload ends: nothing appears under its name."""
    target = Target(room=3)
    held = HeldUpload(target)
    held.write(b"four")
    with pytest.raises(FtpError) as refused:
        held.commit()
    assert target.ends == ["abandon"]
    assert "0 octets were kept" in refused.value.hint


def test_broken_upload_keeps_what_came():
    """What is kept of an incomplete upload is all that came."""
    target = Target()
    held = HeldUpload(target)
    held.write(b"part")
    assert held.abandon() == 4
    assert target.ends == ["abandon"]


def test_broken_upload_without_room():
    """An upload that broke off, and does not fit, is abandoned all the same."""
    target = Target(room=3)
    held = HeldUpload(target)
    held.write(b"four")
    assert held.abandon() == 0
