"""The TLS handshake of a data connection (RFC 4217 sections 7 and 9): we are the TLS server.

Only between two servers, after SSCN or CPSV, we may be the TLS client.

Runs on the reactor thread: its steps take a millisecond at most. What a TLS
1.3 handshake leaves for the peer are session tickets; they are not sent here
but go out with the first octets of a download, or with the end of an upload
(a client that only writes must find nothing it would have to read).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from twisted.internet.defer import TimeoutError as WaitedTooLong
from twisted.internet.interfaces import IReactorTime

from ftpstwist.dtp.hello import begins_handshake
from ftpstwist.dtp.readiness import ReactorSocket, acknowledge
from ftpstwist.interfaces import TlsChannel, TlsError

_READ_OCTETS = 32 << 10
_OTHER_SERVER = "the other server needs PROT P, too, and only one of the two may be sent SSCN ON or CPSV"


class NoHandshakeError(TlsError):
    """The peer did not even begin a handshake."""


async def shake_hands(
    stream: ReactorSocket,
    channel: TlsChannel,
    *,
    has_begun: bool,
    seconds: float,
    clock: IReactorTime,
    as_client: bool = False,
) -> None:
    """Complete the handshake.

    Args:
        stream: The connection.
        channel: Fresh, or fed with the ClientHello already.
        has_begun: Whether it was fed.
        seconds: For all of it.
        clock: Measures them.
        as_client: Whether *channel* is that of a TLS client.

    Raises:
        TlsError: It failed, broke off or took too long; an alert was sent if there was one.
        NoHandshakeError: Not one octet of a handshake came.
    """
    deadline = clock.seconds() + seconds
    is_first = not has_begun and not as_client

    def left() -> float:
        remaining = deadline - clock.seconds()
        if remaining <= 0:  # a client may send octet by octet and never let us wait
            raise WaitedTooLong
        return remaining

    try:
        while not channel.handshake():
            await _send_all(stream, channel, left)
            _feed(channel, await _receive(stream, left), is_first=is_first)
            is_first = False
        if as_client or channel.facts.version != "TLSv1.3":
            await _send_all(stream, channel, left)
    except WaitedTooLong as error:
        kind = NoHandshakeError if is_first else TlsError
        raise kind(
            f"no complete TLS handshake on the data connection in {seconds:g} s",
            _OTHER_SERVER if as_client else "the client must begin TLS on data connections after PROT P",
        ) from error
    except OSError as error:
        raise TlsError(f"the data connection broke in the TLS handshake: {error.strerror}") from error
    except TlsError:
        _send_alert(stream, channel)
        raise


def _feed(channel: TlsChannel, octets: bytes, *, is_first: bool) -> None:
    if is_first and not octets:
        raise NoHandshakeError(
            "the client closed the data connection without a TLS handshake",
            "the client, or a device between, ended it: the client's log tells more",
            truncated=True,
        )
    if is_first and not begins_handshake(octets):
        raise NoHandshakeError(
            "the client sent octets in clear where a TLS handshake was due",
            "the client must begin TLS on data connections after PROT P",
        )
    if octets:
        channel.feed(octets)
        return
    channel.feed_end()
    channel.handshake()  # knows best how far it got, and says so
    raise TlsError("the data connection ended in the middle of the TLS handshake", truncated=True)


async def _receive(stream: ReactorSocket, left: Callable[[], float]) -> bytes:
    while True:
        seconds = left()
        try:
            return stream.plain.recv(_READ_OCTETS)
        except BlockingIOError:
            acknowledge(stream.plain)
            await stream.readable(seconds)


async def _send_all(stream: ReactorSocket, channel: TlsChannel, left: Callable[[], float]) -> None:
    while octets := channel.drain():
        pending = memoryview(octets)
        while pending:
            seconds = left()
            try:
                pending = pending[stream.plain.send(pending) :]
            except BlockingIOError:
                await stream.writable(seconds)


def _send_alert(stream: ReactorSocket, channel: TlsChannel) -> None:
    with contextlib.suppress(OSError):
        stream.plain.send(channel.drain())
