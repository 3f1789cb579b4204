"""Many sessions at once: ``idle`` ones, ``slowreaders``, and the ``latency`` of one beside others that are busy."""

from __future__ import annotations

from functools import partial

from benchmarks.client import Keys, Load
from benchmarks.measures import GIGABYTE, Case, Column, Scale, Values
from benchmarks.processes import pss_kib, threads
from benchmarks.servers import Demand, Running
from benchmarks.site import Site

_ONE_PROCESS = 2000
"""More sessions than that are asked of servers in one process only."""
_IDLE = (
    Column("pss_kib_each", "PSS KiB/session", 1),
    Column("login_p99_ms", "login p99 ms", 1),
    Column("noop_p99_ms", "NOOP p99 ms"),
    Column("cpu_percent", "CPU % meanwhile", 1),
    Column("opened_per_s", "opened/s", 0, more_is_better=True),
)
_LATENCY = (
    Column("p99_ms", "NOOP p99 ms"),
    Column("p50_ms", "NOOP p50 ms"),
    Column("max_ms", "NOOP max ms", 1),
    Column("others", "the others (CPU %, logins/s)", 0, more_is_better=True),
)
_SLOW = (
    Column("pss_kib_each", "PSS KiB/reader", 0),
    Column("cpu_per_gb", "CPU s/GB"),
    Column("threads", "threads", 0),
    Column("kib_per_s", "KiB/s each", 1, more_is_better=True),
)
_SLOW_FILE = 64_000_000
_RATE = 65_536


def idle(scale: Scale) -> list[Case]:
    """Sessions that are logged in and say NOOP once a minute; the memory of each, and how others log in meanwhile."""
    return [
        Case(
            f"{sessions} idle sessions",
            _IDLE,
            partial(_idle, sessions=sessions, scale=scale),
            Demand(sessions=sessions, real_passwords=True),
            fresh=True,
            only=("ours", "pyftpdlib") if sessions > _ONE_PROCESS else (),
        )
        for sessions in scale.idle
    ]


def _idle(server: Running, _site: Site, *, sessions: int, scale: Scale) -> Values:
    with Load("login", server, count=2) as first:  # what is loaded with the first login is no session's
        first.go()
        first.result()
    empty = pss_kib(server.pid)
    with Load("idle", server, sessions=sessions, duration=scale.idle_seconds, every=60, limit=900) as load:
        full, before = pss_kib(server.pid), server.cpu()
        load.go()
        with Load("login", server, count=scale.logins) as others:
            others.go()
            logins = others.result()
        result = load.result()
        used = server.cpu() - before
    return {
        "pss_kib_each": (full - empty) / sessions,
        "login_p99_ms": logins["p99_ms"],
        "noop_p99_ms": result.get("p99_ms", 0.0),
        "cpu_percent": 100 * used / max(result["seconds"], logins["seconds"]),
        "opened_per_s": sessions / result["opening"],
        "empty_pss_kib": empty,
    }


def latency(scale: Scale) -> list[Case]:
    """How long NOOP of one session takes while eight others transfer, and while many log in."""
    return [
        Case("NOOP, nobody else is there", _LATENCY, partial(_alone, scale=scale)),
        Case("NOOP while 8 transfer", _LATENCY, partial(_beside_transfers, scale=scale)),
        Case(
            f"NOOP while {scale.login_storm} log in",
            _LATENCY,
            partial(_beside_logins, scale=scale),
            Demand(real_passwords=True),
        ),
    ]


def _alone(server: Running, _site: Site, *, scale: Scale) -> Values:
    with Load("noop", server, duration=scale.seconds) as noop:
        noop.go()
        return {**noop.result(), "others": 0}


def _beside_transfers(server: Running, site: Site, *, scale: Scale) -> Values:
    keys: Keys = {"path": site.file(scale.octets), "octets": scale.octets, "streams": 8, "cheap": 1}
    with Load("noop", server, duration=scale.seconds) as noop, Load("transfer", server, rounds=10**6, **keys) as load:
        before = server.cpu()
        load.go()
        noop.go()
        result = noop.result()
        return {**result, "others": 100 * (server.cpu() - before) / result["seconds"]}


def _beside_logins(server: Running, _site: Site, *, scale: Scale) -> Values:
    crowd = scale.login_storm
    with (
        Load("noop", server, duration=60, pause_us=500) as noop,
        Load("login", server, parallel=crowd, count=crowd, limit=90) as load,
    ):
        noop.go()
        load.go()
        logins = load.result()
        noop.go()
        return {**noop.result(), "others": logins["count"] / logins["seconds"]}


def slowreaders(scale: Scale) -> list[Case]:
    """Readers that take 64 KiB a second each; what they cost when all buffers on the way are full."""
    run = partial(_slow, scale=scale)
    demand = Demand(sessions=scale.readers)
    return [Case(f"{scale.readers} readers at 64 KiB/s", _SLOW, run, demand, fresh=True)]


def _slow(server: Running, site: Site, *, scale: Scale) -> Values:
    with Load("login", server, count=2) as first:
        first.go()
        first.result()
    empty = pss_kib(server.pid)
    keys: Keys = {"path": site.file(_SLOW_FILE), "rate": _RATE, "duration": scale.slow_seconds}
    with Load("slow", server, readers=scale.readers, **keys) as load:
        before = server.cpu()
        load.go()
        result = load.result()
        used, full = server.cpu() - before, pss_kib(server.pid)
        return {
            "pss_kib_each": (full - empty) / scale.readers,
            "cpu_per_gb": used * GIGABYTE / result["octets"],
            "threads": threads(server.pid),
            "kib_per_s": result["octets"] / 1024 / scale.readers / result["seconds"],
            "late_turns": result["late_turns"],
        }
