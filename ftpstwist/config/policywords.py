"""Protection policies and their rules, in words: for the check, and for what it prints."""

from __future__ import annotations

from collections.abc import Iterator

from ftpstwist.config.form import join_words
from ftpstwist.config.schema_policy import PolicyRuleSettings
from ftpstwist.session.policy import CloseNotify, CommandProtection, DataProtection, ProtectionPolicy, SessionReuse

_UNDER_TLS, _EITHER, _IN_CLEAR = "under TLS only", "under TLS or in clear, as the client likes", "in clear only"
_DATA = {
    DataProtection.REQUIRED: _UNDER_TLS,
    DataProtection.FREE: _EITHER,
    DataProtection.FORBIDDEN: _IN_CLEAR,
}
_REUSE = {
    SessionReuse.PREFER: "data connections should resume the TLS session",
    SessionReuse.REQUIRE: "data connections have to resume the TLS session",
    SessionReuse.OFF: "no TLS session is resumed",
}
_END = {
    CloseNotify.STRICT: "uploads have to end with close_notify",
    CloseNotify.LENIENT: "uploads may end without close_notify",
}


def demands(policy: ProtectionPolicy) -> tuple[tuple[str, str], ...]:
    """Return what a policy says of passwords, of other commands, and of data."""
    login = policy.commands is not CommandProtection.FREE
    commands = policy.commands is CommandProtection.ALL
    return (
        ("Passwords", _UNDER_TLS if login else _EITHER),
        ("Other commands", _UNDER_TLS if commands else _EITHER),
        ("Files and listings", _DATA[policy.data]),
    )


def left_in_clear(policy: ProtectionPolicy) -> list[str]:
    """Return what may travel in clear."""
    words = ("passwords", "commands", "files")
    return [word for word, (_, how) in zip(words, demands(policy), strict=True) if how != _UNDER_TLS]


def whom(rule: PolicyRuleSettings) -> str:
    """Return whom a rule is about."""
    parts = []
    if rule.users:
        parts.append(f"users {join_words(list(rule.users))}")
    if rule.groups:
        parts.append(f"members of {join_words(list(rule.groups))}")
    if rule.anonymous is not None:
        parts.append("anonymous logins" if rule.anonymous else "all but anonymous logins")
    who = ", ".join(parts) or "all"
    return f"{who} from {join_words([str(each) for each in rule.networks])}" if rule.networks else who


def answers(rule: PolicyRuleSettings) -> Iterator[str]:
    """Yield what a rule says, one clause each."""
    if rule.require is not None and rule.paths:
        folders = join_words([str(each) for each in rule.paths], "and")
        yield f"files and listings in {folders} {_DATA[rule.require.policy.data]}"
    elif rule.require is not None:
        by_demand: dict[str, list[str]] = {}
        for what, how in demands(rule.require.policy):
            by_demand.setdefault(how, []).append(what.lower())
        yield from (f"{join_words(what, 'and')} {how}" for how, what in by_demand.items())
    if rule.session_reuse is not None:
        yield _REUSE[rule.session_reuse]
    if rule.upload_close_notify is not None:
        yield _END[rule.upload_close_notify]
    if rule.charset is not None:
        yield f"names in {rule.charset.label}, unless they send OPTS UTF8 ON"
