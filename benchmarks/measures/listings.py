"""``listing``: a large folder with LIST, MLSD and NLST."""

from __future__ import annotations

from functools import partial

from benchmarks.client import Keys, Load, LoadError
from benchmarks.measures import Case, Column, Scale, Values
from benchmarks.processes import forget_peaks, peak_kib
from benchmarks.servers import Running
from benchmarks.site import Site

_COLUMNS = (
    Column("cpu_s", "CPU s"),
    Column("seconds", "s"),
    Column("first_ms", "first octet ms", 1),
    Column("growth_mib", "memory growth MiB", 1),
    Column("noop_p99_ms", "other's NOOP p99 ms", 1),
    Column("noop_max_ms", "max ms", 1),
)
_SHORTEST_LINE = 10


def listing(scale: Scale) -> list[Case]:
    """A folder of many entries; how long another session waits meanwhile is seen in a second listing."""
    return [
        Case(f"{verb} of {scale.entries} entries", _COLUMNS, partial(_listing, verb=verb, entries=scale.entries))
        for verb in ("LIST", "MLSD", "NLST")
    ]


def _listing(server: Running, site: Site, *, verb: str, entries: int) -> Values:
    keys: Keys = {"verb": verb, "path": site.folder(entries)}
    with Load("list", server, **keys) as load:
        forget_peaks(server.pid)
        before, memory = server.cpu(), peak_kib(server.pid)
        load.go()
        result = load.result()
        used, growth = server.cpu() - before, peak_kib(server.pid) - memory
    if result["octets"] < entries * _SHORTEST_LINE:
        raise LoadError(f"{result['octets']} octets are no listing of {entries} entries")
    with Load("noop", server, duration=60, pause_us=500) as noop, Load("list", server, **keys) as load:
        noop.go()
        load.go()
        load.result()
        noop.go()
        waits = noop.result()
    return {
        "cpu_s": used,
        "seconds": result["seconds"],
        "first_ms": result["first_ms"],
        "octets": result["octets"],
        "growth_mib": growth / 1024,
        "noop_p99_ms": waits.get("p99_ms", 0.0),
        "noop_max_ms": waits.get("max_ms", 0.0),
    }
