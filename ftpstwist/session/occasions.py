"""What hooks can be run on: the kinds of things that happen, as an operator names them, and which event is which."""

from __future__ import annotations

from enum import Enum

from ftpstwist.session.events import (
    Direction,
    Event,
    Expires,
    FileChanged,
    FileTransferred,
    LoggedIn,
    LoginFailed,
    Misused,
    SessionClosed,
    SessionOpened,
    TlsFailed,
)


class Occasion(Enum):
    """A kind of thing that happens; the value is the word of the configuration."""

    CONNECT = "connect"
    LOGIN = "login"
    LOGIN_FAILED = "login-failed"
    UPLOAD = "upload"
    """A whole file is there."""
    UPLOAD_BROKEN = "upload-broken"
    DOWNLOAD = "download"
    """A whole file was sent."""
    DOWNLOAD_BROKEN = "download-broken"
    DELETE = "delete"
    RENAME = "rename"
    MKDIR = "mkdir"
    RMDIR = "rmdir"
    CHANGE = "change"
    """Times, permission bits, a copy or a link."""
    TLS_FAILED = "tls-failed"
    MISUSE = "misuse"
    DISCONNECT = "disconnect"
    EXPIRY = "expiry"
    """A certificate of the server, or a revocation list: 30, 14, 7 days and one day before, and when it is over."""


_TRANSFERS = {
    (Direction.RECEIVED, True): Occasion.UPLOAD,
    (Direction.RECEIVED, False): Occasion.UPLOAD_BROKEN,
    (Direction.SENT, True): Occasion.DOWNLOAD,
    (Direction.SENT, False): Occasion.DOWNLOAD_BROKEN,
}
_CHANGES = {
    "DELE": Occasion.DELETE,
    "RNTO": Occasion.RENAME,
    "MKD": Occasion.MKDIR,
    "SITE MKDIR": Occasion.MKDIR,
    "RMD": Occasion.RMDIR,
    "SITE RMDIR": Occasion.RMDIR,
}
_OTHERS: dict[type[Event], Occasion] = {
    SessionOpened: Occasion.CONNECT,
    SessionClosed: Occasion.DISCONNECT,
    LoggedIn: Occasion.LOGIN,
    LoginFailed: Occasion.LOGIN_FAILED,
    TlsFailed: Occasion.TLS_FAILED,
    Misused: Occasion.MISUSE,
    Expires: Occasion.EXPIRY,
}


def occasion_of(event: Event) -> Occasion | None:
    """Return what happened; ``None`` for what is no occasion."""
    match event:
        case FileTransferred():
            return _TRANSFERS[event.direction, event.complete]
        case FileChanged():
            return _CHANGES.get(event.verb, Occasion.CHANGE)
        case _:
            return _OTHERS.get(type(event))
