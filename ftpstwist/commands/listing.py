"""LIST, NLST, MLSD, MLST (RFC 959 section 4.1.3, RFC 3659 section 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ftpstwist.commands.at_hand import LISTING_OCTETS, BegunSource
from ftpstwist.commands.context import Invocation, Session
from ftpstwist.commands.file_transfer import closed_at_end, require_data_connection, running_transfer, send
from ftpstwist.commands.lines import Bounds, Line, LineSource, Listing
from ftpstwist.commands.registry import verb
from ftpstwist.session.identity import Permissions
from ftpstwist.wire.listing import CURRENT_DIRECTORY, fact_line, fact_text, long_line, name_line
from ftpstwist.wire.pathname import Pathname
from ftpstwist.wire.pathname_parameters import ListArgument, parse_list
from ftpstwist.wire.reply import Reply

MakeLines = Callable[[Listing], Iterator[bytes]]


@verb("LIST")
async def list_(session: Session, command: Invocation) -> Reply:
    """List a directory as ``ls -l`` does, or one file, or what a wildcard matches."""
    argument = parse_list(command.argument)
    return await _send_listing(session, command, argument, lambda listing: listing.lines(long_lines(session)))


@verb("NLST")
async def nlst(session: Session, command: Invocation) -> Reply:
    """List names, each of which RETR understands as it stands (RFC 1123 section 4.1.2.7)."""
    argument = parse_list(command.argument)
    return await _send_listing(
        session, command, argument, lambda listing: listing.lines(lambda _, name: name_line(name)), qualified=True
    )


@verb("MLSD")
async def mlsd(session: Session, command: Invocation) -> Reply:
    """List a directory for programs: names unqualified, always binary, the directory itself first."""
    path = session.pathname(command.argument)
    entry = await session.threads.run(session.files.stat, path)
    if not entry.is_directory:
        return Reply(501, "MLSD lists directories; use MLST for a file")
    facts, permissions = session.state.facts, session.identity.permissions

    def lines(listing: Listing) -> Iterator[bytes]:
        own = _words(permissions, path)
        below = words_below(permissions, path)
        # Opened before the first line is made, so that a refusal comes before 150.
        entries = listing.directory(path, lambda each, name: fact_line(each, facts, below(name)))
        if "type" in facts:
            yield fact_line(entry, facts, own, name=".", type_=CURRENT_DIRECTORY)
        yield from entries

    return await _send_listing(session, command, ListArgument(frozenset(), command.argument), lines)


@verb("MLST")
async def mlst(session: Session, command: Invocation) -> Reply:
    """Describe one name on the control connection."""
    path = session.pathname(command.argument)
    entry = await session.threads.run(session.files.stat, path)
    words = _words(session.identity.permissions, path)
    return Reply(250, f"Facts about {path}", fact_text(entry, session.state.facts, words, name=str(path)), "End")


def open_listing(session: Session, argument: ListArgument, *, qualified: bool = False) -> Listing:
    """Return what *argument* asks for, not begun yet."""
    bounds = Bounds(session.settings.listing_depth, session.settings.listing_entries)
    return Listing(session.files, session.state.working_directory, argument, bounds, qualified=qualified)


def long_lines(session: Session) -> Line:
    """Return what renders entries as ``ls -l`` does at this moment."""
    now = session.now()
    return lambda entry, name: long_line(entry, now, name=name)


async def _send_listing(
    session: Session, command: Invocation, argument: ListArgument, make_lines: MakeLines, *, qualified: bool = False
) -> Reply:
    require_data_connection(session, command)
    listing = open_listing(session, argument, qualified=qualified)
    source = await session.threads.run(BegunSource, lambda: LineSource(make_lines(listing)), LISTING_OCTETS)
    path = session.pathname(argument.pathname)
    async with closed_at_end(session, source), running_transfer(session, command, path) as transfer:
        await send(session, command, source, transfer, is_file=False)
    return Reply(226, " ".join(["Listing sent;", str(listing.omissions)]).rstrip(" ;"))


def words_below(permissions: Permissions, directory: Pathname) -> Callable[[str], frozenset[str]]:
    """Return what tells the words of ``perm`` for a name in *directory*; cheap where no rule lies below it."""
    if any(rule.prefix != directory and rule.prefix.is_within(directory) for rule in permissions.rules):
        return lambda name: _words(permissions, directory / name)
    words = _words(permissions, directory)
    return lambda _: words


def _words(permissions: Permissions, path: Pathname) -> frozenset[str]:
    """Return what is allowed for *path*, in the words that ``perm`` is made of (RFC 3659 section 7.5.5)."""
    return frozenset(permission.value for permission in permissions.at(path))
