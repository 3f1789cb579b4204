"""From an identity and a home to the account's files: local disk, permissions, quota."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

from ftpstwist.config.schema import Settings
from ftpstwist.interfaces import Filesystem
from ftpstwist.services.tallies import Quotas
from ftpstwist.session.identity import Identity
from ftpstwist.storage.homes import Homes
from ftpstwist.storage.local import LocalFilesystem
from ftpstwist.storage.overlay import PermittedFilesystem
from ftpstwist.storage.quota import QuotaLedger, Usage
from ftpstwist.storage.settings import LocalSettings

MakeFilesystem = Callable[[Identity, str], Filesystem]

_KEY_OCTETS = 32


class LocalHomes:
    """Opens homes on the local disk; sessions of one home share the books of its quota.

    Args:
        settings: How files are kept.
        quotas: What holds beside the limits of the accounts.
    """

    def __init__(self, settings: Settings, quotas: Quotas) -> None:
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
        self._unique_key = os.urandom(_KEY_OCTETS)
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
                ledger = self._ledgers[key] = QuotaLedger(partial(self._usage, home))
            return ledger
