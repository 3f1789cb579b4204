"""The directives of mod_exec: programs that ran on events become ``[[hooks]]``.

A hook is told by its environment and on standard input, never by arguments,
so arguments with variables (``%f``, ``%u``) are dropped with a remark. What
ran before a command, to change or forbid it, has no counterpart.
"""

from __future__ import annotations

from ftpstwist.config.migration.apachestyle import Directive
from ftpstwist.config.migration.outcome import Converter, Outcome, becomes, left_out

_EVENTS = {
    "PASS": "login",
    "STOR": "upload",
    "STOU": "upload",
    "APPE": "upload",
    "RETR": "download",
    "DELE": "delete",
    "RNTO": "rename",
    "MKD": "mkdir",
    "XMKD": "mkdir",
    "RMD": "rmdir",
    "XRMD": "rmdir",
    "WRITE": "upload",
    "READ": "download",
}


@becomes("`hooks` for the events of these commands")
def _on_command(outcome: Outcome, directive: Directive) -> None:
    commands = directive.arguments[0].upper().split(",")
    unknown = [command for command in commands if command not in _EVENTS]
    if unknown:
        outcome.remark(directive, f"no hook for {', '.join(unknown)}; the events are in docs/operations.md")
    _add(outcome, directive, dict.fromkeys(_EVENTS[each] for each in commands if each in _EVENTS), 1)


def _on(event: str) -> Converter:
    return Converter(
        f"`hooks` with `{event}`", lambda outcome, directive: _add(outcome, directive, dict.fromkeys([event]), 0)
    )


def _add(outcome: Outcome, directive: Directive, events: dict[str, None], position: int) -> None:
    program, *arguments = directive.arguments[position:]
    plain = [argument for argument in arguments if "%" not in argument]
    if len(plain) < len(arguments):
        outcome.remark(directive, "arguments with % are left out: the program finds all in its environment")
    if events:
        outcome.add("hooks", {"events": list(events), "command": [program, *plain]})


MOD_EXEC: dict[str, Converter] = {
    "ExecOnCommand": _on_command,
    "ExecOnConnect": _on("connect"),
    "ExecOnExit": _on("disconnect"),
    "ExecBeforeCommand": left_out("hooks run after something has happened"),
    "ExecOnError": left_out("write hooks for upload-broken, download-broken or login-failed"),
    "ExecOnEvent": left_out("write hooks; the events are in docs/operations.md"),
    "ExecOnRestart": left_out("let the service manager run it"),
    "ExecEngine": left_out("hooks are there when [[hooks]] names them"),
    "ExecTimeout": left_out("timeout of each of [[hooks]]; 30 seconds by default"),
    "ExecEnviron": left_out("hooks have an environment of their own"),
    "ExecEnable": left_out("hooks hold for users and folders that they name"),
    "ExecLog": left_out("outcomes of hooks are in the log"),
    "ExecOptions": left_out("what a program prints is kept for the log, and never sent to clients"),
}
"""Every directive of mod_exec."""
