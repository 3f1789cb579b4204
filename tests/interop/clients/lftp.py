"""lftp, which speaks TLS by GnuTLS: one process for all steps."""

from __future__ import annotations

from pathlib import Path

from tests.interop.clients.adapter import CHANGES, RESUMES, TRANSFERS, Adapter, Step, Target, run
from tests.support.server import PASSWORD, USER

_END = "----- end of list -----"


class Lftp(Adapter):
    name = "lftp"
    program = package = "lftp"
    verbs = TRANSFERS | CHANGES | RESUMES
    options = frozenset({"implicit", "1.2", "1.3", "active", "verifies", "certificate"})

    def perform(self, target: Target, *steps: Step) -> list[list[str]]:
        lists: list[list[str]] = [[]]
        for line in lftp(target, *(_COMMANDS[verb](*words) for verb, *words in steps)).splitlines():
            if line == _END:
                lists.append([])
            else:
                lists[-1].append(line)
        return lists[:-1]


def lftp(target: Target, *commands: str, folder: Path | None = None) -> str:
    """Let lftp do commands of its own language; return what it printed."""
    settings = {
        "cmd:fail-exit": "yes",
        "net:max-retries": "1",
        "net:timeout": "10",
        "ssl:ca-file": quoted(str(target.certificate)),
        "ftp:ssl-force": "yes",
        "ftp:ssl-protect-data": "yes",
        "ftp:passive-mode": "no" if target.active else "yes",
        "xfer:log": "no",
        "xfer:clobber": "yes",
        "cmd:save-cwd-history": "no",
    }
    if target.tls:
        settings["ssl:priority"] = f"NORMAL:-VERS-ALL:+VERS-TLS{target.tls}"
    if target.shows:
        settings["ssl:cert-file"] = quoted(str(target.shows.certificate))
        settings["ssl:key-file"] = quoted(str(target.shows.key))
    lines = [f"set {name} {value}" for name, value in settings.items()]
    scheme = "ftps" if target.implicit else "ftp"
    lines.append(f"open -u {quoted(USER)},{quoted(PASSWORD)} {scheme}://{target.authority}")
    return run(["lftp", "--norc", "-c", "\n".join([*lines, *commands, ""])], folder=folder)


def quoted(word: str) -> str:
    """Quote a word of lftp's language."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _absolute(name: str) -> str:
    return quoted(f"/{name}")


_COMMANDS = {
    "list": lambda folder: f"cls -1 --basename {_absolute(f'{folder}/')}; echo {quoted(_END)}",
    "get": lambda remote, local: f"get {_absolute(remote)} -o {quoted(local)}",
    "resume-get": lambda remote, local: f"get -c {_absolute(remote)} -o {quoted(local)}",
    "put": lambda local, remote: f"put {quoted(local)} -o {_absolute(remote)}",
    "resume-put": lambda local, remote: f"put -c {quoted(local)} -o {_absolute(remote)}",
    "mkdir": lambda folder: f"mkdir {_absolute(folder)}",
    "rmdir": lambda folder: f"rmdir {_absolute(folder)}",
    "delete": lambda remote: f"rm {_absolute(remote)}",
    "rename": lambda old, new: f"mv {_absolute(old)} {_absolute(new)}",
}
