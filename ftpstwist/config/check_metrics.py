"""Whether metrics can be had, and who else can have them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from ftpstwist.config.complaint import Complaint
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings


def missing_library(settings: Settings) -> Iterator[Complaint]:
    """Yield that the optional library is missing, for each setting that needs it."""
    for key, value in (("metrics.endpoint", settings.metrics.endpoint), ("metrics.file", settings.metrics.file)):
        if value is not None and find_spec("prometheus_client") is None:
            yield settings.origin.complain(
                key, "the package prometheus-client is missing", 'Install it: pip install "ftpstwist[metrics]"'
            )


def _library_is_there(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    yield from missing_library(settings)


def _endpoint_is_private(settings: Settings, surroundings: Surroundings) -> Iterator[Complaint]:
    endpoint, key = settings.metrics.endpoint, "metrics.endpoint"
    if endpoint is None or endpoint.address is None:
        return
    if not surroundings.has_address(endpoint.address):
        yield settings.origin.complain(key, f"this machine has no address {endpoint.address}", "Name one that it has")
    elif not endpoint.address.is_loopback:
        yield settings.origin.warn(
            key,
            "whoever reaches it can read how busy the server is, over HTTP without a password",
            "Add interface=127.0.0.1, or keep others out with the firewall",
        )


def _endpoint_is_free(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    endpoint = settings.metrics.endpoint
    for key, other in settings.named_endpoints:
        if endpoint is not None and endpoint.collides_with(other):
            yield settings.origin.complain("metrics.endpoint", f"{key} listens there", "Take another port")


def _file_is_for_collector(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    file = settings.metrics.file
    if file is None:
        return
    if not file.parent.is_dir():
        yield settings.origin.complain("metrics.file", f"there is no folder {file.parent}", "Make it, or name another")
    if file.suffix != ".prom":
        yield settings.origin.warn("metrics.file", "node_exporter reads files that end in .prom only", "Rename it")


RULES = (
    Rule(("metrics",), _library_is_there),
    Rule(("metrics.endpoint",), _endpoint_is_private),
    Rule(("metrics.endpoint", "server.explicit", "server.implicit", "server.legacy"), _endpoint_is_free),
    Rule(("metrics.file",), _file_is_for_collector),
)
"""What they have to be like."""
