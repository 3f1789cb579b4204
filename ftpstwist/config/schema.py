"""All settings, as one tree of frozen dataclasses: one per TOML table, one field per key.

The types are parsed ones (networks, port ranges, endpoints), so a value that
is here can not be of a wrong form. Every field is documented once, beside its
default; the reference page and the example file are printed from that.
"""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from ftpstwist.config.complaint import Origin
from ftpstwist.config.endpoint import Endpoint
from ftpstwist.config.form_network import Address
from ftpstwist.config.schema_accounts import AccountSettings, StorageSettings
from ftpstwist.config.schema_data import ActiveSettings, DeflateSettings, PassiveSettings, TransferSettings
from ftpstwist.config.schema_fxp import FxpSettings
from ftpstwist.config.schema_hooks import HookSettings
from ftpstwist.config.schema_hosts import HostSettings
from ftpstwist.config.schema_integrity import IntegritySettings
from ftpstwist.config.schema_metrics import MetricsSettings
from ftpstwist.config.schema_policy import PolicySettings
from ftpstwist.config.schema_quotas import QuotaSettings
from ftpstwist.config.schema_server import LimitSettings, LogSettings, ServerSettings
from ftpstwist.config.schema_tls import TlsSettings
from ftpstwist.config.setting import setting, table


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration.

    Attributes:
        origin: Where it was read from; no setting itself.
    """

    server: ServerSettings = table(ServerSettings)
    tls: TlsSettings = table(TlsSettings)
    policy: PolicySettings = table(PolicySettings)
    passive: PassiveSettings = table(PassiveSettings)
    active: ActiveSettings = table(ActiveSettings)
    fxp: FxpSettings = table(FxpSettings)
    transfer: TransferSettings = table(TransferSettings)
    deflate: DeflateSettings = table(DeflateSettings)
    integrity: IntegritySettings = table(IntegritySettings)
    accounts: AccountSettings = table(AccountSettings)
    quotas: tuple[QuotaSettings, ...] = setting((), "Quotas.")
    storage: StorageSettings = table(StorageSettings)
    hosts: tuple[HostSettings, ...] = setting((), "Virtual hosts.")
    limits: LimitSettings = table(LimitSettings)
    log: LogSettings = table(LogSettings)
    metrics: MetricsSettings = table(MetricsSettings)
    hooks: tuple[HookSettings, ...] = setting((), "What is run when something has happened.")
    origin: Origin = field(default_factory=Origin, compare=False, repr=False)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All endpoints of the control connection."""
        return tuple(endpoint for _, endpoint in self.named_endpoints)

    @property
    def named_endpoints(self) -> list[tuple[str, Endpoint]]:
        """All endpoints of the control connection, each with its key."""
        server = self.server
        return [
            *((f"server.explicit[{position}]", endpoint) for position, endpoint in enumerate(server.explicit)),
            *((f"server.implicit[{position}]", endpoint) for position, endpoint in enumerate(server.implicit)),
            *((f"server.legacy[{position}].endpoint", each.endpoint) for position, each in enumerate(server.legacy)),
        ]

    @property
    def admin_socket(self) -> Path:
        """The socket that ``ftpstwist status`` and its kin connect to."""
        return self.server.state_directory / "admin.sock"

    @property
    def failed_sessions(self) -> Path:
        """Folder of the records of failed sessions."""
        return self.server.state_directory / "failed-sessions"

    @property
    def passive_addresses(self) -> tuple[Address, ...]:
        """The addresses that passive ports listen on.

        Without a setting these are the ones that control connections come to,
        for EPSV sends clients to the same address. An endpoint on ``::`` takes
        IPv4, too, passive ports do not: there are two of them then.
        """
        if self.passive.interfaces:
            return self.passive.interfaces
        addresses = dict.fromkeys(address for endpoint in self.endpoints for address in _answering(endpoint))
        wildcards = {address.version for address in addresses if address in _EVERY_ADDRESS}
        return tuple(each for each in addresses if each in _EVERY_ADDRESS or each.version not in wildcards)


_EVERY_ADDRESS = (IPv4Address(0), IPv6Address(0))


def _answering(endpoint: Endpoint) -> tuple[Address, ...]:
    if endpoint.address is None or endpoint.address == IPv6Address(0):
        return _EVERY_ADDRESS
    return (endpoint.address,)
