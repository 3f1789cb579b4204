"""Commands and replies in order (RFC 959 section 5.4, RFC 1123 section 4.1.2.11).

How it works: octets become lines, lines become commands, commands wait in a
queue and are done one after the other. While a transfer runs, from its 150 on,
the queue's head is done beside it if the catalogue says so (ABOR, STAT, NOOP),
so the control connection is never deaf. Every command gets exactly one final
reply, in the order of arrival. Beyond the queue's limit no octet is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

from ftpstwist.commands.context import Invocation, Session
from ftpstwist.pi.dispatch import start
from ftpstwist.session.catalogue import CATALOGUE, CommandRow, shown_argument
from ftpstwist.session.events import CommandAnswered, Misused
from ftpstwist.session.gate import CLEAR_DATA, PROTECT_DATA, judge
from ftpstwist.session.policybook import judged_policy
from ftpstwist.wire.command import Command, CommandSyntaxError, parse_command
from ftpstwist.wire.framing import LineFramer, OverlongLine
from ftpstwist.wire.pathname import encode_name
from ftpstwist.wire.reply import Reply

OTHER_PROTOCOLS = frozenset(
    {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PROPFIND"}
    | {"HELO", "EHLO", "LHLO", "MAIL", "RCPT", "DATA", "STARTTLS", "SSH"}
)
"""First words of HTTP, SMTP and SSH: who says them is a browser or a mailer that was lured here (ALPACA)."""
_SSH_BANNER = b"SSH-"
"""RFC 4253 section 4.2; no FTP command has a hyphen."""

_SET_UP_WRONGLY = {
    PROTECT_DATA: (
        "a transfer in clear was refused, for the policy wants it under TLS",
        "switch encrypted data connections (PROT P) on in the client, or relax require in [policy] for this user",
    ),
    CLEAR_DATA: (
        "a transfer under TLS was refused, for the policy wants it in clear",
        "switch encrypted data connections off in the client (PROT C), or change require in [policy] for this user",
    ),
}
"""Refusals that mean a setting of the client: what the log says, and what to change."""

GOODBYES = frozenset({221, 421})
"""RFC 959 section 4.2.2: the control connection is closed behind these replies."""
_CLOSING = 421

COMMANDS_PER_TURN = 32
"""Commands of one session that are begun before the reactor turns to others."""


@dataclass(eq=False, slots=True)
class _Running:
    """A command that has begun and is not answered yet."""

    row: CommandRow
    argument: str
    began: float
    octets: int | None = None
    reply: Deferred[Reply] | None = None
    is_announced: bool = False
    is_cancelled: bool = False
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    waiting: list[Deferred[None]] = field(default_factory=list)

    def cancel(self) -> None:
        """Abort it, once; its reply comes when everything is released."""
        if not self.is_cancelled and self.reply is not None:
            self.is_cancelled = True
            self.reply.cancel()

    def note_octets(self, octets: int) -> None:
        """Remember what went over the data connection."""
        self.octets = octets


class Conversation:
    """The queue of commands of one session, and what is being done.

    Args:
        session: The session the commands act on.
        answered: Called after every final reply, with its code.
        settled: Called whenever nothing is being done any more.
        soon: Calls a function from the reactor, not before it returns itself.
    """

    def __init__(
        self,
        session: Session,
        *,
        answered: Callable[[int], None],
        settled: Callable[[], None],
        soon: Callable[[Callable[[], None]], object],
    ) -> None:
        self._session = session
        self._answered = answered
        self._settled = settled
        self._soon = soon
        self._framer = LineFramer(max_line=session.settings.line_octets)
        self._queue: deque[Command | Reply] = deque()
        self._running: _Running | None = None
        self._beside: _Running | None = None
        self._unknown = 0
        self._told: set[Reply] = set()
        self._advancing = False
        self._is_due = False
        self._paused = False
        self._ended = False
        self._muted = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being done."""
        return self._running is None and self._beside is None

    @property
    def doing(self) -> str:
        """The verb of the command that has begun and is not answered yet; empty if none has."""
        return "" if self._running is None else self._running.row.verb

    @property
    def is_transferring(self) -> bool:
        """Whether a transfer runs."""
        return self._running is not None and self._running.row.is_transfer

    @property
    def is_full(self) -> bool:
        """Whether no more octets should be read for now."""
        return self._paused or len(self._queue) >= self._session.settings.pipelined_commands

    def receive(self, octets: bytes) -> None:
        """Take octets as they come: half a command, or twenty."""
        if self._ended:
            return
        self._queue.extend(_read(line) for line in self._framer.receive(octets))
        self._go_on()

    def pause(self, *, paused: bool) -> None:
        """Begin no more commands while the client does not read its replies."""
        self._paused = paused
        self._advance()

    def end(self) -> None:
        """Begin no more commands, abort what is being done, and answer nothing any more."""
        self.finish()
        self._muted = True
        for running in (self._running, self._beside):
            if running is not None:
                running.cancel()

    def finish(self) -> None:
        """Begin no more commands; what is being done goes on."""
        self._ended = True
        self._queue.clear()
        self._framer.clear()

    def _go_on(self) -> None:
        self._is_due = False
        self._advance()
        if any(isinstance(item, Command) and item.verb == "ABOR" for item in self._queue):
            self._cancel_running()

    def _advance(self) -> None:
        """Begin what may begin, a few commands at a time: one read of the socket holds ten thousand short ones."""
        if self._advancing:
            return
        self._advancing = True
        try:
            for _ in range(COMMANDS_PER_TURN):
                if not self._queue or self._paused or not self._may_begin(self._queue[0]):
                    return
                self._begin(self._queue.popleft())
        finally:
            self._advancing = False
        if self._queue and not self._is_due:
            self._is_due = True
            self._soon(self._go_on)

    def _may_begin(self, item: Command | Reply) -> bool:
        if self._running is None:
            return True
        row = CATALOGUE.get(item.verb) if isinstance(item, Command) else None
        is_free = self._running.row.is_transfer and self._running.is_announced and self._beside is None
        return is_free and row is not None and row.during_transfer

    def _begin(self, item: Command | Reply) -> None:
        row = CATALOGUE.get(item.verb) if isinstance(item, Command) else None
        if row is None or isinstance(item, Reply):
            self._session.state.take_prefix(keep_restart=False)
            self._refuse_unknown(item)
            return
        item = self._in_charset(row, item)
        refusal = self._judge(row, item.argument)
        running = _Running(row, item.argument, self._session.now())
        if refusal is not None:
            self._tell_once(refusal)
            self._session.state.take_prefix(keep_restart=row.keeps_restart)
            self._answer(running, refusal)
            return
        self._perform(running)

    def _in_charset(self, row: CommandRow, command: Command) -> Command:
        """Return the command as this client means it, its octets having been taken for UTF-8 so far."""
        charset = self._session.charset
        if charset.is_utf_8 or (command.argument.isascii() and "{" not in command.argument):
            return command
        octets = encode_name(command.argument)
        return Command(command.verb, charset.text(octets) if row.secret else charset.name(octets))

    def _judge(self, row: CommandRow, argument: str) -> Reply | None:
        session = self._session
        policy = judged_policy(session.settings.policy, row, argument, session.state, session.subject)
        return judge(row, argument, session.state, policy)

    def _tell_once(self, refusal: Reply) -> None:
        """Tell the log, once in a session, of a client that is set up wrongly; its user sees a listing that fails."""
        if refusal not in _SET_UP_WRONGLY or refusal in self._told:
            return
        self._told.add(refusal)
        session = self._session
        session.sink.record(Misused(session.ref, session.now(), "data-protection", *_SET_UP_WRONGLY[refusal]))

    def _perform(self, running: _Running) -> None:
        beside = self._running is not None
        if beside:
            self._beside = running
            prefix = None
        else:
            self._running = running
            prefix = self._session.state.take_prefix(keep_restart=running.row.keeps_restart)
        invocation = Invocation(
            verb=running.row.alias or running.row.verb,
            argument=running.argument,
            prefix=prefix,
            preliminary=lambda reply: self._announce(running, reply),
            abort_transfer=self._abort_transfer,
            afterwards=running.afterwards.append,
            moved=running.note_octets,
            has_unread=lambda: bool(self._queue or self._framer.pending),
        )
        running.reply = start(self._session, running.row, invocation)
        running.reply.addCallback(lambda reply: self._finish(running, reply))

    def _announce(self, running: _Running, reply: Reply) -> None:
        """Send 150; what may be done beside a transfer has waited for it, or its reply would be taken for this one."""
        self._write(reply)
        running.is_announced = True
        if self._queue:
            self._soon(self._advance)

    def _finish(self, running: _Running, reply: Reply) -> None:
        if running is self._beside:
            self._beside = None
        else:
            self._running = None
        self._answer(running, reply)
        for waiting in running.waiting:
            waiting.callback(None)
        if self.is_settled:
            self._settled()
        self._advance()

    def _answer(self, running: _Running, reply: Reply) -> None:
        self._write(reply)
        verb = running.row.verb
        self._record(verb, shown_argument(verb, running.argument), reply, running.octets, running.began)
        for action in running.afterwards:
            action()

    def _write(self, reply: Reply) -> None:
        if not self._muted:
            self._session.transport.write(reply.encode(self._session.charset))

    def _record(self, verb: str, argument: str, reply: Reply, octets: int | None, began: float) -> None:
        now = self._session.now()
        session = self._session
        session.sink.record(
            CommandAnswered(
                session.ref, now, verb, argument, reply.code, octets, max(0.0, now - began), reply.lines[-1]
            )
        )
        if reply.code in GOODBYES:
            self.finish()
        self._answered(reply.code)

    def _refuse_unknown(self, command: Command | Reply) -> None:
        if isinstance(command, Reply):
            self._answer_unknown("?", "", command)
            return
        if command.verb in OTHER_PROTOCOLS:
            self._session.sink.record(
                Misused(
                    self._session.ref,
                    self._session.now(),
                    "other-protocol",
                    "the client speaks HTTP, SMTP or SSH, not FTP; it was disconnected",
                    "point the client at the right port",
                )
            )
            reply = Reply(_CLOSING, "This is an FTP server; closing")
        else:
            reply = Reply(500, "Unknown command")
        self._answer_unknown(command.verb, command.argument, reply)

    def _answer_unknown(self, verb: str, argument: str, reply: Reply) -> None:
        self._unknown += 1
        if self._unknown >= self._session.settings.unknown_commands:
            reply = Reply(_CLOSING, "Too many unknown commands; closing")
        self._write(reply)
        self._record(verb if verb.isalpha() else "?", shown_argument(verb, argument), reply, None, self._session.now())

    def _cancel_running(self) -> None:
        if self._running is not None and self._running.row.is_abortable:
            self._running.cancel()

    async def _abort_transfer(self) -> bool:
        running = self._running
        if running is None or not running.row.is_transfer:
            return False
        answered: Deferred[None] = Deferred()
        running.waiting.append(answered)
        running.cancel()
        await answered
        return True


def _read(line: bytes | OverlongLine) -> Command | Reply:
    if isinstance(line, OverlongLine):
        return Reply(500, "The command line is too long")
    if line.startswith(_SSH_BANNER):
        return Command("SSH")
    try:
        return parse_command(line)
    except CommandSyntaxError as error:
        return Reply(500, f"Not a command: {error}")
