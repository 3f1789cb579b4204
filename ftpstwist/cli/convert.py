"""``ftpstwist convert``: take over a proftpd.conf, or an httpd configuration with mod_ftp."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ftpstwist.config.migration import mod_ftp, proftpd
from ftpstwist.config.migration.apachestyle import ApacheStyleError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

DONE, FAILED = 0, 1
_CONVERTERS = {"proftpd": proftpd.convert, "mod_ftp": mod_ftp.convert}
_OF_MOD_FTP = re.compile(r"(?im)^\s*(FTP\s+On|FTPOptions|FTPImplicitSSL|SSLEngine|LoadModule\s+ftp_module)\b")


def add_arguments(subparsers: Subparsers) -> None:
    """Add ``convert`` to the command line."""
    parser = subparsers.add_parser(
        "convert", help="take over a configuration of ProFTPD or mod_ftp", description=__doc__
    )
    parser.add_argument("file", help="proftpd.conf, or an httpd configuration with mod_ftp")
    parser.add_argument(
        "--from", dest="source", choices=sorted(_CONVERTERS), help="which server it is of; guessed if not said"
    )


def run(args: argparse.Namespace) -> int:
    """Print the TOML, and the remarks behind it; 1 if the file can not be read."""
    text = Path(args.file).read_text(encoding="utf-8", errors="replace")
    source = args.source or ("mod_ftp" if _OF_MOD_FTP.search(text) else "proftpd")
    try:
        outcome = _CONVERTERS[source](text)
    except ApacheStyleError as error:
        print(f"{args.file}: {error}", file=sys.stderr)
        return FAILED
    print(outcome.render(args.file), end="")
    print(f"{len(outcome.remarks)} remarks; they are comments at the head of the result.", file=sys.stderr)
    return DONE
