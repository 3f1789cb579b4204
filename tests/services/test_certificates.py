"""Certificates that look after themselves: replaced files, expiry, staples, with files and a calendar of the test."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from twisted.logger import capturedLogs, formatEvent

from ftpstwist.config.load import parse
from ftpstwist.services.certificates import Certificates
from ftpstwist.tls.own_authority import Authority, make_authority, write_authority
from ftpstwist.tls.selfsigned import make_self_signed, write_pair
from tests.config.config_support import NOW

CONFIGURATION = '[[tls.certificates]]\ncertificate = "server.crt"\nkey = "server.key"\n'


class World:
    """A folder with a configuration, and a calendar."""

    def __init__(self, folder):
        self.folder = folder
        self.now = NOW

    def write(self, pair):
        for name in ("server.crt", "server.key"):
            (self.folder / name).unlink(missing_ok=True)
        write_pair(pair, self.folder)

    def certificates(self, text=CONFIGURATION):
        settings = parse(text, str(self.folder / "f.toml")).settings
        return Certificates(settings, lambda: self.now.timestamp())  # noqa: PLW0108 - the calendar goes on


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def pair(name, days=1000):
    return make_self_signed([name], now=NOW, days=days)


def looks(certificates, times=4):
    """Look that often, as the watch does; return what was logged."""
    with capturedLogs() as logs:
        for _ in range(times):
            certificates.refresh()
    return [formatEvent(event) for event in logs]


def test_new_pair_is_taken_once_it_has_settled(world):
    """Half a replacement changes nothing and complains of nothing."""
    world.write(pair("old"))
    certificates = world.certificates()
    assert looks(certificates) == []
    new = pair("new")
    (world.folder / "server.crt").write_bytes(new.leaf.public_bytes(Encoding.PEM))
    assert looks(certificates, 1) == []
    world.write(new)
    assert looks(certificates, 1) == []
    assert certificates.knows("old")
    assert looks(certificates) == ["certificates were read anew, for their files have changed"]
    assert certificates.knows("new")


def test_bad_file_keeps_the_old_and_is_told_once(world):
    """Not with every look; when it is good again, it is used."""
    world.write(pair("old"))
    certificates = world.certificates()
    (world.folder / "server.key").write_bytes(b"garbage")
    (said,) = looks(certificates, 6)
    assert "the new certificates are not used, the old ones stay" in said
    assert "no private key in PEM form" in said
    assert certificates.knows("old")
    world.write(pair("new"))
    looks(certificates)
    assert certificates.knows("new")


def test_expiry_is_told_once_a_threshold(world):
    """Thirty, fourteen, seven days, one day, the end: five lines, not one every look."""
    world.write(pair("old", days=100))
    certificates = world.certificates()
    told = []
    for day in range(69, 103):
        world.now = NOW + timedelta(days=day)
        told += [(day, line.partition("expire")[2]) for line in looks(certificates)]
    assert [(day, words[:17]) for day, words in told] == [
        (70, "s within 30 days,"),
        (86, "s within 14 days,"),
        (93, "s within 7 days, "),
        (99, "s within a day, o"),
        (101, "d on 2026-09-09 0"),
    ]


def test_start_tells_what_the_watch_need_not_repeat(world):
    """A certificate that is soon to expire at the start is one line."""
    world.write(pair("old", days=10))
    with capturedLogs() as logs:
        certificates = world.certificates()
    assert len([event for event in logs if "expires within 14 days" in formatEvent(event)]) == 1
    assert looks(certificates) == []
    world.now += timedelta(days=4)
    assert len(looks(certificates)) == 1


def test_end_of_a_revocation_list_is_told_before_it_locks_everybody_out(world):
    """The list of one's own authority is good for a year: long enough to be forgotten."""
    world.write(pair("server"))
    write_authority(make_authority("Example CA", now=NOW), world.folder, now=NOW)
    text = '[tls.clients]\nask = "optional"\nauthorities = ["ca.crt"]\nrevocation_lists = ["ca.crl"]\n'
    certificates = world.certificates(text + CONFIGURATION)
    world.now += timedelta(days=340)
    (said,) = looks(certificates)
    assert said == "the revocation list of Example CA expires within 30 days, on 2027-06-01 00:00 UTC: renew it"
    world.now += timedelta(days=26)
    (said,) = looks(certificates)
    assert "revocation list of Example CA expired on" in said


def test_self_made_certificate_is_watched_too(world):
    """Whoever replaces it by hand need not know the signal."""
    state = world.folder / "state"
    certificates = world.certificates(f'[server]\nstate_directory = "{state}"')
    for path in state.iterdir():
        path.unlink()
    write_pair(pair("new"), state)
    looks(certificates)
    assert certificates.knows("new")


# --- staples --------------------------------------------------------------------------------------


@pytest.fixture
def stapled(world):
    """A signed certificate, and a function that writes its OCSP response."""
    authority = make_authority("CA", now=NOW)
    signed = Authority(authority).sign_server(["a.example.org"], now=NOW, days=300)
    world.write(signed)

    def respond(days, status=ocsp.OCSPCertStatus.GOOD):
        response = ocsp.OCSPResponseBuilder().add_response(
            signed.leaf, authority.leaf, hashes.SHA256(), status, NOW, NOW + timedelta(days=days), None, None
        )
        response = response.responder_id(ocsp.OCSPResponderEncoding.HASH, authority.leaf)
        octets = response.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)
        (world.folder / "x.ocsp").write_bytes(octets)
        return octets

    return SimpleNamespace(respond=respond, text=CONFIGURATION + 'staple = "x.ocsp"\n')


def staple(certificates):
    (group,) = certificates.contexts.current.policy.certificates
    return group.pairs[0].staple and group.pairs[0].staple.octets


def test_new_staple_is_taken_and_a_bad_one_is_not(world, stapled):
    """The old one serves as long as it is good."""
    first = stapled.respond(5)
    certificates = world.certificates(stapled.text)
    assert staple(certificates) == first
    second = stapled.respond(6)
    looks(certificates)
    assert staple(certificates) == second
    stapled.respond(6, ocsp.OCSPCertStatus.UNKNOWN)
    said = looks(certificates)
    assert len([line for line in said if "is not stapled: it says that the certificate is unknown" in line]) == 1
    assert staple(certificates) == second


def test_staple_is_dropped_when_it_is_out_of_date(world, stapled):
    """A client that is shown an old proof would refuse the connection; one without any goes on."""
    stapled.respond(5)
    certificates = world.certificates(stapled.text)
    world.now += timedelta(days=5, seconds=1)
    (said,) = looks(certificates)
    assert "out of date" in said
    assert staple(certificates) is None
    third = stapled.respond(9)
    looks(certificates)
    assert staple(certificates) == third


def test_server_starts_without_its_staple(world, stapled):
    """The certificate is good without; the log says what is missing."""
    with capturedLogs() as logs:
        certificates = world.certificates(stapled.text)
    assert any("x.ocsp is not stapled: it can not be read" in formatEvent(event) for event in logs)
    assert staple(certificates) is None
    octets = stapled.respond(5)
    looks(certificates)
    assert staple(certificates) == octets


def test_hooks_hear_of_each_notice_once(world):
    """A program may renew a certificate, or wake somebody: 30, 14, 7 days and one day before the end, and then."""
    world.write(pair("server", days=40))
    told = []
    settings = parse(CONFIGURATION, str(world.folder / "f.toml")).settings
    certificates = Certificates(settings, lambda: world.now.timestamp(), expires=told.append)  # noqa: PLW0108
    for _ in range(45):
        world.now += timedelta(days=1)
        looks(certificates, times=1)
    assert [notice.days for notice in told] == [30, 14, 7, 1, 0]
