"""``ftpstwist``: what an operator needs beside the running server.

Only the module of the command that was asked for is imported, so that help
comes at once. Every error is told on standard error without a traceback;
the exit status is 0 for success, 1 for a failure, 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version as version_of
from io import TextIOWrapper
from typing import TYPE_CHECKING, Protocol, cast

from ftpstwist import __version__

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

DONE, FAILED, INTERRUPTED = 0, 1, 130

COMMANDS = {
    "certificate": "make, show and revoke certificates",
    "check": "judge a configuration without starting anything",
    "check-cert": "say whose a client certificate is, and why",
    "client-settings": "print what to enter in clients",
    "doctor": "examine any FTPS server from outside",
    "user": "manage the users file",
    "convert": "take over a configuration of ProFTPD or mod_ftp",
    "explain": "tell what happened in a failed session",
    "status": "tell how the running server is doing",
    "sessions": "list the sessions, and what holds each up",
    "kick": "end a session",
    "ban": "ban an address for a while, and end its sessions",
    "unban": "end the ban of an address",
    "reload": "have certificates, users and log files read anew",
    "drain": "take no new sessions; those that are there go on",
    "certificates": "list what expires in the running server",
    "version": "print the versions of everything that matters",
}
"""The commands, each with its help; ``version`` is here, most others have a module of their name beside this one."""

ADMIN = ("status", "sessions", "kick", "ban", "unban", "reload", "drain", "certificates")
"""Those that ask the running server; they share the module ``admin``."""

_PACKAGES = ("twisted", "pyopenssl", "cryptography", "service-identity", "argon2-cffi", "cattrs")


class _Command(Protocol):
    """What the module of a command offers."""

    def add_arguments(self, subparsers: Subparsers) -> None:
        """Add the command to the command line."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it, and return the exit status."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The command line without the program's name; that of the process if not given.

    Returns:
        The exit status.
    """
    _print_anything()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    wanted = next((argument for argument in arguments if not argument.startswith("-")), "")
    command = _load(wanted) if wanted in COMMANDS else None
    args = _parser(command).parse_args(arguments)
    try:
        return _print_versions() if command is None else command.run(args)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        print(f"ftpstwist {wanted}: {error}", file=sys.stderr)
        return FAILED


def _load(name: str) -> _Command | None:
    if name == "version":
        return None
    module = "admin" if name in ADMIN else name.replace("-", "_")
    return cast("_Command", importlib.import_module(f"ftpstwist.cli.{module}"))


def _parser(command: _Command | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ftpstwist",
        description="Look after an FTPS server. The server itself is started with: twistd ftps",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    if command is not None:
        command.add_arguments(subparsers)
    for name, words in COMMANDS.items():
        if name not in subparsers.choices:
            subparsers.add_parser(name, help=words, description=words)
    return parser


def _print_versions() -> int:
    from cryptography.hazmat.backends.openssl import backend  # noqa: PLC0415 - slow to load, and for this alone

    print(f"ftpstwist {__version__}")
    for name in _PACKAGES:
        print(f"{name} {version_of(name)}")
    print(backend.openssl_version_text())
    print(f"Python {platform.python_version()} on {platform.platform()}")
    return DONE


def _print_anything() -> None:
    """Let names that are not text in the terminal's encoding be printed escaped, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
