"""What is measured: each module makes the cases of some measures, each case one run at one server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.servers import Demand, Running
from benchmarks.site import Site

Values = dict[str, float]
GIGABYTE = 1e9


@dataclass(frozen=True)
class Scale:
    """How much of everything; the defaults are those of the goals."""

    octets: int = 1_000_000_000
    streams: int = 4
    small_files: int = 2000
    small_octets: int = 10_240
    logins: int = 200
    idle: tuple[int, ...] = (500, 10_000)
    idle_seconds: float = 60
    entries: int = 100_000
    seconds: float = 10
    readers: int = 500
    slow_seconds: float = 60
    login_storm: int = 200


FULL = Scale()
QUICK = Scale(
    octets=200_000_000,
    small_files=300,
    logins=50,
    idle=(100,),
    idle_seconds=2,
    entries=10_000,
    seconds=3,
    readers=50,
    slow_seconds=5,
    login_storm=100,
)
SMOKE = Scale(
    octets=3_000_000,
    streams=2,
    small_files=10,
    logins=4,
    idle=(5,),
    idle_seconds=0.2,
    entries=200,
    seconds=0.3,
    readers=4,
    slow_seconds=0.3,
    login_storm=8,
)


@dataclass(frozen=True)
class Column:
    """One figure of a case: its key in the values, and how tables name it."""

    key: str
    title: str
    digits: int = 2
    more_is_better: bool = False


@dataclass(frozen=True)
class Case:
    """One row of tables: what is asked of the servers, and one run of it at one of them.

    Attributes:
        label: Says what is done.
        columns: The figures that tables show, the one of the goal first.
        run: Does it once at a server.
        demand: What the server is started with.
        bare: Whether the bare programs do it, too.
        fresh: Whether every run needs a server that has done nothing yet.
        only: Names of the servers it makes sense for; all of them if empty.
    """

    label: str
    columns: Sequence[Column]
    run: Callable[[Running, Site], Values]
    demand: Demand = field(default_factory=Demand)
    bare: bool = False
    fresh: bool = False
    only: tuple[str, ...] = ()
