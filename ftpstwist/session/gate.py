"""The gate: whether a command may be done now (RFC 959 section 5.4, RFC 4217 sections 10 and 11).

One pure function over the catalogue, the session's state and the protection
policy. What depends on files or accounts is not judged here: storage does
that. The order of the questions is the order of the answers a client needs:
first TLS, then the login, then the syntax, then the sequence, then the data
connection's protection.
"""

from __future__ import annotations

from ftpstwist.session.catalogue import Argument, CommandRow, DataUse, Need
from ftpstwist.session.policy import DataProtection, ProtectionPolicy
from ftpstwist.session.state import LoginStage, RenameFrom, SessionState
from ftpstwist.wire.reply import Reply

TLS_FIRST = Reply(530, "TLS required: send AUTH TLS first, or set the client to explicit FTP over TLS")
LOGIN_FIRST = Reply(530, "Please log in with USER and PASS")
PROTECT_DATA = Reply(521, "Encrypted data transfers required: send PBSZ 0 and PROT P, or switch them on in the client")
CLEAR_DATA = Reply(521, "Unencrypted data transfers required: send PROT C, or switch encryption off in the client")


def judge(row: CommandRow, argument: str, state: SessionState, policy: ProtectionPolicy) -> Reply | None:
    """Decide on one command.

    Args:
        row: Its row in the catalogue.
        argument: What followed the verb; empty if nothing did.
        state: The session, before the command.
        policy: What must be protected: for this client, and by the target of a transfer.

    Returns:
        The reply that refuses it, or ``None`` if it may be done.
    """
    return (
        _lacks_protection(row, state, policy)
        or _lacks_login(row, state)
        or _lacks_argument(row, argument)
        or _lacks_predecessor(row, state)
        or _lacks_data_protection(row, state, policy)
    )


def _lacks_protection(row: CommandRow, state: SessionState, policy: ProtectionPolicy) -> Reply | None:
    return TLS_FIRST if policy.holds_back(row.protection, protected=state.is_protected) else None


def _lacks_login(row: CommandRow, state: SessionState) -> Reply | None:
    if state.is_logged_in:
        return None
    needs_account = row.need in {Need.ACCOUNT, Need.RNFR} or (row.need is Need.CODE and state.password is None)
    return LOGIN_FIRST if needs_account else None


def _lacks_argument(row: CommandRow, argument: str) -> Reply | None:
    if row.argument is Argument.REQUIRED and not argument:
        return Reply(501, f"{row.verb} needs an argument: {row.verb} {row.syntax}")
    if row.argument is Argument.NONE and argument:
        return Reply(501, f"{row.verb} takes no argument")
    return None


def _lacks_predecessor(row: CommandRow, state: SessionState) -> Reply | None:
    if row.need is Need.USER and state.stage is not LoginStage.NAMED and not state.needs_no_password:
        return Reply(503, "Already logged in" if state.is_logged_in else "Send USER first")
    if row.need is Need.RNFR and not isinstance(state.prefix, RenameFrom):
        return Reply(503, "Send RNFR right before RNTO")
    if row.need is Need.TLS and not state.is_protected:
        return Reply(503, f"No {row.verb} after CCC" if state.is_cleared else f"Send AUTH TLS before {row.verb}")
    return None


def _lacks_data_protection(row: CommandRow, state: SessionState, policy: ProtectionPolicy) -> Reply | None:
    if row.is_transfer and not policy.accepts_transfer(state.level):
        return CLEAR_DATA if policy.data is DataProtection.FORBIDDEN else PROTECT_DATA
    if row.data is DataUse.PREPARES and state.epsv_only:
        return Reply(501, f"{row.verb} is not possible after EPSV ALL; use EPSV")
    return None
