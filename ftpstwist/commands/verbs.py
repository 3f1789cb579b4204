"""All verbs: importing this module fills the registry and proves that it is complete."""

from __future__ import annotations

from ftpstwist.commands import (  # noqa: F401 - imported for their registrations
    access_control,
    file_system,
    file_transfer,
    informational,
    integrity,
    listing,
    security,
    site,
    transfer_parameters,
)
from ftpstwist.commands.registry import COROUTINES, VerbCoroutine
from ftpstwist.session.catalogue import CATALOGUE, CommandRow


def coroutine_of(row: CommandRow) -> VerbCoroutine:
    """Return the coroutine that does the verb of *row*, or what it is an alias of."""
    return COROUTINES[row.alias or row.verb]


_missing = [row.verb for row in CATALOGUE.values() if (row.alias or row.verb) not in COROUTINES]
if _missing:
    raise ImportError(f"verbs without a coroutine: {_missing}")
