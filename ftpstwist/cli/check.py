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
from ftpstwist.config.check import Findings, check
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.load import load, override
from ftpstwist.config.rule import survey
from ftpstwist.config.summary import Section, summarise

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
    parser.add_argument("--passive-ports", metavar="RANGE", help="in place of [passive] ports")
    parser.add_argument("--root", metavar="DIRECTORY", help="in place of [accounts] root")


def run(args: argparse.Namespace) -> int:
    """Judge the configuration that the arguments name.

    Args:
        args: Arguments that :func:`add_arguments` describes.

    Returns:
        The exit status; 1 if the server would not start.
    """
    now = datetime.now(UTC)
    try:
        draft = override(
            load(args.config),
            explicit=args.listen,
            implicit=args.listen_implicit,
            passive_ports=args.passive_ports,
            root=args.root,
        )
    except ConfigurationError as error:
        return _report(args.config, Findings(error.complaints, ()))
    findings = check(draft, survey(now))
    if not findings.errors:
        sections = summarise(draft.settings, read_certificates(draft.settings, now=now).pairs)
        _print_summary(sections)
    return _report(args.config, findings)


def _report(file: str, findings: Findings) -> int:
    sys.stdout.flush()
    for each in findings.complaints:
        end = "" if each.remedy.endswith("?") else "."
        print(f"{each.severity.value}: {each.place}\n    {each.cause}.\n    {each.remedy}{end}\n", file=sys.stderr)
    sys.stderr.flush()
    counts = f"{_number(len(findings.errors), 'error')}, {_number(len(findings.warnings), 'warning')}"
    print(f"{file}: {counts}. The server {'would not' if findings.errors else 'would'} start.")
    return FAILED if findings.errors else DONE


def _print_summary(sections: Sequence[Section]) -> None:
    for section in sections:
        print(section.title)
        for line in section.lines:
            print(f"    {line}")
        print()


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"
