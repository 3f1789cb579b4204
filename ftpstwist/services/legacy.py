"""Listeners for old devices: TLS of their own, and nobody let in but from the networks they are for."""

from __future__ import annotations

from ipaddress import ip_address

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol
from twisted.logger import Logger

from ftpstwist.config.schema_legacy import LegacySettings
from ftpstwist.pi.admission import Door
from ftpstwist.services.sessions import ControlFactory, MintTls, Sessions
from ftpstwist.wire.hostport import normal_host

_log = Logger()


class LegacyFactory(ControlFactory):
    """Builds the control connections of one listener for old devices.

    Args:
        sessions: Makes and counts them.
        settings: The listener.
        mint_tls: Makes the TLS of one session.
    """

    def __init__(self, sessions: Sessions, settings: LegacySettings, mint_tls: MintTls) -> None:
        super().__init__(sessions, settings.service)
        self._settings = settings
        self._mint_tls = mint_tls

    def startFactory(self) -> None:  # noqa: N802 - Twisted's interface
        """Say what is being done."""
        warn_of(self._settings)

    def build(self, addr: IAddress | None, door: Door | None = None) -> Protocol | None:
        """Return the protocol for one new connection; ``None``, which closes it, for one from elsewhere."""
        if not self._is_let_in(addr):
            _log.info("{address} is in no network of {endpoint}", address=addr, endpoint=str(self._settings.endpoint))
            return None
        return self._sessions.make(self._settings.service, mint_tls=self._mint_tls, door=door)

    def _is_let_in(self, addr: IAddress | None) -> bool:
        if not isinstance(addr, IPv4Address | IPv6Address):
            return False
        peer = ip_address(normal_host(addr.host))
        return any(peer in network for network in self._settings.networks)


def warn_of(settings: LegacySettings) -> None:
    """Say in the log what a listener for old devices does."""
    _log.warn(
        "{endpoint} speaks obsolete TLS, for old devices in {networks}: what they send can be read on the way",
        endpoint=str(settings.endpoint),
        networks=", ".join(map(str, settings.networks)),
    )
