"""The virtual hosts that the configuration file holds now, for a server that runs with what it held before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ftpstwist.config import check_hosts, contradictions
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.load import Draft, load
from ftpstwist.config.rule import Surroundings
from ftpstwist.config.schema import Settings

_KEY = "hosts"


def reread_hosts(running: Settings, file: Path, surroundings: Surroundings) -> Settings:
    """Return the settings of a running server, with the hosts of its file as they are now. Blocks.

    All else in the file is not looked at: it counts from the next start on.

    Args:
        running: The settings in use.
        file: Where they came from.
        surroundings: The world around the server.

    Raises:
        ConfigurationError: The file can not be read, or its hosts can not be used.
    """
    found = load(file)
    settings = replace(running, hosts=found.settings.hosts, origin=found.settings.origin)
    draft = Draft(settings, frozenset(key for key in found.unusable if key.startswith(_KEY)))
    complaints = [each for each in found.complaints if each.key.startswith(_KEY)]
    for rule in (*check_hosts.RULES, *contradictions.RULES):
        if _KEY in rule.keys and rule.applies_to(draft):
            complaints += rule.examine(settings, surroundings)
    if any(complaint.is_error for complaint in complaints):
        raise ConfigurationError(complaints)
    return settings
