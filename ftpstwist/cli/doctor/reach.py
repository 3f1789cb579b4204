"""First steps: the name, the TCP connection, and what speaks at the other end (RFC 959 section 5.4).

Finds out which mode of TLS the port wants. It refuses to try other ports than the one it was given.
"""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import replace
from ipaddress import ip_address
from queue import Empty, Queue
from threading import Thread

from ftpstwist.cli.doctor.control import ControlConnection, ConversationError, NotFtp, Place, Silence, words
from ftpstwist.cli.doctor.encryption import trusting_context
from ftpstwist.cli.doctor.finding import Finding, Findings, note, ok, problem, quoted, said
from ftpstwist.cli.doctor.patience import OutOfTime, Patience
from ftpstwist.wire.reply import Reply

SLOW_SECONDS = 3.0
"""A greeting that takes longer makes people think the server is down."""
READY = 220
"""RFC 959 section 5.4: service ready."""
IMPLICIT_PORT = 990

_CLOSED = "Start the server, or let its port through the firewall; behind a router, forward the port"
_EXPLICIT_CLIENT = "In the client: choose explicit FTP over TLS (FTPES), not implicit"
_IMPLICIT_CLIENT = "In the client: choose implicit FTP over TLS (ftps://), not explicit"
_NO_TLS_AT_ONCE = "The port talks FTP in clear first: explicit mode"


def look_up(host: str, port: int, patience: Patience) -> Findings[list[str]]:
    """Find the addresses of the server; IPv4 first, as PASV can be tried there only."""
    answer: Queue[list[str] | str] = Queue()
    Thread(target=_resolve, args=(host, port, answer), daemon=True).start()  # the resolver knows no timeouts
    try:
        addresses = answer.get(timeout=patience.left(patience.deadline()))
    except (Empty, TimeoutError):
        addresses = "no answer in time"
    if isinstance(addresses, str):
        yield problem("name", f"{quoted(host)} has no address: {addresses}", "Mend the name, or its A or AAAA record")
        return []
    yield ok("name", ", ".join(addresses))
    if not _is_numeric(host) and (inner := [each for each in addresses if _is_inner(each)]):
        yield note("name", f"private address, reachable from inside only: {', '.join(inner)}")
    return addresses


def _resolve(host: str, port: int, answer: Queue[list[str] | str]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        answer.put(words(error))
    except UnicodeError:
        answer.put("it is no host name")
    else:
        addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
        answer.put(sorted(addresses, key=lambda address: ":" in address))


def _is_numeric(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_inner(address: str) -> bool:
    parsed = ip_address(address.partition("%")[0])
    return parsed.is_private and not parsed.is_loopback


def try_addresses(host: str, addresses: list[str], port: int, patience: Patience) -> Findings[Place | None]:
    """Connect to every address; the first that answers is the one to go on with."""
    chosen: Place | None = None
    for address in addresses:
        place = Place(host, address, port)
        begin = time.monotonic()
        try:
            ControlConnection(place, patience).close()
        except OSError as error:
            yield _unreachable(address, port, error, last_hope=len(addresses) == 1)
        else:
            yield ok("connection", f"{address} port {port} answers after {time.monotonic() - begin:.3f} s")
            chosen = chosen or place
    return chosen


def _unreachable(address: str, port: int, error: OSError, *, last_hope: bool) -> Finding:
    text = f"{address} port {port}: {words(error)}"
    if isinstance(error, ConnectionRefusedError) and not last_hope:
        return note("connection", text, "Clients go on to the next address at once; better let the server listen there")
    if not last_hope:
        return problem("connection", text, f"{_CLOSED}; or take this address out of DNS: clients wait for it")
    return problem("connection", text, _CLOSED)


def greet(place: Place, wanted: bool | None, patience: Patience) -> Findings[Place | None]:  # noqa: FBT001
    """Read the greeting, and find out whether TLS starts at once.

    Args:
        place: Where to connect.
        wanted: Whether the user said implicit; ``None`` to find out.
        patience: Limits every wait.

    Returns:
        The place with its mode, or nothing if no FTPS is spoken there.
    """
    implicit = place.port == IMPLICIT_PORT if wanted is None else wanted
    return (yield from _greet(place, implicit=implicit, patience=patience, may_differ=wanted is None))


def _greet(place: Place, *, implicit: bool, patience: Patience, may_differ: bool) -> Findings[Place | None]:
    begin = time.monotonic()
    mode = replace(place, implicit=implicit)
    try:
        reply = _greeting(mode, patience)
    except ssl.SSLError as error:
        return (yield from _after_failed_handshake(place, error, patience, may_differ=may_differ))
    except NotFtp as error:
        yield _other_protocol(error.line)
        return None
    except Silence:
        return (yield from _after_silence(mode, patience, may_differ=may_differ))
    except (ConversationError, OSError) as error:
        why = words(error) if isinstance(error, OSError) else str(error)
        yield problem(
            "greeting", f"none: {why}", "See the server's log: a ban, a limit on connections, or allowed networks"
        )
        return None
    return (yield from _judge_greeting(mode, reply, time.monotonic() - begin))


def _greeting(place: Place, patience: Patience) -> Reply:
    with ControlConnection(place, patience) as control:
        if place.implicit:
            control.start_tls(trusting_context())
        return control.reply()


def _judge_greeting(place: Place, reply: Reply, seconds: float) -> Findings[Place | None]:
    if reply.code != READY:
        yield problem("greeting", f"the server refuses: {said(reply)}", "Wait, or see the server's limits and bans")
        return None
    yield ok("greeting", f"{said(reply)}; {'implicit' if place.implicit else 'explicit'} mode")
    if seconds > SLOW_SECONDS:
        yield problem(
            "greeting",
            f"it took {seconds:.1f} s",
            "On the server: switch off reverse look-ups and ident (ProFTPD UseReverseDNS, IdentLookups; "
            "vsftpd reverse_lookup_enable; Pure-FTPd -H), or mend its DNS",
        )
    return place


def _after_silence(place: Place, patience: Patience, *, may_differ: bool) -> Findings[Place | None]:
    """Nobody greeted: perhaps TLS is expected at once, perhaps the other side waits for a request."""
    if not place.implicit and _speaks(replace(place, implicit=True), patience):
        if may_differ:
            yield note("greeting", "none in clear: TLS starts at once here (implicit mode)", _IMPLICIT_CLIENT)
            return (yield from _greet(place, implicit=True, patience=patience, may_differ=False))
        yield problem("greeting", "none: TLS is expected at once (implicit mode)", _IMPLICIT_CLIENT)
        return None
    yield problem(
        "greeting",
        f"no greeting within {patience.step:.0f} s",
        "Is this the FTP port? If so: reverse look-ups or a full server may delay it, or a firewall holds it back",
    )
    return None


def _after_failed_handshake(
    place: Place, error: ssl.SSLError, patience: Patience, *, may_differ: bool
) -> Findings[Place | None]:
    """TLS at once did not work: perhaps the server greets in clear."""
    if _speaks(place, patience):
        if may_differ:
            yield note("greeting", _NO_TLS_AT_ONCE, _EXPLICIT_CLIENT)
            return (yield from _greet(place, implicit=False, patience=patience, may_differ=False))
        yield problem("greeting", f"{_NO_TLS_AT_ONCE}, not implicit", _EXPLICIT_CLIENT)
        return None
    yield problem("greeting", f"TLS at once fails: {words(error)}", "See the server's log; is this the FTPS port?")
    return None


def _speaks(place: Place, patience: Patience) -> bool:
    try:
        return _greeting(place, patience).code == READY
    except (ConversationError, OSError, OutOfTime):
        return False


def _other_protocol(line: str) -> Finding:
    if line.startswith("HTTP/"):
        return problem("greeting", "a web server answers", "Give --port: FTPS is at 21 or 990")
    if line.startswith("SSH-"):
        return problem(
            "greeting",
            f"an SSH server answers ({quoted(line)})",
            "That is for SFTP, another protocol: give --port, 21 or 990",
        )
    return problem("greeting", f"no FTP: {quoted(line)}", "Give --port: FTPS is at 21 or 990")
