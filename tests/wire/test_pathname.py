"""The one path type (I1 to I4, L5; CVE classes of escaping paths)."""

import pytest

from ftpstwist.wire.pathname import (
    MAX_NAME_OCTETS,
    MAX_PATHNAME_OCTETS,
    ROOT,
    Pathname,
    PathnameError,
    decode_name,
    encode_name,
)

BASE = Pathname(("home", "me"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", ("home", "me"), id="empty-is-here"),
        pytest.param(".", ("home", "me"), id="dot"),
        pytest.param("a", ("home", "me", "a"), id="relative"),
        pytest.param("a/b/", ("home", "me", "a", "b"), id="trailing-slash"),
        pytest.param("/a//b/./c", ("a", "b", "c"), id="absolute-normalised"),
        pytest.param("/", (), id="root"),
        pytest.param("..", ("home",), id="dot-dot"),
        pytest.param("../../../../etc", ("etc",), id="K10-never-above-the-root"),
        pytest.param("/../..", (), id="L5-dot-dot-of-root-is-root"),
        pytest.param("a/../b", ("home", "me", "b"), id="dot-dot-inside"),
        pytest.param("...", ("home", "me", "..."), id="three-dots-are-a-name"),
        pytest.param(" a ", ("home", "me", " a "), id="I3-spaces"),
        pytest.param("a\rb", ("home", "me", "a\rb"), id="I4-carriage-return"),
        pytest.param("~root", ("home", "me", "~root"), id="tilde-is-a-name"),
        pytest.param("a\\..\\b", ("home", "me", "a\\..\\b"), id="backslash-is-no-separator"),
        pytest.param("\udcff", ("home", "me", "\udcff"), id="I2-not-utf-8"),
        pytest.param("x" * MAX_NAME_OCTETS, ("home", "me", "x" * MAX_NAME_OCTETS), id="longest-name"),
    ],
)
def test_pathname_is_read(text, expected):
    """Every way to write a path leads to one normal form below the root."""
    assert Pathname.parse(text, BASE).parts == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a\0b", id="nul"),
        pytest.param("a\nb", id="I4-line-feed"),
        pytest.param("x" * (MAX_NAME_OCTETS + 1), id="name-too-long"),
        pytest.param("ä" * 128, id="name-too-long-in-octets"),
        pytest.param("/abcdefg" * (MAX_PATHNAME_OCTETS // 8) + "x/y", id="pathname-too-long"),
        pytest.param("\ud800", id="no-octets-stand-for-it"),
    ],
)
def test_unusable_pathname_is_refused(text):
    """What no file system could hold is a clean error, not a traceback from below."""
    with pytest.raises(PathnameError):
        Pathname.parse(text)


def test_longest_pathname_is_taken():
    """The limit itself is still inside."""
    text = "/abcdefg" * (MAX_PATHNAME_OCTETS // 8)
    assert str(Pathname.parse(text)) == text


def test_pathname_without_base_starts_at_the_root():
    """A name alone is a name in the root."""
    assert Pathname.parse("a") == Pathname(("a",))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0", "a\n"])
def test_only_single_names_are_appended(name):
    """A storage back end that reports a wicked name can not lead anyone astray."""
    with pytest.raises(PathnameError):
        ROOT / name


def test_pathname_knows_its_relations():
    """Directory, name and root are told as users expect."""
    path = ROOT / "a" / "b"
    assert (str(path), path.name, path.parent, path.is_root) == ("/a/b", "b", Pathname(("a",)), False)
    assert (str(ROOT), ROOT.name, ROOT.parent, ROOT.is_root) == ("/", "", ROOT, True)


@pytest.mark.parametrize(
    ("path", "directory", "expected"),
    [("/a/b", "/a", True), ("/a", "/a", True), ("/a", "/", True), ("/ab", "/a", False), ("/a", "/a/b", False)],
)
def test_within_means_by_component(path, directory, expected):
    """A rule for /a says nothing about /ab (CVE-2015-1419 class)."""
    assert Pathname.parse(path).is_within(Pathname.parse(directory)) is expected


def test_no_octet_is_lost():
    """Names in any old encoding can be listed, fetched and deleted (I2)."""
    octets = bytes(range(256))
    assert encode_name(decode_name(octets)) == octets
