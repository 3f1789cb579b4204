"""``[fxp]`` as the check sees it: whole or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ftpstwist.config.load import parse
from ftpstwist.config.summary import summarise
from ftpstwist.tls.selfsigned import make_self_signed
from tests.config.config_support import NOW, about, judge

ALLOWED = '[fxp]\nusers = ["alice"]\n'
SERVERS = 'networks = ["192.0.2.7"]\n'


def said(text, file="ftps.toml"):
    return [line.partition("fxp")[2] for line in about(judge(text, file), "fxp")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (ALLOWED + "verify = false\n", ".networks: users may transfer between servers, but no server is named"),
        ("[fxp]\n" + SERVERS, ".networks: servers are named, but nobody may transfer with them"),
        (ALLOWED + 'networks = ["0.0.0.0/0"]\n', ".networks[0]: 0.0.0.0/0 is everywhere"),
        (ALLOWED + SERVERS, ".authorities: nobody vouches for other servers, so this server refuses SSCN"),
        (ALLOWED + SERVERS + "verify = false\n", ".verify: the certificates of other servers are not verified"),
        (
            ALLOWED + SERVERS + 'verify = false\n[tls]\nsession_reuse = "require"\n',
            ': session_reuse = "require" refuses data connections of other servers',
        ),
        (ALLOWED + SERVERS + 'authorities = ["missing.pem"]\n', "missing.pem: can not be read"),
    ],
)
def test_what_is_wrong(text, complaint):
    """A half or careless setting is told, with what to do."""
    assert any(complaint in line for line in said(text)), said(text)


def test_summary():
    """The check tells who may transfer with which servers, and nothing where nobody may."""
    lines = [line for part in summarise(parse(ALLOWED + SERVERS, "ftps.toml").settings, ()) for line in part.lines]
    assert "Transfers between this server and those in 192.0.2.7/32: alice may" in lines
    lines = [line for part in summarise(parse("", "ftps.toml").settings, ()) for line in part.lines]
    assert not any("between" in line for line in lines)


def test_default_is_silent():
    """Who does not use it hears nothing of it."""
    assert said("") == []


@pytest.mark.parametrize("is_old", [False, True])
def test_certificate_of_the_other_server(tmp_path, is_old):
    """The other server's own certificate will do, no authority is needed; that it has expired is told."""
    made = make_self_signed(["other"], now=NOW - timedelta(days=4000 if is_old else 1))
    file = tmp_path / "other.pem"
    file.write_bytes(made.leaf.public_bytes(Encoding.PEM))
    lines = said(f'{ALLOWED}{SERVERS}authorities = ["{file}"]\n', tmp_path / "ftps.toml")
    assert any("expired" in line for line in lines) is is_old
    assert len(lines) == is_old


def test_rule_that_lets_them_off():
    """Under session_reuse = "require" a rule for those users silences the warning."""
    text = ALLOWED + SERVERS + 'verify = false\n[tls]\nsession_reuse = "require"\n'
    text += '[[policy.rules]]\nusers = ["alice"]\nsession_reuse = "prefer"\n'
    assert not any("refuses data connections" in line for line in said(text))
