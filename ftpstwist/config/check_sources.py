"""Whether the places where accounts live can be asked: packages, files, templates and queries."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ftpstwist.config.complaint import Complaint
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_sources import NEEDED_PACKAGES, Source

_PLACEHOLDER = re.compile(r"\{\w+\}")
_PARAMETER = re.compile(r":user\b|%\(user\)s|%s|\?")
_ON_THIS_MACHINE = re.compile(r"ldapi:|ldaps?://(127\.|localhost\b|\[::1\])", re.IGNORECASE)
_PAM_FOLDERS = (Path("/etc/pam.d"), Path("/usr/lib/pam.d"), Path("/usr/local/etc/pam.d"))
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def _sources_can_be_asked(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    sources, origin, key = settings.accounts.sources, settings.origin, "accounts.sources"
    if not sources and not settings.accounts.anonymous.enabled:
        yield origin.complain(key, "the list is empty, so nobody can log in", 'Write at least "users"')
    for source in dict.fromkeys(sources):
        if sources.count(source) > 1:
            yield origin.complain(key, f'"{source.value}" is there twice', "Take one of them out")
        needed = NEEDED_PACKAGES.get(source)
        if needed is not None and find_spec(needed.module) is None:
            yield origin.complain(key, f'"{source.value}" needs the package {needed.module}', needed.remedy)
    for source in Source:
        if source not in sources and origin.is_written(f"accounts.{source.value}") and source is not Source.USERS:
            yield origin.warn(
                f"accounts.{source.value}", "nobody is asked there", f'Put "{source.value}" into accounts.sources'
            )


def _pam_service_is_there(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    pam = settings.accounts.pam
    folders = _PAM_FOLDERS if pam.folder is None else (pam.folder,)
    if Source.PAM in settings.accounts.sources and not any((folder / pam.service).exists() for folder in folders):
        yield settings.origin.warn(
            "accounts.pam.service",
            f"there is no {folders[0] / pam.service}, so PAM does what its service other says: usually, it refuses",
            "Make that file, see docs/accounts.md",
        )


def _directory_can_be_asked(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    directory, origin = settings.accounts.ldap, settings.origin
    if Source.LDAP not in settings.accounts.sources:
        return
    if not directory.servers:
        yield origin.complain("accounts.ldap.servers", "no server is named", 'Write ["ldaps://ldap.example.org"]')
    yield from _templates_name_the_user(settings)
    for key in ("ca_file", "bind_password_file"):
        file = getattr(directory, key)
        if file is not None and not file.is_file():
            yield origin.complain(f"accounts.ldap.{key}", f"there is no file {file}", "Give the path of a file")
    secret = directory.bind_password_file
    if secret is not None and secret.is_file() and secret.stat().st_mode & stat.S_IROTH:
        yield origin.warn(
            "accounts.ldap.bind_password_file", f"everybody may read {secret}", f"Run: chmod o-r {secret}"
        )
    if directory.bind_dn and secret is None:
        yield origin.complain("accounts.ldap.bind_dn", "it has no password", "Name a bind_password_file")
    elsewhere = [uri for uri in directory.servers if not _ON_THIS_MACHINE.match(uri)]
    in_clear = not directory.start_tls and any(uri.startswith("ldap:") for uri in elsewhere)
    if in_clear or (elsewhere and not directory.verify):
        yield origin.warn(
            "accounts.ldap.verify" if not directory.verify else "accounts.ldap.start_tls",
            "whoever is between this machine and the directory can read passwords, and let anybody in",
            "Take the setting out, and name the authority in ca_file",
        )


def _templates_name_the_user(settings: Settings) -> Iterator[Complaint]:
    directory, complain = settings.accounts.ldap, settings.origin.complain
    if directory.user_dn and ("{user}" not in directory.user_dn or "=" not in directory.user_dn):
        yield complain("accounts.ldap.user_dn", "it names no entry of {user}", 'Write "uid={user},ou=people,…"')
    if not directory.user_dn and not directory.base:
        yield complain("accounts.ldap.base", "it is not said where users are", "Name a base, or write user_dn")
    if not directory.user_dn and "{user}" not in directory.filter:
        yield complain("accounts.ldap.filter", "it finds the same entry for all", "Put {user} into it")
    if directory.group_base and not {"{user}", "{dn}"} & set(_PLACEHOLDER.findall(directory.group_filter)):
        yield complain("accounts.ldap.group_filter", "it finds the same groups for all", "Put {user} or {dn} into it")


def _database_can_be_asked(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    sql, complain = settings.accounts.sql, settings.origin.complain
    if Source.SQL not in settings.accounts.sources:
        return
    if find_spec(sql.module.partition(".")[0]) is None:
        yield complain("accounts.sql.module", f"there is no module {sql.module}", f"Run: pip install {sql.module}")
    secret = sql.connect_password_file
    if secret is not None and not secret.is_file():
        yield complain("accounts.sql.connect_password_file", f"there is no file {secret}", "Give the path of a file")
    for key, query in (("query", sql.query), ("groups_query", sql.groups_query)):
        if not query and key == "groups_query":
            continue
        if not _PARAMETER.search(query):
            yield complain(f"accounts.sql.{key}", "the name is no parameter of it", "Write :user, %(user)s, %s or ?")
        elif any(_PARAMETER.search(quoted) for quoted in _QUOTED.findall(query)):
            yield complain(
                f"accounts.sql.{key}", "the parameter stands in quotes, where it is text", "Take the quotes away"
            )


def _password_file_can_be_read(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    asked = settings.accounts.password_file
    if Source.PASSWORD_FILE not in settings.accounts.sources:
        return
    for key, file in (("file", asked.file), ("group_file", asked.group_file)):
        name = f"accounts.password_file.{key}"
        if file is None:
            continue
        if not file.is_file():
            yield settings.origin.complain(name, f"there is no file {file}", "Give the path of a file")
        elif file.stat().st_mode & stat.S_IWOTH:
            yield settings.origin.complain(name, f"everybody may write {file}", f"Run: chmod o-w {file}")


RULES = (
    Rule(("accounts.sources",), _sources_can_be_asked),
    Rule(("accounts.sources", "accounts.pam"), _pam_service_is_there),
    Rule(("accounts.sources", "accounts.ldap"), _directory_can_be_asked),
    Rule(("accounts.sources", "accounts.sql"), _database_can_be_asked),
    Rule(("accounts.sources", "accounts.password_file"), _password_file_can_be_read),
)
"""What sources need."""
