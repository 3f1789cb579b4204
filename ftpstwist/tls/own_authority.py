"""A small certificate authority: one key that signs for servers and users, and revokes (RFC 5280).

How it works: the authority is a directory with three files, ``ca.crt``,
``ca.key`` and ``ca.crl``. What it has signed is not written down anywhere: a
certificate is revoked by showing it, and the list of the revoked is the CRL
itself, which grows. Serial numbers are random.

It refuses to sign for other authorities (its path length is 0), and what it
signs never outlives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from ftpstwist.session.identity import Secret
from ftpstwist.tls.certificate import CertificatePair, load_pair
from ftpstwist.tls.selfsigned import CLOCK_SKEW, MAX_COMMON_NAME, general_name, key_usage, write_new, write_pair

AUTHORITY_DAYS = 3650
"""Validity of an authority: ten years."""
ISSUED_DAYS = 365
"""Validity of what it signs."""
AUTHORITY = "ca"
"""Name of its files, without endings."""


class AuthorityError(Exception):
    """The authority can not do that; the text says why."""


@dataclass(frozen=True, slots=True)
class ClientNames:
    """Who a client certificate is for.

    Attributes:
        common_name: The user, usually.
        emails: E-mail addresses.
        uris: URIs, such as SPIFFE identities.
    """

    common_name: str
    emails: Sequence[str] = ()
    uris: Sequence[str] = ()

    @property
    def alternatives(self) -> list[x509.GeneralName]:
        """The entries of its subjectAltName."""
        return [
            *(x509.RFC822Name(email) for email in self.emails),
            *(x509.UniformResourceIdentifier(uri) for uri in self.uris),
        ]


def make_authority(name: str, *, now: datetime, days: int = AUTHORITY_DAYS) -> CertificatePair:
    """Make an ECDSA P-256 key and a certificate that may sign others.

    Args:
        name: Its common name, as clients show it.
        now: Start of its validity, with time zone.
        days: Length of its validity.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(name)
    certificate = (
        _draft(subject, subject, key.public_key(), now, now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(key, hashes.SHA256())
    )
    return CertificatePair((certificate,), key)


class Authority:
    """An authority whose key is at hand.

    Args:
        pair: Its certificate and key.

    Raises:
        AuthorityError: The certificate is not that of an authority.
    """

    def __init__(self, pair: CertificatePair) -> None:
        try:
            constraints = pair.leaf.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            raise AuthorityError("the certificate is not that of an authority") from None
        if not constraints.ca:
            raise AuthorityError("the certificate is not that of an authority")
        self._pair = pair

    def sign_server(self, names: Sequence[str], *, now: datetime, days: int = ISSUED_DAYS) -> CertificatePair:
        """Make a key and a certificate for a server.

        Args:
            names: DNS names and IP addresses it shall be good for; at least one.
            now: Start of its validity, with time zone.
            days: Length of its validity; the authority's end is its end at the latest.

        Returns:
            The pair; its chain ends with the authority.

        Raises:
            ValueError: A name is none.
        """
        alternatives = [general_name(name) for name in names]
        return self._sign(_named(names[0]), alternatives, ExtendedKeyUsageOID.SERVER_AUTH, now, days)

    def sign_client(self, names: ClientNames, *, now: datetime, days: int = ISSUED_DAYS) -> CertificatePair:
        """Make a key and a certificate for a user; arguments and result are those of :meth:`sign_server`."""
        return self._sign(_named(names.common_name), names.alternatives, ExtendedKeyUsageOID.CLIENT_AUTH, now, days)

    def sign_crl(
        self,
        before: x509.CertificateRevocationList | None,
        revoked: Iterable[x509.Certificate] = (),
        *,
        now: datetime,
        days: int = ISSUED_DAYS,
    ) -> x509.CertificateRevocationList:
        """Make the next list of revoked certificates.

        Args:
            before: The last one; what is in it stays revoked.
            revoked: Certificates to add; those that are in it already are left as they are.
            now: When they are revoked.
            days: How long the list is good for.

        Raises:
            AuthorityError: A certificate, or the list, is not from this authority.
        """
        number = 1
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._pair.leaf.subject)
        builder = builder.last_update(now - CLOCK_SKEW).next_update(now + timedelta(days=days))
        known: set[int] = set()
        if before is not None:
            if not before.is_signature_valid(self._public_key):
                raise AuthorityError("the list of revoked certificates is not from this authority")
            number = before.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1
            for entry in before:
                known.add(entry.serial_number)
                builder = builder.add_revoked_certificate(entry)
        for certificate in revoked:
            self._require_own(certificate)
            if certificate.serial_number not in known:
                known.add(certificate.serial_number)
                entry_builder = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
                builder = builder.add_revoked_certificate(entry_builder.revocation_date(now).build())
        return (
            builder.add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._public_key), critical=False)
            .sign(self._pair.key, hashes.SHA256())
        )

    @property
    def _public_key(self) -> ec.EllipticCurvePublicKey:
        key = self._pair.leaf.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise AuthorityError("its key is not an ECDSA key, and so it was not made here")
        return key

    def _require_own(self, certificate: x509.Certificate) -> None:
        try:
            certificate.verify_directly_issued_by(self._pair.leaf)
        except Exception:  # noqa: BLE001 - there are many ways not to fit
            raise AuthorityError(f"{certificate.subject.rfc4514_string()} is not from this authority") from None

    def _sign(
        self,
        subject: x509.Name,
        alternatives: Sequence[x509.GeneralName],
        purpose: ObjectIdentifier,
        now: datetime,
        days: int,
    ) -> CertificatePair:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self._pair.leaf
        end = min(now + timedelta(days=days), issuer.not_valid_after_utc)
        builder = (
            _draft(subject, issuer.subject, key.public_key(), now, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage("digital_signature"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._public_key), critical=False)
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return CertificatePair((builder.sign(self._pair.key, hashes.SHA256()), issuer), key)


# --- files ----------------------------------------------------------------------------------------


def write_authority(pair: CertificatePair, directory: Path, *, now: datetime) -> tuple[Path, Path, Path]:
    """Write the files of a new authority, with an empty list of revoked certificates.

    Returns:
        The paths of certificate, key and list.

    Raises:
        FileExistsError: There is one already; nothing was changed.
    """
    crl_path = directory / f"{AUTHORITY}.crl"
    if crl_path.exists():
        raise FileExistsError(f"{crl_path} exists already")
    certificate_path, key_path = write_pair(pair, directory, AUTHORITY)
    write_crl(Authority(pair).sign_crl(None, now=now), crl_path)
    return certificate_path, key_path, crl_path


def read_authority(directory: Path, *, now: datetime) -> Authority:
    """Read the authority of a directory.

    Raises:
        CertificateError: Its files can not be used.
        AuthorityError: They are not those of an authority.
    """
    return Authority(load_pair(directory / f"{AUTHORITY}.crt", directory / f"{AUTHORITY}.key", now=now))


def read_crl(path: Path) -> x509.CertificateRevocationList | None:
    """Read a list of revoked certificates; ``None`` if there is no such file.

    Raises:
        AuthorityError: The file holds something else.
        OSError: It can not be read.
    """
    try:
        return x509.load_pem_x509_crl(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise AuthorityError(f"{path} holds no list of revoked certificates in PEM form") from None


def write_crl(crl: x509.CertificateRevocationList, path: Path) -> None:
    """Write a list of revoked certificates in the place of the last one, whole or not at all."""
    write_new(path, crl.public_bytes(Encoding.PEM), mode=0o644, replace=True)


def write_bundle(pair: CertificatePair, path: Path, password: Secret, *, name: str) -> None:
    """Write certificate, chain and key as one encrypted PKCS#12 file, mode 0600, as browsers and FTP clients import it.

    Raises:
        FileExistsError: There is one already.
    """
    octets = serialize_key_and_certificates(
        name.encode(), pair.key, pair.leaf, pair.chain[1:], BestAvailableEncryption(password.reveal().encode())
    )
    write_new(path, octets, mode=0o600)


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:MAX_COMMON_NAME])])


def _draft(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
