"""What happened, as environment variables: for hooks, and for log formats.

Names that start with ``FTP_`` are ours. ``FTPS``, ``TLS_PROTOCOL``,
``TLS_CIPHER``, ``TLS_SERVER_NAME`` and ``TLS_CLIENT_S_DN`` are those that web
servers and ProFTPD's ``StdEnvVars`` use, so that scripts and log formats can
move over; ``REMOTE_ADDR`` and ``REMOTE_USER`` are CGI's (RFC 3875). What is
not known is left out. Values are as they came from the client, without
NUL: whoever puts one into a shell has to quote it.
"""

from __future__ import annotations

import dataclasses
from enum import Enum

from ftpstwist.session.events import Event, TlsFacts
from ftpstwist.session.occasions import occasion_of


def variables(event: Event) -> dict[str, str]:
    """Return the variables of an event; none is empty."""
    session, occasion = event.session, occasion_of(event)
    found: dict[str, object] = {
        "FTP_EVENT": None if occasion is None else occasion.value,
        "FTP_TIME": f"{event.time:.3f}",
        "FTP_SESSION": session.id,
        "FTP_SERVICE": session.service,
        "FTP_CLIENT": session.client,
        "FTP_HOST": session.host,
        "REMOTE_ADDR": session.peer,
        "REMOTE_USER": session.user,
        **_of_tls(session.tls, ""),
    }
    for member in dataclasses.fields(event):
        value = getattr(event, member.name)
        if member.name == "data_tls":
            found |= _of_tls(value, "DATA_")
        elif member.name not in {"session", "time"}:
            found[f"FTP_{member.name.upper()}"] = value
    return {name: _text(value) for name, value in found.items() if value is not None and _text(value)}


def _of_tls(tls: TlsFacts | None, prefix: str) -> dict[str, object]:
    if tls is None:
        return {}
    return {
        f"{prefix}FTPS": "1",
        f"{prefix}TLS_PROTOCOL": tls.version,
        f"{prefix}TLS_CIPHER": tls.cipher,
        f"{prefix}TLS_RESUMED": tls.resumed,
        f"{prefix}TLS_SERVER_NAME": tls.server_name,
        f"{prefix}TLS_CLIENT_S_DN": tls.subject,
        f"{prefix}TLS_CLIENT_FINGERPRINT": tls.certificate,
    }


def _text(value: object) -> str:
    match value:
        case bool():
            return "1" if value else "0"
        case float():
            return f"{value:.3f}"
        case Enum():
            return value.name.lower()
        case _:
            return str(value).replace("\0", "")
