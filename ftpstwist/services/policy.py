"""The policy book of the configuration: who has to protect what, with what the accounts know of a name."""

from __future__ import annotations

from ftpstwist.auth.credentials import ANONYMOUS_NAMES
from ftpstwist.auth.userfile import UserFile
from ftpstwist.config.schema import Settings
from ftpstwist.session.policybook import PolicyBook


def policy_book(settings: Settings, users: UserFile | None) -> PolicyBook:
    """Put the rules together.

    Args:
        settings: The configuration.
        users: Knows the groups of a name before the login. ``None``: nobody does, so before the
            login every name is held to the strictest rule that names a group.
    """
    anonymous = settings.accounts.anonymous.enabled

    def groups_of(name: str) -> frozenset[str] | None:
        record = users.find(name) if users is not None else None
        return None if record is None else record.groups

    return PolicyBook(
        policy=settings.policy.require.policy,
        session_reuse=settings.tls.session_reuse,
        upload_close_notify=settings.policy.upload_close_notify,
        charset=settings.server.charset,
        rules=tuple(each.rule for each in settings.policy.rules),
        groups_of=groups_of,
        is_anonymous=lambda name: anonymous and name.lower() in ANONYMOUS_NAMES,
    )
