"""Who may transfer from server to server: nobody, unless named."""

from __future__ import annotations

from ipaddress import ip_network

from ftpstwist.session.fxp import NOBODY, ServerToServer
from ftpstwist.session.identity import Identity

NETWORKS = (ip_network("192.0.2.7/32"),)
RULE = ServerToServer(frozenset({"alice"}), frozenset({"mirrors"}), NETWORKS)


def test_users_and_groups():
    """T9: a user or the member of a group that is named, and nobody else."""
    assert RULE.networks_for(Identity("alice")) == NETWORKS
    assert RULE.networks_for(Identity("bob", frozenset({"staff", "mirrors"}))) == NETWORKS
    assert RULE.networks_for(Identity("bob", frozenset({"alice"}))) == ()
    assert RULE.networks_for(Identity("mirrors")) == ()
    assert RULE.networks_for(None) == ()


def test_anonymous_never_may():
    """T9: whatever name an anonymous login has."""
    assert RULE.networks_for(Identity("alice", frozenset({"mirrors"}), anonymous=True)) == ()


def test_default():
    """T9: off."""
    assert not NOBODY.is_offered
    assert NOBODY.networks_for(Identity("alice")) == ()
