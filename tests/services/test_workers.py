"""Worker processes: what sessions share whichever process serves them, and what happens when one dies."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import time
from contextlib import ExitStack

import pytest

from ftpstwist.auth.totp import STEP_SECONDS, code_at
from ftpstwist.services.admin import ask
from tests.support.client import Client, connected, logged_in
from tests.support.observe import (
    Marked,
    assert_no_traceback,
    eventually,
    fingerprint,
    heard_when_turned_away,
    reset,
    write_certificate,
)
from tests.support.server import running_server

CLEAR = '[policy]\nrequire = "none"\n'
WORKERS = "[server]\nworkers = 2\n"
FEW = '[users.few]\npassword = "HASH"\nlimits = { max_sessions = 2 }\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Two workers, and an account that may have two sessions."""
    with running_server(tmp_path_factory.mktemp("workers"), WORKERS, FEW) as running:
        yield running
        assert_no_traceback(running)


def request(server, name, **arguments):
    return ask(server.folder / "state" / "admin.sock", name, patience=10, **arguments)


def free_range(length):
    """Return ports in a row that nobody has now, below those that the system chooses from."""
    for first in range(20_000, 30_000, length):
        with ExitStack() as stack:
            try:
                for port in range(first, first + length):
                    stack.enter_context(socket.create_server(("0.0.0.0", port)))
            except OSError:
                continue
            return range(first, first + length)
    raise AssertionError("no free ports")


def workers(server):
    """Return what the operator is told of the workers, once both serve."""

    def look():
        found = request(server, "status")["workers"]
        return found if len(found) == 2 else []

    return eventually(look, "two workers")


def worker_of(server, user):
    """Return the worker that the one session of a user is in."""
    (worker,) = [each["worker"] for each in request(server, "sessions")["sessions"] if each["user"] == user]
    return worker


def workers_of_sessions(server):
    return sorted(session["worker"] for session in request(server, "sessions")["sessions"])


def wait_for_nobody(server):
    eventually(lambda: not request(server, "status")["sessions"], "the end of all sessions")


def few_in(server):
    return connected(server).auth().login("few").protect()


def in_clear(server, **known):
    return Client("127.0.0.1", server.port(), **known)


def greeted(server):
    client = in_clear(server)
    return client, client.answer().code


# --- sessions and their processes ---


def test_sessions_are_spread_and_keep_to_their_worker(server):
    """Whoever comes goes where the fewest are; data connections come to ports of the same process, and resume."""
    with ExitStack() as stack:
        clients = [stack.enter_context(logged_in(server)) for _ in range(4)]
        assert workers_of_sessions(server) == [1, 1, 2, 2]
        for number, client in enumerate(clients):
            assert client.upload(f"STOR {number}", bytes(100_000)).code == 226
            octets, last = client.download(f"RETR {number}")
            assert (octets, last.code) == (bytes(100_000), 226)
        assert len({client.passive_port() for client in clients[:2]}) == 2  # the system chose one for each worker
    assert request(server, "status")["data_connections"] == {"resumed": 8, "full_handshake": 0}
    wait_for_nobody(server)
    assert sorted(path.name for path in server.files.iterdir()) == list("0123")


def test_ports_are_dealt_out(tmp_path):
    """Every worker has its own of the passive ports, and sessions use no others."""
    ports = free_range(4)
    config = f'{WORKERS}[passive]\nports = "{ports[0]}-{ports[-1]}"\n'
    with running_server(tmp_path, config) as server, ExitStack() as stack:
        seen = {1: set(), 2: set()}
        for _ in range(4):
            client = stack.enter_context(logged_in(server))
            worker = request(server, "sessions")["sessions"][-1]["worker"]
            seen[worker].add(client.passive_port())
        assert seen[1].isdisjoint(seen[2])
        assert seen[1] | seen[2] <= set(ports)


def test_too_few_ports_are_refused(tmp_path):
    """A worker without a passive port would serve nobody, so the server does not start."""
    with pytest.raises(AssertionError, match="1 passive ports are too few for 2 worker processes"):
        with running_server(tmp_path, f'{WORKERS}[passive]\nports = "50000"\n'):
            pass


# --- counted together ---


def test_sessions_are_counted_together(tmp_path):
    """At the cap everybody is served, beyond it nobody in whatever process; a place that is free is free for all."""
    config = f"{WORKERS}{CLEAR}[limits]\nsessions = 3\n"
    with running_server(tmp_path, config) as server, ExitStack() as stack:
        clients = []
        for expected in (220, 220, 220, 421):
            client, code = greeted(server)
            stack.callback(client.close)
            clients.append(client)
            assert code == expected
        assert clients[0].code("QUIT") == 221
        wait_for = Marked(server)
        client = eventually(lambda: _let_in(server), "a free place")
        stack.callback(client.close)
        assert heard_when_turned_away(server.port()).startswith(b"421 Too many sessions")
        assert "Traceback" not in wait_for.text


def _let_in(server):
    client, code = greeted(server)
    if code == 220:
        return client
    client.close()
    return None


def test_sessions_of_a_user_are_counted_together(server):
    """max_sessions holds over all workers, and a session that ends gives its place back."""
    with few_in(server) as one, few_in(server), connected(server).auth() as third:
        assert workers_of_sessions(server) == [1, 1, 2]
        assert third.code("USER few") == 331
        assert third.code("PASS correct horse") == 421
        assert one.code("QUIT") == 221
        eventually(lambda: request(server, "status")["sessions"] == 1, "the end of two sessions")
        with few_in(server):
            pass
    wait_for_nobody(server)


def test_guesses_are_counted_together(tmp_path):
    """Failures in both processes ban an address in both; the operator lifts the ban for all."""
    config = f"{WORKERS}{CLEAR}[accounts.defence]\nfailures = 2\ndelays = [0]\n"
    with running_server(tmp_path, config) as server:
        with connected(server) as one, connected(server) as two:
            assert workers_of_sessions(server) == [1, 2]
            for client in (one, two):
                assert (client.code("USER alice"), client.code("PASS wrong")) == (331, 530)
        assert heard_when_turned_away(server.port()).startswith(b"421 Too many failed logins")
        assert len(request(server, "status")["bans"]) == 1
        request(server, "unban", address="127.0.0.1")
        with connected(server) as client:
            assert client.login().code("NOOP") == 200


def test_a_code_counts_once(tmp_path):
    """A second factor that was used in one process opens nothing in another."""
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    with running_server(tmp_path, f"{WORKERS}{CLEAR}", f'totp = "{secret}"\n') as server:
        with connected(server) as one, connected(server) as two:
            code = code_at(secret, int(time.time() // STEP_SECONDS))
            for client, last in ((one, 230), (two, 530)):
                assert (client.code("USER alice"), client.code("PASS correct horse")) == (331, 332)
                assert client.code(f"ACCT {code}") == last


def test_a_quota_is_one_quota(tmp_path):
    """X9: at the cap and one octet beyond, whichever process stores, also after a restart."""
    config = f"{WORKERS}{CLEAR}"
    tables = '[[quotas]]\nname = "all"\nshared = true\noctets = 1000\n'
    with running_server(tmp_path, config, tables=tables) as server:
        with connected(server).login() as one, connected(server).login() as two:
            assert workers_of_sessions(server) == [1, 2]
            assert one.upload("STOR a", bytes(600)).code == 226
            assert two.upload("STOR b", bytes(401)).code == 552
            assert two.upload("STOR b", bytes(400)).code == 226
            assert two.do("AVBL").text == "0"
    with running_server(tmp_path, config, tables=tables) as server, connected(server).login() as one:
        assert one.upload("STOR c", b"x").code == 552
        assert one.code("DELE a") == 250
        assert one.do("AVBL").text == "600"


# --- when a process dies ---


def test_a_dead_worker_takes_only_its_own_sessions_along(server):
    """The others go on, what it had is free again, and another process takes its place and its ports."""
    log = Marked(server)
    before = {each["worker"]: each["process"] for each in workers(server)}
    with few_in(server) as first, logged_in(server) as second:
        victim, port = worker_of(server, "few"), first.passive_port()
        os.kill(before[victim], signal.SIGKILL)
        assert first.is_closed()
        assert second.upload("STOR survivor", b"here").code == 226
        log.wait_for(f"worker {victim} has ended, and its sessions with it")
        after = eventually(
            lambda: _changed(before, {each["worker"]: each["process"] for each in workers(server)}), "another process"
        )
        assert [number for number in before if before[number] != after[number]] == [victim]
        with few_in(server) as third, few_in(server):  # both places of the user are free
            assert worker_of(server, "alice") != victim
            assert workers_of_sessions(server) in ([1, 1, 2], [1, 2, 2])
            assert third.passive_port() == port  # it is where the fewest were
    wait_for_nobody(server)
    assert (server.files / "survivor").read_bytes() == b"here"


def _changed(before, after):
    return after if after != before else {}


def test_a_worker_that_is_told_to_end_does_so_in_good_order(server):
    """SIGTERM to one process: its sessions are told, the others never notice, and another one follows."""
    log = Marked(server)
    found = {each["worker"]: each["process"] for each in workers(server)}
    with logged_in(server) as one, few_in(server) as two:
        told, other = (one, two) if worker_of(server, "alice") == 1 else (two, one)
        os.kill(found[1], signal.SIGTERM)
        assert told.answer().code == 421
        assert other.code("NOOP") == 200
        log.wait_for("worker 1 has ended")
    eventually(lambda: {each["worker"]: each["process"] for each in workers(server)}[1] != found[1], "another process")


def test_a_worker_that_can_not_start_says_why(tmp_path):
    """It is tried again after a while, and serves when the cause is gone; nobody is turned away meanwhile."""
    with running_server(tmp_path, f"{WORKERS}{CLEAR}") as server:
        log = Marked(server)
        key = server.folder / "state" / "server.key"
        good = key.read_text()
        found = {each["worker"]: each["process"] for each in workers(server)}
        key.write_text("no key")
        for process in found.values():
            os.kill(process, signal.SIGKILL)
        log.wait_for("a worker can not start:")
        key.write_text(good)
        with connected(server) as client:
            assert client.login().code("NOOP") == 200


# --- what operators do ---


def test_reload_reaches_all_workers(tmp_path):
    """K12: SIGHUP renews certificates in all processes; what one can not use is told, and the old one stays."""
    with running_server(tmp_path, WORKERS, tables=write_certificate(tmp_path, "ftp")) as server:
        old = fingerprint(tmp_path / "ftp.crt")
        for name in ("ftp.crt", "ftp.key"):
            (tmp_path / name).unlink()
        write_certificate(tmp_path, "ftp")
        new = fingerprint(tmp_path / "ftp.crt")
        assert old != new
        results = {each["what"]: each["problem"] for each in request(server, "reload")["reloads"]}
        assert results["worker processes"] == ""
        assert _shown(server) == {new}
        (tmp_path / "ftp.key").write_text("no key")
        log = Marked(server)
        os.kill(server.process.pid, signal.SIGHUP)
        line = log.wait_for("the new worker processes are not used")
        assert re.search(r"worker 1, certificates: .*; worker 2, certificates: ", line)
        assert _shown(server) == {new}


def _shown(server):
    """Return the certificates that sessions of both workers show."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(server).auth()) for _ in range(2)]
        assert workers_of_sessions(server) == [1, 2]
        shown = {fingerprint(client.sock) for client in clients}
    wait_for_nobody(server)
    return shown


def test_an_operator_ends_sessions_wherever_they_are(server):
    """«kick» finds a session in any process; a ban ends all of an address; its words are in the log."""
    with logged_in(server) as one, logged_in(server) as two:
        for session in request(server, "sessions")["sessions"]:
            assert request(server, "kick", session=session["session"]) == {"ended": 1}
        assert [client.answer().code for client in (one, two)] == [421, 421]
    wait_for_nobody(server)
    with logged_in(server) as one, logged_in(server) as two:
        assert request(server, "ban", address="127.0.0.1", seconds=60)["ended"] == 2
        assert [client.answer().code for client in (one, two)] == [421, 421]
    request(server, "unban", address="127.0.0.1")
    wait_for_nobody(server)


def test_metrics_are_sums(tmp_path):
    """What happened in any process is in one text, with a number of processes."""
    with socket.create_server(("127.0.0.1", 0)) as plain:
        port = plain.getsockname()[1]
    config = f'{WORKERS}[metrics]\nendpoint = "tcp:{port}:interface=127.0.0.1"\n'
    with running_server(tmp_path, config) as server, logged_in(server) as one, logged_in(server) as two:
        assert one.upload("STOR a", b"x" * 1000).code == 226
        assert two.upload("STOR b", b"x" * 2000).code == 226
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
    for line in (
        'ftps_sessions_open{protocol="TLSv1.3",service="explicit"} 2.0',
        'ftps_logins_total{method="password"} 2.0',
        'ftps_data_octets_total{direction="received"} 3000.0',
        "ftps_workers 2.0",
        "ftps_worker_starts_total 2.0",
        'ftps_worker_cpu_seconds_total{worker="2"} ',
        "ftps_passive_ports 4.0",
        'ftps_info{version="',
        "ftps_bans 0.0",
    ):
        assert f"\n{line}" in text


def test_clients_that_vanish_while_they_log_in_hold_no_account(tmp_path):
    """Whatever moment a client goes at, in the end nobody is logged in: two sessions are free for two."""
    config = f'{WORKERS}{CLEAR}[accounts.passwords]\nremember = "never"\n'
    with running_server(tmp_path, config, "limits.max_sessions = 2\n") as server:
        for _ in range(8):
            client, code = greeted(server)
            assert code == 220
            client.sock.sendall(b"USER alice\r\nPASS correct horse\r\n")
            reset(client.sock)
        wait_for_nobody(server)
        eventually(lambda: _two_log_in(server), "two logins")


def _two_log_in(server):
    with connected(server) as one, connected(server) as two:
        codes = [(client.code("USER alice"), client.code("PASS correct horse"))[1] for client in (one, two)]
    return codes == [230, 230]
