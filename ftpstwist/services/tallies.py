"""Quotas of the configuration, and their memory: written now and then, and when the server stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_quotas import QuotaSettings
from ftpstwist.interfaces import WorkerThreads
from ftpstwist.services.watch import WatchService
from ftpstwist.session.identity import Identity
from ftpstwist.storage.quota import Ceiling, QuotaLedger, Share
from ftpstwist.storage.tallies import Tallies, TallyError
from ftpstwist.storage.traffic import Traffic, TrafficLimits

_log = Logger()

SAVE_SECONDS = 5.0
"""How often what has changed is written; a crash forgets so much."""


def open_tallies(settings: Settings, shared: Path | None = None) -> Tallies:
    """Return the books of quotas as they are: empty, or what other processes have put into a *shared* folder."""
    return Tallies(settings.server.state_directory / "quotas.json", shared=shared)


def load_tallies(settings: Settings, shared: Path | None = None) -> Tallies:
    """Return the books of quotas, with what was remembered added: once for all processes that share them.

    Args:
        settings: The configuration.
        shared: Folder of the books, where several processes serve.

    Raises:
        ConfigurationError: The file is damaged.
    """
    tallies = open_tallies(settings, shared)
    try:
        tallies.load()
    except TallyError as error:
        origin = settings.origin
        raise ConfigurationError([origin.complain("server.state_directory", error.cause, error.remedy)]) from None
    return tallies


class Quotas:
    """Tells which quotas hold for an account.

    Args:
        settings: All of them.
        tallies: Their memory.
        now: Seconds since the epoch.
    """

    def __init__(self, settings: Sequence[QuotaSettings], *, tallies: Tallies, now: Callable[[], float]) -> None:
        self._settings = settings
        self._tallies = tallies
        self._now = now

    def shares(self, identity: Identity, ledger: QuotaLedger) -> list[Share]:
        """Return the quotas on what is stored; *ledger* is that of the home."""
        return [
            Share(
                self._tallies.open(quota.name).stored if quota.shared else ledger,
                Ceiling(quota.octets, quota.files),
                quota.soft,
                quota.name,
            )
            for quota in self._covering(identity)
            if (quota.octets, quota.files) != (None, None)
        ]

    def traffic(self, identity: Identity, home: str) -> list[Traffic]:
        """Return the quotas on what is transferred; users of one name with other homes are others."""
        return [
            self._traffic(quota, quota.name if quota.shared else f"{quota.name}\t{identity.user}\t{home}")
            for quota in self._covering(identity)
            if (quota.upload, quota.download, quota.transfer) != (None, None, None)
        ]

    def _traffic(self, quota: QuotaSettings, name: str) -> Traffic:
        tally = self._tallies.open(name)
        limits = TrafficLimits(quota.upload, quota.download, quota.transfer)
        return Traffic(
            quota.name,
            limits,
            period=quota.period,
            soft=quota.soft,
            books=tally.moved,
            now=self._now,
        )

    def _covering(self, identity: Identity) -> list[QuotaSettings]:
        return [quota for quota in self._settings if quota.covers(identity.user, identity.groups)]


class TallyService(WatchService):
    """Saves tallies now and then, and at the very end.

    Args:
        tallies: What to save.
        threads: Where to do it, but for the end.
        clock: For waiting.
    """

    def __init__(self, tallies: Tallies, *, threads: WorkerThreads, clock: IReactorTime) -> None:
        super().__init__(self._save, threads=threads, clock=clock, interval=SAVE_SECONDS)
        self._tallies = tallies
        self._turns = threading.Lock()
        self._is_failing = False

    def stopService(self) -> Deferred[None] | None:  # noqa: N802 - Twisted's interface
        """Save what the last sessions have used, when the turn that runs has ended."""
        running = super().stopService()
        if running is None:
            self._save()
            return None
        return running.addCallback(lambda _: self._save())

    def _save(self) -> None:
        with self._turns:
            try:
                self._tallies.save()
            except OSError as error:
                if not self._is_failing:
                    _log.error("what quotas have used can not be saved: {cause}", cause=str(error))
                self._is_failing = True
            else:
                self._is_failing = False
