"""What to enter in the usual clients to reach one service (RFC 4217, RFC 959).

Everything here is text for people and for copying; nothing is read or tried.
A user's name is quoted for the place where it stands.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

TRUSTED_FILE = "server.crt"
"""Name under which clients keep a certificate that they have to be given."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a client has to know.

    Attributes:
        host: Name or address, as the certificate has it.
        port: Of the control connection.
        implicit: Whether TLS starts with the connection.
        user: Name to log in with.
        fingerprint: SHA-256 of the certificate, lower-case hex; empty if clients trust it anyhow, or it is not known.
    """

    host: str
    port: int
    implicit: bool
    user: str
    fingerprint: str = ""

    @property
    def authority(self) -> str:
        """Host and port, as a URL has them."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ClientText:
    """Settings of one client.

    Attributes:
        client: Its name, and where the settings belong.
        lines: To be entered or copied.
    """

    client: str
    lines: tuple[str, ...]


def texts_for(account: Account) -> Iterator[ClientText]:
    """Give the settings of every client."""
    for client, lines in (
        ("FileZilla (File, Site Manager, New site)", _filezilla),
        ("WinSCP (URL, and the same as a section of its INI file)", _winscp),
        ("lftp (script)", _lftp),
        ("curl", _curl),
        ("rclone (rclone.conf; afterwards: rclone config password ftps pass …)", _rclone),
        ("Python (ftplib)", _python_implicit if account.implicit else _python),
    ):
        yield ClientText(client, tuple(lines(account)))


def _filezilla(account: Account) -> Iterator[str]:
    mode = "implicit" if account.implicit else "explicit"
    yield "Protocol:       FTP - File Transfer Protocol"
    yield f"Host:           {account.host}"
    yield f"Port:           {account.port}"
    yield f"Encryption:     Require {mode} FTP over TLS"
    yield "Logon Type:     Ask for password"
    yield f"User:           {account.user}"
    yield "Transfer mode:  Passive (tab Transfer Settings)"


def _winscp(account: Account) -> Iterator[str]:
    user = quote(account.user, safe="")
    certificate = f' -certificate="{_with_colons(account.fingerprint)}"' if account.fingerprint else ""
    yield f"open {'ftps' if account.implicit else 'ftpes'}://{user}@{account.authority}/{certificate}"
    yield ""
    yield f"[Sessions\\{quote(account.host, safe='')}]"
    yield f"HostName={account.host}"
    yield f"PortNumber={account.port}"
    yield f"UserName={user}"
    yield "FSProtocol=5"
    yield f"Ftps={1 if account.implicit else 3}"
    yield "FtpPasvMode=1"


def _lftp(account: Account) -> Iterator[str]:
    yield "set ftp:ssl-force true"
    yield "set ftp:ssl-protect-data true"
    yield "set ftp:passive-mode true"
    if account.fingerprint:
        yield f"set ssl:ca-file {TRUSTED_FILE}"
    user = account.user.replace("\\", "\\\\").replace('"', '\\"')
    yield f'open -u "{user}" {"ftps" if account.implicit else "ftp"}://{account.authority}'


def _curl(account: Account) -> Iterator[str]:
    trust = f"--cacert {TRUSTED_FILE} " if account.fingerprint else ""
    mode, scheme = ("", "ftps") if account.implicit else ("--ssl-reqd ", "ftp")
    yield f"curl {mode}{trust}--user {shlex.quote(account.user)} {scheme}://{account.authority}/"


def _rclone(account: Account) -> Iterator[str]:
    yield "[ftps]"
    yield "type = ftp"
    yield f"host = {account.host}"
    yield f"port = {account.port}"
    yield f"user = {account.user}"
    yield f"{'tls' if account.implicit else 'explicit_tls'} = true"
    if account.fingerprint:
        yield ""
        yield f"# then: SSL_CERT_FILE={TRUSTED_FILE} rclone ls ftps:"


_PYTHON_HEAD = """\
import ftplib, getpass, socket, ssl


class Client(ftplib.FTP_TLS):
    def ntransfercmd(self, cmd, rest=None):
        # Data connections resume the TLS session of the control connection.
        sock, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            sock = self.context.wrap_socket(sock, server_hostname=self.host, session=self.sock.session)
        return sock, size
"""
_PYTHON_IMPLICIT = """\

    def connect(self, host, port, timeout=60):
        # TLS starts with the connection.
        self.host, self.port = host, port
        plain = socket.create_connection((host, port), timeout)
        self.af = plain.family
        self.sock = self.context.wrap_socket(plain, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
"""


def _python(account: Account, *, more: str = "") -> Iterator[str]:
    yield from (_PYTHON_HEAD + more).splitlines()
    yield ""
    yield ""
    trust = f"cafile={TRUSTED_FILE!r}" if account.fingerprint else ""
    yield f"client = Client(context=ssl.create_default_context({trust}))"
    yield f"client.connect({account.host!r}, {account.port})"
    yield f"client.login({account.user!r}, getpass.getpass())"
    yield "client.prot_p()"
    yield "print(client.nlst())"
    yield "client.quit()"


def _python_implicit(account: Account) -> Iterator[str]:
    return _python(account, more=_PYTHON_IMPLICIT)


def _with_colons(fingerprint: str) -> str:
    return ":".join(fingerprint[place : place + 2] for place in range(0, len(fingerprint), 2))
