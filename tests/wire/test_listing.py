"""Lines of LIST, NLST, MLST and MLSD (B24, B25, L7 to L12)."""

import calendar
import os
import subprocess

import pytest

from ftpstwist.wire.entry import Entry, EntryKind
from ftpstwist.wire.listing import (
    CURRENT_DIRECTORY,
    DEFAULT_FACTS,
    FACTS,
    PARENT_DIRECTORY,
    fact_lines,
    fact_text,
    feature_of_facts,
    is_listable,
    long_lines,
    name_lines,
    option_of_facts,
)

NOW = calendar.timegm((2024, 3, 1, 12, 0, 0))
HALF_A_YEAR = 15_778_476
FILE = Entry(
    "a b.txt",
    EntryKind.FILE,
    size=1234,
    modified=calendar.timegm((2024, 1, 2, 15, 4, 5)),
    mode=0o644,
    owner="alice",
    group="users",
    unique="5f3a",
)
DIRECTORY = Entry("sub", EntryKind.DIRECTORY, modified=0, mode=0o755, links=3, unique="77")
ALL = frozenset({"read", "write", "create", "delete", "rename", "list"})


def entry_at(modified):
    return Entry("x", EntryKind.FILE, modified=modified)


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        pytest.param(FILE, b"-rw-r--r--   1 alice    users        1234 Jan  2 15:04 a b.txt\r\n", id="file"),
        pytest.param(DIRECTORY, b"drwxr-xr-x   3 ftp      ftp             0 Jan  1  1970 sub\r\n", id="directory"),
        pytest.param(
            Entry("x", EntryKind.LINK, modified=NOW, mode=0o777),
            b"lrwxrwxrwx   1 ftp      ftp             0 Mar  1 12:00 x -> ?\r\n",
            id="L12-link-that-leads-nowhere",
        ),
        pytest.param(
            Entry("x", EntryKind.OTHER, modified=NOW, mode=0o600),
            b"prw-------   1 ftp      ftp             0 Mar  1 12:00 x\r\n",
            id="K10-device-or-pipe",
        ),
        pytest.param(
            Entry("\udce4ä", EntryKind.FILE, size=5_000_000_000, modified=NOW, owner="a-very-long-name", links=1000),
            b"-rw-r--r-- 1000 a-very-long-name ftp      5000000000 Mar  1 12:00 \xe4\xc3\xa4\r\n",
            id="columns-grow",
        ),
        pytest.param(
            Entry("x", EntryKind.FILE, modified=NOW, owner="domain users\r\n", group=""),
            b"-rw-r--r--   1 domain_users__ ?               0 Mar  1 12:00 x\r\n",
            id="owner-is-one-word",
        ),
    ],
)
def test_long_line_is_that_of_ls(entry, line):
    """Every client reads the listing, whatever a directory holds (B24)."""
    assert long_lines([entry], NOW) == line


@pytest.mark.parametrize(
    ("modified", "date"),
    [
        pytest.param(NOW, b"Mar  1 12:00", id="now"),
        pytest.param(NOW + 1, b"Mar  1  2024", id="future"),
        pytest.param(NOW - HALF_A_YEAR + 1, b"Aug 31 21:05", id="less-than-half-a-year"),
        pytest.param(NOW - HALF_A_YEAR, b"Aug 31  2023", id="half-a-year"),
        pytest.param(-1, b"Dec 31  1969", id="before-the-epoch"),
        pytest.param(2**62, b"Dec 31  9999", id="absurd"),
    ],
)
def test_date_shows_time_or_year(modified, date):
    """Clients that guess the year from the form of the date guess right."""
    assert date in long_lines([entry_at(modified)], NOW)


@pytest.mark.parametrize(
    ("mode", "letters"),
    [
        (0o000, b"----------"),
        (0o777, b"-rwxrwxrwx"),
        (0o124, b"---x-w-r--"),
        (0o7777, b"-rwsrwsrwt"),
        (0o7000, b"---S--S--T"),
    ],
)
def test_permissions_are_the_letters_of_ls(mode, letters):
    """Users see the mode they set with SITE CHMOD."""
    assert long_lines([Entry("x", EntryKind.FILE, mode=mode)], NOW).startswith(letters + b" ")


@pytest.mark.parametrize("mode", [0o644, 0o4755, 0o1600, 0o2070])
def test_long_line_agrees_with_the_real_ls(tmp_path, mode):
    """What clients were taught by ls they find here."""
    path = tmp_path / "a b"
    path.write_bytes(b"12345")
    path.chmod(mode)
    os.utime(path, (86400 * 1.5, 86400 * 1.5))
    status = path.stat()
    shown = subprocess.run(
        ["ls", "-ln", path.name],
        cwd=tmp_path,
        env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        capture_output=True,
        check=True,
    ).stdout
    entry = Entry(
        path.name,
        EntryKind.FILE,
        size=status.st_size,
        modified=int(status.st_mtime),
        mode=status.st_mode & 0o7777,
        owner=str(status.st_uid),
        group=str(status.st_gid),
        links=status.st_nlink,
    )
    assert long_lines([entry], NOW).split() == shown.split()


def test_long_line_shows_another_name():
    """LIST of one file shows the pathname that was asked for."""
    assert long_lines([FILE], NOW, "/d/").endswith(b" /d/a b.txt\r\n")


def test_name_line_is_the_name():
    """The lines of NLST are names that RETR takes, octet for octet (B25)."""
    assert name_lines(["ä\udce4 "], "d/") == b"d/\xc3\xa4\xe4 \r\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a b", True),
        ("ä\udc80\udcff", True),
        ("a\tb\x1b", True),
        ("a\rb", False),
        ("a\nb", False),
        ("a\0", False),
        ("\ud800", False),
    ],
)
def test_names_that_would_break_a_listing_are_told(name, expected):
    """Nobody can slip a line into someone else's listing (B32)."""
    assert is_listable(name) is expected


def test_fact_line_of_a_file():
    """Clients get everything about a file without a second question (L8)."""
    assert fact_lines([FILE], FACTS, ALL) == (
        b"type=file;size=1234;modify=20240102150405;perm=adfrw;unique=5f3a;"
        b"UNIX.mode=0644;UNIX.owner=alice;UNIX.group=users; a b.txt\r\n"
    )


def test_what_one_line_needs_changes_no_other():
    """Tokens are looked at together, and times remembered from line to line."""
    entries = [
        Entry(name, EntryKind.FILE, modified=modified, unique=unique)
        for name, modified, unique in (("a", 60, "1"), ("b", 60, "2;"), ("c", 0, ""), ("d", 60, "4"))
    ]
    assert fact_lines(entries, ("modify", "unique"), ALL) == (
        b"modify=19700101000100;unique=1; a\r\n"
        b"modify=19700101000100;unique=2_; b\r\n"
        b"modify=19700101000000; c\r\n"
        b"modify=19700101000100;unique=4; d\r\n"
    )


def test_fact_lines_of_several():
    """Many lines made at once are those made one by one; a rule for one name changes its line alone."""
    both = fact_lines([FILE, DIRECTORY, FILE], ("size", "perm"), ALL, {DIRECTORY.name: frozenset()})
    file = fact_lines([FILE], ("size", "perm"), ALL)
    assert both == file + f"perm=e; {DIRECTORY.name}\r\n".encode() + file


def test_fact_line_of_a_directory():
    """A directory has no size: what does not apply is left out (L8)."""
    assert fact_lines([DIRECTORY], DEFAULT_FACTS, ALL) == (
        b"type=dir;modify=19700101000000;perm=cdeflmp;unique=77;UNIX.mode=0755;UNIX.owner=ftp;UNIX.group=ftp; sub\r\n"
    )


@pytest.mark.parametrize(
    ("entry", "facts", "text"),
    [
        pytest.param(FILE, (), " a b.txt", id="L10-no-facts-one-space"),
        pytest.param(FILE, ("size", "type"), "type=file;size=1234; a b.txt", id="L10-selected"),
        pytest.param(Entry("x", EntryKind.LINK), ("type", "size"), "type=OS.unix=slink; x", id="L12-link"),
        pytest.param(Entry("x", EntryKind.OTHER), ("type", "size"), "type=OS.unix=special; x", id="special"),
        pytest.param(Entry("x", EntryKind.FILE), ("unique", "size"), "size=0; x", id="L8-unknown-unique-left-out"),
        pytest.param(
            Entry("x", EntryKind.FILE, unique="a/+ ;{0}é"), ("unique",), "unique=a/+___0__; x", id="one-token"
        ),
        pytest.param(
            Entry("x", EntryKind.FILE, owner="{0} a;b", group=""),
            ("UNIX.owner", "UNIX.group"),
            "UNIX.owner=_0__a_b; x",
            id="L8-owner-is-one-token",
        ),
        pytest.param(Entry("{1}", EntryKind.FILE), ("type",), "type=file; {1}", id="braces-in-a-name"),
    ],
)
def test_facts_are_those_asked_for_and_apply(entry, facts, text):
    """No fact can tear the line apart, none is given that was not asked for (L8, L10)."""
    assert fact_text(entry, facts, ALL) == text


def test_fact_text_shows_another_name_and_type():
    """MLST shows whole pathnames, MLSD where it is (L6, L7)."""
    assert fact_text(DIRECTORY, ("type",), ALL, name="/sub") == "type=dir; /sub"
    assert fact_text(DIRECTORY, ("type",), ALL, name=".", type_=CURRENT_DIRECTORY) == "type=cdir; ."
    assert fact_text(DIRECTORY, ("type",), ALL, name="..", type_=PARENT_DIRECTORY) == "type=pdir; .."


@pytest.mark.parametrize(
    ("kind", "words", "letters"),
    [
        (EntryKind.FILE, "", ""),
        (EntryKind.FILE, "read", "r"),
        (EntryKind.FILE, "write", "aw"),
        (EntryKind.FILE, "delete", "d"),
        (EntryKind.FILE, "rename", "f"),
        (EntryKind.FILE, "create list", ""),
        (EntryKind.DIRECTORY, "", "e"),
        (EntryKind.DIRECTORY, "list", "el"),
        (EntryKind.DIRECTORY, "create", "cem"),
        (EntryKind.DIRECTORY, "delete", "dep"),
        (EntryKind.DIRECTORY, "rename", "ef"),
        (EntryKind.DIRECTORY, "read write", "e"),
        (EntryKind.LINK, "read write create delete rename list", "df"),
        (EntryKind.OTHER, "read write create delete rename list", "df"),
    ],
)
def test_perm_fact_follows_the_permissions(kind, words, letters):
    """Clients grey out what would be refused anyway (L8)."""
    assert fact_text(Entry("x", kind), ("perm",), frozenset(words.split())) == f"perm={letters}; x"


def test_root_can_be_neither_deleted_nor_renamed():
    """No client offers what can never work."""
    assert fact_text(Entry("", EntryKind.DIRECTORY), ("perm",), ALL) == "perm=celmp; "


def test_nothing_allowed_is_said_so():
    """An empty perm fact is a statement, not a fact left out."""
    assert fact_text(Entry("x", EntryKind.FILE), ("perm",), frozenset()) == "perm=; x"


def test_feature_line_marks_the_facts_in_use():
    """Clients see in FEAT what OPTS MLST did (L10, L14)."""
    assert feature_of_facts(("type", "size")) == (
        "MLST type*;size*;modify;perm;unique;UNIX.mode;UNIX.owner;UNIX.group;"
    )
    assert feature_of_facts(DEFAULT_FACTS).count("*") == len(DEFAULT_FACTS)


@pytest.mark.parametrize(("facts", "text"), [((), "MLST OPTS"), (("type", "size"), "MLST OPTS type;size;")])
def test_answer_to_opts_is_exact(facts, text):
    """Clients that compare the answer with RFC 3659 section 7.9.1 are content (L10)."""
    assert option_of_facts(facts) == text


def test_entry_tells_its_kind():
    """CWD and RETR ask the entry and nobody else."""
    assert (FILE.is_file, FILE.is_directory, DIRECTORY.is_file, DIRECTORY.is_directory) == (True, False, False, True)
