"""Whether the network settings fit this machine and the world its clients live in."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address

from ftpstwist.config.complaint import Complaint
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_data import AUTO

_MIN_IDLE_TIMEOUT = 300
_FOR_PRIVILEGES = (
    'Start the server as root with "twistd --uid … --gid …", give it CAP_NET_BIND_SERVICE, '
    "hand the socket over by systemd, or use a port above"
)


def _addresses_are_of_this_machine(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    for key, endpoint in settings.named_endpoints:
        if endpoint.address is not None and not surroundings.has_address(endpoint.address):
            yield settings.origin.complain(
                key,
                f"this machine has no address {endpoint.address}",
                "Name an address of this machine, or leave the interface out",
            )


def _proxies_are_known(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for key, networks in (("server.proxies", settings.server.proxies), ("passive.proxies", settings.passive.proxies)):
        for position, network in enumerate(networks):
            if not network.prefixlen:
                yield settings.origin.complain(
                    f"{key}[{position}]",
                    f"{network} is everybody, and whoever is believed can take any address",
                    "Write the addresses of the load balancers",
                )


def _active_mode_works_behind_proxies(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    if settings.server.proxies and settings.active.enabled:
        yield settings.origin.warn(
            "active.enabled",
            "behind a load balancer PORT and EPRT fail: clients expect connections from its address",
            "Set it to false, so that clients are told so at once",
        )


def _interfaces_are_of_this_machine(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    for position, address in enumerate(settings.passive.interfaces):
        if not surroundings.has_address(address):
            yield settings.origin.complain(
                f"passive.interfaces[{position}]",
                f"this machine has no address {address}",
                "Name an address of this machine, or leave the list empty; "
                "the address that clients see behind a router belongs into address",
            )


def _ports_may_be_bound(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    lowest = surroundings.lowest_port
    for key, endpoint in settings.named_endpoints:
        if endpoint.port and endpoint.port < lowest:
            yield settings.origin.warn(
                key,
                f"port {endpoint.port} needs a privilege that this process does not have",
                f"{_FOR_PRIVILEGES} {lowest - 1}",
            )
    if 0 < settings.passive.ports.first < lowest:
        yield settings.origin.warn(
            "passive.ports",
            f"port {settings.passive.ports.first} needs a privilege that this process does not have",
            f"{_FOR_PRIVILEGES} {lowest - 1}",
        )


def _source_ports_need_no_privilege(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    source = settings.active.source_ports
    if settings.active.enabled and 0 < source.first < 1024:  # noqa: PLR2004 - the Unix tradition
        yield settings.origin.warn(
            "active.source_ports",
            f"port {source.first} is bound for every transfer, and a server that gave up root may not do that",
            "Use 0, or ports above 1023, or keep CAP_NET_BIND_SERVICE",
        )


def _passive_ports_suffice(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    ports, sessions = len(settings.passive.ports), settings.limits.sessions_per_address
    if settings.passive.ports.first == 0:
        yield settings.origin.warn(
            "passive.ports", "the system chooses another port at every start", "Name ports, to open them in a firewall"
        )
    elif ports < sessions:
        yield settings.origin.warn(
            "passive.ports",
            f"{ports} ports are fewer than the {sessions} sessions that one address may have; "
            "transfers that begin at the same time take turns",
            f"Take at least {sessions} ports, or lower sessions_per_address in [limits]",
        )


def _every_worker_has_a_passive_port(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    ports, workers = len(settings.passive.ports), settings.server.workers
    if settings.passive.ports.first and ports < workers:
        yield settings.origin.complain(
            "server.workers",
            f"{workers} processes can not have a passive port each, for there are {ports}",
            f"Take at least {workers} ports in [passive], or fewer workers",
        )


def _advertised_addresses_can_be_reached(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for key, text in _advertised(settings):
        address = _literal(text)
        if address is None:
            continue
        if address.is_unspecified or address.is_multicast or address.is_reserved:
            yield settings.origin.complain(key, f"no client can connect to {address}", f'Give an address, or "{AUTO}"')
        elif key in {"passive.address", "passive.address_under_tls"} and not address.is_global:
            yield settings.origin.warn(
                key,
                f"{address} is not an address of the internet, so clients from there can not use PASV",
                "If there are such clients, give the public address here, and this one in [passive.addresses] "
                "for the networks near by",
            )


def _names_resolve(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    for key, text in _advertised(settings):
        if text == AUTO or _literal(text) is not None:
            continue
        try:
            surroundings.resolve(text)
        except OSError as error:
            yield settings.origin.warn(
                key,
                f"the name {text} has no IPv4 address at the moment ({error.strerror or error})",
                "Correct the name, or see to it that this machine can look it up; PASV is refused until then",
            )


def _idle_timeout_is_patient(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    if settings.server.idle_timeout < _MIN_IDLE_TIMEOUT:
        yield settings.origin.warn(
            "server.idle_timeout",
            f"{settings.server.idle_timeout:g} seconds are fewer than the 5 minutes of RFC 1123 section 4.1.3.2",
            "Raise it, unless you need the sessions back soon",
        )


RULES = (
    Rule(("server.explicit", "server.implicit", "server.legacy"), _addresses_are_of_this_machine),
    Rule(("server.proxies", "passive.proxies"), _proxies_are_known),
    Rule(("server.proxies", "active.enabled"), _active_mode_works_behind_proxies),
    Rule(("passive.interfaces",), _interfaces_are_of_this_machine),
    Rule(("server.explicit", "server.implicit", "server.legacy", "passive.ports"), _ports_may_be_bound),
    Rule(("active",), _source_ports_need_no_privilege),
    Rule(("passive.ports", "limits.sessions_per_address"), _passive_ports_suffice),
    Rule(("server.workers", "passive.ports"), _every_worker_has_a_passive_port),
    Rule(("passive.address", "passive.address_under_tls", "passive.addresses"), _advertised_addresses_can_be_reached),
    Rule(("passive.address", "passive.address_under_tls", "passive.addresses"), _names_resolve),
    Rule(("server.idle_timeout",), _idle_timeout_is_patient),
)
"""What the network has to be like."""


def _advertised(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "passive.address", settings.passive.address
    if settings.passive.address_under_tls is not None:
        yield "passive.address_under_tls", settings.passive.address_under_tls
    for network, text in settings.passive.addresses.items():
        yield f'passive.addresses."{network}"', text


def _literal(text: str) -> IPv4Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) else None
