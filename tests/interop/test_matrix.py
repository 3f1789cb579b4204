"""Every client does a day's work over every kind of connection it knows."""

from __future__ import annotations

from itertools import product

import pytest

from tests.interop.clients import CLIENTS, Adapter, Step, Target
from tests.interop.conftest import Folder, usable
from tests.support.server import Server

BIG = bytes(range(256)) * 8192
SMALL = b"one\r\ntwo\n\xff\x00\n"
KINDS = list(product((False, True), ("127.0.0.1", "::1"), ("1.2", "1.3")))
"""Implicit or not, address, TLS version."""
PAIRWISE = [kind for kind in KINDS if (kind[0] + (kind[1] == "::1") + (kind[2] == "1.3")) % 2 == 0]
"""Four of the eight, with every pair of properties among them: for clients that take their time."""
SLOW = {"curl", "Commons Net", "rclone"}


def _cases() -> list:
    cases = []
    for adapter in CLIENTS:
        kinds = PAIRWISE if adapter.name in SLOW else KINDS
        seen = set()
        for implicit, host, tls in kinds:
            kind = (implicit, host, tls if tls in adapter.options else "")
            if adapter.knows(implicit=implicit, host=host) and kind not in seen:
                seen.add(kind)
                words = [adapter.name, "implicit" if implicit else "explicit", host, f"TLS {kind[2] or 'any'}"]
                cases.append(pytest.param(adapter, *kind, id=", ".join(words)))
    return cases


@pytest.mark.parametrize(("adapter", "implicit", "host", "tls"), _cases())
def test_days_work(adapter: Adapter, implicit, host, tls, server: Server, folder: Folder):
    """Lists, uploads, downloads, nested and empty folders, empty files, renames and deletes: as the client promises."""
    usable(adapter)
    target = Target(server, host=host, implicit=implicit, tls=tls)
    work = {name: step for name, step in _work(folder).items() if step[0] in adapter.verbs}
    _prepare(folder, work)
    lists = adapter.perform(target, *work.values())
    if "list" in work:
        assert [sorted(names) for names in lists] == [["big", "empty"]]
    assert (folder.local / "got").read_bytes() == BIG
    assert (folder.local / "got empty").read_bytes() == b""
    assert _tree(folder) == _expected(work)


def _work(folder: Folder) -> dict[str, Step]:
    (folder.local / "big").write_bytes(BIG)
    (folder.local / "small").write_bytes(SMALL)
    (folder.local / "empty").touch()
    path, here = folder.path, folder.here
    return {
        "mkdir": ("mkdir", path("inner")),
        "put big": ("put", here("big"), path("inner/big")),
        "put empty": ("put", here("empty"), path("inner/empty")),
        "put small": ("put", here("small"), path("small")),
        "list": ("list", path("inner")),
        "get big": ("get", path("inner/big"), here("got")),
        "get empty": ("get", path("inner/empty"), here("got empty")),
        "rename": ("rename", path("inner/big"), path("renamed")),
        "delete": ("delete", path("inner/empty")),
        "rmdir": ("rmdir", path("inner")),
    }


def _prepare(folder: Folder, work: dict[str, Step]) -> None:
    """Put there what a client that only downloads can not put there itself."""
    if "put big" not in work:
        (folder.remote / "inner").mkdir()
        (folder.remote / "inner/big").write_bytes(BIG)
        (folder.remote / "inner/empty").touch()


def _expected(work: dict[str, Step]) -> dict[str, bytes]:
    return {"renamed": BIG, "small": SMALL} if "rename" in work else {"inner/big": BIG, "inner/empty": b""}


def _tree(folder: Folder) -> dict[str, bytes | None]:
    """Return the content of all files by name, and of folders with nothing in them."""
    return {
        str(path.relative_to(folder.remote)): path.read_bytes() if path.is_file() else None
        for path in folder.remote.rglob("*")
        if path.is_file() or not list(path.iterdir())
    }
