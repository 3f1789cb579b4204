"""The commands: ``python -m benchmarks retr --quick``; see ``benchmarks/README.md``."""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks import runner
from benchmarks.compiled import CACHE, MissingToolError, program
from benchmarks.measures import FULL, QUICK, SMOKE, Case, Scale, crowds, listings, sessions, transfers
from benchmarks.plot import plot
from benchmarks.profiled import profile
from benchmarks.report import table
from benchmarks.servers import Server
from benchmarks.servers.bare import Bare
from benchmarks.servers.ours import Ours
from benchmarks.servers.peers import Proftpd, PureFtpd, Vsftpd
from benchmarks.servers.pyftpdlib import Pyftpdlib

RESULTS = Path(__file__).parent / "results"
MEASURES: dict[str, Callable[[Scale], list[Case]]] = {
    "retr": transfers.retr,
    "stor": transfers.stor,
    "clear": transfers.clear,
    "parallel": transfers.parallel,
    "small": sessions.small,
    "logins": sessions.logins,
    "idle": crowds.idle,
    "listing": listings.listing,
    "latency": crowds.latency,
    "slowreaders": crowds.slowreaders,
}
SERVERS: dict[str, Callable[[], Server]] = {
    "ours": Ours,
    "bare": Bare,
    "vsftpd": Vsftpd,
    "proftpd": Proftpd,
    "pure-ftpd": PureFtpd,
    "pyftpdlib": Pyftpdlib,
}
_DESCRIPTORS = 65_536
_SCALES = {"full": FULL, "quick": QUICK, "smoke": SMOKE}


def named_server(name: str) -> Server:
    """Return a server by its name; ``ours@PATH`` is that of another checkout, ``ours/4`` has four worker processes."""
    ours, _, workers = name.partition("/")
    if ours == "ours" and workers.isdecimal():
        return Ours(name=name, workers=int(workers))
    family, _, path = name.partition("@")
    if family == "ours" and path:
        return Ours(Path(path).resolve(), name)
    if name not in SERVERS:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(SERVERS)}, ours@PATH and ours/WORKERS")
    return SERVERS[name]()


def _servers(text: str) -> list[Server]:
    return [named_server(name) for name in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, cases in MEASURES.items():
        command = commands.add_parser(name, help=(cases.__doc__ or "").splitlines()[0])
        command.add_argument(
            "--peers", type=_servers, default=",".join(SERVERS), help="servers, %(default)s, ours@PATH, ours/WORKERS"
        )
        command.add_argument("--repeats", type=int, default=5)
        command.add_argument("--scale", choices=_SCALES, default="full")
        command.add_argument("--quick", dest="scale", action="store_const", const="quick", help="small, in a minute")
        command.add_argument("--only", default="", help="cases whose label holds this")
        command.add_argument("--out", type=Path, help=f"where the JSON goes; results/{name}.json if not --quick")
    for name, what in (("table", "Markdown of all results, or of the given files"), ("plot", "an SVG beside each")):
        command = commands.add_parser(name, help=what)
        command.add_argument("files", type=Path, nargs="*")
    command = commands.add_parser("profile", help="where the time of one server goes")
    command.add_argument("measure", choices=MEASURES)
    command.add_argument("--server", type=named_server, default="ours")
    command.add_argument("--scale", choices=_SCALES, default="full")
    command.add_argument("--quick", dest="scale", action="store_const", const="quick")
    command.add_argument("--only", default="", help="the first case whose label holds this")
    command.add_argument("--out", type=Path, default=CACHE / "profile", help="folder for the parts")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    options = _parser().parse_args(arguments)
    if options.command == "table":
        return _table(options.files)
    if options.command == "plot":
        return _plot(options.files)
    try:
        program("load")
    except MissingToolError as error:
        print(error, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all that was started ends, and files go
    _allow_descriptors()
    if options.command == "profile":
        case = next(case for case in MEASURES[options.measure](_SCALES[options.scale]) if options.only in case.label)
        print(profile(options.server, case, options.out))
        return 0
    return _measure(options)


def _measure(options: argparse.Namespace) -> int:
    scale = _SCALES[options.scale]
    cases = [case for case in MEASURES[options.command](scale) if options.only in case.label]
    document = runner.run(options.command, cases, options.peers, scale, options.repeats)
    out = options.out or (RESULTS / f"{options.command}.json" if scale is FULL else None)
    if out:
        runner.write(document, out)
    return 0


def _allow_descriptors() -> None:
    """Raise the limit of open files, as far as the system lets: ten thousand sessions are many."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for wanted in (max(most, _DESCRIPTORS), most):
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return


def _documents(files: Sequence[Path]) -> list[tuple[Path, dict[str, object]]]:
    found = files or [path for name in MEASURES if (path := RESULTS / f"{name}.json").exists()]
    return [(path, json.loads(path.read_text(encoding="utf-8"))) for path in found]


def _table(files: Sequence[Path]) -> int:
    print("\n".join(table(document) for _, document in _documents(files)))
    return 0


def _plot(files: Sequence[Path]) -> int:
    for path, document in _documents(files):
        path.with_suffix(".svg").write_text(plot(document), encoding="utf-8")
        print(path.with_suffix(".svg"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
