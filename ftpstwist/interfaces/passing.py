"""An upload in front of another, which passes everything on; what stands in the way of octets is built on it."""

from __future__ import annotations

from ftpstwist.interfaces.storage import Octets, WriteHandle
from ftpstwist.wire.pathname import Pathname


class PassingUpload:
    """Implements ``WriteHandle``; see there for what each call means.

    Args:
        inner: Where the octets go.
    """

    def __init__(self, inner: WriteHandle) -> None:
        self._inner = inner

    @property
    def path(self) -> Pathname:
        """The final pathname."""
        return self._inner.path

    @property
    def size(self) -> int:
        """Octets the file would have if it were committed now."""
        return self._inner.size

    def write(self, data: Octets) -> None:
        """Put all of *data* behind what was written."""
        self._inner.write(data)

    def commit(self) -> None:
        """Show it under its final name."""
        self._inner.commit()

    def abandon(self) -> int | None:
        """End it incomplete."""
        return self._inner.abandon()
