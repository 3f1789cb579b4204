"""What a client's certificate says about its holder (RFC 5280), as plain values.

Read once, by the tls room, when the control connection has shaken hands; the
login looks at nothing else. Names are kept attribute by attribute: two names
that look alike when printed are not the same for that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address

RelativeName = tuple[tuple[str, str], ...]
"""One part of a distinguished name: pairs of an attribute's OID in dots and its value, sorted; mostly one pair."""
DistinguishedName = tuple[RelativeName, ...]
"""A distinguished name, from the root of the tree down, as the certificate holds it."""


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """The certificate that a client showed, and proved to have the key of.

    Attributes:
        der: The certificate itself.
        fingerprint: SHA-256 of it, in lower-case hex.
        key_fingerprint: SHA-256 of its SubjectPublicKeyInfo, in lower-case hex; stays when it is renewed for one key.
        trusted: Whether an authority that we trust vouches for it. If not, it says nothing but its key.
        subject: Whom it was made out to.
        issuer: By whom.
        serial: Number the issuer gave it.
        emails: Addresses among its alternative names, as written.
        dns_names: Host names among them, in lower case.
        uris: URIs among them, as written.
        addresses: IP addresses among them, in their shortest form.
        principals: User principal names among them (the otherName that Microsoft's directories use).
        not_before: Begin of its validity, in seconds since the epoch.
        not_after: End of its validity, in seconds since the epoch.
        purposes: OIDs of its extended key usage; ``None`` if it is not restricted.
        issuer_der: The certificate of its issuer, as the verification found it; ``None`` if there is none to be had.
    """

    der: bytes = field(repr=False)
    fingerprint: str
    key_fingerprint: str
    trusted: bool
    subject: DistinguishedName
    issuer: DistinguishedName
    serial: int
    not_before: float
    not_after: float
    emails: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    purposes: frozenset[str] | None = None
    issuer_der: bytes | None = field(default=None, repr=False)

    def attributes(self, oid: str) -> tuple[str, ...]:
        """Return the values of an attribute of the subject, given by its OID in dots."""
        return tuple(value for part in self.subject for kind, value in part if kind == oid)


class AddressMatch(Enum):
    """Whether a client has to come from an address in its certificate; the value is the word of the configuration."""

    IGNORE = "ignore"
    """No."""
    LOG = "log"
    """No, but the log tells when it does not."""
    REQUIRE = "require"
    """Yes: whoever comes from elsewhere is not listened to."""


def address_objection(certificate: PeerCertificate | None, peer: str) -> str | None:
    """Return why a client at *peer* is not where its certificate says (RFC 5280 section 4.2.1.6); ``None`` if it is."""
    if certificate is None:
        return "the client's certificate can not be read"
    if str(ip_address(peer.partition("%")[0])) in certificate.addresses:
        return None
    named = " or ".join(certificate.addresses) or "no address"
    return f"the certificate of {write_name(certificate.subject)!a} is for {named}, not for {peer}"


_SHORT_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.6": "C",
    "2.5.4.9": "STREET",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
"""The attributes that RFC 4514 section 3 abbreviates."""
_ESCAPED = frozenset('"+,;<>\\')


def write_name(name: DistinguishedName) -> str:
    """Return a distinguished name as text (RFC 4514): the most particular part first."""
    return ",".join(
        "+".join(f"{_SHORT_NAMES.get(oid, oid)}={_escape(value)}" for oid, value in part) for part in reversed(name)
    )


def _escape(value: str) -> str:
    escaped = "".join(f"\\{letter}" if letter in _ESCAPED else letter for letter in value)
    if escaped[:1] in {" ", "#"}:
        escaped = f"\\{escaped}"
    if value.endswith(" ") and len(value) > 1:
        escaped = f"{escaped[:-1]}\\ "
    return "".join(f"\\{ord(letter):02X}" if letter < " " else letter for letter in escaped)
