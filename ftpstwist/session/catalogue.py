"""The command catalogue: one row a verb, and everything that is decided by verb.

Dispatch, the gate, FEAT, HELP, redaction in logs, the generated documentation
and the test matrix all read this table. A new verb is one row here, one
coroutine in ``commands`` and one test.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from ftpstwist.session.digest import ALGORITHM_OF_VERB
from ftpstwist.session.identity import Permission
from ftpstwist.session.policy import ProtectionRule

EXEMPT = ProtectionRule.EXEMPT
LOGIN = ProtectionRule.LOGIN
ORDINARY = ProtectionRule.ORDINARY


class Argument(Enum):
    """Whether a verb takes an argument; a breach is answered 501."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Need(Enum):
    """What must have happened before; a breach is answered 503 (530 for a login)."""

    NOTHING = "nothing"
    USER = "USER"
    RNFR = "RNFR"
    TLS = "TLS on the control connection"
    CODE = "a login, or a 332 that asked for a code"
    ACCOUNT = "a login"


class DataUse(Enum):
    """What a verb does with a data connection."""

    NONE = "none"
    PREPARES = "prepares"
    """PASV, PORT and EPRT: refused after EPSV ALL."""
    SENDS = "sends"
    RECEIVES = "receives"


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One verb.

    Attributes:
        verb: In capitals.
        syntax: What follows the verb, for HELP; empty if nothing.
        purpose: One line for HELP and the documentation.
        source: RFC and section.
        argument: Whether an argument must, may or must not follow.
        need: What must have happened before.
        data: Use of a data connection.
        protection: How the ``require`` policy looks at it.
        permission: What the account needs on the pathname it names; storage enforces it.
        takes_long: Whether ABOR ends it early although it is no transfer.
        during_transfer: Whether it is acted on while a transfer runs, instead of after it.
        keeps_restart: Whether a restart marker (REST) outlives it.
        secret: Whether its argument is hidden in every log.
        feature: Its line in FEAT (RFC 2389), if it has one.
        alias: The verb it is another name of.
    """

    verb: str
    syntax: str
    purpose: str
    source: str
    argument: Argument = Argument.NONE
    need: Need = Need.ACCOUNT
    data: DataUse = DataUse.NONE
    protection: ProtectionRule = ORDINARY
    permission: Permission | None = None
    takes_long: bool = False
    during_transfer: bool = False
    keeps_restart: bool = False
    secret: bool = False
    feature: str | None = None
    alias: str | None = None

    @property
    def is_transfer(self) -> bool:
        """Whether it moves octets over a data connection."""
        return self.data is DataUse.SENDS or self.data is DataUse.RECEIVES

    @property
    def is_abortable(self) -> bool:
        """Whether ABOR ends it early."""
        return self.is_transfer or self.takes_long


_NONE, _SOME, _MAY = Argument.NONE, Argument.REQUIRED, Argument.OPTIONAL
_READ, _LIST, _CREATE, _WRITE = Permission.READ, Permission.LIST, Permission.CREATE, Permission.WRITE

_ROWS: tuple[CommandRow, ...] = (
    # access control (RFC 959 section 4.1.1, RFC 7151)
    CommandRow("USER", "name", "name the account", "RFC 959 4.1.1", _SOME, Need.NOTHING, protection=LOGIN),
    CommandRow("PASS", "password", "prove it", "RFC 959 4.1.1", _MAY, Need.USER, protection=LOGIN, secret=True),
    CommandRow(
        "ACCT", "code", "give the second factor", "RFC 959 4.1.1", _SOME, Need.CODE, protection=LOGIN, secret=True
    ),
    CommandRow("CWD", "pathname", "change the working directory", "RFC 959 4.1.1", _SOME),
    CommandRow("CDUP", "", "change to the parent directory", "RFC 959 4.1.1"),
    CommandRow("SMNT", "pathname", "not implemented", "RFC 959 4.1.1", _MAY),
    CommandRow("REIN", "", "log out and start anew", "RFC 959 4.1.1", need=Need.NOTHING),
    CommandRow("QUIT", "", "end the session", "RFC 959 4.1.1", need=Need.NOTHING, protection=EXEMPT),
    CommandRow(
        "HOST", "name", "name the virtual host", "RFC 7151", _SOME, Need.NOTHING, protection=EXEMPT, feature="HOST"
    ),
    # security (RFC 2228, RFC 4217)
    CommandRow("AUTH", "TLS", "start TLS", "RFC 4217 4", _SOME, Need.NOTHING, protection=EXEMPT, feature="AUTH TLS"),
    CommandRow("ADAT", "data", "not used by TLS", "RFC 2228 3", _MAY, Need.NOTHING, secret=True),
    CommandRow("PBSZ", "0", "protection buffer size", "RFC 4217 9", _SOME, Need.TLS, feature="PBSZ"),
    CommandRow("PROT", "C | P", "data protection level", "RFC 4217 9", _SOME, Need.TLS, feature="PROT"),
    CommandRow("CCC", "", "take TLS off the control connection", "RFC 4217 5", feature="CCC"),
    CommandRow("MIC", "data", "not used by TLS", "RFC 2228 3", _MAY, Need.NOTHING, secret=True),
    CommandRow("CONF", "data", "not used by TLS", "RFC 2228 3", _MAY, Need.NOTHING, secret=True),
    CommandRow("ENC", "data", "not used by TLS", "RFC 2228 3", _MAY, Need.NOTHING, secret=True),
    CommandRow(
        "SSCN",
        "[ON | OFF]",
        "be the TLS client on data connections",
        "de facto",
        _MAY,
        keeps_restart=True,
        feature="SSCN",
    ),
    # transfer parameters (RFC 959 section 4.1.2, RFC 2428)
    CommandRow(
        "PORT",
        "h1,h2,h3,h4,p1,p2",
        "active data connection, IPv4",
        "RFC 959 4.1.2",
        _SOME,
        data=DataUse.PREPARES,
        keeps_restart=True,
    ),
    CommandRow("PASV", "", "passive data connection, IPv4", "RFC 959 4.1.2", data=DataUse.PREPARES, keeps_restart=True),
    CommandRow(
        "CPSV",
        "",
        "PASV with the server as the TLS client",
        "de facto",
        data=DataUse.PREPARES,
        keeps_restart=True,
        feature="CPSV",
    ),
    CommandRow(
        "EPRT",
        "|net|address|port|",
        "active data connection",
        "RFC 2428 2",
        _SOME,
        data=DataUse.PREPARES,
        keeps_restart=True,
        feature="EPRT",
    ),
    CommandRow(
        "EPSV", "[1 | 2 | ALL]", "passive data connection", "RFC 2428 3", _MAY, keeps_restart=True, feature="EPSV"
    ),
    CommandRow("TYPE", "A | I", "representation type", "RFC 959 4.1.2", _SOME, keeps_restart=True),
    CommandRow("STRU", "F", "file structure", "RFC 959 4.1.2", _SOME),
    CommandRow("MODE", "S | Z", "transfer mode", "RFC 959 4.1.2", _SOME, feature="MODE Z"),
    # file transfer (RFC 959 section 4.1.3, RFC 3659)
    CommandRow("RETR", "pathname", "send a file", "RFC 959 4.1.3", _SOME, data=DataUse.SENDS, permission=_READ),
    CommandRow("STOR", "pathname", "store a file", "RFC 959 4.1.3", _SOME, data=DataUse.RECEIVES, permission=_CREATE),
    CommandRow(
        "STOU", "[pathname]", "store under a new name", "RFC 959 4.1.3", _MAY, data=DataUse.RECEIVES, permission=_CREATE
    ),
    CommandRow(
        "APPE", "pathname", "append to a file", "RFC 959 4.1.3", _SOME, data=DataUse.RECEIVES, permission=_WRITE
    ),
    CommandRow("ALLO", "octets", "ask for space", "RFC 959 4.1.3", _SOME, keeps_restart=True),
    CommandRow("REST", "octets", "start the next transfer there", "RFC 3659 5", _SOME, feature="REST STREAM"),
    CommandRow("ABOR", "", "abort the transfer", "RFC 959 4.1.3", during_transfer=True),
    # listing (RFC 959 section 4.1.3, RFC 3659 section 7)
    CommandRow(
        "LIST", "[options] [pathname]", "list a directory", "RFC 959 4.1.3", _MAY, data=DataUse.SENDS, permission=_LIST
    ),
    CommandRow(
        "NLST", "[options] [pathname]", "list names", "RFC 959 4.1.3", _MAY, data=DataUse.SENDS, permission=_LIST
    ),
    CommandRow(
        "MLSD", "[pathname]", "list a directory for programs", "RFC 3659 7", _MAY, data=DataUse.SENDS, permission=_LIST
    ),
    CommandRow("MLST", "[pathname]", "describe one name", "RFC 3659 7", _MAY, feature="MLST"),
    # file system (RFC 959 section 4.1.3, RFC 3659, draft-somers-ftp-mfxx)
    CommandRow("PWD", "", "tell the working directory", "RFC 959 4.1.3"),
    CommandRow("MKD", "pathname", "make a directory", "RFC 959 4.1.3", _SOME, permission=_CREATE),
    CommandRow("RMD", "pathname", "remove a directory", "RFC 959 4.1.3", _SOME, permission=Permission.DELETE),
    CommandRow("DELE", "pathname", "delete a file", "RFC 959 4.1.3", _SOME, permission=Permission.DELETE),
    CommandRow("RNFR", "pathname", "rename this", "RFC 959 4.1.3", _SOME, permission=Permission.RENAME),
    CommandRow("RNTO", "pathname", "to that", "RFC 959 4.1.3", _SOME, Need.RNFR, permission=Permission.RENAME),
    CommandRow(
        "SIZE",
        "pathname",
        "tell the octets of a file",
        "RFC 3659 4",
        _SOME,
        permission=_READ,
        keeps_restart=True,
        feature="SIZE",
    ),
    CommandRow(
        "MDTM",
        "pathname",
        "tell the time of last change",
        "RFC 3659 3",
        _SOME,
        permission=_READ,
        keeps_restart=True,
        feature="MDTM",
    ),
    CommandRow(
        "MFMT",
        "time pathname",
        "set the time of last change",
        "draft-somers-ftp-mfxx 3",
        _SOME,
        permission=_WRITE,
        feature="MFMT",
    ),
    CommandRow(
        "MFF",
        "modify=time;UNIX.mode=mode; pathname",
        "set facts",
        "draft-somers-ftp-mfxx 5",
        _SOME,
        permission=_WRITE,
        feature="MFF modify;UNIX.mode;",
    ),
    CommandRow("AVBL", "[pathname]", "tell what fits in", "draft-peterson-streamlined-ftp", _MAY, feature="AVBL"),
    # digests of files (draft-bryan-ftpext-hash, draft-twine-ftpmd5, de facto)
    CommandRow(
        "HASH",
        "pathname",
        "tell the digest of a file",
        "draft-bryan-ftpext-hash",
        _SOME,
        permission=_READ,
        takes_long=True,
        feature="HASH",
    ),
    *(
        CommandRow(
            verb,
            "pathname" if verb == "MD5" else "pathname [start end]",
            f"tell the {algorithm.value} digest of a file",
            "draft-twine-ftpmd5" if verb == "MD5" else "de facto",
            _SOME,
            permission=_READ,
            takes_long=True,
            feature=verb,
        )
        for verb, algorithm in ALGORITHM_OF_VERB.items()
    ),
    # informational and miscellaneous (RFC 959 sections 4.1.3 and 4.2, RFC 2389, RFC 2640)
    CommandRow("SYST", "", "tell the kind of system", "RFC 959 4.1.3", need=Need.NOTHING, protection=EXEMPT),
    CommandRow(
        "STAT", "[pathname]", "tell the state, or list", "RFC 959 4.1.3", _MAY, Need.NOTHING, during_transfer=True
    ),
    CommandRow("HELP", "[verb]", "tell the verbs", "RFC 959 4.1.3", _MAY, Need.NOTHING, protection=EXEMPT),
    CommandRow(
        "NOOP",
        "",
        "nothing",
        "RFC 959 4.1.3",
        _MAY,
        Need.NOTHING,
        protection=EXEMPT,
        during_transfer=True,
        keeps_restart=True,
    ),
    CommandRow("FEAT", "", "tell the extensions", "RFC 2389 3", need=Need.NOTHING, protection=EXEMPT),
    CommandRow("OPTS", "verb [options]", "set options", "RFC 2389 4", _SOME, Need.NOTHING, protection=EXEMPT),
    CommandRow(
        "LANG", "[tag]", "choose the language", "RFC 2640 4", _MAY, Need.NOTHING, protection=EXEMPT, feature="LANG en*"
    ),
    CommandRow(
        "CLNT", "name", "name the client software", "de facto", _SOME, Need.NOTHING, protection=EXEMPT, feature="CLNT"
    ),
    CommandRow(
        "CSID",
        "Name=name; Version=version;",
        "exchange software names",
        "draft-peterson-streamlined-ftp",
        _SOME,
        Need.NOTHING,
        protection=EXEMPT,
        feature="CSID",
    ),
    CommandRow("SITE", "HELP | command", "commands of this server", "RFC 959 4.1.3", _SOME, takes_long=True),
)

_ALIASES = {"XCWD": "CWD", "XCUP": "CDUP", "XMKD": "MKD", "XRMD": "RMD", "XPWD": "PWD"}
"""Other names (RFC 775, RFC 1123 section 4.1.3.1)."""


def _alias(name: str, row: CommandRow) -> CommandRow:
    return replace(row, verb=name, alias=row.verb, feature=None)


CATALOGUE: dict[str, CommandRow] = {row.verb: row for row in _ROWS}
"""All rows by verb, in the order of HELP."""
CATALOGUE |= {name: _alias(name, CATALOGUE[verb]) for name, verb in _ALIASES.items()}

EXTRA_FEATURES = ("TVFS", "UTF8")
"""FEAT lines that are no verbs (RFC 3659 section 6, RFC 2640 section 3.2)."""

HIDDEN_ARGUMENT = "****"
"""What logs show instead of a secret argument."""


def shown_argument(verb: str, argument: str) -> str:
    """Return the argument as a log may show it; the argument of an unknown verb may be a mistyped password."""
    row = CATALOGUE.get(verb)
    if argument and (row is None or row.secret):
        return HIDDEN_ARGUMENT
    return argument
