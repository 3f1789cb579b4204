"""The groups of the key exchange: which are accepted, and what happens where they can not be chosen."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from ftpstwist.tls.groups import GROUPS, restrict_groups
from tests.tls.tls_support import session_tls


def negotiated(group):
    """Return the group our server agrees on with an OpenSSL client that offers only *group*, or ``None``."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if SSL._lib.SSL_CTX_set1_curves_list(context._context, group.encode()) != 1:
        pytest.skip(f"this OpenSSL does not know {group}")
    client = SSL.Connection(context, None)
    client.set_connect_state()
    channel = session_tls().control_channel()
    for _ in range(10):
        try:
            client.do_handshake()
            return client.get_group_name()
        except SSL.WantReadError:
            channel.feed(client.bio_read(1 << 16))
            try:
                channel.handshake()
            except Exception:
                return None
            client.bio_write(channel.drain())
    return None


@pytest.mark.parametrize("group", GROUPS)
def test_wanted_groups_are_accepted(group):
    """Mozilla's groups and the post-quantum hybrid work."""
    assert negotiated(group) is not None


@pytest.mark.parametrize("group", ["P-521", "X448"])
def test_other_groups_are_refused(group):
    """No group beyond the list is agreed on: auditors compare it with Mozilla's profile."""
    assert negotiated(group) is None


def test_library_without_the_function(monkeypatch):
    """Where the binding has no such function, OpenSSL's own list stays, and handshakes work."""
    monkeypatch.setattr(SSL, "_lib", object())
    assert restrict_groups(SSL.Context.__new__(SSL.Context)) is False


def test_library_without_the_hybrid(monkeypatch):
    """An OpenSSL that does not know the hybrid gets the list without it, and no error is left behind."""
    asked = []

    class Binding:
        @staticmethod
        def SSL_CTX_set1_curves_list(_handle, names):
            asked.append(names)
            return int(b"MLKEM" not in names)

        @staticmethod
        def ERR_clear_error():
            asked.append(b"cleared")

    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    monkeypatch.setattr(SSL, "_lib", Binding)
    assert restrict_groups(context) is True
    assert asked == [b"X25519MLKEM768:X25519:P-256:P-384", b"cleared", b"X25519:P-256:P-384"]
