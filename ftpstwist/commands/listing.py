"""LIST, NLST, MLSD, MLST (RFC 959 section 4.1.3, RFC 3659 section 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from ftpstwist.commands.at_hand import LISTING_OCTETS, begin
from ftpstwist.commands.context import Invocation, Session
from ftpstwist.commands.file_transfer import closed_at_end, require_data_connection, running_transfer, send
from ftpstwist.commands.lines import Bounds, Form, LineSource, Listing, in_full, names_only, suffice_names
from ftpstwist.commands.registry import verb
from ftpstwist.session.identity import Permissions
from ftpstwist.wire.charset import Charset
from ftpstwist.wire.entry import Entry
from ftpstwist.wire.listing import CURRENT_DIRECTORY, fact_lines, fact_text, long_lines, name_lines
from ftpstwist.wire.pathname import Pathname, decode_name, encode_name
from ftpstwist.wire.pathname_parameters import ListArgument, parse_list
from ftpstwist.wire.reply import Reply

T = TypeVar("T")


@verb("LIST")
async def list_(session: Session, command: Invocation) -> Reply:
    """List a directory as ``ls -l`` does, or one file, or what a wildcard matches."""
    listing = open_listing(session, parse_list(command.argument), in_long_lines(session))
    return await _send_listing(session, command, listing, listing.lines())


@verb("NLST")
async def nlst(session: Session, command: Invocation) -> Reply:
    """List names, each of which RETR understands as it stands (RFC 1123 section 4.1.2.7)."""
    argument = parse_list(command.argument)
    if suffice_names(argument.options):
        names = open_listing(session, argument, names_only(session.files), qualified=True)
        return await _send_listing(session, command, names, names.lines())
    entries = open_listing(session, argument, in_full(session.files, _render_names), qualified=True)
    return await _send_listing(session, command, entries, entries.lines())


@verb("MLSD")
async def mlsd(session: Session, command: Invocation) -> Reply:
    """List a directory for programs: names unqualified, always binary, the directory itself first."""
    path = session.pathname(command.argument)
    entry = await session.threads.run(session.files.stat, path)
    if not entry.is_directory:
        return Reply(501, "MLSD lists directories; use MLST for a file")
    facts, permissions = session.state.facts, session.identity.permissions
    words, exceptions = _words(permissions, path), words_below(permissions, path)
    form = in_full(
        session.files, lambda entries, _: fact_lines(entries, facts, words, exceptions), unique="unique" in facts
    )
    listing = open_listing(session, ListArgument(frozenset(), command.argument), form)

    def lines() -> Iterator[bytes]:
        entries = listing.directory(path)  # opened before the first line is made, so that a refusal comes before 150
        if "type" in facts:
            yield encode_name(fact_text(entry, facts, words, name=".", type_=CURRENT_DIRECTORY) + "\r\n")
        yield from entries

    return await _send_listing(session, command, listing, lines())


@verb("MLST")
async def mlst(session: Session, command: Invocation) -> Reply:
    """Describe one name on the control connection."""
    path = session.pathname(command.argument)
    entry = await session.threads.run(session.files.stat, path)
    words = _words(session.identity.permissions, path)
    return Reply(250, f"Facts about {path}", fact_text(entry, session.state.facts, words, name=str(path)), "End")


def open_listing(session: Session, argument: ListArgument, form: Form[T], *, qualified: bool = False) -> Listing[T]:
    """Return what *argument* asks for, not begun yet."""
    bounds = Bounds(session.settings.listing_depth, session.settings.listing_entries)
    return Listing(session.files, form, session.state.working_directory, argument, bounds, qualified=qualified)


def in_long_lines(session: Session) -> Form[Entry]:
    """Return the form of ``ls -l`` at this moment."""
    now = session.now()
    return in_full(session.files, lambda entries, prefix: long_lines(entries, now, prefix))


def _render_names(entries: Iterable[Entry], prefix: str) -> bytes:
    return name_lines([entry.name for entry in entries], prefix)


async def _send_listing(session: Session, command: Invocation, listing: Listing[T], lines: Iterator[bytes]) -> Reply:
    require_data_connection(session, command)
    source = await session.threads.run(begin, lambda: LineSource(_encoded(session.charset, lines)), LISTING_OCTETS)
    async with closed_at_end(session, source):
        with running_transfer(session, command, listing.path) as transfer:
            await send(session, command, source, transfer, is_file=False)
    return Reply(226, " ".join(["Listing sent;", str(listing.omissions)]).rstrip(" ;"))


def _encoded(charset: Charset, batches: Iterator[bytes]) -> Iterator[bytes]:
    """Return lines in the client's character set; they are made in UTF-8."""
    return batches if charset.is_utf_8 else (charset.octets(decode_name(batch)) for batch in batches)


def words_below(permissions: Permissions, directory: Pathname) -> dict[str, frozenset[str]]:
    """Return, by name, the words of ``perm`` for what rules in *directory* are about: the others have its own."""
    depth = len(directory.parts)
    below = [rule.prefix for rule in permissions.rules if rule.prefix != directory and rule.prefix.is_within(directory)]
    return {prefix.parts[depth]: _words(permissions, directory / prefix.parts[depth]) for prefix in below}


def _words(permissions: Permissions, path: Pathname) -> frozenset[str]:
    """Return what is allowed for *path*, in the words that ``perm`` is made of (RFC 3659 section 7.5.5)."""
    return frozenset(permission.value for permission in permissions.at(path))
