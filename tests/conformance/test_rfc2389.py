"""FEAT and OPTS (RFC 2389)."""

from __future__ import annotations

import re

import pytest

from ftpstwist.session.catalogue import CATALOGUE
from tests.support.client import connected, implicit, logged_in

FEATURE = re.compile(rb" [!-~]+(?: [ -~]*[!-~])?")
"""Section 3.2: one space, the label, and what belongs to it; no space at the end."""
WANTED = {
    *(
        "AUTH TLS",
        "CLNT",
        "CSID",
        "EPRT",
        "EPSV",
        "HOST",
        "LANG en*",
        "MDTM",
        "MFMT",
        "MFF modify;UNIX.mode;",
        "AVBL",
        "PBSZ",
        "PROT",
        "REST STREAM",
    ),
    *("SIZE", "TVFS", "UTF8", "HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32"),
    *("MD5", "XCRC", "XMD5", "XSHA", "XSHA1", "XSHA256", "XSHA512"),
    "MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;UNIX.owner*;UNIX.group*;",
}
STANDARD = {
    *("USER", "PASS", "ACCT", "CWD", "CDUP", "SMNT", "REIN", "QUIT", "PORT", "PASV", "TYPE", "STRU", "MODE", "RETR"),
    *("STOR", "STOU", "APPE", "ALLO", "RNFR", "RNTO", "ABOR", "DELE", "RMD", "MKD", "PWD", "LIST", "NLST", "SITE"),
    *("SYST", "STAT", "HELP", "NOOP"),
}
"""What RFC 959 has itself; no FEAT line is due for these."""


def features(client):
    answer = client.do("FEAT")
    assert answer.code == 211
    assert answer.lines[-1].lower() == "end"
    return answer.lines[1:-1]


def test_the_form_is_exact(client):
    """F1: `211-`, then lines that begin with exactly one space and have none at their end, then `211 End`."""
    client.send("FEAT")
    assert re.fullmatch(rb"211-[ -~]+", client.line_octets())
    line = client.line_octets()
    while FEATURE.fullmatch(line):
        line = client.line_octets()
    assert line == b"211 End"


def test_every_extension_is_listed(client):
    """F2: these and no others."""
    found = features(client)
    assert set(found) == WANTED
    assert len(found) == len(WANTED)


def test_every_listed_extension_works(client):
    """F2: nothing is listed that is unknown or not implemented."""
    for feature in WANTED:
        label = feature.split(" ")[0]
        if label not in {"TVFS", "UTF8"}:
            assert client.code(f"HELP {label}") == 214
            assert client.code(label) not in {500, 502}


def test_every_verb_beyond_the_standard_is_listed(client):
    """F2: the other way round, for every verb there is; FEAT and OPTS list themselves by existing."""
    labels = {feature.split(" ")[0] for feature in features(client)}
    for verb, row in CATALOGUE.items():
        if row.alias is None and verb not in STANDARD | {"FEAT", "OPTS"}:
            refused = verb in {"CCC", "SSCN", "CPSV", "MIC", "CONF", "ENC", "ADAT"}
            with_another = {"MLSD": "MLST"}.get(verb, verb)
            assert refused or with_another in labels, verb


@pytest.mark.parametrize("verb", ["FEAT", "feat", "FeAt"])
def test_feat_before_everything(server, verb):
    """F3: before TLS and before the login: a client finds AUTH TLS by it."""
    with connected(server) as client:
        assert "AUTH TLS" in client.do(verb).lines
        client.auth()
        assert client.do(verb).code == 211
        client.login()
        assert client.do(verb).code == 211


def test_feat_is_the_same_everywhere(server, client):
    """F2: under TLS as in clear, on the implicit service as on the explicit one."""
    with logged_in(server) as explicit, implicit(server) as other:
        assert features(explicit) == features(other) == features(client)


def test_feat_takes_no_argument(client):
    """F3: there are no options of FEAT."""
    assert client.code("FEAT x") == 501


@pytest.mark.parametrize(
    ("line", "code"),
    [("OPTS UTF8 ON", 200), ("opts utf8 on", 200), ("OPTS MLST type;", 200), ("OPTS MLST", 200), ("OPTS", 501),
     ("OPTS ", 501), ("OPTS BLAH", 501), ("OPTS FEAT", 501), ("OPTS OPTS", 501), ("OPTS MLSD type;", 501),
     ("OPTS MODE Z LEVEL 9", 501), ("OPTS MLST type size", 501), ("OPTS UTF8 MAYBE", 501),
     ("OPTS  UTF8", 501)],
)  # fmt: skip
def test_opts(client, line, code):
    """F4: 200 if the option is there and understood, 501 for all others."""
    assert client.code(line) == code


def test_opts_before_the_login(server):
    """F4: permitted, as clients send it when they like; the login does not undo it."""
    with connected(server).auth() as client:
        assert client.code("OPTS MLST size;") == 200
        client.login()
        assert "size*;modify;" in client.do("FEAT").text
