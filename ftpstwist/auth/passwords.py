"""Password hashes: Argon2id (RFC 9106) at the cost OWASP's Password Storage Cheat Sheet asks for.

Everything here takes tens of milliseconds and belongs into a worker thread,
never on the reactor's. A name that does not exist costs what one that does
exist costs: its password is compared with a hash that nothing matches. Only a
password that is right can be quick, for a while: see ``remembered``.

Hashes of other kinds, which databases and password files bring along, are
read where the extra for them is installed (``auth.otherhashes``); none is made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError

from ftpstwist.auth.remembered import RememberedPasswords
from ftpstwist.session.identity import Secret
from ftpstwist.wire.pathname import encode_name

MAX_MEMORY_KIB = 1 << 20
"""Most memory a stored hash may ask for (1 GiB), so that no line of a users file can take the server down."""
MAX_ITERATIONS = 100
MAX_LANES = 64

_ENCODED = re.compile(r"\$argon2(?:id|i|d)\$v=19\$m=\d{1,9},t=\d{1,9},p=\d{1,9}\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{6,}")


_NO_MEMORY = "Memory allocation"
"""Argon2's words for it; all else that it says is about the hash."""


class PasswordHashError(Exception):
    """A hash could not be computed; never holds the password."""


class UnreadableHashError(PasswordHashError):
    """What is stored is no hash: ``!`` and ``*`` lock accounts in the databases of others."""


@dataclass(frozen=True, slots=True)
class PasswordCost:
    """What one hash costs.

    Attributes:
        memory_kib: Memory in KiB.
        iterations: Passes over that memory.
        lanes: Degree of parallelism.
    """

    memory_kib: int = 19 * 1024
    iterations: int = 2
    lanes: int = 1


def is_password_hash(text: str) -> bool:
    """Tell whether *text* is an Argon2 hash of bearable cost."""
    if not _ENCODED.fullmatch(text):
        return False
    cost = extract_parameters(text)
    return (
        1 <= cost.parallelism <= MAX_LANES
        and 1 <= cost.time_cost <= MAX_ITERATIONS
        and 8 * cost.parallelism <= cost.memory_cost <= MAX_MEMORY_KIB
    )


class Passwords:
    """Makes and verifies hashes.

    Args:
        cost: Cost of new hashes, and of the comparison for unknown names.
        remembered: Spares the check of what was right lately; ``None`` to check each time.
    """

    def __init__(self, cost: PasswordCost | None = None, *, remembered: RememberedPasswords | None = None) -> None:
        cost = cost or PasswordCost()
        self._remembered = remembered
        self._hasher = PasswordHasher(
            time_cost=cost.iterations, memory_cost=cost.memory_kib, parallelism=cost.lanes, encoding="ascii"
        )
        self._nobody = self._hasher.hash(b"")

    def hash_password(self, password: Secret) -> str:
        """Return a new salted hash in its encoded form, ``$argon2id$…``. Blocks.

        Raises:
            PasswordHashError: There is not enough memory.
        """
        # Raised outside of the except block: no frame and no context then holds the password.
        try:
            return self._hasher.hash(encode_name(password.reveal()))
        except Argon2Error as error:
            cause = str(error)
        raise PasswordHashError(cause)

    def remembers(self, stored: str | None, password: Secret) -> bool:
        """Tell, at once, whether *password* was found to be the one behind *stored* lately."""
        return stored is not None and self._remembered is not None and self._remembered.knows(stored, password)

    def verify(self, stored: str | None, password: Secret) -> bool:
        """Tell whether *password* is the one behind *stored*. Blocks.

        Args:
            stored: A hash, or ``None`` if there is none: takes as long, and is never true.
            password: What the client gave.

        Raises:
            UnreadableHashError: *stored* is no hash that can be read.
            PasswordHashError: There is not enough memory, or the library for that kind is missing.
        """
        if self.remembers(stored, password):
            return True
        if not self._is_behind(self._nobody if stored is None else stored, password) or stored is None:
            return False
        if self._remembered is not None:
            self._remembered.remember(stored, password)
        return True

    def _is_behind(self, stored: str, password: Secret) -> bool:
        if not stored.startswith("$argon2"):
            return _verify_other(stored, password)
        try:
            return self._hasher.verify(stored, encode_name(password.reveal()))
        except VerifyMismatchError:
            return False
        except (Argon2Error, InvalidHashError) as error:
            cause = str(error) or "not an Argon2 hash"
        raise (PasswordHashError if _NO_MEMORY in cause else UnreadableHashError)(cause)

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether *stored* was made at another cost than new hashes are."""
        return self._hasher.check_needs_rehash(stored)


def _verify_other(stored: str, password: Secret) -> bool:
    try:
        otherhashes = import_module("ftpstwist.auth.otherhashes")
        return bool(otherhashes.verify(stored, encode_name(password.reveal())))
    except ImportError:
        kind, cause = PasswordHashError, "the hash is not Argon2; for other kinds run: pip install 'ftpstwist[hashes]'"
    except (ValueError, TypeError) as error:
        kind, cause = UnreadableHashError, str(error)
    raise kind(cause)
