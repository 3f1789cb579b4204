"""The users file: what it may say, what it may not, and how it is read again."""

import os
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from ftpstwist.auth import userfile
from ftpstwist.auth.userfile import UserFile, read_user_file
from ftpstwist.auth.userrecord import (
    CertificateMode,
    UserFileError,
    UserRecord,
    name_objection,
    parse_octets,
    read_users,
)
from ftpstwist.session.identity import ALL_PERMISSIONS, NO_PERMISSIONS, Limits, Permission
from ftpstwist.wire.pathname import ROOT, Pathname
from tests.auth.neighbours import HASH, load_users, write_users

GOOD = f"""
    [users.alice]
    password = "{HASH}"
"""


def read(tmp_path, text):
    return read_user_file(write_users(tmp_path / "users.toml", text)).users


def complaints_of(tmp_path, text):
    with pytest.raises(UserFileError) as caught:
        read(tmp_path, text)
    return {complaint.key: complaint for complaint in caught.value.complaints}


def test_everything_a_user_can_have(tmp_path):
    """Each key of the documentation arrives in the account."""
    users = read(
        tmp_path,
        f"""
        [users.alice]
        password = "{HASH}"
        home = "/data/alice"
        groups = ["staff", "shop"]
        disabled = true
        greeting = "Hello\\nAlice"

        [users.alice.permissions]
        "/" = "read-only"
        "/in" = ["create", "list"]
        "/closed" = []

        [users.alice.limits]
        max_sessions = 3
        quota = "10 GiB"
        upload_rate = "5 MB"
        download_rate = "none"
        max_file_size = 0
        """,
    )
    alice = users["alice"]
    assert (alice.password, alice.home, alice.disabled) == (HASH, "/data/alice", True)
    assert alice.groups == {"staff", "shop"}
    assert alice.greeting == ("Hello", "Alice")
    assert replace(Limits(quota=9), **alice.limits) == Limits(3, 10 << 30, 5_000_000, None, 0)
    assert alice.permissions.at(ROOT) == {Permission.READ, Permission.LIST}
    assert alice.permissions.at(Pathname(("in", "x"))) == {Permission.CREATE, Permission.LIST}
    assert alice.permissions.at(Pathname(("closed",))) == NO_PERMISSIONS


def test_a_user_needs_nothing(tmp_path):
    """An empty table is a user to whom the server's defaults apply."""
    assert read(tmp_path, "[users.bob]\n")["bob"] == UserRecord("bob")
    assert read(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"all"', ALL_PERMISSIONS),
        ('"read-only"', {Permission.READ, Permission.LIST}),
        ('"none"', NO_PERMISSIONS),
        ('["read"]', {Permission.READ}),
        ("[]", NO_PERMISSIONS),
    ],
)
def test_permissions_for_everything(tmp_path, written, meant):
    """Words and lists are permissions from the root down."""
    assert read(tmp_path, f"[users.bob]\npermissions = {written}\n")["bob"].permissions.at(ROOT) == meant


def test_all_mistakes_are_told_at_once(tmp_path):
    """One start tells everything that is wrong, each with its key and what to do."""
    found = complaints_of(
        tmp_path,
        """
        [user.typo]
        [users.alice]
        password = "secret"
        home = "alice"
        groups_ = "x"
        zzz = 1
        groups = "staff"
        disabled = "no"
        greeting = 3
        permissions = { "in" = "all", "/a" = "everything", "/b" = "all", "/b/" = "all", "/\\u0000" = "all" }
        [users.alice.limits]
        max_sessions = 0
        quota = "10 gigs"
        upload_rate = 0
        download_rate = true
        max_folders = 3
        max_file_size = -1
        [users."../bob"]
        [users.carl.limits.quota]
        """,
    )
    assert set(found) == {
        "user",
        "users.alice.password",
        "users.alice.home",
        "users.alice.groups_",
        "users.alice.zzz",
        "users.alice.groups",
        "users.alice.disabled",
        "users.alice.greeting",
        "users.alice.permissions.in",
        "users.alice.permissions.'/a'",
        "users.alice.permissions.'/b/'",
        "users.alice.permissions.'/\\x00'",
        "users.alice.limits.max_sessions",
        "users.alice.limits.quota",
        "users.alice.limits.upload_rate",
        "users.alice.limits.download_rate",
        "users.alice.limits.max_folders",
        "users.alice.limits.max_file_size",
        "users.'../bob'",
        "users.carl.limits.quota",
    }
    assert found["users.alice.groups_"].remedy == "Write groups if that is meant"
    assert all(complaint.cause and complaint.remedy for complaint in found.values())
    shown = str(found["users.alice.password"])
    assert shown.startswith(f"{tmp_path}/users.toml: users.alice.password: this is no Argon2 hash. Set it with: ")


@pytest.mark.parametrize("text", ["users = 3\n", "[users]\nalice = 3\n", "[users.alice]\nlimits = 3\n"])
def test_a_table_has_to_be_one(tmp_path, text):
    """A value where a table belongs is a complaint, not a crash."""
    assert complaints_of(tmp_path, text)


def test_a_clear_password_is_not_repeated(tmp_path):
    """Who writes a password in clear does not find it in the log."""
    with pytest.raises(UserFileError) as caught:
        read(tmp_path, '[users.alice]\npassword = "open-sesame-99"\n')
    assert "open-sesame-99" not in str(caught.value)
    assert HASH not in repr(UserRecord("alice", password=HASH))


def test_text_that_is_not_toml(tmp_path):
    """A syntax error tells its line."""
    assert "line 2" in complaints_of(tmp_path, "[users.alice]\npassword = \n")[""].cause
    (tmp_path / "latin").write_bytes(b'[users."\xe9"]')
    with pytest.raises(UserFileError, match="not TOML"):
        read_user_file(tmp_path / "latin")


@pytest.mark.parametrize(
    ("name", "fits"),
    [("a", True), ("é x", True), ("a" * 255, True), ("a" * 256, False), ("é" * 128, False), ("", False)]
    + [(bad, False) for bad in [".", "..", "a/b", "/", "a\0", "a\n", "a\x1b[2J", "a\u2028b", "a\x85"]],
)
def test_names_are_safe_in_paths_and_logs(name, fits):
    """A name never leads out of the root and never breaks a line; 255 octets are the cap."""
    assert (name_objection(name) is None) == fits


@pytest.mark.parametrize(
    ("text", "octets"),
    [("0", 0), ("10", 10), ("10B", 10), ("2 kB", 2000), ("2 KiB", 2048), ("3MB", 3_000_000), ("1 TiB", 1 << 40)]
    + [(bad, None) for bad in ["", "ten", "-1", "1.5 GiB", "10 gib", "10  MB", "10 MB ", "9" * 19]],
)
def test_sizes(text, octets):
    """Sizes are what they say, and never guessed."""
    assert parse_octets(text) == octets


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["password", "home", "permissions", "groups", "limits", "disabled", "greeting", "x"]), json_like
    )
)
def test_no_value_whatsoever_crashes_the_reader(table):
    """Whatever a file holds, the answer is users or complaints."""
    complaints: tuple[object, ...] = ()
    users: dict[str, UserRecord] = {}
    try:
        users = read_users({"users": {"alice": table}}, "users.toml")
    except UserFileError as error:
        complaints = error.complaints
    assert bool(complaints) != bool(users)


# --- the file itself ------------------------------------------------------------------------------


def test_a_file_everybody_may_write_is_refused(tmp_path):
    """Nobody gets in by adding themselves to the file."""
    with pytest.raises(UserFileError, match="chmod o-w"):
        read_user_file(write_users(tmp_path / "users.toml", GOOD, 0o602))


def test_a_file_everybody_may_read_is_used_with_a_warning(tmp_path):
    """Hashes that everybody may read are worth a warning, not an outage."""
    path = write_users(tmp_path / "users.toml", GOOD, 0o644)
    with capturedLogs() as logs:
        UserFile(path, clock=Clock()).load()
    assert [event["log_level"].name for event in logs] == ["warn"]
    assert "chmod o-r" in formatEvent(logs[0])


def test_missing_file(tmp_path):
    """A wrong path is told as such."""
    with pytest.raises(UserFileError, match=r"can not be read: No such file.*Make it a file"):
        UserFile(tmp_path / "none.toml", clock=Clock()).load()


@pytest.mark.skipif(os.geteuid() != 0, reason="drops root's rights")
def test_file_the_server_may_not_read(tmp_path):
    """After privileges were dropped, an unreadable file is a complaint with a cause, not a traceback."""
    path = write_users(tmp_path / "users.toml", GOOD, 0o000)
    os.chown(tmp_path, 65534, 65534)
    for folder in (tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.setgid(65534)
        os.setuid(65534)
        try:
            read_user_file(path)
        except BaseException as error:
            os.write(writer, str(error).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader) as told:
        assert told.read() == f"{path}: it can not be read: Permission denied. Make it a file that the server may read."


def test_size_cap(tmp_path, monkeypatch):
    """A file at the cap is read, one octet more is refused."""
    path = write_users(tmp_path / "users.toml", GOOD)
    monkeypatch.setattr(userfile, "MAX_FILE_OCTETS", path.stat().st_size)
    assert set(read_user_file(path).users) == {"alice"}
    monkeypatch.setattr(userfile, "MAX_FILE_OCTETS", path.stat().st_size - 1)
    with pytest.raises(UserFileError, match="larger than"):
        read_user_file(path)


# --- reading again --------------------------------------------------------------------------------


def test_a_change_is_seen_after_a_second_at_most(tmp_path):
    """A new user can log in a second after the file was saved; the file is not looked at more often."""
    clock = Clock()
    users = load_users(tmp_path / "users.toml", GOOD, clock)
    users.refresh()
    write_users(tmp_path / "users.toml", GOOD + "[users.bob]\n".rjust(17))
    clock.advance(0.9)
    users.refresh()
    assert users.find("bob") is None
    clock.advance(0.1)
    users.refresh()
    assert users.find("bob") is not None


def test_a_clock_set_back_does_not_stop_the_looking(tmp_path):
    """After a step of the host's clock, changes are still seen."""
    clock = Clock()
    clock.advance(10_000)
    users = load_users(tmp_path / "users.toml", GOOD, clock)
    users.refresh()
    write_users(tmp_path / "users.toml", "[users.bob]\n")
    clock.rightNow -= 5000
    users.refresh()
    assert users.find("bob") is not None


@pytest.mark.parametrize("change", ["bad", "removed", "world-writable"])
def test_a_bad_file_changes_nothing(tmp_path, change):
    """A mistake in the file locks nobody out: the users stay, and the log says once what is wrong."""
    clock = Clock()
    path = tmp_path / "users.toml"
    users = load_users(path, GOOD, clock)
    if change == "bad":
        write_users(path, "[users.alice]\npassword = 'x'\ndisable = true\n")
    elif change == "removed":
        path.unlink()
    else:
        write_users(path, GOOD + "\n", 0o666)
    with capturedLogs() as logs:
        for _ in range(3):
            clock.advance(1)
            users.refresh()
    assert users.find("alice").password == HASH
    assert len(logs) == (2 if change == "bad" else 1)
    assert all(formatEvent(event).startswith("Users stay as they were: ") for event in logs)
    assert users.reload() is False
    write_users(path, "[users.bob]\n")
    assert users.reload() is True
    assert users.find("alice") is None


def test_load_tells_its_caller(tmp_path):
    """At start a bad file is an error; later the same file is kept out by ``reload``."""
    path = write_users(tmp_path / "users.toml", "[users.alice]\nx = 1\n")
    users = UserFile(path, clock=Clock())
    with pytest.raises(UserFileError):
        users.load()
    assert users.reload() is False


def test_many_threads_read_it_at_once(tmp_path):
    """Logins in several worker threads never see half a change."""
    clock = Clock()
    path = tmp_path / "users.toml"
    users = load_users(path, "[users.a]\n[users.b]\n", clock)
    seen: set[bool] = set()
    stop = threading.Event()

    def look():
        while not stop.is_set():
            clock.rightNow += 1
            users.refresh()
            seen.add(users.find("a") is not None)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(30):
        other = tmp_path / "new"
        write_users(other, f"[users.a]\n[users.b]\n[users.c{number}]\n")
        other.replace(path)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert seen == {True}


def test_certificates_of_a_user(tmp_path):
    """Fingerprints may be written as other programs print them; they are compared in one form."""
    digits = "0123456789ABCDEF" * 4
    colons = ":".join(digits[place : place + 2] for place in range(0, 64, 2))
    text = (
        f'[users.bob]\ncertificates = ["sha256:{colons}", "SPKI-SHA256:{digits}"]\ncertificate_mode = "certificate"\n'
    )
    bob = read(tmp_path, text)["bob"]
    assert bob.certificates == {f"sha256:{digits.lower()}", f"spki-sha256:{digits.lower()}"}
    assert bob.certificate_mode is CertificateMode.CERTIFICATE


@pytest.mark.parametrize(
    "written",
    [
        f'"sha256:{"0" * 64}"',
        f'["{"0" * 64}"]',
        f'["sha1:{"0" * 40}"]',
        f'["sha256:{"0" * 63}"]',
        f'["sha256:{"0" * 65}"]',
        f'["sha256:{"0" * 64}:"]',
        f'["sha256:{"0" * 62}zz"]',
        f'["sha256:{"0" * 64}", 1]',
        "[1]",
        "true",
    ],
)
def test_certificates_that_are_none(tmp_path, written):
    """A fingerprint with a slip of the pen would keep the user out, or let nobody know."""
    found = complaints_of(tmp_path, f'[users.bob]\ncertificates = {written}\ncertificate_mode = "cert"\n')
    assert set(found) == {"users.bob.certificates", "users.bob.certificate_mode"}
    assert "check-cert" in found["users.bob.certificates"].remedy
