"""What a reply to an upload is worth: 226 means that all of it is there, everything else leaves the old file alone.

Every way a data connection can end, in clear and under TLS (1.2 and 1.3), for every verb that uploads, onto a file that
exists and onto a new name (K9, T28). A broken upload of a new name is kept, so that the client can resume it.
"""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.client import connected, logged_in
from tests.support.observe import (
    Tapped,
    closed_sessions,
    eventually,
    octets_until_closed,
    read_to_end,
    reset,
)
from tests.support.server import running_server

OLD = b"o" * 5000
SENT = bytes(range(256)) * 391
"""100 kB and a bit: several TLS records."""
VERSIONS = ["TLSv1_2", "TLSv1_3"]
CHANNELS = ["clear", *VERSIONS]
COMMANDS = ["STOR old", "STOR new", "APPE old", "APPE new", "STOU old", "STOU new"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The default, except that data connections in clear are allowed, too; a silent client is waited for 1 s."""
    config = '[policy]\nrequire = "none"\n[transfer]\nconnect_timeout = 1\n'
    with running_server(tmp_path_factory.mktemp("uploads"), config) as server:
        yield server


@pytest.fixture(scope="module")
def lenient(tmp_path_factory):
    """A server for clients that never send close_notify."""
    with running_server(tmp_path_factory.mktemp("lenient"), '[policy]\nupload_close_notify = "lenient"\n') as server:
        yield server


@pytest.fixture(autouse=True)
def old_file(request):
    for name in ("server", "lenient"):
        if name in request.fixturenames:
            home = request.getfixturevalue(name).files
            for path in home.iterdir():
                path.unlink()
            (home / "old").write_bytes(OLD)


class Upload:
    """An upload that has begun: 150 is read, the handshake is done, nothing is sent."""

    def __init__(self, server, channel, command):
        self.server = server
        self.control = connected(server).login() if channel == "clear" else logged_in(server, version=channel)
        assert self.control.code("TYPE I") == 200
        self.data = self.control.passive()
        first = self.control.do(command)
        assert first.code == 150, first
        self.name = re.match(r"FILE: (.+)", first.text)[1] if command.startswith("STOU") else command.split()[1]
        self.tls = None if channel == "clear" else Tapped(self.data, self.control.context)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.data.close()
        self.control.close()

    def send(self, octets):
        if self.tls is None:
            self.data.sendall(octets)
        else:
            self.tls.send(octets)

    def good_end(self):
        """End as the protocol wants, without reading anything."""
        if self.tls is not None:
            self.tls.close_notify()
        self.data.shutdown(socket.SHUT_WR)

    def half_a_record(self):
        """Send the beginning of a TLS record (in clear: nothing)."""
        if self.tls is not None:
            self.data.sendall(b"\x17\x03\x03\x40\x00" + b"half")

    @property
    def content(self):
        path = self.server.files / self.name
        return path.read_bytes() if path.exists() else None


@contextmanager
def logged_in_for_each(commands, server):
    """Give every command a session, and an address, of its own: so their time limits pass side by side."""
    with ExitStack() as stack:
        yield {
            command: stack.enter_context(logged_in(server, source=f"127.0.1.{number}"))
            for number, command in enumerate(commands, 1)
        }


def names(server):
    return {path.name for path in server.files.iterdir()}


def assert_old_is_kept(server):
    assert (server.files / "old").read_bytes() == OLD


def assert_broken(upload, command):
    """The old file is as it was (APPE: it has grown by the beginning of what was sent); a new one is resumable."""
    verb, name = command.split()
    if command == "APPE old":
        content = upload.content
        assert content.startswith(OLD)
        assert SENT.startswith(content[len(OLD) :])
        return
    assert_old_is_kept(upload.server)
    if verb == "STOR" and name == "old":
        assert names(upload.server) == {"old"}
    elif upload.content is not None:
        assert upload.name != "old"
        assert SENT.startswith(upload.content)


# --- the table: one test a column ---------------------------------------------------------------------


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("command", COMMANDS)
def test_good_end(server, command, channel):
    """FIN in clear, close_notify under TLS: 226, and all of it is there."""
    with Upload(server, channel, command) as upload:
        upload.send(SENT)
        upload.good_end()
        answer = upload.control.answer()
        assert answer.code == 226, answer
        assert upload.content == (OLD + SENT if command == "APPE old" else SENT)
        if upload.name != "old":
            assert_old_is_kept(server)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("command", COMMANDS)
def test_rst(server, command, channel):
    """RST, under TLS and in clear: 426, the old file is kept."""
    with Upload(server, channel, command) as upload:
        upload.send(SENT)
        reset(upload.data)
        assert upload.control.answer().code == 426
        assert_broken(upload, command)
        assert upload.control.code("NOOP") == 200


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("command", COMMANDS)
def test_fin_without_close_notify(server, command, version):
    """FIN at the very boundary of a TLS record, which anybody on the way can forge: 426, the old file is kept."""
    with Upload(server, version, command) as upload:
        upload.send(SENT)
        upload.data.shutdown(socket.SHUT_WR)
        answer = upload.control.answer()
        assert answer.code == 426
        assert "close_notify" in answer.text
        assert_broken(upload, command)
        assert upload.control.code("NOOP") == 200


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("command", ["STOR old", "STOR new"])
def test_fin_within_a_record(server, command, version):
    """FIN in the middle of a TLS record: 426, the old file is kept."""
    with Upload(server, version, command) as upload:
        upload.send(SENT)
        upload.half_a_record()
        upload.data.shutdown(socket.SHUT_WR)
        assert upload.control.answer().code == 426
        assert_broken(upload, command)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("command", ["STOR old", "STOR new"])
def test_forged_record(server, command, version):
    """A record that was not protected with the session's keys: no octet of it is stored, the old file is kept."""
    with Upload(server, version, command) as upload:
        upload.send(SENT)
        upload.data.sendall(b"\x17\x03\x03\x00\x40" + b"forged" * 11)
        upload.data.shutdown(socket.SHUT_WR)
        assert upload.control.answer().code == 426
        assert_broken(upload, command)
        assert upload.content is None or b"forged" not in upload.content


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("ending", ["FIN", "RST"])
@pytest.mark.parametrize("command", ["STOR old", "STOR new", "STOU old"])
def test_control_connection_lost(server, command, channel, ending):
    """The control connection goes away in the middle: the upload is aborted, the old file is kept."""
    before = closed_sessions(server)
    with Upload(server, channel, command) as upload:
        upload.send(SENT)
        if ending == "RST":
            reset(upload.control.sock)
        else:
            upload.control.close()
        octets_until_closed(upload.data)  # the server ends the data connection by itself
        eventually(lambda: closed_sessions(server) > before, "the end of the session")
        assert_broken(upload, command)


def test_good_end_and_lost_control_connection(server):
    """An upload that is complete on the data connection is complete, even if nobody is there to hear it or not."""
    before = closed_sessions(server)
    with Upload(server, "TLSv1_3", "STOR old") as upload:
        upload.send(SENT)
        upload.good_end()
        upload.control.close()
        eventually(lambda: closed_sessions(server) > before, "the end of the session")
        assert upload.content in {OLD, SENT}, "all or nothing"


def test_foreign_data_peer(server):
    """A connection from another address is closed at once; 425, the old file is kept, nothing new is made."""
    with logged_in_for_each(COMMANDS, server) as controls:
        ports = {command: control.passive_port() for command, control in controls.items()}
        for command, control in controls.items():
            with control.connect(ports[command], source="127.0.0.2") as thief:
                assert octets_until_closed(thief) == b""
            assert control.code(command) == 150
        for command, control in controls.items():
            answer = control.answer()
            assert answer.code == 425
            assert str(ports[command]) in answer.text
        assert_old_is_kept(server)
        assert names(server) == {"old"}


def test_true_client_behind_a_foreign_one(server):
    """A connection from another address does not cost the true client its transfer; the log names it."""
    with logged_in(server) as control:
        port = control.passive_port()
        with control.connect(port, source="127.0.0.3") as thief:
            assert octets_until_closed(thief) == b""
            with control.connect(port) as data:
                assert control.code("RETR old") == 150
                with control.wrap_data(data) as stream:
                    assert read_to_end(stream).replace(b"\r", b"") == OLD
        assert control.answer().code == 226
    assert re.search(r"- 127\.0\.0\.[23] -: foreign-data-peer .*peer networks", server.log())


def test_no_data_connection(server):
    """EPSV, STOR, and nobody connects: the file is not touched while the server waits, nor after its 425."""
    with logged_in_for_each(COMMANDS, server) as controls:
        for command, control in controls.items():
            control.passive_port()
            assert control.code(command) == 150
        assert_old_is_kept(server)
        assert names(server) == {"old"}
        for control in controls.values():
            assert control.answer().code == 425
        assert_old_is_kept(server)
        assert names(server) == {"old"}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_data_port(server, command):
    """STOR without EPSV or PORT is 425 without 150, and touches nothing."""
    with logged_in(server) as control:
        assert control.code(command) == 425
        assert_old_is_kept(server)
        assert names(server) == {"old"}


# --- around the table ---------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", CHANNELS)
def test_nothing_is_seen_before_the_end(server, channel):
    """While an upload runs, others see the old file and no new name."""
    with Upload(server, channel, "STOR old") as upload, Upload(server, channel, "STOR new") as other:
        for running in (upload, other):
            running.send(SENT)
            assert running.control.code("STAT") == 211
        assert names(server) == {"old"}
        assert_old_is_kept(server)
        for running in (upload, other):
            running.good_end()
            assert running.control.answer().code == 226
    assert names(server) == {"old", "new"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("command", ["STOR old", "STOR new"])
def test_empty_upload(server, command, version):
    """An empty file is one with close_notify behind the handshake; without it, it is none."""
    with Upload(server, version, command) as upload:
        upload.data.shutdown(socket.SHUT_WR)
        assert upload.control.answer().code == 426
        assert names(server) == {"old"}
        assert_old_is_kept(server)
    with Upload(server, version, command) as upload:
        upload.good_end()
        assert upload.control.answer().code == 226
        assert upload.content == b""


@pytest.mark.parametrize("version", VERSIONS)
def test_broken_upload_is_resumed(server, version):
    """The reply to a broken upload of a new name tells where to go on, and REST does."""
    with Upload(server, version, "STOR new") as upload:
        upload.send(SENT[:60000])
        upload.data.shutdown(socket.SHUT_WR)
        answer = upload.control.answer()
        assert answer.code == 426
        offset = int(re.search(r"REST (\d+)", answer.text)[1])
        assert upload.content == SENT[:offset]
        assert upload.control.code(f"REST {offset}") == 350
        assert upload.control.upload("STOR new", SENT[offset:]).code == 226
        assert upload.content == SENT


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("turn", range(5))
def test_client_that_never_reads(server, version, turn):
    """A client that only writes and closes, with session tickets unread, loses nothing of its upload."""
    octets = SENT * 40
    with Upload(server, version, "STOR new") as upload:
        upload.send(octets)
        upload.tls.close_notify()
        upload.data.close()
        answer = upload.control.answer()
        assert answer.code == 226, answer
        assert upload.content == octets


@pytest.mark.parametrize("version", VERSIONS)
def test_tickets_come_at_the_end_of_an_upload(server, version):
    """Clients that use each ticket once find a new one at the end of an upload: sessions can be resumed on and on."""
    with logged_in(server, version=version) as control:
        session = control.sock.session
        for number in range(5):
            data = control.passive()
            assert control.code(f"STOR file{number}") == 150
            stream = Tapped(data, control.context, session)
            assert stream.tls.session_reused
            stream.send(SENT)
            stream.close_notify()
            assert stream.receive() == b""
            session = stream.tls.session
            assert control.answer().code == 226
            data.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_lenient(lenient, version):
    """Where the settings are lenient, FIN without close_notify is 226; RST still is not."""
    with Upload(lenient, version, "STOR old") as upload:
        upload.send(SENT)
        reset(upload.data)
        assert upload.control.answer().code == 426
        assert_old_is_kept(lenient)
    with Upload(lenient, version, "STOR old") as upload:
        upload.send(SENT)
        upload.data.shutdown(socket.SHUT_WR)
        assert upload.control.answer().code == 226
        assert upload.content == SENT


@pytest.mark.parametrize("version", VERSIONS)
def test_lenient_is_not_blind(lenient, version):
    """FIN within a record is a truncation beyond doubt: 426 even where the settings are lenient."""
    with Upload(lenient, version, "STOR old") as upload:
        upload.send(SENT)
        upload.half_a_record()
        upload.data.shutdown(socket.SHUT_WR)
        assert upload.control.answer().code == 426
