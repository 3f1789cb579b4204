"""GNU Wget: downloads only."""

from __future__ import annotations

from urllib.parse import quote

from tests.interop.clients.adapter import Adapter, Step, Target, run
from tests.support.server import PASSWORD, USER


class Wget(Adapter):
    name = "wget"
    program = package = "wget"
    verbs = frozenset({"get", "resume-get"})
    options = frozenset({"implicit", "1.2", "1.3", "active", "verifies"})

    def perform(self, target: Target, *steps: Step) -> list[list[str]]:
        for verb, remote, local in steps:
            resume = ["--continue"] if verb == "resume-get" else []
            run([*wget_command(target), *resume, "--output-document", local, wget_url(target, remote)])
        return []


def wget_command(target: Target) -> list[str]:
    """Return the words that every use of Wget begins with."""
    command = [
        "wget",
        "--no-config",
        "--no-verbose",
        "--tries=1",
        "--timeout=10",
        f"--ca-certificate={target.certificate}",
    ]
    command += [f"--user={USER}", f"--password={PASSWORD}"]
    if target.implicit:
        command.append("--ftps-implicit")
    if target.tls:
        command.append(f"--secure-protocol=TLSv{target.tls.replace('.', '_')}")
    if target.active:
        command.append("--no-passive-ftp")
    return command


def wget_url(target: Target, remote: str) -> str:
    """Return the URL of a file or a folder."""
    return f"ftps://{target.authority}/{quote(remote.encode('utf-8', 'surrogateescape'))}"
