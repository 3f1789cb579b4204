"""What quotas remember from one run of the server to the next: one small file, written as a whole.

How it works: a :class:`Tally` belongs to a quota, or to a quota and a user. It
holds what is stored, where several homes share the quota (a home of one user is
counted on its disk), and what has moved in the period. The file is JSON, written
beside the old one and put in its place, so it is never half. Its owner says when;
what moved since then is forgotten by a crash. Where several processes serve, the
books of all tallies are in a folder that they share, and one of them writes the file.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ftpstwist.storage.quota import QuotaLedger, Usage
from ftpstwist.storage.shared import SharedMoved, SharedUsage
from ftpstwist.storage.traffic import MovedBooks, MovedHere
from ftpstwist.wire.pathname import decode_name, encode_name

_FILE_MODE = 0o600
_NAME = ".name"
"""Ending of the file that tells the name of a tally: names are too long for those of files."""


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
    """

    stored: QuotaLedger
    moved: MovedBooks


class Tallies:
    """All of them, and their file. Safe for any number of threads; loading and saving block.

    Args:
        path: The file; it need not exist.
        shared: Folder of the books that several processes share; ``None`` if there is one process.
    """

    def __init__(self, path: Path, *, shared: Path | None = None) -> None:
        self._path = path
        self._shared = shared
        self._by_name: dict[str, Tally] = {}
        self._lock = threading.Lock()
        self._saved = "{}"

    def open(self, name: str) -> Tally:
        """Return the tally of a quota; an empty one, if it is new."""
        with self._lock:
            tally = self._by_name.get(name)
            if tally is None:
                tally = self._by_name[name] = self._new(name)
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
            for name, values in json.loads(text).items():
                _fill(self.open(name), values)
        except (ValueError, TypeError, AttributeError):
            raise TallyError(f"{self._path} is damaged", "Remove it; shared quotas and periods begin anew") from None

    def save(self) -> None:
        """Write the file, if anything has changed.

        Raises:
            OSError: It can not be written; the old one is still there.
        """
        self._find_others()
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

    def _find_others(self) -> None:
        """Open what other processes have begun."""
        if self._shared is not None:
            for path in self._shared.glob(f"*{_NAME}"):
                if octets := path.read_bytes():
                    self.open(decode_name(octets))

    def _new(self, name: str) -> Tally:
        if self._shared is None:
            tally = Tally(QuotaLedger(Usage), MovedHere())
        else:
            base = self._shared / sha256(encode_name(name)).hexdigest()
            base.with_name(base.name + _NAME).write_bytes(encode_name(name))
            stored = QuotaLedger(Usage, SharedUsage(base, is_kept=True))
            tally = Tally(stored, SharedMoved(base.with_name(base.name + ".moved")))
        tally.stored.take(Usage(), ())  # it is known, unlike a disk: what is given back counts from now on
        return tally


def _open_for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, _FILE_MODE)


def _fill(tally: Tally, values: dict[str, Any]) -> None:
    tally.stored.take(Usage(int(values.get("octets", 0)), int(values.get("files", 0))), ())
    with tally.moved.held() as moved:
        moved.period = str(values.get("period", ""))
        moved.up, moved.down = int(values.get("up", 0)), int(values.get("down", 0))


def _values(tally: Tally) -> dict[str, object]:
    """Return what :func:`_fill` reads; nothing for a tally that was never used."""
    used = tally.stored.used
    with tally.moved.held() as moved:
        period, up, down = moved.period, moved.up, moved.down
    if not any((used.octets, used.files, up, down)):
        return {}
    return {"octets": used.octets, "files": used.files, "period": period, "up": up, "down": down}
