"""Rules about who has to protect what, as the check sees them: nothing contradictory can be written down."""

from __future__ import annotations

import pytest

from ftpstwist.cli.main import main
from ftpstwist.config.load import parse
from ftpstwist.config.summary import summarise
from tests.config.config_support import about, judge

RULE = "[[policy.rules]]\n"
ANONYMOUS = "[accounts.anonymous]\nenabled = true\n"


def rule(text):
    return RULE + text + "\n"


def said(text):
    return [line.partition("policy.rules")[2] for line in about(judge(text), "policy.rules")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            rule('require = "none"'),
            "[0]: it is about everybody and everything. Write it in [policy], [tls] and [server], or name somebody.",
        ),
        (
            rule('users = ["a"]'),
            "[0]: it says nothing. Add require, session_reuse, upload_close_notify or charset, or take it out.",
        ),
        (
            rule('paths = ["/secret"]\nrequire = "all"'),
            (
                '[0].require: "all" is more than a folder can demand, for it is about data connections only. '
                'Write "none", "data" or "!data", and a rule without paths for more.'
            ),
        ),
        (
            rule('paths = ["/secret"]\nsession_reuse = "require"'),
            "[0].session_reuse: it can not depend on a folder. Put it in a rule of its own, without paths.",
        ),
        (
            '[tls]\nsession_reuse = "off"\n' + rule('users = ["a"]\nsession_reuse = "require"'),
            '[0].session_reuse: [tls] switches resumption off for everybody. Write session_reuse = "prefer" in [tls].',
        ),
        (
            ANONYMOUS + rule('anonymous = true\nusers = ["a"]\nrequire = "all"'),
            "[0].anonymous: anonymous logins are no users and in no groups. Make two rules of it.",
        ),
        (
            rule('anonymous = true\nrequire = "all"'),
            (
                "[0].anonymous: there are no anonymous logins. "
                "Write enabled = true in [accounts.anonymous], or take the rule out."
            ),
        ),
        (
            rule('users = ["a", "b"]\nrequire = "all"')
            + rule('users = ["b"]\nrequire = "none"\nupload_close_notify = "lenient"'),
            (
                "[1].require: it never counts: policy.rules[0] is about the same clients, and comes first. "
                "Put the narrower rule first, or take this one out."
            ),
        ),
        (
            rule('paths = ["/a"]\nrequire = "data"') + rule('users = ["b"]\npaths = ["/a/b"]\nrequire = "data"'),
            (
                "[1].require: it never counts: policy.rules[0] is about the same clients, and comes first. "
                "Put the narrower rule first, or take this one out."
            ),
        ),
        (
            rule('networks = ["10.0.0.0/8"]\nrequire = "all"')
            + rule('networks = ["10.1.0.0/16"]\ngroups = ["g"]\nrequire = "all"'),
            (
                "[1].require: it never counts: policy.rules[0] is about the same clients, and comes first. "
                "Put the narrower rule first, or take this one out."
            ),
        ),
    ],
)
def test_what_can_not_be_meant_is_refused(text, complaint):
    """Section 5 row 8: contradictions are told with the rule, the cause and the remedy, and nothing starts."""
    assert complaint in said(text)
    assert judge(text).errors


@pytest.mark.parametrize(
    "text",
    [
        rule('users = ["a"]\nrequire = "all"') + rule('users = ["a", "b"]\nrequire = "all"'),
        rule('users = ["a"]\nnetworks = ["10.0.0.0/8"]\nrequire = "all"')
        + rule('users = ["a"]\nrequire = "control+!data"'),
        rule('paths = ["/a/b"]\nrequire = "none"') + rule('paths = ["/a"]\nrequire = "data"'),
        rule('users = ["a"]\nsession_reuse = "require"') + rule('users = ["a"]\nrequire = "all"'),
        rule('networks = ["::1"]\nrequire = "all"') + rule('networks = ["127.0.0.1"]\nrequire = "all"'),
        ANONYMOUS + rule('anonymous = true\nrequire = "all"') + rule('anonymous = false\nrequire = "all"'),
    ],
)
def test_narrow_rules_before_wide_ones_are_fine(text):
    """What can be meant is not refused."""
    assert [each for each in judge(text).errors if each.key.startswith("policy")] == []


def test_what_a_rule_exposes_is_told():
    """Whoever opens a door reads what goes through it; what was open before is not told again."""
    text = rule('users = ["scanner"]\nnetworks = ["10.0.0.0/8"]\nrequire = "login"')
    assert said(text) == [
        (
            "[0].require: commands and files of users scanner from 10.0.0.0/8 may travel in clear. "
            "Keep the rule as narrow as you can, and give its accounts no password that is used elsewhere."
        )
    ]
    assert said('[policy]\nrequire = "none"\n' + text) == []
    assert "files of all in /pub may travel in clear" in said(rule('paths = ["/pub"]\nrequire = "none"'))[0]
    assert said(rule('users = ["a"]\nrequire = "all"')) == []


def test_strict_rules_for_groups_show_who_exists():
    """RFC 2577 section 7: the one case in which USER would tell names apart is warned about, with the way out."""
    strict = rule('groups = ["staff"]\nrequire = "all"')
    (line,) = said('[policy]\nrequire = "data"\n' + strict)
    assert "the reply to USER tells names that exist outside of the group from names that do not exist" in line
    assert said('[policy]\nrequire = "login"\n' + strict) == []


CCC = "allow_ccc = true\n"
IN_VAIN = (
    "ftps.toml:2: policy.allow_ccc: CCC stays impossible for everybody, for all commands are required to be under TLS. "
    'Write require = "login+data", or take it out.'
)


@pytest.mark.parametrize(
    ("text", "is_in_vain"),
    [
        ("", True),
        ('require = "control"\n', True),
        ('require = "login+data"\n', False),
        ('require = "none"\n', False),
        (rule('users = ["a"]\nrequire = "login+data"'), False),
        (rule('users = ["a"]\nrequire = "control"'), True),
        (rule('paths = ["/a"]\nrequire = "none"'), True),
    ],
)
def test_ccc_that_no_policy_permits(text, is_in_vain):
    """T5: whoever allows CCC learns at once that a policy still forbids it, and which one would not."""
    assert about(judge(f"[policy]\n{CCC}{text}"), "policy.allow_ccc") == ([IN_VAIN] if is_in_vain else [])
    assert about(judge(f"[policy]\n{text}"), "policy.allow_ccc") == []


def test_ccc_is_told_in_words():
    """What may leave TLS is told before it does."""
    for line, is_told in ((CCC, True), ("", False)):
        settings = parse(f'[policy]\nrequire = "login+data"\n{line}', "f.toml").settings
        words = [line for section in summarise(settings, ()) for line in section.lines]
        assert any("(CCC)" in line for line in words) is is_told


def test_a_rule_can_not_switch_resumption_off():
    """It is settled by the handshake, so the word is not there to be written."""
    (complaint,) = parse(rule('users = ["a"]\nsession_reuse = "off"'), "f.toml").complaints
    assert complaint.cause == '"off" is not one of "prefer" or "require"'


@pytest.mark.parametrize("value", ['"secret"', '"/a\\u0000"', "3"])
def test_folders_are_absolute_pathnames(value):
    """A folder is written as clients see it."""
    (complaint,) = parse(rule(f"paths = [{value}]\nrequire = 'data'"), "f.toml").complaints
    assert complaint.key.startswith("policy.rules[0].paths")


def test_the_effective_policy_is_told_in_words(capsys, tmp_path):
    """What holds for whom, in the order in which it counts, listeners included."""
    (tmp_path / "public").mkdir()
    file = tmp_path / "ftps.toml"
    file.write_text(
        '[server]\nexplicit = ["tcp:2121"]\nimplicit = ["tcp:9900"]\n'
        f'[accounts.anonymous]\nenabled = true\nroot = "{tmp_path}/public"\n'
        + rule('anonymous = true\nrequire = "none"')
        + rule(
            'groups = ["scanners", "copiers"]\nnetworks = ["10.0.0.0/8"]\nrequire = "login+!data"\n'
            'upload_close_notify = "lenient"'
        )
        + rule('users = ["alice"]\nsession_reuse = "require"')
        + rule('paths = ["/pub", "/doc"]\nrequire = "none"')
    )
    sections = {section.title: section.lines for section in summarise(parse(file.read_text(), str(file)).settings, ())}
    told = sections["Unless one of these says otherwise, of which the first counts"]
    assert told == (
        "Anonymous logins: passwords, other commands and files and listings under TLS or in clear, as the client likes",
        (
            "Members of scanners or copiers from 10.0.0.0/8: passwords under TLS only; other commands under TLS or in "
            "clear, as the client likes; files and listings in clear only; uploads may end without close_notify"
        ),
        "Users alice: data connections have to resume the TLS session",
        "All: files and listings in /pub and /doc under TLS or in clear, as the client likes",
        "All commands on tcp:9900 are under TLS anyway",
    )
    assert main(["check", "--config", str(file)]) == 0
    out = capsys.readouterr().out
    assert all(line in out for line in told)
