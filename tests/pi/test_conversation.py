"""Commands and replies in order: queue, transfers, ABOR, limits, and what floods can not do."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from ftpstwist.interfaces import Disposition
from ftpstwist.pi.conversation import COMMANDS_PER_TURN
from ftpstwist.session.events import CommandAnswered, FileTransferred, LoginFailed, Misused, SessionClosed
from ftpstwist.session.policy import Require
from ftpstwist.wire.pathname import Pathname
from tests.support.neighbours import Bench


@pytest.fixture
def bench():
    made = Bench().connect()
    assert made.transport.codes() == [220]
    return made


def store(bench, name, octets):
    handle = bench.files.open_write(Pathname.parse(name), Disposition.REPLACE)
    handle.write(octets)
    handle.commit()


def test_pipelined_commands_are_answered_in_order(bench):
    """B36: twenty commands in one packet get twenty replies, in their order."""
    assert bench.say(*["NOOP", "SYST"] * 10) == [200, 215] * 10


def test_a_flood_leaves_turns_to_others(bench):
    """K13: one read holds ten thousand commands; a few are done in each turn of the reactor, and all in the end."""
    turns = []
    bench.pi._conversation._soon = turns.append
    bench.pi.data_received(b"NOOP\r\n" * (2 * COMMANDS_PER_TURN + 1))
    for expected in (COMMANDS_PER_TURN, COMMANDS_PER_TURN, 1):
        assert bench.transport.codes() == [200] * expected
        for turn in [turns.pop() for _ in turns]:
            turn()
    assert not turns


def test_abor_behind_a_flood_aborts(bench):
    """The transfer that it is about begins in a later turn than the one it came in."""
    bench.login()
    store(bench, "/f", b"x" * 10)
    assert bench.say("TYPE I", "EPSV") == [200, 229]
    bench.pi.data_received(b"NOOP\r\n" * 40 + b"RETR f\r\nABOR\r\n")
    bench.clock.advance(0)
    bench.clock.advance(0)
    assert bench.transport.codes()[:40] == [200] * 40
    assert bench.data.sent == b""
    assert bench.say("NOOP") == [200]


def test_half_a_command_waits(bench):
    """A command may come octet by octet."""
    for octet in b"NOOP\r":
        bench.pi.data_received(bytes([octet]))
        assert bench.transport.codes() == []
    bench.pi.data_received(b"\n")
    assert bench.transport.codes() == [200]


def test_transfer_lets_noop_and_stat_pass_and_holds_the_rest(bench):
    """B20, B28: the control connection is never deaf; other commands wait for the transfer's reply."""
    bench.login()
    store(bench, "/f", b"x" * 10)
    assert bench.say("TYPE I", "EPSV", "RETR f", "NOOP", "STAT", "PWD") == [200, 229, 150, 200, 211]
    bench.data.go()
    assert bench.transport.codes() == [226, 257]
    assert bench.data.sent == b"x" * 10


class SlowThreads:
    """Worker threads that wait for the test."""

    def __init__(self):
        self.gate = Deferred()

    async def run(self, function, *args, **kwargs):
        await self.gate
        return function(*args, **kwargs)


def test_nothing_is_answered_before_the_150_of_a_transfer(bench):
    """B20, B36: a client that sends NOOP right behind RETR does not take its 200 for the answer to RETR."""
    bench.login()
    store(bench, "/f", b"x")
    bench.session.threads = slow = SlowThreads()
    assert bench.say("EPSV", "RETR f", "NOOP", "STAT") == [229]
    slow.gate.callback(None)
    assert bench.transport.codes() == [150]
    bench.clock.advance(0)
    assert bench.transport.codes() == [200, 211]


def test_abor_before_the_150_of_a_transfer(bench):
    """B20: ABOR does not wait for it: 426 and 226."""
    bench.login()
    store(bench, "/f", b"x")
    bench.session.threads = SlowThreads()
    assert bench.say("EPSV", "RETR f") == [229]
    assert bench.say("ABOR") == [426, 226]


def test_abor_answers_twice(bench):
    """B20: 426 for the transfer, 226 for ABOR, and the next transfer works."""
    bench.login()
    store(bench, "/f", b"x")
    assert bench.say("EPSV", "RETR f") == [229, 150]
    assert bench.say("ABOR") == [426, 226]
    assert "broken" in bench.data.events
    assert bench.say("EPSV", "RETR f") == [229, 150]
    bench.data.go()
    assert bench.transport.codes() == [226]


def test_abor_behind_a_waiting_command_still_aborts(bench):
    """B20: ABOR takes effect when it arrives; the replies keep the order of the commands."""
    bench.login()
    store(bench, "/f", b"x")
    assert bench.say("EPSV", "RETR f", "PWD", "ABOR") == [229, 150, 426, 257, 226]


def test_abor_without_transfer(bench):
    """B20: ABOR with nothing to abort is 226, and what was prepared is forgotten."""
    bench.login()
    assert bench.say("EPSV", "ABOR", "LIST") == [229, 226, 425]


def test_quit_waits_for_the_transfer(bench):
    """B7: QUIT behind a transfer lets it finish."""
    bench.login()
    store(bench, "/f", b"x")
    assert bench.say("EPSV", "RETR f", "QUIT") == [229, 150]
    assert "close" not in bench.transport.events
    bench.data.go()
    assert bench.transport.codes() == [226, 221]
    assert bench.transport.events == ["close"]


def test_nothing_is_done_behind_quit(bench):
    """After 421 or 221 no further command is executed."""
    bench.login()
    assert bench.say("QUIT", "MKD made") == [221]
    assert list(bench.files.scan(Pathname())) == []


def test_lost_connection_abandons_an_upload(bench):
    """2.2 row 27: when the control connection is lost, the transfer is aborted and nothing is stored."""
    bench.login()
    store(bench, "/f", b"old")
    assert bench.say("EPSV", "STOR f") == [229, 150]
    bench.lose()
    assert bench.files.stat(Pathname.parse("/f")).size == 3
    (event,) = bench.sink.of(FileTransferred)
    assert not event.complete
    assert bench.gone == [bench.pi]
    assert bench.transport.codes() == []


def test_logout_is_called_once(bench):
    """2.2 row 26: the realm's logout is called exactly once, however the session ends."""
    bench.login()
    assert bench.say("USER bob") == [331]
    assert bench.authenticator.logouts == 1
    assert bench.say("PASS right", "QUIT") == [230, 221]
    bench.lose()
    assert bench.authenticator.logouts == 2
    assert len(bench.sink.of(SessionClosed)) == 1


def test_login_that_ends_after_the_connection(bench):
    """A session that is gone while its password is checked does not stay logged in."""
    assert bench.say("USER a", "PASS slow") == [331]
    bench.lose()
    assert bench.gone == [bench.pi]
    assert bench.admission.sessions == 0


def test_wrong_passwords_close_the_connection(bench):
    """B2, K7: the third wrong password is the last; the log knows why, the client does not."""
    for code in (530, 530, 421):
        assert bench.say("USER a", "PASS wrong") == [331, code]
    assert bench.transport.events == ["close"]
    assert [event.reason for event in bench.sink.of(LoginFailed)] == ["wrong password"] * 3


def test_failing_checker_is_told_apart(bench):
    """A checker that is down is 421, not a wrong password."""
    assert bench.say("USER a", "PASS broken") == [331, 421]
    assert bench.transport.events == ["close"]


def test_passwords_never_reach_the_log(bench):
    """K11: neither PASS nor a mistyped PASS shows its argument in an event."""
    bench.say("USER a", "PASS hunter2", "PAS hunter2", "pass  hunter2")
    assert bench.sink.of(CommandAnswered)
    assert not any("hunter2" in repr(event) for event in bench.sink.events)


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "POST /x HTTP/1.1", "EHLO me", "SSH-2.0-OpenSSH_9.2p1"])
def test_other_protocols_are_cut(bench, line):
    """K2: a browser that was lured here is disconnected before its body could hold commands."""
    assert bench.say(line, "USER alice", "PASS right") == [421]
    assert bench.transport.events == ["close"]
    assert bench.sink.of(Misused)[0].kind == "other-protocol"


def test_unknown_commands_are_counted(bench):
    """K2: who says nothing but nonsense is cut after ten."""
    assert bench.say(*["BLAH"] * 12) == [500] * 9 + [421]


@pytest.mark.parametrize("line", ["BLAH", "???", "X" * 9000])
def test_a_restart_marker_does_not_outlive_what_is_no_command(bench, line):
    """B18: a marker is for the next command, understood or not; no later transfer is cut by it."""
    bench.login()
    assert bench.say("REST 5", line) == [350, 500]
    assert bench.session.state.prefix is None


def test_garbage_is_500(bench):
    """B31, B37: a line that is no command, and one that is too long, are 500 and cost nothing."""
    assert bench.say("???", "", "X" * 9000, "NOOP") == [500, 500, 500, 200]


def test_auth_with_octets_behind_it(bench):
    """K1: commands piped in clear behind AUTH are never executed; the connection is closed."""
    assert bench.say("AUTH TLS", "USER evil") == [421]
    assert bench.transport.events == ["close"]
    assert bench.sink.of(Misused)[0].kind == "starttls-injection"
    assert bench.session.state.user == ""


def test_auth_with_half_a_command_behind_it(bench):
    """K1: neither is the beginning of one."""
    bench.pi.data_received(b"AUTH TLS\r\nUS")
    assert bench.transport.codes() == [421]


def test_auth_resets_what_was_set_in_clear(bench):
    """T3: login, directory, TYPE and prepared data ports do not survive AUTH."""
    bench.login()
    assert bench.say("TYPE I", "MKD d", "CWD d", "EPSV") == [200, 257, 250, 229]
    assert bench.say("AUTH TLS") == [234]
    assert bench.transport.events == ["start_tls"]
    assert bench.authenticator.logouts == 1
    bench.establish_tls()
    assert bench.say("PWD") == [530]
    assert not bench.data.is_prepared
    assert bench.session.state.is_ascii


def test_second_auth_is_refused(bench):
    """S3: AUTH under TLS is 503."""
    bench.say("AUTH TLS")
    bench.establish_tls()
    assert bench.say("AUTH TLS") == [503]


@pytest.mark.parametrize(
    ("mechanism", "code"),
    [("TLS", 234), ("tls-c", 234), ("SSL", 234), ("TLS-P", 234), ("GSSAPI", 504), ("KERBEROS_V4", 504), ("x", 504)],
)
def test_mechanisms(bench, mechanism, code):
    """S1, S2, T4: known mechanisms in any case, others 504."""
    assert bench.say(f"AUTH {mechanism}") == [code]


def test_too_many_commands_pause_reading():
    """B36: beyond the limit no octet is read, until the queue is shorter again."""
    bench = Bench(pipelined_commands=3).connect().login()
    store(bench, "/f", b"x")
    for line in ("EPSV", "RETR f", "PWD", "PWD"):
        bench.say(line)
    assert bench.transport.events == []
    bench.say("PWD")
    assert bench.transport.events == ["pause"]
    bench.data.go()
    assert bench.transport.events == ["pause", "resume"]


def test_client_that_does_not_read_is_not_served(bench):
    """Replies do not pile up for a client that sends commands and reads nothing."""
    bench.pi.write_blocked(blocked=True)
    assert bench.say("NOOP", "NOOP") == []
    assert bench.transport.events == ["pause"]
    bench.pi.write_blocked(blocked=False)
    assert bench.transport.codes() == [200, 200]
    assert bench.transport.events == ["pause", "resume"]


def test_rest_reaches_only_the_next_transfer(bench):
    """L4, B18: REST survives EPSV and TYPE, serves one RETR, and is forgotten by anything else."""
    bench.login()
    store(bench, "/f", b"0123456789")
    bench.data.go()
    assert bench.say("TYPE I", "REST 4", "EPSV", "RETR f") == [200, 350, 229, 150, 226]
    assert bench.data.sent == b"456789"
    bench.data.sent = b""
    assert bench.say("EPSV", "RETR f", "REST 4", "PWD", "EPSV", "RETR f") == [229, 150, 226, 350, 257, 229, 150, 226]
    assert bench.data.sent == b"0123456789" * 2


def test_rnfr_does_not_lock_other_commands(bench):
    """2.2 row 19: RNFR of a missing file is 550, and other commands work after RNFR."""
    bench.login()
    store(bench, "/f", b"x")
    assert bench.say("RNFR nothing", "RNFR f", "NOOP", "RNTO g", "RNFR f", "RNTO g") == [550, 350, 200, 503, 350, 250]


def test_octets_of_a_transfer_are_logged(bench):
    """The command log tells how many octets each transfer moved."""
    bench.login()
    store(bench, "/f", b"12345")
    bench.data.go()
    bench.say("TYPE I", "EPSV", "RETR f", "EPSV", "STOR g")
    octets = {event.verb: event.octets for event in bench.sink.of(CommandAnswered)}
    assert octets["RETR"] == 5
    assert octets["STOR"] == 5
    assert octets["TYPE"] is None


def test_implicit_session_is_greeted_under_tls():
    """An implicit connection gets its 220 after the handshake, and has PROT P from the start."""
    bench = Bench(require=Require.ALL).connect()
    bench = Bench(require=Require.ALL, service=bench.session.state.service.IMPLICIT).connect()
    assert bench.transport.codes() == []
    bench.establish_tls()
    assert bench.transport.codes() == [220]
    bench.login()
    bench.data.go()
    assert bench.say("EPSV", "LIST") == [229, 150, 226]
    assert ("open", True, False) in bench.data.events
