"""What is asked of OCSP responders, and how long their answers are kept: the calendar and the responder are the test's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from twisted.internet.defer import Deferred

from ftpstwist.config.schema_clients import AskResponder, OcspSettings
from ftpstwist.services.responders import NoAnswer
from ftpstwist.services.revocation import OcspRevocations
from ftpstwist.tls.peer import read_peer
from tests.support.authority import NOW, Authority, issue

HOUR = timedelta(hours=1)
SETTINGS = OcspSettings(ask=AskResponder.ALWAYS, responder="http://ocsp.example.org/", remember=7200.0, remembered=2)


class World:
    """An authority, its responder, which answers at once or when told, and a calendar."""

    def __init__(self, settings=SETTINGS):
        self.authority = Authority("Asked")
        self.now = NOW
        self.questions = []
        self.answer = self.respond
        self.revocations = OcspRevocations(
            settings,
            ask=self.ask,
            has_list=lambda _: False,
            now=lambda: self.now.timestamp(),  # noqa: PLW0108 - the calendar goes on
            random=lambda n: b"r" * n,
        )

    def certificate(self, *, trusted=True):
        issued = self.authority.issue("alice")
        return read_peer(issued.certificate, trusted=trusted, issuer=self.authority.certificate)

    async def ask(self, address, question):
        assert address == SETTINGS.responder
        self.questions.append(question)
        answer = self.answer(question)
        return await answer if isinstance(answer, Deferred) else answer

    def respond(self, question, *, start=None, end=HOUR, status=ocsp.OCSPCertStatus.GOOD):
        start = start or self.now
        asked = ocsp.load_der_ocsp_request(question)
        key = self.authority
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial_number=asked.serial_number,
            algorithm=asked.hash_algorithm,
            cert_status=status,
            this_update=start,
            next_update=None if end is None else start + end,
            revocation_time=start if status is ocsp.OCSPCertStatus.REVOKED else None,
            revocation_reason=None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, key.certificate)
        return builder.sign(key.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def objection(self, certificate):
        """Ask; return what came of it, or the list it will come into."""
        said = []
        Deferred.fromCoroutine(self.revocations.objection(certificate)).addCallback(said.append)
        return said[0] if said else said


@pytest.fixture
def world():
    return World()


def test_an_answer_is_kept_as_long_as_it_says(world):
    """The second login costs nothing; when the answer is out of date, it is asked for again."""
    certificate = world.certificate()
    for minutes, asked in ((0, 1), (59, 1), (61, 2)):
        world.now = NOW + timedelta(minutes=minutes)
        assert world.objection(certificate) is None
        assert len(world.questions) == asked


def test_an_answer_is_kept_no_longer_than_the_configuration_says(world):
    """A responder that promises a year is asked again all the same."""
    certificate = world.certificate()
    world.answer = lambda question: world.respond(question, end=timedelta(days=365))
    world.objection(certificate)
    world.now = NOW + 2 * HOUR
    world.objection(certificate)
    assert len(world.questions) == 2


def test_an_answer_without_an_end_counts_for_now_only(world):
    """It is believed if it is fresh, and not kept."""
    certificate = world.certificate()
    world.answer = lambda question: world.respond(question, end=None)
    assert [world.objection(certificate), world.objection(certificate)] == [None, None]
    assert len(world.questions) == 2
    world.answer = lambda question: world.respond(question, start=world.now - HOUR, end=None)
    assert "it is out of date" in world.objection(certificate)


@pytest.mark.parametrize(("start", "told"), [(-2 * HOUR, "it is out of date"), (2 * HOUR, "it is from the future")])
def test_an_answer_for_another_time_is_none(world, start, told):
    """An old answer may be played back by whoever sits on the way; some minutes between the clocks do not matter."""
    certificate = world.certificate()
    world.answer = lambda question: world.respond(question, start=NOW + start)
    assert told in world.objection(certificate)
    other = world.certificate()
    world.answer = lambda question: world.respond(question, start=NOW + timedelta(minutes=4))
    assert world.objection(other) is None


def test_an_answer_about_another_certificate_is_none(world):
    """However well it is signed."""
    other = world.certificate()
    world.objection(other)
    about_other = world.questions[0]
    world.answer = lambda _: world.respond(about_other)
    assert "it is about another certificate" in world.objection(world.certificate())


def test_many_who_wait_ask_once(world):
    """A user whose program opens ten sessions at once is one question."""
    certificate, pending = world.certificate(), Deferred()
    world.answer = lambda _: pending
    said = [world.objection(certificate) for _ in range(3)]
    pending.callback(world.respond(world.questions[0]))
    assert said == [[None]] * 3
    assert len(world.questions) == 1


def test_who_does_not_wait_any_longer_does_not_hold_up_others(world):
    """A question that is given up is answered for all: that nobody knows."""
    certificate, pending = world.certificate(), Deferred()
    world.answer = lambda _: pending
    asking = Deferred.fromCoroutine(world.revocations.objection(certificate))
    asking.addErrback(lambda _: None)
    said = world.objection(certificate)
    asking.cancel()
    assert "the question was given up" in said[0]


def test_a_silent_responder_is_left_alone_for_some_seconds(world):
    """One that is down does not hold up every login in turn; it is asked again soon."""

    def fail(_):
        raise NoAnswer("no answer within 5 s")

    certificate, world.answer = world.certificate(), fail
    for seconds, asked in ((0, 1), (9, 1), (10, 2)):
        world.now = NOW + timedelta(seconds=seconds)
        assert "no answer within 5 s" in world.objection(certificate)
        assert len(world.questions) == asked


def test_no_more_answers_are_kept_than_allowed(world):
    """The oldest goes; it is asked for again."""
    first, second, third = (world.certificate() for _ in range(3))
    for each in (first, second, third, third, second, first):
        world.objection(each)
    assert len(world.questions) == 4


def test_nobody_is_asked_about_a_certificate_of_ones_own_making(world):
    """It counts for its key only, and nobody has issued that."""
    assert world.objection(world.certificate(trusted=False)) is None
    assert world.questions == []


def test_without_an_issuer_there_is_no_question(world):
    """A certificate that is trusted in its own right: the log says what to do."""
    own = read_peer(issue("alice").certificate, trusted=True)
    assert "it was verified without its issuer" in world.objection(own)


def test_a_demanded_nonce_has_to_be_repeated():
    """An answer from the store of a responder is not taken for a fresh one."""
    world = World(OcspSettings(ask=AskResponder.ALWAYS, responder=SETTINGS.responder, nonce=True))
    assert "it does not repeat the nonce" in world.objection(world.certificate())
