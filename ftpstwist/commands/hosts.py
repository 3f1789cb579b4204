"""Virtual hosts (RFC 7151): what a session gets under the name that the client has given; values only.

The name comes from the TLS handshake (SNI, RFC 6066), from HOST, or, where that
is switched on, from a user called ``alice@b.example.org``. A name of
ours without a host of its own, and no name at all, lead to the default host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ftpstwist.interfaces import Authenticator
from ftpstwist.session.certificate import AddressMatch
from ftpstwist.session.digest import DigestSettings
from ftpstwist.session.fxp import NOBODY, ServerToServer
from ftpstwist.session.policybook import PolicyBook


class HostInUser(Enum):
    """What the part of a user's name behind ``@`` is; the value is the word used in the configuration."""

    KEPT = "part-of-name"
    """Part of the name."""
    STRIPPED = "strip"
    """Nothing: it is taken off."""
    CHOOSES = "choose"
    """The virtual host, where it is the name of one of ours."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What the configuration says to the control connection.

    Attributes:
        policy: Who has to protect what.
        banner: Text of the 220 reply.
        goodbye: Text of the 221 reply.
        active: Whether PORT and EPRT are allowed.
        ignores_epsv_protocol: Whether EPSV is done as if it named no protocol.
        mdtm_sets_time: Whether ``MDTM time pathname`` sets the time.
        strict_sequence: Whether PROT needs PBSZ before it.
        server_to_server: Who may transfer files with other servers.
        deflate_level: Level of MODE Z at first; ``None`` if there is no MODE Z.
        highest_deflate_level: What OPTS MODE Z may ask for.
        digests: Which digests of files are computed.
        allow_ccc: Whether CCC may take TLS off the control connection, where the policy permits it.
        idle_seconds: Longest pause between commands while no transfer runs.
        login_seconds: Longest time from connecting to being logged in.
        certificate_at_user: Whether a certificate that is enough logs in at USER (232); else at PASS, after 331.
        certificate_address: Whether a client has to come from an address that its certificate names.
        host_in_user: What the part of a user's name behind ``@`` is.
        code_at_pass: Whether USER is answered 336, which asks for a code behind the password.
        login_attempts: Wrong passwords after which the connection is closed.
        unknown_commands: Unknown commands after which the connection is closed.
        line_octets: Longest command line.
        pipelined_commands: Commands that may wait; beyond, no octet is read.
        status_entries: Entries that STAT shows of a directory.
        listing_depth: Directories below the first that ``LIST -R`` enters.
        listing_entries: Entries that ``LIST -R`` shows in all.
    """

    policy: PolicyBook
    banner: str = "FTPS server ready"
    goodbye: str = "Goodbye"
    active: bool = True
    ignores_epsv_protocol: bool = False
    mdtm_sets_time: bool = False
    strict_sequence: bool = False
    server_to_server: ServerToServer = NOBODY
    deflate_level: int | None = None
    highest_deflate_level: int = 9
    digests: DigestSettings = field(default_factory=DigestSettings)
    allow_ccc: bool = False
    idle_seconds: float = 300
    login_seconds: float = 60
    certificate_at_user: bool = True
    certificate_address: AddressMatch = AddressMatch.IGNORE
    host_in_user: HostInUser = HostInUser.KEPT
    code_at_pass: bool = False
    login_attempts: int = 3
    unknown_commands: int = 10
    line_octets: int = 8192
    pipelined_commands: int = 64
    status_entries: int = 1000
    listing_depth: int = 16
    listing_entries: int = 100_000


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """What clients of one host get.

    Attributes:
        settings: Texts, policy, limits.
        authenticator: The front of twisted.cred for its accounts.
    """

    settings: SessionSettings
    authenticator: Authenticator


@dataclass(frozen=True, slots=True)
class HostBook:
    """All hosts of a server.

    Attributes:
        default: For clients that name none, or one without a host of its own.
        by_name: The others, by their names in lower case.
        is_known: Tells whether a further name is ours, for example because a certificate holds it.
    """

    default: VirtualHost
    by_name: Mapping[str, VirtualHost] = field(default_factory=dict)
    is_known: Callable[[str], bool] = field(default=lambda _: False)

    def find(self, name: str) -> VirtualHost | None:
        """Return the host of a name, in any case; ``None`` if it is none of ours."""
        host = self.by_name.get(name.lower())
        if host is None and self.is_known(name.lower()):
            return self.default
        return host
