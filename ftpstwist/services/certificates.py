"""The certificates of the listeners: read from files, or made at the first start; swapped when told to."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from twisted.logger import Logger

from ftpstwist.config.certificates import make_policy, read_certificates, read_host_certificates
from ftpstwist.config.clients import read_clients
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.otherservers import read_others
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_tls import CertificateSettings
from ftpstwist.config.setting import files_in
from ftpstwist.services.watch import FileMarks
from ftpstwist.tls.certificate import CertificatePair, common_name
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.expiry import Notice, notice_of_end
from ftpstwist.tls.outgoing import OutgoingContext
from ftpstwist.tls.policy import ServerCertificates, TlsPolicy, normalise_name
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
        expires: Is told, in the thread of :meth:`refresh`, of everything that expires soon.

    Attributes:
        contexts: What TLS sessions are minted from.
        outgoing: For data connections to other servers; ``None`` if nobody may transfer with them.

    Raises:
        ConfigurationError: A certificate or key can not be used.
        TlsPolicyError: Versions, ciphers and certificates do not fit together.
    """

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], float],
        *,
        expires: Callable[[Notice], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._expires = expires
        self._now = now
        self._marks = FileMarks(self.files)
        self.contexts = SharedContexts(self._load(()))
        self.outgoing = self._load_outgoing()
        self._noticed = self._due()  # loading has told

    def knows(self, name: str) -> bool:
        """Tell whether a name is one of ours: in a certificate, or in the configuration."""
        return self.contexts.current.knows(name)

    def reload(self) -> None:
        """Use what the files hold now, for new sessions; raises and changes nothing if that is bad. Blocks."""
        policy, outgoing = self._load(self._pairs), self._load_outgoing()
        self.contexts.replace(policy)
        self.outgoing = outgoing
        self._noticed = self._due()

    def adopt(self, settings: Settings) -> None:
        """Go on with another configuration; raises and changes nothing if its certificates are bad. Blocks."""
        before, self._settings = self._settings, settings
        try:
            self.reload()
        except BaseException:
            self._settings = before
            raise

    def refresh(self) -> None:
        """Look at files and calendar: take new files once they have settled, give notice of expiry. Blocks."""
        if self._marks.have_settled():
            try:
                self.reload()
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the new ones, the old ones serve on
                _log.error("the new certificates are not used, the old ones stay: {cause}", cause=str(error))
            else:
                _log.info("certificates were read anew, for their files have changed")
        self._drop_old_staples()
        self._give_notice()

    def _load(self, before: tuple[CertificatePair, ...]) -> TlsPolicy:
        settings = self._settings
        if not settings.tls.certificates:
            settings = replace(settings, tls=replace(settings.tls, certificates=(self._self_made(),)))
        self._marks.note()
        found = read_certificates(settings, now=self._moment())
        clients = read_clients(settings, now=self._moment())
        own = read_host_certificates(settings, now=self._moment())
        complaints = found.complaints + clients.complaints + tuple(c for each in own.values() for c in each.complaints)
        if any(complaint.is_error for complaint in complaints):
            raise ConfigurationError(complaints)
        for complaint in complaints:
            _log.warn("{complaint}", complaint=str(complaint))
        policy = make_policy(settings.tls, self._keep_staples(found.pairs, before), clients.policy)
        hosts = [ServerCertificates(self._keep_staples(each.pairs, before), host.names) for host, each in own.items()]
        names = [*settings.server.host_names, *(name for host in settings.hosts for name in host.names)]
        return replace(
            policy,
            certificates=(*policy.certificates, *hosts),
            other_names=frozenset(normalise_name(name) for name in names),
            strict_names=settings.tls.sni_strict,
        )

    def _load_outgoing(self) -> OutgoingContext | None:
        if not self._settings.fxp.rule.is_offered:
            return None
        found = read_others(self._settings, now=self._moment())
        if any(complaint.is_error for complaint in found.complaints):
            raise ConfigurationError(found.complaints)
        for complaint in found.complaints:
            _log.warn("{complaint}", complaint=str(complaint))
        return OutgoingContext(found.others)

    def files(self) -> list[Path]:
        """Return the files that are read, again at every reload."""
        settings = self._settings
        named = [*files_in(settings.tls), *files_in(tuple(host.certificates for host in settings.hosts))]
        named += settings.fxp.authorities
        if not settings.tls.certificates:
            directory = settings.server.state_directory
            return [directory / f"{SELF_MADE}.crt", directory / f"{SELF_MADE}.key", *named]
        return named

    @property
    def _pairs(self) -> tuple[CertificatePair, ...]:
        return tuple(pair for group in self.contexts.current.policy.certificates for pair in group.pairs)

    @property
    def ends(self) -> list[tuple[str, datetime]]:
        """What is good for a time only, and until when: our own chains, and those who vouch for clients and servers."""
        clients = self.contexts.current.policy.clients
        servers = () if self.outgoing is None else self.outgoing.others.authorities
        certificates = [*(each for pair in self._pairs for each in pair.chain), *clients.authorities, *servers]
        ends = [(f"the certificate of {common_name(each.subject)}", each.not_valid_after_utc) for each in certificates]
        lists = [(f"the revocation list of {common_name(each.issuer)}", each) for each in clients.revocation_lists]
        return ends + [(words, each.next_update_utc) for words, each in lists if each.next_update_utc is not None]

    def _due(self) -> dict[tuple[str, datetime], Notice]:
        """Return the notices that are due now."""
        notices = {end: notice_of_end(*end, now=self._moment()) for end in self.ends}
        return {end: notice for end, notice in notices.items() if notice is not None}

    def _give_notice(self) -> None:
        """Log everything whose end has come nearer than at the last notice: 30, 14, 7, 1 days, the end."""
        due = self._due()
        for end, notice in due.items():
            if end not in self._noticed or notice.days < self._noticed[end].days:
                _log.warn("{words}: renew it", words=notice.words)
                self._expires(notice)
        self._noticed = due

    def _keep_staples(
        self, pairs: tuple[CertificatePair, ...], before: tuple[CertificatePair, ...]
    ) -> tuple[CertificatePair, ...]:
        """Return the pairs, those whose new staple is bad with the one they had, if that is still good."""
        old = {pair.leaf: pair.staple for pair in before if not self._has_old_staple(pair)}
        return tuple(pair if pair.staple else replace(pair, staple=old.get(pair.leaf)) for pair in pairs)

    def _drop_old_staples(self) -> None:
        if not any(self._has_old_staple(pair) for pair in self._pairs):
            return
        policy = self.contexts.current.policy
        groups = [
            replace(
                group,
                pairs=tuple(replace(pair, staple=None) if self._has_old_staple(pair) else pair for pair in group.pairs),
            )
            for group in policy.certificates
        ]
        self.contexts.replace(replace(policy, certificates=tuple(groups)))
        _log.warn("an OCSP response is out of date and not stapled any more: have it fetched more often")

    def _has_old_staple(self, pair: CertificatePair) -> bool:
        return pair.staple is not None and self._moment() >= pair.staple.until

    def _self_made(self) -> CertificateSettings:
        directory = self._settings.server.state_directory
        certificate, key = directory / f"{SELF_MADE}.crt", directory / f"{SELF_MADE}.key"
        if not certificate.exists():
            directory.mkdir(_STATE_MODE, parents=True, exist_ok=True)
            made = write_pair(make_self_signed(names_of_this_machine(), now=self._moment()), directory, SELF_MADE)
            _give_to_owner(directory, made)
            _log.info("made a self-signed certificate, {path}", path=str(certificate))
        return CertificateSettings(certificate=certificate, key=key)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


def _give_to_owner(directory: Path, files: Iterable[Path]) -> None:
    """Let the user that root will become read them again: the state directory is that user's."""
    if os.geteuid() == 0:
        owner = directory.stat()
        for path in files:
            os.chown(path, owner.st_uid, owner.st_gid)


def names_of_this_machine() -> list[str]:
    """Return what a client may call this machine: host name, localhost and the loopback addresses."""
    host = socket.gethostname().lower()
    return [*dict.fromkeys([host, "localhost"]), "127.0.0.1", "::1"]


def self_made_certificate(state_directory: Path) -> Path:
    """Return where the self-made certificate is, for those who have to trust it."""
    return state_directory / f"{SELF_MADE}.crt"
