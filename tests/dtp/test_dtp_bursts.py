"""Turns of the bursts of all transfers: as many as processors, and none lost to a slow disk."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from ftpstwist.dtp.buffers import Buffers
from ftpstwist.dtp.burst import Bursts
from ftpstwist.dtp.pump import Pause


class Flow:
    """One transfer whose bursts end when the test says so."""

    octets = 0

    def __init__(self) -> None:
        self.patience: list[bool] = []
        self.is_stopped = False

    def burst(self, quantum: int, *, patient: bool) -> Pause:
        raise NotImplementedError

    def stop(self) -> None:
        self.is_stopped = True


class Threads:
    """Worker threads that do nothing by themselves."""

    def __init__(self) -> None:
        self.running: list[tuple[Flow, Deferred]] = []

    async def run(self, function, quantum, *, patient):
        flow = function.__self__
        flow.patience.append(patient)
        ended: Deferred = Deferred()
        self.running.append((flow, ended))
        return await ended

    @property
    def flows(self) -> list[Flow]:
        return [flow for flow, _ in self.running]

    def end(self, flow: Flow, result=Pause.SPENT) -> None:
        (ended,) = [ended for each, ended in self.running if each is flow]
        self.running = [each for each in self.running if each[0] is not flow]
        ended.callback(result)


class Bench:
    def __init__(self, at_once: int = 2) -> None:
        self.clock, self.threads = Clock(), Threads()
        self.bursts = Bursts(self.threads, buffers=Buffers(0), clock=self.clock, at_once=at_once)

    def begin(self, count: int) -> tuple[list[Flow], list[Deferred]]:
        flows = [Flow() for _ in range(count)]
        return flows, [Deferred.fromCoroutine(self.bursts.run(flow, 100)) for flow in flows]


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    while bench.threads.running:
        bench.threads.end(bench.threads.flows[0])


def test_as_many_as_processors(bench):
    """Bursts beyond the processors wait, in the order they came; nobody waits patiently for a peer meanwhile."""
    flows, results = bench.begin(4)
    assert bench.threads.flows == flows[:2]
    bench.threads.end(flows[1])
    assert bench.threads.flows == [flows[0], flows[2]]
    assert results[1].result is Pause.SPENT
    assert flows[2].patience == [False]
    for flow in (flows[0], flows[2], flows[3]):
        bench.threads.end(flow)
    assert flows[3].patience == [True]
    assert all(result.called for result in results)
    assert bench.clock.getDelayedCalls() == []


def test_slow_disk_slows_nobody_else(bench):
    """Bursts that hang at a disk give their turns away, and get none back twice."""
    hanging, _ = bench.begin(2)
    others, _ = bench.begin(2)
    assert bench.threads.flows == hanging
    bench.clock.advance(1)
    assert bench.threads.flows == hanging + others
    for flow in (*hanging, *others):
        bench.threads.end(flow)
    more, _ = bench.begin(3)
    assert bench.threads.flows == more[:2]


def test_aborted_while_it_waits(bench):
    """A transfer that is aborted before its turn leaves no gap, and takes no turn with it."""
    flows, results = bench.begin(4)
    results[2].cancel()
    results[2].addErrback(lambda failure: failure.trap(CancelledError))
    bench.threads.end(flows[0])
    assert bench.threads.flows == [flows[1], flows[3]]


def test_aborted_while_it_runs(bench):
    """An aborted burst is told to stop, and keeps its turn until it has."""
    flows, results = bench.begin(3)
    results[0].cancel()
    results[0].addErrback(lambda failure: failure.trap(CancelledError))
    assert flows[0].is_stopped
    assert bench.threads.flows == flows[:2]
    bench.threads.end(flows[0])
    assert bench.threads.flows == flows[1:]
