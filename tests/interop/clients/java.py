"""Apache Commons Net, over JSSE, the TLS of Java."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.interop.clients.adapter import CHANGES, PROGRAMS, RESUMES, TRANSFERS, ScriptedAdapter, run

_JAR = Path("/usr/share/java/commons-net.jar")


class CommonsNet(ScriptedAdapter):
    name = "Commons Net"
    program, package = "javac", "libcommons-net-java, with a JDK"
    verbs = TRANSFERS | CHANGES | RESUMES
    options = frozenset({"implicit", "1.2", "1.3", "active", "verifies", "certificate"})

    def missing(self) -> str:
        if not _JAR.exists():
            return f"Apache Commons Net is not installed (package {self.package})"
        return super().missing()

    def command(self) -> list[str]:
        return ["java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", f"{_compiled()}:{_JAR}", "Ftps"]


@cache
def _compiled() -> str:
    folder = tempfile.mkdtemp(prefix="commons-net-")
    atexit.register(shutil.rmtree, folder)
    run(["javac", "-d", folder, "-cp", str(_JAR), str(PROGRAMS / "Ftps.java")])
    return folder
