"""The directives of ProFTPD's mod_tls, every one: taken over, or with the reason why it is not needed here."""

from __future__ import annotations

from ftpstwist.config.migration.apachestyle import Directive
from ftpstwist.config.migration.outcome import Converter, Outcome, becomes, left_out, number_of, one_of, word_of

REQUIRED = {
    "off": "none",
    "on": "all",
    "both": "all",
    "ctrl+data": "all",
    "control+data": "all",
    "ctrl": "control",
    "control": "control",
    "data": "data",
    "!data": "!data",
    "ctrl+!data": "control+!data",
    "control+!data": "control+!data",
    "auth": "login",
    "auth+data": "login+data",
    "auth+!data": "login+!data",
}
"""Values of TLSRequired and our words for the same policy."""


@becomes('`policy.require = "none"` if off')
def _switched_on(outcome: Outcome, directive: Directive) -> None:
    outcome.notes["engine"] = directive.text.lower() in {"on", "true", "yes", "1"}
    if not outcome.notes["engine"]:
        outcome.remark(directive, "TLS is always offered here; nothing is demanded now, see policy.require")


@becomes("`policy.require`, see below")
def _required(outcome: Outcome, directive: Directive) -> None:
    outcome.set("policy.require", REQUIRED[directive.text.lower()])


@becomes("`tls.profile`")
def _protocol(outcome: Outcome, directive: Directive) -> None:
    versions = {word.lower() for word in directive.arguments}
    if versions <= {"tlsv1.3"}:
        outcome.set("tls.profile", "modern")
    elif versions & {"tlsv1", "tlsv1.1", "sslv3", "sslv2", "sslv23", "all"}:
        outcome.remark(
            directive, "TLS 1.2 is the minimum; for old devices there is a listener of its own, see [[server.legacy]]"
        )


@becomes("— the profiles choose; `tls.ciphers` is for exceptions")
def _ciphers(outcome: Outcome, directive: Directive) -> None:
    outcome.remark(directive, "the profiles choose the cipher suites; [tls] ciphers is for exceptions")


def _certificate(kind: str, part: str) -> Converter:
    def take(outcome: Outcome, directive: Directive) -> None:
        outcome.notes.setdefault(kind, {})[part] = directive.arguments[0]

    return Converter(f"`{part}` in `tls.certificates`", take)


@becomes("`bundle` at the certificate")
def _bundle(outcome: Outcome, directive: Directive) -> None:
    outcome.notes["bundle"] = directive.arguments[0]


@becomes("`tls.clients.ask`")
def _verify_client(outcome: Outcome, directive: Directive) -> None:
    word = {"on": "required", "optional": "optional", "off": "off"}[directive.text.lower()]
    outcome.set("tls.clients.ask", word)


@becomes("`tls.clients.ocsp.ask`")
def _verify_order(outcome: Outcome, directive: Directive) -> None:
    first, *others = [word.lower() for word in directive.arguments]
    if not {first, *others} <= {"crl", "ocsp"}:
        raise ValueError(directive.text)
    if first == "ocsp":
        outcome.set("tls.clients.ocsp.ask", "always")
    elif others:
        outcome.set("tls.clients.ocsp.ask", "unlisted")
    if outcome.get("tls.clients.ocsp"):
        outcome.remark(directive, "the responder is asked at the login, and handshakes never wait for it")


@becomes("`fxp.verify`")
def _verify_server(outcome: Outcome, directive: Directive) -> None:
    if directive.text.lower() in {"off", "false", "no", "0"}:
        outcome.set("fxp.verify", False)
    outcome.remark(directive, "server-to-server transfers are off until [fxp] names users and servers")


@becomes("`accounts.certificates.rules`")
def _user_name(outcome: Outcome, directive: Directive) -> None:
    for word in directive.arguments:
        name = {"commonname": "subject.CN", "emailsubjaltname": "email"}.get(word.lower())
        if name is None:
            outcome.remark(directive, f"{word}: write a rule in [[accounts.certificates.rules]] for it")
        else:
            outcome.add("accounts.certificates.rules", {"field": name, "value": "{user}", "match": "template"})


@becomes("see below")
def _options(outcome: Outcome, directive: Directive) -> None:
    remarks = {name.lower(): words for name, words in OPTIONS.items()}
    for option in directive.arguments:
        word = option.lower()
        if word == "useimplicitssl":
            outcome.notes["implicit"] = True
        elif word == "nosessionreuserequired":
            outcome.set("tls.session_reuse", "prefer")
            outcome.notes["reuse"] = True
        elif word == "ipaddressrequired":
            outcome.set("tls.clients.address", "require")
        elif word in remarks:
            outcome.remark(directive, f"{option}: {remarks[word]}")
        else:
            outcome.remark(directive, f"{option}: not an option of mod_tls")


OPTIONS = {
    "UseImplicitSSL": "an endpoint in server.implicit",
    "NoSessionReuseRequired": 'session_reuse = "prefer" in [tls]; that is the default',
    "AllowClientRenegotiation": "left out: renegotiation is refused on all connections",
    "AllowClientRenegotiations": "left out: renegotiation is refused on all connections",
    "AllowDotLogin": 'put the fingerprints into the users file: certificates = ["sha256:…"]',
    "AllowPerUser": "left out: every policy may differ by user, and is decided before a password is sent",
    "AllowWeakDH": "left out: key exchange is by elliptic curves",
    "AllowWeakSecurity": "left out, except for a listener in [[server.legacy]]",
    "CommonNameRequired": "left out: reverse DNS proves nothing; demand client certificates instead",
    "dNSNameRequired": "left out: reverse DNS proves nothing; demand client certificates instead",
    "iPAddressRequired": 'address = "require" in [tls.clients]',
    "EnableDiags": "left out: every failed handshake is explained in the log",
    "ExportCertData": "[[hooks]] have its fingerprint and subject as variables, but not the certificate itself",
    "IgnoreSNI": "left out: an unknown name never ends a handshake, unless [tls] has sni_strict",
    "NoAutoECDH": "left out: elliptic curves are always on",
    "NoEmptyFragments": "left out: of no meaning since TLS 1.1",
    "NoCertRequest": 'write ask = "off" in [tls.clients]; that is the default',
    "StdEnvVars": "[[hooks]] have FTPS, TLS_PROTOCOL, TLS_CIPHER, TLS_SERVER_NAME, TLS_CLIENT_S_DN",
}
"""Options of TLSOptions, and what became of them."""

MOD_TLS: dict[str, Converter] = {
    "TLSEngine": _switched_on,
    "TLSLog": left_out("TLS failures are in the normal log, one line each, with cause and remedy"),
    "TLSProtocol": _protocol,
    "TLSCipherSuite": _ciphers,
    "TLSServerCipherPreference": left_out("the server's order always wins"),
    "TLSECDHCurve": left_out("X25519MLKEM768, X25519, P-256 and P-384 are accepted, in this order"),
    "TLSDHParamFile": left_out("key exchange is by elliptic curves"),
    "TLSRSACertificateFile": _certificate("rsa", "certificate"),
    "TLSRSACertificateKeyFile": _certificate("rsa", "key"),
    "TLSECCertificateFile": _certificate("ec", "certificate"),
    "TLSECCertificateKeyFile": _certificate("ec", "key"),
    "TLSDSACertificateFile": left_out("DSA certificates are obsolete; make an ECDSA one"),
    "TLSDSACertificateKeyFile": left_out("DSA certificates are obsolete; make an ECDSA one"),
    "TLSPKCS12File": _bundle,
    "TLSPassPhraseProvider": left_out("name a passphrase_file, variable, credential or command at the certificate"),
    "TLSCertificateChainFile": left_out("put the intermediate certificates behind the server's, in its file"),
    "TLSCACertificateFile": one_of("tls.clients.authorities"),
    "TLSCACertificatePath": left_out("put the authorities into one file and name it in tls.clients.authorities"),
    "TLSCARevocationFile": one_of("tls.clients.revocation_lists"),
    "TLSCARevocationPath": left_out("name the files in tls.clients.revocation_lists"),
    "TLSVerifyClient": _verify_client,
    "TLSVerifyDepth": number_of("tls.clients.depth"),
    "TLSVerifyOrder": _verify_order,
    "TLSVerifyServer": _verify_server,
    "TLSUserName": _user_name,
    "TLSOptions": _options,
    "TLSRequired": _required,
    "TLSRenegotiate": left_out("sessions are never renegotiated, so none stalls after a gigabyte"),
    "TLSSessionCache": left_out("every session has tickets of its own; there is nothing to share or to expire"),
    "TLSSessionTickets": left_out("tickets are always on, bound to their own session"),
    "TLSSessionTicketKeys": left_out("ticket keys live as long as their session, and never on disk"),
    "TLSStapling": left_out("name a response in staple, at the certificate"),
    "TLSStaplingCache": left_out("a staple is read from a file; nothing is asked during a handshake"),
    "TLSStaplingOptions": left_out("a staple is read from a file; nothing is asked during a handshake"),
    "TLSStaplingResponder": left_out("a staple is read from a file; nothing is asked during a handshake"),
    "TLSStaplingTimeout": left_out("a staple is read from a file; nothing is asked during a handshake"),
    "TLSNextProtocol": left_out("ALPN is answered, strictly: ftp or nothing"),
    "TLSServerInfoFile": left_out("obsolete"),
    "TLSPreSharedKey": left_out("pre-shared keys are not supported; use client certificates"),
    "TLSTimeoutHandshake": number_of("tls.handshake_timeout"),
    "TLSMasqueradeAddress": word_of("passive.address_under_tls"),
    "TLSCryptoDevice": left_out("OpenSSL has no engines any more"),
    "TLSRandomSeed": left_out("the system's random numbers are used"),
    "TLSControlsACLs": left_out("root and the user of the server may use server.admin_socket"),
}
"""Every directive of mod_tls."""
