"""Metrics as services: where they are fetched (HTTP), the file they are written to, and what is looked up for them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.policies import ThrottlingFactory
from twisted.web import http
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from ftpstwist import __version__
from ftpstwist.config.schema_metrics import MetricsSettings
from ftpstwist.interfaces import FtpError, WorkerThreads
from ftpstwist.observe.metrics import Metrics, Reading
from ftpstwist.services.admin import IAdminReactor
from ftpstwist.services.listening import ListeningService
from ftpstwist.services.operations import Running

_log = Logger()

_CONNECTIONS = 16
_REQUEST_SECONDS = 10

_Values = Iterable[tuple[tuple[str, ...], float]]


class Readings:
    """What is looked up for every text.

    Args:
        running: Where it is looked up.
    """

    def __init__(self, running: Running) -> None:
        self._running = running

    def all(self) -> list[Reading]:
        """Return everything that is looked up."""
        return [
            Reading("ftps_info", "The server.", ("version",), lambda: [((__version__,), 1)]),
            Reading("ftps_sessions_open", "Control connections now.", ("service", "protocol"), self._sessions),
            Reading("ftps_transfers_running", "Transfers now, by what holds them up.", ("waits_for",), self._transfers),
            Reading("ftps_worker_threads_busy", "Threads at work.", ("pool",), self._busy),
            Reading("ftps_worker_threads_waiting", "Work that waits for a thread.", ("pool",), self._waiting),
            Reading("ftps_passive_ports", "Passive ports that are open.", (), self._ports),
            Reading("ftps_passive_ports_used", "Those where a client is expected.", (), self._ports_used),
            Reading("ftps_passive_port_waits", "Clients that wait for a passive port.", (), self._port_waits),
            Reading("ftps_data_connections_expected", "Expected data connections.", (), self._expected),
            Reading("ftps_bans", "Addresses banned now.", (), self._bans),
            Reading(
                "ftps_bans_begun",
                "Bans so far.",
                (),
                self._bans_begun,
                is_counter=True,
            ),
            Reading("ftps_expiry_timestamp_seconds", "When what expires does.", ("what",), self._ends),
            Reading("ftps_reload_success", "1 if the last reload was used.", ("what",), self._reload_success),
            Reading("ftps_reload_timestamp_seconds", "When that was.", ("what",), self._reload_time),
        ]

    def _sessions(self) -> _Values:
        refs = [each.session.ref for each in self._running.sessions]
        return _counted((ref.service, ref.tls.version if ref.tls else "none") for ref in refs)

    def _transfers(self) -> _Values:
        transfers = [each.session.transfer for each in self._running.sessions]
        return _counted((each.waits_for().name.lower(),) for each in transfers if each is not None)

    def _busy(self) -> _Values:
        return [((name,), pool.busy) for name, pool in self._running.threads.items()]

    def _waiting(self) -> _Values:
        return [((name,), pool.waiting) for name, pool in self._running.threads.items()]

    def _ports(self) -> _Values:
        return [((), len(self._running.pool.ports))]

    def _bans(self) -> _Values:
        return [((), len(self._running.defender.bans))]

    def _bans_begun(self) -> _Values:
        return [((), self._running.defender.bans_begun)]

    def _ports_used(self) -> _Values:
        return [((), len(self._running.pool.expected))]

    def _port_waits(self) -> _Values:
        return [((), self._running.pool.waiting)]

    def _expected(self) -> _Values:
        return [((), self._running.pool.expected.total())]

    def _ends(self) -> _Values:
        """Of several with one name the first that expires counts."""
        ends = sorted(self._running.certificates.ends, key=lambda end: end[1], reverse=True)
        return {(words,): end.timestamp() for words, end in ends}.items()

    def _reload_success(self) -> _Values:
        return [((name,), float(not result.problem)) for name, result in self._running.reload.results.items()]

    def _reload_time(self) -> _Values:
        return [((name,), result.time) for name, result in self._running.reload.results.items()]


def metrics_services(
    settings: MetricsSettings, metrics: Metrics, running: Running, *, reactor: IAdminReactor
) -> list[IService]:
    """Return what offers metrics, as the settings ask.

    Args:
        settings: The table ``[metrics]``.
        metrics: What is offered.
        running: What is looked up for it.
        reactor: Listens, and keeps time.
    """
    metrics.look_up(Readings(running).all())
    services: list[IService] = []
    if settings.endpoint is not None:
        root = Resource()
        root.putChild(b"metrics", _Page(metrics.text))
        site = _QuietSite(root, reactor=reactor, timeout=_REQUEST_SECONDS)
        endpoint = serverFromString(reactor, settings.endpoint.text)
        factory = ThrottlingFactory(site, maxConnectionCount=_CONNECTIONS)
        services.append(ListeningService(endpoint, factory, words="metrics over HTTP"))
    if settings.file is not None:
        services.append(
            MetricsFile(
                settings.file,
                metrics.text,
                threads=running.threads["files"],
                clock=reactor,
                interval=settings.file_interval,
            )
        )
    return services


class MetricsFile(Service):
    """Writes the text to a file again and again, by way of another one that is renamed: nobody reads half of it.

    Args:
        path: The file.
        text: Returns the text, and its media type.
        threads: Where it is written.
        clock: For waiting.
        interval: Seconds from one writing to the next.
    """

    def __init__(
        self,
        path: Path,
        text: Callable[[], tuple[bytes, str]],
        *,
        threads: WorkerThreads,
        clock: IReactorTime,
        interval: float,
    ) -> None:
        self._path = path
        self._text = text
        self._threads = threads
        self._interval = interval
        self._is_told = False
        self._turns = LoopingCall(lambda: Deferred.fromCoroutine(self._write()))
        self._turns.clock = clock

    def startService(self) -> None:  # noqa: N802 - Twisted's interface
        """Write it for the first time."""
        super().startService()
        self._ended = self._turns.start(self._interval)

    def stopService(self) -> Deferred[LoopingCall] | None:  # noqa: N802 - Twisted's interface
        """Write it no more; done when the writing that runs has ended."""
        super().stopService()
        if not self._turns.running:
            return None
        self._turns.stop()
        return self._ended

    async def _write(self) -> None:
        octets, _ = self._text()
        try:
            await self._threads.run(_replace, self._path, octets)
        except OSError as error:
            if not self._is_told:
                _log.error("metrics are not written to {path}: {cause}", path=str(self._path), cause=error.strerror)
            self._is_told = True
        except FtpError:  # the threads have ended
            return
        else:
            self._is_told = False


def _replace(path: Path, octets: bytes) -> None:
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_bytes(octets)
    new.replace(path)


class _Page(Resource):
    """The text."""

    def __init__(self, text: Callable[[str], tuple[bytes, str]]) -> None:
        super().__init__()
        self._text = text

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        """Answer GET; HEAD comes here, too."""
        octets, media_type = self._text(request.getHeader("Accept") or "")
        request.setHeader("Content-Type", media_type)
        return octets


class _QuietSite(Site):
    """Does not log every fetch."""

    noisy = False

    def log(self, request: http.Request) -> None:
        """Tell nobody."""


def _counted(values: Iterable[tuple[str, ...]]) -> _Values:
    return Counter(values).items()
