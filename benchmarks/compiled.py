"""The programs in C, compiled when they are needed.

``load`` is the client, ``bare`` does transfers without a server around them, ``keeper`` keeps the processes of a server
together.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).parent / "load"
CACHE = Path(__file__).parent / ".cache"
_PARTS = {"load": ("ftp.c", "load.c"), "bare": ("bare.c",), "keeper": ("keeper.c",)}
_FLAGS = ("-O2", "-Wall", "-Wextra", "-pthread")


class MissingToolError(Exception):
    """Something of the system is not there; the text says what to install."""


def missing() -> str | None:
    """Return why nothing can be compiled, or ``None``."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return "gcc is missing; on Debian: apt-get install gcc libc6-dev libssl-dev"
    probe = [compiler, "-E", "-x", "c", "-"]
    if subprocess.run(
        probe, input="#include <openssl/ssl.h>\n", text=True, capture_output=True, check=False
    ).returncode:
        return "the headers of OpenSSL are missing; on Debian: apt-get install libssl-dev"
    return None


@cache
def program(name: str) -> Path:
    """Return the path of a program, compiled from the sources as they are now.

    Raises:
        MissingToolError: There is no compiler, or no OpenSSL to compile against.
    """
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(SOURCES.iterdir()))).hexdigest()[:16]
    target = CACHE / f"{name}-{digest}"
    if target.exists():
        return target
    if reason := missing():
        raise MissingToolError(reason)
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        new = Path(folder) / name
        sources = [str(SOURCES / part) for part in _PARTS[name]]
        subprocess.run(["gcc", *_FLAGS, "-o", str(new), *sources, "-lssl", "-lcrypto"], check=True)
        new.rename(target)
    return target
