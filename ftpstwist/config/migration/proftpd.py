"""From proftpd.conf, mod_tls above all, to our TOML.

What an FTPS server usually has is taken over; mod_tls is complete, in a module
of its own. What is unknown becomes a remark, never silence.
"""

from __future__ import annotations

import re

from ftpstwist.config.migration import accounts
from ftpstwist.config.migration.apachestyle import Directive, flattened, parse
from ftpstwist.config.migration.mod_exec import MOD_EXEC
from ftpstwist.config.migration.mod_tls import MOD_TLS, REQUIRED
from ftpstwist.config.migration.modules import MODULES
from ftpstwist.config.migration.outcome import (
    Converter,
    Outcome,
    apply,
    becomes,
    left_out,
    number_of,
    taken_elsewhere,
    text_of,
    word_of,
)
from ftpstwist.observe.logformat import EXIT, LogFormat, LogFormatError

_HOST_NAME = re.compile(r"(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)+")
_OF_HOSTS = (
    "ServerIdent",
    "TLSEngine",
    "TLSRequired",
    "TLSRSACertificateFile",
    "TLSRSACertificateKeyFile",
    "TLSECCertificateFile",
    "TLSECCertificateKeyFile",
    "TLSPKCS12File",
    "TLSLog",
    "DefaultRoot",
)
"""What is taken over of a virtual host, or said to be left out."""

_GROUPING = frozenset({"ifmodule", "ifdefine", "global"})
"""Sections that hold nothing of their own: conditions on modules, and the like."""
UNKNOWN = "not known to this converter; look for it in docs/configuration.md"


def convert(text: str) -> Outcome:
    """Convert a proftpd.conf.

    Raises:
        ApacheStyleError: It can not be read.
    """
    outcome = Outcome()
    outcome.notes["classes"] = {}
    directives = flattened(parse(text), _GROUPING)
    _note_log_formats(outcome, directives)
    _note_classes(outcome, directives)
    apply(outcome, directives, DIRECTIVES, UNKNOWN)
    accounts.finish(outcome)
    _finish(outcome)
    return outcome


def _note_classes(outcome: Outcome, directives: list[Directive]) -> None:
    for each in directives:
        if each.key == "class":
            networks = [word for child in each.children if child.key == "from" for word in child.arguments]
            outcome.notes["classes"][each.text] = [
                word for word in networks if re.fullmatch(r"[0-9a-fA-F:.]+/\d+", word)
            ]


def _finish(outcome: Outcome) -> None:
    port = outcome.notes.get("port", 21)
    implicit = outcome.notes.get("implicit", False)
    outcome.set("server.explicit", [] if implicit else [f"tcp:{port}"])
    outcome.set("server.implicit", [f"tcp:{port}"] if implicit else outcome.notes.get("implicit_ports", []))
    if outcome.notes.get("engine") is not True:
        outcome.set("policy.require", "none")
    for certificate in _certificates(outcome):
        outcome.add("tls.certificates", certificate)


def _certificates(outcome: Outcome) -> list[dict[str, str]]:
    files = [outcome.notes[name] for name in ("rsa", "ec") if "certificate" in outcome.notes.get(name, {})]
    found = [{"certificate": each["certificate"], "key": each.get("key", each["certificate"])} for each in files]
    if outcome.notes.get("bundle"):
        found.append({"bundle": outcome.notes["bundle"]})
    return found


# --- sections -------------------------------------------------------------------------------------


@becomes("`accounts.anonymous`")
def _anonymous(outcome: Outcome, section: Directive) -> None:
    outcome.set("accounts.anonymous.enabled", True)
    outcome.set("accounts.anonymous.root", section.text.replace("~", "/home/"))
    for child in section.children:
        if child.key == "tlsrequired":
            outcome.add("policy.rules", {"anonymous": True, "require": REQUIRED[child.text.lower()]})
        elif child.key not in {"user", "group", "useralias", "requirevalidshell"}:
            outcome.remark(
                child, "inside <Anonymous>: anonymous logins may read, and nothing else, unless told otherwise"
            )


def _conditional(name: str) -> Converter:
    def take(outcome: Outcome, section: Directive) -> None:
        words = [word for word in section.text.replace(",", " ").split() if word not in {"regex", "AND", "OR"}]
        if any(word.startswith("!") for word in words):
            outcome.remark(section, "a negated condition: write the rules of [[policy.rules]] in the right order")
            return
        condition: dict[str, object] = {name: words}
        if name == "networks":
            condition[name] = [net for word in words for net in outcome.notes["classes"].get(word, [])]
        rule = _rule(outcome, section, condition)
        if len(rule) > 1:
            outcome.add("policy.rules", rule)

    return Converter(f"`policy.rules` with `{name}`", take)


@becomes("`policy.rules` with `paths`")
def _directory(outcome: Outcome, section: Directive) -> None:
    for child in section.children:
        if child.key == "tlsrequired":
            word = "data" if REQUIRED[child.text.lower()] in {"all", "data", "login+data"} else "none"
            folder = "/" + section.text.strip("~/*")
            outcome.add("policy.rules", {"paths": [folder], "require": word})
            outcome.remark(section, f"folders are named as clients see them: is {folder} right?")
        else:
            outcome.remark(child, "inside <Directory>: write permissions by folder into the users file")


def _rule(outcome: Outcome, section: Directive, condition: dict[str, object]) -> dict[str, object]:
    rule = dict(condition)
    for child in section.children:
        if child.key == "tlsrequired":
            rule["require"] = REQUIRED[child.text.lower()]
        elif child.key == "tlsoptions" and "nosessionreuserequired" in child.text.lower():
            rule["session_reuse"] = "prefer"
        else:
            outcome.remark(child, f"inside <{section.name}>: only TLSRequired and session reuse are taken over")
    return rule


@becomes("`hosts`, if ServerAlias or ServerName names it; a listener, if it is implicit")
def _virtual_host(outcome: Outcome, section: Directive) -> None:
    inner = {child.key: child for child in flattened(section.children, _GROUPING)}
    options = inner.get("tlsoptions")
    if options is not None and "useimplicitssl" in options.text.lower():
        port = inner["port"].text if "port" in inner else "990"
        outcome.notes.setdefault("implicit_ports", []).append(f"tcp:{port}")
        outcome.remark(section, f"an implicit listener on port {port}, with the settings of the main server")
    else:
        _named_host(outcome, section, inner)


def _named_host(outcome: Outcome, section: Directive, inner: dict[str, Directive]) -> None:
    """Take over a host that clients choose by its name."""
    named = [child for child in flattened(section.children, _GROUPING) if child.key in {"servername", "serveralias"}]
    words = [*section.arguments, *(word for child in named for word in child.arguments)]
    names = [word for word in dict.fromkeys(word.lower() for word in words) if _HOST_NAME.fullmatch(word)]
    for child in named:
        if "*" in child.text:
            outcome.remark(child, "a host has names, not patterns: write each of them into names")
    own_port = "port" in inner and int(inner["port"].text) != outcome.notes.get("port", 21)
    if own_port or not names:
        outcome.remark(section, "run a second server for it, or give it names in [[hosts]]: SNI or HOST chooses")
        return
    own = Outcome()
    table = {name: DIRECTIVES[name] for name in _OF_HOSTS}
    children = [child for child in inner.values() if child.key not in {"port", "servername", "serveralias"}]
    apply(own, children, table, f"inside <VirtualHost {section.text}>: not taken over; hosts share it")
    host = {"names": names, "banner": own.get("server.banner"), "require": own.get("policy.require")}
    host["certificates"] = _certificates(own)
    outcome.add("hosts", {name: value for name, value in host.items() if value})
    outcome.remarks += own.remarks
    outcome.remark(section, "became one of [[hosts]]: give it users and a root of its own")


# --- the rest of ProFTPD --------------------------------------------------------------------------


@becomes("`server.explicit`")
def _port(outcome: Outcome, directive: Directive) -> None:
    outcome.notes["port"] = int(directive.arguments[0])


@becomes("`passive.ports`")
def _passive_ports(outcome: Outcome, directive: Directive) -> None:
    first, last = (int(word) for word in directive.arguments)
    outcome.set("passive.ports", f"{first}-{last}")


@becomes("`storage.file_mode`, `storage.directory_mode`")
def _umask(outcome: Outcome, directive: Directive) -> None:
    masks = [int(word, 8) for word in directive.arguments]
    outcome.set("storage.file_mode", f"{0o666 & ~masks[0]:04o}")
    outcome.set("storage.directory_mode", f"{0o777 & ~masks[-1]:04o}")


@becomes("`server.banner`")
def _server_ident(outcome: Outcome, directive: Directive) -> None:
    if len(directive.arguments) > 1:
        outcome.set("server.banner", directive.arguments[-1])


@becomes("`storage.incomplete`")
def _deletes_aborted(outcome: Outcome, directive: Directive) -> None:
    if directive.text.lower() in {"on", "true", "yes"}:
        outcome.set("storage.incomplete", "discard")


_CLASSES = {
    "ALL": (),
    "AUTH": ("USER", "PASS", "ACCT", "REIN"),
    "INFO": ("FEAT", "HELP", "NOOP", "STAT", "SYST", "SIZE", "MDTM", "MLST"),
    "DIRS": ("CWD", "CDUP", "PWD", "LIST", "NLST", "MLSD", "MKD", "RMD"),
    "READ": ("RETR",),
    "WRITE": ("STOR", "STOU", "APPE", "DELE", "RNFR", "RNTO", "MKD", "RMD", "MFMT", "SITE"),
    "MISC": ("TYPE", "STRU", "MODE", "REST", "ABOR", "ALLO", "PASV", "EPSV", "PORT", "EPRT", "QUIT"),
    "SEC": ("AUTH", "PBSZ", "PROT", "CCC", "SSCN"),
    "EXIT": (EXIT,),
}
"""Classes of ExtendedLog; every command that none of them has is in ALL alone."""


def _note_log_formats(outcome: Outcome, directives: list[Directive]) -> None:
    """LogFormat may stand behind the ExtendedLog that uses it."""
    outcome.notes["formats"] = {
        each.arguments[0]: " ".join(each.arguments[1:])
        for each in directives
        if each.key == "logformat" and each.arguments
    }


@becomes("`log.command_log`; `log.custom` if it names classes or a format")
def _extended_log(outcome: Outcome, directive: Directive) -> None:
    file, *more = directive.arguments
    if not more:
        outcome.set("log.command_log", file)
        return
    custom: dict[str, object] = {"file": file}
    classes = [word for word in more[0].upper().split(",") if word]
    if "ALL" not in classes:
        custom["verbs"] = list(dict.fromkeys(verb for word in classes for verb in _CLASSES[word]))
    if more[1:]:
        written = outcome.notes["formats"][more[1]]
        try:
            LogFormat(written)
        except LogFormatError as error:
            outcome.remark(directive, f"its format can not be taken over, the default is used: {error}")
        else:
            custom["format"] = written
    outcome.add("log.custom", custom)


_CORE: dict[str, Converter] = {
    "Port": _port,
    "PassivePorts": _passive_ports,
    "MasqueradeAddress": word_of("passive.address"),
    "ServerIdent": _server_ident,
    "TimeoutIdle": number_of("server.idle_timeout"),
    "TimeoutLogin": number_of("server.login_timeout"),
    "TimeoutStalled": number_of("transfer.stall_timeout"),
    "TimeoutNoTransfer": left_out("server.idle_timeout counts pauses between commands"),
    "TimeoutSession": left_out("sessions may last; idle ones end by server.idle_timeout"),
    "MaxLoginAttempts": number_of("limits.login_attempts"),
    "MaxInstances": number_of("limits.sessions"),
    "MaxClients": number_of("limits.sessions"),
    "MaxConnectionsPerHost": number_of("limits.sessions_per_address"),
    "MaxClientsPerHost": number_of("limits.sessions_per_address"),
    "MaxClientsPerUser": number_of("accounts.limits.max_sessions"),
    "TransferLog": text_of("log.transfer_log"),
    "LogFormat": taken_elsewhere("`log.custom`, with ExtendedLog"),
    "ExtendedLog": _extended_log,
    "SystemLog": left_out("twistd --logfile names it"),
    "Umask": _umask,
    "DeleteAbortedStores": _deletes_aborted,
    "HiddenStores": left_out("uploads are always written aside and shown when complete"),
    "AllowOverwrite": left_out("write permissions into the users file: write is overwriting, create is not"),
    "AllowStoreRestart": left_out("uploads may always be resumed by those who may write"),
    "AllowRetrieveRestart": left_out("downloads may always be resumed"),
    "AllowForeignAddress": left_out("name users and other servers in [fxp]; see passive.other_peers, too"),
    "DefaultRoot": left_out("users never leave their home; see accounts.home"),
    "User": left_out("twistd --uid names it"),
    "Group": left_out("twistd --gid names it"),
    "ServerName": text_of("server.banner"),
    "ServerType": left_out("see server.workers for several processes; systemd may hand sockets over"),
    "DefaultServer": left_out("the listeners are all there is"),
    "UseIPv6": left_out('add "tcp6:21" to server.explicit'),
    "ModulePath": left_out("there are no modules to load"),
    "LoadModule": left_out("there are no modules to load"),
    "Include": left_out("convert that file, too"),
    "IdentLookups": left_out("nobody is asked who the client's user is"),
    "UseReverseDNS": left_out("addresses are logged as they are"),
    "DeferWelcome": left_out("the greeting tells nothing but server.banner"),
    "ShowSymlinks": left_out("links are shown as what they lead to, inside the home"),
    "DisplayLogin": left_out("write a greeting into the users file"),
    "DisplayConnect": left_out("server.banner greets"),
    "DisplayChdir": left_out("replies to CWD hold no files"),
    "ListOptions": left_out("listings show all names; clients send options of their own"),
    "DenyFilter": left_out("names are never interpreted"),
    "PathDenyFilter": left_out("names are never interpreted"),
    "DelayEngine": left_out("replies to a login do not tell known names from unknown ones"),
    "ControlsEngine": left_out("ftpstwist status, sessions, kick, ban and others; see server.admin_socket"),
    "TimesGMT": left_out("times are UTC in all listings"),
    "UseSendfile": left_out("transfers tune themselves"),
    "Class": taken_elsewhere("`networks` of `policy.rules`"),
    "Limit": left_out("write permissions into the users file, by folder"),
    "Anonymous": _anonymous,
    "IfUser": _conditional("users"),
    "IfGroup": _conditional("groups"),
    "IfClass": _conditional("networks"),
    "Directory": _directory,
    "VirtualHost": _virtual_host,
}

DIRECTIVES: dict[str, Converter] = {**MOD_TLS, **_CORE, **MODULES, **MOD_EXEC, **accounts.PROFTPD}
"""Every directive that is known."""
