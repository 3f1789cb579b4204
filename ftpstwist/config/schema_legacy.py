"""The repeated table ``[[server.legacy]]``: listeners for old devices."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from typing import Annotated

from ftpstwist.config.endpoint import Endpoint, endpoint
from ftpstwist.config.form_network import Network, network
from ftpstwist.config.setting import required, setting
from ftpstwist.session.state import Service

ListeningEndpoint = Annotated[Endpoint, endpoint()]


@dataclass(frozen=True, slots=True)
class LegacySettings:
    """A listener of its own for old devices that know nothing better: TLS 1.0 to 1.3, CBC, no forward secrecy.

    What such clients send can be read by others with some effort (RFC 8996).
    The listener is open to the given networks only, each session on it is
    marked in the logs, and all other listeners stay as they are.
    """

    endpoint: ListeningEndpoint = required("Where it listens.", example='"tcp:2121"')
    networks: tuple[Annotated[Network, network()], ...] = required(
        "Networks of those devices. Nobody else is let in.", example='["192.0.2.0/28"]'
    )
    service: Service = setting(Service.EXPLICIT, "Whether TLS starts with AUTH TLS or with the connection.")
