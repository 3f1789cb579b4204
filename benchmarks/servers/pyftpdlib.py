"""pyftpdlib of PyPI, in an environment of its own below the cache folder."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.compiled import CACHE
from benchmarks.servers import Demand, Running, free_port, launch, without_transfer
from benchmarks.site import Site

_ENVIRONMENT = CACHE / "pyftpdlib"
_PYTHON = _ENVIRONMENT / "bin" / "python"
_SCRIPT = Path(__file__).with_name("pyftpdlib_server.py")
USER, PASSWORD = "bench", "octets"


@cache
def _install() -> str:
    """Install it; return the complaint if that does not work."""
    if not _PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(_ENVIRONMENT)], check=True)
    if subprocess.run([str(_PYTHON), "-c", "import pyftpdlib, OpenSSL"], capture_output=True, check=False).returncode:
        install = [str(_PYTHON), "-m", "pip", "install", "--quiet", "pyftpdlib", "pyopenssl"]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"it can not be installed: {done.stderr.strip()[-200:]}"
    return ""


@dataclass
class Pyftpdlib:
    """Its TLS_FTPHandler with sendfile, and passwords in clear, which cost nothing."""

    name: str = "pyftpdlib"

    def wanted(self, demand: Demand) -> Demand:
        return without_transfer(demand)

    def missing(self) -> str | None:
        return _install() or None

    def version(self) -> str:
        show = "import importlib.metadata as m; print(*(f'{n} {m.version(n)}' for n in ('pyftpdlib', 'pyopenssl')))"
        return subprocess.run([str(_PYTHON), "-c", show], capture_output=True, text=True, check=False).stdout.strip()

    def start(self, site: Site, demand: Demand) -> Running:
        folder, port = site.own_folder("pyftpdlib"), free_port()
        mode = "clear" if demand.clear else "tls"
        arguments = [str(port), str(site.home), str(site.certificate), str(site.key), mode, str(demand.sessions + 100)]
        command = [*demand.profiler, str(_PYTHON), "-P", str(_SCRIPT), *arguments]
        return launch(self.name, command, folder=folder, port=port, user=USER, password=PASSWORD)
