"""What can go wrong with a command, free of reply codes."""

from __future__ import annotations

from enum import Enum


class ErrorKind(Enum):
    """What went wrong, free of reply codes: ``pi.dispatch`` turns each kind into its reply, once."""

    NOT_FOUND = "no such file or directory"
    EXISTS = "the name is already taken"
    NOT_A_DIRECTORY = "not a directory"
    IS_A_DIRECTORY = "is a directory"
    NOT_A_FILE = "not a regular file"
    NOT_EMPTY = "the directory is not empty"
    PERMISSION_DENIED = "permission denied"
    NAME_NOT_ALLOWED = "file name not allowed"
    BUSY = "in use, try again"
    NO_SPACE = "no space left"
    QUOTA_EXCEEDED = "quota exceeded"
    FILE_TOO_LARGE = "the file is larger than allowed"
    BAD_RESTART = "the restart marker does not fit the file"
    UNSUPPORTED = "not supported by this storage"
    STORAGE_FAILED = "local error in processing"
    LOGIN_REFUSED = "login incorrect"
    LOGIN_UNAVAILABLE = "login is not possible now"
    TOO_MANY_SESSIONS = "too many sessions"
    NO_DATA_PORT = "no data port is free"
    TARGET_NOT_ALLOWED = "no data connection may be made to that address or port"
    DATA_NOT_PREPARED = "use EPSV or PASV (or PORT) first"
    DATA_NOT_OPENED = "no data connection was opened in time"
    DATA_LOST = "the data connection was lost"
    DATA_STALLED = "the data connection stalled"
    DATA_TLS_FAILED = "TLS on the data connection failed"
    DATA_TLS_TRUNCATED = "the data connection ended without close_notify"
    DATA_MALFORMED = "the packed data is not whole, or not in the ZLIB format"
    ABORTED = "aborted"


class FtpError(Exception):
    """A command could not be done.

    Args:
        kind: What the client is told, by way of its kind.
        cause: What the log is told: the whole truth, host paths and numbers included.
        hint: Words that may be shown to the client behind the fixed text; never a path of the host.
    """

    def __init__(self, kind: ErrorKind, cause: str = "", hint: str = "") -> None:
        super().__init__(f"{kind.name}: {cause or hint or kind.value}")
        self.kind = kind
        self.cause = cause
        self.hint = hint
