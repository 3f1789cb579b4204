"""What the process with the control ports has, be it the only one or not: logs, certificates, accounts, hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from twisted.application.service import IService
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import IRealm
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from ftpstwist.config.schema import Settings
from ftpstwist.interfaces import EventSink
from ftpstwist.pi.admission import Admission, AdmissionLimits
from ftpstwist.services.accounts import AccountParts, Accounts, build_accounts
from ftpstwist.services.certificates import Certificates
from ftpstwist.services.files import MakeFilesystem
from ftpstwist.services.hostchange import HostChange
from ftpstwist.services.hosts import Hosts
from ftpstwist.services.logs import LogService
from ftpstwist.services.oversight import Oversight
from ftpstwist.services.reactor import IReactor
from ftpstwist.services.reload import Reload
from ftpstwist.services.revocation import ask_responders
from ftpstwist.services.sources import build_sources, threads_for_sources
from ftpstwist.services.threads import ThreadService
from ftpstwist.services.watch import WatchService
from ftpstwist.session.events import NO_SESSION, Expires, SessionRef
from ftpstwist.storage.threads import TwistedWorkerThreads
from ftpstwist.tls.expiry import Notice

_PASSWORD_THREADS = 2

Pools = Mapping[str, TwistedWorkerThreads]
"""Threads, by their work."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What an application that embeds the server brings along; ``None``, or empty, is as the configuration says.

    Attributes:
        realm: Gives ``IAccount`` avatars.
        checkers: Check credentials.
        make_filesystem: Makes the files of an identity from the path of its home.
        sinks: Take audit events.
    """

    realm: IRealm | None = None
    checkers: Sequence[ICredentialsChecker] | None = None
    make_filesystem: MakeFilesystem | None = None
    sinks: Sequence[EventSink] = ()


@dataclass(frozen=True, slots=True)
class Foundation:
    """The parts.

    Attributes:
        oversight: Metrics, hooks and the admin socket.
        logs: Take audit events.
        pools: Threads.
        certificates: For TLS.
        accounts: Those of the default host.
        hosts: The virtual hosts, with their accounts.
        change: Takes other hosts.
    """

    oversight: Oversight
    logs: LogService
    pools: Pools
    certificates: Certificates
    accounts: Accounts
    hosts: Hosts
    change: HostChange

    def admission(self, settings: Settings) -> Admission:
        """Return what judges control connections."""
        limits = AdmissionLimits(
            sessions=settings.limits.sessions,
            sessions_per_address=settings.limits.sessions_per_address,
            allow=settings.server.allow,
            deny=settings.server.deny,
        )
        return Admission(limits, self.accounts.authenticator.refuses)


def lay_foundation(
    settings: Settings,
    *,
    reactor: IReactor,
    caller: Caller,
    make_filesystem: MakeFilesystem,
    now: Callable[[], float],
) -> Foundation:
    """Put the parts together; *make_filesystem* is called in worker threads.

    Raises:
        ConfigurationError: A certificate or a key can not be used, or a package is missing.
        TlsPolicyError: TLS settings do not fit together.
        UserFileError: The users file can not be used.
    """
    oversight = Oversight(settings, reactor, now)
    logs = LogService(settings, clock=reactor, sinks=[*caller.sinks, *oversight.sinks])
    pools = thread_pools(
        reactor,
        files=settings.transfer.threads,
        passwords=_PASSWORD_THREADS,
        accounts=threads_for_sources(settings),
        certificates=1,
    )
    certificates = Certificates(settings, now, expires=partial(_record_expiry, reactor, logs, now))
    parts = _account_parts(settings, pools, certificates, make_filesystem, reactor=reactor, now=now)
    accounts = build_accounts(settings, parts, realm=caller.realm, checkers=caller.checkers)
    own_hosts = partial(build_accounts, parts=parts, counted_with=accounts)
    is_own = caller.realm is None and caller.checkers is None
    hosts = Hosts(settings, accounts, own_hosts if is_own else None, certificates.knows)
    change = HostChange(hosts, certificates=certificates, threads=pools["certificates"], now=now)
    return Foundation(oversight, logs, pools, certificates, accounts, hosts, change)


def thread_pools(reactor: IReactorFromThreads, **numbers: int) -> Pools:
    """Return pools of so many threads, by their names."""
    return {
        name: TwistedWorkerThreads(reactor, threads=number, name=f"ftps {name}") for name, number in numbers.items()
    }


def upkeep(settings: Settings, certificates: Certificates, pools: Pools, clock: IReactorTime) -> list[IService]:
    """Return the threads as services, and what looks after certificates."""
    services: list[IService] = [ThreadService(pool) for pool in pools.values()]
    if (interval := settings.tls.watch_interval) is not None:
        services.append(
            WatchService(certificates.refresh, threads=pools["certificates"], clock=clock, interval=interval)
        )
    return services


def reloads(change: HostChange, logs: LogService) -> Iterator[tuple[str, Reload]]:
    """Yield what SIGHUP does; the users files are those of the hosts as they are by then."""
    if change.file is not None:
        yield "virtual hosts", change.run
    yield "certificates", change.reload_certificates
    yield "log files", logs.reopen
    yield from ((words, users.load) for words, users in change.hosts.users.items())


def _record_expiry(reactor: IReactor, sink: EventSink, now: Callable[[], float], notice: Notice) -> None:
    """Take a notice from another thread."""
    reactor.callFromThread(sink.record, Expires(SessionRef(NO_SESSION, ""), now(), notice.words, notice.days))


def _account_parts(
    settings: Settings,
    pools: Pools,
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
