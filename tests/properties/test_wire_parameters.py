"""Arguments: times and addresses come back, garbage is an error and nothing else."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftpstwist.wire import hostport, parameters, pathname_parameters
from ftpstwist.wire.errors import ArgumentError
from ftpstwist.wire.globbing import compile_glob
from ftpstwist.wire.hostport import HostPort
from ftpstwist.wire.time_val import parse_time_val, render_time_val

FEW = settings(max_examples=100, deadline=None)
ports = st.integers(0, 65535)
v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None)
delimiters = st.integers(33, 126).map(chr)
PARSERS = [
    parse_time_val,
    hostport.normal_host,
    hostport.parse_port,
    hostport.parse_eprt,
    hostport.parse_epsv,
    parameters.parse_type,
    parameters.parse_structure,
    parameters.parse_mode,
    parameters.parse_restart_marker,
    parameters.parse_allocation,
    parameters.parse_buffer_size,
    parameters.parse_protection_level,
    parameters.split_subcommand,
    parameters.parse_fact_list,
    parameters.parse_utf8_option,
    parameters.parse_language,
    parameters.parse_client_id,
    parameters.parse_hostname,
    pathname_parameters.parse_mfmt,
    pathname_parameters.parse_mdtm,
    pathname_parameters.parse_chmod,
    pathname_parameters.parse_utime,
    pathname_parameters.parse_list,
    compile_glob,
]


@FEW
@given(seconds=st.integers(-30610224000, 253402300799))
def test_time_comes_back(seconds):
    """A time set with MFMT is the time MDTM shows, for all years there are (L1, X1)."""
    assert parse_time_val(render_time_val(seconds)) == seconds


@FEW
@given(host=v4, port=ports)
def test_port_comes_back(host, port):
    """The address of a 227 reply is the address that was meant (B9)."""
    there = HostPort(str(host), port)
    assert hostport.parse_port(hostport.render_port(there)) == there


@FEW
@given(host=v4 | v6, port=ports, delimiter=delimiters)
def test_eprt_comes_back(host, port, delimiter):
    """EPRT works with every delimiter that can not be mistaken for part of the address (E1)."""
    fields = ["", "1" if host.version == 4 else "2", str(host), str(port), ""]
    if any(delimiter in field for field in fields):
        return
    assert hostport.parse_eprt(delimiter.join(fields)) == HostPort(str(host), port)


@FEW
@given(host=v4)
def test_mapped_and_plain_ipv4_are_the_same_host(host):
    """A client is itself, on whichever kind of socket it arrives (K4)."""
    mapped = str(IPv6Address(b"\0" * 10 + b"\xff\xff" + IPv4Address(host).packed))
    assert hostport.normal_host(mapped) == hostport.normal_host(str(host)) == str(host)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.__name__)
@settings(max_examples=50, deadline=None)
@given(
    argument=st.text(max_size=60)
    | st.text("0123456789 ,.|-[]:=;*?!aALlUTCutcR\r\n\0\udcff", max_size=60)
    | st.from_regex(r"[0-9]{14} a|-[a-z]+ x|\[[0-9a-f:]+\]", fullmatch=True)
)
def test_garbage_is_an_error_and_nothing_else(parser, argument):
    """No argument whatever leads to a traceback, and no error text repeats what was sent (B31)."""
    try:
        parser(argument)
    except ArgumentError as error:
        assert error.text.isprintable()  # noqa: PT017 - only if it is raised
