"""Oversight: what watches the server, and what an operator asks and tells it, as the configuration wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from twisted.application.service import IService

from ftpstwist.config.check_metrics import missing_library
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.schema import Settings
from ftpstwist.dtp.passive import PassivePool
from ftpstwist.interfaces import EventSink
from ftpstwist.observe.hookprogram import IHookReactor
from ftpstwist.pi.server_pi import ServerPI
from ftpstwist.services.admin import AdminService, IAdminReactor
from ftpstwist.services.desk import Resumptions
from ftpstwist.services.hooks import HookService, build_hooks
from ftpstwist.services.operations import Operations, Running
from ftpstwist.storage.threads import TwistedWorkerThreads

if TYPE_CHECKING:
    from ftpstwist.observe.metrics import Metrics, Numbers


class IOversightReactor(IAdminReactor, IHookReactor):
    """What oversight needs of a reactor."""


class Oversight:
    """Metrics, hooks and the admin socket.

    Args:
        settings: The configuration.
        reactor: Listens, keeps time, and starts the programs of hooks.
        now: Seconds since the epoch.

    Attributes:
        sinks: Want every event.
        resumptions: How data connections began.

    Raises:
        ConfigurationError: The library for metrics is missing, or the function of a hook.
    """

    def __init__(self, settings: Settings, reactor: IOversightReactor, now: Callable[[], float]) -> None:
        self._settings = settings
        self._reactor = reactor
        self._now = now
        self.resumptions = Resumptions()
        self._metrics = _metrics(settings)
        self._hooks = build_hooks(settings, reactor)
        self.sinks: list[EventSink] = [self.resumptions, self._hooks]
        if self._metrics is not None:
            self.sinks.append(self._metrics)

    def look_at(
        self,
        threads: Mapping[str, TwistedWorkerThreads],
        *,
        sessions: Iterable[ServerPI] = (),
        pools: Sequence[PassivePool] = (),
        worker: str = "",
    ) -> None:
        """Have this process looked at for metrics; *worker* is its number, if there are several."""
        if self._metrics is not None:
            from ftpstwist.services.metrics import Process  # noqa: PLC0415 - needs an optional library

            self._metrics.look_up(Process(sessions, threads, pools, worker).readings())

    def numbers(self) -> Numbers:
        """Return what metrics know; nothing if nobody wants metrics."""
        return {} if self._metrics is None else self._metrics.numbers()

    def hook_service(self) -> HookService:
        """Return what waits for hooks at the end."""
        return HookService(self._hooks)

    def services(self, running: Running) -> list[IService]:
        """Return what listens for questions about a server, and what waits for hooks at its end."""
        services: list[IService] = [self.hook_service()]
        if self._metrics is not None:
            from ftpstwist.services.metrics import metrics_services  # noqa: PLC0415 - needs an optional library

            services += metrics_services(self._settings.metrics, self._metrics, running, reactor=self._reactor)
        if self._settings.server.admin_socket:
            operations = Operations(running, self._now)
            services.append(AdminService(self._settings.admin_socket, operations.by_name, reactor=self._reactor))
        return services


def _metrics(settings: Settings) -> Metrics | None:
    if settings.metrics.endpoint is None and settings.metrics.file is None:
        return None
    if missing := tuple(missing_library(settings)):
        raise ConfigurationError(missing)
    from ftpstwist.observe.metrics import Metrics  # noqa: PLC0415 - needs an optional library

    return Metrics()
