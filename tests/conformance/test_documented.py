"""The table of docs/conformance.md and the tests know the same requirements."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.compile(r"^\| ([A-Z][0-9]{1,2}) \|", re.MULTILINE)
OURS = {
    *(f"B{number}" for number in range(1, 39)),
    *(f"F{number}" for number in range(1, 5)),
    *(f"E{number}" for number in range(1, 8)),
    *(f"I{number}" for number in range(1, 7)),
    *(f"L{number}" for number in range(1, 15)),
    *("X1", "X2", "X3", "X4", "X6", "X7", "X8", "X9", "X10", "X11", "X13", "X14"),
}


def test_every_requirement_is_documented_once():
    """A reader of the table can rely on it: no row is missing, none is there twice."""
    rows = ROWS.findall((ROOT / "docs" / "conformance.md").read_text(encoding="utf-8"))
    assert sorted(rows) == sorted(set(rows))
    assert set(rows) >= OURS


def test_every_documented_requirement_has_a_test():
    """And on its being checked: each name stands in the description of a test."""
    others = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__).resolve()]
    named = {name for path in others for name in re.findall(r"\b[A-Z][0-9]{1,2}\b", path.read_text(encoding="utf-8"))}
    rows = ROWS.findall((ROOT / "docs" / "conformance.md").read_text(encoding="utf-8"))
    assert [row for row in rows if row not in named] == []
