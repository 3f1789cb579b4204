"""The composition root: from a configuration to the server as one service.

:func:`ftps_service` is what ``twistd ftps`` runs and what other applications
embed; see docs/embedding.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import IRealm

from ftpstwist.config.schema import Settings
from ftpstwist.interfaces import EventSink
from ftpstwist.services.controlports import control_ports, listeners, proxies_of
from ftpstwist.services.desk import OwnDesk
from ftpstwist.services.files import LocalHomes, MakeFilesystem
from ftpstwist.services.foundation import Caller, lay_foundation, reloads, upkeep
from ftpstwist.services.operations import Running
from ftpstwist.services.passive import PassiveService
from ftpstwist.services.reactor import IReactor
from ftpstwist.services.reload import ReloadService
from ftpstwist.services.root import FtpsService
from ftpstwist.services.serving import ServingParts, serve
from ftpstwist.services.tallies import Quotas, TallyService, load_tallies
from ftpstwist.services.workers.front import front_service


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
        ConfigurationError: A certificate, a key or what quotas remember can not be used, a package is missing, or
            there are to be worker processes, which *realm*, *make_filesystem* and *sinks* can not be brought to.
        TlsPolicyError: TLS settings do not fit together.
        UserFileError: The users file can not be used.
    """
    caller = Caller(realm, checkers, make_filesystem, sinks)
    build = front_service if settings.server.workers > 1 else _one_process
    return build(settings, reactor=reactor, caller=caller, now=now)


def _one_process(settings: Settings, *, reactor: IReactor, caller: Caller, now: Callable[[], float]) -> FtpsService:
    tallies = load_tallies(settings)
    files = caller.make_filesystem or LocalHomes(settings, Quotas(settings.quotas, tallies=tallies, now=now)).open
    base = lay_foundation(settings, reactor=reactor, caller=caller, make_filesystem=files, now=now)
    logs, pools = base.logs, base.pools
    ports = control_ports(settings)
    parts = ServingParts(
        reactor=reactor,
        threads=pools["files"],
        sink=logs,
        now=now,
        certificates=base.certificates,
        hosts=base.hosts,
    )
    serving = serve(settings, parts, ports=ports, door=base.admission(settings))
    base.oversight.look_at(pools, sessions=serving.sessions, pools=[serving.pool])
    proxies = proxies_of(settings, sink=logs, now=now)
    running = Running(
        listeners=listeners(ports, factories=serving.factories, proxies=proxies, reactor=reactor),
        desk=OwnDesk(serving.sessions, base.oversight.resumptions, now),
        defender=base.accounts.defender,
        certificates=base.certificates,
        reload=ReloadService(partial(reloads, base.change, logs), reactor, now=now),
        threads=pools["files"],
    )
    return FtpsService(
        listeners=running.listeners,
        supports=[
            logs,
            *upkeep(settings, base.certificates, pools, reactor),
            PassiveService(serving.pool),
            TallyService(tallies, threads=pools["files"], clock=reactor),
            *base.oversight.services(running),
        ],
        reload=running.reload,
        sessions=serving.sessions,
        shutdown_seconds=settings.server.shutdown_timeout,
    )
