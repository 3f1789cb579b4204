"""Which coroutine does which verb: filled by the ``verb`` decorator, read by the server-PI."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from ftpstwist.commands.context import Invocation, Session
from ftpstwist.session.catalogue import CATALOGUE
from ftpstwist.wire.reply import Reply

VerbCoroutine = Callable[[Session, Invocation], Coroutine[Any, Any, Reply]]
"""Does one command and returns its final reply; raises FtpError for what went wrong."""

COROUTINES: dict[str, VerbCoroutine] = {}


def verb(*names: str) -> Callable[[VerbCoroutine], VerbCoroutine]:
    """Register a coroutine under its verbs; each must have a row in the catalogue, and only one coroutine."""

    def register(coroutine: VerbCoroutine) -> VerbCoroutine:
        for name in names:
            if name not in CATALOGUE or name in COROUTINES:
                raise ValueError(f"{name}: no row in the catalogue, or registered twice")
            COROUTINES[name] = coroutine
        return coroutine

    return register
