"""Broken transfers are taken up where they broke."""

from __future__ import annotations

import os

import pytest

from tests.interop.clients import CLIENTS, Adapter, Target
from tests.interop.conftest import Folder, usable
from tests.support.observe import events
from tests.support.server import Server

WHOLE = bytes(range(251)) * 9973
HEAD = 1_000_003
GIB = 1 << 30


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("adapter", [a for a in CLIENTS if "resume-get" in a.verbs], ids=lambda adapter: adapter.name)
def test_resume_download(adapter: Adapter, tls, server: Server, folder: Folder):
    """Only the rest is sent again."""
    usable(adapter)
    (folder.remote / "file").write_bytes(WHOLE)
    (folder.local / "file").write_bytes(WHOLE[:HEAD])
    target = Target(server, tls=tls if tls in adapter.options else "")
    adapter.perform(target, ("resume-get", folder.path("file"), folder.here("file")))
    assert (folder.local / "file").read_bytes() == WHOLE
    assert _octets(server, folder, "sent") == [len(WHOLE) - HEAD]


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("adapter", [a for a in CLIENTS if "resume-put" in a.verbs], ids=lambda adapter: adapter.name)
def test_resume_upload(adapter: Adapter, tls, server: Server, folder: Folder):
    """Only the rest is received, behind what is there."""
    usable(adapter)
    (folder.local / "file").write_bytes(WHOLE)
    (folder.remote / "file").write_bytes(WHOLE[:HEAD])
    target = Target(server, tls=tls if tls in adapter.options else "")
    adapter.perform(target, ("resume-put", folder.here("file"), folder.path("file")))
    assert (folder.remote / "file").read_bytes() == WHOLE
    assert _octets(server, folder, "received") == [len(WHOLE) - HEAD]


@pytest.mark.parametrize("adapter", [a for a in CLIENTS if "resume-get" in a.verbs], ids=lambda adapter: adapter.name)
def test_download_beyond_four_gib(adapter: Adapter, server: Server, folder: Folder):
    """Sizes and offsets have more than 32 bits: the end of a file of 5 GiB comes as it is."""
    usable(adapter)
    _make_sparse(folder.remote / "file", WHOLE)
    _make_sparse(folder.local / "file", b"")
    adapter.perform(Target(server), ("resume-get", folder.path("file"), folder.here("file")))
    assert _end(folder.local / "file") == WHOLE


@pytest.mark.parametrize("adapter", [a for a in CLIENTS if "resume-put" in a.verbs], ids=lambda adapter: adapter.name)
def test_upload_beyond_four_gib(adapter: Adapter, server: Server, folder: Folder):
    """The same the other way."""
    usable(adapter)
    _make_sparse(folder.local / "file", WHOLE)
    _make_sparse(folder.remote / "file", b"")
    adapter.perform(Target(server), ("resume-put", folder.here("file"), folder.path("file")))
    assert _end(folder.remote / "file") == WHOLE


def _make_sparse(path, end: bytes) -> None:
    """Make a file of 5 GiB that takes no space, with something behind."""
    with path.open("wb") as file:
        file.truncate(5 * GIB)
        file.seek(0, os.SEEK_END)
        file.write(end)


def _end(path) -> bytes:
    """Return what is behind the first 5 GiB."""
    with path.open("rb") as file:
        file.seek(5 * GIB)
        return file.read()


def _octets(server: Server, folder: Folder, direction: str) -> list[int]:
    done = events(server, "file_transferred", path=f"/{folder.path('file')}", direction=direction)
    assert all(event["complete"] for event in done)
    return [event["octets"] for event in done]
