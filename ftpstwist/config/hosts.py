"""From ``[[hosts]]`` to the settings of one host: what it does not say is as in the other tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_hosts import HostSettings

GENERAL_KEYS = {
    "banner": "server.banner",
    "goodbye": "server.goodbye",
    "charset": "server.charset",
    "users": "accounts.users",
    "root": "accounts.root",
    "home": "accounts.home",
    "require": "policy.require",
}
"""What a host may say, and where it is said for all."""


def numbered_hosts(settings: Settings) -> Iterator[tuple[str, HostSettings]]:
    """Yield all hosts, each with its key."""
    return ((f"hosts[{position}]", host) for position, host in enumerate(settings.hosts))


def own_keys(host: HostSettings) -> frozenset[str]:
    """Return which of :data:`GENERAL_KEYS` a host says itself."""
    return frozenset(name for name in GENERAL_KEYS if getattr(host, name) is not None)


def settings_of_host(settings: Settings, host: HostSettings) -> Settings:
    """Return all settings as they are for one host; its certificates aside, which are the listeners'."""
    changes: dict[str, dict[str, Any]] = {}
    for name in own_keys(host):
        table, _, key = GENERAL_KEYS[name].partition(".")
        changes.setdefault(table, {})[key] = getattr(host, name)
    tables: dict[str, Any] = {table: replace(getattr(settings, table), **keys) for table, keys in changes.items()}
    return replace(settings, **tables)
