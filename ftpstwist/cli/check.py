"""``ftpstwist check``: judge a configuration without starting anything, and tell what it means.

Complaints go to standard error, each with place, cause and remedy; what is in
force goes to standard output. The exit status is 0 if the server would start.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ftpstwist.config.certificates import read_certificates
from ftpstwist.config.check import Checked, load
from ftpstwist.config.complaint import Complaint, ConfigurationError
from ftpstwist.config.load import Options
from ftpstwist.config.rule import survey
from ftpstwist.config.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Sequence

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

DONE, FAILED = 0, 1


def add_arguments(subparsers: Subparsers) -> None:
    """Add ``check`` to the command line."""
    parser = subparsers.add_parser("check", help="judge a configuration without starting anything", description=__doc__)
    parser.add_argument("--config", metavar="FILE", required=True, help="the configuration file")
    parser.add_argument(
        "--listen", metavar="ENDPOINT", action="append", help="in place of [server] explicit; may be repeated"
    )
    parser.add_argument(
        "--listen-implicit", metavar="ENDPOINT", action="append", help="in place of [server] implicit; may be repeated"
    )
    parser.add_argument("--root", metavar="DIRECTORY", help="in place of [accounts] root")


def run(args: argparse.Namespace) -> int:
    """Judge the configuration that the arguments name.

    Args:
        args: Arguments that :func:`add_arguments` describes.

    Returns:
        The exit status; 1 if the server would not start.
    """
    now = datetime.now(UTC)
    options = Options(listen=args.listen, listen_implicit=args.listen_implicit, root=args.root)
    try:
        checked = load(args.config, survey(now), options)
    except ConfigurationError as error:
        _print_complaints(error.complaints)
        print(f"{args.config}: {_count(error.complaints)}. The server would not start.", file=sys.stderr)
        return FAILED
    _print_complaints(checked.warnings)
    _print_summary(checked, now)
    print(f"{args.config}: {_count(checked.warnings)}. The server would start.")
    return DONE


def _print_complaints(complaints: Sequence[Complaint]) -> None:
    for each in complaints:
        end = "" if each.remedy.endswith("?") else "."
        print(f"{each.severity.value}: {each.place}\n    {each.cause}.\n    {each.remedy}{end}\n", file=sys.stderr)


def _print_summary(checked: Checked, now: datetime) -> None:
    sys.stderr.flush()
    for section in summarise(checked.settings, read_certificates(checked.settings, now=now).pairs):
        print(section.title)
        for line in section.lines:
            print(f"    {line}")
        print()


def _count(complaints: Sequence[Complaint]) -> str:
    errors = sum(each.is_error for each in complaints)
    return f"{_number(errors, 'error')}, {_number(len(complaints) - errors, 'warning')}"


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"
