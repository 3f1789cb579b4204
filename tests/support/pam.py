"""A PAM service of the test's own, in a folder of its own: a small program knows the passwords."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pam_is_here = pytest.mark.skipif(
    not [*Path("/lib").glob("*/security/pam_exec.so"), *Path("/lib64").glob("security/pam_exec.so")],
    reason="no PAM modules on this machine",
)

_PROGRAM = r"""#!/bin/sh
echo "$PAM_TYPE $PAM_USER $PAM_RHOST" >> "{folder}/asked"
case "$PAM_TYPE" in
auth)
    given=$(cat | tr -d '\000'; echo .)
    wanted=$(cat "{folder}/passwords/$PAM_USER" 2>/dev/null; echo .)
    [ -f "{folder}/passwords/$PAM_USER" ] && [ "$given" = "$wanted" ]
    ;;
account) ! [ -e "{folder}/expired" ] ;;
*) ! [ -e "{folder}/no-session" ] ;;
esac
"""


class PamService:
    """The service ``ftpstwist`` in a folder of the test.

    Args:
        folder: An empty folder.
        passwords: Of the users it knows.
    """

    def __init__(self, folder: Path, **passwords: str) -> None:
        self.folder = folder
        (folder / "passwords").mkdir(parents=True)
        for user, password in passwords.items():
            (folder / "passwords" / user).write_text(password)
        program = folder / "program"
        program.write_text(_PROGRAM.format(folder=folder))
        program.chmod(0o755)
        self.services = folder / "services"
        self.services.mkdir()
        self.write(
            f"auth required pam_exec.so quiet expose_authtok {program}\n"
            f"account required pam_exec.so quiet {program}\n"
            f"session required pam_exec.so quiet {program}\n"
        )

    def write(self, text: str) -> None:
        """Make the service something else."""
        (self.services / "ftpstwist").write_text(text)

    @property
    def asked(self) -> list[str]:
        """What was asked: kind of question, user and address, in order."""
        file = self.folder / "asked"
        return file.read_text().splitlines() if file.exists() else []

    def set_mark(self, name: str) -> None:
        """Make the service refuse: ``expired`` or ``no-session``."""
        os.close(os.open(self.folder / name, os.O_CREAT | os.O_WRONLY))
