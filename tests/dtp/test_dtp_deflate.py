"""MODE Z without sockets: octets that come in any pieces, and the limits of what they unpack to."""

from __future__ import annotations

import zlib

import pytest

from ftpstwist.dtp.deflate import DeflatedSource, InflateLimits, InflatingSink
from ftpstwist.interfaces import ErrorKind, FtpError
from tests.dtp.dtp_support import Sink, Source

MEGABYTE = 1 << 20


def sink(inner, *, ascii_type=False, **limits):
    return InflatingSink(inner, limits=InflateLimits(**limits), ascii_type=ascii_type)


def packed(content, *, piece, level=6, ascii_type=False):
    source, pieces = DeflatedSource(Source(content), level=level, ascii_type=ascii_type), []
    buffer = memoryview(bytearray(piece))
    while count := source.read_into(buffer):
        pieces.append(bytes(buffer[:count]))
    assert source.octets == len(content)
    source.close()
    return b"".join(pieces)


@pytest.mark.parametrize("piece", [1, 7, 100_000])
@pytest.mark.parametrize("ascii_type", [False, True])
def test_any_pieces_will_do(piece, ascii_type):
    """X8: the network cuts where it likes."""
    content = b"one\ntwo\n" * 5000
    octets = packed(content, piece=piece, ascii_type=ascii_type)
    assert (b"\r\n" in zlib.decompress(octets)) is ascii_type
    inner = Sink()
    unpacking = sink(inner, ascii_type=ascii_type)
    for start in range(0, len(octets), piece):
        unpacking.write(octets[start : start + piece])
    unpacking.finish()
    assert bytes(inner.octets) == content
    assert unpacking.octets == len(content)


@pytest.mark.parametrize(("limit", "fits"), [(MEGABYTE, True), (MEGABYTE - 1, False)])
def test_height_at_cap_and_beyond(limit, fits):
    """K13: not one octet more than the limit reaches the file."""
    inner = Sink()
    unpacking = sink(inner, ratio=2000, octets=limit)
    if fits:
        unpacking.write(zlib.compress(bytes(MEGABYTE)))
        unpacking.finish()
    else:
        with pytest.raises(FtpError) as caught:
            unpacking.write(zlib.compress(bytes(MEGABYTE)))
        assert caught.value.kind is ErrorKind.FILE_TOO_LARGE
    assert len(inner.octets) <= limit


def test_ratio_at_cap_and_beyond():
    """K13: steepness counts from one MiB on."""
    octets = zlib.compress(bytes(4 * MEGABYTE))
    ratio = -(-4 * MEGABYTE // len(octets))
    unpacking = sink(Sink(), ratio=ratio)
    unpacking.write(octets)
    unpacking.finish()
    with pytest.raises(FtpError) as caught:
        sink(Sink(), ratio=ratio - 1).write(octets)
    assert caught.value.kind is ErrorKind.FILE_TOO_LARGE
    sink(Sink(), ratio=1).write(zlib.compress(bytes(MEGABYTE)))


def test_what_the_file_refuses_comes_through():
    """X8: a quota stops an upload in the middle of a packed piece."""
    full = FtpError(ErrorKind.QUOTA_EXCEEDED)
    inner = Sink(failing_beyond=300_000, error=full)
    with pytest.raises(FtpError) as caught:
        sink(inner, ratio=2000).write(zlib.compress(bytes(MEGABYTE)))
    assert caught.value is full
    assert len(inner.octets) <= 300_000
