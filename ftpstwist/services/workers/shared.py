"""What the front has for all workers: the passive ports, files they can read, and the books of quotas."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime

from ftpstwist.config.complaint import Complaint, ConfigurationError
from ftpstwist.config.schema import Settings
from ftpstwist.dtp.listener import bind_ports
from ftpstwist.interfaces import WorkerThreads
from ftpstwist.services.data import passive_settings
from ftpstwist.services.files import SharedStorage
from ftpstwist.services.tallies import TallyService, load_tallies
from ftpstwist.services.workers.start import deal


class PassivePorts(Service):
    """Binds all passive ports while privileges are there, and deals them out.

    They stay open here, too: so a worker that is started later gets those of the one before it.

    Args:
        settings: The configuration.

    Raises:
        OSError: From ``privilegedStartService``: a port or an address can not be had, or there are too few.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = passive_settings(settings)
        self._workers = settings.server.workers
        self._sockets: list[socket.socket] = []
        self._dealt: Sequence[Sequence[int]] = ()

    def privilegedStartService(self) -> None:  # noqa: N802 - Twisted's interface
        """Bind them."""
        super().privilegedStartService()
        settings = self._settings
        numbers = settings.ports if settings.ports[0] else [0] * self._workers
        try:
            for plain in bind_ports(settings.addresses, numbers, settings.backlog):
                self._sockets.append(plain)
        except BaseException:
            self._close()
            raise
        ports = [plain.getsockname()[1] for plain in self._sockets]
        self._dealt = deal(ports, self._workers)
        if not all(self._dealt):
            self._close()
            raise OSError(f"{len(set(ports))} passive ports are too few for {self._workers} worker processes")

    def of(self, worker: int) -> list[int]:
        """Return the descriptors of the ports of a worker; the first worker is 1."""
        return [self._sockets[position].fileno() for position in self._dealt[worker - 1]]

    def stopService(self) -> None:  # noqa: N802 - Twisted's interface
        """Close them."""
        super().stopService()
        self._close()

    def _close(self) -> None:
        for plain in self._sockets:
            plain.close()
        self._sockets.clear()


class SharedFiles(Service):
    """Sees to it that workers can read what they will have to, before any is started.

    Args:
        settings: The configuration.
        files: Returns what they are.
    """

    def __init__(self, settings: Settings, files: Callable[[], Iterable[Path]]) -> None:
        self._origin = settings.origin
        self._files = files

    def startService(self) -> None:  # noqa: N802 - Twisted's interface
        """Look, now that privileges are dropped.

        Raises:
            ConfigurationError: Some can not be read by this user.
        """
        super().startService()
        closed = [path for path in self._files() if not os.access(path, os.R_OK)]
        if closed:
            raise ConfigurationError([self._complaint(path) for path in closed])

    def _complaint(self, path: Path) -> Complaint:
        return self._origin.complain(
            "server.workers",
            f"{path} can not be read by the user that the server has become, so no worker could be started",
            "Let the user read it, by its group for example, as SIGHUP needs as well",
        )


class SharedBooks(Service):
    """Has the books of quotas while the server runs, and saves what has to outlast it.

    Args:
        settings: The configuration.
        threads: Where they are saved.
        clock: For waiting.
    """

    def __init__(self, settings: Settings, *, threads: WorkerThreads, clock: IReactorTime) -> None:
        self._settings = settings
        self._threads = threads
        self._clock = clock

    @property
    def storage(self) -> SharedStorage:
        """What workers share; there is some once the service is started."""
        return self._storage

    def startService(self) -> None:  # noqa: N802 - Twisted's interface
        """Open the books, as the user that the workers will be.

        Raises:
            ConfigurationError: What quotas remember can not be used.
            OSError: There is no room for books.
        """
        super().startService()
        self._storage = SharedStorage.begin()
        tallies = load_tallies(self._settings, self._storage.books)
        self._saving = TallyService(tallies, threads=self._threads, clock=self._clock)
        self._saving.startService()

    def stopService(self) -> Deferred[None]:  # noqa: N802 - Twisted's interface
        """Save them a last time, and remove them."""
        super().stopService()
        saved = maybeDeferred(self._saving.stopService)
        return saved.addCallback(lambda _: self._storage.end())
