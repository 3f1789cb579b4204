"""SIGHUP and the tables ``[[hosts]]``: new ones are taken while the server runs, as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ftpstwist.config.complaint import Origin
from ftpstwist.config.reread import reread_hosts
from ftpstwist.config.rule import survey
from ftpstwist.config.schema import Settings
from ftpstwist.interfaces import WorkerThreads
from ftpstwist.services.certificates import Certificates
from ftpstwist.services.hosts import Hosts


class HostChange:
    """Takes the hosts that the configuration file holds now.

    Sessions keep the hosts, accounts and certificates they began with.

    Args:
        hosts: The hosts in use.
        certificates: Theirs, and all others.
        threads: Where files are read.
        now: Seconds since the epoch.

    Attributes:
        hosts: As given.
        file: The configuration file; ``None`` if the settings came from none.
    """

    def __init__(
        self, hosts: Hosts, *, certificates: Certificates, threads: WorkerThreads, now: Callable[[], float]
    ) -> None:
        self.hosts = hosts
        self._certificates = certificates
        self._threads = threads
        self._now = now
        origin = hosts.settings.origin
        self.file = None if origin == Origin() else Path(origin.file).absolute()

    async def run(self) -> None:
        """Read the file and use its hosts; raises and changes nothing if they are bad."""
        running, file = self.hosts.settings, self.file
        if file is None:
            return
        settings = await self._threads.run(self._read, running, file)
        prepared = self.hosts.prepare(settings)
        if settings.hosts != running.hosts:
            await self._threads.run(self._certificates.adopt, settings)
        self.hosts.use(prepared)

    async def reload_certificates(self) -> None:
        """Use what the certificate files hold now; raises and changes nothing if that is bad."""
        await self._threads.run(self._certificates.reload)

    def _read(self, running: Settings, file: Path) -> Settings:
        return reread_hosts(running, file, survey(datetime.fromtimestamp(self._now(), UTC)))
