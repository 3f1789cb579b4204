"""Which parts of a session must be protected by TLS (RFC 4217 sections 10 and 11): pure functions.

The setting ``require`` names one of five policies; each is a row of three
demands, on the login, on all other commands, and on data connections. Nothing
here knows about sockets: the gate asks, these functions answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ProtectionLevel(Enum):
    """Data channel protection levels (RFC 2228 section 3, PROT)."""

    CLEAR = "C"
    SAFE = "S"
    CONFIDENTIAL = "E"
    PRIVATE = "P"


class ProtectionRule(Enum):
    """How the policy looks at a command that arrives in clear; a column of the catalogue."""

    EXEMPT = "exempt"
    """Never held back: what a client needs to find and start TLS, or what says nothing."""
    LOGIN = "login"
    """USER, PASS, ACCT: held back when the login must be protected."""
    ORDINARY = "ordinary"
    """Held back when the whole control connection must be protected."""


@dataclass(frozen=True, slots=True)
class ProtectionPolicy:
    """What must be protected.

    Attributes:
        login: USER, PASS and ACCT need TLS.
        control: Every command that is not exempt needs TLS, to the end of the session.
        data: Every data connection needs TLS (PROT P).
    """

    login: bool
    control: bool
    data: bool

    def holds_back(self, rule: ProtectionRule, *, protected: bool) -> bool:
        """Tell whether a command of this rule has to wait for TLS.

        Args:
            rule: The command's column in the catalogue.
            protected: Whether the control connection is under TLS now.
        """
        if protected or rule is ProtectionRule.EXEMPT:
            return False
        return self.control or (self.login and rule is ProtectionRule.LOGIN)

    def accepts_level(self, level: ProtectionLevel) -> bool:
        """Tell whether ``PROT`` may set *level* (534 otherwise); TLS itself knows only C and P."""
        return level is ProtectionLevel.PRIVATE or (level is ProtectionLevel.CLEAR and not self.data)

    def accepts_transfer(self, level: ProtectionLevel) -> bool:
        """Tell whether a transfer may run at *level* (521 otherwise, before any data connection)."""
        return level is ProtectionLevel.PRIVATE or not self.data

    @property
    def accepts_clear_command_channel(self) -> bool:
        """Whether CCC is compatible with the policy (534 otherwise)."""
        return not self.control


class Require(Enum):
    """The named policies of the configuration."""

    NONE = "none"
    LOGIN = "login"
    CONTROL = "control"
    DATA = "data"
    ALL = "all"

    @property
    def policy(self) -> ProtectionPolicy:
        """The demands behind the name."""
        return _POLICIES[self]


_POLICIES = {
    Require.NONE: ProtectionPolicy(login=False, control=False, data=False),
    Require.LOGIN: ProtectionPolicy(login=True, control=False, data=False),
    Require.CONTROL: ProtectionPolicy(login=True, control=True, data=False),
    Require.DATA: ProtectionPolicy(login=False, control=False, data=True),
    Require.ALL: ProtectionPolicy(login=True, control=True, data=True),
}
