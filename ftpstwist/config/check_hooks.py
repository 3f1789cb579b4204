"""Whether hooks can be run, and by whose hand they were written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from ftpstwist.config.complaint import Complaint
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_hooks import HookSettings


def _there_is_something_to_do(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for position, hook in enumerate(settings.hooks):
        key = f"hooks[{position}]"
        if bool(hook.command) == (hook.function is not None):
            yield settings.origin.complain(key, "it needs either a command or a function", "Write one of the two")
        if not hook.events:
            yield settings.origin.complain(f"{key}.events", "the list is empty, so it would never run", "Name events")


def _programs_can_be_run(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for position, hook in enumerate(settings.hooks):
        if hook.command:
            yield from _judge(settings, f"hooks[{position}].command", hook)


def _judge(settings: Settings, key: str, hook: HookSettings) -> Iterator[Complaint]:
    program = hook.command[0]
    if not program.startswith("/"):
        yield settings.origin.complain(key, f"{program} is no full path", "Write where the program is, from / on")
    elif not os.access(program, os.X_OK) or not os.path.isfile(program):  # noqa: PTH113 - it is text, as it is run
        yield settings.origin.complain(key, f"{program} can not be run", "Correct the path, or make it executable")
    elif os.stat(program).st_mode & stat.S_IWOTH:  # noqa: PTH116
        yield settings.origin.complain(key, f"anybody may change {program}", f"Take that away: chmod o-w {program}")


RULES = (
    Rule(("hooks",), _there_is_something_to_do),
    Rule(("hooks",), _programs_can_be_run),
)
"""What they have to be like."""
