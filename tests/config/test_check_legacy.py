"""Listeners for old devices, as the check sees them: never for everybody, never without a warning."""

from __future__ import annotations

import pytest

from ftpstwist.config.load import parse
from ftpstwist.config.summary import summarise
from tests.config.config_support import about, judge

LISTENER = '[[server.legacy]]\nendpoint = "tcp:2121"\n'


def said(text):
    return about(judge(text), "server.legacy")


def test_it_needs_networks():
    """Section 5 row 12: obsolete TLS is for given networks only."""
    (line,) = about(judge(LISTENER), "server.legacy")
    assert "networks: the setting is missing" in line
    assert judge(LISTENER).errors


@pytest.mark.parametrize(
    ("networks", "complaint"),
    [
        ("[]", "the list is empty, so nobody could connect"),
        ('["0.0.0.0/0"]', "0.0.0.0/0 is everybody"),
        ('["192.0.2.0/24", "::/0"]', "::/0 is everybody"),
    ],
)
def test_everybody_is_no_network(networks, complaint):
    """Nobody opens it to the world by a wide network."""
    assert any(complaint in line for line in said(f"{LISTENER}networks = {networks}"))
    assert any(each.key == "server.legacy[0].networks" for each in judge(f"{LISTENER}networks = {networks}").errors)


def test_it_is_always_warned_about_and_summed_up():
    """Whoever reads the check knows what is weak, and for whom."""
    text = f'{LISTENER}networks = ["192.0.2.0/28", "2001:db8::/64"]'
    assert said(text) == [
        (
            "ftps.toml:1: server.legacy[0]: tcp:2121 speaks obsolete TLS with 192.0.2.0/28 and 2001:db8::/64: passwords "
            "and files can be read or changed on the way. Give those devices accounts of their own, and take it out as "
            "soon as they are replaced."
        )
    ]
    (connect, *_) = summarise(parse(text, "ftps.toml").settings, ())
    assert (
        "FTP with explicit TLS from 1.0 on, for old devices in 192.0.2.0/28 and 2001:db8::/64: tcp:2121"
        in connect.lines
    )


@pytest.mark.parametrize("text", ['[tls]\nprofile = "legacy"', '[tls]\nminimum = "1.0"', '[tls]\nminimum = "1.1"'])
def test_there_is_no_way_to_have_it_for_everybody(text):
    """RFC 8996: the listeners for everybody have nothing older than TLS 1.2."""
    assert [each.key.partition(".")[0] for each in judge(text).errors] == ["tls"]


def test_its_port_is_its_own():
    """Collisions with other listeners and with passive ports are found as for any other."""
    listener = '[[server.legacy]]\nendpoint = "tcp:21"\nnetworks = ["192.0.2.0/28"]\n'
    assert any("server.legacy[0].endpoint" in str(each) for each in judge(listener).errors)
    listener = '[[server.legacy]]\nendpoint = "tcp:50000"\nnetworks = ["192.0.2.0/28"]\n'
    assert any(each.key == "passive.ports" for each in judge(listener).errors)
