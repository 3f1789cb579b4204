"""Arguments that are no pathnames (B10 to B18, S5, S6, L10, I5, I6, H1, X7)."""

import pytest

from ftpstwist.wire import parameters
from ftpstwist.wire.errors import ArgumentSyntaxError, ArgumentUnsupported
from ftpstwist.wire.parameters import Hostname

GOOD = [
    pytest.param("parse_type", "A", "A", id="B10-type-A"),
    pytest.param("parse_type", "a n", "A", id="B10-type-A-N"),
    pytest.param("parse_type", "I", "I", id="B10-type-I"),
    pytest.param("parse_type", " i ", "I", id="B10-type-I-with-spaces"),
    pytest.param("parse_type", "L 8", "I", id="B10-type-L-8"),
    pytest.param("parse_type", "l 008", "I", id="B10-type-L-008"),
    pytest.param("parse_structure", "f", "F", id="B11-stru-F"),
    pytest.param("parse_mode", "s", "S", id="B12-mode-S"),
    pytest.param("parse_restart_marker", "0", 0, id="B18-rest-0"),
    pytest.param("parse_restart_marker", "5000000000", 5_000_000_000, id="B18-rest-beyond-4-GB"),
    pytest.param("parse_restart_marker", "9223372036854775807", 2**63 - 1, id="B18-largest-marker"),
    pytest.param("parse_allocation", "1024", 1024, id="B17-allo"),
    pytest.param("parse_allocation", "1024 R 80", 1024, id="B17-allo-with-record-size"),
    pytest.param("parse_allocation", " 1024 r 80 ", 1024, id="B17-allo-with-spaces"),
    pytest.param("parse_buffer_size", "0", 0, id="T10-pbsz-0"),
    pytest.param("parse_buffer_size", "4294967295", 2**32 - 1, id="S5-pbsz-largest"),
    pytest.param("parse_protection_level", "p", "P", id="S6-prot-P"),
    pytest.param("parse_protection_level", "C", "C", id="S6-prot-C"),
    pytest.param("parse_protection_level", "S", "S", id="S6-prot-S"),
    pytest.param("parse_protection_level", "E", "E", id="S6-prot-E"),
    pytest.param("split_subcommand", "chmod 644  a b ", ("CHMOD", "644  a b "), id="B26-site-rest-untouched"),
    pytest.param("split_subcommand", "HELP", ("HELP", ""), id="B26-site-word-alone"),
    pytest.param("split_subcommand", "UTF-8 ON", ("UTF-8", "ON"), id="I6-opts-with-hyphen"),
    pytest.param("parse_fact_list", "", (), id="L10-names-only"),
    pytest.param("parse_fact_list", "type;size;", ("type", "size"), id="L10-two-facts"),
    pytest.param("parse_fact_list", "Size;TYPE", ("type", "size"), id="L10-any-case-own-order-no-last-semicolon"),
    pytest.param("parse_fact_list", "frogs;unix.MODE;lang;", ("UNIX.mode",), id="L10-unknown-ignored"),
    pytest.param("parse_fact_list", ";".join(["type"] * 1000), ("type",), id="L10-repeated"),
    pytest.param("parse_utf8_option", "ON", True, id="I6-utf8-on"),
    pytest.param("parse_utf8_option", "", True, id="I6-utf8-alone"),
    pytest.param("parse_utf8_option", "NLST", True, id="I6-utf8-nlst"),
    pytest.param("parse_utf8_option", " off ", False, id="I6-utf8-off"),
    pytest.param("parse_language", "", "", id="I5-lang-default"),
    pytest.param("parse_language", "en-US", "en-us", id="I5-lang-tag"),
    pytest.param("parse_language", "x-klingon", "x-klingon", id="I5-lang-private"),
    pytest.param("parse_client_id", "Name=BSD FTP; Version=7.3;", {"name": "BSD FTP", "version": "7.3"}, id="X7-csid"),
    pytest.param("parse_client_id", "NAME = a=b ;;", {"name": "a=b"}, id="X7-csid-sloppy"),
    pytest.param("parse_client_id", "a=", {"a": ""}, id="X7-csid-empty-value"),
    pytest.param("parse_hostname", "FTP.Example.ORG", Hostname("ftp.example.org", is_literal=False), id="H4-any-case"),
    pytest.param("parse_hostname", "xn--bcher-kva.example", Hostname("xn--bcher-kva.example", False), id="H4-a-label"),
    pytest.param("parse_hostname", "localhost", Hostname("localhost", False), id="H1-one-label"),
    pytest.param("parse_hostname", "192.0.2.1", Hostname("192.0.2.1", is_literal=True), id="H5-ipv4"),
    pytest.param("parse_hostname", "[2001:DB8::1]", Hostname("2001:db8::1", is_literal=True), id="H5-ipv6"),
    pytest.param("parse_hostname", "[::ffff:192.0.2.1]", Hostname("192.0.2.1", is_literal=True), id="H5-mapped"),
    pytest.param("parse_hostname", "a" * 63, Hostname("a" * 63, False), id="H1-longest-label"),
    pytest.param("parse_hostname", "a." * 126 + "a", Hostname("a." * 126 + "a", False), id="H1-longest-name"),
]

MALFORMED = [
    *[("parse_type", text) for text in ("", "X", "A X", "AN", "I N", "L", "L x", "L  8", "A\n", "ı", "A  N")],
    *[("parse_structure", text) for text in ("", "X", "FF", "F R", "ſ")],
    *[("parse_mode", text) for text in ("", "X", "SS", "ſ")],
    *[("parse_restart_marker", text) for text in ("", "x", "-1", "+1", "1.5", "1 2", "9223372036854775808", "1" * 20)],
    *[("parse_restart_marker", text) for text in ("٣", "1_000", "0x10", "1\n", "9" * 5000)],
    *[("parse_allocation", text) for text in ("", "x", "-1", "1 R", "1 R x", "1 X 2", "9223372036854775808")],
    *[("parse_buffer_size", text) for text in ("", "x", "-1", "4294967296", "0 0")],
    *[("parse_protection_level", text) for text in ("", "PP", "1", "P C", "ſ")],
    *[("split_subcommand", text) for text in ("", " HELP", "1", "ä", "HELP\tx", "x" * 33)],
    *[("parse_fact_list", text) for text in ("unique type;", "fish cakes;", " type;", ";;", "type;;", "x" * 65, "ä;")],
    *[("parse_utf8_option", text) for text in ("x", "ON OFF", "1")],
    *[("parse_language", text) for text in ("1", "en_US", "en-", "toolonglang", "en us", "en\n")],
    *[("parse_client_id", text) for text in ("", ";", "FileZilla", "=x;", "Name=a; b", "a=1;" * 33)],
    *[("parse_hostname", text) for text in ("", "a..b", ".a", "a.", "-a", "a-", "a_b", "a b", "a:21", "ftp://a")],
    *[("parse_hostname", text) for text in ("::1", "[::1", "[::1]:21", "[1.2.3.4]x", "[fe80::1%eth0]", "[::1::]")],
    *[
        ("parse_hostname", text)
        for text in ("1.2.3.256", "bücher.example", "user@a", "a" * 64, "a." * 127 + "a", "a\n")
    ],
]

UNSUPPORTED = [
    *[("parse_type", text) for text in ("E", "E N", "A T", "A C", "L 7", "L 36", "L 256")],
    *[("parse_structure", text) for text in ("R", "P")],
    *[("parse_mode", text) for text in ("B", "C", "Z")],
    *[("parse_protection_level", text) for text in ("X", "a")],
]


@pytest.mark.parametrize(("function", "argument", "expected"), GOOD)
def test_argument_is_read(function, argument, expected):
    """What clients really send is understood, whatever its case and the spaces around it."""
    assert getattr(parameters, function)(argument) == expected


@pytest.mark.parametrize(("function", "argument"), MALFORMED)
def test_malformed_argument_is_a_syntax_error(function, argument):
    """The client sees 501 and why, in words that hold nothing of what it sent (B31)."""
    with pytest.raises(ArgumentSyntaxError) as caught:
        getattr(parameters, function)(argument)
    assert caught.value.text
    assert caught.value.text.isprintable()
    assert not argument.strip() or len(argument) < 3 or argument not in caught.value.text


@pytest.mark.parametrize(("function", "argument"), UNSUPPORTED)
def test_argument_asks_for_what_is_not_done(function, argument):
    """The client sees 504: its grammar is right, the parameter is not implemented (B10 to B12, S6)."""
    with pytest.raises(ArgumentUnsupported):
        getattr(parameters, function)(argument)


def test_mode_z_only_where_it_is_supported():
    """MODE Z can be switched on without touching the grammar (X8)."""
    assert parameters.parse_mode("z", supported=("S", "Z")) == "Z"


def test_csid_at_the_cap():
    """A client may name itself at length, not without end."""
    fields = "".join(f"f{number}=x;" for number in range(32))
    assert len(parameters.parse_client_id(fields)) == 32


@pytest.mark.parametrize(("argument", "level"), [("Z LEVEL 0", 0), (" z  level 9 ", 9)])
def test_mode_option_is_read(argument, level):
    """X8: the level of MODE Z."""
    assert parameters.parse_mode_option(argument) == level


@pytest.mark.parametrize("argument", ["", "Z", "Z LEVEL", "Z LEVEL 10", "B LEVEL 1"])
def test_other_mode_options_are_a_syntax_error(argument):
    """X8: 501."""
    with pytest.raises(ArgumentSyntaxError):
        parameters.parse_mode_option(argument)


@pytest.mark.parametrize(
    ("argument", "error"), [("29", ArgumentUnsupported), ("61", ArgumentUnsupported), ("x", ArgumentSyntaxError)]
)
def test_seconds_out_of_range(argument, error):
    """X9: SITE IDLE can not go beyond what the operator allows."""
    with pytest.raises(error):
        parameters.parse_seconds(argument, least=30, most=60)
    assert [parameters.parse_seconds(text, least=30, most=60) for text in ("30", " 60 ")] == [30, 60]
