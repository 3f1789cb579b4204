"""``[[quotas]]`` and ``[deflate]``: rules that limit nothing, or that could not be told apart."""

from __future__ import annotations

from collections.abc import Iterator

from ftpstwist.config.complaint import Complaint
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings


def _quotas_are_told_apart(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    names = [quota.name for quota in settings.quotas]
    for position, name in enumerate(names):
        if name in names[:position]:
            yield settings.origin.complain(
                f"quotas[{position}].name", f"{name} is the name of another quota", "Give each a name of its own"
            )


def _quotas_limit_something(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for position, quota in enumerate(settings.quotas):
        if not any((quota.octets, quota.files, quota.upload, quota.download, quota.transfer)):
            yield settings.origin.complain(
                f"quotas[{position}]", "it limits nothing", "Give octets, files, upload, download or transfer"
            )


def _levels_fit(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    deflate = settings.deflate
    if deflate.level > deflate.highest_level:
        yield settings.origin.complain(
            "deflate.level", f"it is above highest_level, {deflate.highest_level}", "Raise highest_level, or lower it"
        )


RULES = (
    Rule(("quotas",), _quotas_are_told_apart),
    Rule(("quotas",), _quotas_limit_something),
    Rule(("deflate",), _levels_fit),
)
"""All of them."""
