"""Replies in form and order, informational commands, command lines (RFC 959 sections 4.1.3, 4.2, 5.3 and 5.4).

Telnet and pipelining as RFC 1123 sections 4.1.2.10 to 4.1.2.12 put them right.
"""

from __future__ import annotations

import os
import random
import re

import pytest

from ftpstwist.session.catalogue import CATALOGUE, Argument, Need
from tests.conformance.conftest import clear
from tests.support.client import connected, implicit, logged_in
from tests.support.server import PASSWORD, USER

MIB = 1 << 20
CLEAR = '[policy]\nrequire = "none"\n[transfer]\nconnect_timeout = 1\n[limits]\nunknown_commands = 1000\n'


@pytest.fixture(scope="module")
def clear_server(start_server):
    """One that is patient with unknown commands."""
    return start_server(CLEAR)


@pytest.fixture
def stranger(clear_server):
    """A client that has not logged in."""
    with connected(clear_server) as client:
        yield client


def server_memory(server):
    """Octets of memory that the server holds."""
    with open(f"/proc/{server.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- informational commands ---


def test_syst(client, stranger):
    """B27: the answer by which clients know the listings of Unix; also before the login."""
    for each in (client, stranger):
        answer = each.do("SYST")
        assert (answer.code, answer.text) == (215, "UNIX Type: L8")


def test_stat_tells_the_session(client, stranger):
    """B28: who is logged in, from where, with which parameters; nothing of the machine or of others."""
    assert client.code("TYPE A") == 200
    answer = client.do("STAT")
    assert answer.code == 211
    assert answer.lines[0] == "State of the session"
    assert {"Connected from 127.0.0.1", f"User: {USER}", "Type: A, structure: F, mode: S", "Data protection: C"} < set(
        answer.lines
    )
    before = stranger.do("STAT")
    assert before.code == 211
    assert "Not logged in" in before.lines


def test_stat_tells_what_tls_protects(tls_client):
    """B28: version and cipher of the control connection, and the level of data connections."""
    lines = tls_client.do("STAT").lines
    assert any(re.fullmatch(r"Control connection: TLSv1\.[23] \S+", line) for line in lines)
    assert "Data protection: P" in lines


def test_stat_lists_on_the_control_connection(client, folder):
    """B28: 213 with the lines of LIST, for a folder, a file, a wildcard; no data connection is needed."""
    (folder / "sub").mkdir()
    (folder / "sub" / "one").write_bytes(b"1")
    (folder / "sub" / "two").touch()
    for argument, names in (
        ("sub", ["one", "two"]),
        ("sub/one", ["sub/one"]),
        ("-la sub", ["one", "two"]),
        ("sub/o*", ["sub/one"]),
    ):
        answer = client.do(f"STAT {argument}")
        assert answer.code == 213
        assert [line.split(" ")[-1] for line in answer.lines[1:-1]] == names
        assert all(line.startswith("-rw-r--r--") for line in answer.lines[1:-1])
    assert client.code("STAT missing") == 550


def test_stat_of_a_pathname_needs_a_login(stranger):
    """B28: 530, whether it exists or not."""
    assert stranger.code("STAT /") == 530
    assert stranger.code("STAT missing") == 530


def test_help_knows_every_verb(stranger):
    """B29: all of them without an argument, the syntax of each with one; 502 for what is not known."""
    answer = stranger.do("HELP")
    assert answer.code == 214
    assert " ".join(answer.lines[1:-1]).split() == list(CATALOGUE)
    for verb in CATALOGUE:
        answer = stranger.do(f"HELP {verb.lower()}")
        assert answer.code == 214
        assert answer.text.startswith(verb)
    assert stranger.code("HELP BLAH") == 502


def test_noop(client, stranger):
    """B30: 200, always; an argument is forgiven."""
    for each in (client, stranger):
        assert each.code("NOOP") == 200
        assert each.code("NOOP x") == 200


# --- which code for what ---


@pytest.mark.parametrize("line", ["BLAH", "X", "RETRX file", "EXEC ls", "XXXX y", "LPRT 6,16", "LPSV", "PRET RETR x"])
def test_unknown_commands(client, line):
    """B31, X11: 500."""
    assert client.code(line) == 500


@pytest.mark.parametrize(
    "line", ["", " ", "123", "RE-TR x", "\0", "é", "X" * 17, "\tNOOP", "\x1b[2J", "%s%n", ":", "\r\r"]
)
def test_lines_that_are_no_commands(client, line):
    """B31: 500, and nothing of them is repeated."""
    answer = client.do(line)
    assert answer.code == 500
    assert len(answer.text) < 60


@pytest.mark.parametrize("verb", ["SMNT", "MIC x", "CONF x", "ENC x"])
def test_commands_that_are_known_and_not_done(client, verb):
    """B31: 502."""
    assert client.code(verb) == 502


@pytest.mark.parametrize("verb", [row.verb for row in CATALOGUE.values() if row.argument is Argument.REQUIRED])
def test_a_missing_argument(client, verb):
    """B31: 501 for every verb that needs one, with a hint at its syntax."""
    expected = 503 if CATALOGUE[verb].need is Need.RNFR else 501
    assert {client.code(verb), client.code(f"{verb} ")} <= {
        501,
        expected,
        503 if CATALOGUE[verb].need is Need.TLS else 501,
    }


@pytest.mark.parametrize("verb", [row.verb for row in CATALOGUE.values() if row.argument is Argument.NONE])
def test_a_superfluous_argument(client, verb):
    """B31: 501, and the command is not done."""
    assert client.code(f"{verb} x") == 501
    assert client.code("PWD") == 257


@pytest.mark.parametrize("verb", [row.verb for row in CATALOGUE.values() if row.need in {Need.ACCOUNT, Need.RNFR}])
def test_without_a_login(stranger, verb):
    """B31: 530 for everything that needs one, whatever the argument."""
    assert stranger.code(verb) == 530
    assert stranger.code(f"{verb} x") == 530


@pytest.mark.parametrize("verb", [verb for verb in CATALOGUE if verb != "QUIT"])
def test_every_verb_answers_exactly_once(client, verb):
    """B31, B36: with an argument that makes no sense and without one, in any state; the session stays in step."""
    for line in (verb, f"{verb} ", f"{verb} x y z", verb.lower()):
        client.do(line)
        if verb in {"USER", "REIN"}:
            client.login()
    assert client.code("SYST") == 215
    assert client.code("PWD") == 257


def test_unknown_commands_have_an_end(start_server):
    """B31: a client that says nothing but nonsense is told 421 after a while."""
    server = start_server('[policy]\nrequire = "none"\n')
    with connected(server) as stranger:
        assert [stranger.code("BLAH") for _ in range(10)] == [500] * 9 + [421]
        assert stranger.is_closed()


# --- the form of replies ---


def test_replies_of_several_lines(client):
    """B32: `ddd-` first, `ddd ` last, and no line between that could be taken for the last."""
    for command in ("FEAT", "HELP", "STAT", "SITE HELP", "MLST", "STAT ."):
        client.send(command)
        first = client.line()
        assert re.fullmatch(r"2\d\d-.+", first)
        line = client.line()
        while line.startswith(" "):
            line = client.line()
        assert line.startswith(first[:3] + " ")
    assert client.code("NOOP") == 200


EVIL = [
    b"a\rb",
    b"226 done",
    b"\xff\xf4\xff\xf2",
    b"\xff",
    b"a\xffb",
    b"\x7f\x01\x1b[2J",
    b"x" * 255,
    b"\xc3\x28",
    b"'\"`$(reboot)",
]


@pytest.mark.parametrize("name", EVIL)
def test_names_can_not_break_replies(client, folder, name):
    """B32, B33, I4, L11: whatever a name holds, it is repeated in one line, CR padded, octet 255 doubled."""
    sent = name.replace(b"\xff", b"\xff\xff").replace(b"\r", b"\r\0")
    quoted = b'"/' + folder.name.encode() + b"/" + sent.replace(b'"', b'""') + b'"'
    client.send(b"MKD " + sent)
    assert client.line_octets().startswith(b"257 " + quoted)
    assert os.listdir(os.fsencode(folder)) == [name]
    client.send(b"CWD " + sent)
    assert client.line_octets().startswith(b"250 " + quoted)
    client.send(b"PWD")
    assert client.line_octets().startswith(b"257 " + quoted)
    client.send(b"MLST")
    assert client.line_octets().startswith(b"250-")
    assert client.line_octets().endswith(b"; /" + folder.name.encode() + b"/" + sent)
    assert client.line_octets().startswith(b"250 ")
    assert client.code("CWD ..") == 250
    assert client.code(b"RMD " + sent) == 250


def test_a_line_feed_in_a_name_is_refused(client, folder):
    """I4, B32: escaped as CR NUL LF it is no line end; the name is refused as one, and nothing is torn in two."""
    assert client.code(b"MKD a\r\0\nQUIT") == 553
    assert os.listdir(folder) == []


def test_a_bare_line_feed_ends_a_line(client):
    """B32: forgiven in commands, as all servers do."""
    client.sock.sendall(b"NOOP\nSYST\n")
    assert client.codes(2) == [200, 215]


# --- Telnet ---


@pytest.mark.parametrize(
    "noise",
    [b"\xff\xfb\x01", b"\xff\xfd\x03", b"\xff\xfc\x22\xff\xfe\x18", b"\xff\xf1", b"\xff\xf4\xff\xf2", b"\xff\xf9\xff\xf6"],
)  # fmt: skip
def test_telnet_commands_are_dropped_and_never_answered(client, noise):
    """B33: no negotiation, at any place of a line (RFC 1123 section 4.1.2.12)."""
    client.sock.sendall(noise + b"SY" + noise + b"ST" + noise + b"\r\n" + noise + b"NO")
    client.sock.sendall(b"OP\r\n")
    client.send("SYST")
    assert [client.line_octets()[:4] for _ in range(3)] == [b"215 ", b"200 ", b"215 "]


def test_telnet_commands_may_be_cut_anywhere(client):
    """B33: octet by octet is the same as at once."""
    for octet in b"\xff\xfb\x01SY\xff\xf4ST\xff\xf2\r\n":
        client.sock.sendall(bytes([octet]))
    assert client.answer().code == 215


# --- command lines ---


@pytest.mark.parametrize("line", ["syst", "SYST", "SySt", "  SYST", "SYST "])
def test_verbs_in_any_case(client, line):
    """B34: and spaces that clients put around them by habit."""
    assert client.code(line) == 215


@pytest.mark.parametrize(
    ("line", "name"), [("MKD a", "a"), ("MKD  a", " a"), ("MKD   a b  ", "  a b  "), ("mkd    ", "   ")]
)
def test_one_space_separates(client, folder, line, name):
    """B34, I3: all further ones belong to the pathname."""
    assert client.code(line) == 257
    assert os.listdir(folder) == [name]


def test_twenty_commands_at_once(client):
    """B36: are answered in their order."""
    client.sock.sendall(b"NOOP\r\nSYST\r\nPWD\r\nBLAH\r\nTYPE\r\n" * 4)
    assert client.codes(20) == [200, 215, 257, 500, 501] * 4


def test_a_thousand_commands_at_once(client):
    """B36: more than may wait are held back by TCP, and none is lost."""
    client.sock.sendall(b"SYST\r\nPWD\r\n" * 500)
    assert client.codes(1000) == [215, 257] * 500


def test_a_whole_session_at_once(clear_server):
    """B36: a client that does not wait for anything gets its replies one by one."""
    with connected(clear_server) as client:
        client.send(f"USER {USER}\r\nPASS {PASSWORD}\r\nPWD\r\nTYPE I\r\nCWD missing\r\nQUIT")
        assert client.codes(6) == [331, 230, 257, 200, 550, 221]
        assert client.is_closed()


def test_commands_octet_by_octet(client):
    """B36: the network may cut where it likes."""
    for octet in b"SYST\r\nPWD\r\n":
        client.sock.sendall(bytes([octet]))
    assert client.codes(2) == [215, 257]


@pytest.mark.parametrize("protection", ["clear", "tls"])
def test_a_line_of_a_mebibyte(server, clear_server, protection):
    """B37: one 500, no memory for it, and the next command is understood."""
    with clear(clear_server) if protection == "clear" else logged_in(server) as client:
        which = clear_server if protection == "clear" else server
        client.send("NOOP")
        assert client.answer().code == 200
        before = server_memory(which)
        for _ in range(8):
            client.sock.sendall(b"x" * MIB)
        client.sock.sendall(b"\r\nSYST\r\n")
        assert client.codes(2) == [500, 215]
        assert server_memory(which) < before + 6 * MIB


@pytest.mark.parametrize(("length", "code"), [(512, 553), (8192, 553), (8193, 500), (9000, 500)])
def test_the_limit_of_a_line(client, length, code):
    """B37: a line at the limit is a command, one octet more is 500."""
    line = "CWD ".ljust(length, "x")
    assert client.code(line) == code
    assert client.code("NOOP") == 200


def test_random_octets(clear_server):
    """B31, B37: noise is answered, if at all, by well-formed replies, and the server is there afterwards."""
    dice = random.Random(959)
    for _ in range(20):
        with connected(clear_server) as client:
            client.sock.sendall(dice.randbytes(3000) + b"\r\n")
            client.send("SYST")
            while client.answer().code not in {215, 421}:
                pass
    with clear(clear_server) as client:
        assert client.code("PWD") == 257


def test_replies_on_the_implicit_service(server):
    """B27, B32: the same conversation under implicit TLS, over IPv4 and IPv6."""
    for host in ("127.0.0.1", "::1"):
        with implicit(server, host) as client:
            assert client.code("SYST") == 215
            assert client.do("FEAT").code == 211
            assert client.code("QUIT") == 221
