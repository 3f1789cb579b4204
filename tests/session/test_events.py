"""What events say of themselves."""

from __future__ import annotations

import pytest

from ftpstwist.session.events import CommandAnswered, SessionRef, TlsFacts


@pytest.mark.parametrize(
    ("version", "cipher", "obsolete"),
    [
        ("TLSv1.3", "TLS_AES_256_GCM_SHA384", False),
        ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", False),
        ("TLSv1.2", "DHE-RSA-CHACHA20-POLY1305", False),
        ("TLSv1.2", "ECDHE-RSA-AES128-SHA", True),
        ("TLSv1.2", "AES256-GCM-SHA384", True),
        ("TLSv1.1", "ECDHE-RSA-AES128-GCM-SHA256", True),
    ],
)
def test_obsolete_protection(version, cipher, obsolete):
    """Old versions, CBC and keys without forward secrecy are called by their name."""
    assert TlsFacts(version, cipher, resumed=False, server_name=None).is_obsolete is obsolete


@pytest.mark.parametrize(("argument", "text"), [("file", "RETR file"), ("", "RETR")])
def test_command_as_one_text(argument, text):
    """A command without an argument has no space behind it."""
    event = CommandAnswered(SessionRef("1", "192.0.2.1"), 0.0, "RETR", argument, 226, None, 0.1)
    assert event.command == text
