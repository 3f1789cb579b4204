"""Runs the cases of a measure: all servers in turn, again and again, so that noise falls on all alike."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.client import LoadError
from benchmarks.machine import facts, load_average, stolen_seconds
from benchmarks.measures import Case, Scale, Values
from benchmarks.servers import Running, Server, StartError, started
from benchmarks.site import Site, made_site

Say = Callable[[str], None]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(
    measure: str, cases: Sequence[Case], servers: Sequence[Server], scale: Scale, repeats: int, say: Say = say
) -> dict[str, object]:
    """Run all cases; return the document that is written as JSON, with every single value."""
    usable = []
    for server in servers:
        if reason := server.missing():
            say(f"{server.name} is skipped: {reason}")
        else:
            usable.append(server)
    load, stolen, begun = load_average(), stolen_seconds(), datetime.now(UTC)
    with made_site() as site:
        results = [_case(case, usable, site, repeats, say) for case in cases]
    return {
        "measure": measure,
        "date": begun.isoformat(timespec="seconds"),
        "seconds": (datetime.now(UTC) - begun).total_seconds(),
        "machine": facts(),
        "load_average": {"before": load, "after": load_average(), "stolen_seconds": stolen_seconds() - stolen},
        "versions": {server.name: server.version() for server in usable},
        "repeats": repeats,
        "scale": asdict(scale),
        "cases": results,
    }


def _case(case: Case, servers: Sequence[Server], site: Site, repeats: int, say: Say) -> dict[str, object]:
    say(case.label)
    values: dict[str, list[Values]] = {}
    failed: dict[str, str] = {}
    with ExitStack() as stack:
        runs: dict[str, Callable[[], Values]] = {}
        for server in servers:
            if _takes_part(server, case):
                try:
                    runs[server.name] = _prepared(server, case, site, stack)
                except (StartError, LoadError) as error:
                    failed[server.name] = str(error)
        names = list(runs)
        for repeat in range(repeats if names else 0):
            for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
                if name not in failed:
                    try:
                        values.setdefault(name, []).append(runs[name]())
                    except (StartError, LoadError) as error:
                        failed[name] = str(error)
                    finally:
                        site.remove_uploads()
    for name, text in failed.items():
        say(f"  {name} failed: {text}")
    columns = [asdict(column) for column in case.columns]
    medians = {name: _medians(rows) for name, rows in values.items()}
    for name, row in medians.items():
        figures = (f"{column.title} {row[column.key]:.{column.digits}f}" for column in case.columns)
        say(f"  {name:12} " + ", ".join(figures))
    return {"label": case.label, "columns": columns, "medians": medians, "values": values, "failed": failed}


def _takes_part(server: Server, case: Case) -> bool:
    family = server.name.partition("@")[0]
    return (family != "bare" or case.bare) and (not case.only or family in case.only)


def _prepared(server: Server, case: Case, site: Site, stack: ExitStack) -> Callable[[], Values]:
    """Return one run; the server is started now, or for each run."""
    if case.fresh:

        def once() -> Values:
            with started(server, site, case.demand) as running:
                return case.run(running, site)

        return once
    running: Running = stack.enter_context(started(server, site, case.demand))
    return lambda: case.run(running, site)


def _medians(rows: Sequence[Values]) -> Values:
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def write(document: dict[str, object], path: Path) -> None:
    """Write a document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
