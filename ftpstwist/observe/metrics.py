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
from collections.abc import Callable, Iterable, Iterator, Sequence
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

Values = Iterable[tuple[tuple[str, ...], float]]
"""The values of the labels, and the number, for each of them."""
Numbers = dict[str, list[tuple[tuple[str, ...], float]]]
"""What one process knows, by the name of the metric; as values that JSON can hold."""

_DIRECTIONS = {DataUse.SENDS: "sent", DataUse.RECEIVES: "received"}


@dataclass(frozen=True, slots=True)
class Reading:
    """Something that is looked up when a text is written.

    Attributes:
        name: Of the metric.
        words: What it is, for people.
        labels: Names of its labels.
        read: Returns the numbers.
        is_counter: Whether it only ever grows.
    """

    name: str
    words: str
    labels: tuple[str, ...]
    read: Callable[[], Values]
    is_counter: bool = False


class Metrics:
    """Counts events. An ``EventSink``; to be used on one thread."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in _COUNTERS}
        self._causes: set[str] = set()
        self._readings: list[Reading] = []

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

    def numbers(self) -> Numbers:
        """Return everything that was counted here, and what is looked up here."""
        numbers: Numbers = {name: list(counts.items()) for name, counts in self._counts.items()}
        numbers.update({reading.name: list(reading.read()) for reading in self._readings})
        return numbers

    def text(self, accepted: str = "", others: Iterable[Numbers] = ()) -> tuple[bytes, str]:
        """Return the metrics as text, and its media type.

        Args:
            accepted: Media types the reader takes, as HTTP's ``Accept`` names them.
            others: What other processes know: it is added to what is known here.
        """
        encoder, media_type = choose_encoder(accepted)
        registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=registry)
        registry.register(_Families(self._families([self.numbers(), *others])))
        return encoder(registry), media_type

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

    def _families(self, known: Sequence[Numbers]) -> Iterator[Metric]:
        for name, (words, labels) in _COUNTERS.items():
            yield _filled(CounterMetricFamily(name, words, labels=labels), _summed(name, known))
        for reading in self._readings:
            kind = CounterMetricFamily if reading.is_counter else GaugeMetricFamily
            yield _filled(kind(reading.name, reading.words, labels=reading.labels), _summed(reading.name, known))


class _Families(Collector):
    """What the library asks for metrics, once."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return all metrics."""
        return self._families


def _summed(name: str, known: Iterable[Numbers]) -> dict[tuple[str, ...], float]:
    sums: dict[tuple[str, ...], float] = {}
    for numbers in known:
        for labels, number in numbers.get(name, ()):
            sums[tuple(labels)] = sums.get(tuple(labels), 0) + number
    return sums


def _filled(family: CounterMetricFamily | GaugeMetricFamily, sums: dict[tuple[str, ...], float]) -> Metric:
    for labels, number in sums.items():
        family.add_metric(labels, number)
    return family


def _resumption(tls: TlsFacts | None) -> str:
    if tls is None:
        return "none"
    return "resumed" if tls.resumed else "full"
