"""Digests of files that clients may ask for: HASH (draft-bryan-ftpext-hash), and the older XCRC, XMD5, XSHA, MD5.

Values only; ``commands.integrity`` computes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class HashAlgorithm(Enum):
    """An algorithm, by its name in OPTS HASH and in the configuration; from the first choice to the last."""

    SHA256 = "SHA-256"
    SHA512 = "SHA-512"
    SHA1 = "SHA-1"
    MD5 = "MD5"
    CRC32 = "CRC32"


ALGORITHM_OF_VERB = {
    "XCRC": HashAlgorithm.CRC32,
    "XMD5": HashAlgorithm.MD5,
    "MD5": HashAlgorithm.MD5,
    "XSHA": HashAlgorithm.SHA1,
    "XSHA1": HashAlgorithm.SHA1,
    "XSHA256": HashAlgorithm.SHA256,
    "XSHA512": HashAlgorithm.SHA512,
}
"""Verbs that mean one algorithm (de facto; MD5: draft-twine-ftpmd5)."""


@dataclass(frozen=True, slots=True)
class DigestSettings:
    """What may be asked for.

    Attributes:
        algorithms: Those that are computed; without any, HASH is not there.
        octets: Most octets of one digest.
        logged: Algorithm by which uploads are told to the JSON log; ``None`` for none.
    """

    algorithms: frozenset[HashAlgorithm] = frozenset(HashAlgorithm)
    octets: int = 64 << 30
    logged: HashAlgorithm | None = None

    @property
    def preferred(self) -> HashAlgorithm | None:
        """What HASH computes before OPTS HASH has said otherwise; ``None`` if nothing is offered."""
        return next((algorithm for algorithm in HashAlgorithm if algorithm in self.algorithms), None)

    def find(self, name: str) -> HashAlgorithm | None:
        """Return the algorithm that OPTS HASH names, in any case; ``None`` if it is not offered."""
        return next((each for each in self.algorithms if each.value == name.strip(" ").upper()), None)

    def feature(self, chosen: HashAlgorithm | None) -> str | None:
        """Return the FEAT line of HASH, the one in use marked; ``None`` if there is no HASH."""
        if not self.algorithms:
            return None
        used = chosen or self.preferred
        names = [each.value + "*" * (each is used) for each in HashAlgorithm if each in self.algorithms]
        return f"HASH {';'.join(names)}"
