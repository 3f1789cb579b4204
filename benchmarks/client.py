"""The load client as a process: sign in, wait, work when told, report, sign out when told (``load/load.c``)."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from types import TracebackType
from typing import Self

from benchmarks.compiled import program
from benchmarks.servers import Running

Keys = dict[str, str | float]


_SIGN_OUT_SECONDS = 60


class LoadError(Exception):
    """The client could not do its work; the text is its own."""


class Load:
    """One client with its sessions signed in. Leaving the context signs out, or ends a client that still works.

    Args:
        measure: What it does, as ``load.c`` names it.
        server: At which server.
        keys: Settings of the measure; for all of them ``tls`` (1.3, 1.2 or none), and ``limit``, the seconds after
            which the client ends whatever happens (300).
    """

    def __init__(self, measure: str, server: Running, **keys: str | float) -> None:
        settings = {"port": server.port, "user": server.user, "password": server.password, **keys}
        command = [str(program("load")), measure, *(f"{key}={value}" for key, value in settings.items())]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._reported = False
        self._line()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reported:
            with suppress(BrokenPipeError, subprocess.TimeoutExpired):
                self._process.communicate("\n", timeout=_SIGN_OUT_SECONDS)
        self.stop()

    def go(self) -> None:
        """Let it work; if it does, let it come to an end (``noop`` only)."""
        self._write()

    def result(self) -> dict[str, float]:
        """Wait for what it reports; its sessions are still there then."""
        result: dict[str, float] = json.loads(self._line())
        self._reported = True
        return result

    def stop(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()

    def _write(self) -> None:
        if self._process.stdin is None:
            raise LoadError("no input")
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            error = self._process.stderr.read().strip() if self._process.stderr else ""
            self.stop()
            raise LoadError(error or f"the load client ended with {self._process.returncode}")
        return line
