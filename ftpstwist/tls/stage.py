"""Where a control connection stands between clear text and TLS (RFC 4217 sections 4, 5, 12 and 13).

::

    START ── first octets ──> CLEAR ── start_tls ──> HANDSHAKE ── complete ──> TLS
                                ^                        ^                      |
                                |     implicit service ──┘                   stop_tls
      the client's close_notify, or its first octet in clear                    v
                                └────── NOTIFIED <── after a grace ─────── CLEARING

and from everywhere to CLOSING. The stages hold no more than their names; ``upgrade`` moves through them.
"""

from __future__ import annotations

from enum import Enum


class Stage(Enum):
    """Where the connection stands."""

    START = "in clear, nothing received"
    CLEAR = "in clear"
    HANDSHAKE = "shaking hands"
    TLS = "protected"
    CLEARING = "protected, close_notify expected"
    NOTIFIED = "our close_notify is sent, the client's is not here"
    CLOSING = "said goodbye"


UNDER_TLS = (Stage.TLS, Stage.CLEARING, Stage.NOTIFIED)
"""What the client sends may be records of an established TLS connection."""
