"""The configuration of a server that was given none: a trial on this machine, for this machine alone.

Everything lives in one folder that can be thrown away; nothing listens beyond
the loopback interface; no privileged port is used.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address
from pathlib import Path

from ftpstwist.config.endpoint import Endpoint
from ftpstwist.config.form_network import Address, PortRange
from ftpstwist.config.rule import can_listen_on
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_accounts import AccountSettings
from ftpstwist.config.schema_data import PassiveSettings
from ftpstwist.config.schema_server import ServerSettings

EXPLICIT_PORT = 2121
IMPLICIT_PORT = 9990
PASSIVE_PORTS = PortRange(50200, 50219)


def demo_settings(state_directory: Path, *, has_address: Callable[[Address], bool] = can_listen_on) -> Settings:
    """Return the settings of a trial server.

    The certificate, the users file and the files are kept below *state_directory*;
    making them is not done here.

    Args:
        state_directory: The folder that holds all of it.
        has_address: Tells whether this machine can listen on an address; asked for ``::1``.
    """
    folder, ipv6 = state_directory.absolute(), has_address(IPv6Address("::1"))
    return Settings(
        server=ServerSettings(
            explicit=_on_loopback(EXPLICIT_PORT, ipv6=ipv6),
            implicit=_on_loopback(IMPLICIT_PORT, ipv6=ipv6),
            state_directory=folder,
        ),
        passive=PassiveSettings(ports=PASSIVE_PORTS),
        accounts=AccountSettings(users=folder / "users.toml", root=folder / "files"),
    )


def _on_loopback(port: int, *, ipv6: bool) -> tuple[Endpoint, ...]:
    endpoints = [Endpoint.parse(f"tcp:{port}:interface=127.0.0.1")]
    if ipv6:
        endpoints.append(Endpoint.parse(rf"tcp6:{port}:interface=\:\:1"))
    return tuple(endpoints)
