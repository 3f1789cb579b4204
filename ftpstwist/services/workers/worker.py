"""The composition root of a worker: what serves sessions, and the channel to the front."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

from twisted.internet.defer import Deferred

from ftpstwist.auth.userfile import UserFile
from ftpstwist.config.schema import Settings
from ftpstwist.interfaces import WorkerThreads
from ftpstwist.services.certificates import Certificates
from ftpstwist.services.controlports import control_ports
from ftpstwist.services.desk import OwnDesk
from ftpstwist.services.files import LocalHomes
from ftpstwist.services.foundation import reloads, thread_pools, upkeep
from ftpstwist.services.hostchange import HostChange
from ftpstwist.services.hosts import Hosts, place_of
from ftpstwist.services.logs import LogService
from ftpstwist.services.oversight import Oversight
from ftpstwist.services.passive import PassiveService
from ftpstwist.services.reactor import IReactor
from ftpstwist.services.reload import ReloadService
from ftpstwist.services.root import FtpsService
from ftpstwist.services.serving import ServingParts, serve
from ftpstwist.services.sessions import ControlFactory
from ftpstwist.services.tallies import Quotas, open_tallies
from ftpstwist.services.workers.channel import Answerer, Channel, OneProtocol
from ftpstwist.services.workers.clerk import Clerk, ClerkAccounts, ClerkParts
from ftpstwist.services.workers.reception import CLOSED, Reception
from ftpstwist.services.workers.start import CHANNEL, HANDOVER, Start


class Worker:
    """What one worker process does.

    Args:
        start: What it is started with; the descriptors that it names are open.
        reactor: The reactor that will run it; it is stopped when the front wants that, or has gone.
        now: Seconds since the epoch.

    Raises:
        ConfigurationError: A certificate or a key can not be used.
        TlsPolicyError: TLS settings do not fit together.
    """

    def __init__(self, start: Start, *, reactor: IReactor, now: Callable[[], float]) -> None:
        self._reactor = reactor
        self._is_stopping = False
        self._answerers: dict[str, Answerer] = {"stop": self._stop_reactor}
        self._channel = Channel(self._answerers, lost=self._stop_reactor)
        self._service, factories = self._build(start, now)
        self._reception = Reception(socket.socket(fileno=HANDOVER), factories, reactor=reactor, gone=self._gone)

    def start(self) -> None:
        """Begin to serve."""
        self._service.privilegedStartService()
        self._service.startService()
        self._reception.open()
        with socket.socket(fileno=CHANNEL) as plain:
            plain.setblocking(False)
            self._reactor.adoptStreamConnection(plain.fileno(), socket.AF_UNIX, OneProtocol(self._channel))
        self._channel.tell("ready")

    def stop(self) -> Deferred[None]:
        """Take no more connections, end all sessions, then everything else."""
        self._is_stopping = True
        self._channel.tell("leaving")
        self._reception.finish()
        return self._service.stopService()

    def _stop_reactor(self) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._reactor.stop()

    def _gone(self, place: int) -> None:
        self._channel.tell("gone", place=place)

    def _build(self, start: Start, now: Callable[[], float]) -> tuple[FtpsService, Sequence[ControlFactory]]:
        settings, reactor = start.settings, self._reactor
        oversight = Oversight(settings, reactor, now)
        logs = LogService(settings, clock=reactor, sinks=oversight.sinks, opened=start.log_descriptors)
        pools = thread_pools(reactor, files=settings.transfer.threads, certificates=1)
        certificates = Certificates(settings, now)
        hosts = self._hosts(start, pools["files"], certificates, now)
        change = HostChange(hosts, certificates=certificates, threads=pools["certificates"], now=now)
        parts = ServingParts(
            reactor=reactor, threads=pools["files"], sink=logs, now=now, certificates=certificates, hosts=hosts
        )
        serving = serve(settings, parts, ports=control_ports(settings), door=CLOSED)
        oversight.look_at(pools, sessions=serving.sessions, pools=[serving.pool], worker=str(start.number))
        reload = ReloadService(partial(reloads, change, logs), reactor, now=now)
        desk = OwnDesk(serving.sessions, oversight.resumptions, now)
        self._answerers |= {
            "reload": partial(_reload, reload),
            "numbers": desk.numbers,
            "describe": desk.describe,
            "end": desk.end,
            "end_of": desk.end_of,
            "metrics": oversight.numbers,
        }
        bound = [socket.socket(fileno=descriptor) for descriptor in start.passive_descriptors]
        service = FtpsService(
            listeners=[],
            supports=[
                logs,
                *upkeep(settings, certificates, pools, reactor),
                PassiveService(serving.pool, bound),
                oversight.hook_service(),
            ],
            reload=reload,
            sessions=serving.sessions,
            shutdown_seconds=settings.server.shutdown_timeout,
        )
        return service, serving.factories

    def _hosts(
        self, start: Start, threads: WorkerThreads, certificates: Certificates, now: Callable[[], float]
    ) -> Hosts:
        settings = start.settings
        quotas = Quotas(settings.quotas, tallies=open_tallies(settings, start.shared.books), now=now)
        homes = LocalHomes(settings, quotas, shared=start.shared)
        parts = ClerkParts(self._channel.ask, self._channel.tell, threads, homes.open, count(1))

        def make_accounts(settings_of_host: Settings) -> ClerkAccounts:
            users = _users_file(settings_of_host, self._reactor) if start.has_users_files else None
            return ClerkAccounts(Clerk(place_of(settings_of_host), parts, users), users)

        default = make_accounts(settings)
        return Hosts(settings, default, make_accounts if start.has_users_files else None, certificates.knows)


def _users_file(settings: Settings, clock: IReactor) -> UserFile:
    """Return the users file, for what it says about groups: passwords are the front's affair."""
    users = UserFile(settings.accounts.users, clock=clock)
    if users.path.exists():  # else, or if it is bad, it is looked for at every login
        users.reload()
    return users


async def _reload(service: ReloadService) -> dict[str, str]:
    await service.reload()
    return {what: result.problem for what, result in service.results.items()}
