"""The order of all steps, and what ends the examination early.

How it works: every step yields findings and returns what later steps need; a
step that lets the next ones down returns nothing, and the examination goes on
with what is left. A server that falls silent or hangs up in a step costs a
finding, never a traceback.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from ftpstwist.cli.doctor import encryption, login, passive, probes, reach, transfer
from ftpstwist.cli.doctor.control import ControlConnection, ConversationError, Place, words
from ftpstwist.cli.doctor.data import DataConnections
from ftpstwist.cli.doctor.finding import Finding, Findings, Value, note, ok, problem
from ftpstwist.cli.doctor.patience import OutOfTime, Patience
from ftpstwist.session.identity import Secret


@dataclass(frozen=True, slots=True)
class Request:
    """What the user wants examined.

    Attributes:
        host: Name or address.
        port: Of the control connection.
        implicit: Which mode to insist on; ``None`` to find out.
        user: Name to log in with; ``None`` to stop before the login.
        password: Its password.
        path: Directory to work in; ``None`` for where the login leads.
        uploads: Whether a test file may be written.
        thorough: Whether to try an upload that is cut off.
        trust: Verifies the certificate of the server, but not its names.
    """

    host: str
    port: int
    implicit: bool | None = None
    user: str | None = None
    password: Secret = field(default_factory=lambda: Secret(""))
    path: str | None = None
    uploads: bool = True
    thorough: bool = False
    trust: ssl.SSLContext = field(default_factory=encryption.verifying_context)


class Examination:
    """One examination of one server.

    Args:
        request: What to examine.
        patience: Limits every wait, and all of them together.

    Attributes:
        connected: Whether the server could be reached at all.
    """

    def __init__(self, request: Request, patience: Patience) -> None:
        self.connected = False
        self._request = request
        self._patience = patience

    def findings(self) -> Iterator[Finding]:
        """Examine; yields every finding as soon as it is there."""
        try:
            yield from self._examine()
        except OutOfTime:
            yield problem("time", "the examination took too long and was ended", "Give --timeout a larger number")
        yield ok("time", f"{self._patience.elapsed:.1f} s in all")

    def _examine(self) -> Findings[None]:
        request, patience = self._request, self._patience
        addresses = yield from reach.look_up(request.host, request.port, patience)
        reached = yield from reach.try_addresses(request.host, addresses, request.port, patience)
        if reached is None:
            return
        self.connected = True
        place = yield from reach.greet(reached, request.implicit, patience)
        if place is None:
            return
        if not place.implicit and not (yield from _tried("AUTH TLS", encryption.ask_for_tls(place, patience))):
            return
        found = yield from _tried("handshake", encryption.shake_hands(place, request.trust, patience))
        with ExitStack() as connections:
            if found is not None:
                connections.enter_context(found.control)
            yield from self._probe(place)
            if found is not None:
                yield from _tried("session", self._use(found))

    def _probe(self, place: Place) -> Findings[None]:
        for step, probe in (
            ("old versions", probes.try_obsolete_versions),
            ("ALPN", probes.try_foreign_protocol),
            ("injection", probes.try_injection),
        ):
            yield from _tried(step, probe(place, self._patience))

    def _use(self, found: encryption.Encrypted) -> Findings[None]:
        request, control = self._request, found.control
        if request.user is None:
            yield note("login", "not tried, and nothing behind it", "Give --user and --password-stdin to go on")
            return
        if not (yield from login.log_in(control, request.user, request.password)):
            return
        features = yield from login.see_features(control)
        if not (yield from login.protect(control)):
            return
        is_there = yield from login.go_to(control, request.path)
        verb = yield from self._find_way(control)
        if verb is not None:
            data = DataConnections(control, found.context, verb, self._patience)
            yield from self._transfer(control, data, features, may_write=is_there)
        with suppress(ConversationError):
            control.do("QUIT")

    def _find_way(self, control: ControlConnection) -> Findings[str | None]:
        extended = yield from passive.try_epsv(control, self._patience)
        old = yield from passive.try_pasv(control, self._patience)
        yield note("active mode", "not tried: it needs an open port on this side, which few networks have")
        return "EPSV" if extended else "PASV" if old else None

    def _transfer(
        self, control: ControlConnection, data: DataConnections, features: frozenset[str], *, may_write: bool
    ) -> Findings[None]:
        if not (yield from transfer.try_data_connection(data)):
            return
        yield from transfer.list_directory(data, features)
        if self._request.uploads and may_write:
            yield from transfer.exchange_file(control, data)
            if self._request.thorough:
                yield from transfer.cut_upload(control, data)
        else:
            yield note("upload", "not tried")
        yield from transfer.try_resumption(data)


def _tried(step: str, findings: Findings[Value]) -> Findings[Value | None]:
    """Do a step to its end, or to where the connection ends."""
    try:
        return (yield from findings)
    except ConversationError as error:
        if isinstance(error.__cause__, ssl.SSLError):  # TLS 1.3 tells only now that a client certificate is missing
            yield encryption.explain(error.__cause__, step)
            return None
        yield problem(step, str(error), "See the server's log for the reason")
    except OSError as error:
        yield problem(step, f"the connection broke: {words(error)}", "See the server's log for the reason")
    return None
