"""``ftpstwist status``, ``sessions``, ``kick``, ``ban``, ``unban``, ``reload``, ``drain`` and ``certificates``.

They ask the running server, on the socket in its state directory; root may,
and the user that it runs as. Tables are for people, ``--json`` for programs.
The exit status is 0 if it was done.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftpstwist.cli.main import ADMIN, COMMANDS
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.form import Form
from ftpstwist.config.form_numbers import seconds
from ftpstwist.config.load import load
from ftpstwist.observe.escape import escape
from ftpstwist.services.admin import AdminError, ask

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

DONE, FAILED = 0, 1

_PATIENCE_SECONDS = 30.0
_ASKED = {"config", "socket", "json", "command"}


def add_arguments(subparsers: Subparsers) -> None:
    """Add the commands to the command line."""
    for name in ADMIN:
        parser = subparsers.add_parser(name, help=COMMANDS[name], description=__doc__)
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--config", metavar="FILE", help="the configuration file of the server")
        where.add_argument("--socket", metavar="PATH", type=Path, help="its socket, admin.sock in the state directory")
        parser.add_argument("--json", action="store_true", help="print the answer as JSON")
        if name == "kick":
            parser.add_argument("session", help='id of the session, from "ftpstwist sessions" or the logs')
        if name in {"ban", "unban"}:
            parser.add_argument("address", help="IP address; with IPv6 the /64 that it is in is meant")
        if name == "ban":
            parser.add_argument("--for", dest="seconds", type=_read(seconds(least=1)), default=3600.0, metavar="TIME",
                                help="such as 90s, 10m, 2h or 1d; one hour if not given")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Ask the server what the arguments say, and print the answer."""
    arguments = {name: value for name, value in vars(args).items() if name not in _ASKED}
    try:
        socket = args.socket or load(args.config).settings.admin_socket
        answer = ask(socket, args.command, patience=_PATIENCE_SECONDS, **arguments)
    except (ConfigurationError, AdminError) as error:
        print(f"ftpstwist {args.command}: {error}", file=sys.stderr)
        return FAILED
    if args.json:
        print(json.dumps(answer, indent=2))
    else:
        for line in _WORDS[args.command](answer):
            print(line)
    problems = any(each["problem"] for each in answer.get("reloads", ())) and args.command == "reload"
    return FAILED if problems else DONE


def _read(form: Form[float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        return form.read(float(text) if text.isdecimal() else text)

    return read


# --- for people -----------------------------------------------------------------------------------


def _status(answer: dict[str, Any]) -> Iterator[str]:
    state = "takes no new sessions" if answer["draining"] else f"listens on {', '.join(answer['listeners'])}"
    yield f"ftpstwist {answer['version']}, up {_duration(answer['seconds'])}, {state}"
    yield f"{_number(answer['sessions'], 'session')}, {_number(answer['transfers'], 'transfer')}"
    for each in answer.get("workers", ()):
        yield f"worker {each['worker']}: process {each['process']}, {_number(each['sessions'], 'session')}"
    counts, rate = answer["data_connections"], answer["resumption_rate"]
    if rate is not None:
        yield (
            f"{rate:.1%} of the data connections resumed their TLS session "
            f"({counts['resumed']} did, {counts['full_handshake']} shook hands anew)"
        )
    for ban in answer["bans"]:
        yield f"banned: {ban['address']} for {_duration(ban['seconds'])}"
    yield from _reloads(answer)
    if first := answer["first_expiry"]:
        yield f"{escape(first['what'])} is the first to expire, in {first['days']:.1f} days"


def _sessions(answer: dict[str, Any]) -> Iterator[str]:
    heads = ("SESSION", "PEER", "USER", "HOST", "TLS", "UP", "DOING", "MOVED", "RATE", "WAITS FOR", "PATH")
    yield from _table(heads, [_row(each) for each in answer["sessions"]])


def _row(session: dict[str, Any]) -> tuple[str, ...]:
    tls = "in clear" if session["tls"] is None else f"{session['tls']['version']} {session['tls']['cipher']}"
    return (
        session["session"],
        session["peer"],
        session["user"] if session["logged_in"] else f"({session['user']})" if session["user"] else "",
        session["host"],
        f"{tls}, off now" if session["tls"] and session["in_clear"] else tls,
        _duration(session["seconds"]),
        session["doing"],
        _octets(session["octets"]),
        "" if session["octets_per_second"] is None else f"{_octets(session['octets_per_second'])}/s",
        session["waits_for"] or "",
        session["path"] or "",
    )


def _certificates(answer: dict[str, Any]) -> Iterator[str]:
    rows = [(f"{each['days']:.1f}", each["until"], each["what"]) for each in answer["certificates"]]
    yield from _table(("DAYS LEFT", "UNTIL", "WHAT"), rows)


def _reloads(answer: dict[str, Any]) -> Iterator[str]:
    for each in answer["reloads"]:
        outcome = f"not used: {each['problem']}" if each["problem"] else "read anew"
        yield f"{escape(each['what'])}: {escape(outcome)} at {each['time']}"


_WORDS: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "status": _status,
    "sessions": _sessions,
    "kick": lambda _: iter(["the session is ended"]),
    "ban": lambda answer: iter([f"{answer['banned']} is banned; {_number(answer['ended'], 'session')} ended"]),
    "unban": lambda answer: iter([f"{answer['unbanned']} is not banned any more"]),
    "reload": _reloads,
    "drain": lambda answer: iter([f"no new sessions; {_number(answer['sessions'], 'session')} left"]),
    "certificates": _certificates,
}


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield lines with columns as wide as needed; what clients said can not spoil the terminal."""
    cells = [heads, *(tuple(escape(cell) or "-" for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def _duration(number: float) -> str:
    minutes, left = divmod(int(number), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{left:02}s" if minutes else f"{left}s"


def _octets(number: float | None) -> str:
    if number is None:
        return ""
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:  # noqa: PLR2004 - that is what the Ki means
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"
