"""Certificates of clients that a real OCSP responder is asked about, at the login (RFC 6960, RFC 4217 section 15.1.2)."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from tests.support.authority import Authority, Issued, write_list
from tests.support.client import connected
from tests.support.observe import eventually
from tests.support.server import PASSWORD, running_server

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")

RULES = '[[accounts.certificates.rules]]\nfield = "subject.CN"\nmatch = "template"\nvalue = "{user}"\n'


@dataclass
class Responder:
    """``openssl ocsp`` for one authority: knows what is written into its index."""

    folder: Path
    authority: Authority
    port: int = 0
    more: tuple[str, ...] = ("-ndays", "1")
    process: subprocess.Popen | None = None
    rows: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def knows(self, issued: Issued, *, revoked: bool = False) -> Issued:
        end = issued.certificate.not_valid_after_utc
        state = f"R\t{end:%y%m%d%H%M%SZ}\t240101000000Z" if revoked else f"V\t{end:%y%m%d%H%M%SZ}\t"
        subject = issued.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
        self.rows.append(f"{state}\t{issued.certificate.serial_number:X}\tunknown\t/CN={subject}-{len(self.rows)}\n")
        return issued

    @contextmanager
    def running(self, signer: Issued | None = None):
        """Answer on a port of its own, until the end, signed by the authority or by *signer*."""
        ca = self.authority.write(self.folder, "ca")
        own = signer or Issued(self.authority.certificate, self.authority.key)
        (self.folder / "index.txt").write_text("".join(self.rows))
        (self.folder / "rkey.pem").write_bytes(own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (self.folder / "rsigner.pem").write_bytes(own.certificate.public_bytes(Encoding.PEM))
        command = ["openssl", "ocsp", "-index", "index.txt", "-port", str(self.port), "-CA", str(ca)]
        command += ["-rsigner", "rsigner.pem", "-rkey", "rkey.pem", *self.more]
        with (self.folder / "responder.log").open("w") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        try:
            eventually(self._is_waiting)
            yield self
        finally:
            self.process.kill()
            self.process.wait()

    def _is_waiting(self) -> bool:
        return "waiting for OCSP client connections" in (self.folder / "responder.log").read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def responder(tmp_path) -> Responder:
    return Responder(tmp_path, Authority("Asked"), free_port())


def config(whose: Responder, *, lists: Path | None = None, **settings: str) -> str:
    settings = {"ask": '"always"', "timeout": "3", **settings}
    clients = f'[tls.clients]\nask = "optional"\nauthorities = ["{whose.folder}/ca.pem"]\n'
    if lists is not None:
        clients += f'revocation_lists = ["{lists}"]\n'
    return clients + "[tls.clients.ocsp]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())


def code_of_login(server, certificate: Path) -> int:
    """The reply to USER of alice; one that needs a password gives the right one."""
    with connected(server, certificate=certificate).auth() as client:
        code = client.code("USER alice")
        if code != 331:
            return code
        return client.code(f"PASS {PASSWORD}")


@pytest.mark.parametrize("delegated", [False, True])
def test_who_is_revoked_stays_out_and_others_get_in(responder, tmp_path, delegated):
    """By certificate or by password: the issuer's word on the certificate counts, and is remembered."""
    good = responder.knows(responder.authority.issue("alice"))
    bad = responder.knows(responder.authority.issue("alice"), revoked=True)
    unknown = responder.authority.issue("alice")
    signer = responder.authority.issue("Responder", usage=(ExtendedKeyUsageOID.OCSP_SIGNING,)) if delegated else None
    with (
        responder.running(signer),
        running_server(tmp_path / "s", config(responder, responder=f'"{responder.address}"'), tables=RULES) as server,
    ):
        for _ in range(3):
            assert code_of_login(server, good.write(tmp_path, "good")) == 232
            assert code_of_login(server, bad.write(tmp_path, "bad")) == 530
        assert code_of_login(server, unknown.write(tmp_path, "unknown")) == 530
        with connected(server).auth() as client:
            client.login()  # who shows no certificate is nobody's business there
        log = server.log()
    assert f"it was revoked on 2024-01-01 00:00 UTC, says {responder.address}" in log
    assert f"its issuer does not know it, says {responder.address}" in log


@pytest.mark.parametrize("choice", ["refuse", "accept"])
def test_a_responder_that_is_silent(responder, tmp_path, choice):
    """Fail closed unless told otherwise; the log says whom it asked and what the choice is."""
    file = responder.authority.issue("alice").write(tmp_path, "alice")
    responder.authority.write(tmp_path, "ca")
    settings = config(responder, responder=f'"{responder.address}"', unanswered=f'"{choice}"')
    with running_server(tmp_path / "s", settings, tables=RULES) as server:
        assert code_of_login(server, file) == (530 if choice == "refuse" else 232)
        log = server.log()
    assert f"whether it was revoked is not known: {responder.address} was asked, ConnectionRefusedError" in log
    assert ('set unanswered = "accept"' in log) is (choice == "refuse")


def test_a_responder_that_never_ends_its_answer(responder, tmp_path):
    """The login is answered in time, and nobody else waits for it."""
    file = responder.authority.issue("alice").write(tmp_path, "alice")
    responder.authority.write(tmp_path, "ca")
    with socket.create_server(("127.0.0.1", responder.port)):
        settings = config(responder, responder=f'"{responder.address}"', timeout="0.5")
        with running_server(tmp_path / "s", settings, tables=RULES) as server:
            assert code_of_login(server, file) == 530
            assert "no answer within 0.5 s" in server.log()


def test_a_foreign_signature_is_no_answer(responder, tmp_path):
    """Whoever sits on the way, or at the address, proves nothing with a key of its own."""
    good = responder.knows(responder.authority.issue("alice"))
    stranger = Authority("Stranger").issue("Responder", usage=(ExtendedKeyUsageOID.OCSP_SIGNING,))
    plain = responder.authority.issue("Colleague")  # of the same authority, but not made for this
    for signer in (stranger, plain):
        with (
            responder.running(signer),
            running_server(
                tmp_path / f"s{signer.fingerprint}", config(responder, responder=f'"{responder.address}"'), tables=RULES
            ) as server,
        ):
            assert code_of_login(server, good.write(tmp_path, "good")) == 530
            assert "its signature is not that of the certificate's issuer" in server.log()


def test_the_certificate_names_its_responder(responder, tmp_path):
    """Without one in the configuration (authorityInfoAccess), also where a fresh answer is demanded by a nonce."""
    access = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder.address)
    )
    good = responder.knows(responder.authority.issue("alice", more=(x509.AuthorityInformationAccess([access]),)))
    nameless = responder.knows(responder.authority.issue("alice"))
    with (
        responder.running(),
        running_server(tmp_path / "s", config(responder, nonce="true"), tables=RULES) as server,
    ):
        assert code_of_login(server, good.write(tmp_path, "good")) == 232
        assert code_of_login(server, nameless.write(tmp_path, "nameless")) == 530
        assert "it names no responder" in server.log()


class Strange(BaseHTTPRequestHandler):
    """Answers as the path says, and never to the question."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response({"/error": 500, "/elsewhere": 302}.get(self.path, 200))
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(b"0" * (1 << 20 if self.path == "/huge" else 10))

    def log_message(self, *_):
        pass


@contextmanager
def strange_responder():
    with HTTPServer(("127.0.0.1", 0), Strange) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_what_is_no_answer_at_all(responder, tmp_path):
    """An error, a redirection, garbage and an answer without an end: each told for what it is, and nobody gets in."""
    responder.authority.write(tmp_path, "ca")
    words = {
        "error": "it answered 500",
        "elsewhere": "it answered 302",
        "garbage": "it is no OCSP response",
        "huge": "its answer has more than 65536 octets",
    }
    with strange_responder() as address, running_server(tmp_path / "s", config(responder), tables=RULES) as server:
        for path, told in words.items():
            place = x509.UniformResourceIdentifier(f"{address}/{path}")
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
            issued = responder.authority.issue("alice", more=(x509.AuthorityInformationAccess([access]),))
            assert code_of_login(server, issued.write(tmp_path, path)) == 530
            assert told in server.log()


@pytest.mark.parametrize("ask", ["always", "unlisted"])
def test_lists_and_responders_together(responder, tmp_path, ask):
    """A list always counts: "unlisted" asks nobody where there is one, "always" falls back on it in a silence."""
    file = responder.authority.issue("alice").write(tmp_path, "alice")
    responder.authority.write(tmp_path, "ca")
    crl = write_list(tmp_path / "asked.crl", responder.authority.revoke())
    settings = config(responder, lists=crl, ask=f'"{ask}"', responder=f'"{responder.address}"')
    with running_server(tmp_path / "s", settings, tables=RULES) as server:
        assert code_of_login(server, file) == 232
        assert ("the revocation list counts" in server.log()) is (ask == "always")
