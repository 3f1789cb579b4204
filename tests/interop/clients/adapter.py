"""What every adapter does: steps of a user's work, done by a client that exists in the world.

A step is a tuple of a verb and its arguments; local names are absolute paths, remote ones start at the user's root::

    ("list", folder)            names in a folder; what ``perform`` returns
    ("get", remote, local)      ("resume-get", remote, local)
    ("put", local, remote)      ("resume-put", local, remote)
    ("mkdir", folder)           ("rmdir", folder)
    ("rename", old, new)        ("delete", remote)
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from tests.support.server import PASSWORD, USER, Server

Step = tuple[str, ...]

TIMEOUT = 60
PROGRAMS = Path(__file__).parent / "programs"
TRANSFERS = frozenset({"list", "get", "put"})
CHANGES = frozenset({"mkdir", "rmdir", "rename", "delete"})
RESUMES = frozenset({"resume-get", "resume-put"})


class ClientError(Exception):
    """The client says that it could not do it."""


@dataclass(frozen=True)
class ClientCertificate:
    """What a client shows of itself, in the forms that clients take.

    Attributes:
        certificate: PEM.
        key: PEM.
        bundle: Both as PKCS#12.
        password: Of the bundle.
    """

    certificate: Path
    key: Path
    bundle: Path
    password: str = field(repr=False)


@dataclass(frozen=True)
class Target:
    """Where and how to connect.

    Attributes:
        server: The server.
        host: Address.
        implicit: Whether TLS starts with the connection.
        tls: ``1.2`` or ``1.3``; empty lets the client choose.
        active: Whether the client listens for data connections.
        trusted: What the client trusts; the server's own certificate unless given.
        shows: What it shows of itself, if anything.
    """

    server: Server
    host: str = "127.0.0.1"
    implicit: bool = False
    tls: str = ""
    active: bool = False
    trusted: Path | None = field(default=None, repr=False)
    shows: ClientCertificate | None = None

    @property
    def port(self) -> int:
        address = "::1" if ":" in self.host else "127.0.0.1"
        return self.server.port("implicit" if self.implicit else "explicit", address)

    @property
    def certificate(self) -> Path:
        return self.trusted or self.server.certificate

    @property
    def authority(self) -> str:
        """Host and port as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Adapter:
    """One client program.

    Attributes:
        name: What people call it.
        verbs: The steps it can do.
        options: ``implicit``; ``1.2`` and ``1.3``, if it can be told the version; ``active``, ``verifies``, ``only IPv4``;
            ``certificate``, if it can show one.
        package: What has to be installed to have it.
        program: What is run; empty for a Python library.
    """

    name: ClassVar[str]
    verbs: ClassVar[frozenset[str]] = TRANSFERS | CHANGES
    options: ClassVar[frozenset[str]]
    package: ClassVar[str] = ""
    program: ClassVar[str] = ""

    def missing(self) -> str:
        """Tell why it can not be used here; empty if it can."""
        return "" if shutil.which(self.program) else f"{self.program} is not installed (package {self.package})"

    def perform(self, target: Target, *steps: Step) -> list[list[str]]:
        """Do all steps; return the names found by each ``list``.

        Raises:
            ClientError: The client complained.
        """
        raise NotImplementedError

    def knows(self, *, implicit: bool, host: str = "127.0.0.1") -> bool:
        """Whether it can connect like this."""
        return ("implicit" in self.options or not implicit) and ("only IPv4" not in self.options or host != "::1")


def run(
    command: Sequence[str], *, text: str = "", environment: dict[str, str] | None = None, folder: Path | None = None
) -> str:
    """Run a client with a home of its own; return what it printed.

    Raises:
        ClientError: It ended badly, with all it said.
    """
    home = {"HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    done = subprocess.run(
        command,
        input=text.encode("utf-8", "surrogateescape"),
        capture_output=True,
        env={**os.environ, **home, **(environment or {})},
        cwd=folder,
        timeout=TIMEOUT,
    )
    output, complaint = (octets.decode("utf-8", "surrogateescape") for octets in (done.stdout, done.stderr))
    if done.returncode:
        raise ClientError(f"{command[0]} ended with {done.returncode}: {complaint or output}")
    return output


class ScriptedAdapter(Adapter):
    """A library of another language: a program of ours reads the steps from its standard input.

    Each step is a line, its words separated by tabs. It prints the names of every ``list``, each on a line, then a
    line with a dot. How to connect is in its environment.
    """

    def command(self) -> list[str]:
        raise NotImplementedError

    def perform(self, target: Target, *steps: Step) -> list[list[str]]:
        text = "".join("\t".join(step) + "\n" for step in steps)
        environment = {
            "FTPS_HOST": target.host,
            "FTPS_PORT": str(target.port),
            "FTPS_USER": USER,
            "FTPS_PASSWORD": PASSWORD,
            "FTPS_CERTIFICATE": str(target.certificate),
            "FTPS_IMPLICIT": "yes" if target.implicit else "",
            "FTPS_TLS": target.tls,
            "FTPS_ACTIVE": "yes" if target.active else "",
            "FTPS_BUNDLE": str(target.shows.bundle) if target.shows else "",
            "FTPS_BUNDLE_PASSWORD": target.shows.password if target.shows else "",
        }
        lists: list[list[str]] = [[]]
        for line in run(self.command(), text=text, environment=environment).splitlines():
            if line == ".":
                lists.append([])
            else:
                lists[-1].append(line)
        return lists[:-1]
