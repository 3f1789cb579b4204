"""The tables ``[[quotas]]``: what users, groups or all may store and transfer."""
# ruff: noqa: RUF009 - setting() returns dataclass fields

from dataclasses import dataclass
from typing import Annotated

from ftpstwist.config.form import or_word, text, word
from ftpstwist.config.form_numbers import octets, whole
from ftpstwist.config.setting import required, setting
from ftpstwist.storage.traffic import Period

OptionalSize = Annotated[int | None, or_word(octets(least=1))]
Names = tuple[Annotated[str, text()], ...]


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """A quota on what is stored or transferred. Repeat the table for more; all that cover a user hold.

    What is used is kept in the state directory, so that it survives a restart.
    """

    name: Annotated[str, word("a short name", ': letters, digits, "-" and "_"', r"[A-Za-z0-9_-]{1,64}")] = required(
        "Name of the quota, for SITE QUOTA, for the logs, and for what is remembered of it.", example='"staff"'
    )
    users: Names = setting((), "Users that it covers. Without users and groups it covers all.")
    groups: Names = setting((), "Groups whose members it covers.")
    shared: bool = setting(
        False,
        "Whether all that it covers share it. What is stored counts from the moment that the server knows the quota.",
    )
    octets: OptionalSize = setting(None, "Size of all files together.")
    files: Annotated[int | None, or_word(whole(least=1))] = setting(None, "Number of files; folders are free.")
    upload: OptionalSize = setting(None, "Octets uploaded in the period.")
    download: OptionalSize = setting(None, "Octets downloaded in the period.")
    transfer: OptionalSize = setting(None, "Both together.")
    period: Period = setting(Period.NEVER, "When uploads and downloads begin to count anew, at midnight UTC.")
    soft: bool = setting(False, "Whether a transfer that has begun may go beyond; else it breaks off with 552.")

    @property
    def words(self) -> str:
        """What it says, on one line for people."""
        whom = [*(f"user {name}" for name in self.users), *(f"members of {name}" for name in self.groups)] or ["all"]
        during = "" if self.period is Period.NEVER else f" a {self.period.value}"
        amounts = {
            "octets stored": self.octets,
            "files stored": self.files,
            f"octets uploaded{during}": self.upload,
            f"octets downloaded{during}": self.download,
            f"octets transferred{during}": self.transfer,
        }
        limits = ", ".join(f"{amount} {what}" for what, amount in amounts.items() if amount is not None)
        how = "together" if self.shared else "each"
        return f"{self.name} ({', '.join(whom)}; {how}{', soft' if self.soft else ''}): {limits}"

    def covers(self, user: str, groups: frozenset[str]) -> bool:
        """Tell whether a user is held to it."""
        is_for_all = not self.users and not self.groups
        return is_for_all or user in self.users or not groups.isdisjoint(self.groups)
