"""A folder with ten thousand files is listed whole."""

from __future__ import annotations

import pytest

from tests.interop.clients import CLIENTS, Adapter, Target
from tests.interop.conftest import usable
from tests.support.server import Server

COUNT = 10_000


@pytest.fixture(scope="module")
def many(server: Server) -> set[str]:
    folder = server.files / "many"
    folder.mkdir()
    names = {f"file number {number:05}.txt" for number in range(COUNT)}
    for name in names:
        (folder / name).touch()
    return names


@pytest.mark.parametrize("adapter", [each for each in CLIENTS if "list" in each.verbs], ids=lambda each: each.name)
def test_ten_thousand_files(adapter: Adapter, many: set[str], server: Server):
    """Not one name is missing, by LIST, NLST or MLSD, whichever the client uses."""
    [names] = usable(adapter).perform(Target(server), ("list", "many"))
    assert len(names) == COUNT
    assert set(names) == many
