"""What a server uses: processor time, memory and threads of a process and all its children, from ``/proc``.

Processor time of living processes is read from their clocks (nanoseconds, clock_getcpuclockid(3)); that of
children that were reaped from ``cutime`` and ``cstime`` of those who reaped them. So servers that fork are
charged in full.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
GONE = (FileNotFoundError, ProcessLookupError)


def _fields(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` behind the name, the state first."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(*GONE):
                children.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_seconds(root: int) -> float:
    """Return the processor time a tree of processes has used, of those included that have ended."""
    total = 0.0
    for pid in tree(root):
        with suppress(*GONE, OSError):
            fields = _fields(pid)
            total += (int(fields[13]) + int(fields[14])) * _TICK + _clock(pid, fields)
    return total


def _clock(pid: int, fields: list[str]) -> float:
    """Return the processor time of one process."""
    if fields[0] == "Z":
        return (int(fields[11]) + int(fields[12])) * _TICK
    return time.clock_gettime((~pid << 3) | 2)  # the macro MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of Linux


def _lines(root: int, file: str, label: str) -> Iterator[int]:
    for pid in tree(root):
        with suppress(*GONE):
            for line in (_PROC / str(pid) / file).read_text().splitlines():
                if line.startswith(label):
                    yield int(line.split()[1])


def pss_kib(root: int) -> int:
    """Return the proportional set size of a tree of processes in KiB: shared pages are divided among their users."""
    return sum(_lines(root, "smaps_rollup", "Pss:"))


def threads(root: int) -> int:
    """Return the threads of a tree of processes."""
    return sum(_lines(root, "status", "Threads:"))


def forget_peaks(root: int) -> None:
    """Let the peaks of resident memory begin anew."""
    for pid in tree(root):
        with suppress(*GONE, PermissionError):
            (_PROC / str(pid) / "clear_refs").write_text("5")


def peak_kib(root: int) -> int:
    """Return the sum of the peaks of resident memory of the processes that live."""
    return sum(_lines(root, "status", "VmHWM:"))


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Look until *condition* holds, for so many seconds at most; tell whether it did."""
    for _ in range(int(seconds / pause) + 1):
        if condition():
            return True
        time.sleep(pause)
    return False
