r"""The grammar of FTP: one compiled pattern for each rule, under the rule's name and section.

Use every pattern with ``fullmatch``: ``$`` would let a line feed pass. Digits
are ``[0-9]``, never ``\d``, which knows the digits of all scripts. No pattern
can take more than quadratic time, and all of them see one command line at most.

Patterns say what is well-formed; what a well-formed text means, and whether it
is wanted, is decided by the modules that use them.
"""

from __future__ import annotations

import re

# --- commands -------------------------------------------------------------------------------------

COMMAND = re.compile(r"(?P<verb>[A-Za-z][A-Za-z0-9]{0,15})(?: (?P<argument>.*))?", re.DOTALL)
"""RFC 959 section 5.3: ``verb [SP argument]``. Digits, and more than four letters, for XSHA256 and its like.

The one space is a separator, everything behind it is the argument (RFC 2640 section 3.1).
"""

SUBCOMMAND = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9-]{0,31})(?: (?P<argument>.*))?", re.DOTALL)
"""SITE (RFC 959 section 4.1.3) and OPTS (RFC 2389 section 4): a word, then what belongs to it."""

# --- numbers --------------------------------------------------------------------------------------

DECIMAL = re.compile(r"[0-9]{1,19}")
"""RFC 959 section 5.3.2 ``decimal-integer``; 19 digits hold every number below 2^63."""

ALLOCATION = re.compile(r"(?P<octets>[0-9]{1,19})(?: [Rr] [0-9]{1,19})?")
"""RFC 959 section 5.3.1: ``ALLO <SP> <decimal-integer> [<SP> R <SP> <decimal-integer>]``."""

TIME_VAL = re.compile(
    r"(?P<year>[1-9][0-9]{3})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?"
)
"""RFC 3659 section 2.3 ``time-val``: ``14DIGIT [ "." 1*DIGIT ]``, years 1000 to 9999."""

TIMED_PATHNAME = re.compile(r"(?P<time>[0-9]{14}(?:\.[0-9]+)?) (?P<pathname>.+)", re.DOTALL)
"""MFMT (draft-somers-ftp-mfxx section 3.1): ``time-val SP pathname``; also MDTM where it sets a time."""

# --- transfer parameters --------------------------------------------------------------------------

TYPE_CODE = re.compile(r"[AaEe](?: [NnTtCc])?|[Ii]|[Ll] [0-9]{1,3}")
"""RFC 959 section 5.3.2 ``type-code``."""

STRUCTURE_CODE = re.compile(r"[FfRrPp]")
"""RFC 959 section 5.3.2 ``structure-code``."""

MODE_CODE = re.compile(r"[SsBbCcZz]")
"""RFC 959 section 5.3.2 ``mode-code``, and ``Z`` (draft-preston-ftpext-deflate)."""

MODE_OPTION = re.compile(r" *[Zz] +[Ll][Ee][Vv][Ee][Ll] +(?P<level>[0-9]) *")
"""draft-preston-ftpext-deflate section 3: ``OPTS MODE Z LEVEL n``; of its other options none is in use."""

PROT_CODE = re.compile(r"[A-Za-z]")
"""RFC 2228 section 3 ``prot-code``: any letter here, so that unknown ones are told from garbage."""

# --- addresses ------------------------------------------------------------------------------------

HOST_PORT = re.compile(r"([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3})")
"""RFC 959 section 5.3.2 ``host-port``."""

EPRT = re.compile(
    r"(?P<d>[!-~])(?P<net_prt>[0-9]{1,5})(?P=d)(?P<net_addr>[^%\n]{1,64})(?P=d)(?P<tcp_port>[0-9]{1,5})(?P=d)"
)
"""RFC 2428 section 2: ``<d><net-prt><d><net-addr><d><tcp-port><d>``, ``<d>`` any of ASCII 33 to 126. No zone."""

EPSV = re.compile(r"(?:[0-9]{1,5}|[Aa][Ll][Ll])?")
"""RFC 2428 section 3: nothing, ``<net-prt>`` or ``ALL``."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
"""RFC 7151 section 3.1 ``domain``, with the lengths of RFC 1035 section 2.3.4."""

IP_LITERAL = re.compile(r"\[(?P<ipv6>[0-9A-Fa-f:.]{2,45})\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
"""RFC 7151 section 3.1 ``IP-literal``: IPv6 in brackets, IPv4 without. Four numbers are never a domain."""

# --- listings and options -------------------------------------------------------------------------

LIST_OPTION = re.compile(r"-[A-Za-z1]+|--[A-Za-z][A-Za-z-]*")
"""De facto: options of ``ls`` before the pathname of LIST and NLST."""

FACT_LIST = re.compile(r"(?:[A-Za-z0-9./-]{1,64};)*(?:[A-Za-z0-9./-]{1,64})?")
"""RFC 3659 section 7.9 ``1*( factname ";" )``; the last semicolon may be missing, as clients do."""

NOT_SCHAR = re.compile(r"""[^A-Za-z0-9,.:!@#$%^&()\-_+?/\\'"=]""")
"""RFC 3659 section 2.1: what is not ``SCHAR`` can not stand in the value of a fact."""

NOT_IN_COLUMN = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udc7f\udd00-\udfff]")
"""De facto: what would tear the columns of a LIST line apart, or can not be encoded at all."""

NOT_IN_REPLY = re.compile(r"[\n\x00\ud800-\udc7f\udd00-\udfff]")
"""RFC 959 section 4.2: what would end a line of a reply too early, or can not be encoded. A CR is padded instead."""

NOT_LISTABLE = re.compile(r"[\r\n\x00\ud800-\udc7f\udd00-\udfff]")
"""RFC 3659 section 2.2: what no name on a data connection can hold. Escaped octets are U+DC80 to U+DCFF."""

ESCAPED_CHARACTER = re.compile(r"\{U\+(?P<number>(?:10|0?[0-9A-F])?[0-9A-F]{4})\}")
"""Of our own: a character that the client's character set does not have."""

LANGUAGE_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,7}")
"""RFC 2640 section 4.1 ``lang-tag``."""

CHANGED_FACTS = re.compile(r"(?P<facts>(?:[A-Za-z0-9./-]{1,64}=[A-Za-z0-9.]{1,64};){1,8}) (?P<pathname>.+)", re.DOTALL)
"""MFF (draft-somers-ftp-mfxx section 5.1): ``1*( fact "=" value ";" ) SP pathname``, with the values that are known."""

MODE_FACT = re.compile(r"[0-7]{1,4}")
"""Fact ``UNIX.mode``: octal."""

# --- SITE -----------------------------------------------------------------------------------------

CHMOD = re.compile(r"(?P<mode>[0-7]{1,4}) (?P<pathname>.+)", re.DOTALL)
"""De facto: ``SITE CHMOD SP octal SP pathname``."""

PART_OF_FILE = re.compile(r"(?P<pathname>.+) (?P<start>[0-9]{1,19}) (?P<end>[0-9]{1,19})", re.DOTALL)
"""De facto: ``XCRC SP pathname [SP start SP end]``, and its like."""

TWO_PATHNAMES = re.compile(
    r'"(?P<quoted>[^"]+)" "(?P<other>[^"]+)"|(?P<first>[^ "][^ ]*) (?P<second>[^ "][^ ]*)', re.DOTALL
)
"""De facto: ``SITE COPY`` and ``SITE SYMLINK``; a pathname with a space needs quotes around both."""

UTIME_BEFORE = re.compile(r"(?P<time>[0-9]{12}(?:[0-9]{2})?) (?P<pathname>.+)", re.DOTALL)
"""De facto: ``SITE UTIME SP YYYYMMDDhhmm[ss] SP pathname``."""

UTIME_BEHIND = re.compile(r"(?P<pathname>.+) [0-9]{14} (?P<modified>[0-9]{14}) [0-9]{14} [Uu][Tt][Cc]", re.DOTALL)
"""De facto: ``SITE UTIME SP pathname SP atime SP mtime SP ctime SP UTC``."""
