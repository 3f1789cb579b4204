"""Data connections and the TLS session of their control connection (RFC 4217 section 10.2, T17, T27, K5, K8).

Resumed means: this very control session. Another session's ticket, of the same user or of another one, is worth
nothing here, in TLS 1.2 and 1.3 alike; what follows from that is ``session_reuse``: prefer, require or off.
"""

from __future__ import annotations

import signal
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.support.client import connected, implicit, logged_in
from tests.support.observe import (
    Marked,
    Tapped,
    assert_no_traceback,
    events,
    fingerprint,
    octets_until_closed,
    read_to_end,
    stranger,
    write_certificate,
)
from tests.support.server import PASSWORD, USER, running_server

OLD = b"the file that was there"
NEW = b"new content" * 1000
VERSIONS = ["TLSv1_2", "TLSv1_3"]
OTHER = "bob"
BOB = f'[users.{OTHER}]\npassword = "HASH"\n'
SESSIONS = ["own", "fresh", "same user", "other user"]


def _server(tmp_path_factory, reuse, more=""):
    config = f'[tls]\nsession_reuse = "{reuse}"\n{more}'
    with running_server(tmp_path_factory.mktemp(reuse), config, BOB) as server:
        (server.folder / "files" / OTHER).mkdir()
        yield server
        assert_no_traceback(server)


@pytest.fixture(scope="module")
def prefer(tmp_path_factory):
    """The default."""
    yield from _server(tmp_path_factory, "prefer")


@pytest.fixture(scope="module")
def require(tmp_path_factory):
    """Only data connections that resume are served; a handshake may take a second."""
    yield from _server(tmp_path_factory, "require", "handshake_timeout = 1\n[passive]\nport_timeout = 1\n")


@pytest.fixture(scope="module")
def off(tmp_path_factory):
    """Nothing can be resumed."""
    yield from _server(tmp_path_factory, "off")


@pytest.fixture(autouse=True)
def old_file(request):
    for name in ("prefer", "require", "off"):
        if name in request.fixturenames:
            home = request.getfixturevalue(name).files
            for path in home.iterdir():
                path.unlink()
            (home / "old").write_bytes(OLD)


class Sessions:
    """A control connection, and the TLS sessions that somebody could try on its data connections."""

    def __init__(self, server, version, which):
        self._others = ExitStack()
        self.control = self._others.enter_context(logged_in(server, version=version, source=stranger()))
        assert self.control.code("TYPE I") == 200
        self._own = self.control.context, self.control.sock.session
        if which == "own":
            self.session = self.control.sock.session
        elif which == "fresh":
            self.session = None
        else:
            other = connected(server, version=version).auth()
            self._others.enter_context(other)
            other.login(*((OTHER, PASSWORD) if which == "other user" else ()))
            assert other.code("NOOP") == 200
            self.session = other.sock.session
            # stdlib refuses a session of another context; so everybody uses the context it came from
            self.control.context = other.context
        assert which == "fresh" or self.session is not None

    def use_own(self):
        """Try the session of the control connection from now on."""
        self.control.context, self.session = self._own

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._others.close()


def _attempt(sessions, command="STOR old"):
    """Begin a transfer with the session to be tried; return whether it was resumed, ``None`` without a handshake."""
    control = sessions.control
    with control.passive() as data:
        assert control.code(command) == 150
        try:
            tapped = Tapped(data, control.context, sessions.session)
            if command == "STOR old":
                tapped.send(NEW)
                tapped.close_notify()
        except (ssl.SSLError, ConnectionError):
            return None
        return tapped.tls.session_reused


# --- the three settings -------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("which", SESSIONS)
def test_prefer(prefer, version, which):
    """prefer: all are served; only the own session is resumed, and the log says which was."""
    with Sessions(prefer, version, which) as sessions:
        assert _attempt(sessions) is (which == "own")
        assert sessions.control.answer().code == 226
        transfer = events(prefer, "file_transferred")[-1]
        assert transfer["data_tls"]["resumed"] is (which == "own")
        assert transfer["data_tls"]["version"] == version.replace("_", ".")
    assert (prefer.files / "old").read_bytes() == NEW


@pytest.mark.parametrize("version", VERSIONS)
def test_require_serves_the_own_session(require, version):
    """require: what resumes the session of its control connection is served."""
    with Sessions(require, version, "own") as sessions:
        assert _attempt(sessions) is True
        assert sessions.control.answer().code == 226
    assert (require.files / "old").read_bytes() == NEW


@pytest.mark.parametrize("version", VERSIONS)
def test_require_refuses_all_others(require, version):
    """require, T17, T27: others are 522 behind 150, the file stays as it is, and a second try that resumes is served."""
    before = len(events(require, "tls_failed"))
    with ExitStack() as stack:
        all_sessions = [stack.enter_context(Sessions(require, version, which)) for which in SESSIONS[1:]]
        for sessions in all_sessions:
            assert _attempt(sessions) is None
        for sessions in all_sessions:
            answer = sessions.control.answer()
            assert answer.code == 522
            assert "session" in answer.text
        assert (require.files / "old").read_bytes() == OLD
        failures = events(require, "tls_failed", channel="data")[before:]
        assert ["offered none" in failure["cause"] for failure in failures] == [True, False, False]
        assert ["of another control connection" in failure["cause"] for failure in failures] == [False, True, True]
        assert all('session_reuse = "prefer"' in failure["remedy"] for failure in failures)
        for sessions in all_sessions:
            sessions.use_own()
            assert _attempt(sessions) is True
            assert sessions.control.answer().code == 226


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("which", ["own", "fresh", "other user"])
def test_off(off, version, which):
    """off: nothing is ever resumed, and everybody is served."""
    with logged_in(off, version=version) as control:
        assert control.code("TYPE I") == 200
        session = control.sock.session
        with connected(off, version=version).auth().login(OTHER, PASSWORD) as other:
            if which == "other user":
                session, control.context = other.sock.session, other.context
            elif which == "fresh":
                session = None
            with control.passive() as data:
                assert control.code("STOR old") == 150
                tapped = Tapped(data, control.context, session)
                assert not tapped.tls.session_reused
                tapped.send(NEW)
                tapped.close_notify()
                assert control.answer().code == 226
    assert not events(off, "file_transferred")[-1]["data_tls"]["resumed"]


@pytest.mark.parametrize("version", VERSIONS)
def test_require_holds_for_every_verb(require, version):
    """T17: whatever is transferred, a foreign session sees and changes nothing."""
    with ExitStack() as stack:
        all_sessions = {
            command: stack.enter_context(Sessions(require, version, "other user"))
            for command in ("RETR old", "LIST", "NLST", "MLSD", "STOR new", "APPE old", "STOU")
        }
        for command, sessions in all_sessions.items():
            assert _attempt(sessions, command) is None
        for sessions in all_sessions.values():
            assert sessions.control.answer().code == 522
    assert {path.name: path.read_bytes() for path in require.files.iterdir()} == {"old": OLD}


# --- long sessions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_many_transfers_with_one_session(require, version):
    """The session of the control connection can be resumed as often as one likes."""
    with logged_in(require, version=version) as control:
        for _ in range(20):
            octets, answer = control.download("RETR old")
            assert (octets, answer.code) == (OLD, 226)


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_of_data_connections(require, version):
    """Clients that use a session only once go from each data connection to the next."""
    with logged_in(require, version=version) as control:
        session = control.sock.session
        for _ in range(10):
            with control.passive() as data:
                assert control.code("RETR old") == 150
                with control.wrap_data(data, session) as stream:
                    assert stream.session_reused
                    assert read_to_end(stream) == OLD
                    session = stream.session
                assert control.answer().code == 226


@pytest.mark.parametrize("version", VERSIONS)
def test_active_mode_and_the_implicit_service(require, version):
    """T27: require holds in active mode and on the implicit service, too."""
    with (
        implicit(require, "::1", version=version) as control,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as listener,
    ):
        listener.settimeout(10)
        for session, code in ((True, 226), (None, 522)):
            assert control.code(f"EPRT |2|::1|{listener.getsockname()[1]}|") == 200
            control.send("NLST")
            data, _ = listener.accept()
            with data:
                assert control.answer().code == 150
                try:
                    with control.wrap_data(data, session) as stream:
                        assert read_to_end(stream) == b"old\r\n"
                except (ssl.SSLError, ConnectionError):
                    assert code == 522
                assert control.answer().code == code


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.one_process
def test_users_side_by_side(require, version):
    """Users of one address wait on the one port there is: each is given its own connection."""
    with ExitStack() as stack:
        controls = [stack.enter_context(connected(require, version=version)) for _ in range(2)]
        for control, user in zip(controls, (USER, OTHER), strict=True):
            control.auth().login(user, PASSWORD).protect()
            (require.files.parent / user / "file").write_bytes(user.encode() * 1000)
            assert control.code("TYPE I") == 200
        ports = [control.passive_port() for control in controls]
        sockets = [stack.enter_context(control.connect(port)) for control, port in zip(controls, ports, strict=True)]
        for control in controls:
            assert control.code("RETR file") == 150
        # in another order than they connected: only the TLS session tells whose each is
        for control, sock, user in zip(reversed(controls), sockets, (OTHER, USER), strict=True):
            with control.wrap_data(sock) as data:
                assert read_to_end(data) == user.encode() * 1000
            assert control.answer().code == 226


@pytest.mark.parametrize("resumed", [False, True])
def test_sessions_of_one_user_side_by_side(prefer, resumed):
    """Parallel sessions of one user share the one port there is in turn, and none ever gets the file of another."""

    def fetch(number):
        content = str(number).encode() * 1000
        (prefer.files / f"file{number}").write_bytes(content)
        with logged_in(prefer) as control:
            assert control.code("TYPE I") == 200
            for _ in range(5):
                session = control.sock.session if resumed else None
                with control.passive() as data:
                    assert control.code(f"RETR file{number}") == 150
                    with control.wrap_data(data, session) as stream:
                        assert read_to_end(stream) == content
                assert control.answer().code == 226

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(fetch, range(8)))


# --- K8: no session of another control connection -----------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_control_connections_resume_nothing(prefer, version):
    """K8: a control connection can not resume the session of another one, and so is never taken for it."""
    with logged_in(prefer, version=version) as first, connected(prefer, version=version) as second:
        assert second.code("AUTH TLS") == 234
        second.sock = first.context.wrap_socket(second.sock, session=first.sock.session)
        assert not second.sock.session_reused
        assert second.code("PWD") == 530


# --- the session and the certificate ------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.one_process
def test_session_outlives_a_new_certificate(tmp_path, version):
    """K12: behind a certificate swap (SIGHUP) old sessions still resume and show the old one; new ones the new."""
    tables = write_certificate(tmp_path, "ftp")
    with running_server(tmp_path, '[tls]\nsession_reuse = "require"\n', tables=tables) as server:
        old = fingerprint(tmp_path / "ftp.crt")
        with logged_in(server, version=version) as control:
            for name in ("ftp.crt", "ftp.key"):
                (tmp_path / name).unlink()
            write_certificate(tmp_path, "ftp")
            log = Marked(server)
            server.process.send_signal(signal.SIGHUP)
            log.wait_for("certificates were read anew")
            for _ in range(2):
                with control.passive() as data:
                    assert control.code("NLST") == 150
                    with control.wrap_data(data) as stream:
                        assert stream.session_reused
                        assert read_to_end(stream) == b""
                    assert control.answer().code == 226
            assert fingerprint(control.sock) == old
            with logged_in(server, version=version) as fresh:
                assert fingerprint(fresh.sock) == fingerprint(tmp_path / "ftp.crt") != old
                assert fresh.download("NLST")[1].code == 226
        assert_no_traceback(server)


@pytest.mark.parametrize("version", VERSIONS)
def test_full_handshake_after_a_new_certificate(tmp_path, version):
    """T24, K12: a data connection of an old session that does not resume is shown the old certificate still."""
    tables = write_certificate(tmp_path, "ftp")
    with running_server(tmp_path, tables=tables) as server, logged_in(server, version=version) as control:
        for name in ("ftp.crt", "ftp.key"):
            (tmp_path / name).unlink()
        write_certificate(tmp_path, "ftp")
        log = Marked(server)
        server.process.send_signal(signal.SIGHUP)
        log.wait_for("certificates were read anew")
        with control.passive() as data:
            assert control.code("NLST") == 150
            with control.wrap_data(data, session=None) as stream:
                assert not stream.session_reused
                assert fingerprint(stream) == fingerprint(control.sock)
                assert read_to_end(stream) == b""
            assert control.answer().code == 226


# --- K5: thieves from the same address ----------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("theft", ["fresh", "other user", "mangled hello", "silence", "octets in clear", "FIN", "RST"])
def test_thief_from_the_same_address(require, version, theft):
    """K5: a neighbour behind the same NAT is quicker, but can not resume: the true client is served all the same."""
    with Sessions(require, version, "other user") as foreign, logged_in(require, version=version) as control:
        port = control.passive_port()
        with control.connect(port) as thief, control.connect(port) as data:
            assert control.code("RETR old") == 150
            stolen = b""
            if theft in {"fresh", "other user"}:
                session = foreign.session if theft == "other user" else None
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    Tapped(thief, foreign.control.context, session)
            elif theft == "mangled hello":
                thief.sendall(b"\x16\x03\x01\x00\x10" + b"\xaa" * 16)
                stolen = octets_until_closed(thief)
            elif theft == "octets in clear":
                thief.sendall(b"RETR old\r\n")
                stolen = octets_until_closed(thief)
            elif theft in {"FIN", "RST"}:
                if theft == "RST":
                    thief.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                thief.close()
            assert OLD not in stolen
            with control.wrap_data(data) as stream:
                assert read_to_end(stream).replace(b"\r", b"") == OLD
            assert control.answer().code == 226


def test_true_client_comes_late(require):
    """K5: the true client may come after the thief was found out."""
    with logged_in(require) as control:
        port = control.passive_port()
        with control.connect(port) as thief:
            assert control.code("STOR old") == 150
            with pytest.raises((ssl.SSLError, ConnectionError)):
                control.wrap_data(thief, session=None)
            with control.connect(port) as data:
                stream = control.wrap_data(data)
                stream.sendall(NEW)
                stream.unwrap().close()
        assert control.answer().code == 226
    assert (require.files / "old").read_bytes() == NEW


def test_crowd_on_one_port(require):
    """K5, K13: no more than a few connections are kept for one expectation; the others are closed at once."""
    with logged_in(require) as control, ExitStack() as stack:
        port = control.passive_port()
        crowd = [stack.enter_context(control.connect(port)) for _ in range(8)]
        assert sum(_is_closed(each) for each in crowd[3:]) == 5
        assert not any(_is_closed(each, patience=0) for each in crowd[:3])
        assert control.code("NLST") == 150
        with control.wrap_data(crowd[0]) as stream:
            assert read_to_end(stream) == b"old\r\n"
        assert control.answer().code == 226
        assert all(_is_closed(each) for each in crowd[1:3])


def _is_closed(sock, patience=10):
    sock.settimeout(patience)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        sock.settimeout(10)
