"""``ftpstwist doctor``: a healthy server gets 0, and every fault is found and named, with its remedy."""

from __future__ import annotations

import io
import json
import socket
import ssl
import sys
import warnings
from datetime import UTC, datetime, timedelta

import pytest

from ftpstwist.cli.doctor import reach
from ftpstwist.cli.doctor.control import ControlConnection, NotFtp, Place
from ftpstwist.cli.doctor.finding import Verdict, quoted
from ftpstwist.cli.doctor.passive import judge_address
from ftpstwist.cli.doctor.patience import OutOfTime, Patience
from ftpstwist.cli.main import main
from ftpstwist.tls.selfsigned import make_self_signed, write_pair
from ftpstwist.wire.hostport import HostPort
from tests.cli.faulty_server import faulty_server, server_context
from tests.support.server import PASSWORD, USER, running_server


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with certificates and the password."""
    folder = tmp_path_factory.mktemp("doctor")
    now = datetime.now(UTC)
    write_pair(make_self_signed(["localhost", "127.0.0.1"], now=now), folder, "server")
    write_pair(make_self_signed(["localhost"], now=now - timedelta(days=100), days=30), folder, "expired")
    write_pair(make_self_signed(["ftp.example.org"], now=now, days=5), folder, "other")
    (folder / "password").write_text(PASSWORD + "\n")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("healthy")) as server:
        yield server


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory):
    config = '[tls]\nsession_reuse = "require"\n[passive]\naddress = "10.1.2.3"\n'
    with running_server(tmp_path_factory.mktemp("strict"), config) as server:
        yield server


@pytest.fixture
def examine(folder, capsys):
    """Run the doctor; return the exit status and all findings."""

    def examine(port, *arguments, host="127.0.0.1", login=True, trust=folder / "server.crt"):
        options = ["--port", str(port), "--timeout", "5", "--json", *map(str, arguments)]
        if login:
            options += ["--user", USER, "--password-file", str(folder / "password")]
        if trust:
            options += ["--ca-file", str(trust)]
        status = main(["doctor", host, *options])
        document = json.loads(capsys.readouterr().out)
        assert document["status"] == status
        return status, document["findings"]

    return examine


def verdict(findings, step, words):
    """Return how the finding with these words ended; there is exactly one."""
    found = [each for each in findings if each["step"] == step and words in each["text"]]
    assert len(found) == 1, findings
    assert found[0]["remedy"] or found[0]["verdict"] in {"ok", "note"}
    return found[0]["verdict"]


# --- our own server ---


@pytest.mark.parametrize(
    "arguments", [("explicit",), ("implicit", "--timeout", "1"), ("explicit", "--explicit"), ("implicit", "--implicit")]
)
def test_a_healthy_server_has_no_problem(server, examine, arguments):
    """Every step is tried, in both modes, found out or given; the status is 0 and nothing is left on the server."""
    service, *options = arguments
    status, findings = examine(server.port(service), "--thorough", *options, trust=server.certificate)
    assert [each for each in findings if each["verdict"] not in {"ok", "note"}] == []
    assert status == 0
    steps = {each["step"] for each in findings if each["verdict"] == "ok"}
    assert {"handshake", "certificate", "old versions", "ALPN", "login", "protection", "EPSV", "PASV"} < steps
    assert {"resumption", "listing", "upload", "download", "cut upload", "deletion", "clock"} < steps
    assert [entry.name for entry in server.files.iterdir()] == []


def test_lines_for_a_terminal(server, folder, capsys):
    """Without --json every finding is a line, the remedy below it, and the last line counts the problems."""
    status = main(["doctor", "localhost", "--port", str(server.port())])
    shown = capsys.readouterr().out
    assert status == 1
    assert "ok       handshake       TLSv1.3" in shown
    assert (
        "PROBLEM  certificate     self-signed: every client warns\n                         -> On the server:" in shown
    )
    assert "note     login           not tried" in shown
    assert shown.endswith(f"localhost port {server.port()}: 1 problem.\n")


def test_required_session_reuse_and_a_private_address(strict_server, examine):
    """The two most frequent questions about FTPS are answered by one run."""
    status, findings = examine(strict_server.port(), trust=strict_server.certificate)
    assert status == 1
    assert verdict(findings, "resumption", "required") == "note"
    assert verdict(findings, "PASV", "it gives the address 10.1.2.3") == "problem"
    assert verdict(findings, "upload", "40000 octets") == "ok"


def test_wrong_password(server, examine, folder, monkeypatch):
    """The login is told from everything before it, which works."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"wrong\n")))
    options = ["--user", USER, "--password-stdin"]
    status, findings = examine(server.port(), *options, login=False, trust=server.certificate)
    assert status == 1
    assert verdict(findings, "login", '"530') == "problem"
    assert verdict(findings, "certificate", "trusted here") == "ok"


def test_nothing_is_written_if_so_wished(server, examine):
    """--no-upload is safe on servers of others, and --path says where to look."""
    (server.files / "inbox").mkdir()
    marked = len(server.log("command.log"))
    status, findings = examine(server.port(), "--no-upload", "--path", "inbox", trust=server.certificate)
    (server.files / "inbox").rmdir()
    assert status == 0
    assert verdict(findings, "directory", "250") == "ok"
    assert verdict(findings, "upload", "not tried") == "note"
    assert "STOR" not in server.log("command.log")[marked:]


def test_wrong_mode(server, examine):
    """Who insists on the wrong mode is told the right one."""
    status, findings = examine(server.port("explicit"), "--implicit")
    assert status == 1
    assert verdict(findings, "greeting", "explicit mode, not implicit") == "problem"
    status, findings = examine(server.port("implicit"), "--explicit", "--timeout", "0.5")
    assert status == 1
    assert verdict(findings, "greeting", "TLS is expected at once") == "problem"


# --- one fault each ---


def test_nothing_listens(examine):
    """No connection is status 2, so that scripts can tell a dead server from an ill one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    status, findings = examine(port)
    assert status == 2
    assert verdict(findings, "connection", "connection refused") == "problem"


def test_no_such_name(examine):
    """A name that can not be one is told without asking the network."""
    status, findings = examine(21, host="no..such.name")
    assert status == 2
    assert verdict(findings, "name", "has no address") == "problem"


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        ("HTTP/1.1 400 Bad Request", "a web server answers"),
        ("SSH-2.0-OpenSSH_9.2", "an SSH server answers"),
        ("* OK IMAP \x1b[2J", 'no FTP: "* OK IMAP ?[2J"'),
        ("421 too many users", "the server refuses"),
        ("9" * 40000, "no FTP"),
    ],
)
def test_other_greetings(folder, examine, greeting, words):
    """A wrong port is told by what answers there, and nothing that is quoted harms the terminal."""
    with faulty_server(server_context(folder), greeting=greeting) as server:
        status, findings = examine(server.port)
    assert status == 1
    assert verdict(findings, "greeting", words) == "problem"


def test_no_greeting(folder, examine):
    """Silence ends after the time that was given."""
    with faulty_server(server_context(folder), greeting=None, replies={}) as server:
        status, findings = examine(server.port, "--timeout", "0.2")
    assert status == 1
    assert verdict(findings, "greeting", "no greeting within") == "problem"


def test_slow_greeting(folder, examine, monkeypatch):
    """What makes people think that the server is down is told, with the settings that usually are the reason."""
    monkeypatch.setattr(reach, "SLOW_SECONDS", 0.0)
    with faulty_server(server_context(folder)) as server:
        status, findings = examine(server.port, login=False)
    assert status == 1
    assert verdict(findings, "greeting", "it took 0.0 s") == "problem"


def test_client_certificate_wanted(folder, examine):
    """With TLS 1.3 the server says so only after the handshake; it is told all the same."""
    context = server_context(folder)
    context.verify_mode = ssl.CERT_REQUIRED
    with faulty_server(context) as server:
        status, findings = examine(server.port)
    assert status == 1
    assert verdict(findings, "session", "the server wants a client certificate") == "problem"


def test_passwords_are_never_shown(folder, examine, capsys):
    """Not even if the server repeats them."""
    with faulty_server(server_context(folder), replies={"PASS": f"500 'PASS {PASSWORD}' not understood"}) as server:
        status, findings = examine(server.port)
    assert status == 1
    assert verdict(findings, "login", "refused: 500") == "problem"
    assert PASSWORD not in json.dumps(findings)


def test_ipv6(server, examine):
    """IPv6 has EPSV only, and that is enough."""
    status, findings = examine(server.port("explicit", "::1"), host="::1", trust=server.certificate)
    assert status == 0
    assert verdict(findings, "upload", "40000 octets") == "ok"
    assert not any(each["step"] == "PASV" for each in findings)


def test_no_tls(folder, examine):
    """A server in clear never gets the password."""
    faults = {"FEAT": "211 none", "AUTH": "500 what?"}
    with faulty_server(server_context(folder), replies=faults) as server:
        status, findings = examine(server.port)
    assert status == 1
    assert verdict(findings, "features", "does not name AUTH TLS") == "note"
    assert verdict(findings, "AUTH TLS", '"500 what?"') == "problem"
    assert {line.partition(" ")[0] for line in server.commands} == {"FEAT", "AUTH"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("expired", ["it expired on", "self-signed", "not for"]),
        ("other", ['it is for "ftp.example.org", not for "127.0.0.1"', "it expires in 4 days", "self-signed"]),
    ],
)
def test_bad_certificates(folder, examine, name, words):
    """All that is wrong with a certificate is told at once, not one fault a run."""
    with faulty_server(server_context(folder, name)) as server:
        status, findings = examine(server.port, login=False, trust=None)
    assert status == 1
    assert [verdict(findings, "certificate", each) for each in words] == ["problem"] * len(words)


def test_obsolete_versions(folder, examine):
    """TLS 1.0 and 1.1 are found even if the doctor's own library would not offer them."""
    context = server_context(folder)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with faulty_server(context) as server:
        status, findings = examine(server.port, login=False)
    assert status == 1
    assert verdict(findings, "old versions", "TLSv1.1 is accepted") == "problem"
    assert verdict(findings, "ALPN", "let in") == "note"


def test_no_common_version(folder, examine):
    """A server that speaks nothing but TLS 1.1 is told as such."""
    context = server_context(folder)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with faulty_server(context) as server:
        status, findings = examine(server.port)
    assert status == 1
    assert verdict(findings, "handshake", "no common TLS version") == "problem"


def test_injection(folder, examine):
    """A server that obeys inside TLS what was sent before it has a hole; ours and careful ones do not."""
    with faulty_server(server_context(folder), keeps_pipelined=True) as server:
        status, findings = examine(server.port, login=False)
    assert status == 1
    assert verdict(findings, "injection", "answered inside TLS") == "serious"
    with faulty_server(server_context(folder)) as server:
        status, findings = examine(server.port, login=False)
    assert status == 0
    assert verdict(findings, "injection", "thrown away") == "ok"


@pytest.mark.parametrize(
    ("replies", "step", "words"),
    [
        ({"USER": "530 not you"}, "login", "not you"),
        ({"PASS": "421 banned"}, "login", "banned"),
        ({"PASS": "332 account"}, "login", "account"),
        ({"PASS": ""}, "session", "the server closed the control connection"),
        ({"PROT": "536 no"}, "protection", "PROT P is refused"),
        ({"CWD": "550 no"}, "directory", "it can not be entered"),
        ({"STOR": "553 no"}, "upload", '"553 no"'),
        ({"LIST": "425 no"}, "data connection", "of its own"),
    ],
)
def test_refusals(folder, examine, replies, step, words):
    """Each refused command is told with the server's own words."""
    with faulty_server(server_context(folder), replies=replies) as server:
        status, findings = examine(server.port, "--path", "/in")
    assert status == 1
    assert verdict(findings, step, words) == "problem"


@pytest.mark.parametrize(
    ("faults", "step", "words"),
    [
        ({"pasv": "227 ok (0,0,0,0,{port})"}, "PASV", "which is none"),
        ({"pasv": "227 ok (10,1,1,1,{port})"}, "PASV", "10.1.1.1"),
        ({"port_is_closed": True}, "PASV", "refuses connections"),
        ({"port_is_closed": True}, "EPSV", "refuses connections"),
        ({"data_tls": False}, "data connection", "with the TLS session of the control connection"),
        ({"answer_of_download": b"other"}, "download", "they differ"),
        ({"listing": b"-rw-r--r-- 1 a b 0 Jan 1 00:00 a\r\n"}, "listing", "MLSD gives lines that are none"),
        ({"upload_reply": "552 full"}, "upload", "552 full"),
        ({"replies": {"MDTM": "213 20000101000000"}}, "clock", "minutes early"),
    ],
)
def test_data_connections(folder, examine, faults, step, words):
    """What is wrong with addresses, ports, TLS and files is told apart."""
    with faulty_server(server_context(folder), **faults) as server:
        status, findings = examine(server.port)
    assert status == 1
    assert verdict(findings, step, words) == "problem"


def test_notes_are_no_problems(folder, examine):
    """What is merely worth knowing leaves the status 0."""
    faults = {"close_notify": False, "replies": {"EPSV": "502 no", "FEAT": "502 no", "DELE": "550 no"}}
    with faulty_server(server_context(folder), **faults) as server:
        status, findings = examine(server.port)
    assert status == 0
    assert verdict(findings, "EPSV", "502 no") == "note"
    assert verdict(findings, "data connection", "without close_notify") == "note"
    assert verdict(findings, "deletion", "stays") == "note"


def test_cut_uploads(folder, examine):
    """A server that calls a cut upload complete is found, if the user asks for it."""
    with faulty_server(server_context(folder)) as server:
        assert examine(server.port)[0] == 0
        status, findings = examine(server.port, "--thorough")
    assert status == 1
    assert verdict(findings, "cut upload", "226 done") == "serious"


# --- parts ---


@pytest.mark.parametrize(
    ("given", "known", "expected", "words"),
    [
        ("203.0.113.5", "203.0.113.5", Verdict.OK, "the one of the control connection"),
        ("192.168.1.2", "8.8.8.8", Verdict.PROBLEM, "private"),
        ("9.9.9.9", "8.8.8.8", Verdict.PROBLEM, "but the control connection goes to 8.8.8.8"),
    ],
)
def test_addresses_are_judged(given, known, expected, words):
    """NAT is named as what it is."""
    finding = judge_address(HostPort(given, 2000), known)
    assert finding.verdict is expected
    assert words in finding.text


def test_waits_are_bounded():
    """Neither one wait nor all of them together go beyond what was given."""
    now = 0.0
    patience = Patience(10, 25, clock=lambda: now)
    assert patience.deadline() == 10
    now = 20.0
    assert patience.deadline() == 25
    with pytest.raises(TimeoutError):
        patience.left(20)
    now = 25.0
    with pytest.raises(OutOfTime):
        patience.deadline()


def test_a_reply_has_its_limits(folder):
    """A server can not fill the memory of the doctor with one endless line."""
    with (
        faulty_server(server_context(folder), greeting="220-" + "x" * 100_000) as server,
        ControlConnection(Place("127.0.0.1", "127.0.0.1", server.port), Patience(5)) as control,
        pytest.raises(NotFtp),
    ):
        control.reply()


def test_quotes_are_short_and_harmless():
    """What a server says can neither move the cursor nor fill the screen."""
    assert quoted("a\x1b[2Jb\r\n") == '"a?[2Jb??"'
    assert len(quoted("x" * 1000)) < 200


@pytest.mark.parametrize(
    "arguments",
    [["--port", "0"], ["--timeout", "x"], ["--path", "a\r\nDELE b"], ["--ca-file", "/nowhere"], ["--user", ""]],
)
def test_wrong_options(arguments, capsys):
    """A wrong option is told before anything is tried; no option smuggles in a command."""
    with pytest.raises(SystemExit) as caught:
        main(["doctor", "127.0.0.1", *arguments])
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err
