"""From an identity and a home to the account's files: local disk, permissions, quota."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from weakref import WeakValueDictionary

from ftpstwist.config.schema import Settings
from ftpstwist.interfaces import Filesystem
from ftpstwist.services.tallies import Quotas
from ftpstwist.session.identity import Identity
from ftpstwist.storage.homes import Homes
from ftpstwist.storage.local import LocalFilesystem
from ftpstwist.storage.overlay import PermittedFilesystem
from ftpstwist.storage.quota import Keeping, QuotaLedger, Usage
from ftpstwist.storage.settings import LocalSettings
from ftpstwist.storage.shared import SharedUsage

MakeFilesystem = Callable[[Identity, str], Filesystem]

_KEY_OCTETS = 32


@dataclass(frozen=True, slots=True)
class SharedStorage:
    """What processes that serve the same homes share.

    Attributes:
        books: Folder for the numbers of quotas.
        unique_key: What the fact ``unique`` of files is made with, so that it is the same everywhere.
    """

    books: Path
    unique_key: bytes

    @classmethod
    def begin(cls) -> SharedStorage:
        """Make an empty folder for the books, for this user alone, and a key; OSError if that can not be."""
        return cls(Path(mkdtemp(prefix="ftpstwist-")), os.urandom(_KEY_OCTETS))

    def end(self) -> None:
        """Remove the folder."""
        rmtree(self.books, ignore_errors=True)


class LocalHomes:
    """Opens homes on the local disk; sessions of one home share the books of its quota.

    Args:
        settings: How files are kept.
        quotas: What holds beside the limits of the accounts.
        shared: What several processes share; ``None`` if there is one process.
    """

    def __init__(self, settings: Settings, quotas: Quotas, *, shared: SharedStorage | None = None) -> None:
        storage = settings.storage
        self._local = LocalSettings(
            links=storage.links,
            makes_links=storage.make_links,
            fsync=storage.durability,
            incomplete=storage.incomplete,
            file_mode=storage.file_mode,
            directory_mode=storage.directory_mode,
            unnamed_files=storage.unnamed_files,
            show_owners=storage.show_owners,
        )
        self._quotas = quotas
        self._homes = Homes()
        self._unique_key = os.urandom(_KEY_OCTETS) if shared is None else shared.unique_key
        self._books = None if shared is None else shared.books
        self._ledgers: WeakValueDictionary[str, QuotaLedger] = WeakValueDictionary()
        self._turn = threading.Lock()

    def open(self, identity: Identity, home: str) -> Filesystem:
        """Return the files of an account. Blocks.

        Raises:
            FtpError: The home does not exist or can not be entered (client sees 530 or 421).
        """
        ledger = self._ledger(home)
        return PermittedFilesystem(
            self._files(home),
            permissions=identity.permissions,
            limits=identity.limits,
            ledger=ledger,
            shares=self._quotas.shares(identity, ledger),
            traffic=self._quotas.traffic(identity, home),
        )

    def _files(self, home: str) -> LocalFilesystem:
        return LocalFilesystem(
            Path(home),
            unique_key=self._unique_key,
            random=os.urandom,
            settings=self._local,
            open_home=self._homes.open,
        )

    def _usage(self, home: str) -> Usage:
        """Count what lies below a home; the session that asks first may be gone when it is counted."""
        with closing(self._files(home)) as files:
            return files.usage()

    def _ledger(self, home: str) -> QuotaLedger:
        key = str(Path(home).resolve())
        with self._turn:
            ledger = self._ledgers.get(key)
            if ledger is None:
                ledger = self._ledgers[key] = QuotaLedger(partial(self._usage, home), self._keeping(key))
            return ledger

    def _keeping(self, key: str) -> Keeping | None:
        if self._books is None:
            return None
        return SharedUsage(self._books / f"home-{sha256(os.fsencode(key)).hexdigest()}")
