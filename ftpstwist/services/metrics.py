"""Metrics as services: where they are fetched (HTTP), the file they are written to, and what is looked up for them."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from twisted.application.service import IService, Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.policies import ThrottlingFactory
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from ftpstwist import __version__
from ftpstwist.config.schema_metrics import MetricsSettings
from ftpstwist.dtp.passive import PassivePool
from ftpstwist.interfaces import FtpError, WorkerThreads
from ftpstwist.observe.metrics import Metrics, Reading, Values
from ftpstwist.pi.server_pi import ServerPI
from ftpstwist.services.admin import IAdminReactor
from ftpstwist.services.listening import ListeningService
from ftpstwist.services.operations import Running
from ftpstwist.storage.threads import TwistedWorkerThreads

_log = Logger()

_CONNECTIONS = 16
_REQUEST_SECONDS = 10

Text = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Takes the media types that the reader takes; returns the text, and its media type."""


@dataclass(frozen=True, slots=True)
class Process:
    """What is looked up in each process that serves.

    Attributes:
        sessions: Its sessions.
        threads: Its threads, by their work.
        pools: Its passive ports.
        worker: Number of the worker process; empty if there are none.
    """

    sessions: Iterable[ServerPI]
    threads: Mapping[str, TwistedWorkerThreads]
    pools: Sequence[PassivePool]
    worker: str = ""

    def readings(self) -> list[Reading]:
        """Return everything that is looked up."""
        return [
            Reading("ftps_sessions_open", "Control connections now.", ("service", "protocol"), self._sessions),
            Reading("ftps_transfers_running", "Transfers now, by what holds them up.", ("waits_for",), self._transfers),
            Reading("ftps_worker_threads_busy", "Threads at work.", ("pool",), self._busy),
            Reading("ftps_worker_threads_waiting", "Work that waits for a thread.", ("pool",), self._waiting),
            Reading("ftps_passive_ports", "Passive ports that are open.", (), self._ports),
            Reading("ftps_passive_ports_used", "Those where a client is expected.", (), self._ports_used),
            Reading("ftps_passive_port_waits", "Clients that wait for a passive port.", (), self._port_waits),
            Reading("ftps_data_connections_expected", "Expected data connections.", (), self._expected),
            Reading(
                "ftps_worker_cpu_seconds",
                "Processor time of a worker process, since it was started.",
                ("worker",),
                lambda: [((self.worker,), time.process_time())] if self.worker else (),
                is_counter=True,
            ),
        ]

    def _sessions(self) -> Values:
        refs = [each.session.ref for each in self.sessions]
        return _counted((ref.service, ref.tls.version if ref.tls else "none") for ref in refs)

    def _transfers(self) -> Values:
        transfers = [each.session.transfer for each in self.sessions]
        return _counted((each.waits_for().name.lower(),) for each in transfers if each is not None)

    def _busy(self) -> Values:
        return [((name,), pool.busy) for name, pool in self.threads.items()]

    def _waiting(self) -> Values:
        return [((name,), pool.waiting) for name, pool in self.threads.items()]

    def _ports(self) -> Values:
        return [((), sum(len(pool.ports) for pool in self.pools))]

    def _ports_used(self) -> Values:
        return [((), sum(len(pool.expected) for pool in self.pools))]

    def _port_waits(self) -> Values:
        return [((), sum(pool.waiting for pool in self.pools))]

    def _expected(self) -> Values:
        return [((), sum(pool.expected.total() for pool in self.pools))]


class Readings:
    """What is looked up of the server as a whole.

    Args:
        running: Where it is looked up.
    """

    def __init__(self, running: Running) -> None:
        self._running = running

    def all(self) -> list[Reading]:
        """Return everything that is looked up; what is about worker processes, their crew adds."""
        return [
            Reading("ftps_info", "The server.", ("version",), lambda: [((__version__,), 1)]),
            Reading("ftps_bans", "Addresses banned now.", (), self._bans),
            Reading("ftps_bans_begun", "Bans so far.", (), self._bans_begun, is_counter=True),
            Reading("ftps_expiry_timestamp_seconds", "When what expires does.", ("what",), self._ends),
            Reading("ftps_reload_success", "1 if the last reload was used.", ("what",), self._reload_success),
            Reading("ftps_reload_timestamp_seconds", "When that was.", ("what",), self._reload_time),
            Reading("ftps_workers", "Worker processes that serve now.", (), lambda: ()),
            Reading("ftps_worker_starts", "Worker processes started so far.", (), lambda: (), is_counter=True),
        ]

    def _bans(self) -> Values:
        return [((), len(self._running.defender.bans))]

    def _bans_begun(self) -> Values:
        return [((), self._running.defender.bans_begun)]

    def _ends(self) -> Values:
        """Of several with one name the first that expires counts."""
        ends = sorted(self._running.certificates.ends, key=lambda end: end[1], reverse=True)
        return {(words,): end.timestamp() for words, end in ends}.items()

    def _reload_success(self) -> Values:
        return [((name,), float(not result.problem)) for name, result in self._running.reload.results.items()]

    def _reload_time(self) -> Values:
        return [((name,), result.time) for name, result in self._running.reload.results.items()]


def metrics_services(
    settings: MetricsSettings, metrics: Metrics, running: Running, *, reactor: IAdminReactor
) -> list[IService]:
    """Return what offers metrics, as the settings ask.

    Args:
        settings: The table ``[metrics]``.
        metrics: What is offered, with what other processes know.
        running: What is looked up for it.
        reactor: Listens, and keeps time.
    """
    metrics.look_up(Readings(running).all())

    async def text(accepted: str = "") -> tuple[bytes, str]:
        return metrics.text(accepted, await running.desk.metrics())

    services: list[IService] = []
    if settings.endpoint is not None:
        root = Resource()
        root.putChild(b"metrics", _Page(text))
        site = _QuietSite(root, reactor=reactor, timeout=_REQUEST_SECONDS)
        endpoint = serverFromString(reactor, settings.endpoint.text)
        factory = ThrottlingFactory(site, maxConnectionCount=_CONNECTIONS)
        services.append(ListeningService(endpoint, factory, words="metrics over HTTP"))
    if settings.file is not None:
        services.append(
            MetricsFile(
                settings.file,
                text,
                threads=running.threads,
                clock=reactor,
                interval=settings.file_interval,
            )
        )
    return services


class MetricsFile(Service):
    """Writes the text to a file again and again, by way of another one that is renamed: nobody reads half of it.

    Args:
        path: The file.
        text: Returns the text.
        threads: Where it is written.
        clock: For waiting.
        interval: Seconds from one writing to the next.
    """

    def __init__(
        self,
        path: Path,
        text: Text,
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
        octets, _ = await self._text("")
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

    def __init__(self, text: Text) -> None:
        super().__init__()
        self._text = text

    def render_GET(self, request: Request) -> int:  # noqa: N802 - Twisted's name
        """Answer GET; HEAD comes here, too."""
        answering = Deferred.fromCoroutine(self._answer(request))
        request.notifyFinish().addErrback(lambda _: answering.cancel())
        answering.addErrback(_drop_or_log)
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> None:
        octets, media_type = await self._text(request.getHeader("Accept") or "")
        request.setHeader("Content-Type", media_type)
        request.setHeader("Content-Length", str(len(octets)))
        request.write(b"" if request.method == b"HEAD" else octets)
        request.finish()


class _QuietSite(Site):
    """Does not log every fetch."""

    noisy = False

    def log(self, request: http.Request) -> None:
        """Tell nobody."""


def _drop_or_log(failure: Failure) -> None:
    """Nobody waits any more, or there is an error of ours, and the reader is told nothing of it."""
    if not failure.check(CancelledError):
        _log.failure("metrics could not be put together", failure=failure)


def _counted(values: Iterable[tuple[str, ...]]) -> Values:
    return Counter(values).items()
