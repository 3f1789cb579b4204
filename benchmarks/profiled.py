"""``python -m benchmarks profile MEASURE``: where our server's time goes, and its system calls and thread hops.

Three runs of the first case of a measure, each on a server of its own: plainly, with the waits of its threads from
``/proc``; under py-spy, or perf if that is not there; and under ``strace -f -c``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measures import Case, Values
from benchmarks.processes import tree
from benchmarks.servers import Running, Server, started
from benchmarks.site import Site, made_site

_LINES = 45
_FRAMES = 30
_SLEEPS = ("Condition.wait (threading.py", "epoll_wait")
"""What tells a stack of a thread that waits."""


def profile(server: Server, case: Case, out: Path) -> str:
    """Profile one case; return the report, whose parts are below *out*, too."""
    out.mkdir(parents=True, exist_ok=True)
    parts = [f"# {server.name}: {case.label}"]
    with made_site() as site:
        parts.append(_plain(server, case, site))
        parts.append(_sampled(server, case, site, out))
        parts.append(_counted(server, case, site, out))
    report = "\n\n".join(parts) + "\n"
    (out / "report.md").write_text(report, encoding="utf-8")
    return report


def _block(title: str, text: str) -> str:
    return f"## {title}\n\n```\n{text.strip()}\n```"


def _once(running: Running, case: Case, site: Site) -> Values:
    try:
        return case.run(running, site)
    finally:
        site.remove_uploads()


# --- threads ---


def _switches(pid: int) -> Counter[str]:
    """Count the voluntary switches (waits) of all threads of a tree, by the threads' names."""
    found: Counter[str] = Counter()
    for process in tree(pid):
        for task in Path(f"/proc/{process}/task").iterdir():
            status = (task / "status").read_text()
            count = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)
            kind = "reactor" if int(task.name) == process else "workers"
            found[kind] += int(count[1]) if count else 0
    return found


def _plain(server: Server, case: Case, site: Site) -> str:
    with started(server, site, case.demand) as running:
        _once(running, case, site)  # warm
        before = _switches(running.pid)
        values = _once(running, case, site)
        switches = _switches(running.pid) - before
    figures = "\n".join(f"{key:20} {value:.4f}" for key, value in values.items())
    waits = "\n".join(f"waits of {kind:11} {count}" for kind, count in switches.items())
    return _block(
        "One run, not profiled (waits: how often threads went to sleep, hops between them included)",
        f"{figures}\n{waits}",
    )


# --- samples ---


@contextmanager
def _attached(command: list[str]) -> Iterator[None]:
    """Have a program look at the server; it ends by SIGINT."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    try:
        yield
    finally:
        if process.poll() is None:
            process.send_signal(2)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _py_spy() -> str | None:
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy")


def _sampled(server: Server, case: Case, site: Site, out: Path) -> str:
    if spy := _py_spy():
        return _spied(spy, server, case, site, out)
    if perf := shutil.which("perf"):
        return _perfed(perf, server, case, site, out)
    return _block("Samples", "neither py-spy (pip install py-spy) nor perf (apt-get install linux-perf) is here")


def _spied(spy: str, server: Server, case: Case, site: Site, out: Path) -> str:
    stacks = out / "stacks.txt"
    with started(server, site, case.demand) as running:
        pid = tree(running.pid)[1]
        _once(running, case, site)
        record = [spy, "record", "--native", "--function", "--rate", "500", "--format", "raw", "--output", str(stacks)]
        with _attached([*record, "--duration", "120", "--pid", str(pid)]):
            _once(running, case, site)
    if not stacks.exists():
        return _block("Samples by py-spy", "it left nothing: it has to be root, or kernel.yama.ptrace_scope 0")
    return _block("Samples by py-spy: per cent of the time with the function on top, and anywhere", _frames(stacks))


def _frames(stacks: Path) -> str:
    """Return the commonest frames; samples of threads that sleep are left out, they cost nothing."""
    own: Counter[str] = Counter()
    ours: Counter[str] = Counter()
    others: Counter[str] = Counter()
    total = 0
    for line in stacks.read_text(encoding="utf-8", errors="replace").splitlines():
        stack, _, samples = line.rpartition(" ")
        frames = stack.split(";")
        if any(sleep in stack for sleep in _SLEEPS):
            continue
        total += int(samples)
        own[frames[-1]] += int(samples)
        for frame in set(frames):
            (ours if "ftpstwist/" in frame else others)[frame] += int(samples)
    lines = []
    for title, counter in (("on top", own), ("anywhere, ours", ours), ("anywhere, others'", others)):
        lines.append(f"--- {title} ---")
        lines += [f"{100 * count / max(total, 1):5.1f} {frame}" for frame, count in counter.most_common(_FRAMES)]
    return "\n".join(lines)


def _perfed(perf: str, server: Server, case: Case, site: Site, out: Path) -> str:
    data = out / "perf.data"
    with started(server, site, case.demand) as running:
        pid = tree(running.pid)[1]
        _once(running, case, site)
        with _attached([perf, "record", "--quiet", "--freq", "997", "--output", str(data), "--pid", str(pid)]):
            _once(running, case, site)
    show = [perf, "report", "--input", str(data), "--stdio", "--sort", "dso,symbol", "--percent-limit", "0.7"]
    text = subprocess.run(show, capture_output=True, text=True, check=False).stdout
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return _block("Samples by perf", "\n".join(lines[:_LINES]))


# --- system calls ---


def _counted(server: Server, case: Case, site: Site, out: Path) -> str:
    strace = shutil.which("strace")
    if strace is None:
        return _block("System calls", "strace is not here (apt-get install strace)")
    counts = out / "strace.txt"
    with started(server, site, case.demand) as running:
        pid = tree(running.pid)[1]
        _once(running, case, site)
        with _attached([strace, "-f", "-c", "-o", str(counts), "-p", str(pid)]):
            _once(running, case, site)
    text = counts.read_text(encoding="utf-8") if counts.exists() else "strace left nothing"
    return _block("System calls of one run (sign-in and QUIT included)", "\n".join(text.splitlines()[:_LINES]))
