"""Hooks as the check sees them: something to do, and a program that can be run and that nobody else can change."""

from __future__ import annotations

import pytest

from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.load import parse
from ftpstwist.services.hooks import build_hooks
from tests.config.config_support import about, judge


def said(*lines):
    text = "\n".join(["[[hooks]]", *lines])
    return about(judge(text), "hooks")


def test_a_good_hook_makes_no_noise():
    """A program of the system, or a function."""
    assert said('events = ["upload"]', 'command = ["/bin/sh", "-c", "exit 0"]') == []
    assert said('events = ["upload", "login-failed"]', 'function = "package.module:name"') == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['events = ["upload"]'], "either a command or a function"),
        (['events = ["upload"]', 'function = "a:b"', 'command = ["/bin/sh"]'], "either a command or a function"),
        (["events = []", 'command = ["/bin/sh"]'], "it would never run"),
        (['events = ["upload"]', 'command = ["sh"]'], "sh is no full path"),
        (['events = ["upload"]', 'command = ["/nowhere/sh"]'], "/nowhere/sh can not be run"),
        (['events = ["upload"]', 'command = ["/etc"]'], "/etc can not be run"),
        (['events = ["uploads"]', 'command = ["/bin/sh"]'], 'Did you mean "upload"?'),
        (['events = ["upload"]', 'function = "os.system"'], 'such as "package.module:function"'),
    ],
)
def test_what_would_not_run_is_told(lines, words):
    """Before the first upload, not after."""
    assert any(words in line for line in said(*lines))


def test_a_program_that_anybody_may_change_is_refused(tmp_path):
    """It runs as the server's user."""
    program = tmp_path / "hook"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o777)
    lines = said('events = ["upload"]', f'command = ["{program}"]')
    assert any(f"chmod o-w {program}" in line for line in lines)


@pytest.mark.parametrize("function", ["no_such_package:name", "os:no_such_name"])
def test_a_function_that_is_not_there_keeps_the_server_from_starting(function):
    """Nobody finds out months later that a hook never ran."""
    settings = parse(f'[[hooks]]\nevents = ["upload"]\nfunction = "{function}"', "ftps.toml").settings
    with pytest.raises(ConfigurationError, match="it can not be had"):
        build_hooks(settings, None)
