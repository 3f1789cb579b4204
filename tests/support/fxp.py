"""Configuration of servers that transfer files with each other."""

from __future__ import annotations

FIRST, SECOND = "127.0.0.2", "127.0.0.3"
OCTETS = bytes(range(256)) * 4000
"""A file to transfer."""

_CONFIG = r"""
[server]
explicit = ["tcp:0:interface=HERE"]
implicit = []
[policy]
require = "none"
[fxp]
users = ["alice"]
networks = ["NETWORK"]
"""


def configuration(host: str, more: str = "", *, network: str = "127.0.0.2/31") -> str:
    """Return the configuration of a server on *host* for transfers with those in *network*; *more* goes behind it."""
    return _CONFIG.replace("HERE", host).replace("NETWORK", network) + more
