"""The table ``[policy]`` and its rules: what must be protected by TLS, and by whom."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from typing import Annotated

from ftpstwist.config.form import Form, choice, describe, expected, flag, or_word, quote, text
from ftpstwist.config.form_charset import charset_form
from ftpstwist.config.form_network import Network, network
from ftpstwist.config.setting import setting
from ftpstwist.session.policy import CloseNotify, Require, SessionReuse
from ftpstwist.session.policybook import PolicyRule
from ftpstwist.wire.charset import Charset
from ftpstwist.wire.pathname import MAX_NAME_OCTETS, Pathname, PathnameError

UNSAID = "unsaid"
"""The word for "this rule does not say"."""
EITHER = "either"
"""The word for "anonymous or not"."""
_DEMANDS = (SessionReuse.PREFER, SessionReuse.REQUIRE)


def folder() -> Form[Pathname]:
    """A folder as clients see it, from the root of their home on."""
    noun, example = "a folder", ' as clients see it, such as "/secret"'

    def read(value: object) -> Pathname:
        if not isinstance(value, str) or not value.startswith("/"):
            raise expected(noun, example, value)
        try:
            return Pathname.parse(value)
        except PathnameError as error:
            cause = expected(noun, f"{example}; {describe(value)} can not be one: {error}", value)
            raise cause from None

    return Form(noun + example, read, lambda value: quote(str(value)))


Names = tuple[Annotated[str, text(most=MAX_NAME_OCTETS)], ...]


@dataclass(frozen=True, slots=True)
class PolicyRuleSettings:
    """Another policy for some clients. Repeat the table for more.

    All conditions of a rule have to hold, and of each list one entry. Rules
    are read from top to bottom: for each of ``require``, ``session_reuse``,
    ``upload_close_notify`` and ``charset``, the first rule that covers the client and says
    something decides; where none does, [policy], [tls] and [server] do. All is decided
    when the client has sent USER, before any password; a rule that names
    nothing but networks holds from the greeting on.
    """

    users: Names = setting((), "Names that clients give with USER. An empty list means everybody.")
    groups: Names = setting((), "Groups of the users file. An empty list means everybody.")
    networks: tuple[Annotated[Network, network()], ...] = setting(
        (), "Networks that clients come from. An empty list means everywhere."
    )
    anonymous: Annotated[bool | None, or_word(flag(), EITHER)] = setting(
        None, "Anonymous logins only (true), all others only (false), or both."
    )
    paths: tuple[Annotated[Pathname, folder()], ...] = setting(
        (),
        "Folders, as clients see them. The rule is then about data connections only, for files and listings there "
        'and below: "data", "!data" or "none". The pathname of the file counts, not where the client stands.',
    )
    require: Annotated[Require | None, or_word(choice(Require), UNSAID)] = setting(
        None, "What must be protected, in the words of [policy]."
    )
    session_reuse: Annotated[SessionReuse | None, or_word(choice(SessionReuse, among=_DEMANDS), UNSAID)] = setting(
        None, "As in [tls]. That no session can be resumed is settled by the handshake, before anybody says a name."
    )
    upload_close_notify: Annotated[CloseNotify | None, or_word(choice(CloseNotify), UNSAID)] = setting(
        None, "As in [policy]."
    )
    charset: Annotated[Charset | None, or_word(charset_form(), UNSAID)] = setting(None, "As in [server].")

    @property
    def rule(self) -> PolicyRule:
        """The rule itself."""
        return PolicyRule(
            users=frozenset(self.users),
            groups=frozenset(self.groups),
            networks=self.networks,
            anonymous=self.anonymous,
            paths=self.paths,
            require=None if self.require is None else self.require.policy,
            session_reuse=self.session_reuse,
            upload_close_notify=self.upload_close_notify,
            charset=self.charset,
        )


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What must be protected by TLS."""

    require: Require = setting(
        Require.ALL,
        '"all": passwords, commands and files only under TLS. "control": passwords and commands. "login": passwords. '
        '"data": files. "login+data": passwords and files, so that clients may go on in clear with CCC. '
        '"none": TLS is offered, nothing is demanded. With "!data" in place of "data", alone or behind "login+" or '
        '"control+", files must not be encrypted, for machines that can not afford it.',
    )
    upload_close_notify: CloseNotify = setting(
        CloseNotify.STRICT,
        "Whether an upload under TLS counts as complete only if the client ends it with close_notify. "
        '"strict" answers 426 otherwise, because the rest may have been cut off on the way; '
        '"lenient" is for clients that never send it.',
    )
    allow_ccc: bool = setting(
        False,
        "Let clients take TLS off the control connection with CCC, once logged in, so that a firewall or NAT can read "
        'along, where "require" does not protect all commands. Passwords and files stay as they are; commands, names '
        "and replies become readable and forgeable: a last resort.",
    )
    rules: tuple[PolicyRuleSettings, ...] = setting((), "Other policies for some clients or folders.")
