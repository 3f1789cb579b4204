"""Access control (RFC 959 section 4.1.1): logging in and out, the working directory, the end of a session."""

from __future__ import annotations

import re

import pytest

from tests.conformance.conftest import clear
from tests.support.client import connected
from tests.support.server import PASSWORD, USER

USERS = """
[users.alone]
password = "HASH"
limits = { max_sessions = 1 }
[users.homeless]
password = "HASH"
home = "/dev/null/home"
[users.gone]
password = "HASH"
disabled = true
[users.greeted]
password = "HASH"
greeting = "Welcome\\n\\nback"
"""
CLEAR = '[policy]\nrequire = "none"\n'


@pytest.fixture(scope="module")
def clear_server(start_server):
    """With users of all sorts, and no delay after wrong passwords."""
    return start_server(CLEAR, USERS)


@pytest.fixture
def stranger(clear_server):
    """A client that has not logged in."""
    with connected(clear_server) as client:
        yield client


@pytest.mark.parametrize("name", [USER, "nobody", "gone", "homeless", "anonymous", "a b", "ü", "x" * 256])
def test_user_gets_one_answer_whoever_it_names(stranger, name):
    """B1: nobody learns from USER which accounts exist."""
    answer = stranger.do(f"USER {name}")
    assert (answer.code, answer.text) == (331, "Password required")


@pytest.mark.parametrize("line", ["USER", "USER ", "USER " + "x" * 257])
def test_user_wants_a_name_of_reasonable_length(stranger, line):
    """B1: an argument error is answered 501 and harms nothing."""
    assert stranger.code(line) == 501
    stranger.login()


def test_user_restarts_the_login(stranger):
    """B1: a USER after a USER counts alone, and one after a login ends that login at once."""
    assert stranger.code("USER nobody") == 331
    stranger.login()
    assert stranger.code(f"USER {USER}") == 331
    assert stranger.code("PWD") == 530
    assert stranger.code("PASS wrong") == 530
    assert stranger.code("PWD") == 530
    stranger.login()
    assert stranger.code("PWD") == 257


def test_user_keeps_the_transfer_parameters(client):
    """B1: RFC 959 says that USER leaves all transfer parameters as they are; the directory is the new account's."""
    client.login()
    assert "Type: I" in client.do("STAT").text
    assert client.do("PWD").text.startswith('"/"')


@pytest.mark.parametrize(
    ("user", "password"), [(USER, "wrong"), ("nobody", "x"), ("gone", PASSWORD), ("homeless", "x"), (USER, "")]
)
def test_every_refused_login_looks_the_same(stranger, user, password):
    """B2: a wrong password, an unknown name and a disabled account can not be told apart."""
    assert stranger.code(f"USER {user}") == 331
    answer = stranger.do(f"PASS {password}")
    assert (answer.code, answer.text) == (530, "Login incorrect")


def test_a_missing_home_is_told_at_the_login(stranger):
    """B2: not by a listing that fails later; 421, for it is the server that is not ready, and only to the true user."""
    assert stranger.code("USER homeless") == 331
    assert stranger.code(f"PASS {PASSWORD}") == 421
    assert stranger.is_closed()


def test_pass_needs_a_user_right_before(stranger):
    """B2: PASS without USER, after a failure, and after a login is out of sequence."""
    assert stranger.code(f"PASS {PASSWORD}") == 503
    assert stranger.code(f"USER {USER}") == 331
    assert stranger.code("PASS wrong") == 530
    assert stranger.code(f"PASS {PASSWORD}") == 503
    stranger.login()
    assert stranger.code(f"PASS {PASSWORD}") == 503


def test_commands_between_user_and_pass_do_no_harm(stranger):
    """B2: clients ask SYST and FEAT whenever they like."""
    assert stranger.code(f"USER {USER}") == 331
    assert [stranger.code(line) for line in ("SYST", "FEAT", "NOOP")] == [215, 211, 200]
    assert stranger.code(f"PASS {PASSWORD}") == 230


def test_guessing_ends_the_connection(stranger):
    """B2: the third wrong password is answered 421, and nothing more."""
    for code in (530, 530, 421):
        assert stranger.code(f"USER {USER}") == 331
        assert stranger.code("PASS wrong") == code
    assert stranger.is_closed()


def test_failed_logins_count_over_a_reinitialisation(stranger):
    """B2: REIN is no way to guess on."""
    for code in (530, 530, 421):
        assert stranger.code(f"USER {USER}") == 331
        assert stranger.code("PASS wrong") == code
        if code == 530:
            assert stranger.code("REIN") == 220
    assert stranger.is_closed()


def test_no_password_is_ever_logged(clear_server, stranger):
    """B2: neither a right one nor a wrong one, nor one that was typed as a command."""
    stranger.login()
    stranger.code("USER x")
    stranger.code("PASS tell-nobody-1")
    stranger.code("tell nobody 2")
    assert stranger.code("QUIT") == 221
    assert stranger.is_closed()
    for name in ("server.log", "command.log", "events.json"):
        log = clear_server.log(name)
        assert "PASS" in log
        assert not re.search(f"{PASSWORD}|tell-nobody-1|nobody 2", log)


def test_a_greeting_becomes_a_reply_of_several_lines(stranger):
    """B2: 230 with the user's greeting, blank lines included, is still one well-formed reply."""
    assert stranger.code("USER greeted") == 331
    assert stranger.do(f"PASS {PASSWORD}").lines == ["Welcome", "", "back", "User greeted logged in"]


def test_acct_is_superfluous(stranger):
    """B3: 202 once logged in, 530 before, 501 without its argument."""
    assert stranger.code("ACCT x") == 530
    stranger.login()
    assert stranger.code("ACCT x") == 202
    assert stranger.code("ACCT") == 501


@pytest.mark.parametrize(("cwd", "cdup"), [("CWD", "CDUP"), ("XCWD", "XCUP"), ("cwd", "cdup")])
def test_directories_are_entered_and_left(client, folder, cwd, cdup):
    """B4, X13: by their names of today and of 1980; 250 both ways, and never above the root."""
    (folder / "a" / "b c").mkdir(parents=True)
    assert client.code(f"{cwd} a/b c") == 250
    assert client.do("PWD").text.startswith(f'"/{folder.name}/a/b c"')
    assert client.code(cdup) == 250
    assert client.do("PWD").text.startswith(f'"/{folder.name}/a"')
    for _ in range(4):
        assert client.code(cdup) == 250
    assert client.do("PWD").text.startswith('"/"')


@pytest.mark.parametrize(
    ("argument", "code"), [(" missing", 550), (" file", 550), (" file/..", 250), ("", 501), (" ", 501), (" a\0b", 553)]
)
def test_cwd_refuses_what_is_no_directory(client, folder, argument, code):
    """B4: and stays where it was."""
    (folder / "file").touch()
    assert client.code(f"CWD{argument}") == code
    assert client.do("PWD").text.startswith(f'"/{folder.name}"')


@pytest.mark.parametrize("path", ["..", "../..", "/..", "../../../../etc", "/../etc", "./../..//./..", "sub/../../.."])
def test_dots_never_lead_out(client, folder, path):
    """B4: `..` at the root is the root, however it is written."""
    (folder / "sub").mkdir()
    code = client.code(f"CWD {path}")
    where = client.do("PWD").text.split('"')[1]
    assert (code, where) in {(250, "/"), (550, f"/{folder.name}")}
    assert client.code("CWD etc") == 550


def test_links_are_followed_within_the_root_only(client, folder):
    """B4: a link to a folder of the account is a folder; one that leads out leads nowhere."""
    (folder / "inner" / "deep").mkdir(parents=True)
    (folder / "in").symlink_to("inner")
    (folder / "out").symlink_to("/etc")
    (folder / "up").symlink_to("../../../../../../etc")
    (folder / "loop").symlink_to("loop")
    assert client.code("CWD in/deep") == 250
    assert client.code(f"CWD /{folder.name}") == 250
    for name in ("out", "up", "loop", "out/ssl", "loop/x"):
        assert client.code(f"CWD {name}") == 550, name


def test_there_is_nothing_to_mount(client):
    """B5: 502."""
    assert client.code("SMNT /x") == 502
    assert client.code("SMNT") == 502


def test_rein_starts_the_session_anew(client, folder):
    """B6: account, directory and parameters are forgotten, the connection stays."""
    assert client.code("EPSV ALL") == 200
    assert client.code("OPTS MLST size;") == 200
    assert client.code("EPSV") == 229
    assert client.code("REIN") == 220
    assert client.code("PWD") == 530
    client.login()
    assert client.do("PWD").text.startswith('"/"')
    state = client.do("STAT").text
    assert "Type: A" in state
    assert "type*;size*;" in client.do("FEAT").text
    assert client.code("LIST") == 425
    assert client.code("PASV") == 227


def test_rein_takes_off_what_auth_put_on(server):
    """B6: under explicit TLS the reply is the last that is protected; then all begins anew, AUTH included."""
    with connected(server).auth().login() as client:
        assert client.code("REIN") == 220
        client.sock = client.sock.unwrap()
        assert client.code(f"USER {USER}") == 530
        client.auth().login()
        assert client.code("PWD") == 257


@pytest.mark.parametrize("logged_in", [True, False])
def test_quit_says_goodbye_and_closes(clear_server, logged_in):
    """B7: 221, then FIN; a command behind it is not done any more."""
    with clear(clear_server) if logged_in else connected(clear_server) as client:
        client.send(b"QUIT\r\nNOOP")
        assert client.answer().code == 221
        assert client.is_closed()
        with pytest.raises(EOFError):
            client.line()


def test_quit_waits_for_the_transfer(client, folder):
    """B7: QUIT during an upload ends the session behind it: 226, then 221, and the file is all there."""
    data = client.begin("STOR file")
    data.sendall(b"one")
    client.send("QUIT")
    data.sendall(b"two")
    data.close()
    assert client.codes(2) == [226, 221]
    assert client.is_closed()
    assert (folder / "file").read_bytes() == b"onetwo"


@pytest.mark.parametrize("ending", ["QUIT", "REIN", "USER alone", "close"])
def test_the_end_of_a_login_frees_its_place(clear_server, ending):
    """An account with one session can be used again as soon as QUIT, REIN, USER or a lost connection ended it."""
    with connected(clear_server).login("alone") as first, connected(clear_server) as second:
        assert second.code("USER alone") == 331
        assert second.code(f"PASS {PASSWORD}") == 421
        if ending == "close":
            first.close()
        else:
            first.send(ending)
            assert first.answer().code in {221, 220, 331}
    for _ in range(100):
        with connected(clear_server) as third:
            assert third.code("USER alone") == 331
            if third.code(f"PASS {PASSWORD}") == 230:
                return
    pytest.fail("the place was never freed")
