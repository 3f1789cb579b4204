"""Endpoint strings: what is accepted here Twisted accepts, and what collides is known before it is tried."""

import json

import pytest
from twisted.internet import endpoints
from twisted.internet.testing import MemoryReactor

from ftpstwist.config.complaint import Unusable
from ftpstwist.config.endpoint import Endpoint

ACCEPTED = [
    ("tcp:21", "0.0.0.0", 21),
    ("tcp:0", "0.0.0.0", 0),
    ("tcp:port=21:interface=127.0.0.1", "127.0.0.1", 21),
    ("tcp:21:127.0.0.1:100", "127.0.0.1", 21),
    ("tcp:21:interface=", "0.0.0.0", 21),
    ("tcp6:990", "::", 990),
    (r"tcp6:990:interface=\:\:1", "::1", 990),
    (r"tcp6:990:backlog=5:interface=2001\:db8\:\:1", "2001:db8::1", 990),
]


@pytest.mark.parametrize(("text", "address", "port"), ACCEPTED)
def test_what_is_accepted_twisted_accepts_with_the_same_meaning(text, address, port):
    """Nothing that passes the check fails at the start for its spelling."""
    endpoint = Endpoint.parse(text)
    assert (str(endpoint.address), endpoint.port) == (address, port)
    reactor = MemoryReactor()
    endpoints.serverFromString(reactor, str(endpoint)).listen(object())
    assert [(listened[3], listened[0]) for listened in reactor.tcpServers] in (
        [(address, port)],
        [("", port)] if address == "0.0.0.0" else [],
    )


@pytest.mark.parametrize("text", ["systemd:domain=INET6:name=ftps", "systemd:domain=INET:index=0", "systemd:INET6:1"])
def test_sockets_of_systemd_are_taken_as_they_come(text):
    """Their address and port are systemd's business, so nothing is said about them."""
    endpoint = Endpoint.parse(text)
    assert (endpoint.address, endpoint.port) == (None, None)
    assert not endpoint.collides_with(Endpoint.parse("tcp:21"))
    assert not Endpoint.parse("tcp:21").collides_with(endpoint)


@pytest.mark.parametrize(
    "text", ["", "tcp", "tcp:", "tcp:-1", "tcp:21:21:21:21", "tcp:21:port=22", "TCP:21", "systemd:", "haproxy:tcp:21"]
)
def test_what_makes_no_sense_is_refused(text):
    """A typing error never becomes a listener somewhere else."""
    with pytest.raises(Unusable):
        Endpoint.parse(text)


@pytest.mark.parametrize(
    ("first", "second", "collides"),
    [
        ("tcp:21", "tcp:21", True),
        ("tcp:21", "tcp:22", False),
        ("tcp:0", "tcp:0", False),
        ("tcp:21", "tcp:21:interface=127.0.0.1", True),
        ("tcp:21:interface=127.0.0.1", "tcp:21:interface=127.0.0.2", False),
        ("tcp6:21", "tcp:21", True),
        ("tcp6:21", "tcp:21:interface=127.0.0.1", True),
        ("tcp6:21", r"tcp6:21:interface=\:\:1", True),
        (r"tcp6:21:interface=\:\:1", "tcp:21", False),
        (r"tcp6:21:interface=\:\:1", "tcp:21:interface=127.0.0.1", False),
    ],
)
def test_endpoints_that_the_system_would_refuse_together_are_known(first, second, collides):
    """The usual mistake, tcp:21 beside tcp6:21, is told before the second one fails to listen."""
    one, other = Endpoint.parse(first), Endpoint.parse(second)
    assert one.collides_with(other) is collides
    assert other.collides_with(one) is collides


def test_an_endpoint_is_shown_as_it_was_written():
    """What the check prints can be pasted into the file."""
    assert json.loads(json.dumps(str(Endpoint.parse(r"tcp6:21:interface=\:\:1")))) == r"tcp6:21:interface=\:\:1"
