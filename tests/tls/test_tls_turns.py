"""Turns: what clients that are not logged in may take of one turn of the reactor."""

import pytest
from twisted.internet.task import Clock

from ftpstwist.tls.turns import SHARE_SECONDS, Turns
from tests.tls.test_tls_upgrade import explicit
from tests.tls.tls_support import StdlibClient, client_context
from tests.tls.tls_switch import Line


class Diary:
    """Turns with a share of 3 seconds, and works that take as long as they are told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.turns = Turns(self.clock, 3)
        self.done: list[str] = []

    def work(self, name: str, seconds: float):
        def work():
            self.clock.rightNow += seconds  # time goes by, without a turn
            self.done.append(name)

        return work

    def turn(self) -> list[str]:
        """Do what was to be done later, and nothing that is put off meanwhile: a Clock does not stop there."""
        self.done.clear()
        calls, self.clock.calls = self.clock.calls, []
        for call in calls:
            call.called = True
            call.func()
        return self.done


def test_a_share_is_spent_and_renewed():
    """At the end of the share nothing begins; the next turn has a new one."""
    diary = Diary()
    diary.turns.run(diary.work("a", 2.9))
    assert diary.turns.is_free
    diary.turns.run(diary.work("b", 0.1))
    assert not diary.turns.is_free
    assert diary.turn() == []
    assert diary.turns.is_free
    assert not diary.clock.getDelayedCalls(), "turns are not made for their own sake"


def test_who_waits_is_served_in_order_one_share_a_turn():
    """What does not fit into one turn goes on in the next; nobody overtakes."""
    diary = Diary()
    for name in "abcde":
        diary.turns.wait(diary.work(name, 1.5))
    assert not diary.turns.is_free
    assert diary.turn() == ["a", "b"]
    assert not diary.turns.is_free
    assert diary.turn() == ["c", "d"]
    assert diary.turn() == ["e"]
    assert diary.turns.is_free


def test_one_that_takes_longer_than_a_share_holds_up_nobody_for_ever():
    """A turn always serves one."""
    diary = Diary()
    for name in "ab":
        diary.turns.wait(diary.work(name, 10))
    assert diary.turn() == ["a"]
    assert diary.turn() == ["b"]


def test_a_place_can_be_given_up():
    """Who goes is not served, and leaves no gap; going twice does no harm."""
    diary = Diary()
    first, second = diary.turns.wait(diary.work("a", 1)), diary.turns.wait(diary.work("b", 1))
    first.cancel()
    assert diary.turn() == ["b"]
    second.cancel()
    assert diary.turn() == []


def test_what_fails_is_counted_too():
    """A handshake that fails has taken its time."""
    diary = Diary()

    def fail():
        diary.clock.rightNow += 3
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        diary.turns.run(fail)
    assert not diary.turns.is_free


# --- control connections ----------------------------------------------------------------------------


def busy(line: Line) -> Line:
    """Let others use up the share of this turn."""
    line.turns.run(lambda: setattr(line.clock, "rightNow", line.clock.rightNow + SHARE_SECONDS))
    return line


def test_commands_before_the_login_wait_for_their_turn():
    """They are delivered together in the next turn; meanwhile the socket is read once more, and then no further."""
    line = busy(explicit())
    line.receive(b"NOOP\r\n")
    assert line.tcp.producerState == "producing"
    line.receive(b"FEAT\r\n")
    assert line.tcp.producerState == "paused"
    assert not line.notes.received
    line.clock.advance(0)
    assert line.notes.received == b"NOOP\r\nFEAT\r\n"
    assert line.tcp.producerState == "producing"


def test_a_handshake_waits_for_its_turn():
    """It goes on in the next one."""
    line = explicit()
    line.receive(b"AUTH TLS\r\n")
    line.tcp.clear()
    client = StdlibClient(client_context())
    client.step()
    busy(line).receive(client.take())
    assert not line.tcp.taken()
    line.clock.advance(0)
    client.give(line.tcp.taken())
    line.shake_hands(client)


def test_who_is_logged_in_waits_for_no_stranger():
    """Commands are delivered as they come; after a logout they wait again."""
    line = explicit()
    line.switch.serve_at_once(at_once=True)
    busy(line).receive(b"NOOP\r\n")
    assert line.notes.received == b"NOOP\r\n"
    line.switch.serve_at_once(at_once=False)
    line.receive(b"FEAT\r\n")
    assert line.notes.received == b"NOOP\r\n"


def test_who_goes_while_waiting_is_not_served():
    """Nothing is delivered after the end; what was sent before a FIN is."""
    gone, ended = busy(explicit()), busy(explicit())
    gone.receive(b"NOOP\r\n")
    gone.tcp.reset_by_peer()
    gone.clock.advance(0)
    assert not gone.notes.received
    ended.receive(b"NOOP\r\n")
    ended.switch.readConnectionLost()
    assert not ended.notes.received
    ended.clock.advance(0)
    assert ended.notes.received == b"NOOP\r\n"
    assert ended.tcp.ends == ["close"]
