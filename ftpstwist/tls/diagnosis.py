"""Why a handshake failed, in words an operator can act on (RFC 8446 section 6.2, RFC 4217 section 10).

How it works: OpenSSL gives a short reason («no shared cipher»), the first
octets of the client say what it offered, the policy says what was asked for.
One small function for each kind of failure puts the three together into a
``TlsError``: what happened, what to change and where, what was offered.

Pure text: nothing here touches a connection. It refuses to quote what a client
sent in clear, beyond the first word: a password may be behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ftpstwist.interfaces import TlsError
from ftpstwist.tls import codepoints
from ftpstwist.tls.clienthello import HANDSHAKE_RECORD, ClientHello, parse_client_hello, shorten

NO_OCTET = "the client sent no octet"
"""Cause of a connection that ended before it began: a health check or a port scan."""

_UNTRUSTED = (
    "make the client trust the certificate's issuer (or, if it is self-signed, its fingerprint); "
    "check that the chain in the certificate file is complete"
)
_ALERTS = {
    "unknown ca": ("the client does not know the issuer of our certificate", _UNTRUSTED),
    "bad certificate": (
        "the client does not accept our certificate",
        "check that the client connects by a name the certificate holds, and trusts its issuer",
    ),
    "certificate expired": ("the client says that our certificate has expired", "renew it; check both clocks"),
    "certificate revoked": ("the client says that our certificate is revoked", "replace it"),
    "certificate unknown": ("the client does not accept our certificate", _UNTRUSTED),
    "unsupported certificate": (
        "the client can not use the type of our certificate",
        "add a certificate of another key type (RSA beside ECDSA)",
    ),
    "unrecognized name": ("the client says that our certificate is for another name", "get one for that name"),
    "protocol version": ("the client refused the protocol version", "update the client"),
    "insufficient security": ("the client wants stronger suites than ours", "use the profile «intermediate»"),
    "handshake failure": ("the client found nothing acceptable in our answer", "compare suites and groups"),
    "inappropriate fallback": (
        "the client fell back to an older version although both know a newer one",
        "look for a device in between that breaks TLS handshakes",
    ),
    "access denied": ("the client refused the connection", "look into the client's log"),
    "user cancelled": ("the user of the client cancelled the handshake", ""),
    "internal error": ("the client had an internal error", "look into the client's log"),
}
"""Words of an alert from the client, cause, remedy."""

_NO_RECORD = ("bad record type", "wrong version number", "unexpected record", "packet length too long", "http request")
"""What OpenSSL says of octets that are no TLS, once a connection is protected."""

_TLS_1_3 = 0x0304
_MIDDLEBOX = (
    "look into the client's log; if there is nothing, a firewall that inspects FTP may be in between: "
    "switch its inspection off or use implicit TLS"
)
_OUR_CHOICE = ("no shared cipher", "no suitable signature algorithm", "no suitable key share", "no suitable groups")
_TOO_OLD = ("unsupported protocol", "version too low", "no protocols available")
_FTP_WORD = re.compile(rb"[A-Za-z]{3,4}(?=[ \r\n])")
_OTHER_PROTOCOLS = (
    (re.compile(rb"(GET|PUT|HEAD|POST|PATCH|DELETE|OPTIONS|CONNECT|TRACE) "), "HTTP"),
    (re.compile(rb"SSH-"), "SSH"),
    (re.compile(rb"(EHLO|HELO) ", re.IGNORECASE), "SMTP"),
    (re.compile(rb"[\x80-\xff].\x01[\x00-\x03]", re.DOTALL), "SSL 2.0"),
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What we asked for in a handshake.

    Attributes:
        oldest: Code of the oldest version spoken.
        newest: Code of the newest version spoken.
        ciphers: OpenSSL's names of our suites.
        key_types: What we have certificates of, ``RSA`` and the like.
        alpn: Application protocols of ours.
        must_resume: Whether only a resumption could succeed.
        outgoing: Whether we are the client, of another server.
    """

    oldest: int
    newest: int
    ciphers: tuple[str, ...]
    key_types: tuple[str, ...]
    alpn: tuple[str, ...]
    must_resume: bool = False
    outgoing: bool = False


def explain_handshake(reasons: tuple[str, ...], octets: bytes, terms: Terms) -> TlsError:
    """Explain why OpenSSL gave up.

    Args:
        reasons: Its error queue, reason texts only.
        octets: The beginning of what the client sent.
        terms: What we asked for.
    """
    if octets and octets[0] != HANDSHAKE_RECORD:
        return explain_plaintext(octets)
    hello = parse_client_hello(octets) or ClientHello()
    text = "; ".join(reasons)
    if "alert" in text or "unrecognized name" in text:
        return explain_alert(reasons, str(hello))
    if any(reason in text for reason in _TOO_OLD):
        return _explain_version(hello, terms)
    if any(reason in text for reason in _OUR_CHOICE):
        return _explain_not_resumed(hello) if terms.must_resume else _explain_choice(hello, terms)
    return TlsError(f"the handshake failed: {text or 'no reason known'}", "look into the client's log", str(hello))


def explain_outgoing(reasons: tuple[str, ...], *, answered: bool) -> TlsError:
    """Explain why a handshake with another server failed, in which we are the client.

    Args:
        reasons: OpenSSL's error queue, reason texts only; empty if the connection just ended.
        answered: Whether the other server had sent anything.
    """
    text = "; ".join(reasons) or "the connection ended"
    if "alert" not in text and (not answered or "wrong version number" in text):
        return TlsError(
            f"the other server began no TLS handshake as TLS server: {text}",
            "it needs PROT P, too, and only one of the two servers may be sent SSCN ON or CPSV",
            truncated=not reasons,
        )
    return TlsError(
        f"the TLS handshake with the other server failed: {text}",
        "look into its log; it must not demand that we resume a session or show a certificate",
        truncated=not reasons,
    )


def explain_alert(reasons: tuple[str, ...], offered: str = "") -> TlsError:
    """Explain a fatal alert of the client, or any failure of an established connection."""
    text = "; ".join(reasons)
    for words, (cause, remedy) in _ALERTS.items():
        if words in text:
            return TlsError(cause, remedy, offered)
    if any(words in text for words in _NO_RECORD):
        return TlsError(
            f"the client sent octets that are no TLS on the protected connection ({text})",
            "update the client; some send ABOR in clear (Net::FTP of Perl): let them close the connection instead",
            offered,
        )
    remedy = "look into the client's log; a device in between may have changed what was sent"
    return TlsError(f"the protected connection failed: {text or 'no reason known'}", remedy, offered)


def explain_end(octets: bytes, *, answered: bool) -> TlsError:
    """Explain an end of the connection in the middle of the handshake.

    Args:
        octets: The beginning of what the client sent.
        answered: Whether our ServerHello was on its way.
    """
    if not octets:
        return TlsError(NO_OCTET, truncated=True)
    if octets[0] != HANDSHAKE_RECORD:
        return explain_plaintext(octets)
    offered = str(parse_client_hello(octets) or "")
    if answered:
        cause = "the connection ended after our ServerHello: the client, or a device in between, gave up silently"
        return TlsError(cause, f"check that the client accepts our certificate; {_MIDDLEBOX}", offered, truncated=True)
    return TlsError("the connection ended in the middle of the ClientHello", _MIDDLEBOX, offered, truncated=True)


def explain_plaintext(octets: bytes, *, implicit: bool = False) -> TlsError:
    """Explain octets that are not TLS where a ClientHello was expected.

    Args:
        octets: The beginning of what the client sent.
        implicit: Whether the connection came to the implicit service, and these are its first octets.
    """
    for pattern, protocol in _OTHER_PROTOCOLS:
        if pattern.match(octets):
            return TlsError(f"the client speaks {protocol} where TLS was expected", "point it to the right port")
    word = _FTP_WORD.match(octets)
    if word:
        cause = f"the client speaks clear FTP ({word.group().decode().upper()}) where TLS was expected"
        remedy = (
            "switch the client to implicit TLS (ftps) on this port, or to explicit TLS (ftpes) on the explicit port"
        )
        return TlsError(cause, remedy if implicit else "the client must start TLS after AUTH: update it")
    cause = "the client sent something that is not TLS where a ClientHello was expected"
    return TlsError(cause, "switch TLS on in the client, for data connections, too")


def explain_hello_in_clear(octets: bytes) -> TlsError:
    """Explain a ClientHello that came on the explicit service without AUTH."""
    return TlsError(
        "the client starts TLS at once on the explicit port",
        "switch the client to explicit TLS (AUTH TLS, ftpes), or to the port of the implicit service",
        str(parse_client_hello(octets) or ""),
    )


def explain_alpn(octets: bytes, refused: tuple[str, ...], terms: Terms) -> TlsError:
    """Explain an offer of application protocols without ours (RFC 7301 section 3.2)."""
    return TlsError(
        f"the client offers the application protocols {shorten(map(repr, refused))}; ours are {shorten(terms.alpn)}",
        "a web browser or an attack across protocols; an FTP client should offer «ftp» or nothing",
        str(parse_client_hello(octets) or ""),
    )


def explain_name(octets: bytes, name: str, expected: str | None) -> TlsError:
    """Explain a server name (SNI) that is refused: other than the *expected* one of HOST, or none of ours."""
    offered = str(parse_client_hello(octets) or "")
    if expected is None:
        return TlsError(f"the client asks for the unknown host {name!r}", "add the name, or mend it there", offered)
    return TlsError(
        f"the client asks for the host {name!r}, but has given HOST {expected!r} before",
        "the two have to be the same (RFC 7151); if the client means well, HOST was forged on the way",
        offered,
    )


def explain_renegotiation() -> TlsError:
    """Explain an attempt to renegotiate, which we never do."""
    return TlsError(
        "the client wanted to renegotiate", "switch renegotiation off in the client; TLS 1.3 does not have it"
    )


def explain_truncation() -> TlsError:
    """Explain an end without ``close_notify`` (RFC 8446 section 6.1)."""
    return TlsError(
        "the connection ended without close_notify",
        "what came may be incomplete; update the client if it never sends one",
        truncated=True,
    )


def explain_time_limit(octets: bytes, seconds: float) -> TlsError:
    """Explain a handshake that took too long."""
    what = "sent no octet" if not octets else "did not complete the handshake"
    remedy = "" if not octets else f"the network, or the client, is too slow; {_MIDDLEBOX}"
    return TlsError(f"the client {what} within {seconds:g} seconds", remedy, str(parse_client_hello(octets) or ""))


def _explain_version(hello: ClientHello, terms: Terms) -> TlsError:
    oldest, newest = (codepoints.name(codepoints.VERSIONS, code) for code in (terms.oldest, terms.newest))
    cause = f"the client offered {hello.version_text}; the minimum is {oldest}"
    remedy = f"update the client; it has to speak {oldest} or newer"
    if hello.highest_version >= terms.oldest:
        cause = f"the client offered {hello.version_text}; we speak {oldest} to {newest}"
        remedy = "allow the newer version in the listener's settings"
    return TlsError(cause, remedy, str(hello))


def _explain_not_resumed(hello: ClientHello) -> TlsError:
    what = "offered a session of another control connection, or one too old" if hello.offers_session else "offered none"
    return TlsError(
        f"the data connection did not resume the session of its control connection: the client {what}",
        'update the client or switch session resumption on in it, or set session_reuse = "prefer" for it',
        str(hello),
    )


def _explain_choice(hello: ClientHello, terms: Terms) -> TlsError:
    """Explain that nothing the client offered fits: groups, the key type of our certificate, or suites."""
    offered = str(hello)
    wanted = {"RSA": "ECDSA", "ECDSA": "RSA"}
    for ours, theirs in wanted.items():
        if terms.key_types == (ours,) and _only_signs_with(theirs, hello, terms):
            return TlsError(
                f"the client takes {theirs} certificates only; we have {ours}",
                f"add an {theirs} certificate beside the {ours} one",
                offered,
            )
    shared = set(hello.suite_names) & set(terms.ciphers)
    if shared:
        return TlsError(
            f"no group for the key exchange in common; the client offers {shorten(hello.group_names)}",
            "update the client; it needs X25519, P-256 or P-384",
            offered,
        )
    spoken = [name for name in terms.ciphers if _TLS_1_3 in hello.versions or not name.startswith("TLS_")]
    return TlsError(
        f"no cipher suite in common; the client offers {shorten(hello.suite_names)}; ours are {shorten(spoken)}",
        "update the client; it needs a suite with ECDHE and AES-GCM or ChaCha20-Poly1305",
        offered,
    )


def _only_signs_with(key_type: str, hello: ClientHello, terms: Terms) -> bool:
    """Tell whether what the client and we have in common needs a certificate of *key_type*."""
    if _TLS_1_3 in hello.versions and terms.newest >= _TLS_1_3:  # which names signatures, not suites
        kinds = {_signature_kind(code) for code in hello.signatures} - {None}
        return kinds == {key_type}
    shared = {name for name in hello.suite_names if name in terms.ciphers and name.startswith("ECDHE-")}
    return bool(shared) and all(name.startswith(f"ECDHE-{key_type}-") for name in shared)


def _signature_kind(code: int) -> str | None:
    """Return the key type of a signature scheme that TLS 1.3 allows for handshakes (RFC 8446 section 4.2.3)."""
    if code in {0x0403, 0x0503, 0x0603}:
        return "ECDSA"
    if 0x0804 <= code <= 0x0806:  # noqa: PLR2004 - RSA-PSS with SHA-256 to SHA-512
        return "RSA"
    return None
