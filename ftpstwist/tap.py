"""``twistd ftps``: the options, and the service they make. The only module that names the reactor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from twisted.application.service import IService, MultiService
from twisted.cred.credentials import IAnonymous, IUsernamePassword
from twisted.cred.strcred import AuthOptionMixin
from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python import usage

from ftpstwist.config.check import check
from ftpstwist.config.complaint import Complaint, ConfigurationError
from ftpstwist.config.defaults import demo_settings
from ftpstwist.config.load import Draft, load, override
from ftpstwist.config.rule import survey
from ftpstwist.config.schema import Settings
from ftpstwist.services.build import ftps_service
from ftpstwist.services.demo import DemoService, prepare_demo
from ftpstwist.services.reactor import IReactor

_log = Logger()

DEMO_STATE = "ftps-state"
"""Folder of the embedded default, below the current one."""


class Options(usage.Options, AuthOptionMixin):
    """Options of ``twistd ftps``."""

    synopsis = "[--config FILE] [options]"
    longdesc = (
        "An FTPS server, explicit and implicit. Without --config it serves a demo on loopback, with a certificate, "
        f"a user and a folder that it makes itself in ./{DEMO_STATE}."
    )
    supportedInterfaces = (IUsernamePassword, IAnonymous)  # noqa: N815 - Twisted's name
    optParameters = (  # noqa: N815 - Twisted's name
        ("config", "c", None, "Configuration file (TOML)."),
        ("passive-ports", None, None, "Ports for passive data connections, such as 50000-50100; 0 for any free one."),
        ("root", None, None, "Folder that holds the homes, instead of the configured one."),
        ("state", None, DEMO_STATE, "State folder of the demo."),
    )
    compData = usage.Completions(optActions={"config": usage.CompleteFiles("*.toml")})  # noqa: N815

    def __init__(self) -> None:
        super().__init__()
        self.explicit: list[str] = []
        self.implicit: list[str] = []
        self.settings: Settings | None = None
        self.warnings: tuple[Complaint, ...] = ()

    def opt_listen(self, endpoint: str) -> None:
        """Endpoint for explicit TLS, such as tcp:21; may be repeated; replaces the configured ones."""
        self.explicit.append(endpoint)

    def opt_listen_implicit(self, endpoint: str) -> None:
        """Endpoint for implicit TLS, such as tcp:990; may be repeated; replaces the configured ones."""
        self.implicit.append(endpoint)

    def postOptions(self) -> None:  # noqa: N802 - Twisted's name
        """Load and check the configuration.

        Raises:
            SystemExit: With everything that is wrong (exit status 1); nothing listens then.
        """
        try:
            draft = override(
                self._draft(),
                explicit=self.explicit or None,
                implicit=self.implicit or None,
                passive_ports=self["passive-ports"],
                root=self["root"],
            )
        except ConfigurationError as error:
            raise _unusable(error) from None
        findings = check(draft, survey(datetime.now(UTC)))
        if findings.errors:
            raise _unusable(ConfigurationError(findings.complaints))
        self.settings = draft.settings
        self.warnings = () if self.is_demo else findings.warnings
        for warning in self.warnings:
            print(warning, file=sys.stderr)  # noqa: T201 - nothing is logged yet

    @property
    def is_demo(self) -> bool:
        """Whether the embedded default is served."""
        return self["config"] is None

    def _draft(self) -> Draft:
        if self.is_demo:
            return Draft(demo_settings(Path(self["state"]).absolute()))
        return load(self["config"])


def _unusable(error: ConfigurationError) -> SystemExit:
    """Return what ends the start with the complaints alone; a usage error would bury them under all options."""
    return SystemExit(f"The configuration can not be used:\n{error}")


class CommandLineService(MultiService):
    """The server as twistd runs it: what keeps it from starting is told in one line, without a traceback.

    Args:
        warnings: About the configuration; the log keeps them.
    """

    def __init__(self, warnings: tuple[Complaint, ...]) -> None:
        super().__init__()
        self._warnings = warnings

    def startService(self) -> None:  # noqa: N802 - Twisted's name
        """Begin to serve.

        Raises:
            SystemExit: Something can not be used without privileges (exit status 1).
        """
        with _told_in_one_line():
            super().startService()
        for warning in self._warnings:
            _log.warn("{warning}", warning=str(warning))

    def privilegedStartService(self) -> None:  # noqa: N802 - Twisted's name
        """Bind all ports and open all logs.

        Raises:
            SystemExit: One of them can not be had (exit status 1).
        """
        with _told_in_one_line():
            super().privilegedStartService()


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    try:
        yield
    except (CannotListenError, ConfigurationError, OSError) as error:
        raise SystemExit(f"The server can not start: {error}") from None


def makeService(options: Options) -> IService:  # noqa: N802 - Twisted's name
    """Make the service that the options ask for."""
    settings = options.settings
    if settings is None:
        raise usage.UsageError("the options were not parsed")
    password = prepare_demo(settings) if options.is_demo else None
    service = CommandLineService(options.warnings)
    ftps = ftps_service(settings, reactor=cast("IReactor", reactor), checkers=options.get("credCheckers"))
    ftps.setServiceParent(service)
    if options.is_demo:
        DemoService(ftps, settings, password).setServiceParent(service)
    return service
