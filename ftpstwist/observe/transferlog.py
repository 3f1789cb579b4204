r"""The transfer log in the format of wu-ftpd's xferlog(5), which every FTP log tool reads.

::

    Mon May  4 08:15:30 2026 3 192.0.2.7 1048576 /a_b.txt b _ o r alice ftp 0 * c

are the end of the transfer in local time, whole seconds taken, peer, octets,
pathname, ASCII or binary, ``_`` or ``C`` (packed on its way), out or in, anonymous or
real user, user, service, ``0 *`` (nobody asked an ident server) and complete or
incomplete. As in wu-ftpd, spaces in names become ``_``; other characters that
would break the line are escaped, see ``observe.escape``.

Logs transfers only: the format has no place for anything else.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ftpstwist.observe.escape import escape
from ftpstwist.session.events import Event, FileTransferred


def xferlog_line(event: Event, *, localtime: Callable[[float], time.struct_time] = time.localtime) -> str | None:
    """Return the line for a transfer, without its end; ``None`` for any other event.

    Args:
        event: What happened.
        localtime: From seconds since the epoch to the time of this place.
    """
    if not isinstance(event, FileTransferred):
        return None
    fields = (
        time.asctime(localtime(event.time)),
        max(1, round(event.seconds)),  # wu-ftpd never wrote 0, and log tools divide by it
        _name(event.session.peer),
        event.octets,
        _name(event.path),
        "a" if event.ascii else "b",
        "_" if event.packed_octets is None else "C",
        event.direction.value,
        "a" if event.anonymous else "r",
        _name(event.session.user),
        "ftp",
        "0",
        "*",
        "c" if event.complete else "i",
    )
    return " ".join(map(str, fields))


def _name(text: str) -> str:
    return escape(text).replace(" ", "_") or "_"
