"""Changing the users file by program."""

import os
import stat
import threading
from pathlib import Path

import pytest
from tomlkit.exceptions import ParseError

from ftpstwist.auth.useredit import add_user, list_users, remove_user, set_password
from ftpstwist.auth.userfile import read_user_file
from ftpstwist.auth.userrecord import UserFileError
from ftpstwist.session.identity import Permission
from ftpstwist.wire.pathname import ROOT
from tests.auth.neighbours import HASH, PASSWORDS, Secret

OTHER_HASH = PASSWORDS.hash_password(Secret("other"))
WRITTEN = f"""# Our users

[users.alice]   # the boss
password = "{HASH}"  # changed in May

# Bob is from the shop
[users.bob]
groups = ["shop",
   "night"]     # both

# Carl does the backups
# (nightly)
[users."carl x"]
limits = {{ quota = "1 GiB" }}

# Dora left
[users.dora]
[users.dora.limits]
quota = 5
# the end
"""


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "users.toml"
    path.write_text(WRITTEN)
    path.chmod(0o640)
    return path


def without(*lines):
    text = WRITTEN
    for line in lines:
        assert line in text
        text = text.replace(line, "", 1)
    return text


def test_first_user_makes_the_file(tmp_path):
    """``user add`` on a fresh host makes a file that nobody else may read."""
    path = tmp_path / "users.toml"
    add_user(path, "é x", {"password": HASH, "permissions": ["read"], "limits": {"quota": "1 GiB", "max_sessions": 2}})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    record = read_user_file(path).users["é x"]
    assert record.password == HASH
    assert record.permissions.at(ROOT) == {Permission.READ}
    assert record.limits == {"sessions": 2, "quota": 1 << 30}
    assert [path.name for path in tmp_path.iterdir()] == ["users.toml"]


def test_adding_changes_nothing_else(path):
    """Comments, order and layout of the others survive."""
    add_user(path, "erin", {"password": HASH})
    assert path.read_text() == WRITTEN + f'\n[users.erin]\npassword = "{HASH}"\n'
    assert [user.name for user in list_users(path)] == ["alice", "bob", "carl x", "dora", "erin"]


def test_line_ends_stay(path):
    """A file written on Windows stays one."""
    path.write_bytes(WRITTEN.replace("\n", "\r\n").encode())
    set_password(path, "alice", OTHER_HASH)
    assert path.read_bytes() == WRITTEN.replace(HASH, OTHER_HASH).replace("\n", "\r\n").encode()


def test_a_new_password_changes_one_line(path):
    """Even the comment behind the old password stays."""
    set_password(path, "alice", OTHER_HASH)
    assert path.read_text() == WRITTEN.replace(HASH, OTHER_HASH)


def test_a_user_without_password_gets_one(path):
    """``user passwd`` works for users that had none."""
    set_password(path, "bob", OTHER_HASH)
    assert read_user_file(path).users["bob"].password == OTHER_HASH
    assert "# both" in path.read_text()


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("alice", ["[users.alice]   # the boss\n", f'password = "{HASH}"  # changed in May\n']),
        ("bob", ["[users.bob]\n", 'groups = ["shop",\n   "night"]     # both\n']),
        ("carl x", ['[users."carl x"]\n', 'limits = { quota = "1 GiB" }\n']),
        ("dora", ["[users.dora]\n[users.dora.limits]\nquota = 5\n"]),
    ],
)
def test_removing_a_user_keeps_the_words_about_others(path, name, gone):
    """What stands above the next user is still there when one is gone."""
    remove_user(path, name)
    assert path.read_text() == without(*gone)
    assert name not in read_user_file(path).users


def test_removing_all_users_one_by_one(path):
    """Every step leaves a good file."""
    for left, name in ((3, "bob"), (2, "dora"), (1, "alice"), (0, "carl x")):
        remove_user(path, name)
        assert len(list_users(path)) == left
    add_user(path, "erin", {"password": HASH})
    assert [user.name for user in list_users(path)] == ["erin"]
    assert "# Our users" in path.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "[users.alice]\n[users.bob]\n[users.alice.limits]\nquota = 1\n",
        "[users]\nalice = { disabled = true }\nbob = {}\n",
        "users = { alice = { disabled = true }, bob = {} }\n",
        "[users.bob]\n[users.alice]\n",
        "\n[users.alice]",
        '[users.alice]\ngreeting = """\nhello\n# no comment"""\n[users.bob]\n',
    ],
)
def test_other_ways_of_writing_toml(tmp_path, text):
    """However people wrote the file, what comes out means what was asked for."""
    path = tmp_path / "users.toml"
    path.write_text(text)
    before = set(read_user_file(path).users)
    add_user(path, "erin", {"disabled": True, "limits": {"quota": 1}})
    assert set(read_user_file(path).users) == before | {"erin"}
    remove_user(path, "alice")
    assert set(read_user_file(path).users) == before - {"alice"} | {"erin"}


def test_layouts_that_can_not_be_kept_are_left_alone(tmp_path):
    """Where a change would come out wrong, the file stays as it is and the error says what to do."""
    text = "users.alice.disabled = true\nusers.bob.disabled = true\n"
    path = tmp_path / "users.toml"
    path.write_text(text)
    with pytest.raises(UserFileError, match=r"Write each user as \[users.name\]"):
        add_user(path, "erin", {"limits": {"quota": 1}})
    assert path.read_text() == text


def test_text_that_only_the_server_understands_is_left_alone(path, monkeypatch):
    """Should the layout-keeping parser ever choke on a file the server reads, the file stays as it is."""

    def choke(text):
        raise ParseError(1, 1)

    monkeypatch.setattr("tomlkit.parse", choke)
    with pytest.raises(UserFileError, match="make this change by hand"):
        set_password(path, "alice", OTHER_HASH)
    assert path.read_text() == WRITTEN


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: add_user(path, "alice", {}), "users.alice: there is such a user already"),
        (lambda path: add_user(path, "../x", {}), "users.../x: a name is no path"),
        (lambda path: add_user(path, "new", {"home": "relative"}), "users.new.home: this is no absolute path"),
        (lambda path: add_user(path, "new", {"password": "clear"}), "users.new.password: this is no Argon2 hash"),
        (lambda path: add_user(path, "new", {"nonsense": 1}), "users.new.nonsense: there is no such key"),
        (lambda path: set_password(path, "nobody", HASH), "users.nobody: there is no such user"),
        (lambda path: set_password(path, "bob", "clear"), "users.bob.password: this is no Argon2 hash"),
        (lambda path: remove_user(path, "nobody"), "users.nobody: there is no such user"),
    ],
)
def test_what_can_not_be_done_leaves_the_file_alone(path, change, words):
    """A refused change tells why; the server would never have been given a bad file."""
    with pytest.raises(UserFileError) as caught:
        change(path)
    assert words in str(caught.value)
    assert path.read_text() == WRITTEN
    assert [each.name for each in path.parent.iterdir()] == ["users.toml"]


def test_a_file_the_server_refuses_is_not_touched(path):
    """Nothing is added to a file that is broken already."""
    path.write_text("[users.alice]\nx = 1\n")
    with pytest.raises(UserFileError, match="no such key"):
        add_user(path, "bob", {})
    with pytest.raises(UserFileError, match="No such file"):
        remove_user(path.parent / "none.toml", "bob")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_owner_and_mode_stay(path):
    """The server, which runs as another user, can still read the file; others never can."""
    os.chown(path, 1234, 2345)
    path.chmod(0o644)
    set_password(path, "alice", OTHER_HASH)
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 2345, 0o640)


def test_a_symbolic_link_stays_one(path):
    """A file kept elsewhere and linked to is changed where it is."""
    link = path.parent / "sub" / "link.toml"
    link.parent.mkdir()
    link.symlink_to(path)
    remove_user(link, "dora")
    assert link.is_symlink()
    assert "dora" not in read_user_file(path).users


def test_a_failed_write_harms_nothing(path, monkeypatch):
    """When the disk is full, the old file is there in full and no rest lies about."""

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        remove_user(path, "dora")
    assert path.read_text() == WRITTEN
    assert [each.name for each in path.parent.iterdir()] == ["users.toml"]


def test_two_editors_at_once_lose_nothing(tmp_path):
    """Two administrators adding users at the same time end up with the users of both."""
    path = tmp_path / "users.toml"
    threads = [
        threading.Thread(target=lambda who=who: [add_user(path, f"{who}{n}", {}) for n in range(10)]) for who in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {user.name for user in list_users(path)} == {f"{who}{n}" for who in "ab" for n in range(10)}
