"""Where accounts live, from ProFTPD's mod_auth_*, mod_ldap and mod_sql, and from httpd's providers, to ``[accounts]``.

Passwords for directories and databases are not copied: a remark says into
which file they belong. The users file stays first, so that its entries count.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from ftpstwist.config.migration.apachestyle import Directive
from ftpstwist.config.migration.outcome import Converter, Outcome, becomes, left_out, number_of, word_of

_SOURCES = {
    "mod_auth_file": "password_file",
    "mod_auth_pam": "pam",
    "mod_auth_unix": "pam",
    "mod_ldap": "ldap",
    "mod_sql": "sql",
}
_PROVIDERS = {"file": "password_file", "ldap": "ldap", "dbd": "sql"}
_ATTRIBUTES = {"uid": "name_attribute", "uidnumber": "uid_attribute", "homedirectory": "home_attribute"}
_MODULES = {"mysql": "pymysql", "postgres": "psycopg", "sqlite3": "sqlite3"}
_PARAMETERS = {"sqlite3": ":user"}
_YES = frozenset({"on", "yes", "true", "1"})


def ask(outcome: Outcome, *sources: str) -> None:
    """Add to the places where accounts are looked for."""
    known = outcome.get("accounts.sources", ["users"])
    outcome.set("accounts.sources", list(dict.fromkeys([*known, *sources])))


def finish(outcome: Outcome) -> None:
    """Set what depends on several directives.

    ProFTPD wants a valid shell of users of the machine, unless it is told not to.
    """
    if "pam" in outcome.get("accounts.sources", ()):
        outcome.set("accounts.pam.valid_shell", outcome.notes.get("valid_shell", True))
        outcome.set("accounts.pam.home", True)
        if outcome.notes.get("root_login"):
            outcome.set("accounts.pam.allow_root", True)
    if "sql_table" in outcome.notes:
        _write_query(outcome)


def _note(name: str, words: str) -> Converter:
    def take(outcome: Outcome, directive: Directive) -> None:
        outcome.notes[name] = directive.arguments[0].lower() in _YES

    return Converter(words, take)


def _asking(source: str, key: str, read: Callable[[str], object] = str) -> Converter:
    """Return a converter that takes the first argument, and has the source asked."""

    def take(outcome: Outcome, directive: Directive) -> None:
        outcome.set(f"accounts.{source}.{key}", read(directive.arguments[0]))
        ask(outcome, source)

    return Converter(f"`accounts.{source}.{key}`", take)


def _is_yes(word: str) -> bool:
    return word.lower() in _YES


def _template(text: str) -> str:
    return re.sub(r"%[uv]", "{user}", text)


@becomes("`accounts.sources`")
def _auth_order(outcome: Outcome, directive: Directive) -> None:
    modules = [word.rstrip("*").removesuffix(".c") for word in directive.arguments]
    ask(outcome, *(_SOURCES[module] for module in modules if module in _SOURCES))
    for module in modules:
        if module not in _SOURCES:
            outcome.remark(directive, f"{module} has no counterpart; see docs/accounts.md")


@becomes("`accounts.password_file.file`")
def _auth_user_file(outcome: Outcome, directive: Directive) -> None:
    outcome.set("accounts.password_file.file", directive.arguments[0])
    outcome.set("accounts.password_file.home", True)
    ask(outcome, "password_file")
    outcome.remark(directive, "hashes that are MD5 or DES let nobody in: make those passwords anew")


@becomes("`accounts.sources`")
def _auth_pam(outcome: Outcome, directive: Directive) -> None:
    if _is_yes(directive.arguments[0]):
        ask(outcome, "pam")


@becomes("`accounts.ldap.servers`")
def _ldap_server(outcome: Outcome, directive: Directive) -> None:
    for word in directive.arguments:
        address = word if "://" in word else f"ldap://{word}"
        parts = urlsplit(address)
        if not parts.netloc:
            raise ValueError(word)
        outcome.add("accounts.ldap.servers", f"{parts.scheme}://{parts.netloc}")
    ask(outcome, "ldap")


@becomes("`accounts.ldap.bind_dn`")
def _ldap_bind(outcome: Outcome, directive: Directive) -> None:
    outcome.set("accounts.ldap.bind_dn", directive.arguments[0])
    outcome.remark(directive, "write its password into a file, and name that as accounts.ldap.bind_password_file")


@becomes("`accounts.ldap.base`, `accounts.ldap.filter`")
def _ldap_users(outcome: Outcome, directive: Directive) -> None:
    outcome.set("accounts.ldap.base", directive.arguments[0])
    outcome.set("accounts.ldap.home_attribute", "homeDirectory")
    if len(directive.arguments) > 1:
        outcome.set("accounts.ldap.filter", _template(directive.arguments[1]))
    ask(outcome, "ldap")


@becomes("`accounts.ldap.group_base`")
def _ldap_groups(outcome: Outcome, directive: Directive) -> None:
    outcome.set("accounts.ldap.group_base", directive.arguments[0])
    if len(directive.arguments) > 1:
        outcome.remark(directive, "see whether accounts.ldap.group_filter finds the same")


@becomes("`accounts.ldap`: the attribute of that name")
def _ldap_attribute(outcome: Outcome, directive: Directive) -> None:
    key = _ATTRIBUTES.get(directive.arguments[0].lower())
    if key is None:
        outcome.remark(directive, "that attribute is not used here")
    else:
        outcome.set(f"accounts.ldap.{key}", directive.arguments[1])


@becomes("`accounts.sql.module`")
def _sql_backend(outcome: Outcome, directive: Directive) -> None:
    outcome.set("accounts.sql.module", _MODULES[directive.arguments[0].lower()])


@becomes("`accounts.sql.connect`")
def _sql_connect(outcome: Outcome, directive: Directive) -> None:
    database, _, host = directive.arguments[0].partition("@")
    outcome.notes["sql_connect"] = {"database": database, "host": host, "user": "".join(directive.arguments[1:2])}
    ask(outcome, "sql")
    if len(directive.arguments) > 2:  # noqa: PLR2004 - database, user, password
        outcome.remark(directive, "write the password into a file, and name it as accounts.sql.connect_password_file")


@becomes("`accounts.sql.query`")
def _sql_user_info(outcome: Outcome, directive: Directive) -> None:
    table, user, password, _, _, home, *_ = directive.arguments
    outcome.notes["sql_table"] = (table, user, password, home)
    ask(outcome, "sql")
    outcome.remark(directive, "see whether accounts.sql.query asks for the same, and whether the hashes are accepted")


def _write_query(outcome: Outcome) -> None:
    """Write the query, which depends on the module, and what connect() is given, whose names do."""
    table, user, password, home = outcome.notes["sql_table"]
    module = outcome.get("accounts.sql.module", "pymysql")
    outcome.set("accounts.sql.module", module)
    columns = f"{password} AS password" + (f", {home} AS home" if home.lower() != "null" else "")
    condition = f"{user} = {_PARAMETERS.get(module, '%(user)s')}"
    query = f"SELECT {columns} FROM {table} WHERE {condition}"  # noqa: S608 - it asks what the old file asked
    outcome.set("accounts.sql.query", query)
    given = outcome.notes.get("sql_connect", {})
    host, _, port = given.get("host", "").partition(":")
    name = "dbname" if module == "psycopg" else "database"
    connect = {
        name: given.get("database"),
        "host": host,
        "port": int(port) if port else None,
        "user": given.get("user"),
    }
    for key, value in connect.items():
        if value and (module != "sqlite3" or key == "database"):
            outcome.set(f"accounts.sql.connect.{key}", value)


PROFTPD: dict[str, Converter] = {
    "AuthOrder": _auth_order,
    "AuthUserFile": _auth_user_file,
    "AuthGroupFile": _asking("password_file", "group_file"),
    "AuthFileOptions": left_out("files that everybody may write are refused, and wrong lines are told"),
    "AuthPAM": _auth_pam,
    "AuthPAMConfig": _asking("pam", "service"),
    "AuthPAMOptions": left_out("PAM is told the client's address, and no terminal"),
    "AuthOTPEngine": left_out("ftpstwist user totp gives users a code to log in with"),
    "PersistentPasswd": left_out("the passwd database is asked at every login"),
    "RequireValidShell": _note("valid_shell", "`accounts.pam.valid_shell`"),
    "RootLogin": _note("root_login", "`accounts.pam.allow_root`"),
    "CreateHome": Converter(
        "`accounts.create_home`",
        lambda outcome, directive: outcome.set("accounts.create_home", _is_yes(directive.arguments[0])),
    ),
    "LDAPServer": _ldap_server,
    "LDAPBindDN": _ldap_bind,
    "LDAPUsers": _ldap_users,
    "LDAPGroups": _ldap_groups,
    "LDAPAttr": _ldap_attribute,
    "LDAPUseTLS": _asking("ldap", "start_tls", _is_yes),
    "LDAPQueryTimeout": number_of("accounts.ldap.timeout"),
    "LDAPAuthBinds": left_out("the directory always judges passwords itself"),
    "LDAPSearchScope": left_out("everything below accounts.ldap.base is searched"),
    "LDAPDefaultUID": left_out("files belong to the user the server runs as"),
    "LDAPDefaultGID": left_out("files belong to the user the server runs as"),
    "LDAPForceDefaultUID": left_out("files belong to the user the server runs as"),
    "LDAPForceDefaultGID": left_out("files belong to the user the server runs as"),
    "LDAPGenerateHomedir": left_out("homes follow accounts.home where the directory gives none"),
    "LDAPGenerateHomedirPrefix": word_of("accounts.root"),
    "SQLBackend": _sql_backend,
    "SQLConnectInfo": _sql_connect,
    "SQLUserInfo": _sql_user_info,
    "SQLGroupInfo": left_out("write accounts.sql.groups_query"),
    "SQLAuthTypes": left_out("Argon2, bcrypt, SHA-crypt, scrypt and PBKDF2 are told apart by themselves"),
    "SQLAuthenticate": left_out("name the sources in accounts.sources"),
    "SQLEngine": left_out("name the sources in accounts.sources"),
    "SQLDefaultHomedir": word_of("accounts.home"),
    "SQLMinUserUID": left_out("say it in accounts.sql.query"),
    "SQLUserWhereClause": left_out("say it in accounts.sql.query"),
    "SQLNamedQuery": left_out("write accounts.sql.query and accounts.sql.groups_query"),
    "SQLLog": left_out("the logs are files: see [log]"),
    "SQLLogFile": left_out("what goes wrong with the database is told in the server's own log"),
}
"""Directives of ProFTPD about accounts."""


@becomes("`accounts.sources`")
def _provider(outcome: Outcome, directive: Directive) -> None:
    ask(outcome, *(_PROVIDERS[word.lower()] for word in directive.arguments if word.lower() in _PROVIDERS))


@becomes("`accounts.ldap`: server, base and filter")
def _ldap_url(outcome: Outcome, directive: Directive) -> None:
    url = urlsplit(directive.arguments[0])
    attribute, _, condition = [*url.query.split("?"), "", ""][:3]
    outcome.set("accounts.ldap.servers", [f"{url.scheme}://{host}" for host in url.netloc.split()])
    outcome.set("accounts.ldap.base", unquote(url.path.lstrip("/")))
    name = attribute or "uid"
    condition = unquote(condition) or "(objectClass=*)"
    outcome.set("accounts.ldap.filter", f"(&{condition}({name}={{user}}))")
    outcome.set("accounts.ldap.name_attribute", name)
    ask(outcome, "ldap")


HTTPD: dict[str, Converter] = {
    "AuthUserFile": _auth_user_file,
    "AuthGroupFile": _asking("password_file", "group_file"),
    "AuthBasicProvider": _provider,
    "AuthLDAPURL": _ldap_url,
    "AuthLDAPBindDN": _ldap_bind,
    "AuthLDAPBindPassword": left_out("write it into a file, and name that as accounts.ldap.bind_password_file"),
    "AuthDBDUserPWQuery": left_out("write accounts.sql.query"),
}
"""Directives of httpd about accounts."""
