"""The state tables: every pair of state and event, and what each move forgets."""

from __future__ import annotations

from itertools import product

import pytest

from ftpstwist.session.catalogue import CATALOGUE, HIDDEN_ARGUMENT, shown_argument
from ftpstwist.session.identity import Identity, Secret
from ftpstwist.session.policy import DataProtection, ProtectionLevel
from ftpstwist.session.state import (
    CONTROL_TABLE,
    LOGIN_TABLE,
    ControlEvent,
    ControlProtection,
    LoginEvent,
    LoginStage,
    RenameFrom,
    RepresentationType,
    RestartAt,
    SequenceError,
    Service,
    SessionState,
)
from ftpstwist.wire.listing import DEFAULT_FACTS
from ftpstwist.wire.pathname import ROOT, Pathname

IMPOSSIBLE_LOGIN = {
    (LoginStage.NONE, LoginEvent.ACCEPT),
    (LoginStage.NONE, LoginEvent.REFUSE),
    (LoginStage.DONE, LoginEvent.ACCEPT),
    (LoginStage.DONE, LoginEvent.REFUSE),
    (LoginStage.NONE, LoginEvent.ASK),
    (LoginStage.PROVEN, LoginEvent.ASK),
    (LoginStage.DONE, LoginEvent.ASK),
}


def test_login_table_is_complete():
    """B1, B2: only an answer to a password that nobody gave is impossible."""
    assert set(product(LoginStage, LoginEvent)) - set(LOGIN_TABLE) == IMPOSSIBLE_LOGIN


@pytest.mark.parametrize(("stage", "event"), sorted(IMPOSSIBLE_LOGIN, key=str))
def test_impossible_login_moves_are_errors(stage, event):
    """A login that was never begun can not be accepted."""
    state = SessionState(stage=stage)
    with pytest.raises(SequenceError):
        state.move_login(event)


CLEAR, HANDSHAKE, TLS, CLEARED = ControlProtection
CONTROL_MOVES = {
    # what the client did: (from, to), …; everything else is impossible
    ControlEvent.START: {(CLEAR, HANDSHAKE)},
    ControlEvent.ESTABLISHED: {(HANDSHAKE, TLS)},
    ControlEvent.CLEAR: {(TLS, CLEARED)},
    ControlEvent.REINITIALIZE: {(CLEAR, CLEAR), (TLS, CLEAR), (CLEARED, CLEAR)},
}


@pytest.mark.parametrize(("protection", "event"), sorted(product(ControlProtection, ControlEvent), key=str))
def test_control_table(protection, event):
    """T5, T18, T22: TLS starts once, only CCC and REIN take it off, and from CCC only REIN leads on to AUTH."""
    state = SessionState(control=protection)
    move = {
        ControlEvent.START: state.start_tls,
        ControlEvent.ESTABLISHED: state.establish_tls,
        ControlEvent.CLEAR: state.clear_tls,
        ControlEvent.REINITIALIZE: state.reinitialize,
    }[event]
    target = dict(CONTROL_MOVES[event]).get(protection)
    assert CONTROL_TABLE.get((protection, event)) is target
    if target is not None:
        move()
        assert state.control is target
    else:
        with pytest.raises(SequenceError):
            move()


@pytest.mark.parametrize(
    ("protection", "protected", "cleared", "session_tls"),
    [
        (CLEAR, False, False, False),
        (HANDSHAKE, False, False, False),
        (TLS, True, False, True),
        (CLEARED, False, True, True),
    ],
)
def test_what_the_states_mean(protection, protected, cleared, session_tls):
    """T6: after CCC commands are in clear, and data connections still belong to the TLS session."""
    state = SessionState(control=protection)
    assert state.is_protected is protected
    assert state.is_cleared is cleared
    assert state.has_session_tls is session_tls


@pytest.mark.parametrize("level", [ProtectionLevel.CLEAR, ProtectionLevel.PRIVATE])
@pytest.mark.parametrize("service", Service)
def test_ccc_keeps_login_and_level(service, level):
    """T6: data stays as PROT has set it; nobody has to log in again."""
    state = logged_in(service)
    state.start_tls()
    state.establish_tls()
    state.level = level
    state.clear_tls()
    assert state.level is level
    assert state.is_logged_in
    assert state.working_directory == Pathname.parse("/in")


@pytest.mark.parametrize("with_ccc", [True, False])
def test_rein_leads_back_to_auth(with_ccc):
    """T22: on the explicit service REIN is the state right after connecting, also behind CCC."""
    state = logged_in()
    state.start_tls()
    state.establish_tls()
    state.level = ProtectionLevel.PRIVATE
    if with_ccc:
        state.clear_tls()
    state.reinitialize()
    assert state == SessionState()
    state.start_tls()


def test_rein_leaves_implicit_tls_on():
    """T22: the implicit service begins under TLS; what CCC took off there can be had again by AUTH."""
    state = logged_in(Service.IMPLICIT)
    state.start_tls()
    state.establish_tls()
    state.reinitialize()
    assert state.is_protected
    assert not state.is_logged_in
    assert state.level is ProtectionLevel.PRIVATE
    state.clear_tls()
    state.reinitialize()
    assert state.control is CLEAR
    assert state.level is ProtectionLevel.CLEAR
    state.start_tls()
    state.establish_tls()
    assert state.level is ProtectionLevel.PRIVATE


def logged_in(service=Service.EXPLICIT):
    state = SessionState(service=service)
    state.name_user("alice")
    state.accept_login(Identity("Alice"))
    state.working_directory = Pathname.parse("/in")
    return state


def test_login_takes_the_name_of_the_realm():
    """The account's own spelling of the name is used from the login on."""
    state = logged_in()
    assert state.is_logged_in
    assert state.user == "Alice"


def test_user_again_ends_the_login():
    """B1: USER in mid-session forgets the account and its directory before the new password is known."""
    state = logged_in()
    state.name_user("bob")
    assert not state.is_logged_in
    assert state.identity is None
    assert state.working_directory == ROOT


def test_refusal_is_counted():
    """K7: refused passwords are counted over USER, AUTH and REIN."""
    state = SessionState()
    state.name_user("a")
    state.refuse_login()
    state.reset()
    state.name_user("a")
    state.refuse_login()
    assert state.failed_logins == 2


def test_reset_forgets_everything_set_before():
    """T3: nothing that was set in clear acts inside TLS, the host aside, which names the certificate (RFC 7151)."""
    state = logged_in()
    state.type = RepresentationType.IMAGE
    state.level = ProtectionLevel.PRIVATE
    state.buffer_size_given = True
    state.epsv_only = True
    state.prefix = RestartAt(5)
    state.facts = ("size",)
    state.host = "h"
    state.client = "FileZilla"
    state.reset()
    assert state == SessionState(client="FileZilla", host="h")
    assert state.is_ascii
    assert state.facts == DEFAULT_FACTS


def test_explicit_tls_leaves_data_in_clear():
    """T11: after AUTH TLS the data level is Clear until PROT says otherwise."""
    state = SessionState()
    state.start_tls()
    assert not state.can_be_told
    state.establish_tls()
    assert state.can_be_told
    assert state.is_protected
    assert state.level is ProtectionLevel.CLEAR
    assert state.buffer_size_given is False


def test_auth_ssl_keeps_its_level():
    """AUTH SSL and TLS-P start with private data connections; the handshake does not take that back."""
    state = SessionState()
    state.start_tls()
    state.level = ProtectionLevel.PRIVATE
    state.establish_tls()
    assert state.level is ProtectionLevel.PRIVATE
    assert state.buffer_size_given is True


def test_implicit_tls_protects_data_from_the_start():
    """An implicit connection has PROT P without a word, also after REIN."""
    state = SessionState(service=Service.IMPLICIT)
    state.start_tls()
    state.establish_tls()
    assert state.level is ProtectionLevel.PRIVATE
    assert state.buffer_size_given is True
    state.level = ProtectionLevel.CLEAR
    state.reset()
    assert state.level is ProtectionLevel.PRIVATE


def test_host_restarts_the_login_only():
    """H2: HOST resets the authentication, not PBSZ and PROT."""
    state = SessionState()
    state.name_user("alice")
    state.level = ProtectionLevel.PRIVATE
    state.name_host("b.example")
    assert state.stage is LoginStage.NONE
    assert state.user == ""
    assert state.host == "b.example"
    assert state.level is ProtectionLevel.PRIVATE


@pytest.mark.parametrize(
    ("prefix", "keep", "left"),
    [
        (RestartAt(7), True, RestartAt(7)),
        (RestartAt(7), False, None),
        (RenameFrom(ROOT), True, None),
        (RenameFrom(ROOT), False, None),
        (None, True, None),
    ],
)
def test_prefix_clears_itself(prefix, keep, left):
    """B18, B19, L4: what REST or RNFR announced reaches one command; only REST survives PASV and its like."""
    state = SessionState(prefix=prefix)
    assert state.take_prefix(keep_restart=keep) == prefix
    assert state.prefix == left


def test_restart_survives_what_clients_send_before_retr():
    """L4: clients prepare the data connection between REST and RETR."""
    kept = {row.verb for row in CATALOGUE.values() if row.keeps_restart}
    assert {"PASV", "EPSV", "PORT", "EPRT", "TYPE"} <= kept
    assert not kept & {"RETR", "STOR", "APPE", "LIST", "CWD", "USER"}


@pytest.mark.parametrize(
    ("verb", "argument", "shown"),
    [
        ("PASS", "secret", HIDDEN_ARGUMENT),
        ("PASS", "", ""),
        ("PAS", "secret", HIDDEN_ARGUMENT),
        ("RETR", "file", "file"),
        ("XMKD", "dir", "dir"),
    ],
)
def test_secret_arguments_are_hidden(verb, argument, shown):
    """Logs never show a password, not even one behind a mistyped PASS."""
    assert shown_argument(verb, argument) == shown


@pytest.mark.parametrize("move", ["name_user", "refuse_login", "reset", "name_host", "accept_login"])
def test_a_password_that_waits_for_its_code_is_forgotten_by_any_move(move):
    """It is kept from 332 to ACCT, and not a command longer than the login is under way."""
    state = SessionState()
    state.name_user("alice")
    state.ask_for_code(Secret("x"))
    assert state.password is not None
    arguments = {"name_user": ["bob"], "name_host": ["b"], "accept_login": [Identity("alice")]}.get(move, [])
    getattr(state, move)(*arguments)
    assert state.password is None


@pytest.mark.parametrize(
    ("service", "agreed", "level"),
    [
        (Service.EXPLICIT, None, ProtectionLevel.CLEAR),
        (Service.EXPLICIT, ProtectionLevel.PRIVATE, ProtectionLevel.PRIVATE),
        (Service.IMPLICIT, None, ProtectionLevel.PRIVATE),
    ],
)
def test_a_refused_level_leaves_what_was_agreed_on(service, agreed, level):
    """What AUTH SSL began with was never agreed on by a client that follows RFC 4217, as its PROT shows."""
    state = SessionState(service=service)
    state.start_tls()
    state.level = ProtectionLevel.PRIVATE
    state.establish_tls()
    if agreed is not None:
        state.agree_on_level(agreed)
    state.refuse_level()
    assert state.level is level
    state.reset()
    assert not state.level_agreed


@pytest.mark.parametrize(
    ("demand", "level"),
    [
        (DataProtection.FREE, ProtectionLevel.PRIVATE),
        (DataProtection.REQUIRED, ProtectionLevel.PRIVATE),
        (DataProtection.FORBIDDEN, ProtectionLevel.CLEAR),
    ],
)
def test_level_where_tls_is_forbidden_on_data_connections(demand, level):
    """Where no PROT P can follow, data connections begin in clear; nowhere else."""
    state = SessionState(service=Service.IMPLICIT)
    state.level = ProtectionLevel.PRIVATE
    state.fit_level(demand)
    assert state.level is level
