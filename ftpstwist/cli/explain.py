"""``ftpstwist explain``: tell what happened in a session that did not go well, and what would help."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.load import load
from ftpstwist.observe.recorder import SUFFIX, record_path

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

DONE, FAILED = 0, 1
_ADVICE = {
    421: "the server ended the session; the reply said why",
    425: "the data connection did not arrive: open the passive ports in the firewall, or let the client use EPSV",
    426: "the transfer broke off on the way; nothing incomplete stands under a name that existed",
    451: "the server met an error of its own; its log has the details",
    452: "the disk is full",
    521: "switch on encryption of data connections in the client (PROT P)",
    522: "the TLS of the data connection was refused: let the client reuse its TLS session",
    534: "the client asked for unprotected transfers; switch on encryption of data connections",
    552: "the account's quota or file size limit is used up",
}


def add_arguments(subparsers: Subparsers) -> None:
    """Add ``explain`` to the command line."""
    parser = subparsers.add_parser("explain", help="tell what happened in a failed session", description=__doc__)
    parser.add_argument("session", nargs="?", help="id of the session, as the logs have it; without it all are listed")
    parser.add_argument("--config", metavar="FILE", required=True, help="the configuration file of the server")


def run(args: argparse.Namespace) -> int:
    """Explain the session that the arguments name; 1 if there is no record of it."""
    try:
        folder = load(args.config).settings.failed_sessions
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return FAILED
    if args.session is None:
        return _list(folder)
    try:
        lines = record_path(folder, args.session).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        print(f"There is no record of session {args.session} in {folder}. Only failed sessions are kept, "
              "the newest [log] failed_sessions of them.", file=sys.stderr)  # fmt: skip
        return FAILED
    for line in explain([json.loads(line) for line in lines]):
        print(line)
    return DONE


def _list(folder: Path) -> int:
    records = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
    for path in records:
        last = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
        print(f"{path.stem}  {last['time']}  {last['peer']}  {last['user'] or '-'}  {last.get('reason', '')}")
    if not records:
        print(f"No session has failed, or none is kept in {folder}.")
    return DONE


def explain(events: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the story of a session line by line.

    Args:
        events: As the JSON log has them, oldest first; at least one.
    """
    newest = events[-1]
    tls = newest["tls"]
    protection = f"{tls['version']} {tls['cipher']}" if tls else "in clear"
    yield f"Session {newest['session']} of {newest['peer']}, {newest['service']} TLS, {protection}"
    host = f" at {newest['host']}" if newest.get("host") else ""
    yield f"User {newest['user'] or '-'}{host}, client {newest['client'] or 'unknown'}"
    yield ""
    start = datetime.fromisoformat(events[0]["time"])
    for event in events:
        seconds = (datetime.fromisoformat(event["time"]) - start).total_seconds()
        yield f"{seconds:9.3f}  {_words(event)}"
    advice = list(dict.fromkeys(line for event in events for line in _advice(event)))
    if advice:
        yield ""
        yield "What went wrong, and what would help"
        yield from (f"  {line}" for line in advice)


def _words(event: dict[str, Any]) -> str:
    if event["event"] == "command_answered":
        command = f"{event['verb']} {event['argument']}".rstrip()
        octets = "" if event["octets"] is None else f", {event['octets']} octets"
        return f"{command}: {event['code']}{octets} in {event['seconds']:.3f} s"
    facts = [
        f"{name} {value}"
        for name, value in event.items()
        if name not in _COMMON and isinstance(value, str | int | float) and value != ""
    ]
    return f"{event['event'].replace('_', ' ')}: {', '.join(facts)}".rstrip(": ")


_COMMON = frozenset({"time", "event", "session", "peer", "user", "service", "client", "tls", "host"})


def _advice(event: dict[str, Any]) -> Iterator[str]:
    match event["event"]:
        case "tls_failed" | "misused":
            cause = event.get("cause") or event.get("detail")
            yield f"{cause}: {event['remedy']}" if event["remedy"] else f"{cause}"
        case "login_failed":
            yield f"login: {event['reason']}"
        case "file_transferred" if not event["complete"]:
            yield f"{event['path']}: {event['cause']}"
        case "command_answered" if event["code"] in _ADVICE:
            yield f"{event['verb']} {event['code']}: {_ADVICE[event['code']]}"
