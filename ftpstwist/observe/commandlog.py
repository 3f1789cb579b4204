r"""The command log: one line for each command, and for what else happens in a session.

::

    2026-05-04T08:15:30.125Z k3f9 192.0.2.7 alice explicit TLSv1.3 "RETR /a b.txt" 226 1048576 0.731

are time (UTC), session, peer, user, service, TLS version, the command as given,
its reply code, octets moved and seconds taken; a hyphen stands for nothing.
For other events a word in capitals and its facts follow the first six fields::

    … OPENED
    … LOGIN method=password
    … LOGIN-FAILED reason="wrong password"
    … TLS-FAILED channel=control client="lftp" cause="…" remedy="…" offered="…"
    … OBSOLETE-TLS version=TLSv1 cipher=AES128-SHA client="…"
    … MISUSED kind=starttls-injection client="…" detail="…" remedy="…"
    … CLOSED seconds=12.250 client="…" reason="QUIT"

Files that were transferred or changed have their own logs and make no line
here beyond the command's. No line ever holds a password: events have none.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ftpstwist.observe.escape import quote, word
from ftpstwist.session.events import (
    CommandAnswered,
    Event,
    LoggedIn,
    LoginFailed,
    Misused,
    ObsoleteTls,
    SessionClosed,
    SessionOpened,
    TlsFailed,
)


def command_line(event: Event) -> str | None:
    """Return the line for an event, without its end; ``None`` for events that make none."""
    facts = _facts(event)
    return None if facts is None else f"{_context(event)} {facts}"


def utc(seconds: float) -> str:
    """Return a time, seconds since the epoch, as ISO 8601 writes it, in UTC to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _context(event: Event) -> str:
    session = event.session
    version = session.tls.version if session.tls else ""
    fields = (session.id, session.peer, session.user, session.service, version)
    return f"{utc(event.time)} {' '.join(map(word, fields))}"


def _facts(event: Event) -> str | None:
    client = quote(event.session.client)
    facts: str | None = None
    match event:
        case CommandAnswered():
            octets = "-" if event.octets is None else event.octets
            facts = f"{quote(event.command)} {event.code} {octets} {event.seconds:.3f}"
        case SessionOpened():
            facts = "OPENED"
        case SessionClosed():
            facts = f"CLOSED seconds={event.seconds:.3f} client={client} reason={quote(event.reason)}"
        case LoggedIn():
            facts = f"LOGIN method={word(event.method)}"
        case LoginFailed():
            facts = f"LOGIN-FAILED reason={quote(event.reason)}"
        case TlsFailed():
            facts = (
                f"TLS-FAILED channel={word(event.channel)} client={client} cause={quote(event.cause)}"
                f" remedy={quote(event.remedy)} offered={quote(event.offered)}"
            )
        case ObsoleteTls():
            facts = f"OBSOLETE-TLS version={word(event.version)} cipher={word(event.cipher)} client={client}"
        case Misused():
            detail, remedy = quote(event.detail), quote(event.remedy)
            facts = f"MISUSED kind={word(event.kind)} client={client} detail={detail} remedy={remedy}"
    return facts
