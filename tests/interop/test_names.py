"""Odd names survive the way to the server, into a listing, and back."""

from __future__ import annotations

import pytest

from tests.interop.clients import CLIENTS, Adapter, Target
from tests.interop.conftest import Folder, usable
from tests.support.server import Server

NAMES = (
    "two words",
    " leading space",
    "trailing space ",
    "two  spaces",
    'with "quotes"',
    "it's",
    "back\\slash",
    "grüße",
    "gru\u0308ße",
    "日本語",
    "🦊",
    "semi;colon=1; name",
    "percent%41",
    "hash#mark",
    "question?mark",
    "star*",
    "[brackets]",
    "{braces}",
    "-dash",
    "~tilde",
    "$(touch x)`y`",
    "&amp <tag>",
    ".hidden",
    "a, b",
    "n" * 255,
)
BEYOND = {"aioftp": {"trailing space "}, "rclone": {"trailing space "}}
"""Names that a client changes itself, before the server sees them or after."""


@pytest.mark.parametrize("adapter", [each for each in CLIENTS if "list" in each.verbs], ids=lambda each: each.name)
def test_odd_names(adapter: Adapter, server: Server, folder: Folder):
    """Spaces, quotes, wildcards, other scripts, both ways to write an umlaut: a name comes back octet by octet."""
    usable(adapter)
    names = [name for name in NAMES if name not in BEYOND.get(adapter.name, ())]
    steps = []
    for number, name in enumerate(names):
        (folder.local / f"out{number}").write_text(name)
        steps.append(("put", folder.here(f"out{number}"), folder.path(name)))
        steps.append(("get", folder.path(name), folder.here(f"in{number}")))
    [listed] = adapter.perform(Target(server), *steps, ("list", folder.name))
    assert {path.name: path.read_text() for path in folder.remote.iterdir()} == {name: name for name in names}
    assert [(folder.local / f"in{number}").read_text() for number in range(len(names))] == names
    assert set(listed) | {".hidden"} == set(names)
