"""The servers that are measured: each module starts one, with equal certificate, folder and cost of a login."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from benchmarks.compiled import program
from benchmarks.processes import cpu_seconds, wait_until
from benchmarks.site import Site

START_SECONDS = 20
STOP_SECONDS = 20


class StartError(Exception):
    """A server did not start; the text is what it wrote."""


@dataclass(frozen=True)
class Demand:
    """What a measure wants of a server beyond its defaults.

    Attributes:
        clear: Sessions without TLS are let in, too.
        sessions: How many there will be at most.
        real_passwords: Hashes as the server comes with them, not the cheapest it has.
        verb: RETR or STOR, for the bare programs.
        tls: The version, for the bare programs.
        octets: Length of the file, for the bare programs.
        profiler: A program and its arguments in front of the server's own.
    """

    clear: bool = False
    sessions: int = 1000
    real_passwords: bool = False
    verb: str = ""
    tls: str = "1.3"
    octets: int = 0
    profiler: tuple[str, ...] = ()


def without_transfer(demand: Demand) -> Demand:
    """Return what servers want to know of a demand: they do not care what will be transferred."""
    return replace(demand, verb="", tls="", octets=0)


@dataclass
class Running:
    """A server that runs."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    user: str
    password: str
    folder: Path
    raw: bool = False
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        """The process that all of the server descends from."""
        return self.process.pid

    def cpu(self) -> float:
        return cpu_seconds(self.pid)


class Server(Protocol):
    """How to start one of them."""

    name: str

    def wanted(self, demand: Demand) -> Demand:
        """Return the part of a demand that matters to it: what is equal then can be had of one that runs already."""

    def missing(self) -> str | None:
        """Return why it can not be started here, or ``None``."""

    def version(self) -> str:
        """Return which version of it is here."""

    def start(self, site: Site, demand: Demand) -> Running:
        """Start it; it takes connections when this returns."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def find(name: str, *folders: Path) -> str | None:
    """Return the path of a program of the system, or of one that lies in *folders*."""
    places = ["/usr/sbin", "/usr/local/sbin", *map(str, folders)]
    return shutil.which(name) or shutil.which(name, path=":".join(places))


def launch(
    name: str, command: Sequence[str], *, folder: Path, port: int, user: str, password: str, cwd: Path | None = None
) -> Running:
    """Start a process and wait until it takes connections.

    Raises:
        StartError: It ended, or nothing listens in time.
    """
    output = folder / "output"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [str(program("keeper")), *command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd=cwd or folder,
            start_new_session=True,
        )
    running = Running(name, process, port, user, password, folder)
    if not wait_until(lambda: process.poll() is not None or _takes(port), START_SECONDS) or process.poll() is not None:
        stop(running)
        raise StartError(f"{name} did not start: {output.read_text(errors='replace')[-2000:]}")
    return running


def _takes(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def stop(server: Running) -> None:
    """End a server that was started here, and nothing else."""
    if server.process.poll() is None:
        server.process.terminate()
    try:
        server.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
    if server.process.stdout is not None:
        server.process.stdout.close()
    if server.process.stdin is not None:
        server.process.stdin.close()


@contextmanager
def started(server: Server, site: Site, demand: Demand) -> Iterator[Running]:
    """Have a server for a while."""
    running = server.start(site, demand)
    try:
        yield running
    finally:
        stop(running)
