"""The table about digests of files: ``[integrity]``."""
# ruff: noqa: RUF009 - setting() returns dataclass fields

from dataclasses import dataclass
from typing import Annotated

from ftpstwist.config.form import choice, or_word, words_from
from ftpstwist.config.form_numbers import octets, whole
from ftpstwist.config.setting import setting
from ftpstwist.session.digest import DigestSettings, HashAlgorithm


@dataclass(frozen=True, slots=True)
class IntegritySettings:
    """Digests of files, which clients compare with their own (HASH, XSHA256, XMD5, XCRC, …)."""

    algorithms: Annotated[frozenset[HashAlgorithm], words_from(HashAlgorithm)] = setting(
        frozenset(HashAlgorithm),
        "Those that clients may ask for. An empty list switches the commands off. MD5, SHA-1 and CRC32 tell a broken "
        "file from a whole one, not a forged one.",
    )
    max_size: Annotated[int, octets(least=1)] = setting(64 << 30, "Largest file, or part of one; else 552.")
    at_once: Annotated[int, whole(least=1, most=64)] = setting(
        2, "Digests computed at the same time, for all clients together; further ones wait for their turn."
    )
    logged: Annotated[HashAlgorithm | None, or_word(choice(HashAlgorithm))] = setting(
        None, "Digest of every uploaded file in the JSON log, as it arrives; files that are continued have none."
    )

    @property
    def digests(self) -> DigestSettings:
        """The same for sessions."""
        return DigestSettings(self.algorithms, self.max_size, self.logged)
