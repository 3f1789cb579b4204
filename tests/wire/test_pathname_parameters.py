"""Arguments that hold a pathname and more (B24, B26, L2, X1, X9)."""

import pytest

from ftpstwist.wire.errors import ArgumentSyntaxError, ArgumentUnsupported
from ftpstwist.wire.pathname_parameters import (
    ChangedFacts,
    ListArgument,
    MdtmArgument,
    ModedPathname,
    PartOfFile,
    TimedPathname,
    parse_chmod,
    parse_digest,
    parse_list,
    parse_mdtm,
    parse_mff,
    parse_mfmt,
    parse_two_pathnames,
    parse_utime,
)

SECONDS = 1026940035  # 2002-07-17 21:07:15 UTC
STAMP = "20020717210715"


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        pytest.param(f"{STAMP} Fred.txt", TimedPathname(SECONDS, "Fred.txt"), id="X1-draft-example"),
        pytest.param(f"{STAMP}.250 a", TimedPathname(SECONDS + 0.25, "a"), id="fraction"),
        pytest.param(f"{STAMP}   a b ", TimedPathname(SECONDS, "  a b "), id="I3-spaces-belong-to-name"),
        pytest.param(f"{STAMP} a\nb", TimedPathname(SECONDS, "a\nb"), id="line-feed-is-for-pathname-to-refuse"),
    ],
)
def test_mfmt_is_read(argument, expected):
    """Synchronising clients can set the time of any name."""
    assert parse_mfmt(argument) == expected


@pytest.mark.parametrize(
    "argument", ["", "a", STAMP, f"{STAMP} ", f"{STAMP}a", "2002071721071 a", "20020229210715 a", f" {STAMP} a"]
)
def test_malformed_mfmt_is_a_syntax_error(argument):
    """A wrong date is a 501, as the draft demands (X1)."""
    with pytest.raises(ArgumentSyntaxError):
        parse_mfmt(argument)


@pytest.mark.parametrize(
    ("argument", "change"),
    [
        pytest.param("a b", None, id="L1-name"),
        pytest.param(f"{STAMP} a", TimedPathname(SECONDS, "a"), id="L2-time-and-name-or-name"),
        pytest.param(STAMP, None, id="L1-name-of-fourteen-digits"),
        pytest.param(f"{STAMP}.txt", None, id="L1-name-that-starts-with-fourteen-digits"),
        pytest.param("20021399210715 a", None, id="L2-no-date-so-a-name"),
        pytest.param("", None, id="empty"),
    ],
)
def test_mdtm_is_read_both_ways(argument, change):
    """A photo called after its date is found, and old clients can still set times (L2)."""
    assert parse_mdtm(argument) == MdtmArgument(argument, change)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        pytest.param("644 a", ModedPathname(0o644, "a"), id="three-digits"),
        pytest.param("0755  a b", ModedPathname(0o755, " a b"), id="four-digits-and-spaces"),
        pytest.param("7777 a", ModedPathname(0o7777, "a"), id="largest"),
        pytest.param("0 a", ModedPathname(0, "a"), id="smallest"),
    ],
)
def test_chmod_is_read(argument, expected):
    """SITE CHMOD takes the octal modes that clients send (X9)."""
    assert parse_chmod(argument) == expected


@pytest.mark.parametrize("argument", ["", "644", "644 ", "888 a", "u+x a", "00644 a", "-644 a", " 644 a", "٦44 a"])
def test_malformed_chmod_is_a_syntax_error(argument):
    """A mode that can not be right never reaches a file."""
    with pytest.raises(ArgumentSyntaxError):
        parse_chmod(argument)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        pytest.param("200207172107 a b", TimedPathname(SECONDS - 15, "a b"), id="minutes"),
        pytest.param("20020717210715 a", TimedPathname(SECONDS, "a"), id="seconds"),
        pytest.param(f"a b 20200101000000 {STAMP} 20200101000000 UTC", TimedPathname(SECONDS, "a b"), id="behind"),
        pytest.param(f"a 20200101000000 {STAMP} 20200101000000 utc", TimedPathname(SECONDS, "a"), id="behind-lower"),
        pytest.param(
            f"200207172107 20200101000000 {STAMP} 20200101000000 UTC",
            TimedPathname(SECONDS, "200207172107"),
            id="name-of-digits",
        ),
    ],
)
def test_utime_is_read_in_both_forms(argument, expected):
    """SITE UTIME works for the clients of either school (X9)."""
    assert parse_utime(argument) == expected


@pytest.mark.parametrize(
    "argument",
    ["", "a", "200207172107", "200213172107 a", "2002071721 a", f"a {STAMP} 20021399210715 {STAMP} UTC", "a b c d UTC"],
)
def test_malformed_utime_is_a_syntax_error(argument):
    """A time that can not be right never reaches a file."""
    with pytest.raises(ArgumentSyntaxError):
        parse_utime(argument)


@pytest.mark.parametrize(
    ("argument", "options", "pathname"),
    [
        pytest.param("", "", "", id="nothing"),
        pytest.param("-la", "la", "", id="options"),
        pytest.param("-l -a", "la", "", id="options-apart"),
        pytest.param("-la /", "la", "/", id="options-and-pathname"),
        pytest.param("-la /x y", "la", "/x y", id="B24-space-in-pathname"),
        pytest.param("-la  /x ", "la", " /x ", id="I3-further-spaces-belong-to-pathname"),
        pytest.param("-al dir", "la", "dir", id="other-order"),
        pytest.param("-a ", "a", "", id="space-behind-options"),
        pytest.param("-1Rtd *.txt", "1Rtd", "*.txt", id="all-of-ours"),
        pytest.param("-lZq x", "l", "x", id="unknown-letters-forgotten"),
        pytest.param("--all x", "", "x", id="long-option-forgotten"),
        pytest.param("-- -la", "", "-la", id="pathname-that-looks-like-options"),
        pytest.param("-l -- -la", "l", "-la", id="options-then-such-a-pathname"),
        pytest.param("--", "", "", id="end-of-options-alone"),
        pytest.param("-", "", "-", id="hyphen-is-a-name"),
        pytest.param("-2024 report", "", "-2024 report", id="hyphen-and-digits-are-a-name"),
        pytest.param("./-la", "", "./-la", id="hyphen-inside"),
        pytest.param("x -la", "", "x -la", id="options-come-first"),
        pytest.param(" -la", "", " -la", id="I3-leading-space-is-a-name"),
        pytest.param("*.txt", "", "*.txt", id="wildcard"),
    ],
)
def test_list_takes_the_options_of_ls(argument, options, pathname):
    """Clients that ask for ``LIST -la`` get a listing, and no name is out of reach (B24)."""
    assert parse_list(argument) == ListArgument(frozenset(options), pathname)


def test_list_with_a_line_full_of_options():
    """The longest line of options costs no more than any other."""
    assert parse_list("-l " * 2700 + "x") == ListArgument(frozenset("l"), "x")


@pytest.mark.parametrize(
    ("argument", "readings"),
    [
        ("a b", (PartOfFile("a b"),)),
        ("a 1 2", (PartOfFile("a 1 2"), PartOfFile("a", 1, 2))),
        ('"a b"', (PartOfFile('"a b"'), PartOfFile("a b"))),
        ('"a" 1 2', (PartOfFile('"a" 1 2'), PartOfFile('"a"', 1, 2), PartOfFile("a", 1, 2))),
        ('""', (PartOfFile('""'),)),
        ("a 1", (PartOfFile("a 1"),)),
    ],
)
def test_digest_is_read_in_all_ways(argument, readings):
    """X4: clients write parts and quotes as they like, and a name may look like that itself."""
    assert parse_digest(argument) == readings


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (f"Modify={STAMP};unix.MODE=0644; a b", ChangedFacts(SECONDS, 0o644, "a b")),
        (f"modify={STAMP}.250; a", ChangedFacts(SECONDS + 0.25, None, "a")),
        ("UNIX.mode=755;  a", ChangedFacts(None, 0o755, " a")),
    ],
)
def test_mff_is_read(argument, expected):
    """X2: one fact or several, in any case."""
    assert parse_mff(argument) == expected


@pytest.mark.parametrize(
    "argument", ["", "a", "modify=1; a", "modify= a", f"modify={STAMP} a", "UNIX.mode=8; a", "; a"]
)
def test_malformed_mff_is_a_syntax_error(argument):
    """X2: 501."""
    with pytest.raises(ArgumentSyntaxError):
        parse_mff(argument)


def test_unknown_facts_are_unsupported():
    """X2: 504, even beside one that is known."""
    with pytest.raises(ArgumentUnsupported):
        parse_mff(f"modify={STAMP};create={STAMP}; a")


@pytest.mark.parametrize(
    ("argument", "expected"), [("a b", ("a", "b")), ('"a b" "c"', ("a b", "c")), ('a" b"', ('a"', 'b"'))]
)
def test_two_pathnames_are_read(argument, expected):
    """X9: words, or both in quotes."""
    assert parse_two_pathnames(argument) == expected


@pytest.mark.parametrize("argument", ["", "a", "a b c", 'a "b c"', '"a b"', '"a" b'])
def test_other_numbers_of_pathnames_are_a_syntax_error(argument):
    """X9: 501, rather than a guess where the one ends."""
    with pytest.raises(ArgumentSyntaxError):
        parse_two_pathnames(argument)
