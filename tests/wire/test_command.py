"""A line of the control connection becomes a verb and an argument (B34, I3)."""

import pytest

from ftpstwist.wire.command import Command, CommandSyntaxError, parse_command
from ftpstwist.wire.pathname import encode_name


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b"NOOP", Command("NOOP", ""), id="verb-alone"),
        pytest.param(b"noop", Command("NOOP", ""), id="lower-case"),
        pytest.param(b"PwD ", Command("PWD", ""), id="space-behind-verb-forgiven"),
        pytest.param(b"STOR a", Command("STOR", "a"), id="one-space"),
        pytest.param(b"STOR   a", Command("STOR", "  a"), id="B34-further-spaces-belong-to-name"),
        pytest.param(b" STOR   a", Command("STOR", "  a"), id="B34-space-before-verb"),
        pytest.param(b"RETR a  ", Command("RETR", "a  "), id="I3-trailing-spaces-belong-to-name"),
        pytest.param(b"CWD a\tb", Command("CWD", "a\tb"), id="tab-belongs-to-name"),
        pytest.param(b"STOR a\r\nb", Command("STOR", "a\r\nb"), id="I4-line-break-inside-name-stays"),
        pytest.param(b"MKD \xc3\xa4", Command("MKD", "ä"), id="utf-8"),
        pytest.param(b"MKD \xe4", Command("MKD", "\udce4"), id="I2-not-utf-8"),
        pytest.param(b"XSHA256 a", Command("XSHA256", "a"), id="digits-in-verb"),
        pytest.param(b"\xffABOR", Command("ABOR", ""), id="T23-iac-left-over-from-synch"),
        pytest.param(b"GET / HTTP/1.1", Command("GET", "/ HTTP/1.1"), id="K2-other-protocol-is-still-a-line"),
        pytest.param(b"A" * 16, Command("A" * 16, ""), id="longest-verb"),
    ],
)
def test_line_is_split_at_its_first_space(line, expected):
    """Names with spaces, foreign octets and even line breaks reach the command as the client meant them."""
    assert parse_command(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"   ", id="only-spaces"),
        pytest.param(b"\x16\x03\x01\x02\x00", id="K3-client-hello"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2", id="K2-ssh-banner"),
        pytest.param(b"\xc3\xa4\xc3\xb6 x", id="not-ascii"),
        pytest.param(b"1NOOP", id="digit-first"),
        pytest.param(b"STOR\ta", id="tab-as-separator"),
        pytest.param(b"NOOP\0", id="nul"),
        pytest.param(b"NOOP\n", id="line-feed-behind-verb"),
        pytest.param(b"A" * 17, id="verb-too-long"),
    ],
)
def test_line_without_verb_is_refused_and_kept_secret(line):
    """Garbage is a 500, and the exception can be logged though the line may have been a password."""
    with pytest.raises(CommandSyntaxError) as caught:
        parse_command(line)
    assert str(caught.value) == "not a command"


def test_repr_hides_the_argument():
    """No log line that shows a command can show a password."""
    assert repr(parse_command(b"PASS hunter2")) == "Command('PASS', …)"
    assert "hunter2" not in str(parse_command(b"PASS hunter2"))


def test_argument_gives_its_octets_back():
    """A password or name in any encoding is compared octet by octet with what was sent."""
    octets = bytes(range(1, 256))
    assert encode_name(parse_command(b"PASS " + octets).argument) == octets
