"""Attempts that a good server refuses: obsolete versions, foreign protocols, commands smuggled in before TLS.

Each takes a connection of its own, does no harm, and ends before any login.
"""

from __future__ import annotations

import ssl

from ftpstwist.cli.doctor.control import (
    AUTH_ACCEPTED,
    ControlConnection,
    ConversationError,
    Place,
    open_encrypted,
    words,
)
from ftpstwist.cli.doctor.encryption import obsolete_context, trusting_context
from ftpstwist.cli.doctor.finding import Findings, note, ok, problem, serious
from ftpstwist.cli.doctor.patience import Patience

FOREIGN_PROTOCOL = "http/1.1"
MAX_REPLIES = 5
LAST_SECONDS = 2.0
"""Wait for a second reply to one command, which should not come, from a server that does not hang up."""


def try_obsolete_versions(place: Place, patience: Patience) -> Findings[None]:
    """Whether TLS 1.0 or 1.1 still works (RFC 8996 forbids them)."""
    try:
        with open_encrypted(place, obsolete_context(), patience) as control:
            version = control.tls.version()
    except ssl.SSLError:
        yield ok("old versions", "TLS 1.0 and 1.1 are refused")
    except OSError as error:
        yield ok("old versions", f"TLS 1.0 and 1.1 do not work ({words(error)})")
    else:
        yield problem(
            "old versions",
            f"{version} is accepted",
            "On the server: TLS 1.2 and 1.3 only (ProFTPD TLSProtocol TLSv1.2 TLSv1.3; vsftpd ssl_tlsv1=NO; "
            "Pure-FTPd TLSCipherSuite)",
        )


def try_foreign_protocol(place: Place, patience: Patience) -> Findings[None]:
    """Whether a client that asked for another protocol (ALPN, RFC 7301) is let in, as the ALPACA attack needs it."""
    context = trusting_context()
    context.set_alpn_protocols([FOREIGN_PROTOCOL])
    try:
        with open_encrypted(place, context, patience):
            pass
    except ssl.SSLError:
        yield ok("ALPN", "a client that asks for HTTP is refused")
    except OSError as error:
        yield ok("ALPN", f"a client that asks for HTTP is not served ({words(error)})")
    else:
        yield note("ALPN", "a client that asks for HTTP is let in: a browser can be led here (ALPACA)")


def try_injection(place: Place, patience: Patience) -> Findings[None]:
    """Whether a command sent in clear right behind AUTH TLS is obeyed inside TLS (CVE-2011-0411 and its like)."""
    if place.implicit:
        return
    with ControlConnection(place, patience) as control:
        control.reply()
        control.send("AUTH TLS\r\nNOOP")
        try:
            if control.reply().code != AUTH_ACCEPTED:
                yield ok("injection", "commands pipelined behind AUTH TLS are refused")
                return
            control.start_tls(trusting_context())
        except (ConversationError, OSError):
            yield ok("injection", "a connection with commands pipelined behind AUTH TLS comes to nothing")
            return
        if _count_replies(control) > 1:
            yield serious(
                "injection",
                "a command sent in clear is answered inside TLS: an attacker can put words into sessions",
                "On the server: update; it has to throw away what came before the handshake",
            )
        else:
            yield ok("injection", "commands pipelined behind AUTH TLS are thrown away")


def _count_replies(control: ControlConnection) -> int:
    """Count the replies up to the end of the connection; one belongs to QUIT."""
    replies = 0
    try:
        control.send("QUIT")
        while replies < MAX_REPLIES:
            control.reply(LAST_SECONDS if replies else None)
            replies += 1
    except ConversationError:
        pass
    return replies
