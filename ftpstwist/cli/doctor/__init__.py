"""``ftpstwist doctor``: connect to an FTPS server as a client does, and say at each step what is wrong.

Works with any server. Tries name, TCP, greeting, AUTH TLS, certificate and
versions; with a user also login, EPSV and PASV, session resumption, listings,
and a small file there and back. The exit status is 0 if nothing has to be
mended, 1 if something has to be, 2 if there was no connection.
"""

from __future__ import annotations

import argparse
import getpass
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ftpstwist.cli.doctor.control import words
from ftpstwist.cli.doctor.encryption import verifying_context
from ftpstwist.cli.doctor.examination import Examination, Request
from ftpstwist.cli.doctor.finding import Finding
from ftpstwist.cli.doctor.patience import STEP_SECONDS, Patience
from ftpstwist.cli.doctor.report import json_of, lines_of, summary_of
from ftpstwist.session.identity import Secret
from ftpstwist.wire.pathname import decode_name

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

HEALTHY, ILL, UNREACHABLE = 0, 1, 2
EXPLICIT_PORT, IMPLICIT_PORT = 21, 990
_MAX_PORT = 0xFFFF
_ANONYMOUS = ("anonymous", "ftp")


def add_arguments(subparsers: Subparsers) -> None:
    """Add ``doctor`` to the command line."""
    parser = subparsers.add_parser("doctor", help="examine any FTPS server from outside", description=__doc__)
    parser.add_argument("host", metavar="HOST", help="name or address, as clients write it")
    parser.add_argument("--port", type=_port, metavar="N", help="port of the control connection; else 21, or 990")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--explicit", action="store_true", help="insist on AUTH TLS; else the doctor finds out")
    mode.add_argument("--implicit", action="store_true", help="insist on TLS from the start")
    parser.add_argument("--user", type=_one_line, metavar="NAME", help="log in; without it the examination ends there")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    source.add_argument("--password-file", type=Path, metavar="FILE", help="its first line is the password")
    parser.add_argument(
        "--path", type=_one_line, metavar="DIRECTORY", help="work there, instead of where the login leads"
    )
    parser.add_argument("--no-upload", action="store_true", help="write nothing on the server")
    parser.add_argument("--thorough", action="store_true", help="also try an upload that is cut off (writes a file)")
    parser.add_argument(
        "--ca-file", type=_authorities, metavar="FILE", help="PEM file with further certificates to trust"
    )
    parser.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", default=STEP_SECONDS, help="longest wait for one answer (10)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")


def run(args: argparse.Namespace) -> int:
    """Examine the server that the arguments name.

    Args:
        args: Arguments that :func:`add_arguments` describes.

    Returns:
        The exit status.

    Raises:
        OSError: The file with the password can not be read.
    """
    port = args.port or (IMPLICIT_PORT if args.implicit else EXPLICIT_PORT)
    request = Request(
        host=args.host,
        port=port,
        implicit=True if args.implicit else False if args.explicit else None,
        user=args.user,
        password=_password(args),
        path=args.path,
        uploads=not args.no_upload,
        thorough=args.thorough,
        trust=args.ca_file or verifying_context(),
    )
    examination = Examination(request, Patience(args.timeout))
    findings: list[Finding] = []
    for finding in examination.findings():
        findings.append(finding)
        if not args.json:
            print(lines_of(finding), flush=True)
    status = UNREACHABLE if not examination.connected else ILL if any(each.is_problem for each in findings) else HEALTHY
    print(json_of(args.host, port, findings, status) if args.json else summary_of(args.host, port, findings))
    return status


def _password(args: argparse.Namespace) -> Secret:
    if args.password_file is not None:
        with args.password_file.open("rb") as file:
            return _first_line(file.readline())
    if args.password_stdin:
        return _first_line(sys.stdin.buffer.readline())
    if args.user is None or args.user in _ANONYMOUS:
        return Secret("doctor@")
    return Secret(getpass.getpass(f"Password of {args.user}: "))


def _first_line(octets: bytes) -> Secret:
    return Secret(decode_name(octets.rstrip(b"\r\n")))


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:  # noqa: PLR2004 - an hour is more patience than anybody has
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def _authorities(text: str) -> ssl.SSLContext:
    try:
        return verifying_context(Path(text))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} can not be used: {words(error)}") from None


def _one_line(text: str) -> str:
    """Refuse what would smuggle a second command into the control connection."""
    if not text or set(text) & set("\r\n\0"):
        raise argparse.ArgumentTypeError("it has to be one line")
    return text
