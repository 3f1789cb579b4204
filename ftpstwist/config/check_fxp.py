"""Whether transfers from server to server are set up as a whole, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator

from ftpstwist.config.complaint import Complaint
from ftpstwist.config.otherservers import read_others
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings
from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls.outgoing import OutgoingContext
from ftpstwist.tls.policy import TlsPolicyError

_AUTHORITIES = "fxp.authorities"


def _servers_are_named(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    fxp = settings.fxp
    if fxp.rule.is_offered and not fxp.networks:
        yield settings.origin.complain(
            "fxp.networks", "users may transfer between servers, but no server is named", "Name the other servers"
        )
    if fxp.networks and not fxp.rule.is_offered:
        yield settings.origin.warn(
            "fxp.networks", "servers are named, but nobody may transfer with them", "Name users or groups"
        )
    for position, network in enumerate(fxp.networks):
        if not network.prefixlen:
            yield settings.origin.complain(
                f"fxp.networks[{position}]",
                f"{network} is everywhere: this server could be made to connect to any host",
                "Name the addresses of the other servers",
            )


def _other_servers_are_verified(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    fxp = settings.fxp
    found = read_others(settings, now=surroundings.now)
    yield from found.complaints
    if not any(complaint.is_error for complaint in found.complaints):
        try:
            OutgoingContext(found.others)
        except TlsPolicyError as error:
            yield settings.origin.complain(_AUTHORITIES, str(error), "Name other files")
    if not fxp.rule.is_offered:
        return
    if not fxp.verify:
        yield settings.origin.warn(
            "fxp.verify",
            "the certificates of other servers are not verified: files may go to, or come from, anybody on the way",
            "Name who vouches for them in authorities, and write verify = true",
        )
    elif not fxp.authorities:
        yield settings.origin.warn(
            _AUTHORITIES,
            "nobody vouches for other servers, so this server refuses SSCN and CPSV",
            "Name the certificates of the other servers, unless these are always the TLS client",
        )


def _other_servers_need_not_resume(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    if settings.fxp.rule.is_offered and settings.tls.session_reuse is SessionReuse.REQUIRE:
        has_exceptions = any(each.session_reuse is SessionReuse.PREFER for each in settings.policy.rules)
        if not has_exceptions:
            yield settings.origin.warn(
                "fxp",
                'session_reuse = "require" refuses data connections of other servers under TLS: they can not resume',
                'Write a rule with session_reuse = "prefer" for these users in [[policy.rules]]',
            )


RULES = (
    Rule(("fxp",), _servers_are_named),
    Rule(("fxp",), _other_servers_are_verified),
    Rule(("fxp", "tls.session_reuse", "policy.rules"), _other_servers_need_not_resume),
)
"""What server-to-server transfers have to be like."""
