"""A real server in a process of its own, on ports the system chose, with one user and a folder for files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ftpstwist.auth.passwords import PasswordCost, Passwords
from ftpstwist.session.identity import Secret

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
USER, PASSWORD = "alice", "correct horse"

WORKERS = int(os.environ.get("FTPSTWIST_TEST_WORKERS", "1"))
"""Processes that serve, unless a test says otherwise: all that a client can see has to be the same with several."""

CONFIG = rf"""
[server]
workers = {WORKERS}
explicit = ["tcp:0:interface=127.0.0.1", "tcp6:0:interface=\\:\\:1"]
implicit = ["tcp:0:interface=127.0.0.1", "tcp6:0:interface=\\:\\:1"]
state_directory = "state"
[transfer]
connect_timeout = 3
[accounts]
users = "users.toml"
root = "files"
[accounts.passwords]
memory = 8192
iterations = 1
[accounts.defence]
delays = [0]
failures = 0
[log]
command_log = "command.log"
transfer_log = "xfer.log"
json_log = "events.json"
"""


@cache
def _hash(password: str) -> str:
    return Passwords(PasswordCost(memory_kib=8, iterations=1)).hash_password(Secret(password))


@dataclass
class Server:
    """Where it is, and what it leaves behind."""

    folder: Path
    process: subprocess.Popen
    addresses: dict[str, list[str]]

    @property
    def files(self) -> Path:
        """The user's home."""
        return self.folder / "files" / USER

    @property
    def certificate(self) -> Path:
        return self.folder / "state" / "server.crt"

    def port(self, service: str = "explicit", host: str = "127.0.0.1") -> int:
        return next(int(a.split()[1]) for a in self.addresses[service] if a.split()[0] == host)

    def log(self, name: str = "server.log") -> str:
        return (self.folder / name).read_text(errors="replace")

    def whole_lines(self, name: str) -> list[str]:
        """Return the lines of a log that are written to their end: a reader may meet the last one half way."""
        return self.log(name).rpartition("\n")[0].splitlines()


def _merge(text: str, more: str) -> str:
    """Put keys of *more* into the tables of *text*; a key given in both is taken from *more*."""
    tables: dict[str, dict[str, str]] = {}
    for source in (text, more):
        table = ""
        for line in source.splitlines():
            if line.startswith("["):
                table = line
            elif "=" in line:
                tables.setdefault(table, {})[line.partition("=")[0].strip()] = line
    return "\n".join("\n".join([table, *lines.values()]) for table, lines in tables.items())


@contextmanager
def running_server(
    folder: Path, config: str = "", users: str = "", *, tables: str = "", prefix: Sequence[str] = ()
) -> Iterator[Server]:
    """Start a server below *folder*.

    Args:
        folder: For everything it reads and writes.
        config: Changes settings.
        users: Is put behind the one user's table; ``HASH`` stands for the hash of the one password.
        tables: Is put behind the settings as it is: repeated tables, such as certificates.
        prefix: Command that becomes the server in the end, such as ``unshare`` with its arguments.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "files" / USER).mkdir(parents=True, exist_ok=True)
    (folder / "ftps.toml").write_text(f"{_merge(CONFIG, config)}\n{tables}")
    users_file = folder / "users.toml"
    users_file.write_text(f'[users.{USER}]\npassword = "{_hash(PASSWORD)}"\n{users.replace("HASH", _hash(PASSWORD))}')
    users_file.chmod(0o600)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-W", "ignore", "-m", "tests.support.launch", str(folder / "ftps.toml")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            line = process.stdout.readline()
            if not line:
                raise AssertionError(f"the server did not start:\n{(folder / 'server.log').read_text()}")
            yield Server(folder, process, json.loads(line))
        finally:
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            finally:
                process.stdout.close()
