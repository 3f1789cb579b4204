"""EPSV and PASV: what address and port the server gives, and whether they can be reached (RFC 2428, RFC 959)."""

from __future__ import annotations

from ipaddress import ip_address

from ftpstwist.cli.doctor.control import ControlConnection, connect, words
from ftpstwist.cli.doctor.data import read_epsv, read_pasv
from ftpstwist.cli.doctor.finding import Finding, Findings, note, ok, problem, said
from ftpstwist.cli.doctor.patience import Patience
from ftpstwist.wire.hostport import HostPort

_ADDRESS = (
    "On the server: set the public address (ProFTPD MasqueradeAddress; vsftpd pasv_address; Pure-FTPd -P; "
    "ftpstwist passive.address)"
)
_RANGE = (
    "In the firewall, and on the router: open the passive range and forward it unchanged (ProFTPD PassivePorts; "
    "vsftpd pasv_min_port, pasv_max_port; Pure-FTPd PassivePortRange; ftpstwist passive.ports). "
    "No FTP inspection can see into TLS to open single ports"
)


def try_epsv(control: ControlConnection, patience: Patience) -> Findings[bool]:
    """EPSV, and a connection to the port."""
    reply = control.do("EPSV")
    port = read_epsv(reply)
    if not reply.is_positive or port is None:
        text = f"not usable: {said(reply)}"
        if ":" in control.place.address:
            yield problem("EPSV", text, "On the server: allow EPSV; IPv6 has no other way")
        else:
            yield note("EPSV", text, "On the server: allow EPSV, which needs no address and so survives any router")
        return False
    return (yield from _reach("EPSV", control, port, patience))


def try_pasv(control: ControlConnection, patience: Patience) -> Findings[bool]:
    """PASV, judging the address, and a connection to the port at the address of the control connection."""
    if ":" in control.place.address:
        return False
    reply = control.do("PASV")
    place = read_pasv(reply)
    if not reply.is_positive or place is None:
        yield note("PASV", f"not usable: {said(reply)}", "Old clients know nothing else: allow it on the server")
        return False
    yield judge_address(place, control.place.address)
    return (yield from _reach("PASV", control, place.port, patience))


def judge_address(given: HostPort, address: str) -> Finding:
    """Judge the address of a 227 reply.

    Args:
        given: What the server gave.
        address: Where the control connection goes.
    """
    if given.host == address:
        return ok("PASV", f"address {given.host}, the one of the control connection")
    told, known = ip_address(given.host), ip_address(address)
    if told.is_unspecified:
        return problem("PASV", f"it gives the address {given.host}, which is none", _ADDRESS)
    if told.is_private and not known.is_private:
        return problem(
            "PASV", f"it gives the private address {given.host}: nobody outside can connect there (NAT)", _ADDRESS
        )
    return problem(
        "PASV", f"it gives the address {given.host}, but the control connection goes to {address}: not tried", _ADDRESS
    )


def _reach(verb: str, control: ControlConnection, port: int, patience: Patience) -> Findings[bool]:
    try:
        connect(control.place.address, port, patience).close()
    except TimeoutError:
        yield problem(
            verb, f"port {port} does not answer: a firewall drops it, or a router does not forward it", _RANGE
        )
    except ConnectionRefusedError:
        yield problem(verb, f"port {port} refuses connections: a firewall rejects it, or nothing listens", _RANGE)
    except OSError as error:
        yield problem(verb, f"port {port} can not be reached: {words(error)}", _RANGE)
    else:
        yield ok(verb, f"port {port} can be reached")
        return True
    return False
