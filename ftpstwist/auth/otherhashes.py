"""Password hashes that other programs made: bcrypt, SHA-crypt, scrypt and PBKDF2, in the forms of crypt(5).

They come from databases and password files that were there before this server;
new passwords are hashed by ``auth.passwords``. The reading is libpass's.

Refuses what is no protection any more (DES, MD5, unsalted SHA, plain text),
and hashes that ask for more work than a login may cost.
"""

from __future__ import annotations

from passlib.hash import bcrypt, pbkdf2_sha256, pbkdf2_sha512, scrypt, sha256_crypt, sha512_crypt

ACCEPTED = "Argon2, bcrypt, SHA-crypt ($5$, $6$), scrypt ($scrypt$), PBKDF2 ($pbkdf2-sha256$, $pbkdf2-sha512$)"
_BCRYPT_OCTETS = 72
"""What bcrypt looks at of a password; those who made the hash looked no further."""
_LONGEST_PASSWORD = 4096
_MOST_ROUNDS = {
    bcrypt: 16,
    sha256_crypt: 5_000_000,
    sha512_crypt: 5_000_000,
    scrypt: 20,
    pbkdf2_sha256: 10_000_000,
    pbkdf2_sha512: 10_000_000,
}
_MOST_SCRYPT_BLOCKS = 64


def verify(stored: str, password: bytes) -> bool:
    """Tell whether *password* is the one behind *stored*. Blocks.

    Raises:
        ValueError: *stored* is of no kind that is accepted, or costs too much.
    """
    kind = next((each for each in _MOST_ROUNDS if each.identify(stored)), None)
    if kind is None:
        raise ValueError(f"a hash of no accepted kind; accepted are {ACCEPTED}")
    parts = kind.from_string(stored)
    blocks = getattr(parts, "block_size", 1) * getattr(parts, "parallelism", 1)
    if parts.rounds > _MOST_ROUNDS[kind] or blocks > _MOST_SCRYPT_BLOCKS:
        raise ValueError("a hash that asks for too much work")
    if kind is bcrypt:
        password = password[:_BCRYPT_OCTETS]
    if b"\0" in password or len(password) > _LONGEST_PASSWORD:
        return False
    return bool(kind.verify(password, stored))
