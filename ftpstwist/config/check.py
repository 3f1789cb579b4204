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

from ftpstwist.config import check_accounts, check_network, check_tls, contradictions
from ftpstwist.config.complaint import Complaint, ConfigurationError, in_order
from ftpstwist.config.load import Draft, Options, override, read_draft
from ftpstwist.config.rule import Surroundings
from ftpstwist.config.schema import Settings

RULES = (*contradictions.RULES, *check_tls.RULES, *check_network.RULES, *check_accounts.RULES)


@dataclass(frozen=True, slots=True)
class Checked:
    """Settings that may be used.

    Attributes:
        settings: All of them.
        warnings: What may not be as it was meant; errors there are none.
    """

    settings: Settings
    warnings: tuple[Complaint, ...]


def check(draft: Draft, surroundings: Surroundings) -> Checked:
    """Judge a draft. Blocks, on files and on looking up names.

    Args:
        draft: From ``config.load``.
        surroundings: The world around the server.

    Raises:
        ConfigurationError: With all errors and warnings, if there is an error.
    """
    found = list(draft.complaints)
    for rule in RULES:
        if rule.applies_to(draft):
            found += rule.judge(draft.settings, surroundings)
    complaints = in_order(found)
    if any(complaint.is_error for complaint in complaints):
        raise ConfigurationError(complaints)
    return Checked(draft.settings, complaints)


def load(file: str | os.PathLike[str], surroundings: Surroundings, options: Options | None = None) -> Checked:
    """Read and judge a configuration file. Blocks.

    Args:
        file: Its path.
        surroundings: The world around the server, from ``config.rule.survey``.
        options: What the command line puts in the place of the file.

    Raises:
        ConfigurationError: With everything that is wrong.
    """
    return check(override(read_draft(file), options or Options()), surroundings)
