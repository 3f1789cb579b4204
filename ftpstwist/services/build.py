"""The composition root: the only module that knows all concrete classes.

:func:`ftps_service` is what ``twistd ftps`` runs and what other applications
embed; see docs/embedding.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import IRealm
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.logger import Logger

from ftpstwist.config.schema import Settings
from ftpstwist.interfaces import EventSink
from ftpstwist.pi.admission import Admission, AdmissionLimits
from ftpstwist.services.accounts import AccountParts, build_accounts
from ftpstwist.services.certificates import Certificates
from ftpstwist.services.controlports import ControlPorts
from ftpstwist.services.data import DataParts, IDataReactor
from ftpstwist.services.files import LocalHomes, MakeFilesystem
from ftpstwist.services.hostchange import HostChange
from ftpstwist.services.hosts import Hosts
from ftpstwist.services.listening import ListeningService
from ftpstwist.services.logs import LogService
from ftpstwist.services.operations import Running
from ftpstwist.services.oversight import IOversightReactor, Oversight
from ftpstwist.services.passive import PassiveService
from ftpstwist.services.reload import Reload, ReloadService
from ftpstwist.services.revocation import ask_responders
from ftpstwist.services.root import FtpsService
from ftpstwist.services.sessions import SessionParts, Sessions
from ftpstwist.services.sources import build_sources, threads_for_sources
from ftpstwist.services.tallies import Quotas, TallyService, load_tallies
from ftpstwist.services.threads import ThreadService
from ftpstwist.services.watch import WatchService
from ftpstwist.session.events import NO_SESSION, Expires, SessionRef
from ftpstwist.storage.threads import TwistedWorkerThreads
from ftpstwist.tls.binding import PerSessionTls
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.expiry import Notice
from ftpstwist.tls.legacy import LegacyContexts

_log = Logger()

_PASSWORD_THREADS = 2


class IReactor(IDataReactor, IOversightReactor, IReactorFromThreads):
    """What the server needs of a reactor; every reactor of Twisted on Unix has it."""


def ftps_service(
    settings: Settings,
    *,
    reactor: IReactor,
    realm: IRealm | None = None,
    checkers: Sequence[ICredentialsChecker] | None = None,
    make_filesystem: MakeFilesystem | None = None,
    sinks: Sequence[EventSink] = (),
    now: Callable[[], float] = time.time,
) -> FtpsService:
    """Build the server as one Twisted service.

    Args:
        settings: The configuration; ``config.check.load_settings`` reads it from a file.
        reactor: The reactor that will run it.
        realm: Gives ``IAccount`` avatars, instead of homes on the local disk.
        checkers: Check credentials, instead of the users file. With a realm or checkers, all virtual hosts have these.
        make_filesystem: Makes the files of an identity from the path of its home; called in worker threads.
        sinks: Take audit events, beside the logs.
        now: Seconds since the epoch, for logs and certificates.

    Raises:
        ConfigurationError: A certificate, a key or what quotas remember can not be used, or a package is missing.
        TlsPolicyError: TLS settings do not fit together.
        UserFileError: The users file can not be used.
    """
    oversight = Oversight(settings, reactor, now)
    logs = LogService(settings, clock=reactor, sinks=[*sinks, *oversight.sinks])
    pools = _worker_threads(settings, reactor)
    threads, certificate_threads = pools["files"], pools["certificates"]
    certificates = Certificates(settings, now, expires=partial(_record_expiry, reactor, logs, now))
    tallies = load_tallies(settings)
    files = make_filesystem or LocalHomes(settings, Quotas(settings.quotas, tallies=tallies, now=now)).open
    about_accounts = _account_parts(settings, pools, certificates, files, reactor=reactor, now=now)
    accounts = build_accounts(settings, about_accounts, realm=realm, checkers=checkers)
    hosts = Hosts(
        settings,
        accounts,
        partial(build_accounts, parts=about_accounts) if realm is None and checkers is None else None,
        certificates.knows,
    )
    data = DataParts(settings, reactor=reactor, threads=threads, sink=logs, now=now)
    parts = SessionParts(
        hosts=lambda: hosts.book,
        handshake_seconds=settings.tls.handshake_timeout,
        mint_tls=lambda: _mint_tls(settings, certificates.contexts, certificates),
        make_data=data.make,
        threads=threads,
        digest_turns=DeferredSemaphore(settings.integrity.at_once),
        sink=logs,
        now=now,
        clock=reactor,
    )
    sessions = Sessions(parts, Admission(_admission_limits(settings), accounts.authenticator.refuses))
    change = HostChange(hosts, certificates=certificates, threads=certificate_threads, now=now)
    ports = ControlPorts(settings, reactor=reactor, sessions=sessions, sink=logs, now=now)
    running = Running(
        listeners=_listeners(settings, ports, certificates),
        sessions=sessions,
        threads=pools,
        pool=data.pool,
        defender=accounts.defender,
        certificates=certificates,
        reload=ReloadService(partial(_reloads, change, logs), reactor, now=now),
    )
    return FtpsService(
        listeners=running.listeners,
        supports=[
            logs,
            *map(ThreadService, pools.values()),
            *_watch(settings, certificates, certificate_threads, reactor),
            PassiveService(data.pool),
            TallyService(tallies, threads=threads, clock=reactor),
            *oversight.services(running),
        ],
        reload=running.reload,
        sessions=sessions,
        shutdown_seconds=settings.server.shutdown_timeout,
    )


def _record_expiry(reactor: IReactor, sink: EventSink, now: Callable[[], float], notice: Notice) -> None:
    """Take a notice from another thread."""
    reactor.callFromThread(sink.record, Expires(SessionRef(NO_SESSION, ""), now(), notice.words, notice.days))


def _account_parts(
    settings: Settings,
    pools: Mapping[str, TwistedWorkerThreads],
    certificates: Certificates,
    make_filesystem: MakeFilesystem,
    *,
    reactor: IReactor,
    now: Callable[[], float],
) -> AccountParts:
    return AccountParts(
        clock=reactor,
        threads=pools["files"],
        make_filesystem=make_filesystem,
        now=now,
        revocations=ask_responders(settings, certificates=certificates, reactor=reactor, now=now),
        sources=build_sources(
            settings, clock=reactor, threads=pools["accounts"], password_threads=pools["passwords"], now=now
        ),
    )


def _reloads(change: HostChange, logs: LogService) -> Iterator[tuple[str, Reload]]:
    """Yield what SIGHUP does; the users files are those of the hosts as they are by then."""
    if change.file is not None:
        yield "virtual hosts", change.run
    yield "certificates", change.reload_certificates
    yield "log files", logs.reopen
    yield from ((words, users.load) for words, users in change.hosts.users.items())


def _worker_threads(settings: Settings, reactor: IReactor) -> dict[str, TwistedWorkerThreads]:
    numbers = {
        "files": settings.transfer.threads,
        "passwords": _PASSWORD_THREADS,
        "accounts": threads_for_sources(settings),
        "certificates": 1,
    }
    return {
        name: TwistedWorkerThreads(reactor, threads=number, name=f"ftps {name}") for name, number in numbers.items()
    }


def _watch(
    settings: Settings, certificates: Certificates, threads: TwistedWorkerThreads, clock: IReactorTime
) -> list[WatchService]:
    interval = settings.tls.watch_interval
    if interval is None:
        return []
    return [WatchService(certificates.refresh, threads=threads, clock=clock, interval=interval)]


def _listeners(settings: Settings, ports: ControlPorts, certificates: Certificates) -> list[ListeningService]:
    if not settings.server.legacy:
        return ports.ordinary()
    legacy = LegacyContexts(certificates.contexts)
    return [*ports.ordinary(), *ports.legacy(lambda: _mint_tls(settings, legacy, certificates))]


def _mint_tls(
    settings: Settings, contexts: SharedContexts | LegacyContexts, certificates: Certificates
) -> PerSessionTls:
    return PerSessionTls(contexts, reuse=settings.tls.session_reuse, outgoing=certificates.outgoing)


def _admission_limits(settings: Settings) -> AdmissionLimits:
    return AdmissionLimits(
        sessions=settings.limits.sessions,
        sessions_per_address=settings.limits.sessions_per_address,
        allow=settings.server.allow,
        deny=settings.server.deny,
    )
