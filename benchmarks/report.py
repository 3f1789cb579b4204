"""Tables in Markdown from the documents of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]


def table(document: Document) -> str:
    """Return the tables of one measure: a heading, and per case the medians of all servers and how ours compares."""
    machine, load = document["machine"], document["load_average"]
    made_on = (
        f"{document['date']}, {machine['processors']} × {machine['processor']}, Linux {machine['kernel']}, medians of "
        f"{document['repeats']}; load average {load['before']} before, {load['after']} after, "
        f"{load['stolen_seconds']:.0f} of {document['seconds']:.0f} s stolen."
    )
    lines = [f"## {document['measure']}", "", made_on]
    for case in document["cases"]:
        lines += ["", *_case(case)]
    lines += ["", "Versions: " + "; ".join(f"{name}: {text}" for name, text in document["versions"].items()) + "."]
    return "\n".join(lines) + "\n"


def _case(case: Document) -> list[str]:
    columns = case["columns"]
    titles = [case["label"], *(column["title"] for column in columns)]
    lines = [_row(titles), "|---|" + "---:|" * len(columns)]
    for name, row in case["medians"].items():
        lines.append(_row([name, *(f"{row[column['key']]:,.{column['digits']}f}" for column in columns)]))
    comparison = [_row([title, *cells]) for title, cells in _comparisons(case) if any(cells)]
    failures = [f"\n{name}: {text.splitlines()[0]}" for name, text in case["failed"].items()]
    return [*lines, *comparison, *failures]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _comparisons(case: Document) -> list[tuple[str, list[str]]]:
    medians: Mapping[str, Mapping[str, float]] = case["medians"]
    ours = medians.get("ours")
    if ours is None:
        return []
    peers = [row for name, row in medians.items() if not name.startswith(("ours", "bare"))]
    bare = [row for name, row in medians.items() if name == "bare"]
    return [(f"*ours / {title}*", _ratios(case, ours, rows)) for title, rows in (("best peer", peers), ("bare", bare))]


def _ratios(case: Document, ours: Mapping[str, float], others: Sequence[Mapping[str, float]]) -> list[str]:
    cells = []
    for column in case["columns"]:
        key = column["key"]
        best = (max if column["more_is_better"] else min)((row[key] for row in others), default=0.0)
        cells.append(f"*{ours[key] / best:.2f}*" if best > 0 else "")
    return cells
