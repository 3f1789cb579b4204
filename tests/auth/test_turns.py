"""Turns: caps on what is worked on at once."""

import pytest
from twisted.internet.defer import CancelledError
from twisted.logger import capturedLogs

from ftpstwist.auth.turns import Turns, once
from ftpstwist.interfaces import ErrorKind, FtpError
from tests.auth.neighbours import Running


def test_cap_and_queue_in_order():
    """At the cap the next one waits, and gets its turn when one ends, first come first served."""
    turns = Turns(at_once=2, waiting=2)
    first, second, third, fourth = [Running(turns.enter("a")) for _ in range(4)]
    assert [each.done for each in (first, second, third, fourth)] == [True, True, False, False]
    second.result()
    assert (third.done, fourth.done) == (True, False)
    third.result()
    assert fourth.done


def test_one_more_than_may_wait_is_sent_away():
    """At the cap of the queue one still waits; beyond it nobody does."""
    turns = Turns(at_once=1, waiting=1)
    _, waiting, refused = [Running(turns.enter("a")) for _ in range(3)]
    assert not waiting.done
    assert isinstance(refused.error, FtpError)
    assert refused.error.kind is ErrorKind.LOGIN_UNAVAILABLE
    assert refused.error.cause == "1 logins from a wait already"


def test_keys_do_not_touch_each_other():
    """One busy address does not hold up another."""
    turns = Turns(at_once=1, waiting=0)
    assert Running(turns.enter("a")).done
    assert Running(turns.enter("b")).done


def test_who_goes_while_waiting_leaves_no_gap():
    """A cancelled wait frees its place in the queue and nobody's turn."""
    turns = Turns(at_once=1, waiting=1)
    first, gone = Running(turns.enter()), Running(turns.enter())
    gone.cancel()
    assert isinstance(gone.error, CancelledError)
    waiting = Running(turns.enter())
    assert not waiting.done
    first.result()
    assert waiting.done


def test_a_turn_ends_once():
    """Ending a turn twice does not let two in."""
    turns = Turns(at_once=1, waiting=2)
    first, second, third = [Running(turns.enter()) for _ in range(3)]
    first.result()
    first.result()
    assert second.done
    assert not third.done


def test_nothing_is_remembered_of_who_has_gone():
    """A million addresses, one after the other, leave nothing behind."""
    turns = Turns(at_once=2, waiting=2)
    for n in range(100):
        leaves = [Running(turns.enter(str(n))) for _ in range(3)]
        for each in leaves:
            each.result()
    assert not turns._gates


def test_a_turn_that_ends_at_once():
    """Whoever goes through without stopping, while another leaves, neither breaks nor opens the gate."""
    turns = Turns(at_once=1, waiting=5)
    inside = []

    async def pass_through_and_return():
        (await turns.enter("a"))()
        inside.append(await turns.enter("a"))

    first = Running(turns.enter("a"))
    passing = Running(pass_through_and_return())
    first.result()
    assert passing.done
    late = Running(turns.enter("a"))
    assert not late.done, "one is inside"
    inside[0]()
    assert late.done


def test_a_long_queue_that_goes_at_once():
    """A thousand who wait and then leave at once do not pile up on the stack."""
    turns = Turns(at_once=1, waiting=1000)
    passed = []

    async def pass_through(number):
        leave = await turns.enter()
        passed.append(number)
        leave()

    first = Running(turns.enter())
    queue = [Running(pass_through(n)) for n in range(1000)]
    first.result()
    assert passed == list(range(1000))
    assert all(each.result is None for each in queue)
    assert not turns._gates


def test_once_logs_instead_of_raising():
    """A logout of a foreign realm that fails does not harm the end of the session."""
    calls = []

    def fail():
        calls.append(1)
        raise ValueError("x")

    logout = once(fail)
    with capturedLogs() as logs:
        logout()
        logout()
    assert calls == [1]
    assert [event["log_failure"].type for event in logs] == [ValueError]


@pytest.mark.parametrize("at_once", [0, -1])
def test_a_cap_of_nothing_is_refused(at_once):
    """A setting that would let nobody in is an error, not a silent lock-out."""
    with pytest.raises(ValueError):
        Turns(at_once=at_once, waiting=1)
