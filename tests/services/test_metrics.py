"""Metrics of a real server, as Prometheus and node_exporter get them."""

from __future__ import annotations

import http.client
import socket

import pytest
from twisted.internet.task import Clock

from ftpstwist.services.metrics import MetricsFile
from tests.auth.neighbours import HeldThreads
from tests.support.client import connected, logged_in
from tests.support.observe import eventually
from tests.support.server import running_server


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as plain:
        return plain.getsockname()[1]


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory, port):
    folder = tmp_path_factory.mktemp("metrics")
    config = (
        f'[metrics]\nendpoint = "tcp:{port}:interface=127.0.0.1"\nfile = "{folder}/ftps.prom"\nfile_interval = 1\n'
        "[policy]\n[tls]\nwatch_interval = 3600"
    )
    with running_server(folder, config) as running:
        yield running


def fetch(port, path="/metrics", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def test_prometheus_sees_what_happens(server, port):
    """Sessions, logins, transfers, resumption, certificates, threads and ports of one real session."""
    with logged_in(server) as client:
        assert client.upload("STOR x", b"x" * 5000).code == 226
        assert client.download("MLSD")[1].code == 226
        assert client.code("NONSENSE") == 500
        status, media_type, text = fetch(port)
    assert (status, media_type.split(";")[0]) == (200, "text/plain")
    for line in (
        'ftps_sessions_open{protocol="TLSv1.3",service="explicit"} 1.0',
        'ftps_logins_total{method="password"} 1.0',
        'ftps_data_octets_total{direction="received"} 5000.0',
        'ftps_transfers_total{direction="received",outcome="complete"} 1.0',
        'ftps_data_connections_total{mode="passive",tls="resumed"} 2.0',
        'ftps_commands_total{code_class="5xx",verb="other"} 1.0',
        'ftps_worker_threads_waiting{pool="files"} 0.0',
        "ftps_bans 0.0",
        'ftps_info{version="',
        'ftps_expiry_timestamp_seconds{what="the certificate of ',
        "process_open_fds ",
    ):
        assert f"\n{line}" in text
    assert "alice" not in text


def test_failures_have_reasons(server, port):
    """An alert on refused logins needs no log."""
    with connected(server).auth() as client:
        assert client.code("USER alice") == 331
        assert client.code("PASS wrong") == 530
    assert 'ftps_login_failures_total{reason="login_refused"} 1.0' in fetch(port)[2]


def test_openmetrics_is_spoken_to_those_who_ask(server, port):
    """Prometheus asks for OpenMetrics by Accept."""
    _status, media_type, text = fetch(port, Accept="application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


def test_there_is_nothing_else_to_fetch(server, port):
    """Other paths are not found, and no fetch is logged."""
    assert fetch(port, "/")[0] == 404
    assert fetch(port, "/metrics/../../etc/passwd")[0] == 404
    assert "GET" not in server.log()


def test_crowds_wait(server, port):
    """Sixteen connections at most are held; they end after a while, and the server is not touched."""
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    with logged_in(server) as client:
        assert client.code("NOOP") == 200
    for each in crowd:
        each.close()
    assert eventually(lambda: fetch(port)[0] == 200)


def test_the_file_is_whole_whenever_it_is_read(server):
    """node_exporter reads it at any moment."""
    text = eventually(
        lambda: (server.folder / "ftps.prom").read_text() if (server.folder / "ftps.prom").exists() else ""
    )
    assert "ftps_info" in text
    assert text.endswith("\n")
    assert [each.name for each in server.folder.glob("*.prom*")] == ["ftps.prom"]


def test_the_file_of_a_service_that_is_started_again(tmp_path):
    """The end waits for the writing that runs, so that a service started anew writes as often as before, not twice."""
    clock, threads, written = Clock(), HeldThreads(), []

    async def text(_):
        return b"text", ""

    file = MetricsFile(tmp_path / "m.prom", text, threads=threads, clock=clock, interval=15)
    file.startService()
    file.stopService().addCallback(written.append)
    assert not written
    threads.release()
    assert written
    file.startService()
    threads.release()
    assert len(clock.getDelayedCalls()) == 1
    file.stopService()
    assert not clock.getDelayedCalls()
