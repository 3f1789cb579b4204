"""What the tests of the storage room share: a filesystem on a directory, and processes that attack or are dropped."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ftpstwist.storage.local import LocalFilesystem
from ftpstwist.storage.settings import LocalSettings

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@contextlib.contextmanager
def local(root: Path, **settings):
    """Serve *root*; every setting may be given by name."""
    filesystem = LocalFilesystem(root, unique_key=b"secret", random=os.urandom, settings=LocalSettings(**settings))
    try:
        yield filesystem
    finally:
        filesystem.close()


def open_descriptors() -> set[str]:
    """Return the descriptors this process has open, and what they are."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
    return {line for line in found if "/proc/" not in line}


PRELUDE = """
import os, sys
from pathlib import Path
from ftpstwist.interfaces import Disposition, ErrorKind, FtpError
from ftpstwist.storage.local import LocalFilesystem
from ftpstwist.storage.settings import *
from ftpstwist.wire.pathname import ROOT, Pathname

at = Pathname.parse

def serve(root, **settings):
    return LocalFilesystem(Path(root), unique_key=b"secret", random=os.urandom, settings=LocalSettings(**settings))

def kind(function, *args):
    try:
        function(*args)
    except FtpError as error:
        return error.kind.name
    return "done"

"""

DROP = f"""
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
"""


def child_command(body: str) -> list[str]:
    """Return the command line of a process that runs *body* behind :data:`PRELUDE`."""
    return [sys.executable, "-c", PRELUDE + textwrap.dedent(body)]


def run_child(body: str, *arguments: object) -> list[str]:
    """Run *body* in a process of its own and return the lines it printed; it must end well."""
    done = subprocess.run(
        [*child_command(body), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
