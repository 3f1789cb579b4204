"""Whether listeners for old devices stay what they are: exceptions, for networks that somebody knows."""

from __future__ import annotations

from collections.abc import Iterator

from ftpstwist.config.complaint import Complaint
from ftpstwist.config.form import join_words
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings


def _networks_are_few(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for position, listener in enumerate(settings.server.legacy):
        key = f"server.legacy[{position}].networks"
        remedy = "Write the network of the old devices"
        if not listener.networks:
            yield settings.origin.complain(key, "the list is empty, so nobody could connect", remedy)
        for network in listener.networks:
            if not network.prefixlen:
                yield settings.origin.complain(key, f"{network} is everybody", remedy)


def _weakness_is_known(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for position, listener in enumerate(settings.server.legacy):
        if not listener.networks:
            continue  # which is told above
        networks = join_words([str(network) for network in listener.networks], "and")
        yield settings.origin.warn(
            f"server.legacy[{position}]",
            f"{listener.endpoint} speaks obsolete TLS with {networks}: passwords and files can be read "
            "or changed on the way",
            "Give those devices accounts of their own, and take it out as soon as they are replaced",
        )


RULES = (
    Rule(("server.legacy",), _networks_are_few),
    Rule(("server.legacy",), _weakness_is_known),
)
"""What they have to be like."""
