r"""Where to listen, as Twisted's endpoint strings say it: ``tcp:21``, ``tcp6:990:interface=\:\:1``, ``systemd:…``.

The strings are read here without a reactor, so that a mistake is found before
anything listens and is told in words. What passes here passes
``twisted.internet.endpoints.serverFromString``. Endpoints on which FTP can not
work (``unix:``), or that would bring a TLS of their own (``ssl:``), are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from ftpstwist.config.complaint import Unusable
from ftpstwist.config.form import Form, describe, expected, quote
from ftpstwist.config.form_network import MAX_PORT

NOUN = "an endpoint"
EXAMPLE = ' such as "tcp:21", "tcp6:21" or "systemd:domain=INET6:name=ftps"'

_REFUSED = {
    "unix": "data connections need an IP address beside it",
    "ssl": "the server puts TLS on by itself, with the certificates of [tls]",
    "haproxy": "name the load balancers in [server] proxies, and listen on tcp",
}
_PARAMETERS = {
    "tcp": ("port", "interface", "backlog"),
    "tcp6": ("port", "backlog", "interface"),
    "systemd": ("domain", "index", "name"),
}
_EVERY_ADDRESS = {"tcp": "0.0.0.0", "tcp6": "::"}  # noqa: S104 - what Twisted takes when no interface is given
_BACKLOG = 1024
"""Connections that wait to be accepted; beyond Twisted's 50 a rush of clients would be answered by silence."""
_DOMAINS = ("INET", "INET6")
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One listener of the control connection.

    Attributes:
        text: The endpoint string, for ``serverFromString``.
        address: IP address it binds; ``None`` if the socket comes from systemd.
        port: TCP port it binds, 0 for any free one; ``None`` if the socket comes from systemd.
    """

    text: str
    address: IPv4Address | IPv6Address | None
    port: int | None

    @classmethod
    def parse(cls, description: str) -> Endpoint:
        """Read an endpoint string.

        Raises:
            Unusable: Twisted would not understand it, or FTP would not work on it.
        """
        kind, *rest = _split(description)
        if kind not in _PARAMETERS:
            reason = _REFUSED.get(kind, "that kind of endpoint is not known")
            remedy = f'Write "tcp:{kind}"' if kind.isdecimal() else f"Write {NOUN}{EXAMPLE}"
            raise Unusable(f"{describe(description)} can not be listened on: {reason}", remedy)
        parameters = _name_parameters(description, kind, rest)
        if kind == "systemd":
            _require_systemd_socket(description, parameters)
            return cls(description, None, None)
        address = _read_address(description, kind, parameters)
        return cls(description, address, _read_port(description, parameters))

    def __str__(self) -> str:
        return self.text

    @property
    def listening_text(self) -> str:
        """The endpoint string with room for many connections at once, unless it says itself how much."""
        kind, *rest = _split(self.text)
        if self.port is None or "backlog" in _name_parameters(self.text, kind, rest):
            return self.text
        return f"{self.text}:backlog={_BACKLOG}"

    def collides_with(self, other: Endpoint) -> bool:
        """Tell whether the system would refuse to listen on both.

        A socket on ``::`` takes IPv4 as well (``net.ipv6.bindv6only`` is 0 on
        Linux), so it leaves no other address of its port free.
        """
        if not self.port or self.port != other.port or self.address is None or other.address is None:
            return False
        return self.takes(other.address) or other.takes(self.address)

    def takes(self, address: IPv4Address | IPv6Address) -> bool:
        """Tell whether connections to *address* arrive here."""
        if self.address is None:
            return False
        everything = self.address.is_unspecified and self.address.version >= address.version
        return everything or self.address == address


def endpoint() -> Form[Endpoint]:
    """A form for endpoint strings."""
    return Form(NOUN + EXAMPLE, _read, lambda value: quote(value.text))


def _read(value: object) -> Endpoint:
    if not isinstance(value, str) or not value:
        raise expected(NOUN, EXAMPLE, value)
    return Endpoint.parse(value)


def _split(description: str) -> list[str]:
    """Split at colons that no backslash protects; protected characters lose their backslash."""
    return [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):", description)]


def _name_parameters(description: str, kind: str, parts: list[str]) -> dict[str, str]:
    names = _PARAMETERS[kind]
    parameters: dict[str, str] = {}
    positional = iter(names)
    for part in parts:
        name, equals, content = part.partition("=")
        if not equals:
            name, content = next(positional, ""), part
        if name not in names or name in parameters:
            raise Unusable(f"{describe(description)} has a part that does not fit: {part!r}", _remedy_for(description))
        parameters[name] = content
    return parameters


def _remedy_for(description: str) -> str:
    if "::" in description:
        return r"Protect the colons of an IPv6 address, in single quotes: 'tcp6:21:interface=\:\:1'"
    return f"Write {NOUN}{EXAMPLE}"


def _read_port(description: str, parameters: dict[str, str]) -> int:
    port = parameters.get("port", "")
    if not _NUMBER.fullmatch(port) or int(port) > MAX_PORT:
        raise Unusable(f"{describe(description)} names no port from 0 to {MAX_PORT}", 'Write it as in "tcp:21"')
    if not _NUMBER.fullmatch(parameters.get("backlog", "50")):
        raise Unusable(f"{describe(description)} has a backlog that is no number", 'Leave it out, as in "tcp:21"')
    return int(port)


def _read_address(description: str, kind: str, parameters: dict[str, str]) -> IPv4Address | IPv6Address:
    interface = parameters.get("interface", "") or _EVERY_ADDRESS[kind]
    try:
        address = ip_address(interface)
    except ValueError:
        raise Unusable(
            f"{describe(description)} names the interface {interface!r}, which is no IP address",
            "Write an IP address of this machine, or leave the interface out",
        ) from None
    if (address.version == 6) != (kind == "tcp6"):  # noqa: PLR2004 - IPv6
        other = "tcp6" if kind == "tcp" else "tcp"
        raise Unusable(
            f"{describe(description)} gives an IPv{address.version} address to {kind}", f"Begin it with {other}:"
        )
    return address


def _require_systemd_socket(description: str, parameters: dict[str, str]) -> None:
    if parameters.get("domain") not in _DOMAINS or ("index" in parameters) == ("name" in parameters):
        raise Unusable(
            f"{describe(description)} does not say which socket of systemd is meant",
            'Write "systemd:domain=INET6:name=…" with the FileDescriptorName of the socket unit',
        )
    if "index" in parameters and not _NUMBER.fullmatch(parameters["index"]):
        raise Unusable(f"{describe(description)} has an index that is no number", "Count the sockets from 0")
