"""What the tests of the configuration share: surroundings, judged texts, and a look through nobody's eyes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ftpstwist.config.check import Findings, check
from ftpstwist.config.load import parse
from ftpstwist.config.rule import Surroundings

NOBODY = 65534
NOW = datetime(2026, 6, 1, tzinfo=UTC)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")


def resolve_nothing(name: str) -> list[str]:
    raise OSError(-2, "Name or service not known")


SURROUNDINGS = Surroundings(NOW, resolve_nothing, lambda _: True, lowest_port=1)
"""A machine that has every address, may bind every port, and knows no names."""

_AS_NOBODY = """
import json, os, sys
from tests.config.config_support import judge
text = sys.stdin.read()
judge(text, sys.argv[1])  # loads what nobody may not: Python itself may lie in the home of root
os.setgid(65534)
os.setuid(65534)
findings = judge(text, sys.argv[1])
print(json.dumps([str(each) for each in findings.complaints]))
"""


def judge(text: str, file: str | os.PathLike[str] = "ftps.toml", **surroundings) -> Findings:
    """Check a configuration given as text, on a machine that lacks nothing but what is said."""
    return check(parse(text, os.fspath(file)), replace(SURROUNDINGS, **surroundings))


def judge_as_nobody(text: str, file: Path) -> list[str]:
    """Check a configuration as a user who may do nothing in particular."""
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, str(file)],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    return json.loads(done.stdout)


def about(findings: Findings, *keys: str) -> list[str]:
    """Return what is said about some keys, or about what lies below them."""
    return [str(each) for each in findings.complaints if each.key.startswith(keys)]


@contextlib.contextmanager
def open_folder():
    """A folder that everybody may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
