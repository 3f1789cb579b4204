"""SITE: the few commands beyond the standards (RFC 959 section 4.1.3). There is no SITE EXEC."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from ftpstwist.commands.context import Invocation, Session
from ftpstwist.commands.registry import verb
from ftpstwist.session.events import FileChanged
from ftpstwist.wire.parameters import split_subcommand
from ftpstwist.wire.pathname_parameters import parse_chmod, parse_utime
from ftpstwist.wire.reply import Reply

_PERMISSION_BITS = 0o777
"""What SITE CHMOD sets; set-user-id, set-group-id and sticky are no business of clients."""


@verb("SITE")
async def site(session: Session, command: Invocation) -> Reply:
    """Hand over to the command behind SITE."""
    name, argument = split_subcommand(command.argument)
    coroutine = _SITE_COMMANDS.get(name)
    if coroutine is None:
        return Reply(504, "Unknown SITE command; SITE HELP lists them")
    return await coroutine(session, argument)


async def _chmod(session: Session, argument: str) -> Reply:
    wanted = parse_chmod(argument)
    path, mode = session.pathname(wanted.pathname), wanted.mode & _PERMISSION_BITS
    await session.threads.run(session.files.set_mode, path, mode)
    session.sink.record(FileChanged(session.ref, session.now(), "SITE CHMOD", str(path)))
    return Reply(200, f"Mode {mode:03o} was set")


async def _utime(session: Session, argument: str) -> Reply:
    change = parse_utime(argument)
    path = session.pathname(change.pathname)
    await session.threads.run(session.files.set_modified, path, change.seconds)
    session.sink.record(FileChanged(session.ref, session.now(), "SITE UTIME", str(path)))
    return Reply(200, "The time of last change was set")


async def _quota(session: Session, argument: str) -> Reply:
    limits = session.identity.limits
    available = await session.threads.run(session.files.available, session.state.working_directory)
    return Reply(
        200,
        "Limits of your account",
        f"Quota: {_octets(limits.quota)}",
        f"Largest file: {_octets(limits.file_size)}",
        f"Available: {_octets(available, unlimited='unknown')}",
        "End",
    )


def _octets(number: int | None, unlimited: str = "unlimited") -> str:
    return unlimited if number is None else f"{number} octets"


async def _help(session: Session, argument: str) -> Reply:
    return Reply(214, "SITE commands", *(f"SITE {name}" for name in _SITE_COMMANDS), "End")


_SITE_COMMANDS: dict[str, Callable[[Session, str], Coroutine[Any, Any, Reply]]] = {
    "CHMOD": _chmod,
    "HELP": _help,
    "QUOTA": _quota,
    "UTIME": _utime,
}
