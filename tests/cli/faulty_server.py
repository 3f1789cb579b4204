"""FTPS servers with one fault each, in threads: what the doctor has to find."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

TIMEOUT = 10
FEATURES = "211-Features\r\n AUTH TLS\r\n EPSV\r\n MLST type*;\r\n UTF8\r\n211 End"
REPLIES = {
    "FEAT": FEATURES,
    "AUTH": "234 go on",
    "USER": "331 password",
    "PASS": "230 welcome",
    "PBSZ": "200 ok",
    "PROT": "200 ok",
    "TYPE": "200 ok",
    "CWD": "250 ok",
    "NOOP": "200 ok",
    "DELE": "250 ok",
    "MDTM": "550 no",
    "QUIT": "221 bye",
}


@dataclass
class Faults:
    """What is wrong with a server; by default nothing but its certificate, and that files are not kept."""

    greeting: str | None = "220 ready"
    replies: dict[str, str] = field(default_factory=dict)
    tls_at_once: bool = False
    keeps_pipelined: bool = False
    pasv: str = ""
    """The text of the 227 reply; ``{port}`` stands for the two numbers of the port."""
    port_is_closed: bool = False
    data_tls: bool = True
    close_notify: bool = True
    listing: bytes = b"type=file;size=1; a\r\n"
    upload_reply: str = "226 done"
    answer_of_download: bytes | None = None


class FaultyServer:
    """One server. Speaks one session a connection, each in a thread."""

    def __init__(self, context: ssl.SSLContext, faults: Faults) -> None:
        self.context = context
        self.faults = faults
        self.commands: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [Thread(target=self._accept)]
        self._sessions: list[_Session] = []
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(TIMEOUT)
        self._listener.close()
        for session in self._sessions:
            session.end()
        for thread in self._threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                session = _Session(self, self._listener.accept()[0])
                thread = Thread(target=session.run)
                self._sessions.append(session)
                self._threads.append(thread)
                thread.start()


class _Session:
    def __init__(self, server: FaultyServer, sock: socket.socket) -> None:
        self.server, self.faults = server, server.faults
        self.sock = sock
        self.sock.settimeout(TIMEOUT)
        self.raw = sock.dup()
        self.buffer = b""
        self.data_listener: socket.socket | None = None
        self.file = b""

    def end(self) -> None:
        with suppress(OSError):
            self.raw.shutdown(socket.SHUT_RDWR)
        self.raw.close()

    def run(self) -> None:
        try:
            with suppress(OSError, EOFError):
                self.talk()
        finally:
            self.sock.close()
            with suppress(OSError):
                self.raw.shutdown(socket.SHUT_RDWR)
            if self.data_listener:
                self.data_listener.close()

    def talk(self) -> None:
        if self.faults.tls_at_once:
            self.start_tls()
        if self.faults.greeting is not None:
            self.say(self.faults.greeting)
        while True:
            verb, _, argument = self.line().partition(" ")
            self.server.commands.append(f"{verb} {argument}".strip())
            self.obey(verb.upper())

    def line(self) -> str:
        while b"\r\n" not in self.buffer:
            octets = self.sock.recv(65536)
            if not octets:
                raise EOFError
            self.buffer += octets
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode()

    def say(self, text: str) -> None:
        self.sock.sendall(text.encode() + b"\r\n")

    def start_tls(self) -> None:
        if not self.faults.keeps_pipelined:
            self.buffer = b""
        self.sock = self.server.context.wrap_socket(self.sock, server_side=True)

    def obey(self, verb: str) -> None:
        if verb in self.faults.replies:
            reply = self.faults.replies[verb]
            if not reply:
                raise EOFError
            self.say(reply)
        elif verb in {"EPSV", "PASV"}:
            self.say(self.listen(verb))
        elif verb in {"LIST", "MLSD", "STOR", "RETR"}:
            self.transfer(verb)
        else:
            self.say(REPLIES[verb])
        if verb == "QUIT":
            raise EOFError
        if verb == "AUTH" and "AUTH" not in self.faults.replies:
            self.start_tls()

    def listen(self, verb: str) -> str:
        if self.data_listener:
            self.data_listener.close()
        self.data_listener = socket.create_server(("127.0.0.1", 0))
        self.data_listener.settimeout(TIMEOUT)
        port = self.data_listener.getsockname()[1]
        if self.faults.port_is_closed:
            self.data_listener.close()
        if verb == "EPSV":
            return f"229 ok (|||{port}|)"
        return (self.faults.pasv or "227 ok (127,0,0,1,{port})").format(port=f"{port >> 8},{port & 255}")

    def transfer(self, verb: str) -> None:
        data, _ = self.data_listener.accept()
        data.settimeout(TIMEOUT)
        self.say("150 here it comes")
        try:
            if self.faults.data_tls:
                data = self.server.context.wrap_socket(data, server_side=True)
            self.say(self.move(verb, data))
        except OSError as error:
            self.say(f"425 {type(error).__name__}")
        finally:
            data.close()

    def move(self, verb: str, data: socket.socket) -> str:
        if verb == "STOR":
            self.file = b""
            with suppress(ssl.SSLError):
                while octets := data.recv(65536):
                    self.file += octets
            return self.faults.upload_reply
        given = self.faults.answer_of_download
        data.sendall(self.faults.listing if verb != "RETR" else self.file if given is None else given)
        if self.faults.close_notify and self.faults.data_tls:
            data.unwrap()
        else:
            data.shutdown(socket.SHUT_WR)
        return "226 done"


def server_context(folder: Path, name: str = "server") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    return context


@contextmanager
def faulty_server(context: ssl.SSLContext, **faults: object) -> Iterator[FaultyServer]:
    server = FaultyServer(context, Faults(**faults))
    try:
        yield server
    finally:
        server.close()
