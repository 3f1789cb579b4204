"""``ftpstwist user``: add, passwd, totp, remove and list users of a users file.

A password is asked for twice, read from standard input, or made here and shown
once. It is never an argument: arguments are seen by everybody on the host.
A running server notices the change by itself.
"""

from __future__ import annotations

import argparse
import getpass
import secrets
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftpstwist.auth.passwords import PasswordCost, PasswordHashError, Passwords
from ftpstwist.auth.totp import enrolment_uri, new_secret
from ftpstwist.auth.useredit import add_user, list_users, remove_user, set_password, set_totp
from ftpstwist.auth.userrecord import (
    LIMIT_FIELDS,
    NO_LIMIT,
    PERMISSION_SETS,
    PINNED_CERTIFICATE,
    CertificateMode,
    UserFileError,
    UserRecord,
)
from ftpstwist.session.identity import Permission, Secret
from ftpstwist.tls.certificate import fingerprint
from ftpstwist.tls.peer import load_certificates
from ftpstwist.wire.pathname import decode_name

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

GENERATED_OCTETS = 15
"""Random octets in a generated password: 20 characters."""

MAX_CERTIFICATE_OCTETS = 1 << 20
"""Octets read of a file with a certificate."""

DONE, FAILED = 0, 1


class _Refusal(Exception):  # noqa: N818 - tells the user what to do, ends with status 1
    """The command can not be done; the text says why."""


def add_arguments(subparsers: Subparsers) -> None:
    """Add ``user`` and its own subcommands to the command line."""
    user = subparsers.add_parser("user", help="manage the users file", description=__doc__)
    actions = user.add_subparsers(dest="action", required=True, metavar="ACTION")

    add = _action(actions, "add", "add a user", named=True)
    _add_password_options(add)
    add.add_argument("--home", metavar="DIRECTORY", help="absolute path; else the server's template decides")
    add.add_argument(
        "--permissions",
        action="append",
        metavar="[/PREFIX=]WORDS",
        help=f"{', '.join(PERMISSION_SETS)}, or some of {','.join(each.value for each in Permission)}; "
        "once for each prefix. Else the server's default",
    )
    add.add_argument("--group", action="append", metavar="NAME", help="a group the user belongs to; may be repeated")
    add.add_argument(
        "--certificate",
        action="append",
        type=Path,
        metavar="FILE",
        help="the user's certificate, PEM or DER, not its key; may be repeated. Without an option for a password "
        "the user has none, and logs in by certificate only",
    )
    for key in LIMIT_FIELDS:
        add.add_argument(
            f"--{key.replace('_', '-')}", metavar="NUMBER", help='a number, a size such as "10 GiB", or "none"'
        )
    add.add_argument("--disabled", action="store_true", help="keep the user out for now")

    _add_password_options(_action(actions, "passwd", "give a user another password", named=True))
    totp = _action(
        actions, "totp", "ask a user for the codes of an authenticator app, too; shows its secret", named=True
    )
    totp.add_argument("--issuer", metavar="NAME", default="FTPS", help="what the app calls this server")
    totp.add_argument("--off", action="store_true", help="ask for codes no more")
    _action(actions, "remove", "remove a user; the home directory stays", named=True)
    _action(actions, "list", "list the users", named=False)


def run(
    args: argparse.Namespace,
    *,
    ask: Callable[[str], str] = getpass.getpass,
    cost: PasswordCost | None = None,
) -> int:
    """Do what the arguments say.

    Args:
        args: Arguments that :func:`add_arguments` describes.
        ask: Asks for a password without showing it.
        cost: Cost of password hashes, if not the usual.

    Returns:
        The exit status; 1 if it could not be done, which standard error then explains.
    """
    try:
        _do(args, ask, cost)
    except (UserFileError, _Refusal) as error:
        print(error, file=sys.stderr)
    except PasswordHashError as error:
        print(f"The password can not be hashed: {error}", file=sys.stderr)
    except OSError as error:
        print(f"{args.users} can not be changed: {error.strerror}", file=sys.stderr)
    except (KeyboardInterrupt, EOFError):
        print("\nNothing was changed.", file=sys.stderr)
    else:
        return DONE
    return FAILED


def _do(args: argparse.Namespace, ask: Callable[[str], str], cost: PasswordCost | None) -> None:
    match args.action:
        case "add" if args.certificate and not (args.password_stdin or args.generate):
            add_user(args.users, args.name, _settings(args) | {"certificate_mode": CertificateMode.CERTIFICATE.value})
        case "add" | "passwd":
            _store(args, _new_password(args, ask), Passwords(cost))
        case "totp" if args.off:
            set_totp(args.users, args.name, None)
        case "totp":
            _enrol(args)
        case "remove":
            remove_user(args.users, args.name)
        case "list":
            _print_users(list_users(args.users), Passwords(cost))


def _action(actions: Subparsers, name: str, words: str, *, named: bool) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=words, description=words)
    parser.add_argument("--users", metavar="FILE", type=Path, required=True, help="the users file")
    if named:
        parser.add_argument("name", help="name of the user")
    return parser


def _add_password_options(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    ways.add_argument("--generate", action="store_true", help="make a password and show it once")


def _store(args: argparse.Namespace, password: Secret, passwords: Passwords) -> None:
    if not password.reveal():
        raise _Refusal("An empty password would let nobody in. Give one, or use --generate.")
    hashed = passwords.hash_password(password)
    if args.action == "add":
        add_user(args.users, args.name, {"password": hashed} | _settings(args))
    else:
        set_password(args.users, args.name, hashed)
    if args.generate:
        print(f"Password of {args.name}: {password.reveal()}")


def _enrol(args: argparse.Namespace) -> None:
    secret = new_secret(secrets.token_bytes)
    set_totp(args.users, args.name, secret)
    uri = enrolment_uri(secret, user=args.name, issuer=args.issuer)
    print(uri)
    if find_spec("segno") is not None:
        import_module("segno").make(uri, error="l").terminal(compact=True)
    else:
        print("For a QR code run: pip install 'ftpstwist[qr]'", file=sys.stderr)


def _new_password(args: argparse.Namespace, ask: Callable[[str], str]) -> Secret:
    if args.generate:
        return Secret(secrets.token_urlsafe(GENERATED_OCTETS))
    if args.password_stdin:
        return Secret(decode_name(sys.stdin.buffer.readline().rstrip(b"\r\n")))
    first = Secret(ask(f"New password of {args.name}: "))
    if ask("Again: ") != first.reveal():
        raise _Refusal("The two passwords differ. Nothing was changed.")
    return first


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if args.certificate:
        settings["certificates"] = [_pin(file) for file in args.certificate]
    if args.home is not None:
        settings["home"] = args.home
    if args.permissions:
        settings["permissions"] = _permissions(args.permissions)
    if args.group:
        settings["groups"] = args.group
    limits = {key: value for key in LIMIT_FIELDS if (value := getattr(args, key)) is not None}
    if limits:
        settings["limits"] = {key: int(value) if value.isdecimal() else value for key, value in limits.items()}
    if args.disabled:
        settings["disabled"] = True
    return settings


def _pin(file: Path) -> str:
    """Return the fingerprint by which the users file names the first certificate in *file*."""
    try:
        with file.open("rb") as stream:
            certificate = load_certificates(stream.read(MAX_CERTIFICATE_OCTETS))[0]
    except OSError as error:
        raise _Refusal(f"{file} can not be read: {error.strerror}.") from None
    except ValueError:
        raise _Refusal(f"{file} holds no certificate. Give one in PEM or DER form.") from None
    return PINNED_CERTIFICATE + fingerprint(certificate)


def _permissions(given: list[str]) -> Any:
    """Return what TOML would hold; whether it makes sense is for the users file's own check."""
    rules: dict[str, str | list[str]] = {}
    for rule in given:
        prefix, _, words = rule.rpartition("=")
        if (prefix or "/") in rules:
            raise _Refusal(f"--permissions {rule}: there are two for {prefix or '/'}.")
        rules[prefix or "/"] = words if words in PERMISSION_SETS else words.split(",")
    return rules["/"] if list(rules) == ["/"] else rules


def _print_users(users: list[UserRecord], passwords: Passwords) -> None:
    rows = [("NAME", "PASSWORD", "HOME", "PERMISSIONS", "LIMITS")]
    rows += [
        (user.name, _password_state(user, passwords), user.home or "(template)", _rules(user), _limits(user))
        for user in users
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _password_state(user: UserRecord, passwords: Passwords) -> str:
    if user.disabled:
        return "disabled"
    if user.password is None:
        return "certificate" if user.certificates else "none"
    state = "old cost" if passwords.needs_rehash(user.password) else "set"
    return f"{state}, code" if user.totp else state


def _rules(user: UserRecord) -> str:
    if user.permissions is None:
        return "(default)"
    names = {permissions: name for name, permissions in PERMISSION_SETS.items()}
    return " ".join(
        f"{rule.prefix}=" + (names.get(rule.permissions) or ",".join(sorted(each.value for each in rule.permissions)))
        for rule in user.permissions.rules
    )


def _limits(user: UserRecord) -> str:
    given = {key: user.limits[name] for key, name in LIMIT_FIELDS.items() if name in user.limits}
    return " ".join(f"{key}={NO_LIMIT if value is None else value}" for key, value in given.items()) or "(default)"
