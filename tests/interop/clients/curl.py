"""curl: one process for each step."""

from __future__ import annotations

from urllib.parse import quote

from tests.interop.clients.adapter import CHANGES, RESUMES, TRANSFERS, Adapter, Step, Target, run
from tests.support.server import PASSWORD, USER


class Curl(Adapter):
    name = "curl"
    program = package = "curl"
    verbs = TRANSFERS | CHANGES | RESUMES
    options = frozenset({"implicit", "1.2", "1.3", "active", "verifies", "certificate"})

    def perform(self, target: Target, *steps: Step) -> list[list[str]]:
        printed = [(step, run([*curl_command(target), *_ARGUMENTS[step[0]](target, *step[1:])])) for step in steps]
        return [output.splitlines() for step, output in printed if step[0] == "list"]


def curl_command(target: Target) -> list[str]:
    """Return the words that every use of curl begins with."""
    command = ["curl", "--silent", "--show-error", "--cacert", str(target.certificate), "--user", f"{USER}:{PASSWORD}"]
    if not target.implicit:
        command.append("--ssl-reqd")
    if target.tls:
        command += [f"--tlsv{target.tls}", "--tls-max", target.tls]
    if target.shows:
        command += ["--cert", str(target.shows.certificate), "--key", str(target.shows.key)]
    if target.active:
        command += ["--ftp-port", "-"]
    return command


def url(target: Target, remote: str = "") -> str:
    """Return the URL of a file or, ending in a slash, of a folder."""
    octets = remote.encode("utf-8", "surrogateescape")
    return f"{'ftps' if target.implicit else 'ftp'}://{target.authority}/{quote(octets)}"


def _quoted(*commands: str):
    def arguments(target: Target, *words: str) -> list[str]:
        quotes = [word for command in commands for word in ("--quote", command.format(*words))]
        return ["--head", *quotes, url(target)]

    return arguments


_ARGUMENTS = {
    "list": lambda target, folder: ["--list-only", url(target, f"{folder}/" if folder else "")],
    "get": lambda target, remote, local: ["--output", local, url(target, remote)],
    "resume-get": lambda target, remote, local: ["--continue-at", "-", "--output", local, url(target, remote)],
    "put": lambda target, local, remote: ["--globoff", "--upload-file", local, url(target, remote)],
    "resume-put": lambda target, local, remote: ["--continue-at", "-", "--upload-file", local, url(target, remote)],
    "mkdir": _quoted("MKD {0}"),
    "rmdir": _quoted("RMD {0}"),
    "delete": _quoted("DELE {0}"),
    "rename": _quoted("RNFR {0}", "RNTO {1}"),
}
