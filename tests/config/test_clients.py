"""``[tls.clients]`` and ``[accounts.certificates]`` as the check sees them, with real files."""

from __future__ import annotations

import pytest

from ftpstwist.config.load import parse
from ftpstwist.config.summary import summarise
from ftpstwist.tls.authorities import AskClients
from tests.config.config_support import about, judge
from tests.support.authority import DAY, NOW, Authority, issue, write_list

CONFIG = """
[tls.clients]
ask = "optional"
authorities = ["staff.pem"]
revocation_lists = ["staff.crl"]
"""
RULE = '[[accounts.certificates.rules]]\nfield = "email"\nmatch = "template"\nvalue = "{user}@example.org"\n'


@pytest.fixture
def folder(tmp_path):
    staff = Authority("Staff")
    staff.write(tmp_path, "staff")
    write_list(tmp_path / "staff.crl", staff.revoke())
    return tmp_path


def said(folder, text):
    findings = judge(text, folder / "f.toml", now=NOW)
    return [*about(findings, "tls.clients"), *about(findings, "accounts.certificates")]


def test_a_good_configuration_is_nothing_to_talk_about(folder):
    """Files are found beside the configuration, and rules are understood."""
    assert said(folder, CONFIG + RULE) == []
    settings = parse(CONFIG, str(folder / "f.toml")).settings
    assert settings.tls.clients.ask is AskClients.OPTIONAL
    assert settings.tls.clients.authorities == (folder / "staff.pem",)


def test_files_are_not_looked_at_while_nobody_is_asked(folder):
    """A prepared configuration is no mistake."""
    assert said(folder, '[tls.clients]\nauthorities = ["later.pem"]\n') == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("staff.pem", "none.pem", "none.pem: can not be read"),
        ("staff.pem", "leaf.pem", "is not that of an authority"),
        ('["staff.pem"]', "[]", "no authority could vouch for any"),
        ("staff.crl", "staff.pem", "no revocation list inside"),
        ("staff.crl", "old.crl", "the revocation list of CN=Staff,O=Test ended on"),
    ],
)
def test_files_that_do_not_do(folder, old, new, words):
    """Each is told once, at its key."""
    issue("x").write(folder, "leaf")
    staff = Authority("Staff")
    staff.write(folder, "staff")
    write_list(folder / "staff.crl", staff.revoke())
    write_list(folder / "old.crl", staff.revoke(end=NOW - DAY))
    found = said(folder, CONFIG.replace(old, new))
    assert len(found) == 1
    assert words in found[0]


def test_pinned_certificates_need_no_authority(folder):
    """Where unknown certificates are admitted, authorities may be left out."""
    assert said(folder, '[tls.clients]\nask = "required"\nunknown = "admit"\n') == []


def test_a_rule_that_can_not_be(folder):
    """The complaint stands at the rule, with what to write."""
    bad = '[[accounts.certificates.rules]]\nfield = "serial"\nvalue = "1a"\nuser = "alice"\n'
    found = said(folder, CONFIG + RULE + bad)
    assert len(found) == 1
    assert "accounts.certificates.rules[1]: a serial number says nothing without its issuer" in found[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RULE, "there are rules about client certificates, but no client is asked for one"),
        ('[accounts.certificates]\nmode = "certificate"\n', "nobody could log in"),
        (
            CONFIG.replace("optional", "required") + '[policy]\nrequire = "data"\n',
            'require = "data" lets clients do without TLS',
        ),
    ],
)
def test_what_does_not_fit_together(folder, text, words):
    """Settings that would do nothing, or keep everybody out, or be walked around."""
    found = said(folder, text)
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    "text",
    [
        '[tls.clients]\nask = "maybe"\n',
        "[tls.clients]\ndepth = -1\n",
        "[tls.clients]\ndepth = 101\n",
        '[tls.clients]\nauthorities = "staff.pem"\n',
        '[accounts.certificates]\nmode = "cert"\n',
        "[accounts.certificates]\nreply = 232\n",
        '[[accounts.certificates.rules]]\nfield = "email"\n',
    ],
)
def test_values_of_a_wrong_form(folder, text):
    """One complaint each."""
    assert len(said(folder, text)) == 1


def test_the_summary_says_what_certificates_are_for(folder):
    """Who reads the log of the start knows whose word counts, and what it is worth."""
    text = CONFIG.replace("[tls.clients]", '[tls.clients]\nunknown = "admit"') + RULE
    lines = [line for part in summarise(parse(text, "/etc/ftps.toml").settings, ()) for line in part.lines]
    assert (
        "A client certificate is asked for: one that /etc/staff.pem vouches for or one whose fingerprint is in the users file"
        in lines
    )
    assert any('"certificate-or-password"; rules for certificates: 1' in line for line in lines)
