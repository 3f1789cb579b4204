"""Whether the rules of ``[[policy.rules]]`` can mean what they say: none is empty, contradictory or read in vain."""

from __future__ import annotations

from collections.abc import Iterator

from ftpstwist.config.complaint import Complaint
from ftpstwist.config.form import join_words, quote
from ftpstwist.config.form_network import Network
from ftpstwist.config.policywords import left_in_clear, whom
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_policy import PolicyRuleSettings
from ftpstwist.session.policy import CommandProtection, Require, SessionReuse

_FOR_FOLDERS = (Require.NONE, Require.DATA, Require.CLEAR_DATA)
_ANSWERS = ("require", "session_reuse", "upload_close_notify", "charset")
"""What a rule may say; the first of them by folder, too."""


def _rules_say_something(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for key, rule in _numbered(settings):
        if not _has_conditions(rule):
            yield settings.origin.complain(
                key,
                "it is about everybody and everything",
                "Write it in [policy], [tls] and [server], or name somebody",
            )
        if all(getattr(rule, name) is None for name in _ANSWERS):
            yield settings.origin.complain(key, "it says nothing", f"Add {join_words([*_ANSWERS])}, or take it out")


def _folders_are_about_data(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for key, rule in _numbered(settings):
        if not rule.paths:
            continue
        if rule.require is not None and rule.require not in _FOR_FOLDERS:
            yield settings.origin.complain(
                f"{key}.require",
                f"{quote(rule.require.value)} is more than a folder can demand, for it is about data connections only",
                f"Write {join_words([quote(each.value) for each in _FOR_FOLDERS])}, and a rule without paths for more",
            )
        for name in _ANSWERS[1:]:
            if getattr(rule, name) is not None:
                yield settings.origin.complain(
                    f"{key}.{name}", "it can not depend on a folder", "Put it in a rule of its own, without paths"
                )


def _resumption_is_possible(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for key, rule in _numbered(settings):
        if rule.session_reuse is not None and settings.tls.session_reuse is SessionReuse.OFF:
            yield settings.origin.complain(
                f"{key}.session_reuse",
                "[tls] switches resumption off for everybody",
                f'Write session_reuse = "{SessionReuse.PREFER.value}" in [tls]',
            )


def _anonymous_logins_are_nobody_else(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for key, rule in _numbered(settings):
        if rule.anonymous and (rule.users or rule.groups):
            yield settings.origin.complain(
                f"{key}.anonymous", "anonymous logins are no users and in no groups", "Make two rules of it"
            )
        if rule.anonymous and not settings.accounts.anonymous.enabled:
            yield settings.origin.complain(
                f"{key}.anonymous",
                "there are no anonymous logins",
                "Write enabled = true in [accounts.anonymous], or take the rule out",
            )


def _no_rule_is_read_in_vain(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    numbered = list(_numbered(settings))
    for position, (key, rule) in enumerate(numbered):
        for name in _ANSWERS:
            earlier = next(
                (other for other, before in numbered[:position] if _decides(before, name) and _contains(before, rule)),
                None,
            )
            if earlier and _decides(rule, name):
                yield settings.origin.complain(
                    f"{key}.{name}",
                    f"it never counts: {earlier} is about the same clients, and comes first",
                    "Put the narrower rule first, or take this one out",
                )


def _little_is_in_clear(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for key, rule in _numbered(settings):
        if rule.require is None:
            continue
        exposed = ["files"] if rule.paths else left_in_clear(rule.require.policy)
        exposed = [word for word in exposed if word in left_in_clear(rule.require.policy)]
        if more := [word for word in exposed if word not in left_in_clear(settings.policy.require.policy)]:
            where = f" in {join_words([str(each) for each in rule.paths], 'and')}" if rule.paths else ""
            yield settings.origin.warn(
                f"{key}.require",
                f"{join_words(more, 'and')} of {whom(rule)}{where} may travel in clear",
                "Keep the rule as narrow as you can, and give its accounts no password that is used elsewhere",
            )


def _ccc_has_an_effect(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    named = [settings.policy.require, *(rule.require for rule in settings.policy.rules if not rule.paths)]
    if settings.policy.allow_ccc and not any(each and each.policy.accepts_clear_command_channel for each in named):
        yield settings.origin.complain(
            "policy.allow_ccc",
            "CCC stays impossible for everybody, for all commands are required to be under TLS",
            f"Write require = {quote(Require.LOGIN_DATA.value)}, or take it out",
        )


def _groups_do_not_tell_names(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    default = settings.policy.require.policy.commands
    for key, rule in _numbered(settings):
        is_stricter = rule.require is not None and rule.require.policy.commands.value > default.value
        if rule.groups and not rule.paths and is_stricter and default is CommandProtection.FREE:
            yield settings.origin.warn(
                f"{key}.groups",
                "in clear, the reply to USER tells names that exist outside of the group from names that do not exist",
                f"Turn it round: the strict policy in [policy], and rules with require = {quote(Require.NONE.value)} "
                "for those who have no TLS",
            )


RULES = (
    Rule(("policy.rules",), _rules_say_something),
    Rule(("policy.rules",), _folders_are_about_data),
    Rule(("policy.rules", "tls.session_reuse"), _resumption_is_possible),
    Rule(("policy.rules", "accounts.anonymous"), _anonymous_logins_are_nobody_else),
    Rule(("policy.rules",), _no_rule_is_read_in_vain),
    Rule(("policy",), _little_is_in_clear),
    Rule(("policy",), _groups_do_not_tell_names),
    Rule(("policy",), _ccc_has_an_effect),
)
"""What rules have to be like."""


def _numbered(settings: Settings) -> Iterator[tuple[str, PolicyRuleSettings]]:
    return ((f"policy.rules[{position}]", rule) for position, rule in enumerate(settings.policy.rules))


def _has_conditions(rule: PolicyRuleSettings) -> bool:
    return bool(rule.users or rule.groups or rule.networks or rule.paths or rule.anonymous is not None)


def _decides(rule: PolicyRuleSettings, name: str) -> bool:
    return getattr(rule, name) is not None


def _contains(outer: PolicyRuleSettings, inner: PolicyRuleSettings) -> bool:
    """Tell whether every client and folder that *inner* is about is one that *outer* is about."""
    return (
        _covers(outer.users, inner.users)
        and _covers(outer.groups, inner.groups)
        and (outer.anonymous is None or outer.anonymous is inner.anonymous)
        and _lie_in(inner.networks, outer.networks)
        and (not outer.paths or (bool(inner.paths) and all(outer.rule.holds_at(path) for path in inner.paths)))
    )


def _covers(outer: tuple[str, ...], inner: tuple[str, ...]) -> bool:
    return not outer or (bool(inner) and set(inner) <= set(outer))


def _lie_in(inner: tuple[Network, ...], outer: tuple[Network, ...]) -> bool:
    if not outer:
        return True
    return bool(inner) and all(any(_lies_in(each, other) for other in outer) for each in inner)


def _lies_in(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # same version
