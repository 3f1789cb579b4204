"""basic-ftp, for Node: looked for where ``NODE_PATH`` says."""

from __future__ import annotations

import shutil
import subprocess

from tests.interop.clients.adapter import CHANGES, PROGRAMS, RESUMES, TRANSFERS, ScriptedAdapter


class BasicFtp(ScriptedAdapter):
    name = "basic-ftp"
    program, package = "node", "basic-ftp, of npm; NODE_PATH says where"
    verbs = TRANSFERS | CHANGES | RESUMES
    options = frozenset({"implicit", "1.2", "1.3", "verifies"})

    def missing(self) -> str:
        has = (
            shutil.which("node")
            and not subprocess.run(["node", "-e", 'require("basic-ftp")'], capture_output=True).returncode
        )
        return "" if has else f"Node with basic-ftp is not installed (package {self.package})"

    def command(self) -> list[str]:
        return ["node", str(PROGRAMS / "ftps.mjs")]
