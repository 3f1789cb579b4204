"""Rules that say whose certificate is whose: one field of it, what must be there, which user that makes.

How it works: a rule looks at one field. ``exact`` compares the whole value,
``template`` takes what stands where ``{user}`` is written, ``pattern`` is a
regular expression for the whole value, whose named groups may be used in the
user's name. A distinguished name is compared attribute by attribute and never
as text: ``O=Good`` inside a value is not the attribute.

Refuses to choose: an attribute that is there twice gives no user, because
nobody can tell which of the two the authority has checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from cryptography import x509

from ftpstwist.session.certificate import DistinguishedName, PeerCertificate, write_name

MAX_VALUE_LENGTH = 1000
"""Characters of a value that a rule looks at; a longer one gives no user."""

FINGERPRINT_DIGITS = 64
"""Hexadecimal digits of a SHA-256; serial numbers are shorter, and have no leading zeros here."""

USER = "{user}"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_OID = re.compile(r"[0-2](\.\d+)+")
_SUBJECT_ATTRIBUTES = {
    "CN": "2.5.4.3",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "UID": "0.9.2342.19200300.100.1.1",
    "serialNumber": "2.5.4.5",
    "emailAddress": "1.2.840.113549.1.9.1",
}
_ALTERNATIVE_NAMES: dict[str, Callable[[PeerCertificate], tuple[str, ...]]] = {
    "email": lambda certificate: certificate.emails,
    "dns": lambda certificate: certificate.dns_names,
    "uri": lambda certificate: certificate.uris,
    "upn": lambda certificate: certificate.principals,
}
_NUMBERS: dict[str, Callable[[PeerCertificate], str]] = {
    "serial": lambda certificate: f"{certificate.serial:x}",
    "certificate": lambda certificate: certificate.fingerprint,
    "key": lambda certificate: certificate.key_fingerprint,
}
FIELDS = ("subject", *(f"subject.{name}" for name in _SUBJECT_ATTRIBUTES), *_ALTERNATIVE_NAMES, *_NUMBERS)
"""Fields a rule may look at; ``subject.`` may also be followed by the OID of an attribute, in dots."""


class Match(Enum):
    """How a value is compared; the value is the word used in the configuration."""

    EXACT = "exact"
    TEMPLATE = "template"
    PATTERN = "pattern"


class RuleError(ValueError):
    """A rule can not be what was meant.

    Args:
        cause: What is wrong with it.
        remedy: What to write.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


class NoMatch(Exception):  # noqa: N818 - an answer, no error
    """The rule gives no user; the text says why, for the log."""


_Groups = Mapping[str, str]
_Compare = Callable[[str], _Groups | None]


@dataclass(frozen=True, slots=True)
class CertificateRule:
    """One rule. Make it with :func:`read_rule`.

    Attributes:
        text: The rule in words, for logs.
        find: Returns what the matching values captured; raises :class:`NoMatch`.
        user: The user's name, with the names of groups in braces.
        issuer: Who must have issued the certificate, if anybody in particular.
    """

    text: str
    find: Callable[[PeerCertificate], list[_Groups]]
    user: str
    issuer: DistinguishedName | None

    def users_of(self, certificate: PeerCertificate) -> frozenset[str]:
        """Return the users it makes of a certificate: one, or several if several alternative names match.

        Raises:
            NoMatch: None.
        """
        if self.issuer is not None and certificate.issuer != self.issuer:
            raise NoMatch(f"it was issued by {write_name(certificate.issuer)}")
        found = self.find(certificate)
        return frozenset(_fill(self.user, groups) for groups in found)


def read_rule(*, field: str, match: Match, value: str, user: str = USER, issuer: str | None = None) -> CertificateRule:
    """Make a rule of what the configuration says.

    Args:
        field: One of :data:`FIELDS`, or ``subject.`` and an OID.
        match: How to compare.
        value: With what.
        user: Template of the user's name.
        issuer: Distinguished name (RFC 4514) of the only issuer it holds for.

    Raises:
        RuleError: It can not be.
    """
    required = None if issuer is None else _parse_name(issuer)
    if field == "serial" and required is None:
        raise RuleError("a serial number says nothing without its issuer", "Write the issuer's name beside it")
    groups = _names_of_groups(match, value)
    if unknown := set(_PLACEHOLDER.findall(user)) - groups:
        remedy = "Write the name of the user" if match is Match.EXACT else f"Use {_in_braces(groups)}"
        raise RuleError(f"nothing in the value fills {_in_braces(unknown)}", remedy)
    text = f'{field} {match.value} "{value}"' + (f' of issuer "{issuer}"' if issuer else "")
    return CertificateRule(text, _finder(field, match, value), user, required)


def _fill(template: str, groups: _Groups) -> str:
    return _PLACEHOLDER.sub(lambda name: groups[name[1]], template)


def _finder(field: str, match: Match, value: str) -> Callable[[PeerCertificate], list[_Groups]]:
    kind, _, attribute = field.partition(".")
    if field == "subject":
        return _whole_name(match, value)
    if kind == "subject":
        oid = _SUBJECT_ATTRIBUTES.get(attribute, attribute)
        if not _OID.fullmatch(oid):
            raise RuleError(f"there is no attribute {attribute}", "Write its OID in dots, such as subject.2.5.4.12")
        return _single(lambda certificate: certificate.attributes(oid), _comparison(match, value))
    if field in _ALTERNATIVE_NAMES:
        return _any_of(_ALTERNATIVE_NAMES[field], _comparison(match, value))
    if field not in _NUMBERS:
        raise RuleError(f"a certificate has no field {field}", f"Known are: {', '.join(FIELDS)}")
    if match is not Match.EXACT:
        raise RuleError("a number is compared as a whole", 'Write match = "exact"')
    number, read = _parse_number(value), _NUMBERS[field]
    if field != "serial" and len(number) != FINGERPRINT_DIGITS:
        raise RuleError("this is no SHA-256 fingerprint", 'Write the 64 digits that "ftpstwist check-cert" shows')
    return _single(lambda certificate: (read(certificate),), lambda found: {} if found == number else None)


def _single(values: Callable[[PeerCertificate], tuple[str, ...]], compare: _Compare) -> Callable[..., list[_Groups]]:
    def find(certificate: PeerCertificate) -> list[_Groups]:
        found = values(certificate)
        if not found:
            raise NoMatch("the certificate has no such field")
        if len(found) > 1:
            raise NoMatch(f"the certificate has {len(found)} of them, which is ambiguous")
        return _matching(found, compare)

    return find


def _any_of(values: Callable[[PeerCertificate], tuple[str, ...]], compare: _Compare) -> Callable[..., list[_Groups]]:
    def find(certificate: PeerCertificate) -> list[_Groups]:
        found = values(certificate)
        if not found:
            raise NoMatch("the certificate has no such field")
        return _matching(found, compare)

    return find


def _matching(found: tuple[str, ...], compare: _Compare) -> list[_Groups]:
    matching = [groups for value in found if len(value) <= MAX_VALUE_LENGTH and (groups := compare(value)) is not None]
    if not matching:
        raise NoMatch(f"the certificate has {', '.join(ascii(value[:100]) for value in found[:10])}")
    return matching


def _whole_name(match: Match, value: str) -> Callable[[PeerCertificate], list[_Groups]]:
    if match is Match.PATTERN:
        raise RuleError(
            "a whole name is no text that a pattern could be sure about", "Use a template, or a pattern for one field"
        )
    wanted = [[(oid, _comparison(_kind(match, text), text)) for oid, text in part] for part in _parse_name(value)]

    def find(certificate: PeerCertificate) -> list[_Groups]:
        groups = _compare_names(certificate.subject, wanted)
        if groups is None:
            raise NoMatch(f"the certificate has {write_name(certificate.subject)}")
        return [groups]

    return find


def _kind(match: Match, text: str) -> Match:
    return match if USER in text else Match.EXACT


def _compare_names(name: DistinguishedName, wanted: list[list[tuple[str, _Compare]]]) -> _Groups | None:
    if [[oid for oid, _ in part] for part in name] != [[oid for oid, _ in part] for part in wanted]:
        return None
    groups: dict[str, str] = {}
    for part, comparisons in zip(name, wanted, strict=True):
        for (_, value), (_, compare) in zip(part, comparisons, strict=True):
            captured = compare(value) if len(value) <= MAX_VALUE_LENGTH else None
            if captured is None:
                return None
            groups |= captured
    return groups


def _comparison(match: Match, value: str) -> _Compare:
    if match is Match.EXACT:
        return lambda found: {} if found == value else None
    if match is Match.TEMPLATE:
        before, _, after = value.partition(USER)
        compiled = re.compile(f"{re.escape(before)}(?P<user>.+){re.escape(after)}", re.DOTALL)
    else:
        compiled = re.compile(value)

    def compare(found: str) -> _Groups | None:
        matched = compiled.fullmatch(found)
        return None if matched is None else matched.groupdict("")

    return compare


def _names_of_groups(match: Match, value: str) -> set[str]:
    """Return the names that the value captures; refuse one that is not of its kind."""
    if match is Match.EXACT:
        return set()
    if match is Match.TEMPLATE:
        if value.count(USER) != 1:
            raise RuleError(f"a template holds {USER} once", f'Write something like "{USER}@example.org"')
        return {"user"}
    try:
        return set(re.compile(value).groupindex)
    except re.error as error:
        raise RuleError(f"it is no regular expression: {error}", "Correct it; groups are (?P<user>…)") from None


def _parse_name(text: str) -> DistinguishedName:
    try:
        name = x509.Name.from_rfc4514_string(text)
    except ValueError:
        raise RuleError(
            f'"{text}" is no distinguished name', 'Write it as "ftpstwist check-cert" shows it: "CN=alice,O=Example"'
        ) from None
    return tuple(tuple(sorted((each.oid.dotted_string, str(each.value)) for each in part)) for part in name.rdns)


def _parse_number(text: str) -> str:
    digits = text.lower().replace(":", "").removeprefix("0x")
    if not re.fullmatch("[0-9a-f]+", digits):
        raise RuleError(f'"{text}" is no hexadecimal number', "Write it as openssl prints it; colons do not matter")
    return digits if len(digits) == FINGERPRINT_DIGITS else f"{int(digits, 16):x}"


def _in_braces(names: set[str]) -> str:
    return " and ".join(sorted(f"{{{name}}}" for name in names)) or "no name in braces"
