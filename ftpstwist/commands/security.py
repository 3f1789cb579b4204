"""AUTH, PBSZ, PROT, CCC and the unused verbs of RFC 2228 (RFC 4217 sections 4 to 9)."""

from __future__ import annotations

from twisted.logger import Logger

from ftpstwist.commands.context import Invocation, Session
from ftpstwist.commands.registry import verb
from ftpstwist.session.events import Misused
from ftpstwist.session.policy import ProtectionLevel
from ftpstwist.wire.parameters import parse_buffer_size, parse_protection_level
from ftpstwist.wire.reply import Reply

_log = Logger()

_MECHANISMS = {
    "TLS": ProtectionLevel.CLEAR,
    "TLS-C": ProtectionLevel.CLEAR,
    "TLS-P": ProtectionLevel.PRIVATE,
    "SSL": ProtectionLevel.PRIVATE,
}
"""Mechanism names and the data protection they start with; TLS-P and SSL are from drafts before RFC 4217."""

_OTHER_LEVEL = {
    ProtectionLevel.CLEAR: ProtectionLevel.PRIVATE,
    ProtectionLevel.PRIVATE: ProtectionLevel.CLEAR,
}


@verb("AUTH")
async def auth(session: Session, command: Invocation) -> Reply:
    """Start TLS (RFC 4217 section 4): 234, then the handshake; login and parameters begin anew.

    Octets that wait behind AUTH were sent in clear, by nobody who means well:
    they are never executed, the connection is closed (421).
    """
    level = _MECHANISMS.get(command.argument.upper())
    if level is None:
        return Reply(504, "Unknown mechanism; use AUTH TLS")
    if session.state.is_protected:
        return Reply(503, "TLS is already active")
    if session.state.is_cleared:
        return Reply(534, "No AUTH after CCC; send REIN first, or connect again")
    if command.has_unread():
        session.sink.record(
            Misused(
                session.ref,
                session.now(),
                "starttls-injection",
                "octets in clear behind AUTH were dropped",
                "update the client, which has to wait for 234; if it does, somebody on the way put them there",
            )
        )
        return Reply(421, "Nothing may be sent behind AUTH before TLS is active; closing")
    session.tls.expect_name(session.state.host)
    session.log_out()
    session.data.forget()
    session.state.reset()
    session.state.start_tls()
    session.state.level = level
    command.afterwards(lambda: session.transport.start_tls(session.tls))
    return Reply(234, f"AUTH {command.argument.upper()} accepted; start the TLS handshake")


@verb("PBSZ")
async def pbsz(session: Session, command: Invocation) -> Reply:
    """Agree on the protection buffer size: with TLS it is always 0 (RFC 4217 section 9)."""
    size = parse_buffer_size(command.argument)
    session.state.buffer_size_given = True
    return Reply(200, "PBSZ=0" if size else "PBSZ 0 accepted")


@verb("PROT")
async def prot(session: Session, command: Invocation) -> Reply:
    """Set the protection level of data connections (RFC 4217 section 9)."""
    level = ProtectionLevel(parse_protection_level(command.argument))
    if session.settings.strict_sequence and not session.state.buffer_size_given:
        return Reply(503, "Send PBSZ 0 before PROT")
    if not session.state.buffer_size_given:
        session.state.buffer_size_given = True  # so that this is told once
        _log.info(
            "{session} {client} sends PROT without PBSZ before it, which RFC 4217 demands; it is let off",
            session=session.id,
            client=ascii(session.state.client) if session.state.client else "the client",
        )
    if level in {ProtectionLevel.SAFE, ProtectionLevel.CONFIDENTIAL}:
        return Reply(536, f"TLS does not know level {level.value}; use PROT P")
    if not session.settings.policy.accepts_level(session.state, session.transport.peer.host, level):
        session.state.refuse_level()
        wanted = "Unencrypted" if level is ProtectionLevel.PRIVATE else "Encrypted"
        return Reply(534, f"{wanted} data transfers are required here: use PROT {_OTHER_LEVEL[level].value}")
    session.state.agree_on_level(level)
    return Reply(200, f"Data connections are {'private' if level is ProtectionLevel.PRIVATE else 'in clear'}")


@verb("SSCN")
async def sscn(session: Session, command: Invocation) -> Reply:
    """Make us the TLS client of data connections that move files, with another server (de facto; see RFC 4217 7)."""
    words = command.argument.upper().split()
    if refusal := session.refuse_tls_client("SSCN"):
        return refusal
    if len(words) > 1:
        return Reply(504, "SSCN takes ON, OFF or nothing")
    if words:
        if words[0] not in {"ON", "OFF"}:
            return Reply(501, "SSCN takes ON, OFF or nothing")
        session.state.sscn = words[0] == "ON"
    return Reply(200, f"SSCN:{'CLIENT' if session.state.sscn else 'SERVER'} METHOD")


@verb("CCC")
async def ccc(session: Session, command: Invocation) -> Reply:
    """Take TLS off the control connection; data connections stay as PROT has set them (RFC 4217 section 5).

    What waits behind CCC was sent under TLS, by a client that does not know
    where TLS ends: it is never executed, the connection is closed (421).
    """
    if not session.state.is_protected:
        return Reply(533, "The control connection is not protected")
    if not session.accepts_ccc:
        return Reply(534, "The control connection stays protected")
    if command.has_unread():
        return Reply(421, "Nothing may be sent behind CCC before TLS is off; closing")
    session.state.clear_tls()
    command.afterwards(session.transport.stop_tls)
    return Reply(200, "Go on in clear")


@verb("ADAT")
async def adat(session: Session, command: Invocation) -> Reply:
    """TLS exchanges no data by ADAT (RFC 2228 section 3)."""
    return Reply(503, "No security exchange that uses ADAT is going on")


@verb("MIC", "CONF", "ENC")
async def protected_command(session: Session, command: Invocation) -> Reply:
    """TLS protects commands by itself; these wrappers are never unwrapped (RFC 2228 section 3)."""
    return Reply(502, f"{command.verb} is not used with TLS")
