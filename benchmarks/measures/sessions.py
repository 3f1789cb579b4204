"""Many short things: ``small`` files, on one control connection and on several at once, and ``logins``."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial

from benchmarks.client import Keys, Load, LoadError
from benchmarks.measures import Case, Column, Scale, Values
from benchmarks.processes import tree, wait_until
from benchmarks.servers import Demand, Running
from benchmarks.site import Site

_SMALL = (
    Column("cpu_ms", "CPU ms/file"),
    Column("per_s", "files/s", 0, more_is_better=True),
    Column("resumed", "resumed", 2, more_is_better=True),
    Column("p99_ms", "p99 ms"),
)
_LOGINS = (
    Column("cpu_ms", "CPU ms/session"),
    Column("per_s", "sessions/s", 0, more_is_better=True),
    Column("p99_ms", "p99 ms"),
)


def small(scale: Scale) -> list[Case]:
    """Small files one after the other on each control connection; data connections resume its TLS session."""
    alone = [_small_case(verb, tls, scale) for tls in ("1.3", "1.2") for verb in ("RETR", "STOR")]
    crowd = Case(
        f"RETR of {scale.small_octets} octets, TLS 1.3, {scale.streams} sessions",
        _SMALL,
        partial(_crowd, scale=scale),
    )
    return [*alone, crowd]


def _small_case(verb: str, tls: str, scale: Scale) -> Case:
    run = partial(_small, verb=verb, tls=tls, scale=scale)
    return Case(f"{verb} of {scale.small_octets} octets, TLS {tls}", _SMALL, run)


def _small(server: Running, site: Site, *, verb: str, tls: str, scale: Scale) -> Values:
    count = scale.small_files
    folder = site.small(count, scale.small_octets) if verb == "RETR" else "up"
    keys: Keys = {"tls": tls, "verb": verb, "path": folder, "count": count, "octets": scale.small_octets}
    with Load("small", server, **keys) as load:
        before = server.cpu()
        load.go()
        result = load.result()
        used = server.cpu() - before
    if verb == "STOR":
        sizes = {path.stat().st_size for path in site.uploads()}
        number = len(site.uploads())
        site.remove_uploads()
        if sizes != {scale.small_octets} or number != count:
            raise LoadError(f"{count} files were sent; there are {number} with sizes {sizes}")
    return {
        "cpu_ms": used * 1e3 / count,
        "per_s": count / result["seconds"],
        "resumed": result["resumed"] / count,
        "client_cpu_ms": result["client_cpu"] * 1e3 / count,
        "p50_ms": result["p50_ms"],
        "p99_ms": result["p99_ms"],
    }


def _crowd(server: Running, site: Site, *, scale: Scale) -> Values:
    count, sessions = scale.small_files, scale.streams
    folder = site.small(count, scale.small_octets)
    keys: Keys = {"tls": "1.3", "verb": "RETR", "path": folder, "count": count, "octets": scale.small_octets}
    with ExitStack() as stack:
        loads = [stack.enter_context(Load("small", server, **keys)) for _ in range(sessions)]
        before, begun = server.cpu(), time.monotonic()
        for load in loads:
            load.go()
        results = [load.result() for load in loads]
        used, seconds = server.cpu() - before, time.monotonic() - begun
    files = count * sessions
    return {
        "cpu_ms": used * 1e3 / files,
        "per_s": files / seconds,
        "resumed": sum(result["resumed"] for result in results) / files,
        "client_cpu_ms": sum(result["client_cpu"] for result in results) * 1e3 / files,
        "p99_ms": max(result["p99_ms"] for result in results),
    }


def logins(scale: Scale) -> list[Case]:
    """Connect, AUTH TLS, USER, PASS, QUIT: one after the other, and eight at once."""
    real = Demand(real_passwords=True)
    return [
        Case("login, equal cost of passwords", _LOGINS, partial(_logins, parallel=1, count=scale.logins)),
        Case("login, 8 at once, equal cost", _LOGINS, partial(_logins, parallel=8, count=scale.logins)),
        Case(
            "login, Argon2id of OWASP (ours only)",
            _LOGINS,
            partial(_logins, parallel=1, count=scale.logins),
            real,
            only=("ours",),
        ),
    ]


def _logins(server: Running, _site: Site, *, parallel: int, count: int) -> Values:
    processes = len(tree(server.pid))
    with Load("login", server, parallel=parallel, count=count) as load:
        before = server.cpu()
        load.go()
        result = load.result()
        # Processes of the sessions end after the client has gone; their time counts when they were reaped.
        wait_until(lambda: len(tree(server.pid)) <= processes, 5)
        time.sleep(0.1)
        used = server.cpu() - before
    return {
        "cpu_ms": used * 1e3 / count,
        "per_s": count / result["seconds"],
        "client_cpu_ms": result["client_cpu"] * 1e3 / count,
        "p50_ms": result["p50_ms"],
        "p99_ms": result["p99_ms"],
    }
