"""The table ``[tls]``: certificates, versions, cipher suites and the binding of data connections."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ftpstwist.config.form import choice, or_word, path, word
from ftpstwist.config.form_numbers import seconds
from ftpstwist.config.setting import required, setting
from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls.policy import Profile, TlsVersion

PROFILE = "profile"
"""The word for "what the profile says"."""

HostPath = Annotated[Path, path()]
CipherList = Annotated[
    str | None,
    or_word(word("a list of ciphers", ", by OpenSSL's names with colons between", r"[A-Za-z0-9_:+!@=.-]+"), PROFILE),
]


@dataclass(frozen=True, slots=True)
class CertificateSettings:
    """One certificate with its key. Repeat the table for more: RSA beside ECDSA, or other names.

    A client that names a host (SNI) gets the certificate with that name;
    others get the first one.
    """

    certificate: HostPath = required(
        "PEM file with the certificate and the intermediate ones: the full chain.", example='"fullchain.pem"'
    )
    key: HostPath = required("PEM file with the private key, mode 0600.", example='"privkey.pem"')
    passphrase_file: Annotated[Path | None, or_word(path())] = setting(
        None, "File whose first line unlocks the private key, mode 0600."
    )


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """TLS on control and data connections.

    Without any [[tls.certificates]] the server makes itself a certificate,
    good for tests, and keeps it in the state directory.
    """

    profile: Profile = setting(
        Profile.INTERMEDIATE,
        '"intermediate": TLS 1.2 and 1.3, with forward secrecy and authenticated encryption only. '
        '"modern": TLS 1.3 only.',
    )
    minimum: Annotated[TlsVersion | None, or_word(choice(TlsVersion), PROFILE)] = setting(
        None, "Oldest version spoken. Nothing older than 1.2 is to be had (RFC 8996)."
    )
    ciphers: CipherList = setting(None, "Cipher suites of TLS 1.2, in place of those of the profile.")
    ciphersuites: CipherList = setting(None, "Cipher suites of TLS 1.3, in place of those of the profile.")
    session_reuse: SessionReuse = setting(
        SessionReuse.PREFER,
        "Whether data connections have to resume the TLS session of their control connection, which proves that "
        'they belong to it. "prefer": those that do not must at least come from the same address. "require": others '
        'are refused with 522; that shuts out Python\'s ftplib and "curl -Z". "off": no session can be resumed.',
    )
    handshake_timeout: Annotated[float, seconds(least=1, most=300)] = setting(
        10.0, "Longest TLS handshake, on control and data connections."
    )
    certificates: tuple[CertificateSettings, ...] = setting((), "The certificates.")
