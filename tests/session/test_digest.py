"""Digests that may be asked for: the choice, and the line of FEAT."""

from __future__ import annotations

from ftpstwist.session.digest import DigestSettings, HashAlgorithm


def test_preferred_is_the_best_that_is_offered():
    """X3: clients that choose nothing get what is hardest to forge."""
    assert DigestSettings().preferred is HashAlgorithm.SHA256
    assert DigestSettings(frozenset({HashAlgorithm.CRC32, HashAlgorithm.MD5})).preferred is HashAlgorithm.MD5
    assert DigestSettings(frozenset()).preferred is None


def test_find():
    """X3: by name in any case, and only what is offered."""
    settings = DigestSettings(frozenset({HashAlgorithm.SHA1}))
    assert settings.find(" sha-1 ") is HashAlgorithm.SHA1
    assert settings.find("MD5") is None


def test_feature():
    """X3: FEAT marks the one in use."""
    settings = DigestSettings(frozenset({HashAlgorithm.SHA1, HashAlgorithm.MD5}))
    assert settings.feature(None) == "HASH SHA-1*;MD5"
    assert settings.feature(HashAlgorithm.MD5) == "HASH SHA-1;MD5*"
    assert DigestSettings(frozenset()).feature(None) is None
