"""The perm fact, letter by letter, against what the account can really do (RFC 3659 section 7.5.5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.conftest import clear

PERMISSIONS = {
    "everything": "all",
    "looker": "read-only",
    "reads": ["read"],
    "writes": ["write"],
    "creates": ["create"],
    "deletes": ["delete"],
    "renames": ["rename"],
    "lists": ["list"],
    "deliverer": ["create", "list"],
    "editor": ["read", "write", "rename"],
}
RULES = """
[users.visitor]
password = "HASH"
permissions = { "/" = ["list", "read"], "/in" = ["create"], "/in/own" = "all", "/keep" = ["list", "read", "write"], "/none" = [] }
[users.blind]
password = "HASH"
permissions = ["create"]
"""
USERS = "".join(f'[users.{name}]\npassword = "HASH"\npermissions = {words!r}\n' for name, words in PERMISSIONS.items())


@pytest.fixture(scope="module")
def clear_server(start_server):
    """An account for each permission, and some with several."""
    return start_server('[policy]\nrequire = "none"\n', USERS + RULES)


class Attempt:
    """Tries what a letter promises, on a fresh object each time."""

    def __init__(self, client, disk: Path, path: str):
        self.client = client
        self.disk = disk
        self.path = path

    def _is_done(self, command):
        """Whether a transfer ends well."""
        if command.split(" ")[0] in {"STOR", "APPE"}:
            return self.client.upload(command, b"new").code == 226
        return self.client.download(command)[1].code == 226

    def _renames(self):
        if self.client.code(f"RNFR {self.path}") != 350:
            return False
        return self.client.code(f"RNTO {self.path}-renamed") == 250


class OnFile(Attempt):
    """Letters of a file."""

    LETTERS = "adfrw"

    def make(self):
        self.disk.write_bytes(b"old")

    def succeeds(self, letter):
        self.make()
        match letter:
            case "a":
                return self._is_done(f"APPE {self.path}")
            case "w":
                return self._is_done(f"STOR {self.path}")
            case "r":
                return self._is_done(f"RETR {self.path}")
            case "d":
                return self.client.code(f"DELE {self.path}") == 250
            case "f":
                return self._renames()


class OnFolder(Attempt):
    """Letters of a folder."""

    LETTERS = "cdeflmp"

    def make(self):
        self.disk.mkdir(parents=True, exist_ok=True)

    def succeeds(self, letter):
        self.make()
        match letter:
            case "c":
                return self._is_done(f"STOR {self.path}/created")
            case "m":
                return self.client.code(f"MKD {self.path}/made") == 257
            case "l":
                return self._is_done(f"NLST {self.path}") and self._is_done(f"MLSD {self.path}")
            case "e":
                return self.client.code(f"CWD {self.path}") == 250
            case "p":
                (self.disk / "victim").touch()
                return self.client.code(f"DELE {self.path}/victim") == 250
            case "d":
                for child in self.disk.iterdir():
                    child.rmdir() if child.is_dir() else child.unlink()
                return self.client.code(f"RMD {self.path}") == 250
            case "f":
                return self._renames()


def promised(client, path):
    """Return the letters of MLST."""
    line = client.do(f"MLST {path}").lines[1]
    return set(line.partition("perm=")[2].partition(";")[0])


@pytest.mark.parametrize("kind", [OnFile, OnFolder])
@pytest.mark.parametrize("user", PERMISSIONS)
def test_letters_are_kept(clear_server, user, kind):
    """L8: every letter that is there works, and every letter that is not there is refused."""
    home = clear_server.folder / "files" / user
    with clear(clear_server, user=user) as client:
        attempt = kind(client, home / kind.__name__, f"/{kind.__name__}")
        attempt.make()
        letters = promised(client, attempt.path)
        assert {letter for letter in kind.LETTERS if attempt.succeeds(letter)} == letters


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/file", OnFile), ("/keep/file", OnFile), ("/in/file", OnFile), ("/in/own/file", OnFile), ("/folder", OnFolder),
     ("/in/folder", OnFolder), ("/in/own/folder", OnFolder), ("/keep/folder", OnFolder)],
)  # fmt: skip
def test_letters_follow_the_rules_for_folders(clear_server, path, kind):
    """L8: with different permissions here and there, each object tells its own."""
    home = clear_server.folder / "files" / "visitor"
    with clear(clear_server, user="visitor") as client:
        attempt = kind(client, home / path[1:], path)
        attempt.disk.parent.mkdir(parents=True, exist_ok=True)
        attempt.make()
        letters = promised(client, path)
        assert {letter for letter in kind.LETTERS if attempt.succeeds(letter)} == letters


def test_mlsd_tells_the_letters_of_each_entry(clear_server):
    """L8: by the rule for the entry, not for the folder it is in; what is none of the user's business is not listed."""
    home = clear_server.folder / "files" / "visitor"
    for name in ("in", "keep", "none", "plain"):
        (home / name).mkdir(parents=True, exist_ok=True)
    with clear(clear_server, user="visitor") as client:
        lines = client.download("MLSD")[0].decode().split("\r\n")
        found = {line.rpartition(" ")[2]: set(line.partition("perm=")[2].partition(";")[0]) for line in lines if line}
    assert found["."] == set("el")
    assert found["in"] == set("cem")
    assert found["keep"] == set("el")
    assert found["plain"] == set("el")
    assert "none" not in found


def test_a_blind_drop_box(clear_server):
    """L8, B14: what may only be delivered can not be listed, read, changed or taken back, by whoever delivered it."""
    home = clear_server.folder / "files" / "blind"
    with clear(clear_server, user="blind") as client:
        assert client.upload("STOR parcel", b"first").code == 226
        assert client.code("MKD sub") == 257
        assert client.upload("STOR sub/parcel", b"second").code == 226
        for command in ("LIST", "NLST", "MLSD", "RETR parcel", "STAT .", "DELE parcel", "RMD sub", "SITE CHMOD 777 parcel",
                        "MFMT 20200101000000 parcel", "LIST sub"):  # fmt: skip
            with client.passive():
                assert client.code(command) == 550, command
        assert client.upload("STOR parcel", b"changed").code == 550
        assert client.upload("APPE parcel", b"changed").code == 550
        assert client.code("RNFR parcel") in {350, 550}
        assert client.code("RNTO other") in {503, 550}
        assert (home / "parcel").read_bytes() == b"first"
        with client.passive() as data:
            assert client.code("STOU") == 150
            data.sendall(b"third")
        assert client.answer().code == 226
        assert len(list(home.iterdir())) == 3
