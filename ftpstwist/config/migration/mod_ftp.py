"""From an httpd configuration with mod_ftp to our TOML.

A virtual host with ``FTP On`` becomes a listener, implicit with
``FTPImplicitSSL On``; a further one on the same address, which httpd tells
apart by its name, becomes one of ``[[hosts]]``. Certificates come from
mod_ssl's directives, users from ``ftpstwist user``. What belongs to HTTP alone
is passed over.
"""

from __future__ import annotations

import re

from ftpstwist.config.migration import accounts
from ftpstwist.config.migration.apachestyle import Directive, flattened, parse
from ftpstwist.config.migration.outcome import (
    Converter,
    Outcome,
    apply,
    becomes,
    left_out,
    number_of,
    one_of,
    taken_elsewhere,
    text_of,
    word_of,
)

_GROUPING = frozenset({"ifmodule", "ifdefine", "ifversion"})
"""Sections that hold nothing of their own: conditions on modules, and the like."""
_OF_HOSTS = (
    "FTPBannerMessage",
    "FTPExitMessage",
    "FTPHomeDir",
    "FTPOptions",
    "DocumentRoot",
    "SSLCertificateFile",
    "SSLCertificateKeyFile",
)
"""What is taken over of a virtual host that is chosen by its name."""
UNKNOWN = "not known to this converter; look for it in docs/configuration.md"


def convert(text: str) -> Outcome:
    """Convert an httpd configuration.

    Raises:
        ApacheStyleError: It can not be read.
    """
    outcome = Outcome()
    outcome.set("server.explicit", [])
    outcome.set("server.implicit", [])
    outcome.notes["require"] = "none"
    directives = flattened(parse(text), _GROUPING)
    apply(outcome, directives, DIRECTIVES, UNKNOWN)
    outcome.set("policy.require", outcome.notes["require"])
    _pair_certificates(outcome)
    return outcome


@becomes("a listener; a further one on the same address one of `hosts`")
def _virtual_host(outcome: Outcome, section: Directive) -> None:
    children = flattened(section.children, _GROUPING)
    said = {child.key: child.text.lower() for child in children if not child.is_section}
    if said.get("ftp") != "on":
        outcome.remark(section, "passed over: it does not speak FTP")
        return
    places = outcome.notes.setdefault("places", set())
    if (place := section.text.lower()) in places:
        _named_host(outcome, section, children)
        return
    places.add(place)
    port = re.search(r":(\d+)$", section.arguments[0]) if section.arguments else None
    is_implicit = said.get("ftpimplicitssl") == "on"
    number = port[1] if port else ("990" if is_implicit else "21")
    outcome.add("server.implicit" if is_implicit else "server.explicit", f"tcp:{number}")
    if said.get("sslengine") != "on":
        outcome.remark(section, "it had no TLS; TLS is always offered here, and demanded as policy.require says")
    apply(outcome, children, DIRECTIVES, UNKNOWN)


def _named_host(outcome: Outcome, section: Directive, children: list[Directive]) -> None:
    names = [
        word.partition(":")[0].lower()
        for child in children
        if child.key in {"servername", "serveralias"}
        for word in child.arguments
    ]
    if not names:
        outcome.remark(section, "it shares its address, and has no ServerName by which clients could choose it")
        return
    own = Outcome(notes={"require": "none"})
    said = [child for child in children if child.key not in {"ftp", "ftpimplicitssl", "sslengine"}]
    said = [child for child in said if child.key not in {"servername", "serveralias"}]
    apply(own, said, {name: DIRECTIVES[name] for name in _OF_HOSTS}, "hosts share it: not taken over")
    _pair_certificates(own)
    host = {
        "names": list(dict.fromkeys(names)),
        "banner": own.get("server.banner"),
        "goodbye": own.get("server.goodbye"),
        "root": own.get("accounts.root"),
        "require": own.notes["require"],
        "certificates": own.get("tls.certificates"),
    }
    outcome.add("hosts", {name: value for name, value in host.items() if value})
    outcome.remarks += own.remarks
    outcome.remark(section, "became one of [[hosts]]: SNI or HOST chooses it; give it users of its own")


def _pair_certificates(outcome: Outcome) -> None:
    keys = outcome.notes.get("keys", [])
    for position, certificate in enumerate(outcome.notes.get("certificates", [])):
        key = keys[position] if position < len(keys) else certificate
        outcome.add("tls.certificates", {"certificate": certificate, "key": key})


def _remember(name: str) -> Converter:
    def take(outcome: Outcome, directive: Directive) -> None:
        files = outcome.notes.setdefault(name, [])
        if directive.arguments[0] not in files:
            files.append(directive.arguments[0])

    return Converter("`tls.certificates`", take)


@becomes("`passive.ports`")
def _passive_range(outcome: Outcome, directive: Directive) -> None:
    first, *last = (int(word) for word in directive.arguments)
    outcome.set("passive.ports", f"{first}-{last[0]}" if last else f"{first}")


@becomes("`active.source_ports`")
def _active_range(outcome: Outcome, directive: Directive) -> None:
    first, *last = (int(word) for word in directive.arguments)
    outcome.set("active.source_ports", f"{first}-{last[0]}" if last else f"{first}")


@becomes("see below")
def _options(outcome: Outcome, directive: Directive) -> None:
    for option in directive.arguments:
        word = option.lstrip("+").lower()
        if word == "requiressl":
            outcome.notes["require"] = "control"
        elif word == "createhomedirs":
            outcome.set("accounts.create_home", True)
        elif option.startswith("-"):
            continue
        elif word in _HOST_IN_USER and outcome.get("accounts.host_in_user") != "choose":
            outcome.set("accounts.host_in_user", _HOST_IN_USER[word])
        else:
            outcome.remark(directive, f"{option}: {OPTIONS.get(word, 'not an option of mod_ftp')}")


_HOST_IN_USER = {"virtualhostbyuser": "choose", "striphostname": "strip"}

OPTIONS = {
    "allowproxyport": "left out: PORT names the client's own address only",
    "allowproxypasv": "left out: data connections come from the client's own address; see passive.other_peers",
    "checkrootaccess": "left out: a user whose home can not be entered can not log in",
    "removeusergroup": "left out: owners are hidden unless storage.show_owners is true",
    "nopathinfo": "left out: names are names",
}
"""Options of FTPOptions that become a remark."""


@becomes("`tls.clients.ask`")
def _verify_client(outcome: Outcome, directive: Directive) -> None:
    words = {"none": "off", "optional": "optional", "require": "required", "optional_no_ca": "optional"}
    outcome.set("tls.clients.ask", words[directive.text.lower()])


@becomes("`tls.profile`")
def _protocol(outcome: Outcome, directive: Directive) -> None:
    versions = {word.lstrip("+").lower() for word in directive.arguments if not word.startswith("-")}
    if versions == {"tlsv1.3"}:
        outcome.set("tls.profile", "modern")
    else:
        outcome.remark(directive, "TLS 1.2 and 1.3 are spoken; older versions have a listener of their own")


def _umask(key: str, bits: int) -> Converter:
    def take(outcome: Outcome, directive: Directive) -> None:
        outcome.set(key, f"{bits & ~int(directive.arguments[0], 8):04o}")

    return Converter(f"`{key}`", take)


@becomes("always on")
def _jail(outcome: Outcome, directive: Directive) -> None:
    if directive.text.lower() != "on":
        outcome.remark(directive, "users never leave their home")


@becomes("`log.transfer_log`, `log.command_log`")
def _custom_log(outcome: Outcome, directive: Directive) -> None:
    outcome.set("log.transfer_log" if "transfer" in directive.text else "log.command_log", directive.arguments[0])


@becomes("`server.host_names`, or `names` in `hosts`")
def _server_names(outcome: Outcome, directive: Directive) -> None:
    for word in directive.arguments:
        outcome.add("server.host_names", word.partition(":")[0])


@becomes("`passive.ignore_epsv_protocol`")
def _ignore_family(outcome: Outcome, directive: Directive) -> None:
    outcome.set("passive.ignore_epsv_protocol", directive.text.lower() == "on")


_MOD_FTP: dict[str, Converter] = {
    "FTP": taken_elsewhere("a listener"),
    "FTPImplicitSSL": taken_elsewhere("`server.implicit`"),
    "FTPOptions": _options,
    "FTPActiveRange": _active_range,
    "FTPLowPortSock": left_out("ports are bound before privileges are dropped"),
    "FTPPASVrange": _passive_range,
    "FTPPASVaddr": word_of("passive.address"),
    "FTPPASVbindaddr": one_of("passive.interfaces"),
    "FTPEPSVIgnoreFamily": _ignore_family,
    "FTPBannerMessage": text_of("server.banner"),
    "FTPExitMessage": text_of("server.goodbye"),
    "FTPReadmeMessage": left_out("replies to CWD hold no files; greetings stand in the users file"),
    "FTPDataBlockSize": left_out("transfers tune themselves"),
    "FTPUmask": _umask("storage.file_mode", 0o666),
    "FTPDirUmask": _umask("storage.directory_mode", 0o777),
    "FTPDocRootEnv": left_out("homes follow accounts.home, or stand in the users file"),
    "FTPHomeDir": word_of("accounts.root"),
    "FTPJailUser": _jail,
    "FTPLimitLoginServer": number_of("limits.sessions"),
    "FTPLimitLoginUser": number_of("accounts.limits.max_sessions"),
    "FTPLimitLoginIP": number_of("limits.sessions_per_address"),
    "FTPLimitDBFile": left_out("sessions are counted in memory"),
    "FTPMaxLoginAttempts": number_of("limits.login_attempts"),
    "FTPTimeoutLogin": number_of("server.login_timeout"),
    "FTPTimeoutIdle": number_of("server.idle_timeout"),
    "FTPTimeoutData": number_of("transfer.stall_timeout"),
}
"""Every directive of mod_ftp."""

_HTTPD: dict[str, Converter] = {
    "VirtualHost": _virtual_host,
    "SSLEngine": taken_elsewhere("always on"),
    "SSLCertificateFile": _remember("certificates"),
    "SSLCertificateKeyFile": _remember("keys"),
    "SSLCertificateChainFile": left_out("put the intermediate certificates behind the server's, in its file"),
    "SSLCACertificateFile": one_of("tls.clients.authorities"),
    "SSLCARevocationFile": one_of("tls.clients.revocation_lists"),
    "SSLVerifyClient": _verify_client,
    "SSLVerifyDepth": number_of("tls.clients.depth"),
    "SSLProtocol": _protocol,
    "SSLCipherSuite": left_out("the profiles choose the cipher suites; [tls] ciphers is for exceptions"),
    "SSLHonorCipherOrder": left_out("the server's order always wins"),
    "SSLPassPhraseDialog": left_out("name a passphrase_file, variable, credential or command at the certificate"),
    "SSLOptions": left_out("map client certificates to users in [accounts.certificates]"),
    "Listen": taken_elsewhere("the ports of the virtual hosts"),
    "AcceptFilter": left_out("the server speaks first, or TLS does; nothing is to be set"),
    "LoadModule": left_out("there are no modules to load"),
    "LogFormat": left_out("the formats of the logs are fixed; xferlog and JSON are among them"),
    "ErrorLog": left_out("twistd --logfile names it"),
    "CustomLog": _custom_log,
    "DocumentRoot": word_of("accounts.root"),
    "ServerName": _server_names,
    "ServerAlias": _server_names,
    "AuthType": left_out("the users file, or the checkers given by --auth"),
    "AuthName": left_out("there is no realm name in FTP"),
    "Require": left_out("users of the users file may log in; write permissions there"),
    "Directory": left_out("write permissions into the users file, by folder"),
    "Location": left_out("write permissions into the users file, by folder"),
    "Include": left_out("convert that file, too"),
    "User": left_out("twistd --uid names it"),
    "Group": left_out("twistd --gid names it"),
}

DIRECTIVES: dict[str, Converter] = {**_MOD_FTP, **_HTTPD, **accounts.HTTPD}
"""Every directive that is known."""
