"""The commands: ``python -m benchmarks retr --quick``; see ``benchmarks/README.md``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import runner
from benchmarks.compiled import MissingToolError, program
from benchmarks.measures import FULL, QUICK, SMOKE, Case, Scale, sessions, transfers
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
}
SERVERS: dict[str, Callable[[], Server]] = {
    "ours": Ours,
    "bare": Bare,
    "vsftpd": Vsftpd,
    "proftpd": Proftpd,
    "pure-ftpd": PureFtpd,
    "pyftpdlib": Pyftpdlib,
}
_SCALES = {"full": FULL, "quick": QUICK, "smoke": SMOKE}


def named_server(name: str) -> Server:
    """Return a server by its name; ``ours@PATH`` is that of another checkout."""
    family, _, path = name.partition("@")
    if family == "ours" and path:
        return Ours(Path(path).resolve(), name)
    if name not in SERVERS:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(SERVERS)} and ours@PATH")
    return SERVERS[name]()


def _servers(text: str) -> list[Server]:
    return [named_server(name) for name in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, cases in MEASURES.items():
        command = commands.add_parser(name, help=(cases.__doc__ or "").splitlines()[0])
        command.add_argument(
            "--peers", type=_servers, default=",".join(SERVERS), help="servers, %(default)s, ours@PATH"
        )
        command.add_argument("--repeats", type=int, default=5)
        command.add_argument("--scale", choices=_SCALES, default="full")
        command.add_argument("--quick", dest="scale", action="store_const", const="quick", help="small, in a minute")
        command.add_argument("--only", default="", help="cases whose label holds this")
        command.add_argument("--out", type=Path, help=f"where the JSON goes; results/{name}.json if not --quick")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    options = _parser().parse_args(arguments)
    try:
        program("load")
    except MissingToolError as error:
        print(error, file=sys.stderr)
        return 2
    return _measure(options)


def _measure(options: argparse.Namespace) -> int:
    scale = _SCALES[options.scale]
    cases = [case for case in MEASURES[options.command](scale) if options.only in case.label]
    document = runner.run(options.command, cases, options.peers, scale, options.repeats)
    out = options.out or (RESULTS / f"{options.command}.json" if scale is FULL else None)
    if out:
        runner.write(document, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
