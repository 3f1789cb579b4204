"""Which parts of a session must be protected by TLS (RFC 4217 sections 10 and 11): pure functions.

A policy is two demands, one on commands and one on data connections. Each has
three degrees, so there are nine policies and no contradictory one; the setting
``require`` has a word for each. Nothing here knows about sockets: the gate
asks, these functions answer. Who is held to which policy: ``policybook``.
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


class CommandProtection(Enum):
    """What of the control connection needs TLS; the value orders them, the strictest last."""

    FREE = 0
    LOGIN = 1
    """USER, PASS and ACCT; afterwards CCC may take TLS off."""
    ALL = 2
    """Every command that is not exempt, to the end of the session."""


class DataProtection(Enum):
    """What data connections have to be."""

    FREE = "free"
    REQUIRED = "required"
    """Under TLS (PROT P)."""
    FORBIDDEN = "forbidden"
    """In clear (PROT C): for machines that can not afford the encryption."""

    def accepts(self, level: ProtectionLevel) -> bool:
        """Tell whether data may travel at *level*; TLS itself knows only C and P."""
        if level is ProtectionLevel.PRIVATE:
            return self is not DataProtection.FORBIDDEN
        return level is ProtectionLevel.CLEAR and self is not DataProtection.REQUIRED


class SessionReuse(Enum):
    """What is asked of data connections in the way of TLS resumption (RFC 4217 section 10.2); a configuration word."""

    PREFER = "prefer"
    """Resumed or not is a fact for the log; the same client certificate is asked for anyway."""
    REQUIRE = "require"
    """Only data connections that resume the session of their control connection complete their handshake."""
    OFF = "off"
    """No session can be resumed at all; decided when the control connection shakes hands."""


class CloseNotify(Enum):
    """How an upload under TLS has to end; a configuration word."""

    STRICT = "strict"
    LENIENT = "lenient"


@dataclass(frozen=True, slots=True)
class ProtectionPolicy:
    """What must be protected.

    Attributes:
        commands: What of the control connection needs TLS.
        data: What data connections have to be.
    """

    commands: CommandProtection = CommandProtection.FREE
    data: DataProtection = DataProtection.FREE

    def holds_back(self, rule: ProtectionRule, *, protected: bool) -> bool:
        """Tell whether a command of this rule has to wait for TLS (530).

        Args:
            rule: The command's column in the catalogue.
            protected: Whether the control connection is under TLS now.
        """
        if protected or rule is ProtectionRule.EXEMPT:
            return False
        if rule is ProtectionRule.LOGIN:
            return self.commands is not CommandProtection.FREE
        return self.commands is CommandProtection.ALL

    def accepts_level(self, level: ProtectionLevel) -> bool:
        """Tell whether ``PROT`` may set *level* (534 otherwise)."""
        return self.data.accepts(level)

    def accepts_transfer(self, level: ProtectionLevel) -> bool:
        """Tell whether a transfer may run at *level* (521 otherwise, before any data connection)."""
        return self.data.accepts(level)

    @property
    def accepts_clear_command_channel(self) -> bool:
        """Whether CCC is compatible with the policy (534 otherwise)."""
        return self.commands is not CommandProtection.ALL


class Require(Enum):
    """The named policies of the configuration; ``!data`` forbids TLS on data connections."""

    NONE = "none"
    LOGIN = "login"
    CONTROL = "control"
    DATA = "data"
    LOGIN_DATA = "login+data"
    ALL = "all"
    CLEAR_DATA = "!data"
    LOGIN_CLEAR_DATA = "login+!data"
    CONTROL_CLEAR_DATA = "control+!data"

    @property
    def policy(self) -> ProtectionPolicy:
        """The demands behind the name."""
        return _POLICIES[self]


_POLICIES = {
    Require.NONE: ProtectionPolicy(CommandProtection.FREE, DataProtection.FREE),
    Require.LOGIN: ProtectionPolicy(CommandProtection.LOGIN, DataProtection.FREE),
    Require.CONTROL: ProtectionPolicy(CommandProtection.ALL, DataProtection.FREE),
    Require.DATA: ProtectionPolicy(CommandProtection.FREE, DataProtection.REQUIRED),
    Require.LOGIN_DATA: ProtectionPolicy(CommandProtection.LOGIN, DataProtection.REQUIRED),
    Require.ALL: ProtectionPolicy(CommandProtection.ALL, DataProtection.REQUIRED),
    Require.CLEAR_DATA: ProtectionPolicy(CommandProtection.FREE, DataProtection.FORBIDDEN),
    Require.LOGIN_CLEAR_DATA: ProtectionPolicy(CommandProtection.LOGIN, DataProtection.FORBIDDEN),
    Require.CONTROL_CLEAR_DATA: ProtectionPolicy(CommandProtection.ALL, DataProtection.FORBIDDEN),
}
