"""PORT, PASV, CPSV, EPRT, EPSV, TYPE, STRU, MODE (RFC 959 section 4.1.2, RFC 2428)."""

from __future__ import annotations

from ftpstwist.commands.context import Invocation, Session
from ftpstwist.commands.registry import verb
from ftpstwist.session.state import RepresentationType, TransferMode
from ftpstwist.wire.hostport import (
    IPV4,
    IPV6,
    HostPort,
    epsv_text,
    parse_eprt,
    parse_epsv,
    parse_port,
    pasv_text,
)
from ftpstwist.wire.parameters import parse_mode, parse_structure, parse_type
from ftpstwist.wire.reply import Reply


@verb("PORT")
async def port(session: Session, command: Invocation) -> Reply:
    """Name where to connect to, IPv4 (RFC 959 section 4.1.2)."""
    return _prepare_active(session, parse_port(command.argument))


@verb("EPRT")
async def eprt(session: Session, command: Invocation) -> Reply:
    """Name where to connect to, in the family of the control connection (RFC 2428 section 2)."""
    return _prepare_active(session, parse_eprt(command.argument, supported=_protocols(session)))


def _prepare_active(session: Session, target: HostPort) -> Reply:
    if not session.settings.active:
        return Reply(502, "Active mode is switched off; use EPSV or PASV")
    session.data.prepare_active(target)
    session.state.cpsv = False
    return Reply(200, "Ready to connect")


@verb("PASV")
async def pasv(session: Session, command: Invocation) -> Reply:
    """Tell where to connect to, IPv4 (RFC 959 section 4.1.2)."""
    return await _prepare_passive(session, cpsv=False)


@verb("CPSV")
async def cpsv(session: Session, command: Invocation) -> Reply:
    """Do PASV for another server whose TLS client we shall be (de facto)."""
    return session.refuse_tls_client("CPSV") or await _prepare_passive(session, cpsv=True)


async def _prepare_passive(session: Session, *, cpsv: bool) -> Reply:
    host = await session.data.passive_address()
    number = await session.data.prepare_passive(ipv6=_is_ipv6(session))
    session.state.cpsv = cpsv
    return Reply(227, pasv_text(HostPort(host, number)))


@verb("EPSV")
async def epsv(session: Session, command: Invocation) -> Reply:
    """Tell which port to connect to (RFC 2428 section 3); with ALL, promise to use nothing else."""
    supported = (IPV4, IPV6) if session.settings.ignores_epsv_protocol else _protocols(session)
    if parse_epsv(command.argument, supported=supported) == "ALL":
        session.state.epsv_only = True
        return Reply(200, "EPSV only from now on")
    number = await session.data.prepare_passive(ipv6=_is_ipv6(session))
    session.state.cpsv = False
    return Reply(229, epsv_text(number))


def _protocols(session: Session) -> tuple[int, ...]:
    """Return what works: data goes to the address the client talks from, so it is the family of that one."""
    return (IPV6,) if _is_ipv6(session) else (IPV4,)


def _is_ipv6(session: Session) -> bool:
    return ":" in session.transport.host.host  # never IPv4 in its v6-mapped form


@verb("TYPE")
async def type_(session: Session, command: Invocation) -> Reply:
    """Set the representation type: ASCII or image."""
    session.state.type = RepresentationType(parse_type(command.argument))
    return Reply(200, f"Type is {session.state.type.value}")


@verb("STRU")
async def stru(session: Session, command: Invocation) -> Reply:
    """Set the file structure: only file."""
    return Reply(200, f"Structure is {parse_structure(command.argument)}")


@verb("MODE")
async def mode(session: Session, command: Invocation) -> Reply:
    """Set the transfer mode: stream, or deflate where the settings allow it."""
    supported = "S" if session.settings.deflate_level is None else "SZ"
    session.state.mode = TransferMode(parse_mode(command.argument, supported=supported))
    return Reply(200, f"Mode is {session.state.mode.value}")
