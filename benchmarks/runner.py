"""Runs the cases of a measure: all servers in turn, again and again, so that noise falls on all alike."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.client import LoadError
from benchmarks.machine import facts, load_average, stolen_seconds
from benchmarks.measures import Case, Scale, Values
from benchmarks.servers import Demand, Running, Server, StartError, started
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
    with made_site() as site, ExitStack() as stack:
        houses = {server.name: _House(server, site, stack) for server in usable}
        results = [_case(case, houses, site, repeats, say) for case in cases]
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


class _House:
    """One server, started as cases demand; it goes on running for the next case that demands the same.

    Args:
        server: The server.
        site: What it serves.
        stack: Ends it.
    """

    def __init__(self, server: Server, site: Site, stack: ExitStack) -> None:
        self._server = server
        self._site = site
        self._stack = stack
        self._running: dict[Demand, Running] = {}

    def run(self, case: Case) -> Values:
        """Run a case once."""
        demand = self._server.wanted(case.demand)
        if case.fresh:
            with started(self._server, self._site, demand) as running:
                return case.run(running, self._site)
        if demand not in self._running:
            self._running[demand] = self._stack.enter_context(started(self._server, self._site, demand))
        return case.run(self._running[demand], self._site)


def _case(case: Case, houses: Mapping[str, _House], site: Site, repeats: int, say: Say) -> dict[str, object]:
    say(case.label)
    values: dict[str, list[Values]] = {}
    failed: dict[str, str] = {}

    for name in _turns([name for name in houses if _takes_part(name, case)], repeats):
        if name in failed:
            continue
        try:
            row = houses[name].run(case)
        except (StartError, LoadError) as error:
            failed[name] = str(error)
            say(f"  {name} failed: {error}")
        else:
            values.setdefault(name, []).append(row)
        finally:
            site.remove_uploads()
    medians = {name: _medians(rows) for name, rows in values.items()}
    for name, median in medians.items():
        say(f"  {name:12} " + ", ".join(f"{c.title} {median[c.key]:.{c.digits}f}" for c in case.columns))
    columns = [asdict(column) for column in case.columns]
    return {"label": case.label, "columns": columns, "medians": medians, "values": values, "failed": failed}


def _turns(names: Sequence[str], repeats: int) -> Iterator[str]:
    """Once around for each repeat, beginning with another one each time."""
    for repeat in range(repeats):
        for place in range(len(names)):
            yield names[(place + repeat) % len(names)]


def _takes_part(name: str, case: Case) -> bool:
    family = name.partition("@")[0]
    return (family != "bare" or case.bare) and (not case.only or family in case.only)


def _medians(rows: Sequence[Values]) -> Values:
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def write(document: dict[str, object], path: Path) -> None:
    """Write a document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
