"""Rules from certificates to users: every field, every way to compare, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftpstwist.auth.certificaterule import FIELDS, Match, NoMatch, RuleError, read_rule
from tests.auth.test_certificate import ALICE

CN, O, OU, UID, TITLE = "2.5.4.3", "2.5.4.10", "2.5.4.11", "0.9.2342.19200300.100.1.1", "2.5.4.12"  # noqa: E741
RICH = replace(
    ALICE,
    subject=(((O, "Example"),), ((OU, "Sales"),), ((UID, "alice"), (CN, "Alice Ä.")), ((TITLE, "Dr."),)),
    emails=("alice@example.org", "al@example.com"),
    dns_names=("alice.hosts.example.org",),
    uris=("spiffe://example.org/ftp/alice",),
    principals=("alice@corp.example",),
    fingerprint="0123456789abcdef" * 4,
    key_fingerprint="fedcba9876543210" * 4,
)
WHOLE = "2.5.4.12=Dr.,CN=Alice Ä.+UID=alice,OU=Sales,O=Example"


def users(certificate=RICH, **rule):
    rule.setdefault("match", Match.EXACT)
    return read_rule(**rule).users_of(certificate)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject.CN", "Alice Ä."),
        ("subject.O", "Example"),
        ("subject.OU", "Sales"),
        ("subject.UID", "alice"),
        ("subject.2.5.4.12", "Dr."),
        ("subject", WHOLE),
        ("email", "al@example.com"),
        ("dns", "alice.hosts.example.org"),
        ("uri", "spiffe://example.org/ftp/alice"),
        ("upn", "alice@corp.example"),
        ("certificate", "01:23:45:67:89:AB:CD:EF:" * 3 + "01:23:45:67:89:AB:CD:EF"),
        ("key", "fedcba9876543210" * 4),
    ],
)
def test_exact(field, value):
    """A value is there as a whole, or not at all: a part, more, or another case of it is something else."""
    assert users(field=field, value=value, user="me") == {"me"}
    if field in {"certificate", "key"}:
        wrong = ["0" * 64]
    elif field == "subject":
        wrong = ["CN=Alice Ä.+UID=alice,OU=Sales,O=Example", "O=Example,OU=Sales,CN=Alice Ä.+UID=alice,2.5.4.12=Dr."]
    else:
        wrong = [value[:-1], value[1:], f"{value}x", f"x{value}", value.upper(), ".*"]
    for other in wrong:
        with pytest.raises(NoMatch):
            users(field=field, value=other, user="me")


def test_serial_number_and_issuer():
    """A number is unique for its issuer alone."""
    issuer = "CN=Staff CA,O=Example"
    assert users(field="serial", value="00:1A:2B", user="me", issuer=issuer) == {"me"}
    with pytest.raises(NoMatch):
        users(field="serial", value="1a2c", user="me", issuer=issuer)
    with pytest.raises(NoMatch, match="it was issued by CN=Staff CA,O=Example"):
        users(field="serial", value="1a2b", user="me", issuer="O=Example,CN=Staff CA")


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("email", "{user}@example.org", {"alice"}),
        ("email", "{user}@example.com", {"al"}),
        ("email", "{user}", {"alice@example.org", "al@example.com"}),
        ("uri", "spiffe://example.org/ftp/{user}", {"alice"}),
        ("dns", "{user}.hosts.example.org", {"alice"}),
        ("subject", "2.5.4.12=Dr.,CN=Alice Ä.+UID={user},OU=Sales,O=Example", {"alice"}),
        ("subject.CN", "Alice {user}.", {"Ä"}),
    ],
)
def test_template(field, value, found):
    """What stands where {user} is written is the name."""
    assert users(field=field, match=Match.TEMPLATE, value=value) == found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "{user}@example"),
        ("email", "{user}@examplexorg"),
        ("email", "{user}@EXAMPLE.org"),
        ("email", "alice@example.org{user}"),
        ("subject", "2.5.4.12=Dr.,CN={user},OU=Sales,O=Example"),
        ("subject", "CN={user},O=Example"),
    ],
)
def test_template_that_does_not_fit(field, value):
    """Dots are dots, nothing may be missing, and {user} is never empty."""
    with pytest.raises(NoMatch):
        users(field=field, match=Match.TEMPLATE, value=value)


def test_a_name_that_looks_like_another_when_printed():
    """Attributes are compared one by one: «,O=Example» inside a value is no attribute."""
    forged = replace(RICH, subject=(((O, "Evil"),), ((CN, "alice,O=Example"),)))
    rule = {"field": "subject", "match": Match.TEMPLATE, "value": "CN={user},O=Example"}
    with pytest.raises(NoMatch, match=r"CN=alice\\,O=Example,O=Evil"):
        users(forged, **rule)
    assert users(replace(RICH, subject=(((O, "Example"),), ((CN, "x,O=Evil"),))), **rule) == {"x,O=Evil"}


@pytest.mark.parametrize(
    ("value", "user", "found"),
    [
        (r"(?P<user>[a-z]+)@example\.org", "{user}", {"alice"}),
        (r"(?P<name>[a-z]+)@example\.(?P<top>org|com)", "{top}-{name}", {"org-alice", "com-al"}),
        (r".*", "guest", {"guest"}),
    ],
)
def test_pattern(value, user, found):
    """Groups by name make the user."""
    assert users(field="email", match=Match.PATTERN, value=value, user=user) == found


@pytest.mark.parametrize("value", [r"(?P<user>alice)", r"(?P<user>.*)@example", r"@example\.org", "^alice"])
def test_a_pattern_is_for_the_whole_value(value):
    """There is no substring, whatever the pattern looks like."""
    with pytest.raises(NoMatch):
        users(field="email", match=Match.PATTERN, value=value, user="x")


def test_a_line_break_ends_no_pattern():
    """«$» is not tricked by a line break, for nothing is anchored by it."""
    tricky = replace(RICH, emails=("alice@example.org\n",))
    with pytest.raises(NoMatch):
        users(tricky, field="email", match=Match.PATTERN, value=r"(?P<user>alice)@example\.org")


def test_an_overlong_value_is_not_looked_at():
    """A pattern gets no more to chew on than it can swallow."""
    longest = replace(RICH, emails=("a" * 988 + "@example.org",))
    assert users(longest, field="email", match=Match.TEMPLATE, value="{user}@example.org") == {"a" * 988}
    longer = replace(RICH, emails=("a" * 989 + "@example.org",))
    with pytest.raises(NoMatch):
        users(longer, field="email", match=Match.TEMPLATE, value="{user}@example.org")


@pytest.mark.parametrize("field", [each for each in FIELDS if each.startswith("subject.") and each != "subject.CN"])
def test_a_missing_attribute_is_no_empty_one(field):
    """What is not there matches nothing, not even a pattern for anything."""
    with pytest.raises(NoMatch, match="no such field"):
        users(replace(RICH, subject=()), field=field, match=Match.PATTERN, value=".*", user="x")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"field": "common-name", "value": "x", "user": "y"}, "no field common-name"),
        ({"field": "subject.Name", "value": "x", "user": "y"}, "no attribute Name"),
        ({"field": "subject.CN", "value": "alice"}, "nothing in the value fills {user}"),
        ({"field": "email", "match": Match.TEMPLATE, "value": "x"}, "holds {user} once"),
        ({"field": "email", "match": Match.TEMPLATE, "value": "{user}{user}"}, "holds {user} once"),
        ({"field": "email", "match": Match.PATTERN, "value": "("}, "no regular expression"),
        ({"field": "email", "match": Match.PATTERN, "value": ".*"}, "nothing in the value fills {user}"),
        ({"field": "subject", "match": Match.PATTERN, "value": ".*", "user": "x"}, "a whole name is no text"),
        ({"field": "subject", "value": "alice", "user": "x"}, "no distinguished name"),
        ({"field": "email", "value": "x", "user": "y", "issuer": "Staff"}, "no distinguished name"),
        ({"field": "serial", "value": "12", "user": "x"}, "says nothing without its issuer"),
        ({"field": "serial", "value": "xy", "user": "x", "issuer": "CN=a"}, "no hexadecimal number"),
        ({"field": "key", "value": "12", "user": "x"}, "no SHA-256 fingerprint"),
        ({"field": "key", "match": Match.TEMPLATE, "value": "{user}"}, "compared as a whole"),
    ],
)
def test_rules_that_can_not_be(rule, words):
    """A mistake is told when the configuration is read, with what to write."""
    with pytest.raises(RuleError, match=words.replace("{", r"\{")) as caught:
        users(**rule)
    assert caught.value.remedy
