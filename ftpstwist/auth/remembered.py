"""Passwords that were right a moment ago, so that a client that logs in every second does not pay for a hash each time.

How it works: what is remembered is a keyed hash (BLAKE2b, RFC 7693) of the
password and of the stored hash it was checked against, under a random key
that this process alone has and never writes anywhere. A stored hash that
changes, or goes with its user, is asked for no more, so there is nothing to
forget when the users file is read again. An entry lives for so long from the
moment its password was really verified; being used does not prolong it.

Refuses to remember a password that was wrong, and what is asked about a name
that does not exist: those cost a full check every time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from hmac import compare_digest

from ftpstwist.session.identity import Secret
from ftpstwist.wire.pathname import encode_name

MAX_REMEMBERED = 10_000
"""Accounts whose password is remembered; beyond, the oldest is forgotten."""

_KEY_OCTETS = 64


class RememberedPasswords:
    """What was verified lately. May be used from any thread.

    Args:
        seconds: How long a password is remembered.
        now: Seconds from any origin; never goes back.
        random: Gives that many unpredictable octets, as ``os.urandom`` does.
        entries: Cap on what is remembered.
    """

    def __init__(
        self,
        *,
        seconds: float,
        now: Callable[[], float],
        random: Callable[[int], bytes],
        entries: int = MAX_REMEMBERED,
    ) -> None:
        self._seconds = seconds
        self._now = now
        self._key = random(_KEY_OCTETS)
        self._entries = entries
        self._known: OrderedDict[str, tuple[bytes, float]] = OrderedDict()  # the oldest first
        self._turn = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def knows(self, stored: str, password: Secret) -> bool:
        """Tell whether *password* was found to be the one behind *stored* lately."""
        with self._turn:
            self._forget_old()
            known, _ = self._known.get(stored, (b"", 0.0))
        return compare_digest(known, self._digest(stored, password))

    def remember(self, stored: str, password: Secret) -> None:
        """Note that *password* was found to be the one behind *stored* just now."""
        digest = self._digest(stored, password)
        with self._turn:
            self._known.pop(stored, None)
            self._known[stored] = digest, self._now() + self._seconds
            while len(self._known) > self._entries:
                self._known.popitem(last=False)

    def _forget_old(self) -> None:
        now = self._now()
        while self._known:
            stored, (_, until) = next(iter(self._known.items()))
            if now < until:
                break
            del self._known[stored]

    def _digest(self, stored: str, password: Secret) -> bytes:
        return blake2b(b"%b\0%b" % (encode_name(stored), encode_name(password.reveal())), key=self._key).digest()
