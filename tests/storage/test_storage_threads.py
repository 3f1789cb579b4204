"""Worker threads: results come back, and nothing is released while a thread still uses it."""

from __future__ import annotations

import threading

import pytest
from twisted.internet.defer import CancelledError, Deferred

from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.storage.threads import TwistedWorkerThreads


class ReactorQueue:
    """The part of a reactor that threads use: calls wait until the test runs them."""

    def __init__(self):
        self._calls = []
        self._filled = threading.Semaphore(0)

    def callFromThread(self, function, *args, **kwargs):
        self._calls.append((function, args, kwargs))
        self._filled.release()

    def run_next(self):
        assert self._filled.acquire(timeout=30)
        function, args, kwargs = self._calls.pop(0)
        function(*args, **kwargs)


@pytest.fixture
def reactor():
    return ReactorQueue()


@pytest.fixture
def threads(reactor):
    threads = TwistedWorkerThreads(reactor, threads=2)
    threads.start()
    yield threads
    threads.stop()


def outcome_of(deferred):
    """Collect what a Deferred fires with."""
    outcome = []
    deferred.addBoth(outcome.append)
    return outcome


def test_results_and_arguments(reactor, threads):
    """A function runs in another thread, and its result comes back on the reactor's."""

    def work(*args, **kwargs):
        return args, kwargs, threading.get_ident()

    outcome = outcome_of(Deferred.fromCoroutine(threads.run(work, 1, two=2)))
    assert outcome == []
    reactor.run_next()
    ((args, kwargs, thread),) = outcome
    assert (args, kwargs) == ((1,), {"two": 2})
    assert thread != threading.get_ident()


def test_errors_come_back(reactor, threads):
    """What the function raises is raised."""
    error = FtpError(ErrorKind.NO_SPACE)

    def work():
        raise error

    outcome = outcome_of(Deferred.fromCoroutine(threads.run(work)))
    reactor.run_next()
    assert outcome[0].value is error


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("fails", [False, True])
def test_a_cancelled_call_waits_for_its_thread(reactor, threads, times, fails):
    """However often it is cancelled, it ends only when the function has ended; then as cancelled."""
    may_end = threading.Event()
    ended = []

    def work():
        may_end.wait(30)
        ended.append(True)
        if fails:
            raise FtpError(ErrorKind.STORAGE_FAILED)

    call = Deferred.fromCoroutine(threads.run(work))
    outcome = outcome_of(call)
    for _ in range(times):
        call.cancel()
    assert outcome == []
    may_end.set()
    reactor.run_next()
    assert ended == [True]
    assert outcome[0].check(CancelledError)


def test_one_call_cancelled_does_not_touch_another(reactor, threads):
    """Cancelling is about one session's call."""
    may_end = threading.Event()
    first = Deferred.fromCoroutine(threads.run(may_end.wait, 30))
    second = Deferred.fromCoroutine(threads.run(may_end.wait, 30))
    outcomes = outcome_of(first), outcome_of(second)
    first.cancel()
    may_end.set()
    reactor.run_next()
    reactor.run_next()
    assert outcomes[0][0].check(CancelledError)
    assert outcomes[1] == [True]


def test_a_cancelled_error_of_the_function_is_its_error(reactor, threads):
    """A CancelledError raised by the work itself is passed on and does not make the call wait for ever."""

    def work():
        raise CancelledError

    outcome = outcome_of(Deferred.fromCoroutine(threads.run(work)))
    reactor.run_next()
    assert outcome[0].check(CancelledError)


def test_before_start_and_after_stop(reactor):
    """Work is refused at once when there are no threads, instead of waiting for ever."""
    threads = TwistedWorkerThreads(reactor, threads=1)
    before = outcome_of(Deferred.fromCoroutine(threads.run(int)))
    threads.start()
    threads.start()
    during = outcome_of(Deferred.fromCoroutine(threads.run(int)))
    threads.stop()
    threads.stop()
    reactor.run_next()
    after = outcome_of(Deferred.fromCoroutine(threads.run(int)))
    threads.start()
    again = outcome_of(Deferred.fromCoroutine(threads.run(int)))
    threads.stop()
    reactor.run_next()
    assert (during, again) == ([0], [0])
    for outcome in (before, after):
        assert outcome[0].value.kind is ErrorKind.STORAGE_FAILED
