"""USER, PASS, ACCT, REIN, QUIT, SMNT, HOST (RFC 959 section 4.1.1, RFC 4217 section 12, RFC 7151)."""

from __future__ import annotations

from dataclasses import replace

from twisted.logger import Logger

from ftpstwist.commands.context import Invocation, Session
from ftpstwist.commands.registry import verb
from ftpstwist.interfaces import CodeWanted, ErrorKind, FtpError, LoggedInAccount, LoginRequest
from ftpstwist.session.events import LoggedIn, LoginFailed
from ftpstwist.session.gate import TLS_FIRST
from ftpstwist.session.identity import Secret
from ftpstwist.session.policy import ProtectionRule, SessionReuse
from ftpstwist.session.policybook import Subject
from ftpstwist.wire.parameters import Hostname, parse_hostname
from ftpstwist.wire.reply import Reply

MAX_USER_LENGTH = 256

_log = Logger()


@verb("USER")
async def user(session: Session, command: Invocation) -> Reply:
    """Name the account; the answer is the same whether it exists or not (RFC 2577 section 7).

    It is 336 for all where some need a code behind the password (RFC 2228 section 5.1).
    It is 232, and the login complete, if the client's certificate is enough (RFC 4217 section 12).
    """
    if len(command.argument) > MAX_USER_LENGTH:
        return Reply(501, "The user name is too long")
    session.log_out()
    session.data.forget()
    session.state.name_user(session.enter_host_of(command.argument))
    if session.settings.certificate_at_user:
        account = await _by_certificate(session)
        if account is not None:
            return _accept(session, account, 232)
    if session.settings.code_at_pass:
        return Reply(336, 'Password required. Challenge is "password, and the digits of your authenticator behind it"')
    return Reply(331, "Password required")


@verb("PASS")
async def pass_(session: Session, command: Invocation) -> Reply:
    """Log in; a refusal takes its time, and the last one allowed closes the connection (RFC 2577 section 5).

    Where a certificate has been enough, the password is not looked at: it is
    superfluous (202) after 232, and ignored if USER was answered 331 for the
    sake of clients that know no 232.
    """
    if session.state.is_logged_in:
        return Reply(202, "The certificate was enough; no password is needed")
    if not session.settings.certificate_at_user:
        by_certificate = await _by_certificate(session)
        if by_certificate is not None:
            _log.info("{session} the password of {user} was ignored", session=session.id, user=session.state.user)
            return _accept(session, by_certificate)
    password = Secret(command.argument)
    try:
        return await _log_in(session, _request(session, password))
    except CodeWanted:
        session.state.ask_for_code(password)
        return Reply(332, "Code required: send ACCT with the digits of your authenticator")


async def _log_in(session: Session, request: LoginRequest) -> Reply:
    try:
        account = await session.authenticator.login(request)
    except FtpError as error:
        return _refuse(session, error)
    return _accept(session, account)


async def _by_certificate(session: Session) -> LoggedInAccount | None:
    """Log in by what the client showed in the handshake of this connection, if that is enough."""
    request = _request(session, Secret(""))
    if request.certificate is None:
        return None
    try:
        return await session.authenticator.login_by_certificate(request)
    except FtpError as error:
        _record_failure(session, error)
        raise


def _request(session: Session, password: Secret) -> LoginRequest:
    tls = session.transport.tls
    return LoginRequest(
        user=session.state.user,
        password=password,
        peer=session.transport.peer.host,
        tls=tls,
        certificate=None if tls is None or tls.certificate is None else session.tls.client_certificate,
    )


def _accept(session: Session, account: LoggedInAccount, code: int = 230) -> Reply:
    policy, subject = session.settings.policy, Subject.of(account.identity, session.transport.peer.host)
    if policy.for_subject(subject).holds_back(ProtectionRule.LOGIN, protected=session.state.is_protected):
        account.logout()
        return _refuse_in_clear(session)
    session.tls.demand_resumption(demanded=policy.session_reuse_for(subject) is SessionReuse.REQUIRE)
    session.log_in(account)
    session.state.needs_no_password = code == 232  # noqa: PLR2004 - RFC 2228 section 5.1
    session.sink.record(LoggedIn(session.ref, session.now(), account.method))
    return Reply(code, *account.identity.greeting, f"User {account.identity.user} logged in")


def _refuse_in_clear(session: Session) -> Reply:
    """Refuse an account that the name given by USER did not promise: spelt another way, or in groups known only now."""
    session.sink.record(LoginFailed(session.ref, session.now(), "the policy of the account demands TLS", "policy"))
    session.state.refuse_login()
    return TLS_FIRST


def _refuse(session: Session, error: FtpError) -> Reply:
    _record_failure(session, error)
    session.state.refuse_login()
    if error.kind is not ErrorKind.LOGIN_REFUSED:
        raise error
    if session.state.failed_logins >= session.settings.login_attempts:
        return Reply(421, "Login incorrect; too many attempts, closing")
    return Reply(530, "Login incorrect")


def _record_failure(session: Session, error: FtpError) -> None:
    reason = error.cause or error.kind.value
    session.sink.record(LoginFailed(session.ref, session.now(), reason, error.kind.name.lower()))


@verb("ACCT")
async def acct(session: Session, command: Invocation) -> Reply:
    """Log in with a code beside the password that PASS has brought; without a 332 none is needed."""
    password = session.state.password
    if password is None:
        return Reply(202, "No account information is needed")
    return await _log_in(session, replace(_request(session, password), code=Secret(command.argument)))


@verb("REIN")
async def rein(session: Session, command: Invocation) -> Reply:
    """Log out and start anew (RFC 959 section 4.1.1).

    On the explicit service the reply is the last thing that is protected: then
    TLS is taken off, and AUTH is possible again (RFC 4217 section 13). What
    waits behind such a REIN is never executed, the connection is closed (421).
    """
    takes_tls_off = session.state.is_protected and not session.state.is_implicit
    if takes_tls_off and command.has_unread():
        return Reply(421, "Nothing may be sent behind REIN before TLS is off; closing")
    session.log_out()
    session.data.forget()
    session.state.reinitialize()
    if not session.state.has_session_tls:
        session.tls_facts = None
    session.enter_host()
    if takes_tls_off:
        command.afterwards(session.transport.stop_tls)
    return Reply(220, "Ready for a new user")


@verb("QUIT")
async def quit_(session: Session, command: Invocation) -> Reply:
    """End the session; waits in the queue for a running transfer."""
    return Reply(221, session.settings.goodbye)


@verb("SMNT")
async def smnt(session: Session, command: Invocation) -> Reply:
    """There is no other file system to mount."""
    return Reply(502, "SMNT is not implemented")


@verb("HOST")
async def host(session: Session, command: Invocation) -> Reply:
    """Name the virtual host before the login (RFC 7151); it must agree with the name given to TLS."""
    wanted = parse_hostname(command.argument)
    if session.state.is_logged_in:
        return Reply(503, "HOST is only possible before the login")
    if session.server_name and not wanted.is_literal and session.server_name.lower() != wanted.name:
        return Reply(504, "HOST differs from the name given in the TLS handshake")
    if not _is_ours(session, wanted):
        return Reply(504, "Unknown host")
    session.state.name_host(wanted.name)
    session.enter_host()
    return Reply(220, session.settings.banner)


def _is_ours(session: Session, wanted: Hostname) -> bool:
    if wanted.is_literal:
        return wanted.name == session.transport.host.host
    return session.hosts.find(wanted.name) is not None
