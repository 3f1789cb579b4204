"""``ftpstwist certificate``: make certificates and a small authority for them, look into files, revoke.

A key is never overwritten, and every key is its owner's alone (mode 0600). The
password of a .p12 file is made here and shown once, or read from standard
input; it is never an argument: arguments are seen by everybody on the host.
"""

from __future__ import annotations

import argparse
import re
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from ftpstwist.session.identity import Secret
from ftpstwist.tls.certificate import CertificateError, CertificatePair, fingerprint
from ftpstwist.tls.description import UnknownFileError, describe
from ftpstwist.tls.own_authority import (
    AUTHORITY,
    AUTHORITY_DAYS,
    ISSUED_DAYS,
    AuthorityError,
    ClientNames,
    make_authority,
    read_authority,
    read_crl,
    write_authority,
    write_bundle,
    write_crl,
)
from ftpstwist.tls.selfsigned import make_self_signed, write_pair

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

GENERATED_OCTETS = 15
"""Random octets in a generated password: 20 characters."""
MOST_DAYS = 36500
"""Longest validity: a hundred years."""

DONE, FAILED = 0, 1


def add_arguments(subparsers: Subparsers) -> None:
    """Add ``certificate`` and its own subcommands to the command line."""
    certificate = subparsers.add_parser("certificate", help="make, show and revoke certificates", description=__doc__)
    actions = certificate.add_subparsers(dest="action", required=True, metavar="ACTION")

    made = _action(actions, "self-signed", "a server certificate that signs itself: for tests", days=AUTHORITY_DAYS)
    made.add_argument("names", metavar="NAME", nargs="+", help="host name or address of the server")
    _add_out(made)

    made = _action(actions, "ca", "a small authority of your own, to sign with", days=AUTHORITY_DAYS)
    made.add_argument("name", metavar="NAME", help='what clients show it as, such as "Example Ltd FTP CA"')
    _add_out(made)

    made = _action(actions, "server", "a server certificate, signed by the authority", days=ISSUED_DAYS, signed=True)
    made.add_argument("names", metavar="NAME", nargs="+", help="host name or address of the server")
    _add_out(made)

    made = _action(actions, "client", "a user's certificate, signed by the authority", days=ISSUED_DAYS, signed=True)
    made.add_argument("name", metavar="USER", help="its common name")
    made.add_argument("--email", action="append", default=[], help="an e-mail address in it; may be repeated")
    made.add_argument("--uri", action="append", default=[], help="a URI in it, such as spiffe://…; may be repeated")
    _add_password(made)
    _add_out(made)

    shown = actions.add_parser("show", help="say what is in certificate files", description="Say what is in files.")
    shown.add_argument("files", metavar="FILE", type=Path, nargs="+", help="PEM, .p12 or OCSP response")
    _add_password(shown)

    words = "revoke certificates of the authority: write its list of the revoked anew"
    revoked = _action(actions, "revoke", words, days=ISSUED_DAYS, signed=True)
    revoked.add_argument("files", metavar="FILE", type=Path, nargs="+", help="the certificates, PEM")
    _action(
        actions, "crl", "write the list of the revoked anew, before it is out of date", days=ISSUED_DAYS, signed=True
    )


def run(args: argparse.Namespace) -> int:
    """Do what the arguments say.

    Args:
        args: Arguments that :func:`add_arguments` describes.

    Returns:
        The exit status; 1 if it could not be done, which standard error then explains.
    """
    now = datetime.now(UTC)
    try:
        _ACTIONS[args.action](args, now)
    except (AuthorityError, CertificateError, UnknownFileError) as error:
        print(error, file=sys.stderr)
    except FileExistsError as error:
        print(f"{error}; nothing was changed. Move it away, or choose another --out.", file=sys.stderr)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
    except ValueError as error:
        print(f"That can not be in a certificate: {error}", file=sys.stderr)
    else:
        return DONE
    return FAILED


# --- arguments ------------------------------------------------------------------------------------


def _action(actions: Subparsers, name: str, words: str, *, days: int, signed: bool = False) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=words, description=words[:1].upper() + words[1:] + ".")
    parser.add_argument("--days", type=_days, default=days, help=f"how long it is valid; {days} if not given")
    if signed:
        parser.add_argument(
            "--ca", metavar="DIRECTORY", type=Path, default=Path(), help="where the authority is; here if not given"
        )
    return parser


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", metavar="DIRECTORY", type=Path, default=Path(), help="where to write; here if not given"
    )


def _add_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {MOST_DAYS}")
    return int(text)


def _password(args: argparse.Namespace) -> Secret | None:
    if not args.password_stdin:
        return None
    return Secret(sys.stdin.buffer.readline().rstrip(b"\r\n").decode("utf-8", "replace"))


# --- actions --------------------------------------------------------------------------------------


def _make_self_signed(args: argparse.Namespace, now: datetime) -> None:
    pair = make_self_signed(args.names, now=now, days=args.days)
    _print_server(*_write(pair, args.out, args.names[0]), pair)
    print("Clients have to be told to trust it, by its fingerprint.")


def _make_authority(args: argparse.Namespace, now: datetime) -> None:
    pair = make_authority(args.name, now=now, days=args.days)
    args.out.mkdir(parents=True, exist_ok=True)
    certificate, key, crl = write_authority(pair, args.out, now=now)
    print(f"The authority: {certificate.resolve()}\nIts key:       {key.resolve()}\nRevoked:       {crl.resolve()}")
    print(f"SHA-256:       {fingerprint(pair.leaf)}\n")
    print("Keep the key where no server is; whoever has it can make users. Give the certificate to your clients,")
    print(f"and sign with: ftpstwist certificate server --ca {args.out} NAME\n")
    print("In the configuration, to know users by certificates that it signs:\n")
    print(f'[tls.clients]\nask = "optional"\nauthorities = ["{certificate.resolve()}"]')
    print(f'revocation_lists = ["{crl.resolve()}"]\n')
    print('[[accounts.certificates.rules]]\nfield = "subject.CN"\nmatch = "template"\nvalue = "{user}"')


def _make_server(args: argparse.Namespace, now: datetime) -> None:
    pair = read_authority(args.ca, now=now).sign_server(args.names, now=now, days=args.days)
    _print_server(*_write(pair, args.out, args.names[0]), pair)
    print(f"Clients that know {args.ca / AUTHORITY}.crt trust it.")


def _make_client(args: argparse.Namespace, now: datetime) -> None:
    names = ClientNames(args.name, args.email, args.uri)
    given = _password(args)
    if given is not None and not given.reveal():
        raise AuthorityError("An empty password would protect nothing.")
    pair = read_authority(args.ca, now=now).sign_client(names, now=now, days=args.days)
    password = given or Secret(secrets.token_urlsafe(GENERATED_OCTETS))
    bundle = args.out / f"{_file_name(args.name)}.p12"
    if bundle.exists():
        raise FileExistsError(f"{bundle} exists already")
    certificate, key = _write(pair, args.out, args.name)
    write_bundle(pair, bundle, password, name=args.name)
    print(f"For curl, lftp, openssl:        {certificate.resolve()}\n{'':32}{key.resolve()}")
    print(f"For browsers, FileZilla, Java:  {bundle.resolve()}")
    if given is None:
        print(f"Password of {bundle.name}: {password.reveal()}")
    print(f"SHA-256: {fingerprint(pair.leaf)}")


def _show(args: argparse.Namespace, now: datetime) -> None:
    password = _password(args)
    for path in args.files:
        try:
            parts = describe(path.read_bytes(), password, now=now)
        except UnknownFileError as error:
            raise UnknownFileError(f"{path}: {error}") from None
        print(path)
        for part in parts:
            print(f"    {part.title}")
            for name, value in part.rows:
                print(f"        {name + ':' if name else '':15}{value}")


def _revoke(args: argparse.Namespace, now: datetime) -> None:
    _renew_list(args, [x509.load_pem_x509_certificate(path.read_bytes()) for path in args.files], now)


def _renew(args: argparse.Namespace, now: datetime) -> None:
    _renew_list(args, [], now)


def _renew_list(args: argparse.Namespace, revoked: list[x509.Certificate], now: datetime) -> None:
    path = args.ca / f"{AUTHORITY}.crl"
    crl = read_authority(args.ca, now=now).sign_crl(read_crl(path), revoked, now=now, days=args.days)
    write_crl(crl, path)
    print(
        f"{path}: {len(crl)} revoked, to be renewed before {crl.next_update_utc:%Y-%m-%d} (ftpstwist certificate crl)"
    )


_ACTIONS = {
    "self-signed": _make_self_signed,
    "ca": _make_authority,
    "server": _make_server,
    "client": _make_client,
    "show": _show,
    "revoke": _revoke,
    "crl": _renew,
}


def _write(pair: CertificatePair, directory: Path, name: str) -> tuple[Path, Path]:
    directory.mkdir(parents=True, exist_ok=True)
    return write_pair(pair, directory, _file_name(name))


def _file_name(name: str) -> str:
    """Return the name of files, without endings, for a host or a user."""
    return re.sub(r"[^\w.@-]+", "-", name.replace("*", "wildcard")).strip("-.") or "certificate"


def _print_server(certificate: Path, key: Path, pair: CertificatePair) -> None:
    print(f"SHA-256: {fingerprint(pair.leaf)}\n\nIn the configuration:\n")
    print(f'[[tls.certificates]]\ncertificate = "{certificate.resolve()}"\nkey = "{key.resolve()}"\n')
    print("The user whom the server runs as has to be able to read the key.")
