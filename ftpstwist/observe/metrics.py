"""Metrics for Prometheus (OpenMetrics): what happened is counted, what is now is looked up when somebody asks.

How it works: an event makes one or two plain counters larger, and that is all
it costs. The library ``prometheus_client`` has a registry of ours, never its
global one, and is only asked to write the text. What is now (sessions,
threads, days a certificate has left) comes from *readings*, functions of
those who know it, called for each text.

Labels are bounded: verbs of the catalogue, classes of reply codes, words of
ours. No user, address or pathname is ever a label. Causes of TLS failures
lose what a client may have said in them, and beyond a cap all are ``other``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ftpstwist.observe.escape import escape
from ftpstwist.session.catalogue import CATALOGUE, DataUse
from ftpstwist.session.events import (
    CommandAnswered,
    DataOpened,
    Event,
    FileTransferred,
    LoggedIn,
    LoginFailed,
    Misused,
    SessionOpened,
    TlsEstablished,
    TlsFacts,
    TlsFailed,
)

OTHER = "other"
"""Label of what is not in the catalogue, or beyond a cap."""
MAX_CAUSES = 50
"""Distinct causes of TLS failures that are told apart."""

_CHANGING = re.compile(r"""'[^']*'|"[^"]*"|\d+(\.\d+)? seconds""")
_LETTERS = 100

_COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ftps_sessions": ("Control connections accepted.", ("service",)),
    "ftps_logins": ("Logins, by method.", ("method",)),
    "ftps_login_failures": ("Refused logins.", ("reason",)),
    "ftps_commands": ("Commands answered.", ("verb", "code_class")),
    "ftps_data_octets": ("Octets over data connections, counted when the command is answered.", ("direction",)),
    "ftps_transfers": ("Files transferred.", ("direction", "outcome")),
    "ftps_data_connections": ("Data connections opened; tls is resumed, full or none.", ("mode", "tls")),
    "ftps_tls_handshakes": ("TLS handshakes completed.", ("channel", "protocol", "cipher")),
    "ftps_tls_failures": ("TLS handshakes and connections that failed.", ("channel", "cause")),
    "ftps_misuses": ("What no honest client does, or one that is set up wrongly.", ("kind",)),
}
"""Every counter: what it counts, and its labels. The text adds ``_total`` to the names."""

_DIRECTIONS = {DataUse.SENDS: "sent", DataUse.RECEIVES: "received"}


@dataclass(frozen=True, slots=True)
class Reading:
    """Something that is looked up when a text is written.

    Attributes:
        name: Of the metric.
        words: What it is, for people.
        labels: Names of its labels.
        read: Returns the values of the labels, and the number, for each of them.
        is_counter: Whether it only ever grows.
    """

    name: str
    words: str
    labels: tuple[str, ...]
    read: Callable[[], Iterable[tuple[tuple[str, ...], float]]]
    is_counter: bool = False


class Metrics:
    """Counts events. An ``EventSink``; to be used on one thread."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in _COUNTERS}
        self._causes: set[str] = set()
        self._registry = CollectorRegistry(auto_describe=False)
        self._readings: list[Reading] = []
        self._registry.register(_Families(self._families))
        ProcessCollector(registry=self._registry)

    def look_up(self, readings: Iterable[Reading]) -> None:
        """Put readings into every text from now on."""
        self._readings += readings

    def record(self, event: Event) -> None:
        """Count an event."""
        match event:
            case CommandAnswered():
                self._count_command(event)
            case DataOpened():
                self._count_data_connection(event)
            case FileTransferred(direction=direction, complete=complete):
                self._count("ftps_transfers", direction.name.lower(), "complete" if complete else "incomplete")
            case SessionOpened(session=session):
                self._count("ftps_sessions", session.service)
            case TlsEstablished(session=session):
                self._count_handshake("control", session.tls)
            case LoggedIn(method=method):
                self._count("ftps_logins", method)
            case LoginFailed(kind=kind):
                self._count("ftps_login_failures", kind)
            case TlsFailed(channel=channel, cause=cause):
                self._count("ftps_tls_failures", channel, self._bounded(cause))
            case Misused(kind=kind):
                self._count("ftps_misuses", kind)

    def text(self, accepted: str = "") -> tuple[bytes, str]:
        """Return the metrics as text, and its media type.

        Args:
            accepted: Media types the reader takes, as HTTP's ``Accept`` names them.
        """
        encoder, media_type = choose_encoder(accepted)
        return encoder(self._registry), media_type

    def _count(self, name: str, *labels: str) -> None:
        self._counts[name][labels] += 1

    def _count_command(self, event: CommandAnswered) -> None:
        row = CATALOGUE.get(event.verb)
        self._count("ftps_commands", OTHER if row is None else event.verb, f"{event.code // 100}xx")
        if event.octets and row is not None and row.is_transfer:
            self._counts["ftps_data_octets"][(_DIRECTIONS[row.data],)] += event.octets

    def _count_data_connection(self, event: DataOpened) -> None:
        tls = event.data_tls
        self._count("ftps_data_connections", event.mode.value, _resumption(tls))
        self._count_handshake("data", tls)

    def _count_handshake(self, channel: str, tls: TlsFacts | None) -> None:
        if tls is not None:
            self._count("ftps_tls_handshakes", channel, tls.version, tls.cipher)

    def _bounded(self, cause: str) -> str:
        words = escape(_CHANGING.sub("…", cause))[:_LETTERS]
        if words not in self._causes:
            if len(self._causes) >= MAX_CAUSES:
                return OTHER
            self._causes.add(words)
        return words

    def _families(self) -> Iterator[Metric]:
        for name, (words, labels) in _COUNTERS.items():
            family = CounterMetricFamily(name, words, labels=labels)
            for values, number in self._counts[name].items():
                family.add_metric(values, number)
            yield family
        for reading in self._readings:
            kind = CounterMetricFamily if reading.is_counter else GaugeMetricFamily
            looked_up = kind(reading.name, reading.words, labels=reading.labels)
            for values, value in reading.read():
                looked_up.add_metric(values, value)
            yield looked_up


class _Families(Collector):
    """What the library asks for metrics."""

    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, as they are now."""
        return self._collect()


def _resumption(tls: TlsFacts | None) -> str:
    if tls is None:
        return "none"
    return "resumed" if tls.resumed else "full"
