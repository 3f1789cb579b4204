"""Metrics: what is counted, that labels stay few whatever strangers send, and that nobody is named."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ftpstwist.observe.metrics import MAX_CAUSES, Metrics, Reading
from ftpstwist.session.catalogue import CATALOGUE
from ftpstwist.session.events import CommandAnswered, SessionRef, TlsFailed
from tests.contracts.eventsinks import HOSTILE, TIME, every_event

SESSION = SessionRef("k3f9", "192.0.2.7", "alice")


def samples(metrics):
    text, _ = metrics.text()
    families = text_string_to_metric_families(text.decode())
    return {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}


def value(metrics, name, **labels):
    return samples(metrics).get((name, *sorted(labels.items())))


def test_every_event_is_counted_once():
    """What the logs tell one by one can be seen as rates."""
    metrics = Metrics()
    for event in every_event():
        metrics.record(event)
    assert value(metrics, "ftps_sessions_total", service="explicit") == 1
    assert value(metrics, "ftps_logins_total", method="password") == 1
    assert value(metrics, "ftps_login_failures_total", reason="login_refused") == 1
    assert value(metrics, "ftps_commands_total", verb="RETR", code_class="2xx") == 1
    assert value(metrics, "ftps_data_octets_total", direction="sent") == 1048576
    assert value(metrics, "ftps_transfers_total", direction="sent", outcome="complete") == 1
    assert value(metrics, "ftps_transfers_total", direction="received", outcome="incomplete") == 1
    assert value(metrics, "ftps_data_connections_total", mode="passive", tls="resumed") == 1
    assert value(metrics, "ftps_data_connections_total", mode="active", tls="none") == 1
    for channel in ("control", "data"):
        labels = {"channel": channel, "protocol": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"}
        assert value(metrics, "ftps_tls_handshakes_total", **labels) == 1
    assert value(metrics, "ftps_tls_failures_total", channel="control", cause="word") == 1
    assert value(metrics, "ftps_misuses_total", kind="starttls-injection") == 1


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_any_text_leaves_metrics_that_can_be_read(text):
    """No client makes a line of its own, or a text that Prometheus refuses."""
    metrics = Metrics()
    for event in every_event(text):
        metrics.record(event)
    assert samples(metrics)
    octets, media_type = metrics.text("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert octets.endswith(b"# EOF\n")


def test_unknown_verbs_share_one_label():
    """A scanner can not fill the memory of Prometheus with verbs."""
    metrics = Metrics()
    for number in range(100):
        metrics.record(CommandAnswered(SESSION, TIME, f"X{number}", "", 500, None, 0.0))
    for verb in CATALOGUE:
        metrics.record(CommandAnswered(SESSION, TIME, verb, "", 200, 5, 0.0))
    verbs = {
        labels["verb"] for name, *pairs in samples(metrics) if (labels := dict(pairs)) and name == "ftps_commands_total"
    }
    assert verbs == {*CATALOGUE, "other"}
    assert value(metrics, "ftps_commands_total", verb="other", code_class="5xx") == 100


def test_causes_of_tls_failures_are_bounded():
    """Names in them are left out, and beyond the cap all are one."""
    metrics = Metrics()
    for number in range(1000):
        metrics.record(TlsFailed(SESSION, TIME, "control", f"the unknown host 'h{number}'", "", ""))
    assert value(metrics, "ftps_tls_failures_total", channel="control", cause="the unknown host …") == 1000
    for number in range(MAX_CAUSES + 1):
        metrics.record(TlsFailed(SESSION, TIME, "data", f"cause {number}", "", ""))
    causes = [pairs for name, *pairs in samples(metrics) if name == "ftps_tls_failures_total"]
    assert len(causes) == MAX_CAUSES + 1
    assert value(metrics, "ftps_tls_failures_total", channel="data", cause="other") == 2


def test_nobody_is_named():
    """No user, peer or pathname is in the text: it is read without a password."""
    metrics = Metrics()
    for event in every_event("secret-word"):
        if not isinstance(event, TlsFailed):
            metrics.record(event)
    text, _ = metrics.text()
    assert b"secret-word" not in text
    assert b"192.0.2.7" not in text


def test_two_servers_of_one_process_count_for_themselves():
    """An application may embed several servers: there is no global registry."""
    one, other = Metrics(), Metrics()
    for event in every_event():
        one.record(event)
    assert value(other, "ftps_logins_total", method="password") is None


def test_readings_are_looked_up_each_time():
    """Gauges are what is now, not what was at the last event."""
    metrics, now = Metrics(), [1]
    metrics.look_up([Reading("ftps_threads", "Threads.", ("pool",), lambda: [(("files",), now[0])])])
    assert value(metrics, "ftps_threads", pool="files") == 1
    now[0] = 7
    assert value(metrics, "ftps_threads", pool="files") == 7
