"""SITE: the few commands beyond the standards (RFC 959 section 4.1.3). There is no SITE EXEC."""

from __future__ import annotations

from dataclasses import replace

from ftpstwist.commands.context import Invocation, Session
from ftpstwist.commands.file_system import PERMISSION_BITS
from ftpstwist.commands.registry import VerbCoroutine, verb
from ftpstwist.commands.trees import copy, copy_from, copy_to, make_link, make_tree, remove_tree
from ftpstwist.interfaces import TellsQuotas
from ftpstwist.session.events import FileChanged
from ftpstwist.wire.parameters import parse_seconds, split_subcommand
from ftpstwist.wire.pathname_parameters import parse_chmod, parse_utime
from ftpstwist.wire.reply import Reply

_LEAST_IDLE_SECONDS = 30
"""Below, a client would throw itself out."""


@verb("SITE")
async def site(session: Session, command: Invocation) -> Reply:
    """Hand over to the command behind SITE."""
    name, argument = split_subcommand(command.argument)
    coroutine = _SITE_COMMANDS.get(name)
    if coroutine is None:
        return Reply(504, "Unknown SITE command; SITE HELP lists them")
    return await coroutine(session, replace(command, argument=argument))


async def _chmod(session: Session, command: Invocation) -> Reply:
    wanted = parse_chmod(command.argument)
    path, mode = session.pathname(wanted.pathname), wanted.mode & PERMISSION_BITS
    await session.threads.run(session.files.set_mode, path, mode)
    session.sink.record(FileChanged(session.ref, session.now(), "SITE CHMOD", str(path)))
    return Reply(200, f"Mode {mode:03o} was set")


async def _utime(session: Session, command: Invocation) -> Reply:
    change = parse_utime(command.argument)
    path = session.pathname(change.pathname)
    await session.threads.run(session.files.set_modified, path, change.seconds)
    session.sink.record(FileChanged(session.ref, session.now(), "SITE UTIME", str(path)))
    return Reply(200, "The time of last change was set")


async def _quota(session: Session, command: Invocation) -> Reply:
    limits, files = session.identity.limits, session.files
    states = await session.threads.run(files.quotas) if isinstance(files, TellsQuotas) else ()
    available = await session.threads.run(session.files.available, session.state.working_directory)
    return Reply(
        200,
        "Limits of your account",
        f"Quota: {_octets(limits.quota)}",
        f"Largest file: {_octets(limits.file_size)}",
        f"Available: {_octets(available, unlimited='unknown')}",
        *(f"{state.used} of {state.limit} {state.what}" for state in states),
        "End",
    )


def _octets(number: int | None, unlimited: str = "unlimited") -> str:
    return unlimited if number is None else f"{number} octets"


async def _idle(session: Session, command: Invocation) -> Reply:
    most = int(session.settings.idle_seconds)
    if command.argument:
        session.state.idle_seconds = parse_seconds(command.argument, least=min(_LEAST_IDLE_SECONDS, most), most=most)
    return Reply(200, f"The session may be idle for {session.idle_seconds:g} seconds, at most {most}")


async def _whoami(session: Session, command: Invocation) -> Reply:
    return Reply(200, " ".join([session.identity.user, *sorted(session.identity.groups)]))


async def _help(session: Session, command: Invocation) -> Reply:
    return Reply(214, "SITE commands", *(f"SITE {name}" for name in _SITE_COMMANDS), "End")


_SITE_COMMANDS: dict[str, VerbCoroutine] = {
    "CHMOD": _chmod,
    "COPY": copy,
    "CPFR": copy_from,
    "CPTO": copy_to,
    "HELP": _help,
    "IDLE": _idle,
    "MKDIR": make_tree,
    "QUOTA": _quota,
    "RMDIR": remove_tree,
    "SYMLINK": make_link,
    "UTIME": _utime,
    "WHOAMI": _whoami,
}
