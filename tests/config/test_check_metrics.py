"""Metrics as the check sees them: who can read them, and whether they can be had at all."""

from __future__ import annotations

import pytest

from ftpstwist.config import check_metrics
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.load import parse
from ftpstwist.services.oversight import Oversight
from tests.config.config_support import about, judge

LOOPBACK = '[metrics]\nendpoint = "tcp:9121:interface=127.0.0.1"'


def test_loopback_is_fine():
    """The documented way makes no noise."""
    assert about(judge(LOOPBACK), "metrics") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[metrics]\nendpoint = "tcp:9121"', "over HTTP without a password"),
        ('[metrics]\nendpoint = "tcp:21"', "server.explicit[0] listens there"),
        ('[metrics]\nfile = "/nowhere/ftps.prom"', "there is no folder /nowhere"),
        ('[metrics]\nfile = "/tmp/ftps.txt"', "files that end in .prom only"),
        ('[metrics]\nendpoint = "9121"', 'Write "tcp:9121"'),
    ],
)
def test_what_would_not_do_is_told(text, words):
    """Open to the world, taken, or never read by anybody."""
    assert any(words in line for line in about(judge(text), "metrics"))


def test_foreign_addresses_are_refused():
    """As with all endpoints."""
    findings = judge(LOOPBACK, has_address=lambda _: False)
    assert any("has no address 127.0.0.1" in line for line in about(findings, "metrics"))


def test_a_missing_library_is_named_with_its_remedy(monkeypatch):
    """The extra is optional; who asks for metrics without it reads what to install, from the check and at the start."""
    monkeypatch.setattr(check_metrics, "find_spec", lambda _: None)
    (line,) = about(judge(LOOPBACK), "metrics")
    assert 'pip install "ftpstwist[metrics]"' in line
    with pytest.raises(ConfigurationError, match="prometheus-client is missing"):
        Oversight(parse(LOOPBACK, "ftps.toml").settings, None, lambda: 0.0)
