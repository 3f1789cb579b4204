"""TLS for old devices: what its listener speaks, what that changes for others, and which sessions count as obsolete."""

from __future__ import annotations

from contextlib import suppress

import pytest
from OpenSSL import SSL

from ftpstwist.session.events import TlsFacts
from ftpstwist.tls.binding import PerSessionTls
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.legacy import LegacyContexts
from ftpstwist.tls.policy import Profile
from tests.tls.tls_support import PyOpenSSLClient, pair, policy, shake_hands

OLD = b"ALL:@SECLEVEL=0"


@pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION, SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_all_versions_shake_hands_and_resume(version):
    """Section 5 row 12: an old scanner gets in, and its data connections belong to it like all others."""
    session = PerSessionTls(LegacyContexts(SharedContexts(policy())))
    client = PyOpenSSLClient(version, ciphers=OLD)
    control = session.control_channel()
    shake_hands(client, control)
    assert control.facts.version == client.tls.get_protocol_version_name()
    with suppress(SSL.WantReadError):
        client.tls.recv(1)  # the tickets of TLS 1.3
    again = PyOpenSSLClient(version, context=client.context)
    again.tls.set_session(client.tls.get_session())
    data = session.data_channel()
    shake_hands(again, data)
    assert data.facts.resumed


@pytest.mark.parametrize("suite", [b"AES128-SHA", b"AES256-SHA256", b"AES128-GCM-SHA256"])
def test_devices_without_elliptic_curves(suite):
    """Keys sent under RSA, and CBC: what the oldest have."""
    session = PerSessionTls(LegacyContexts(SharedContexts(policy(pair(key_type="RSA")))))
    control = session.control_channel()
    shake_hands(PyOpenSSLClient(SSL.TLS1_2_VERSION, ciphers=suite + b":@SECLEVEL=0"), control)
    assert control.facts.cipher == suite.decode()
    assert control.facts.is_obsolete


def test_the_other_listeners_stay_as_they_are():
    """The exception is made beside the rule, not in its place, and follows what is replaced."""
    shared = SharedContexts(policy(ciphers="ECDHE-ECDSA-AES256-GCM-SHA384"))
    legacy = LegacyContexts(shared)
    assert shared.current.policy.profile is Profile.INTERMEDIATE
    assert legacy.current.policy.profile is Profile.LEGACY
    assert legacy.current is legacy.current
    assert "AES128-SHA" in legacy.current.cipher_names
    assert "AES128-SHA" not in shared.current.cipher_names
    before = legacy.current
    shared.replace(policy(pair(key_type="RSA")))
    assert legacy.current is not before
    assert legacy.current.policy.certificates == shared.current.policy.certificates


@pytest.mark.parametrize(
    ("version", "cipher", "is_obsolete"),
    [
        ("TLSv1", "ECDHE-RSA-AES256-SHA", True),
        ("TLSv1.1", "ECDHE-RSA-AES256-SHA", True),
        ("TLSv1.2", "AES128-GCM-SHA256", True),
        ("TLSv1.2", "ECDHE-RSA-AES128-SHA", True),
        ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", False),
        ("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", False),
        ("TLSv1.3", "TLS_AES_128_GCM_SHA256", False),
    ],
)
def test_what_counts_as_obsolete(version, cipher, is_obsolete):
    """RFC 8996, RFC 9325 section 4: the log marks what has no forward secrecy, no authenticated encryption, or is old."""
    assert TlsFacts(version, cipher).is_obsolete is is_obsolete
