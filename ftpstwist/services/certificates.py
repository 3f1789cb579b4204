"""The certificates of the listeners: read from files, or made at the first start; swapped when told to."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from twisted.logger import Logger

from ftpstwist.config.certificates import make_policy, read_certificates
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_tls import CertificateSettings
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.policy import TlsPolicy
from ftpstwist.tls.selfsigned import make_self_signed, write_pair

_log = Logger()

SELF_MADE = "server"
"""Name of the self-made pair in the state directory, without endings."""
_STATE_MODE = 0o700


class Certificates:
    """Loads the TLS policy of the configuration, and loads it again on request.

    Args:
        settings: The configuration.
        now: Seconds since the epoch, for validity.

    Attributes:
        contexts: What TLS sessions are minted from.

    Raises:
        ConfigurationError: A certificate or key can not be used.
        TlsPolicyError: Versions, ciphers and certificates do not fit together.
    """

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self.contexts = SharedContexts(self._load())

    @property
    def names(self) -> frozenset[str]:
        """All host names that the certificates are good for, in lower case."""
        return frozenset(name for group in self.contexts.current.policy.certificates for name in group.answers_to)

    def reload(self) -> None:
        """Use what the files hold now, for new sessions; raises and changes nothing if that is bad."""
        self.contexts.replace(self._load())

    def _load(self) -> TlsPolicy:
        settings = self._settings
        if not settings.tls.certificates:
            settings = replace(settings, tls=replace(settings.tls, certificates=(self._self_made(),)))
        found = read_certificates(settings, now=self._moment())
        if any(complaint.is_error for complaint in found.complaints):
            raise ConfigurationError(found.complaints)
        for complaint in found.complaints:
            _log.warn("{complaint}", complaint=str(complaint))
        return make_policy(settings.tls, found.pairs)

    def _self_made(self) -> CertificateSettings:
        directory = self._settings.server.state_directory
        certificate, key = directory / f"{SELF_MADE}.crt", directory / f"{SELF_MADE}.key"
        if not certificate.exists():
            directory.mkdir(_STATE_MODE, parents=True, exist_ok=True)
            write_pair(make_self_signed(names_of_this_machine(), now=self._moment()), directory, SELF_MADE)
            _log.info("made a self-signed certificate, {path}", path=str(certificate))
        return CertificateSettings(certificate=certificate, key=key)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


def names_of_this_machine() -> list[str]:
    """Return what a client may call this machine: host name, localhost and the loopback addresses."""
    host = socket.gethostname().lower()
    return [*dict.fromkeys([host, "localhost"]), "127.0.0.1", "::1"]


def self_made_certificate(state_directory: Path) -> Path:
    """Return where the self-made certificate is, for those who have to trust it."""
    return state_directory / f"{SELF_MADE}.crt"
