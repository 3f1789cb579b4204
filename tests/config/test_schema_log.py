"""Logs in a format of the operator's, as the configuration reads them."""

from __future__ import annotations

import pytest

from tests.config.config_support import about, judge


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("format = '%h %L'", "%L is not known"),
        ("format = '100%'", "a % at the end stands for nothing"),
        ("format = 5", "is not text"),
        ('verbs = ["retr"]', 'Did you mean "RETR"?'),
        ('verbs = ["ZZZZ"]', "a command in capitals"),
        ("verbs = [1]", "a command in capitals"),
    ],
)
def test_mistakes_are_told_before_a_line_is_written(tmp_path, line, words):
    """A variable of ProFTPD that is not here is named, not printed as a hyphen for ever."""
    assert any(words in each for each in about(judge(f'[[log.custom]]\nfile = "{tmp_path}/x"\n{line}'), "log.custom"))


def test_files_are_judged_like_those_of_other_logs(tmp_path):
    """Two logs in one file, or in a folder that is not there."""
    file = f'"{tmp_path}/x"'
    findings = judge(f'[log]\njson_log = {file}\n[[log.custom]]\nfile = {file}\n[[log.custom]]\nfile = "/nowhere/x"')
    said = about(findings, "log.custom")
    assert any("is also the json_log" in line for line in said)
    assert any("there is no folder /nowhere" in line for line in said)
