"""Whole trees up and down, over several sessions at once, with their times."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.interop.clients import Target
from tests.interop.clients.adapter import run
from tests.interop.clients.curl import Curl, curl_command, url
from tests.interop.clients.lftp import Lftp, lftp, quoted
from tests.interop.clients.rclone import Rclone, rclone
from tests.interop.clients.wget import Wget, wget_command, wget_url
from tests.interop.conftest import Folder, usable
from tests.support.observe import events
from tests.support.server import Server

MODIFIED = 1_600_000_000
FOLDERS = ("a", "a/b", "a/b/c", "with space", "umläute", " leading", "quo'te\"s", "empty")


def make_tree(top: Path) -> None:
    """Make folders within folders, 40 files of all sizes in them, each with a time of its own."""
    for folder in FOLDERS:
        (top / folder).mkdir(parents=True)
    for number in range(40):
        path = top / FOLDERS[number % (len(FOLDERS) - 1)] / f"file {number};#%.bin"
        path.write_bytes(bytes([number]) * number**3)
        os.utime(path, (MODIFIED + 3601 * number,) * 2)


def contents(top: Path) -> dict[str, bytes | None]:
    """Return what is in a tree: files by name with their content, folders with nothing."""
    return {str(p.relative_to(top)): p.read_bytes() if p.is_file() else None for p in top.rglob("*")}


def times(top: Path) -> dict[str, int]:
    """Return the times of all files."""
    return {str(path.relative_to(top)): int(path.stat().st_mtime) for path in top.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("implicit", "host"), [(False, "127.0.0.1"), (True, "::1")])
def test_lftp_mirrors_both_ways(implicit, host, server: Server, folder: Folder):
    """Four sessions at once up, four down, and the tree is the same, times included."""
    usable(Lftp())
    target = Target(server, implicit=implicit, host=host)
    make_tree(folder.local / "tree")
    log = lftp(target, f"mirror --reverse --parallel=4 {quoted(folder.here('tree'))} /{folder.path('tree')}")
    assert contents(folder.remote / "tree") == contents(folder.local / "tree")
    assert times(folder.remote / "tree") == times(folder.local / "tree")
    lftp(target, f"mirror --parallel=4 /{folder.path('tree')} {quoted(folder.here('back'))}")
    assert contents(folder.local / "back") == contents(folder.local / "tree")
    assert times(folder.local / "back") == times(folder.local / "tree")
    again = lftp(target, f"mirror --dry-run --verbose=3 /{folder.path('tree')} {quoted(folder.here('back'))}")
    assert "Transferring" not in again + log, "nothing is left to be done"


def test_lftp_is_content(server: Server, folder: Folder):
    """GnuTLS, which lftp uses, finds nothing amiss in how uploads end, and neither does the server."""
    usable(Lftp())
    (folder.local / "file").write_bytes(os.urandom(1 << 20))
    put = f"put {quoted(folder.here('file'))} -o /{folder.path('file')}"
    output = lftp(Target(server), f"debug 9 -o {quoted(folder.here('debug'))}", *[put] * 5)
    text = output + (folder.local / "debug").read_text()
    assert text.count("<--- 226 Stored") == 5
    assert not re.search("warn|error|fail|unexpected", text, re.IGNORECASE)
    uploads = events(server, "file_transferred", path=f"/{folder.path('file')}")
    assert [event["complete"] for event in uploads] == [True] * 5


def test_rclone_syncs(server: Server, folder: Folder):
    """Rclone copies a tree by several sessions, compares it by times and sizes, and brings it back."""
    usable(Rclone())
    make_tree(folder.local / "tree")
    (folder.local / "tree" / "empty").rmdir()  # rclone leaves it out
    there, tree, back = f"server:{folder.path('tree')}", folder.here("tree"), folder.here("back")
    rclone(Target(server), "sync", tree, there)
    assert contents(folder.remote / "tree") == contents(folder.local / "tree")
    assert times(folder.remote / "tree") == times(folder.local / "tree")
    rclone(Target(server), "check", "--download", tree, there)
    rclone(Target(server), "sync", there, back)
    assert contents(folder.local / "back") == contents(folder.local / "tree")
    assert times(folder.local / "back") == times(folder.local / "tree")


def test_wget_gets_a_tree(server: Server, folder: Folder):
    """Wget --recursive follows listings down."""
    usable(Wget())
    make_tree(folder.remote / "tree")
    shutil.rmtree(folder.remote / "tree" / " leading")  # wget takes the space of a listing away
    target = Target(server)
    run(
        [*wget_command(target), "--recursive", "--level=inf", "--no-host-directories", "--cut-dirs=2"]
        + ["--directory-prefix", folder.here("back"), wget_url(target, folder.path("tree/"))]
    )
    files = {name: octets for name, octets in contents(folder.remote / "tree").items() if octets is not None}
    assert {name: octets for name, octets in contents(folder.local / "back").items() if octets is not None} == files


def test_curl_makes_folders(server: Server, folder: Folder):
    """Curl --ftp-create-dirs makes the folders on the way."""
    usable(Curl())
    target = Target(server)
    (folder.local / "file").write_bytes(b"content")
    remote = url(target, folder.path("new folder/ünter/file"))
    run([*curl_command(target), "--ftp-create-dirs", "--upload-file", folder.here("file"), remote])
    assert (folder.remote / "new folder" / "ünter" / "file").read_bytes() == b"content"


def test_curl_in_parallel(server: Server, folder: Folder):
    """Curl --parallel spreads its files over several sessions; with "prefer", tickets may run out without harm."""
    usable(Curl())
    target = Target(server)
    wanted = {f"file{number}": os.urandom(200_000) for number in range(12)}
    for name, octets in wanted.items():
        (folder.remote / name).write_bytes(octets)
    command = [*curl_command(target), "--parallel", "--parallel-immediate", "--parallel-max", "6"]
    for name in wanted:
        command += ["--output", folder.here(name), url(target, folder.path(name))]
    run(command)
    assert {name: (folder.local / name).read_bytes() for name in wanted} == wanted
