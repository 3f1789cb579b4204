"""What a run was made on; without it figures say nothing."""

from __future__ import annotations

import os
import platform
import re
import ssl
from pathlib import Path


def _field(file: str, label: str) -> str:
    found = re.search(rf"^{label}\s*:\s*(.+)$", Path(file).read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].strip() if found else "?"


def facts() -> dict[str, str | int]:
    """Return processor, memory, kernel and versions."""
    return {
        "processor": _field("/proc/cpuinfo", "model name"),
        "processors": os.cpu_count() or 0,
        "memory": _field("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "openssl_of_the_system": ssl.OPENSSL_VERSION,
    }


def load_average() -> float:
    """Return how many processes wanted to run in the last minute, on average."""
    return round(os.getloadavg()[0], 2)


def busy_seconds() -> float:
    """Return the processor time that the whole machine has used since its start, that of other guests excluded."""
    fields = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, interrupt, soft = (int(field) for field in fields[:7])
    return (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")


def stolen_seconds() -> float:
    """Return the time for which the processors were somebody else's."""
    return int(Path("/proc/stat").read_text(encoding="utf-8").split()[8]) / os.sysconf("SC_CLK_TCK")
