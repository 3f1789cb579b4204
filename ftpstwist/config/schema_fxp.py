"""The table ``[fxp]``: transfers from server to server."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ftpstwist.config.form import path
from ftpstwist.config.form_network import Network, network
from ftpstwist.config.schema_policy import Names
from ftpstwist.config.setting import setting
from ftpstwist.session.fxp import ServerToServer


@dataclass(frozen=True, slots=True)
class FxpSettings:
    """Transfers from server to server (FXP), which a client arranges between this server and another. Off.

    For the users named here, and nobody else, data connections may go to the
    other servers, and come from them. Any host in the networks could take the
    place of the other server, so name single addresses.
    """

    users: Names = setting((), "Users who may.")
    groups: Names = setting((), "Groups of the users file whose members may.")
    networks: tuple[Annotated[Network, network()], ...] = setting(
        (), "Addresses of the other servers. Ports below 1024 are never connected to."
    )
    authorities: tuple[Annotated[Path, path()], ...] = setting(
        (),
        "PEM files with the certificates of the other servers, or of the authorities that vouch for them. They are "
        "needed to be the TLS client of another server (SSCN, CPSV). Those of the system never count, and names are "
        "not compared.",
    )
    verify: bool = setting(
        True, "Whether the other server's certificate has to be good. Without, anybody on the way can pose as it."
    )

    @property
    def rule(self) -> ServerToServer:
        """Who may do what."""
        return ServerToServer(
            frozenset(self.users),
            frozenset(self.groups),
            self.networks,
            as_tls_client=bool(self.authorities) or not self.verify,
        )
