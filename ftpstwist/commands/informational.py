"""SYST, STAT, HELP, NOOP, FEAT, OPTS, LANG, CLNT, CSID (RFC 959 section 4.1.3, RFC 2389, RFC 2640)."""

from __future__ import annotations

from itertools import islice

from ftpstwist import __version__
from ftpstwist.commands.context import Invocation, Session
from ftpstwist.commands.listing import in_long_lines, open_listing
from ftpstwist.commands.registry import verb
from ftpstwist.session.catalogue import CATALOGUE, EXTRA_FEATURES, CommandRow
from ftpstwist.session.digest import ALGORITHM_OF_VERB
from ftpstwist.wire.listing import feature_of_facts, option_of_facts
from ftpstwist.wire.parameters import (
    parse_client_id,
    parse_fact_list,
    parse_language,
    parse_mode_option,
    parse_utf8_option,
    split_subcommand,
)
from ftpstwist.wire.pathname import decode_name
from ftpstwist.wire.pathname_parameters import parse_list
from ftpstwist.wire.reply import Reply

_VERBS_A_LINE = 8


@verb("SYST")
async def syst(session: Session, command: Invocation) -> Reply:
    """Tell how listings look: as on Unix."""
    return Reply(215, "UNIX Type: L8")


@verb("NOOP")
async def noop(session: Session, command: Invocation) -> Reply:
    """Do nothing, in good order."""
    return Reply(200, "NOOP done")


@verb("STAT")
async def stat(session: Session, command: Invocation) -> Reply:
    """Tell the state of the session, or list a pathname on the control connection."""
    if not command.argument:
        return Reply(211, "State of the session", *_session_lines(session), "End")
    if not session.state.is_logged_in:
        return Reply(530, "Please log in with USER and PASS")
    return await _stat_pathname(session, command.argument)


def _session_lines(session: Session) -> list[str]:
    state, tls = session.state, session.transport.tls
    lines = [
        f"Connected from {session.transport.peer.host}",
        f"Control connection: {f'{tls.version} {tls.cipher}' if tls else 'in clear'}",
        f"User: {state.user}" if state.is_logged_in else "Not logged in",
        f"Type: {state.type.value}, structure: F, mode: {state.mode.value}",
        f"Data protection: {state.level.value}",
    ]
    running = session.transfer
    if running is not None:
        lines.append(f"{running.verb} {running.path}: {running.progress()} octets so far")
    return lines


async def _stat_pathname(session: Session, argument: str) -> Reply:
    limit = session.settings.status_entries
    batches = open_listing(session, parse_list(argument), in_long_lines(session)).lines()
    lines = (line for batch in batches if batch for line in decode_name(batch).removesuffix("\r\n").split("\r\n"))
    first = await session.threads.run(lambda: list(islice(lines, limit + 1)))
    shown = first[:limit]
    end = "End" if len(first) <= limit else f"Only the first {limit} entries; use LIST for all"
    return Reply(213, f"Status of {argument}", *shown, end)


@verb("HELP")
async def help_(session: Session, command: Invocation) -> Reply:
    """Tell all verbs, or the syntax of one."""
    if not command.argument:
        verbs = list(CATALOGUE)
        rows = [verbs[start : start + _VERBS_A_LINE] for start in range(0, len(verbs), _VERBS_A_LINE)]
        return Reply(
            214, "These commands are known", *(" ".join(f"{v:<4}" for v in row).rstrip() for row in rows), "End"
        )
    row = CATALOGUE.get(command.argument.upper())
    if row is None:
        return Reply(502, "Unknown command")
    return Reply(214, f"{row.verb} {row.syntax}".rstrip() + f": {row.purpose} ({row.source})")


@verb("FEAT")
async def feat(session: Session, command: Invocation) -> Reply:
    """Tell the extensions (RFC 2389 section 3)."""
    lines = [_feature(session, row) for row in CATALOGUE.values() if row.feature is not None]
    return Reply(211, "Extensions supported", *sorted([*filter(None, lines), *_extra_features(session)]), "End")


def _extra_features(session: Session) -> list[str]:
    """Return the lines that are no verbs; UTF8 promises that names are in it (RFC 2640 section 3.2)."""
    return [line for line in EXTRA_FEATURES if line != "UTF8" or session.charset.is_utf_8]


def _feature(session: Session, row: CommandRow) -> str | None:
    """Return the line of a verb as it is in this session; ``None`` if it is not done here."""
    digests = session.settings.digests
    match row.verb:
        case "MLST":
            return feature_of_facts(session.state.facts)
        case "HASH":
            return digests.feature(session.state.hash_algorithm)
        case "MODE":
            is_done = session.settings.deflate_level is not None
        case "CCC":
            is_done = session.accepts_ccc
        case "SSCN" | "CPSV":
            is_done = session.accepts_tls_client
        case name if name in ALGORITHM_OF_VERB:
            is_done = ALGORITHM_OF_VERB[name] in digests.algorithms
        case _:
            is_done = True
    return row.feature if is_done else None


@verb("OPTS")
async def opts(session: Session, command: Invocation) -> Reply:
    """Set options (RFC 2389 section 4): UTF8, facts of MLST, algorithm of HASH, level of MODE Z."""
    name, options = split_subcommand(command.argument)
    highest = session.settings.highest_deflate_level
    match name:
        case "MLST":
            session.state.facts = parse_fact_list(options)
            return Reply(200, option_of_facts(session.state.facts))
        case "UTF8" | "UTF-8":
            return _choose_utf8(session, is_on=parse_utf8_option(options))
        case "HASH" if session.settings.digests.algorithms:
            return _choose_algorithm(session, options)
        case "MODE" if session.settings.deflate_level is not None:
            session.state.deflate_level = parse_mode_option(options)
            return Reply(200, f"MODE Z LEVEL is {min(session.state.deflate_level, highest)}")
        case _:
            return Reply(501, "Unknown option")


def _choose_utf8(session: Session, *, is_on: bool) -> Reply:
    """OPTS UTF8: go before what the configuration says of the client's names, or leave them to it."""
    legacy = session.legacy_charset
    if not is_on and legacy is None:
        return Reply(501, "UTF-8 can not be switched off")
    session.state.has_chosen_utf8 = is_on
    return Reply(200, "UTF-8 is on" if is_on or legacy is None else f"Names are in {legacy.label}")


def _choose_algorithm(session: Session, name: str) -> Reply:
    """OPTS HASH: choose the algorithm of HASH, or tell it (draft-bryan-ftpext-hash section 3)."""
    digests, state = session.settings.digests, session.state
    if name:
        chosen = digests.find(name)
        if chosen is None:
            return Reply(504, "Unknown algorithm; FEAT tells those that are known")
        state.hash_algorithm = chosen
    used = state.hash_algorithm or digests.preferred
    return Reply(200, used.value if used else "none")


@verb("LANG")
async def lang(session: Session, command: Invocation) -> Reply:
    """Choose the language of replies: English (RFC 2640 section 4)."""
    tag = parse_language(command.argument)
    if tag and tag != "en" and not tag.startswith("en-"):
        return Reply(504, "Replies are in English only")
    return Reply(200, "Replies are in English")


@verb("CLNT")
async def clnt(session: Session, command: Invocation) -> Reply:
    """Remember the name of the client software, for the logs."""
    session.state.client = command.argument[:100]
    return Reply(200, "Noted")


@verb("CSID")
async def csid(session: Session, command: Invocation) -> Reply:
    """Exchange names of the software on both sides."""
    fields = parse_client_id(command.argument)
    session.state.client = f"{fields.get('name', '')} {fields.get('version', '')}".strip()[:100]
    return Reply(200, f"Name=ftpstwist; Version={__version__};")
