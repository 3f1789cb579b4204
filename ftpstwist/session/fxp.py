"""Who may transfer files from server to server, and with which servers (RFC 959 section 5.2; RFC 2577 section 3).

Data connections to and from other hosts than the client are what the bounce
attack is made of. So nobody may have them, unless a user or a group is named,
and then only with the servers in given networks. Anonymous logins never may.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from ftpstwist.session.identity import Identity

Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class ServerToServer:
    """The rule; without users and groups it lets nobody.

    Attributes:
        users: Accounts that may.
        groups: Whose members may.
        networks: Addresses of the other servers.
        as_tls_client: Whether we may be the TLS client (SSCN, CPSV): whether the other server can be verified then.
    """

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    networks: Networks = ()
    as_tls_client: bool = False

    @property
    def is_offered(self) -> bool:
        """Whether there is anybody who may."""
        return bool(self.users or self.groups)

    def networks_for(self, identity: Identity | None) -> Networks:
        """Return where the servers are that an account may transfer with; empty for most."""
        if identity is None or identity.anonymous:
            return ()
        is_allowed = identity.user in self.users or not self.groups.isdisjoint(identity.groups)
        return self.networks if is_allowed else ()


NOBODY = ServerToServer()
"""The rule that lets nobody."""
