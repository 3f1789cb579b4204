"""Who is held to which protection policy: rules by user, group, network, anonymous login and folder; pure functions.

How it works: the rules are read from the first to the last. For each question
(what needs TLS; must data connections resume; must uploads end with
``close_notify``; which character set are names in) the first rule that covers the client *and answers the
question* decides; where none does, the defaults do. All conditions of a rule
have to hold, and one word of each list. A rule with folders answers for data
connections only, by the pathname that is transferred: which folder the client
stands in does not matter. Symbolic links are not followed here.

The answer is known at USER, before any password is sent. Whether a name
exists must not show: a name that nobody knows is held to the strictest answer
that any group membership could give it. Before USER only rules hold that ask
for nothing but the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_address

from ftpstwist.session.catalogue import CommandRow
from ftpstwist.session.identity import Identity
from ftpstwist.session.policy import (
    CloseNotify,
    DataProtection,
    ProtectionLevel,
    ProtectionPolicy,
    SessionReuse,
)
from ftpstwist.session.state import SessionState
from ftpstwist.wire.charset import Charset
from ftpstwist.wire.pathname import ROOT, Pathname, PathnameError
from ftpstwist.wire.pathname_parameters import parse_list

Network = IPv4Network | IPv6Network

_STRICTNESS = (DataProtection.FREE, DataProtection.FORBIDDEN, DataProtection.REQUIRED)
_LISTED_WITH_OPTIONS = frozenset({"LIST", "NLST"})
_RECURSIVE = "R"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a rule is asked about.

    Attributes:
        peer: Address of the client, without port.
        user: Name given by USER; ``None`` before.
        groups: Groups of that user; ``None`` if nobody knows the name.
        is_anonymous: Whether the name asks for the anonymous account.
    """

    peer: str
    user: str | None = None
    groups: frozenset[str] | None = frozenset()
    is_anonymous: bool = False

    @classmethod
    def of(cls, identity: Identity, peer: str) -> Subject:
        """Return an account that has logged in."""
        return cls(peer, identity.user, identity.groups, identity.anonymous)


@dataclass(frozen=True, slots=True)
class Target:
    """What a transfer command is about.

    Attributes:
        path: The pathname.
        is_deep: Whether what lies below it is shown, too (``LIST -R``).
    """

    path: Pathname
    is_deep: bool = False


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule: conditions, of which those that are not given hold for everybody, and answers.

    Attributes:
        users: Names given by USER, as the client spells them.
        groups: The user is in one of these.
        networks: The client's address lies in one of these.
        anonymous: Whether the login is anonymous; ``None`` for either.
        paths: Folders, as clients see them; the rule is about data connections for what lies there.
        require: What must be protected.
        session_reuse: Whether data connections have to resume the TLS session.
        upload_close_notify: How uploads have to end.
        charset: What the octets of names mean.
    """

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    anonymous: bool | None = None
    paths: tuple[Pathname, ...] = ()
    require: ProtectionPolicy | None = None
    session_reuse: SessionReuse | None = None
    upload_close_notify: CloseNotify | None = None
    charset: Charset | None = None

    @property
    def needs_user(self) -> bool:
        """Whether it can be judged only when USER has come."""
        return bool(self.users or self.groups or self.anonymous is not None)

    def covers(self, subject: Subject) -> bool:
        """Tell whether it is about this client; folders aside."""
        if self.needs_user and subject.user is None:
            return False
        return (
            (not self.users or subject.user in self.users)
            and (not self.groups or not self.groups.isdisjoint(subject.groups or ()))
            and (self.anonymous is None or self.anonymous is subject.is_anonymous)
            and (not self.networks or any(ip_address(subject.peer) in network for network in self.networks))
        )

    def holds_at(self, path: Pathname) -> bool:
        """Tell whether it is about this pathname."""
        return not self.paths or any(path.is_within(prefix) for prefix in self.paths)


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """All rules, and what holds where there is none.

    Attributes:
        policy: What must be protected.
        session_reuse: Whether data connections have to resume the TLS session.
        upload_close_notify: How uploads have to end.
        charset: What the octets of names mean.
        rules: Read from the first to the last.
        groups_of: Tells the groups of a name; ``None`` if nobody knows it.
        is_anonymous: Tells whether a name asks for the anonymous account.
    """

    policy: ProtectionPolicy
    session_reuse: SessionReuse = SessionReuse.PREFER
    upload_close_notify: CloseNotify = CloseNotify.STRICT
    charset: Charset = field(default_factory=Charset)
    rules: tuple[PolicyRule, ...] = ()
    groups_of: Callable[[str], frozenset[str] | None] = field(default=lambda _: frozenset())
    is_anonymous: Callable[[str], bool] = field(default=lambda _: False)

    def subject(self, state: SessionState, peer: str) -> Subject:
        """Return whom the rules are asked about: the account in use, or else the name given by USER."""
        if state.identity is not None:
            return Subject.of(state.identity, peer)
        return self.named(state.user, peer)

    def named(self, user: str, peer: str) -> Subject:
        """Return whom the rules are asked about when *user* is named; empty before USER."""
        if not user:
            return Subject(peer)
        if self.is_anonymous(user):
            return Subject(peer, user, frozenset(), is_anonymous=True)
        return Subject(peer, user, self.groups_of(user))

    # --- what must be protected ---

    def for_subject(self, subject: Subject) -> ProtectionPolicy:
        """Return what must be protected, folders aside; the strictest that could be for a name nobody knows."""
        if subject.groups is not None:
            return self._first(subject)
        return max((self._first(possible) for possible in self._possibilities(subject)), key=_strictness)

    def for_target(self, subject: Subject, target: Target) -> ProtectionPolicy:
        """Return what must be protected when *target* is transferred."""
        policy, data = self.for_subject(subject), self._data_at(subject, target.path)
        if target.is_deep:
            data = max([data, *self._data_below(subject, target.path)], key=_STRICTNESS.index)
        return policy if policy.data is data else replace(policy, data=data)

    @property
    def has_folders(self) -> bool:
        """Whether the target of a transfer matters: without folders the answer for all of them is the client's."""
        return any(rule.paths for rule in self.rules)

    def accepts_level(self, state: SessionState, peer: str, level: ProtectionLevel) -> bool:
        """Tell whether PROT may set *level* (534 otherwise): whether it is of use for any folder.

        Before the login the answer is the same for every name.
        """
        if state.is_logged_in:
            demands = self._reachable(self.subject(state, peer))
        else:
            demands = {self.policy.data, *(rule.require.data for rule in self.rules if rule.require is not None)}
        return any(demand.accepts(level) for demand in demands)

    # --- data connections ---

    def session_reuse_for(self, subject: Subject) -> SessionReuse:
        """Return whether data connections have to resume the TLS session."""
        for rule in self.rules:
            if rule.session_reuse is not None and rule.covers(subject):
                return rule.session_reuse
        return self.session_reuse

    def upload_close_notify_for(self, subject: Subject) -> CloseNotify:
        """Return how uploads have to end."""
        for rule in self.rules:
            if rule.upload_close_notify is not None and rule.covers(subject):
                return rule.upload_close_notify
        return self.upload_close_notify

    # --- names ---

    def charset_for(self, subject: Subject) -> Charset:
        """Return what the octets of names mean."""
        for rule in self.rules:
            if rule.charset is not None and rule.covers(subject):
                return rule.charset
        return self.charset

    # --- reading the rules ---

    def _first(self, subject: Subject) -> ProtectionPolicy:
        for rule in self.rules:
            if rule.require is not None and not rule.paths and rule.covers(subject):
                return rule.require
        return self.policy

    def _possibilities(self, subject: Subject) -> Iterator[Subject]:
        """Yield what an unknown name could be: in no group, or in one of those that rules name.

        One at a time is enough: the rule that decides for several groups decides for one of them alone.
        """
        yield replace(subject, groups=frozenset())
        for group in {group for rule in self.rules for group in rule.groups}:
            yield replace(subject, groups=frozenset({group}))

    def _data_at(self, subject: Subject, path: Pathname) -> DataProtection:
        for rule in self.rules:
            if rule.require is not None and rule.holds_at(path) and rule.covers(subject):
                return rule.require.data
        return self.policy.data

    def _data_below(self, subject: Subject, path: Pathname) -> Iterator[DataProtection]:
        for rule in self.rules:
            for prefix in rule.paths:
                if prefix.is_within(path) and rule.covers(subject):
                    yield self._data_at(subject, prefix)

    def _reachable(self, subject: Subject) -> set[DataProtection]:
        """Return what is demanded in any folder."""
        return {self._data_at(subject, ROOT), *self._data_below(subject, ROOT)}


def judged_policy(
    book: PolicyBook, row: CommandRow, argument: str, state: SessionState, subject: Subject
) -> ProtectionPolicy:
    """Return what one command is judged by.

    USER is judged by the policy of the name it gives, a transfer by that of
    its target, all others by that of the session as it is.

    Args:
        book: The rules.
        row: The command's row in the catalogue.
        argument: What followed the verb.
        state: The session, before the command.
        subject: The client, before the command.
    """
    if row.verb == "USER":
        return book.for_subject(book.named(argument, subject.peer))
    if row.is_transfer and book.has_folders:
        return book.for_target(subject, target_of(row.verb, argument, state.working_directory))
    return book.for_subject(subject)


def target_of(verb: str, argument: str, working_directory: Pathname) -> Target:
    """Return what a transfer command is about; everything, if its argument is no pathname at all."""
    is_deep = False
    if verb in _LISTED_WITH_OPTIONS:
        parsed = parse_list(argument)
        argument, is_deep = parsed.pathname, _RECURSIVE in parsed.options
    try:
        return Target(Pathname.parse(argument, working_directory), is_deep)
    except PathnameError:
        return Target(ROOT, is_deep=True)


def _strictness(policy: ProtectionPolicy) -> tuple[int, int]:
    return policy.commands.value, _STRICTNESS.index(policy.data)
