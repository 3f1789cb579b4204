"""Large files: ``retr``, ``stor``, ``clear`` and ``parallel``."""

from __future__ import annotations

from functools import partial

from benchmarks.client import Keys, Load, LoadError
from benchmarks.measures import GIGABYTE, Case, Column, Scale, Values
from benchmarks.processes import pss_kib, threads
from benchmarks.servers import Demand, Running
from benchmarks.site import Site

_COLUMNS = (
    Column("cpu_per_gb", "CPU s/GB"),
    Column("mb_per_s", "MB/s", 0, more_is_better=True),
    Column("client_cpu_per_gb", "client CPU s/GB"),
    Column("pss_mib", "PSS MiB", 0),
)


def retr(scale: Scale) -> list[Case]:
    """One file down, under both versions of TLS."""
    return [_case("RETR", tls, scale) for tls in ("1.3", "1.2")]


def stor(scale: Scale) -> list[Case]:
    """One file up, to the final and complete file."""
    return [_case("STOR", tls, scale) for tls in ("1.3", "1.2")]


def clear(scale: Scale) -> list[Case]:
    """Both ways without TLS."""
    return [_case(verb, "none", scale) for verb in ("RETR", "STOR")]


def parallel(scale: Scale) -> list[Case]:
    """Several files at once; the first client throws ciphertext away, which leaves the processors to the server."""
    return [
        _case("RETR", "1.3", scale, scale.streams, cheap=True),
        _case("RETR", "1.3", scale, scale.streams),
        _case("STOR", "1.3", scale, scale.streams),
    ]


def _case(verb: str, tls: str, scale: Scale, streams: int = 1, *, cheap: bool = False) -> Case:
    words = [f"{streams} × " if streams > 1 else "", verb, " in clear" if tls == "none" else f" TLS {tls}"]
    words.append(", client does not decrypt" if cheap else "")
    run = partial(_run, verb=verb, tls=tls, octets=scale.octets, streams=streams, cheap=cheap)
    demand = Demand(verb=verb, tls=tls, octets=scale.octets, clear=tls == "none")
    return Case("".join(words), _COLUMNS, run, demand, bare=streams == 1)


def _run(server: Running, site: Site, *, verb: str, tls: str, octets: int, streams: int, cheap: bool) -> Values:
    path = site.file(octets) if verb == "RETR" else "up/file"
    keys: Keys = {"tls": tls, "verb": verb, "path": path, "octets": octets, "streams": streams, "cheap": int(cheap)}
    with Load("raw" if server.raw else "transfer", server, **keys) as load:
        before = server.cpu()
        load.go()
        result = load.result()
        used = server.cpu() - before
        memory, worker_threads = pss_kib(server.pid), threads(server.pid)
    if verb == "STOR":
        _verify(site, octets, streams)
    gigabytes = result["octets"] / GIGABYTE
    return {
        "cpu_per_gb": used / gigabytes,
        "mb_per_s": result["octets"] / 1e6 / result["seconds"],
        "client_cpu_per_gb": result["client_cpu"] / gigabytes,
        "seconds": result["seconds"],
        "pss_mib": memory / 1024,
        "threads": worker_threads,
    }


def _verify(site: Site, octets: int, streams: int) -> None:
    """See that every file is there as it was sent, and make room."""
    sizes = [path.stat().st_size for path in site.uploads()]
    site.remove_uploads()
    if sizes != [octets] * streams:
        raise LoadError(f"{streams} files of {octets} octets were sent; there are {sizes}")
