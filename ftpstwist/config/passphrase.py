"""Where the passphrase of a private key comes from: a file, the environment, systemd, or a command.

Nobody is ever asked: a server that waits for somebody to type does not start
after a power cut. A command gets no terminal and no input, and ten seconds.

Blocks; nothing read here is ever quoted in a complaint.
"""

from __future__ import annotations

import os
import select
import stat
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ftpstwist.config.complaint import Complaint, Origin
from ftpstwist.config.schema_tls import CertificateSettings
from ftpstwist.session.identity import Secret

MAX_OCTETS = 4096
"""Longest passphrase; more is no first line of ours."""
COMMAND_SECONDS = 10.0
"""How long a command may take."""
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Variable in which systemd names the folder of credentials (LoadCredential=)."""


class _Unavailable(Exception):  # noqa: N818 - it becomes a complaint
    """There is no passphrase to be had; the texts say why, and what to do."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.remedy = remedy


def read_passphrase(entry: CertificateSettings, origin: Origin, key: str, complaints: list[Complaint]) -> Secret | None:
    """Return the passphrase of a certificate's key. Blocks.

    Args:
        entry: Says where it comes from.
        origin: For complaints.
        key: Where the entry stands in the configuration.
        complaints: What is wrong is added here.

    Returns:
        The passphrase; ``None`` if none is configured or none could be had.
    """
    sources = entry.passphrase_sources
    if len(sources) > 1:
        cause = f"{sources[0]} is given, too, and a key has one passphrase"
        complaints.append(origin.complain(f"{key}.{sources[1]}", cause, "Take one of them out"))
        return None
    for source in sources:
        try:
            return Secret(_read(entry, source).decode("utf-8", "replace"))
        except _Unavailable as error:
            complaints.append(origin.complain(f"{key}.{source}", str(error), error.remedy))
    return None


def _read(entry: CertificateSettings, source: str) -> bytes:
    if source == "passphrase_file" and entry.passphrase_file is not None:
        return _read_file(entry.passphrase_file)
    if source == "passphrase_credential" and entry.passphrase_credential is not None:
        folder = os.environ.get(CREDENTIALS)
        if not folder:
            cause = f"systemd has passed no credentials ({CREDENTIALS} is not set)"
            raise _Unavailable(cause, f"Add LoadCredential={entry.passphrase_credential}:… to the unit")
        return _read_file(Path(folder) / entry.passphrase_credential)
    if source == "passphrase_variable" and entry.passphrase_variable is not None:
        value = os.environb.get(entry.passphrase_variable.encode())
        if value is None:
            cause = f"there is no variable {entry.passphrase_variable} in the environment"
            raise _Unavailable(cause, "Set it where the server is started")
        return _first_line(value, f"the variable {entry.passphrase_variable}")
    return _run(entry.passphrase_command)


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            octets = file.read(MAX_OCTETS)
    except OSError as error:
        raise _Unavailable(f"{path} can not be read ({error.strerror})", "Give the path of the file") from None
    if mode & stat.S_IRWXO:
        cause = f"{path} may be read or changed by others (mode {mode:04o})"
        raise _Unavailable(cause, f"Run: chmod 600 {path}")
    return _first_line(octets, str(path))


def _run(command: Sequence[str]) -> bytes:
    """Return the first line that a command writes; its complaints go where the server's own go."""
    remedy = "Run it by hand, as the user whom the server runs as"
    try:
        # Without a terminal of its own session it can ask nobody.
        process = subprocess.Popen(  # noqa: S603 - the operator's own command; no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise _Unavailable(f"{command[0]} can not be run ({error.strerror})", remedy) from None
    with process:
        deadline = time.monotonic() + COMMAND_SECONDS
        try:
            octets = _read_output(process, deadline)
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            raise _Unavailable(f"{command[0]} took longer than {COMMAND_SECONDS:g} seconds", remedy) from None
        finally:
            process.kill()
    if status:
        raise _Unavailable(f"{command[0]} ended with status {status}", remedy)
    return _first_line(octets, f"what {command[0]} wrote")


def _read_output(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    if process.stdout is None:
        raise RuntimeError("the command was started without a pipe")
    descriptor, octets = process.stdout.fileno(), b""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    while len(octets) < MAX_OCTETS and b"\n" not in octets:
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        piece = os.read(descriptor, MAX_OCTETS)
        if not piece:
            break
        octets += piece
    return octets


def _first_line(octets: bytes, where: str) -> bytes:
    line = octets[:MAX_OCTETS].partition(b"\n")[0].rstrip(b"\r")
    if not line:
        raise _Unavailable(f"the first line of {where} is empty", "Write the passphrase")
    return line
