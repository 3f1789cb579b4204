"""A plot in SVG from the document of a run: for each case one bar per server, with the spread of all repeats."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_WIDTH, _LEFT, _RIGHT = 760, 110, 90
_BAR, _GAP, _TITLE, _MARGIN = 16, 5, 26, 14
_COLORS = {
    "ours": "#1f6feb",
    "bare": "#8b949e",
    "vsftpd": "#bf8700",
    "proftpd": "#1a7f37",
    "pure-ftpd": "#a40e26",
    "pyftpdlib": "#8250df",
}
_OTHER = "#57606a"


def plot(document: Mapping[str, Any], column: int = 0) -> str:
    """Return the plot of one measure as SVG.

    Args:
        document: What a run left.
        column: Which figure of each case.
    """
    parts: list[str] = []
    y = _MARGIN
    for case in document["cases"]:
        if case["medians"] and column < len(case["columns"]):
            y = _case(parts, case, case["columns"][column], y)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}" '
        'font-family="sans-serif" font-size="12" fill="#24292f">'
    )
    return "\n".join([head, f'<rect width="{_WIDTH}" height="{y}" fill="#ffffff"/>', *parts, "</svg>"]) + "\n"


def _case(parts: list[str], case: Mapping[str, Any], column: Mapping[str, Any], y: int) -> int:
    """Draw one case from *y* down; return where the next one begins."""
    key, digits = column["key"], column["digits"]
    better = "more is better" if column["more_is_better"] else "less is better"
    title = f"{case['label']}: {column['title']} ({better})"
    parts.append(_text(_MARGIN, y + 14, title, 'font-weight="bold"'))
    y += _TITLE
    values = {name: [row[key] for row in rows] for name, rows in case["values"].items()}
    scale = (_WIDTH - _LEFT - _RIGHT) / (max(max(rows) for rows in values.values()) or 1)
    for name, rows in values.items():
        median = case["medians"][name][key]
        color = _COLORS.get(name, _OTHER)
        start, middle, end = (_LEFT + max(value, 0) * scale for value in (min(rows), median, max(rows)))
        half = y + _BAR / 2
        spread = f'x1="{start:.1f}" x2="{end:.1f}" y1="{half}" y2="{half}"'
        parts += [
            _text(_LEFT - 8, y + 12, name, 'text-anchor="end"'),
            f'<rect x="{_LEFT}" y="{y}" width="{middle - _LEFT:.1f}" height="{_BAR}" fill="{color}"/>',
            f'<line {spread} stroke="#24292f" stroke-width="1.5"/>',
            _text(end + 6, y + 12, f"{median:,.{digits}f}"),
        ]
        y += _BAR + _GAP
    return y + _MARGIN


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y}" {more}>{escape(text)}</text>'
