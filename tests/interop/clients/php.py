"""PHP's ftp extension: explicit TLS only, and it verifies no certificate."""

from __future__ import annotations

from tests.interop.clients.adapter import CHANGES, PROGRAMS, RESUMES, TRANSFERS, ScriptedAdapter


class Php(ScriptedAdapter):
    name = "PHP"
    program, package = "php", "php-cli"
    verbs = TRANSFERS | CHANGES | RESUMES
    options = frozenset({"active"})

    def command(self) -> list[str]:
        return ["php", str(PROGRAMS / "ftps.php")]
