"""What TLS a listener speaks, as a value (RFC 9325, RFC 8446, RFC 7301; Mozilla's server side profiles).

Versions, suites, certificates by server name, application protocols. Nothing
here touches OpenSSL: ``context`` turns a policy into contexts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from ftpstwist.tls.authorities import AskClients, ClientPolicy
from ftpstwist.tls.certificate import CertificatePair

CONTROL_ALPN = ("ftp", "x-filezilla-ftp")
"""Protocols answered on control connections, the first that the client offers, too.

``ftp`` comes first on purpose: a FileZilla client that is answered ``x-filezilla-ftp`` expects PROT P
to be in force after the login without PROT, and resumption on every data connection.
"""
DATA_ALPN = ("ftp-data",)
"""Protocols answered on data connections besides those of the control connection."""


class TlsPolicyError(ValueError):
    """The policy contradicts itself, or OpenSSL does not know a word of it; the text names what."""


class TlsVersion(Enum):
    """A protocol version; the value is the word used in the configuration."""

    TLS_1_0 = "1.0"
    TLS_1_1 = "1.1"
    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"

    def __str__(self) -> str:
        return f"TLS {self.value}"


class Profile(Enum):
    """A named choice of versions and suites."""

    MODERN = "modern"
    """TLS 1.3 only."""
    INTERMEDIATE = "intermediate"
    """TLS 1.2 and 1.3, with forward secrecy and authenticated encryption only."""
    LEGACY = "legacy"
    """TLS 1.0 to 1.3, also with suites that are no longer safe: for old devices in networks of their own."""

    @property
    def minimum(self) -> TlsVersion:
        """The oldest version the profile is meant for."""
        return _MINIMUMS[self]


SAFE_VERSIONS = (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
"""Versions for everybody; the others are deprecated (RFC 8996)."""

_MINIMUMS = {
    Profile.MODERN: TlsVersion.TLS_1_3,
    Profile.INTERMEDIATE: TlsVersion.TLS_1_2,
    Profile.LEGACY: TlsVersion.TLS_1_0,
}
_SUITES_TLS_1_3 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
_CIPHERS_TLS_1_2 = ":".join(
    f"ECDHE-{signature}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for signature in ("ECDSA", "RSA")
)
"""Mozilla's «intermediate» without finite-field Diffie-Hellman."""
_CIPHERS_FOR_OLD_DEVICES = ":".join(
    [
        *(f"ECDHE-{signature}-AES{bits}-SHA" for bits in (128, 256) for signature in ("ECDSA", "RSA")),
        *("AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA256", "AES256-SHA256", "AES128-SHA", "AES256-SHA"),
        "@SECLEVEL=0",
    ]
)
"""CBC and keys sent under RSA; level 0 lets OpenSSL sign with SHA-1, as TLS before 1.2 has to."""


@dataclass(frozen=True, slots=True)
class ServerCertificates:
    """The certificates of one server name or several: one, or one of each key type.

    Attributes:
        pairs: Certificates with their keys; the suite decides between RSA and ECDSA.
        names: Names they answer to; ``*.example.org`` stands for one label. Empty: the names inside them.
    """

    pairs: tuple[CertificatePair, ...]
    names: tuple[str, ...] = ()

    @property
    def answers_to(self) -> frozenset[str]:
        """The names, in lower case, without a final dot."""
        names = self.names or (name for pair in self.pairs for name in pair.server_names)
        return frozenset(normalise_name(name) for name in names)

    @property
    def key_types(self) -> tuple[str, ...]:
        """``RSA``, ``ECDSA``, ``Ed25519``: what there is a certificate of."""
        return tuple(pair.key_type for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """What a listener speaks.

    Attributes:
        certificates: By server name; the first is shown to clients that name no server or an unknown one.
        profile: Versions and suites.
        minimum: Oldest version, if not that of the profile.
        maximum: Newest version, if not the newest there is.
        ciphers: OpenSSL's list for TLS 1.2, if not that of the profile.
        suites: OpenSSL's list for TLS 1.3, if not that of the profile.
        alpn: Application protocols, ours first. A client that offers others only is refused (RFC 7301 section 3.2).
        clients: What is asked of clients in the way of certificates.
        other_names: Names of ours that the first certificate is shown for; in lower case.
        strict_names: Whether clients that ask for a name that is none of ours are refused.

    Raises:
        TlsPolicyError: It contradicts itself.
    """

    certificates: tuple[ServerCertificates, ...]
    profile: Profile = Profile.INTERMEDIATE
    minimum: TlsVersion | None = None
    maximum: TlsVersion | None = None
    ciphers: str | None = None
    suites: str | None = None
    alpn: tuple[str, ...] = CONTROL_ALPN
    clients: ClientPolicy = field(default_factory=ClientPolicy)
    other_names: frozenset[str] = frozenset()
    strict_names: bool = False

    def __post_init__(self) -> None:
        if not self.certificates or not all(group.pairs for group in self.certificates):
            raise TlsPolicyError("a listener needs at least one certificate")
        if self.oldest.value < self.profile.minimum.value:
            raise TlsPolicyError(f"the profile {self.profile.value!r} begins with {self.profile.minimum}")
        if self.oldest.value > self.newest.value:
            raise TlsPolicyError(f"no version from {self.oldest} to {self.newest}")
        for group in self.certificates:
            if len(set(group.key_types)) < len(group.pairs):
                raise TlsPolicyError(f"two certificates of one key type for {', '.join(sorted(group.answers_to))}")
        clients = self.clients
        if clients.ask is not AskClients.OFF and not (clients.authorities or clients.admits_unknown):
            raise TlsPolicyError("clients are asked for certificates, but no authority could vouch for any")

    @property
    def oldest(self) -> TlsVersion:
        """The oldest version spoken."""
        return self.minimum or self.profile.minimum

    @property
    def newest(self) -> TlsVersion:
        """The newest version spoken."""
        return self.maximum or TlsVersion.TLS_1_3

    @property
    def cipher_list(self) -> str:
        """OpenSSL's list for TLS 1.2 and older, the most wanted first."""
        return self.ciphers or cipher_list_of(self.profile)

    @property
    def suite_list(self) -> str:
        """OpenSSL's list for TLS 1.3, the most wanted first."""
        return self.suites or suite_list_of()

    @property
    def by_name(self) -> MappingProxyType[str, ServerCertificates]:
        """Which certificates answer to which name; where two claim a name, the one it is given to has it, or the first.

        Given to a name is what does not just hold it.
        """
        table: dict[str, ServerCertificates] = {}
        for group in sorted(self.certificates, key=lambda group: not group.names):
            for name in group.answers_to:
                table.setdefault(name, group)
        return MappingProxyType(table)


def cipher_list_of(profile: Profile) -> str:
    """Return OpenSSL's list of a profile for TLS 1.2 and older, the most wanted first."""
    if profile is Profile.LEGACY:
        return f"{_CIPHERS_TLS_1_2}:{_CIPHERS_FOR_OLD_DEVICES}"
    return _CIPHERS_TLS_1_2


def suite_list_of() -> str:
    """Return OpenSSL's list for TLS 1.3 of all profiles, the most wanted first."""
    return _SUITES_TLS_1_3


def group_pairs(pairs: Iterable[CertificatePair]) -> tuple[ServerCertificates, ...]:
    """Put together the certificates that hold the same names with keys of different types, in order of appearance."""
    groups: dict[frozenset[str], list[CertificatePair]] = {}
    for pair in pairs:
        groups.setdefault(frozenset(pair.server_names), []).append(pair)
    return tuple(ServerCertificates(tuple(group)) for group in groups.values())


def normalise_name(name: str) -> str:
    """Return a server name as it is compared (RFC 6066 section 3: without regard to case, no final dot)."""
    return name.lower().rstrip(".")


def matching_names(name: str | None) -> tuple[str, ...]:
    """Return the entries of a table that would fit: the name itself, then the wildcard for its first label."""
    if name is None:
        return ()
    name = normalise_name(name)
    _, dot, rest = name.partition(".")
    return (name, f"*.{rest}") if dot else (name,)
