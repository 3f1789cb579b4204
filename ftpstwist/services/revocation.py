"""Whether clients' certificates were revoked since they were issued: asked of their issuers, and remembered (RFC 6960).

How it works: at a login the question goes to the OCSP responder, once for all
who wait for the same answer. Answers are kept as long as they say, within
limits; that there was none is kept for some seconds, so that a responder that
is down does not hold up everybody in turn. Handshakes never wait for any of
this. Revocation lists count in the handshake already: who is here has passed
them, and where one is at hand it stands in for an answer that does not come.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_clients import AskResponder, OcspSettings, Unanswered
from ftpstwist.services.certificates import Certificates
from ftpstwist.services.responders import NoAnswer, Responders
from ftpstwist.session.certificate import PeerCertificate, write_name
from ftpstwist.tls.ocsp import MAX_OCTETS, ResponseError
from ftpstwist.tls.revocation import Question, judge_answer, question_about

_log = Logger()

_NONCE_OCTETS = 16
_UNANSWERED_SECONDS = 10.0

Ask = Callable[[str, bytes], Awaitable[bytes]]
"""Takes a question to an address; raises NoAnswer."""
_Key = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is known of one certificate.

    Attributes:
        objection: Why it is not good; ``None`` if it is, or if nobody knows.
        until: End of the knowledge, in seconds since the epoch.
        silence: Why nobody knows; empty if somebody does.
    """

    objection: str | None
    until: float
    silence: str = ""


def ask_responders(
    settings: Settings, *, certificates: Certificates, reactor: IReactorTime, now: Callable[[], float]
) -> OcspRevocations | None:
    """Return what asks responders as the configuration says; ``None`` if it asks nobody.

    Args:
        settings: The configuration.
        certificates: Know the revocation lists at hand.
        reactor: Where connections are made.
        now: Seconds since the epoch.
    """
    ocsp = settings.tls.clients.ocsp
    if ocsp.ask is AskResponder.NEVER:
        return None

    def has_list(issuer: x509.Name) -> bool:
        return issuer in certificates.contexts.current.policy.clients.listed_issuers

    responders = Responders(reactor, seconds=ocsp.timeout, most=MAX_OCTETS)
    return OcspRevocations(ocsp, ask=responders.ask, has_list=has_list, now=now, random=secrets.token_bytes)


class OcspRevocations:
    """Asks responders, and remembers. A ``Revocations``.

    Args:
        settings: Whom to ask, when, and what silence means.
        ask: Takes a question to a responder.
        has_list: Tells whether there is a revocation list of an issuer.
        now: Seconds since the epoch.
        random: Returns random octets.
    """

    def __init__(
        self,
        settings: OcspSettings,
        *,
        ask: Ask,
        has_list: Callable[[x509.Name], bool],
        now: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._settings = settings
        self._ask = ask
        self._has_list = has_list
        self._now = now
        self._random = random
        self._known: OrderedDict[_Key, _Verdict] = OrderedDict()
        self._waiting: dict[_Key, list[Deferred[_Verdict]]] = {}

    async def objection(self, certificate: PeerCertificate) -> str | None:
        """Return why nobody may log in with *certificate*, for the log; ``None`` if nothing is against it."""
        if not certificate.trusted:
            return None  # it says nothing but its key, and nobody has issued that
        who = f"the certificate of {write_name(certificate.subject)!a}"
        try:
            question = question_about(certificate, self._random(_NONCE_OCTETS) if self._settings.nonce else None)
        except ResponseError as error:
            return f"{who}: whether it was revoked can not be asked, for {error}"
        is_listed = self._has_list(question.certificate.issuer)
        if is_listed and self._settings.ask is AskResponder.UNLISTED:
            return None
        verdict = await self._find(question)
        if not verdict.silence:
            return None if verdict.objection is None else f"{who}: {verdict.objection}"
        words = f"{who}: whether it was revoked is not known: {verdict.silence}"
        if is_listed or self._settings.unanswered is Unanswered.ACCEPT:
            instead = "the revocation list counts" if is_listed else "it is accepted as configured"
            _log.warn("{words}; {instead}", words=words, instead=instead)
            return None
        return f'{words}; mend that, or set unanswered = "accept" in [tls.clients.ocsp]'

    async def _find(self, question: Question) -> _Verdict:
        """Return what is known, or ask, or wait with those who ask already."""
        key = question.issuer.fingerprint(hashes.SHA256()), question.certificate.serial_number
        known = self._known.get(key)
        if known is not None and self._now() < known.until:
            return known
        if key in self._waiting:
            turn: Deferred[_Verdict] = Deferred()
            self._waiting[key].append(turn)
            return await turn
        self._waiting[key] = []
        verdict = self._silence("the question was given up")
        try:
            verdict = await self._put(question)
        finally:
            self._remember(key, verdict)
            for each in self._waiting.pop(key):
                each.callback(verdict)
        return verdict

    async def _put(self, question: Question) -> _Verdict:
        responder = self._settings.responder or question.responder
        if responder is None:
            return self._silence("it names no responder, and [tls.clients.ocsp] has none")
        try:
            answer = judge_answer(await self._ask(responder, question.octets), question, now=self._moment())
        except NoAnswer as error:
            return self._silence(f"{responder} was asked, {error}")
        except ResponseError as error:
            return self._silence(f"the answer of {responder} does not count, {error.cause} ({error.remedy})")
        kept = self._now() + self._settings.remember
        until = 0.0 if answer.until is None else min(answer.until.timestamp(), kept)
        objection = None if answer.objection is None else f"{answer.objection}, says {responder}"
        return _Verdict(objection, until)

    def _remember(self, key: _Key, verdict: _Verdict) -> None:
        self._known[key] = verdict
        self._known.move_to_end(key)
        while len(self._known) > self._settings.remembered:
            self._known.popitem(last=False)

    def _silence(self, why: str) -> _Verdict:
        return _Verdict(None, self._now() + _UNANSWERED_SECONDS, why)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)
