"""Whether accounts, their folders and the log files are there and can be used."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ftpstwist.auth.userfile import read_user_file
from ftpstwist.auth.userrecord import UserFileError
from ftpstwist.config.complaint import Complaint, Origin
from ftpstwist.config.locate import locate_keys
from ftpstwist.config.rule import Rule, Surroundings
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_sources import Source
from ftpstwist.tls.authorities import AskClients


def _users_can_log_in(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    users, key = settings.accounts.users, "accounts.users"
    is_source = Source.USERS in settings.accounts.sources
    if not users.exists():
        if not is_source and not settings.origin.is_written(key):
            return
        report = settings.origin.complain if settings.origin.is_written(key) else settings.origin.warn
        yield report(key, f"there is no users file {users}", _add_a_user(users))
        return
    try:
        content = read_user_file(users)
    except UserFileError as error:
        origin = _origin_of(users)
        for each in error.complaints:
            yield origin.complain(each.key, each.cause, each.remedy)
        return
    if content.world_readable:
        yield settings.origin.warn(key, f"everybody may read the hashes in {users}", f"Run: chmod o-r {users}")
    others = settings.accounts.anonymous.enabled or set(settings.accounts.sources) != {Source.USERS}
    if not any(not user.disabled for user in content.users.values()) and not others:
        yield settings.origin.warn(key, f"nobody in {users} may log in", _add_a_user(users))


def _demanded_certificates_are_asked_for(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    users = settings.accounts.users
    if settings.tls.clients.ask is not AskClients.OFF or not users.exists():
        return
    try:
        records = read_user_file(users).users.values()
    except UserFileError:
        return  # it is told above
    origin = _origin_of(users)
    for each in records:
        mode = each.certificate_mode
        if mode is not None and mode.needs_certificate:
            key, cause = "certificate_mode", "the user needs a certificate, but no client is asked for one"
        elif each.certificates:
            key, cause = "certificates", "they count for nothing, for no client is asked for one"
        else:
            continue
        yield origin.warn(
            f"users.{each.name}.{key}", cause, 'Write ask = "optional" in [tls.clients] of the configuration'
        )


def _root_can_be_used(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    accounts, origin, key = settings.accounts, settings.origin, "accounts.root"
    if accounts.root.is_dir():
        if not os.access(accounts.root, os.R_OK | os.W_OK | os.X_OK):
            yield origin.warn(
                key, f"whoever runs this check may not write in {accounts.root}", "Make it writable for the server"
            )
    elif accounts.root.exists():
        yield origin.complain(key, f"{accounts.root} is not a folder", "Give the path of a folder")
    elif not accounts.create_home:
        yield origin.complain(
            key, f"there is no folder {accounts.root}", f"Run: mkdir {accounts.root}; or set create_home = true"
        )
    elif cause := _obstacle_to_making(accounts.root):
        yield origin.complain(key, cause, "Give the path of a folder that can be made")


def _homes_differ(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    if "{user}" not in settings.accounts.home:
        yield settings.origin.warn(
            "accounts.home",
            "without {user} in it, all users share one home",
            'Write "{root}/{user}", unless that is what you want',
        )


def _anonymous_root_is_there(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    anonymous = settings.accounts.anonymous
    if anonymous.enabled and not anonymous.root.is_dir():
        yield settings.origin.complain(
            "accounts.anonymous.root", f"there is no folder {anonymous.root}", f"Run: mkdir {anonymous.root}"
        )


def _state_can_be_kept(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    folder, key = settings.server.state_directory, "server.state_directory"
    if folder.is_dir():
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & stat.S_IWOTH:
            yield settings.origin.complain(key, f"everybody may write in {folder}", f"Run: chmod 700 {folder}")
        elif mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield settings.origin.warn(key, f"others may look into {folder}", f"Run: chmod 700 {folder}")
    elif cause := _obstacle_to_making(folder):
        yield settings.origin.complain(key, cause, "Give the path of a folder that can be made")


def _logs_can_be_written(settings: Settings, _: Surroundings) -> Iterator[Complaint]:
    for key, file in settings.log.files:
        if file.is_dir():
            yield settings.origin.complain(f"log.{key}", f"{file} is a folder", "Give the path of a file")
        elif not file.parent.is_dir():
            yield settings.origin.complain(
                f"log.{key}", f"there is no folder {file.parent}", f"Run: mkdir {file.parent}"
            )
        elif not os.access(file if file.exists() else file.parent, os.W_OK):
            yield settings.origin.warn(
                f"log.{key}", f"whoever runs this check may not write {file}", "Make it writable for the server"
            )


RULES = (
    Rule(("accounts.users", "accounts.anonymous.enabled", "accounts.sources"), _users_can_log_in),
    Rule(("accounts.users", "tls.clients.ask"), _demanded_certificates_are_asked_for),
    Rule(("accounts.root", "accounts.create_home"), _root_can_be_used),
    Rule(("accounts.home",), _homes_differ),
    Rule(("accounts.anonymous",), _anonymous_root_is_there),
    Rule(("server.state_directory",), _state_can_be_kept),
    Rule(("log",), _logs_can_be_written),
)
"""What has to be on the disk."""


def _add_a_user(users: Path) -> str:
    return f"Run: ftpstwist user add --users {users} NAME"


def _obstacle_to_making(folder: Path) -> str | None:
    """Tell why a folder can not be made, or ``None`` if it can."""
    above = next(parent for parent in folder.parents if os.path.lexists(parent))
    if os.path.lexists(folder) or not above.is_dir():
        return f"{folder if os.path.lexists(folder) else above} is not a folder"
    if not os.access(above, os.W_OK | os.X_OK):
        return f"{folder} can not be made, for {above} is not writable"
    return None


def _origin_of(users: Path) -> Origin:
    """Return an origin that knows the lines of the users file, as far as it can be read."""
    try:
        return Origin(str(users), locate_keys(users.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return Origin(str(users))
