"""The composition root of the front: control ports, accounts, and a crew of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.schema import Settings
from ftpstwist.services.controlports import control_ports, proxies_of
from ftpstwist.services.foundation import Caller, Foundation, lay_foundation, reloads, upkeep
from ftpstwist.services.logs import LogService
from ftpstwist.services.operations import Running
from ftpstwist.services.reactor import IReactor
from ftpstwist.services.reload import Reload, ReloadService
from ftpstwist.services.root import FtpsService
from ftpstwist.services.tallies import load_tallies
from ftpstwist.services.workers.crew import Crew
from ftpstwist.services.workers.crewdesk import CrewDesk
from ftpstwist.services.workers.gate import Gate, GateService
from ftpstwist.services.workers.logins import Logins, home_elsewhere
from ftpstwist.services.workers.member import Inheritance
from ftpstwist.services.workers.shared import PassivePorts, SharedBooks, SharedFiles
from ftpstwist.services.workers.start import Start, share_of, write_start


def front_service(settings: Settings, *, reactor: IReactor, caller: Caller, now: Callable[[], float]) -> FtpsService:
    """Build the server as a front and its workers.

    Args:
        settings: The configuration.
        reactor: The reactor that will run the front.
        caller: What the application brings along: only checkers can be used.
        now: Seconds since the epoch.

    Raises:
        ConfigurationError: Something can not be used, or can not be brought to another process.
        TlsPolicyError: TLS settings do not fit together.
        UserFileError: The users file can not be used.
    """
    _require_portable(settings, caller)
    load_tallies(settings)  # which tells now if they are damaged
    base = lay_foundation(settings, reactor=reactor, caller=caller, make_filesystem=home_elsewhere, now=now)
    logs, pools = base.logs, base.pools
    passive = PassivePorts(settings)
    books = SharedBooks(settings, threads=pools["files"], clock=reactor)
    admission = base.admission(settings)
    own = share_of(settings, settings.server.workers)

    def inheritance(number: int) -> Inheritance:
        ports, files = passive.of(number), logs.descriptors
        start = Start(
            settings=own,
            number=number,
            passive=len(ports),
            logs=tuple(files),
            shared=books.storage,
            has_users_files=caller.checkers is None,
        )
        return Inheritance(write_start(start), (*ports, *files.values()))

    crew = Crew(
        settings.server.workers,
        inheritance=inheritance,
        make_logins=lambda: Logins(base.hosts),
        released=admission.release,
        reactor=reactor,
    )
    base.oversight.look_at(pools)
    gate = Gate(admission, crew, proxies_of(settings, sink=logs, now=now), reactor)
    running = Running(
        listeners=[
            GateService(number, port, gate, crew, reactor) for number, port in enumerate(control_ports(settings))
        ],
        desk=CrewDesk(crew),
        defender=base.accounts.defender,
        certificates=base.certificates,
        reload=ReloadService(partial(_reloads, base, crew, logs), reactor, now=now),
        threads=pools["files"],
    )
    return FtpsService(
        listeners=running.listeners,
        supports=[
            logs,
            *upkeep(settings, base.certificates, pools, reactor),
            passive,
            SharedFiles(settings, base.certificates.files),
            books,
            crew,
            *base.oversight.services(running),
        ],
        reload=running.reload,
        sessions=crew,
        shutdown_seconds=settings.server.shutdown_timeout,
    )


def _require_portable(settings: Settings, caller: Caller) -> None:
    if caller.realm is None and caller.make_filesystem is None and not caller.sinks:
        return
    complaint = settings.origin.complain(
        "server.workers",
        "a realm, files or sinks of an application's own can not be brought to other processes",
        "Set it to 1, or let the configuration say where accounts, files and logs are",
    )
    raise ConfigurationError([complaint])


def _reloads(base: Foundation, crew: Crew, logs: LogService) -> Iterator[tuple[str, Reload]]:
    yield from reloads(base.change, logs)
    yield "worker processes", crew.reload
