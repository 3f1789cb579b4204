"""Settings that are fine one by one and not together: judged without looking at the machine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from ftpstwist.config.complaint import Complaint
from ftpstwist.config.endpoint import Endpoint
from ftpstwist.config.form_network import Network
from ftpstwist.config.hosts import numbered_hosts
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_tls import PROFILE
from ftpstwist.tls.policy import Profile, TlsVersion

_OWNER_READS_AND_WRITES = 0o600
_OWNER_MAY_ALL = 0o700
_KIB = 1024
_LEAST_KIB_PER_LANE = 8


def _somewhere_to_listen(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    if not settings.endpoints:
        yield settings.origin.complain(
            "server.explicit", "both services are switched off", 'Give at least one endpoint, such as "tcp:21"'
        )


def _listeners_do_not_collide(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for (_taken, first), (key, second) in combinations(settings.named_endpoints, 2):
        if first.collides_with(second):
            yield settings.origin.complain(
                key,
                f"{second} would listen where {first} does already",
                'Give each its own port; "tcp6:" without an interface takes IPv4 as well',
            )


def _passive_ports_are_free(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for key, endpoint in settings.named_endpoints:
        if endpoint.port and endpoint.port in settings.passive.ports and _share_an_address(settings, endpoint):
            yield settings.origin.complain(
                "passive.ports",
                f"port {endpoint.port} is also that of {endpoint} in {key}",
                "Choose a range without it",
            )


def _source_ports_are_free(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    source, passive = settings.active.source_ports, settings.passive.ports
    overlap = source.first <= passive.last and passive.first <= source.last
    if settings.active.enabled and source.last and overlap:  # port 0: the system finds a free one
        yield settings.origin.complain(
            "active.source_ports",
            f"{source} and the passive ports {passive} overlap, and one port can not serve both",
            "Choose other ports, or 0",
        )
    for key, endpoint in settings.named_endpoints:
        if settings.active.enabled and endpoint.port and endpoint.port in source:
            yield settings.origin.complain(
                "active.source_ports", f"port {endpoint.port} is also that of {endpoint} in {key}", "Choose other ports"
            )


def _nobody_is_allowed_and_denied(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for position, allowed in enumerate(settings.server.allow):
        for denied in settings.server.deny:
            if _lies_in(allowed, denied):
                yield settings.origin.complain(
                    f"server.allow[{position}]",
                    f"{allowed} is allowed in vain: {denied} is denied, and that counts more",
                    "Take one of the two out",
                )


def _versions_fit_profile(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    tls = settings.tls
    if tls.profile is Profile.MODERN and tls.minimum is TlsVersion.TLS_1_2:
        yield settings.origin.complain(
            "tls.minimum",
            'the profile "modern" begins with TLS 1.3',
            f'Write minimum = "{PROFILE}", or profile = "intermediate"',
        )
    if tls.ciphers is not None and (tls.minimum or tls.profile.minimum) is TlsVersion.TLS_1_3:
        yield settings.origin.complain(
            "tls.ciphers", "it is for TLS 1.2, which is not spoken here", "Take it out, or use ciphersuites"
        )


def _chunks_fit_quantum(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    transfer = settings.transfer
    if transfer.first_chunk > transfer.largest_chunk:
        yield settings.origin.complain(
            "transfer.first_chunk",
            f"it is larger than largest_chunk ({transfer.largest_chunk} octets)",
            "Make it smaller, or largest_chunk larger",
        )
    if transfer.largest_chunk > transfer.quantum:
        yield settings.origin.complain(
            "transfer.quantum",
            f"it is smaller than largest_chunk ({transfer.largest_chunk} octets)",
            "Make it larger, or largest_chunk smaller",
        )


def _logs_have_their_own_files(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    named: dict[Path, str] = {}
    for key, file in settings.log.files:
        if file in named:
            yield settings.origin.complain(f"log.{key}", f"{file} is also the {named[file]}", "Give each its own file")
        named.setdefault(file, key)


def _owner_can_use_what_is_made(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    storage = settings.storage
    if storage.file_mode & _OWNER_READS_AND_WRITES != _OWNER_READS_AND_WRITES:
        yield settings.origin.complain(
            "storage.file_mode",
            f"with {storage.file_mode:04o} the server itself could not read or go on with uploads",
            'Begin it with 06, as in "0644"',
        )
    if storage.directory_mode & _OWNER_MAY_ALL != _OWNER_MAY_ALL:
        yield settings.origin.complain(
            "storage.directory_mode",
            f"with {storage.directory_mode:04o} the server itself could not use the folders it makes",
            'Begin it with 07, as in "0755"',
        )


def _memory_suffices_for_lanes(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    passwords = settings.accounts.passwords
    if passwords.memory % _KIB:
        yield settings.origin.complain(
            "accounts.passwords.memory", f"{passwords.memory} is not a whole number of KiB", 'Write it as in "19 MiB"'
        )
    if passwords.memory < _LEAST_KIB_PER_LANE * _KIB * passwords.lanes:
        yield settings.origin.complain(
            "accounts.passwords.memory",
            f"Argon2 needs {_LEAST_KIB_PER_LANE} KiB for each of the {passwords.lanes} lanes",
            f'Write at least "{_LEAST_KIB_PER_LANE * passwords.lanes} KiB", or take fewer lanes',
        )


def _delays_are_given(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    if not settings.accounts.defence.delays:
        yield settings.origin.complain(
            "accounts.defence.delays", "the list is empty", "Give at least one duration; [0] means no pause"
        )


def _secrets_are_not_served(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    accounts = settings.accounts
    served = {"accounts.root": accounts.root}
    if accounts.anonymous.enabled:
        served["accounts.anonymous.root"] = accounts.anonymous.root
    served.update({f"{key}.root": host.root for key, host in numbered_hosts(settings) if host.root is not None})
    for secret_key, secret in _secrets(settings):
        for key, folder in served.items():
            if secret.is_relative_to(folder):
                yield settings.origin.complain(
                    secret_key,
                    f"{secret} lies in {folder}, the folder of {key}, so clients might read or replace it",
                    "Keep it elsewhere",
                )


RULES = (
    Rule(("server.explicit", "server.implicit", "server.legacy"), _somewhere_to_listen),
    Rule(("server.explicit", "server.implicit", "server.legacy"), _listeners_do_not_collide),
    Rule(
        ("server.explicit", "server.implicit", "server.legacy", "passive.ports", "passive.interfaces"),
        _passive_ports_are_free,
    ),
    Rule(("server.explicit", "server.implicit", "server.legacy", "passive.ports", "active"), _source_ports_are_free),
    Rule(("server.allow", "server.deny"), _nobody_is_allowed_and_denied),
    Rule(("tls.profile", "tls.minimum", "tls.ciphers"), _versions_fit_profile),
    Rule(("transfer.first_chunk", "transfer.largest_chunk", "transfer.quantum"), _chunks_fit_quantum),
    Rule(("log",), _logs_have_their_own_files),
    Rule(("storage.file_mode", "storage.directory_mode"), _owner_can_use_what_is_made),
    Rule(("accounts.passwords",), _memory_suffices_for_lanes),
    Rule(("accounts.defence.delays",), _delays_are_given),
    Rule(
        (
            "accounts.root",
            "accounts.users",
            "accounts.anonymous",
            "server.state_directory",
            "tls.certificates",
            "hosts",
        ),
        _secrets_are_not_served,
    ),
)
"""What must not contradict what."""


def _share_an_address(settings: Settings, endpoint: Endpoint) -> bool:
    return any(
        endpoint.takes(address) or (address.is_unspecified and endpoint.address is not None)
        for address in settings.passive_addresses
    )


def _lies_in(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # same version


def _secrets(settings: Settings) -> Iterator[tuple[str, Path]]:
    yield "accounts.users", settings.accounts.users
    yield "server.state_directory", settings.server.state_directory
    certificates = {"tls": settings.tls.certificates}
    for key, host in numbered_hosts(settings):
        certificates[key] = host.certificates
        if host.users is not None:
            yield f"{key}.users", host.users
    for key, entries in certificates.items():
        for position, entry in enumerate(entries):
            for name, file in entry.secret_files:
                yield f"{key}.certificates[{position}].{name}", file
