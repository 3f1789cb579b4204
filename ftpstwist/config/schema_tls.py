"""The table ``[tls]``: certificates, versions, cipher suites and the binding of data connections."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ftpstwist.config.form import choice, or_word, path, text, word
from ftpstwist.config.form_numbers import seconds
from ftpstwist.config.schema_clients import ClientCertificateSettings
from ftpstwist.config.setting import setting, table
from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls.policy import SAFE_VERSIONS, Profile, TlsVersion

PROFILE = "profile"
"""The word for "what the profile says"."""

OptionalPath = Annotated[Path | None, or_word(path())]
CipherList = Annotated[
    str | None,
    or_word(word("a list of ciphers", ", by OpenSSL's names with colons between", r"[A-Za-z0-9_:+!@=.-]+"), PROFILE),
]


@dataclass(frozen=True, slots=True)
class CertificateSettings:
    """One certificate with its key. Repeat the table for more: RSA beside ECDSA, or other names.

    A client that names a host (SNI) gets the certificate with that name;
    others get the first one. A key that is locked needs one of the four
    sources of a passphrase; nobody is ever asked for it at a terminal.
    """

    certificate: OptionalPath = setting(
        None, "PEM file with the certificate and the intermediate ones: the full chain.", example='"fullchain.pem"'
    )
    key: OptionalPath = setting(None, "PEM file with the private key, mode 0600.", example='"privkey.pem"')
    bundle: OptionalPath = setting(
        None, "PKCS#12 file (.p12, .pfx) with certificate, chain and key, mode 0600; in place of the other two."
    )
    passphrase_file: OptionalPath = setting(None, "File whose first line unlocks the key, mode 0600.")
    passphrase_variable: Annotated[
        str | None,
        or_word(word("the name of an environment variable", ' such as "FTPS_KEY"', r"[A-Za-z_][A-Za-z0-9_]*")),
    ] = setting(None, "Environment variable that unlocks the key.")
    passphrase_credential: Annotated[
        str | None, or_word(word("the name of a credential", ' such as "ftps-key"', r"[A-Za-z0-9_][A-Za-z0-9_.-]*"))
    ] = setting(None, "Credential of systemd (LoadCredential=) whose first line unlocks the key.")
    passphrase_command: tuple[Annotated[str, text()], ...] = setting(
        (),
        "Command whose first line of output unlocks the key: program and arguments, one by one; no shell is there "
        "to split them. It has 10 seconds, no input and no terminal, and is run at every reload.",
    )
    staple: OptionalPath = setting(
        None,
        "OCSP response for the certificate, DER, stapled to handshakes while it is valid. Something else has to fetch "
        "it; the server never does.",
    )

    @property
    def passphrase_sources(self) -> tuple[str, ...]:
        """Names of the settings that say where a passphrase comes from; more than one is a mistake."""
        given = {
            "passphrase_file": self.passphrase_file,
            "passphrase_variable": self.passphrase_variable,
            "passphrase_credential": self.passphrase_credential,
            "passphrase_command": self.passphrase_command or None,
        }
        return tuple(name for name, value in given.items() if value is not None)

    @property
    def secret_files(self) -> tuple[tuple[str, Path], ...]:
        """Names of the settings that name a file with a secret, and the files."""
        given = {"key": self.key, "bundle": self.bundle, "passphrase_file": self.passphrase_file}
        return tuple((name, file) for name, file in given.items() if file is not None)

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that it names."""
        given = (self.certificate, self.key, self.bundle, self.passphrase_file, self.staple)
        return tuple(file for file in given if file is not None)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """TLS on control and data connections.

    Without any [[tls.certificates]] the server makes itself a certificate,
    good for tests, and keeps it in the state directory.
    """

    profile: Annotated[Profile, choice(Profile, among=(Profile.MODERN, Profile.INTERMEDIATE))] = setting(
        Profile.INTERMEDIATE,
        '"intermediate": TLS 1.2 and 1.3, with forward secrecy and authenticated encryption only. '
        '"modern": TLS 1.3 only. For old devices there is [[server.legacy]].',
    )
    minimum: Annotated[TlsVersion | None, or_word(choice(TlsVersion, among=SAFE_VERSIONS), PROFILE)] = setting(
        None, "Oldest version spoken. Nothing older than 1.2 is to be had (RFC 8996)."
    )
    ciphers: CipherList = setting(None, "Cipher suites of TLS 1.2, in place of those of the profile.")
    ciphersuites: CipherList = setting(None, "Cipher suites of TLS 1.3, in place of those of the profile.")
    session_reuse: SessionReuse = setting(
        SessionReuse.PREFER,
        "Whether data connections have to resume the TLS session of their control connection, which proves that "
        'they belong to it. "prefer": those that do not must at least come from the same address. "require": others '
        "are refused with 522; that shuts out Python's ftplib, Java's Commons Net and Perl's Net::FTP, which do not "
        'resume it by themselves, and "curl -Z" and parallel transfers of rclone, which mix up the sessions of their '
        'connections. "off": no session can be resumed.',
    )
    handshake_timeout: Annotated[float, seconds(least=1, most=300)] = setting(
        10.0, "Longest TLS handshake, on control and data connections."
    )
    watch_interval: Annotated[float | None, or_word(seconds(least=0.1, most=86400), "never")] = setting(
        30.0,
        "How often the certificate files are looked at. New ones are used as soon as they have not changed for so long "
        'and are good; bad ones are told once and not used. "never": at SIGHUP only.',
    )
    sni_strict: bool = setting(
        False,
        "Refuse clients that give TLS a name (SNI) that is none of ours: not in a certificate, in host_names, or in "
        "[[hosts]]. Otherwise they get the first certificate and the default host. Addresses, and no name, always do.",
    )
    clients: ClientCertificateSettings = table(ClientCertificateSettings)
    certificates: tuple[CertificateSettings, ...] = setting((), "The certificates.")
