"""The passive ports as a service: bound while privileges are there, accepting when the reactor runs."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from twisted.application.service import Service

from ftpstwist.dtp.passive import PassivePool


class PassiveService(Service):
    """Binds, starts and stops the pool.

    Args:
        pool: The ports.
        bound: Sockets that listen already, to be used instead of binding any.

    Raises:
        OSError: From ``privilegedStartService``: no port is free, or an address is not of this machine.
    """

    def __init__(self, pool: PassivePool, bound: Sequence[socket.socket] = ()) -> None:
        self._pool = pool
        self._bound = bound

    def privilegedStartService(self) -> None:  # noqa: N802 - Twisted's interface
        """Bind the ports."""
        super().privilegedStartService()
        for plain in self._bound:
            self._pool.adopt(plain)
        if not self._bound:
            self._pool.bind()

    def startService(self) -> None:  # noqa: N802 - Twisted's interface
        """Accept."""
        super().startService()
        self._pool.start()

    def stopService(self) -> None:  # noqa: N802 - Twisted's interface
        """Close the ports and what waits on them."""
        super().stopService()
        self._pool.stop()
