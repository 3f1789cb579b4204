"""TLS on the control connection: contexts, AUTH, the handshake and what went wrong in it (RFC 4217 section 4)."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass
from pathlib import Path

from ftpstwist.cli.doctor.certificate import judge_certificate
from ftpstwist.cli.doctor.control import AUTH_ACCEPTED, ControlConnection, Place, open_encrypted, words
from ftpstwist.cli.doctor.finding import Finding, Findings, note, ok, problem, quoted, said
from ftpstwist.cli.doctor.patience import Patience

_TLS_OFF = (
    "On the server: switch TLS on and give it a certificate (ProFTPD TLSEngine on; vsftpd ssl_enable=YES; "
    "Pure-FTPd TLS 1 or 2)"
)
_CAUSES = (
    (
        ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"),
        "the answer was no TLS",
        "Something between changes the connection: switch off the FTP inspection of firewalls and routers",
    ),
    (("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION"), "no common TLS version", "On the server: allow TLS 1.2 and 1.3"),
    (
        ("HANDSHAKE_FAILURE", "NO_SHARED_CIPHER"),
        "no common cipher suite, or no usable certificate",
        "On the server: remove restrictions of ciphers, and check that certificate and key fit them",
    ),
    (
        ("DH_KEY_TOO_SMALL",),
        "the server's Diffie-Hellman group is too small",
        "On the server: use 2048 bits or more, or ECDHE",
    ),
    (
        ("KEY_TOO_SMALL", "MD_TOO_WEAK"),
        "the key or the signature of the certificate is too weak",
        "On the server: a new certificate, RSA with 2048 bits or ECDSA, signed with SHA-256",
    ),
    (
        ("UNSAFE_LEGACY_RENEGOTIATION",),
        "the server does not know secure renegotiation (RFC 5746)",
        "On the server: a newer TLS library",
    ),
    (
        ("CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA"),
        "the server wants a client certificate",
        "In the client: give it a certificate that the server's CA has signed",
    ),
    (
        ("UNRECOGNIZED_NAME",),
        "the server does not know this host name",
        "Use a name of its certificate, or add this one to the server's virtual hosts",
    ),
    (
        ("INTERNAL_ERROR",),
        "the server failed inside",
        "See the server's log: often it can not read its key or certificate",
    ),
)


def trusting_context() -> ssl.SSLContext:
    """Return a context that takes every certificate: the doctor looks at it by itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def verifying_context(authorities: Path | None = None) -> ssl.SSLContext:
    """Return a context that takes certificates of known authorities only; names are compared elsewhere.

    Args:
        authorities: PEM file with further certificates to trust.

    Raises:
        OSError: The file can not be read, or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_default_certs()
    if authorities is not None:
        context.load_verify_locations(authorities)
    return context


def obsolete_context() -> ssl.SSLContext:
    """Return a context that speaks nothing newer than TLS 1.1."""
    context = trusting_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@dataclass(frozen=True, slots=True)
class Encrypted:
    """The control connection under TLS, with the context that its data connections have to use."""

    control: ControlConnection
    context: ssl.SSLContext


def ask_for_tls(place: Place, patience: Patience) -> Findings[bool]:
    """FEAT and AUTH TLS in clear: whether the server is willing."""
    with ControlConnection(place, patience) as control:
        control.reply()
        features = control.do("FEAT")
        if not features.is_positive:
            yield note("features", f"FEAT is not known: {said(features)}")
        elif not any("AUTH" in line.upper() for line in features.lines):
            yield note("features", "FEAT does not name AUTH TLS; careful clients do not try it then")
        else:
            yield ok("features", "FEAT names AUTH TLS")
        answer = control.do("AUTH TLS")
    if answer.code == AUTH_ACCEPTED:
        yield ok("AUTH TLS", said(answer))
        return True
    yield problem("AUTH TLS", f"refused: {said(answer)}", _TLS_OFF)
    yield note("login", "not tried: the password would go through the net in clear")
    return False


def shake_hands(place: Place, trust: ssl.SSLContext, patience: Patience) -> Findings[Encrypted | None]:
    """Put TLS on, with the certificate verified if that works, else without."""
    complaint, context = "", trust
    try:
        control = open_encrypted(place, context, patience)
    except ssl.SSLCertVerificationError as error:
        complaint = error.verify_message
        context = trusting_context()
        try:
            control = open_encrypted(place, context, patience)
        except OSError as again:
            yield explain(again)
            return None
    except OSError as error:
        yield explain(error)
        return None
    yield from _describe(control)
    yield from judge_certificate(control.tls.getpeercert(binary_form=True) or b"", place.host, complaint)
    return Encrypted(control, context)


def _describe(control: ControlConnection) -> Findings[None]:
    version = control.tls.version()
    cipher = (control.tls.cipher() or ("unknown cipher",))[0]
    group = getattr(control.tls, "group", str)()  # Python 3.15 and later know it
    yield ok("handshake", ", ".join(filter(None, (version, cipher, group))))
    if version != "TLSv1.3" and not cipher.startswith(("ECDHE", "DHE")):
        yield problem(
            "handshake",
            "no forward secrecy: whoever steals the key can read recorded sessions",
            "On the server: allow ECDHE cipher suites",
        )


def explain(error: OSError, step: str = "handshake") -> Finding:
    """Say why a handshake failed, and what to do."""
    if isinstance(error, TimeoutError):
        return problem(step, "no answer to the ClientHello", "Switch off the FTP inspection of firewalls in between")
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return problem(
            step,
            "the server closed the connection in the middle",
            "See the server's log: often it can not use its certificate",
        )
    reason = str(getattr(error, "reason", None) or "").upper()
    for signs, cause, remedy in _CAUSES:
        if any(sign in reason for sign in signs):
            return problem(step, f"{cause} ({words(error)})", remedy)
    return problem(step, f"it failed: {quoted(words(error))}", "See the server's log")
