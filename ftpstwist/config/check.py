"""The judgement of a configuration before it is used: everything that is wrong or unwise, at once.

How it works: a draft (``config.load``) brings along what is wrong with single
values. Rules then look at settings that have to fit each other and this
machine; a rule is left out if one of its settings could not be read, so that
nobody is bothered with the consequences of a mistake that is already told.
Nothing is started, and no file is written.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ftpstwist.config import (
    check_accounts,
    check_fxp,
    check_hooks,
    check_hosts,
    check_legacy,
    check_metrics,
    check_network,
    check_policy,
    check_quotas,
    check_sources,
    check_tls,
    contradictions,
)
from ftpstwist.config.complaint import Complaint, ConfigurationError, in_order
from ftpstwist.config.load import Draft, load
from ftpstwist.config.rule import Surroundings
from ftpstwist.config.schema import Settings

RULES = (
    *contradictions.RULES,
    *check_tls.RULES,
    *check_policy.RULES,
    *check_legacy.RULES,
    *check_network.RULES,
    *check_fxp.RULES,
    *check_accounts.RULES,
    *check_sources.RULES,
    *check_hosts.RULES,
    *check_metrics.RULES,
    *check_quotas.RULES,
    *check_hooks.RULES,
)


@dataclass(frozen=True, slots=True)
class Findings:
    """What the check found.

    Attributes:
        errors: What keeps the server from starting.
        warnings: What may not be as it was meant.
    """

    errors: tuple[Complaint, ...]
    warnings: tuple[Complaint, ...]

    @property
    def complaints(self) -> tuple[Complaint, ...]:
        """Errors, then warnings."""
        return self.errors + self.warnings


def check(draft: Draft, surroundings: Surroundings) -> Findings:
    """Judge a draft. Blocks, on files and on looking up names.

    Args:
        draft: From ``config.load``, or ``Draft(settings)``.
        surroundings: The world around the server.
    """
    found = list(draft.complaints)
    for rule in RULES:
        if rule.applies_to(draft):
            found += rule.examine(draft.settings, surroundings)
    complaints = in_order(found)
    return Findings(
        errors=tuple(complaint for complaint in complaints if complaint.is_error),
        warnings=tuple(complaint for complaint in complaints if not complaint.is_error),
    )


def load_settings(file: str | os.PathLike[str], surroundings: Surroundings) -> Settings:
    """Read a configuration file for use. Blocks.

    Args:
        file: Its path.
        surroundings: The world around the server, from ``config.rule.survey``.

    Raises:
        ConfigurationError: With everything that is wrong, warnings included.
    """
    draft = load(file)
    findings = check(draft, surroundings)
    if findings.errors:
        raise ConfigurationError(findings.complaints)
    return draft.settings
