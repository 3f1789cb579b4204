"""Taking questions to OCSP responders and bringing back their answers (RFC 6960 appendix A): POST over plain http.

Plain, because an answer is signed. Every wait and every size has its limit;
no redirection is followed, for nobody but the configuration and the issuers of
certificates say whom this server connects to.
"""

from __future__ import annotations

from typing import Any, NoReturn, cast

from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.interfaces import IConsumer, IProtocol, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

_AT_ONCE = 8
_OK = 200
_REQUEST_HEADERS = {"Content-Type": ["application/ocsp-request"], "Accept": ["application/ocsp-response"]}


class NoAnswer(Exception):  # noqa: N818 - no fault of ours
    """A responder gave no answer; the text tells why."""


class Responders:
    """Asks responders, a few at a time.

    Args:
        reactor: Where connections are made.
        seconds: Longest time from the question to the answer.
        most: Octets of the longest answer.
    """

    def __init__(self, reactor: IReactorTime, *, seconds: float, most: int) -> None:
        self._clock = reactor
        self._seconds = seconds
        self._most = most
        self._turns = DeferredSemaphore(_AT_ONCE)
        pool = HTTPConnectionPool(reactor, persistent=False)
        self._agent = Agent(cast("Any", reactor), connectTimeout=seconds, pool=pool)

    async def ask(self, address: str, question: bytes) -> bytes:
        """Return the answer of the responder at *address*.

        Raises:
            NoAnswer: There is none in time, or none that could be one.
        """
        answer = self._turns.run(lambda: Deferred.fromCoroutine(self._exchange(address, question)))
        answer.addTimeout(self._seconds, self._clock, onTimeoutCancel=_tell_too_late)
        try:
            return await answer
        except NoAnswer:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong over there, it is no answer
            raise NoAnswer(_words(error)) from None

    async def _exchange(self, address: str, question: bytes) -> bytes:
        headers = Headers(_REQUEST_HEADERS)
        response: IResponse = await self._agent.request(b"POST", address.encode("ascii"), headers, _Body(question))
        collected: Deferred[bytes] = Deferred()
        body = _Collector(collected, self._most)
        collected.addErrback(body.give_up)
        response.deliverBody(cast("IProtocol", body))
        octets = await collected
        if response.code != _OK:
            raise NoAnswer(f"it answered {response.code}")
        return octets


def _tell_too_late(outcome: object, seconds: float) -> NoReturn:  # noqa: ARG001 - Twisted's signature
    raise NoAnswer(f"no answer within {seconds:g} s")


def _words(error: Exception) -> str:
    reasons = getattr(error, "reasons", ())
    shown = reasons[0].value if reasons else error
    return f"{type(shown).__name__}: {shown}" if str(shown) else type(shown).__name__


@implementer(IBodyProducer)
class _Body:
    """The body of a request: octets, written at once."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.length = len(octets)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802 - Twisted's interface
        consumer.write(self._octets)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's interface
        """Nothing is left to pause."""

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's interface
        """Nothing is left to produce."""

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's interface
        """Nothing is left to stop."""


class _Collector(Protocol):
    """Gathers the body of a response, up to a limit."""

    def __init__(self, collected: Deferred[bytes], most: int) -> None:
        self._collected = collected
        self._most = most
        self._octets = bytearray()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's interface
        self._octets += data
        if len(self._octets) > self._most:
            self._fail(NoAnswer(f"its answer has more than {self._most} octets"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's interface
        if self._collected.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):  # a cut one does not verify
            self._collected.callback(bytes(self._octets))
        else:
            self._fail(NoAnswer(f"the connection ended before its answer did: {reason.getErrorMessage()}"))

    def give_up(self, failure: Failure) -> Failure:
        """End the connection when nobody waits for the rest any more."""
        if self.transport is not None:
            self.transport.loseConnection()
        return failure

    def _fail(self, error: Exception) -> None:
        if not self._collected.called:
            self._collected.errback(error)
