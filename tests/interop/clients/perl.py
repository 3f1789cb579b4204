"""Perl's Net::FTP."""

from __future__ import annotations

import shutil
import subprocess

from tests.interop.clients.adapter import CHANGES, PROGRAMS, RESUMES, TRANSFERS, ScriptedAdapter


class Perl(ScriptedAdapter):
    name = "Net::FTP"
    program, package = "perl", "libio-socket-ssl-perl"
    verbs = TRANSFERS | CHANGES | RESUMES
    options = frozenset({"implicit", "1.2", "1.3", "active", "verifies"})

    def missing(self) -> str:
        has = (
            shutil.which("perl")
            and not subprocess.run(["perl", "-MNet::FTP", "-MIO::Socket::SSL", "-e1"], capture_output=True).returncode
        )
        return "" if has else f"Perl with Net::FTP and IO::Socket::SSL is not installed (package {self.package})"

    def command(self) -> list[str]:
        return ["perl", str(PROGRAMS / "ftps.pl")]
