"""What quotas remember from one run of the server to the next: one small file, written as a whole.

How it works: a :class:`Tally` belongs to a quota, or to a quota and a user. It
holds what is stored, where several homes share the quota (a home of one user is
counted on its disk), and what has moved in the period. The file is JSON, written
beside the old one and put in its place, so it is never half. Its owner says when;
what moved since then is forgotten by a crash.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftpstwist.storage.quota import QuotaLedger, Usage
from ftpstwist.storage.traffic import Moved

_FILE_MODE = 0o600


class TallyError(Exception):
    """The file can not be used.

    Args:
        cause: What is wrong: one sentence without its full stop.
        remedy: What to do about it.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


@dataclass(slots=True)
class Tally:
    """The books of a quota.

    Attributes:
        stored: Where several homes share it.
        moved: In the period.
        lock: For *moved*.
    """

    stored: QuotaLedger
    moved: Moved
    lock: threading.Lock = field(default_factory=threading.Lock)


class Tallies:
    """All of them, and their file. Safe for any number of threads; loading and saving block.

    Args:
        path: The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._by_name: dict[str, Tally] = {}
        self._lock = threading.Lock()
        self._saved = "{}"

    def open(self, name: str) -> Tally:
        """Return the tally of a quota; an empty one, if it is new."""
        with self._lock:
            tally = self._by_name.get(name)
            if tally is None:
                tally = self._by_name[name] = _tally({})
            return tally

    def load(self) -> None:
        """Read the file, if there is one.

        Raises:
            TallyError: It is not what :meth:`save` writes.
        """
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise TallyError(f"{self._path} can not be read: {error}", "Let the server read it") from None
        try:
            tallies = {name: _tally(values) for name, values in json.loads(text).items()}
        except (ValueError, TypeError, AttributeError):
            raise TallyError(f"{self._path} is damaged", "Remove it; shared quotas and periods begin anew") from None
        with self._lock:
            self._by_name = tallies

    def save(self) -> None:
        """Write the file, if anything has changed.

        Raises:
            OSError: It can not be written; the old one is still there.
        """
        with self._lock:
            tallies = dict(self._by_name)
        values = {name: _values(tally) for name, tally in sorted(tallies.items())}
        text = json.dumps({name: each for name, each in values.items() if each}, indent=1)
        if text == self._saved:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(self._path.name + ".new")
        with open(beside, "w", encoding="utf-8", opener=_open_for_us_alone) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        self._saved = text


def _open_for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, _FILE_MODE)


def _tally(values: dict[str, Any]) -> Tally:
    stored = Usage(int(values.get("octets", 0)), int(values.get("files", 0)))
    moved = Moved(str(values.get("period", "")), int(values.get("up", 0)), int(values.get("down", 0)))
    ledger = QuotaLedger(lambda: stored)
    ledger.take(Usage(), ())  # it is known, unlike what lies on a disk: what is given back counts from now on
    return Tally(ledger, moved)


def _values(tally: Tally) -> dict[str, object]:
    """Return what :func:`_tally` reads; nothing for a tally that was never used."""
    used = tally.stored.used
    with tally.lock:
        period, up, down = tally.moved.period, tally.moved.up, tally.moved.down
    if not any((used.octets, used.files, up, down)):
        return {}
    return {"octets": used.octets, "files": used.files, "period": period, "up": up, "down": down}
