"""How findings are shown: short lines on a terminal as they come, or one JSON document at the end."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable

from ftpstwist.cli.doctor.finding import Finding, Verdict

WIDTH = 110
_LABELS = {Verdict.OK: "ok", Verdict.NOTE: "note", Verdict.PROBLEM: "PROBLEM", Verdict.SERIOUS: "SERIOUS"}
_INDENT = " " * 25


def lines_of(finding: Finding) -> str:
    """Return a finding as lines for a terminal, the remedy below."""
    head = f"{_LABELS[finding.verdict]:<8} {finding.step:<16}"
    shown = textwrap.fill(finding.text, WIDTH, initial_indent=head, subsequent_indent=_INDENT, break_on_hyphens=False)
    if finding.remedy:
        remedy = finding.remedy if finding.remedy.endswith((".", "?")) else f"{finding.remedy}."
        shown += "\n" + textwrap.fill(
            remedy, WIDTH, initial_indent=f"{_INDENT}-> ", subsequent_indent=f"{_INDENT}   ", break_on_hyphens=False
        )
    return shown


def summary_of(host: str, port: int, findings: Iterable[Finding]) -> str:
    """Return the last line: how many problems there are."""
    count = sum(finding.is_problem for finding in findings)
    return f"{host} port {port}: {count or 'no'} problem{'' if count == 1 else 's'}."


def json_of(host: str, port: int, findings: Iterable[Finding], status: int) -> str:
    """Return everything as one JSON document."""
    document = {
        "host": host,
        "port": port,
        "status": status,
        "findings": [
            {"step": each.step, "verdict": each.verdict.value, "text": each.text, "remedy": each.remedy}
            for each in findings
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
