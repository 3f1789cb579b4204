"""A transfer in C without a server around it (``load/bare.c``): what nobody can do for much less."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from benchmarks.compiled import missing, program
from benchmarks.servers import Demand, Running, StartError
from benchmarks.site import Site


@dataclass
class Bare:
    """One transfer and nothing else."""

    name: str = "bare"

    def wanted(self, demand: Demand) -> Demand:
        return demand

    def missing(self) -> str | None:
        return missing()

    def version(self) -> str:
        return subprocess.run(["openssl", "version"], capture_output=True, text=True, check=False).stdout.strip()

    def start(self, site: Site, demand: Demand) -> Running:
        folder = site.own_folder("bare")
        sends = demand.verb == "RETR"
        path = site.home / site.file(demand.octets) if sends else site.home / "up" / "bare"
        command = [str(program("bare")), "send" if sends else "receive", str(path), demand.tls]
        process = subprocess.Popen(
            [*demand.profiler, *command, str(site.certificate), str(site.key)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise StartError("the bare program did not start")
        return Running(self.name, process, int(line), "", "", folder, raw=True)
