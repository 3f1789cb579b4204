"""This project's server, as ``twistd ftps`` runs it: all of it by default.

Durability, binding of data connections, limits and logs are never switched off.
Only what a measure is about is said: paths, ports, room for the sessions of the measure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import count
from pathlib import Path

from benchmarks.servers import Demand, Running, free_port, launch, without_transfer
from benchmarks.site import Site
from ftpstwist.auth.passwords import PasswordCost, Passwords
from ftpstwist.session.identity import Secret

_ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "bench", "octets"
_CHEAP = PasswordCost(memory_kib=8, iterations=1)
_SPARE_SESSIONS = 100

_RANGES = count()
"""Servers that run at the same time need passive ports of their own."""

_CONFIG = """\
[server]
explicit = ["tcp:{port}:interface=127.0.0.1"]
implicit = []
state_directory = "state"
{workers}
{limits}
[[tls.certificates]]
certificate = "{site.certificate}"
key = "{site.key}"
[passive]
ports = "{first}-{last}"
[accounts]
users = "users.toml"
root = "{site.home}"
home = "{{root}}"
{more}
"""


@dataclass
class Ours:
    """The server of this checkout, or of another one beside it (``ours@/path``), to compare two states of the code.

    Attributes:
        checkout: Where its code is.
        name: What tables call it.
        workers: Processes that serve; ``ours/2`` has two.
    """

    checkout: Path = _ROOT
    name: str = field(default="ours")
    workers: int = 1

    def wanted(self, demand: Demand) -> Demand:
        return without_transfer(demand)

    def missing(self) -> str | None:
        return None if self._python().exists() else f"{self._python()} is missing"

    def version(self) -> str:
        describe = ["git", "-C", str(self.checkout), "describe", "--always", "--dirty"]
        found = subprocess.run(describe, capture_output=True, text=True, check=False).stdout.strip()
        parts = [f"{name} {version(name)}" for name in ("twisted", "pyopenssl", "cryptography")]
        return ", ".join([found or version("ftpstwist"), *parts])

    def start(self, site: Site, demand: Demand) -> Running:
        folder = site.own_folder("ours")
        port = free_port()
        first = 10_000 + (os.getpid() * 8 + next(_RANGES)) % 200 * 100
        hashed = Passwords(PasswordCost() if demand.real_passwords else _CHEAP).hash_password(Secret(PASSWORD))
        # By default 1000 sessions, and 50 of one address: enough for all but the ten thousand.
        room = demand.sessions + _SPARE_SESSIONS
        limits = f"[limits]\nsessions = {room}\n" if room > 1000 else ""
        workers = f"workers = {self.workers}" if self.workers > 1 else ""
        more = '[policy]\nrequire = "none"\n' if demand.clear else ""
        users = folder / "users.toml"
        users.write_text(f'[users.{USER}]\npassword = "{hashed}"\n')
        users.chmod(0o600)
        config = folder / "ftps.toml"
        config.write_text(
            _CONFIG.format(
                port=port, site=site, first=first, last=first + 99, workers=workers, limits=limits, more=more
            ),
        )
        arguments = ["--nodaemon", "--pidfile=", "--logfile=-", "ftps", f"--config={config}"]
        command = [*demand.profiler, str(self._python()), str(self._python().with_name("twistd")), *arguments]
        return launch(self.name, command, folder=folder, port=port, user=USER, password=PASSWORD, cwd=self.checkout)

    def _python(self) -> Path:
        own = self.checkout / ".venv" / "bin" / "python"
        return own if self.checkout != _ROOT and own.exists() else Path(sys.executable)
