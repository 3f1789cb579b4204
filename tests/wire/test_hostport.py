"""PORT, PASV, EPRT and EPSV: addresses in and out (B8, B9, E1 to E5)."""

import pytest

from ftpstwist.wire.errors import ArgumentError, ArgumentSyntaxError
from ftpstwist.wire.hostport import (
    HostPort,
    HostPortError,
    UnsupportedProtocol,
    epsv_text,
    normal_host,
    parse_eprt,
    parse_epsv,
    parse_port,
    pasv_text,
    render_port,
)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        pytest.param("127,0,0,1,200,3", HostPort("127.0.0.1", 51203), id="plain"),
        pytest.param("255,255,255,255,255,255", HostPort("255.255.255.255", 65535), id="largest"),
        pytest.param("0,0,0,0,0,0", HostPort("0.0.0.0", 0), id="smallest"),
        pytest.param("010,001,000,009,004,001", HostPort("10.1.0.9", 1025), id="leading-zeros-are-decimal"),
    ],
)
def test_port_is_read(argument, expected):
    """Active mode works with every way clients write six numbers."""
    assert parse_port(argument) == expected


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "1,2,3",
        "1,2,3,4,5",
        "1,2,3,4,5,6,7",
        "1,2,3,4,5,256",
        "256,2,3,4,5,6",
        "1,2,3,4,5,-6",
        "1,2,3,4,5,+6",
        "1, 2,3,4,5,6",
        "1,2,3,4,5,6 ",
        "1,2,3,4,5,6\n",
        "1,2,3,4,5,",
        "a,2,3,4,5,6",
        "1,2,3,4,5,٣",  # a digit, though not of ours
        "1,2,3,4,5,0006",
        "(1,2,3,4,5,6)",
    ],
)
def test_malformed_port_is_a_syntax_error(argument):
    """A broken PORT is a 501, never a connection to somewhere else and never a traceback (B8)."""
    with pytest.raises(HostPortError):
        parse_port(argument)


def test_pasv_text_is_what_clients_look_for():
    """A 227 reply holds the six numbers in parentheses (B9)."""
    assert pasv_text(HostPort("192.0.2.7", 51203)) == "Entering Passive Mode (192,0,2,7,200,3)"


@pytest.mark.parametrize("host", ["::1", "example.org", "1.2.3"])
def test_only_ipv4_fits_into_pasv(host):
    """A 227 reply can never carry half an address."""
    with pytest.raises(HostPortError):
        render_port(HostPort(host, 1))


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        pytest.param("|1|132.235.1.2|6275|", HostPort("132.235.1.2", 6275), id="rfc-example-ipv4"),
        pytest.param("|2|1080::8:800:200C:417A|5282|", HostPort("1080::8:800:200c:417a", 5282), id="rfc-example-ipv6"),
        pytest.param("$1$10.0.0.1$1025$", HostPort("10.0.0.1", 1025), id="E1-dollar"),
        pytest.param("!1!10.0.0.1!1025!", HostPort("10.0.0.1", 1025), id="E1-exclamation"),
        pytest.param("~2~::1~1025~", HostPort("::1", 1025), id="E1-tilde"),
        pytest.param("%1%10.0.0.1%1025%", HostPort("10.0.0.1", 1025), id="E1-percent"),
        pytest.param(":1:10.0.0.1:1025:", HostPort("10.0.0.1", 1025), id="E1-colon-with-ipv4"),
        pytest.param(".2.::1.1025.", HostPort("::1", 1025), id="E1-point-with-ipv6"),
        pytest.param("|2|::ffff:10.0.0.1|1025|", HostPort("10.0.0.1", 1025), id="mapped-is-ipv4"),
        pytest.param("|1|10.0.0.1|0|", HostPort("10.0.0.1", 0), id="port-0-is-judged-elsewhere"),
    ],
)
def test_eprt_is_read(argument, expected):
    """Active mode works over IPv4 and IPv6 with any delimiter (E1)."""
    assert parse_eprt(argument) == expected


@pytest.mark.parametrize(
    "argument",
    [
        pytest.param("", id="empty"),
        pytest.param("|1|10.0.0.1|1025", id="no-last-delimiter"),
        pytest.param("|1|10.0.0.1|1025||", id="one-too-many"),
        pytest.param("|1|10.0.0.1|65536|", id="port-too-large"),
        pytest.param("|1|10.0.0.1||", id="no-port"),
        pytest.param("|||1025|", id="form-of-229"),
        pytest.param("|1|::1|1025|", id="ipv6-called-ipv4"),
        pytest.param("|2|10.0.0.1|1025|", id="ipv4-called-ipv6"),
        pytest.param("|1|10.0.0.256|1025|", id="no-address"),
        pytest.param("|1|localhost|1025|", id="name"),
        pytest.param("|2|fe80::1%eth0|1025|", id="zone"),
        pytest.param("|x|10.0.0.1|1025|", id="protocol-no-number"),
        pytest.param(" 1 10.0.0.1 1025 ", id="E1-space-is-no-delimiter"),
        pytest.param("ä1ä10.0.0.1ä1025ä", id="E1-not-ascii"),
        pytest.param("|1|10.0.0.1|1025|\n", id="line-feed"),
    ],
)
def test_malformed_eprt_is_a_syntax_error(argument):
    """A broken EPRT is a 501, and nothing is connected to (E3)."""
    with pytest.raises(HostPortError):
        parse_eprt(argument)


@pytest.mark.parametrize(
    ("argument", "supported", "text"),
    [
        pytest.param("|3|x|1025|", (1, 2), "Network protocol not supported, use (1,2)", id="E2-unknown"),
        pytest.param("|2|::1|1025|", (1,), "Network protocol not supported, use (1)", id="E2-no-ipv6-here"),
        pytest.param("|1|10.0.0.1|1025|", (2,), "Network protocol not supported, use (2)", id="E2-no-ipv4-here"),
    ],
)
def test_protocol_that_does_not_work_names_those_that_do(argument, supported, text):
    """A client learns from the 522 reply which protocol to use instead, and only from its parentheses (E2)."""
    with pytest.raises(UnsupportedProtocol) as caught:
        parse_eprt(argument, supported=supported)
    assert caught.value.text == text
    assert caught.value.supported == supported


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("", ""), ("1", "1"), ("2", "2"), ("ALL", "ALL"), ("all", "ALL"), (" 1 ", "1"), ("01", "1")],
)
def test_epsv_is_read(argument, expected):
    """Passive mode works with every form of RFC 2428 section 3."""
    assert parse_epsv(argument) == expected


@pytest.mark.parametrize("argument", ["x", "1 2", "-1", "ALL1", "123456", "²"])
def test_malformed_epsv_is_a_syntax_error(argument):
    """A broken EPSV is a 501."""
    with pytest.raises(HostPortError):
        parse_epsv(argument)


@pytest.mark.parametrize(("argument", "supported"), [("3", (1, 2)), ("2", (1,)), ("1", (2,))])
def test_epsv_with_a_protocol_that_does_not_work(argument, supported):
    """The client is told to ask otherwise instead of waiting for a port it can not reach (E5)."""
    with pytest.raises(UnsupportedProtocol):
        parse_epsv(argument, supported=supported)


def test_epsv_text_is_exact():
    """A 229 reply is the string that EPRT needs (E4)."""
    assert epsv_text(6446) == "Entering Extended Passive Mode (|||6446|)"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_has_one_name(host, expected):
    """The peer of a data connection is recognised, bans and limits hold, whatever form the address has (K4)."""
    assert normal_host(host) == expected


@pytest.mark.parametrize("host", ["", "localhost", "1.2.3", "1.2.3.4.5", "::1::", "01.2.3.4"])
def test_what_is_no_address_has_no_normal_form(host):
    """A name is never mistaken for an address."""
    with pytest.raises(HostPortError):
        normal_host(host)


def test_errors_say_which_reply_fits():
    """The server-PI maps the three kinds to 501, 504 and 522 without looking at texts."""
    assert issubclass(HostPortError, ArgumentSyntaxError)
    assert issubclass(UnsupportedProtocol, ArgumentError)
    assert not issubclass(UnsupportedProtocol, ArgumentSyntaxError)
