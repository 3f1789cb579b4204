"""Wildcards that can not be turned into a weapon (B24)."""

import pytest

from ftpstwist.wire.errors import ArgumentSyntaxError
from ftpstwist.wire.globbing import MAX_PATTERN_LENGTH, MAX_WILDCARDS, compile_glob, has_wildcards


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        pytest.param("a.txt", ["a.txt"], ["a.txt2", "xa.txt", "aXtxt", ""], id="literal"),
        pytest.param("*", ["", "a", ".a", "a\nb", "ä"], [], id="everything"),
        pytest.param("**", ["", "a"], [], id="two-stars"),
        pytest.param("*.txt", [".txt", "a.txt", "a.b.txt"], ["a.txt.gz", "atxt", "txt"], id="suffix"),
        pytest.param("a*", ["a", "ab"], ["", "ba"], id="prefix"),
        pytest.param("a*a", ["aa", "aba", "aaa"], ["a", "ab", ""], id="first-and-last-run-do-not-overlap"),
        pytest.param("a*b*c", ["abc", "axbxc", "abbcc"], ["acb", "ab", "axc"], id="run-between"),
        pytest.param("*ab*ab", ["abab", "ababab", "abxab"], ["ab", "abb"], id="run-twice"),
        pytest.param("?", ["a", "ä", "\udcff"], ["", "ab"], id="any-one"),
        pytest.param("*?a", ["xa", "xya"], ["a"], id="any-one-behind-star"),
        pytest.param("[abc]", ["a", "c"], ["d", "", "ab", "[abc]"], id="members"),
        pytest.param("[a-c]x", ["ax", "cx"], ["dx", "-x"], id="range"),
        pytest.param("[a-c-e]", ["a", "b", "c", "-", "e"], ["d"], id="hyphen-behind-range"),
        pytest.param("[!a-c]", ["d", "\n"], ["a", "b", ""], id="negated"),
        pytest.param("[^a]", ["^", "a"], ["b"], id="caret-is-a-member"),
        pytest.param("[]a]", ["]", "a"], ["b"], id="bracket-first-is-a-member"),
        pytest.param("[!]a]", ["b"], ["]", "a"], id="bracket-first-negated"),
        pytest.param("[", ["["], ["", "a"], id="open-bracket-alone"),
        pytest.param("[]", ["[]"], ["", "]"], id="empty-brackets-are-literal"),
        pytest.param("[!]", ["[!]"], ["a", "!"], id="empty-negated-brackets-are-literal"),
        pytest.param("[abc", ["[abc"], ["a"], id="never-closed"),
        pytest.param("[c-a]", [], ["a", "b", "c", "-", ""], id="range-backwards-has-no-members"),
        pytest.param("*[c-a]", [], ["a", ""], id="range-backwards-at-the-end"),
        pytest.param("[!c-a]", ["a", "z"], ["", "ab"], id="range-backwards-negated-has-all"),
        pytest.param("[*]", ["*"], ["a"], id="star-in-brackets-is-literal"),
        pytest.param("[?]*", ["?", "?a"], ["a"], id="question-mark-in-brackets-is-literal"),
        pytest.param("a.+(b)|\\^$", ["a.+(b)|\\^$"], ["aa"], id="nothing-else-is-special"),
        pytest.param("[&&||~~--[]x", ["&x", "|x", "~x", "[x"], ["ax"], id="no-set-operations"),
        pytest.param("A*", ["Ab"], ["ab"], id="cases-differ"),
    ],
)
def test_pattern_matches_as_in_the_shell(pattern, matching, others):
    """Users get from LIST and mget what they know from their shell."""
    matches = compile_glob(pattern)
    assert [name for name in matching if not matches(name)] == []
    assert [name for name in others if matches(name)] == []


@pytest.mark.parametrize(("text", "expected"), [("a", False), ("a*", True), ("a?", True), ("[a", True), ("a]", False)])
def test_names_without_wildcards_are_told_apart(text, expected):
    """An ordinary name is looked up, not searched for."""
    assert has_wildcards(text) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("a" * (MAX_PATTERN_LENGTH + 1), id="too-long"),
        pytest.param("a*" * (MAX_WILDCARDS + 1), id="too-many-stars"),
        pytest.param("?" * (MAX_WILDCARDS + 1), id="too-many-question-marks"),
    ],
)
def test_pattern_beyond_the_limits_is_refused(pattern):
    """A pattern made to burn CPU is a 501 (CVE-2011-0762, CVE-2010-2632)."""
    with pytest.raises(ArgumentSyntaxError):
        compile_glob(pattern)


def test_pattern_at_the_limits_is_taken():
    """Honest patterns are nowhere near the limits."""
    assert compile_glob("a" * MAX_PATTERN_LENGTH)("a" * MAX_PATTERN_LENGTH)
    assert compile_glob("a*" * MAX_WILDCARDS)("a" * MAX_WILDCARDS)


def test_evil_pattern_does_no_harm():
    """What takes other servers until doomsday is answered at once: backtracking would not end within the suite."""
    matches = compile_glob("a*" * 31 + "b")
    assert not any(matches("a" * 254 + "c") for _ in range(100))
