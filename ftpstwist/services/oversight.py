"""Oversight: what watches the server, and what an operator asks and tells it, as the configuration wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.application.service import IService

from ftpstwist.config.check_metrics import missing_library
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.schema import Settings
from ftpstwist.interfaces import EventSink
from ftpstwist.observe.hookprogram import IHookReactor
from ftpstwist.services.admin import AdminService, IAdminReactor
from ftpstwist.services.hooks import HookService, build_hooks
from ftpstwist.services.operations import Operations, Resumptions, Running

if TYPE_CHECKING:
    from ftpstwist.observe.metrics import Metrics


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

    Raises:
        ConfigurationError: The library for metrics is missing, or the function of a hook.
    """

    def __init__(self, settings: Settings, reactor: IOversightReactor, now: Callable[[], float]) -> None:
        self._settings = settings
        self._reactor = reactor
        self._now = now
        self._resumptions = Resumptions()
        self._metrics = _metrics(settings)
        self._hooks = build_hooks(settings, reactor)
        self.sinks: list[EventSink] = [self._resumptions, self._hooks]
        if self._metrics is not None:
            self.sinks.append(self._metrics)

    def services(self, running: Running) -> list[IService]:
        """Return what listens for questions about a server, and what waits for hooks at its end."""
        services: list[IService] = [HookService(self._hooks)]
        if self._metrics is not None:
            from ftpstwist.services.metrics import metrics_services  # noqa: PLC0415 - needs an optional library

            services += metrics_services(self._settings.metrics, self._metrics, running, reactor=self._reactor)
        if self._settings.server.admin_socket:
            operations = Operations(running, self._resumptions, self._now)
            services.append(AdminService(self._settings.admin_socket, operations.by_name, reactor=self._reactor))
        return services


def _metrics(settings: Settings) -> Metrics | None:
    if settings.metrics.endpoint is None and settings.metrics.file is None:
        return None
    if missing := tuple(missing_library(settings)):
        raise ConfigurationError(missing)
    from ftpstwist.observe.metrics import Metrics  # noqa: PLC0415 - needs an optional library

    return Metrics()
