"""Where blocking work is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class WorkerThreads(Protocol):
    """A bounded pool of threads for blocking work."""

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *function* in a thread.

        Never returns, not even when cancelled, before the function has ended:
        what the function uses may be released afterwards. A cancellation is
        raised then (``CancelledError``), and the function's result is lost.
        """
