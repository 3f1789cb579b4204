"""From a judged command to its one final reply: runs the coroutine, turns kinds of errors into replies.

The only place where an error meets a reply code, and the only one where a
coroutine becomes a Deferred. Clients get fixed texts and harmless hints; the
log gets the causes.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from ftpstwist.commands.context import Invocation, Session
from ftpstwist.commands.verbs import coroutine_of
from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.session.catalogue import CommandRow
from ftpstwist.wire.errors import ArgumentError, ArgumentSyntaxError
from ftpstwist.wire.hostport import UnsupportedProtocol
from ftpstwist.wire.pathname import PathnameError
from ftpstwist.wire.reply import Reply

_log = Logger()

CODES: dict[ErrorKind, int] = {
    ErrorKind.NOT_FOUND: 550,
    ErrorKind.EXISTS: 550,
    ErrorKind.NOT_A_DIRECTORY: 550,
    ErrorKind.IS_A_DIRECTORY: 550,
    ErrorKind.NOT_A_FILE: 550,
    ErrorKind.NOT_EMPTY: 550,
    ErrorKind.PERMISSION_DENIED: 550,
    ErrorKind.NAME_NOT_ALLOWED: 553,
    ErrorKind.BUSY: 450,
    ErrorKind.NO_SPACE: 452,
    ErrorKind.QUOTA_EXCEEDED: 552,
    ErrorKind.FILE_TOO_LARGE: 552,
    ErrorKind.BAD_RESTART: 554,
    ErrorKind.UNSUPPORTED: 502,
    ErrorKind.STORAGE_FAILED: 451,
    ErrorKind.LOGIN_REFUSED: 530,
    ErrorKind.LOGIN_UNAVAILABLE: 421,
    ErrorKind.TOO_MANY_SESSIONS: 421,
    ErrorKind.NO_DATA_PORT: 425,
    ErrorKind.TARGET_NOT_ALLOWED: 504,
    ErrorKind.DATA_NOT_PREPARED: 425,
    ErrorKind.DATA_NOT_OPENED: 425,
    ErrorKind.DATA_LOST: 426,
    ErrorKind.DATA_STALLED: 426,
    ErrorKind.DATA_TLS_FAILED: 522,
    ErrorKind.DATA_TLS_TRUNCATED: 426,
    ErrorKind.DATA_MALFORMED: 426,
    ErrorKind.ABORTED: 426,
}
"""Every kind of error and its reply code (RFC 959 section 5.4, RFC 4217 sections 10 and 11)."""


def start(session: Session, row: CommandRow, invocation: Invocation) -> Deferred[Reply]:
    """Begin a command; cancelling the Deferred aborts it, and it still fires with a reply when all is released."""
    return Deferred.fromCoroutine(_perform(session, row, invocation))


async def _perform(session: Session, row: CommandRow, invocation: Invocation) -> Reply:
    try:
        return await coroutine_of(row)(session, invocation)
    except FtpError as error:
        _log.info(
            "{session} {verb} failed: {cause}", session=session.id, verb=row.verb, cause=error.cause or error.kind.value
        )
        return reply_to(error)
    except CancelledError:
        return Reply(426, "The transfer was aborted" if row.is_transfer else "Aborted")
    except ArgumentError as error:
        return Reply(_argument_code(error), error.text)
    except PathnameError as error:
        return Reply(553, f"Not a possible pathname: {error}")
    except Exception:  # noqa: BLE001 - the last net: the session goes on, the log has the traceback
        _log.failure("{session} {verb} met an error of the server", session=session.id, verb=row.verb)
        return Reply(451, "Local error in processing; the log of the server says more")


def reply_to(error: FtpError) -> Reply:
    """Turn an error into its reply."""
    text = error.kind.value[0].upper() + error.kind.value[1:]
    return Reply(CODES[error.kind], f"{text}: {error.hint}" if error.hint else text)


def _argument_code(error: ArgumentError) -> int:
    if isinstance(error, UnsupportedProtocol):
        return 522
    return 501 if isinstance(error, ArgumentSyntaxError) else 504
