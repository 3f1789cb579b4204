"""Distinguished names as text: what operators compare rules with has to be unambiguous (RFC 4514)."""

from __future__ import annotations

import pytest

from ftpstwist.session.certificate import PeerCertificate, address_objection, write_name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("a,b", r"a\,b"),
        (" lead", r"\ lead"),
        ("#1", r"\#1"),
        ("trail ", "trail\\ "),
        (" ", "\\ "),
        ("  ", "\\ \\ "),
        ("tab\t", r"tab\09"),
        ("", ""),
    ],
)
def test_values_are_escaped(value, text):
    """RFC 4514 section 2.4: no value can look like another, or like two attributes."""
    assert write_name(((("2.5.4.3", value),),)) == f"CN={text}"


def test_parts_are_turned_round_and_unknown_attributes_keep_their_number():
    """The most particular part comes first; an attribute without a short name is named by its number."""
    name = ((("2.5.4.6", "DE"),), (("2.5.4.3", "x"), ("1.2.3", "y")))
    assert write_name(name) == "CN=x+1.2.3=y,C=DE"


@pytest.mark.parametrize(
    ("peer", "objection"),
    [
        ("192.0.2.7", None),
        ("2001:db8:0::1", None),
        ("fe80::1%eth0", None),
        ("192.0.2.8", "the certificate of 'CN=scanner' is for 192.0.2.7 or 2001:db8::1 or fe80::1, not for 192.0.2.8"),
    ],
)
def test_a_client_has_to_be_where_its_certificate_says(peer, objection):
    """One address is written in several ways, and still one; the log names what was expected and what came."""
    addresses = ("192.0.2.7", "2001:db8::1", "fe80::1")
    assert address_objection(_certificate(addresses), peer) == objection


def test_no_address_is_none_of_ours():
    """A certificate without any address, and one that can not be read, are for nobody."""
    assert "is for no address, not for" in (address_objection(_certificate(()), "192.0.2.7") or "")
    assert address_objection(None, "192.0.2.7") == "the client's certificate can not be read"


def _certificate(addresses):
    name = ((("2.5.4.3", "scanner"),),)
    return PeerCertificate(b"", "", "", True, name, name, 1, 0, 1, addresses=addresses)


def test_attributes_by_their_number():
    """A rule about an organisation finds all its units, and nothing else."""
    subject = ((("2.5.4.10", "Example"),), (("2.5.4.11", "one"), ("2.5.4.11", "two")))
    certificate = PeerCertificate(b"", "", "", True, subject, subject, 1, 0, 1)
    assert certificate.attributes("2.5.4.11") == ("one", "two")
    assert certificate.attributes("2.5.4.3") == ()
