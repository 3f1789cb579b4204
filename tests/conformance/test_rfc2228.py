"""RFC 2228, FTP Security Extensions: requirements S1 to S14 as far as TLS (RFC 4217) leaves room for them.

S7 (CCC) and S14 (security commands before the login) are in ``test_rfc4217``. S10 (challenges) and S12 (protected
replies 631 to 633) belong to mechanisms that are not here: no reply has such a code.
"""

from __future__ import annotations

import base64

import pytest

from ftpstwist.session.catalogue import CATALOGUE
from tests.support.client import Client, connected, implicit, logged_in, tls_context
from tests.support.observe import Marked, Tapped
from tests.support.server import PASSWORD, USER, running_server

SECURITY_CODES = {
    "AUTH": {234, 334, 431, 502, 504, 534, 421, 500, 501, 503},
    "ADAT": {235, 335, 535, 421, 500, 501, 503, 530},
    "PBSZ": {200, 421, 500, 501, 503, 530},
    "PROT": {200, 431, 504, 534, 536, 421, 500, 501, 503, 530},
    "MIC": {421, 500, 501, 502, 503, 530, 533, 535, 537},
    "CONF": {421, 500, 501, 502, 503, 530, 533, 535, 537},
    "ENC": {421, 500, 501, 502, 503, 530, 533, 535, 537},
    "CCC": {200, 421, 500, 533, 534, 530, 501},
}
"""RFC 2228 section 5, and 503 for AUTH under TLS, 530 for what has to wait for TLS, 501 as for every command."""
ARGUMENTS = ["", "TLS", "GSSAPI", "0", "1024", "x", "P", "C", "S", "E", "X", "dGVzdA==", "!"]


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server that requires TLS for everything."""
    with running_server(tmp_path_factory.mktemp("strict")) as server:
        (server.files / "old").write_bytes(b"old")
        yield server


@pytest.fixture(scope="module")
def free(tmp_path_factory):
    """A server that offers TLS and requires nothing."""
    with running_server(tmp_path_factory.mktemp("free"), '[policy]\nrequire = "none"\n') as server:
        (server.files / "old").write_bytes(b"old")
        yield server


@pytest.mark.parametrize("mechanism", ["GSSAPI", "KERBEROS_V4", "KERBEROS_V5", "FOO", "TLS 1.3", "TLSX", "T", "\xe4"])
def test_unknown_mechanisms(strict, mechanism):
    """S2: a mechanism that is not TLS is answered 504, and the session can still choose TLS."""
    with connected(strict) as client:
        assert client.code(f"AUTH {mechanism}") == 504
        client.auth().login()


def test_auth_needs_a_mechanism(strict):
    """S2: AUTH alone is a syntax error, 501."""
    with connected(strict) as client:
        assert client.code("AUTH") == 501
        assert client.code("AUTH ") == 501


def test_auth_under_tls(strict):
    """S3: security can not be renegotiated: AUTH under TLS is 503 before and after the login, which stays as it is."""
    for client in (connected(strict).auth(), logged_in(strict), implicit(strict)):
        with client:
            logged_in_before = client.code("PWD")
            for mechanism in ("TLS", "SSL", "TLS-C"):
                assert client.code(f"AUTH {mechanism}") == 503
            assert client.code("AUTH GSSAPI") == 504
            assert client.code("PWD") == logged_in_before


@pytest.mark.parametrize("argument", ["", " dGVzdA==", " not base64!"])
def test_adat_is_never_accepted(free, argument):
    """S4: TLS uses no ADAT: 503 in clear and under TLS, and what it carried is in no log."""
    with connected(free) as client:
        assert client.code(f"ADAT{argument}") == 503
        client.auth()
        assert client.code(f"ADAT{argument}") == 503
        assert client.login().code(f"ADAT{argument}") == 503
    for log in ("server.log", "command.log", "events.json"):
        assert "dGVzdA" not in free.log(log)


@pytest.mark.parametrize(
    ("argument", "code", "text"),
    [
        ("0", 200, None),
        ("1024", 200, "PBSZ=0"),
        ("4294967295", 200, "PBSZ=0"),
        ("4294967296", 501, None),
        ("99999999999999999999999999", 501, None),
        ("-1", 501, None),
        ("x", 501, None),
        ("1.5", 501, None),
        ("0x10", 501, None),
        ("\u0661", 501, None),
        ("", 501, None),
    ],
)
def test_pbsz(strict, argument, code, text):
    """S5: a 32-bit number is taken and answered PBSZ=0, the smaller one; all else is 501."""
    with connected(strict).auth() as client:
        answer = client.do(f"PBSZ {argument}".rstrip())
        assert answer.code == code
        assert text is None or answer.text == text


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("P", 200),
        ("p", 200),
        ("C", 534),
        ("c", 534),
        ("S", 536),
        ("E", 536),
        ("X", 504),
        ("", 501),
        ("PP", 501),
        ("1", 501),
    ],
)
def test_prot(strict, argument, code):
    """S6: only P is granted here; C is against the policy, S and E are not TLS's, others are unknown."""
    with connected(strict).auth() as client:
        assert client.code("PBSZ 0") == 200
        assert client.code(f"PROT {argument}".rstrip()) == code
        level = "P" if code == 200 else "C"
        assert f"Data protection: {level}" in client.do("STAT").lines


def test_prot_clear_where_the_policy_allows_it(free):
    """S6: PROT C is granted where data need no protection."""
    with logged_in(free) as client:
        assert client.code("PROT C") == 200
        assert "Data protection: C" in client.do("STAT").lines


@pytest.mark.parametrize("verb", ["MIC", "CONF", "ENC"])
def test_wrapped_commands_are_never_unwrapped(free, verb):
    """S8: MIC, CONF and ENC are 502 in clear and under TLS; a command inside is not done, and not logged."""
    inside = base64.b64encode(b"DELE old\r\n").decode()
    with connected(free).login() as client:
        for _ in range(2):
            assert client.code(f"{verb} {inside}") == 502
            assert client.code(f"{verb} DELE old") == 502
            assert client.code(verb) == 502
            if client.code("PBSZ 0") == 503:
                client.auth().login()
    assert (free.files / "old").read_bytes() == b"old"
    for log in ("server.log", "command.log", "events.json"):
        assert inside not in free.log(log)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("service", ["explicit", "implicit"])
def test_no_reply_in_clear_once_protected(strict, service, version):
    """S9: from the handshake to FIN every octet of the server is a TLS record, refusals and errors included."""
    with Client("127.0.0.1", strict.port(service)) as client:
        if service == "explicit":
            assert client.answer().code == 220
            assert client.code("AUTH TLS") == 234
        tapped = Tapped(client.sock, tls_context(version))
        lines = [f"USER {USER}", f"PASS {PASSWORD}", "CCC", "AUTH TLS", "PBSZ 0", "PROT P", "PROT C"]
        if service == "implicit":  # on the explicit one it takes TLS off: test_ccc
            lines.insert(3, "REIN")
        lines += ["RETR none", "LIST", "XYZZY", "A" * 9000, "STAT", f"USER {USER}", "PASS wrong", "QUIT"]
        tapped.send("".join(f"{line}\r\n" for line in lines).encode())
        answers = b""
        while octets := tapped.receive():
            answers += octets
        assert b"221 " in answers
        assert {22, 23} <= set(tapped.records()) <= {20, 21, 22, 23}


def test_codes_are_those_of_the_rfc(free, strict):
    """S13, S12: whatever the state and the argument, security commands answer with codes the RFCs name for them."""
    for server in (free, strict):
        for make in (connected, lambda server: connected(server).auth(), logged_in, implicit):
            for verb, allowed in SECURITY_CODES.items():
                for argument in ARGUMENTS:
                    if verb == "AUTH" and argument == "TLS":
                        continue
                    with make(server) as client:
                        code = client.code(f"{verb} {argument}".rstrip())
                        assert code in allowed, (verb, argument, code)
    assert set(SECURITY_CODES) <= set(CATALOGUE)


def test_secrets_are_in_no_log(free):
    """S4, S8: passwords, and what stands behind ADAT and its kind, are masked in every log, mistyped verbs included."""
    log = Marked(free)
    with connected(free) as client:
        for verb in ("PASS", "PASSW", "ADAT", "MIC", "CONF", "ENC", "ACCT", "pass"):
            client.do(f"{verb} s3cr3t-in-the-log")
        assert client.code("QUIT") == 221
    log.wait_for("the client quit")
    for name in ("server.log", "command.log", "events.json"):
        assert "s3cr3t" not in free.log(name)
