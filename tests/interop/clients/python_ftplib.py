"""Python's ftplib, as it comes (it never resumes TLS sessions), and as people teach it to resume them."""

from __future__ import annotations

import ftplib
import ssl
from contextlib import contextmanager
from pathlib import Path

from tests.interop.clients.adapter import CHANGES, RESUMES, TRANSFERS, Adapter, ClientError, Step, Target
from tests.support.server import PASSWORD, USER

_TIMEOUT = 15


class ExplicitFTP(ftplib.FTP_TLS):
    """ftplib as it comes."""

    resumes = False


class ImplicitFTP(ExplicitFTP):
    """Implicit TLS, the way the recipes have it: every control socket is wrapped as soon as it is set."""

    _sock = None

    @property
    def sock(self):
        return self._sock

    @sock.setter
    def sock(self, value):
        if value is not None and not isinstance(value, ssl.SSLSocket):
            value = self.context.wrap_socket(value, server_hostname=self.host)
        self._sock = value


class _Resuming:
    def ntransfercmd(self, cmd, rest=None):
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        return self.context.wrap_socket(connection, server_hostname=self.host, session=self.sock.session), size


class ResumingExplicitFTP(_Resuming, ExplicitFTP):
    """Data connections resume the control connection's session."""


class ResumingImplicitFTP(_Resuming, ImplicitFTP):
    """The same under implicit TLS."""


class Ftplib(Adapter):
    name = "ftplib"
    verbs = TRANSFERS | CHANGES | RESUMES
    options = frozenset({"implicit", "1.2", "1.3", "active", "verifies"})
    resumes = False

    def missing(self) -> str:
        return ""

    def perform(self, target: Target, *steps: Step) -> list[list[str]]:
        try:
            with connected_ftplib(target, resumes=self.resumes) as ftp:
                done = [(verb, _STEPS[verb](ftp, *words)) for verb, *words in steps]
        except (ftplib.Error, OSError) as error:
            raise ClientError(str(error)) from error
        return [names for verb, names in done if verb == "list"]


class ResumingFtplib(Ftplib):
    name = "ftplib that resumes"
    resumes = True


@contextmanager
def connected_ftplib(target: Target, *, resumes: bool):
    """Log in with TLS on both connections; quit at the end."""
    context = ssl.create_default_context(cafile=target.certificate)
    if target.tls:
        context.minimum_version = context.maximum_version = ssl.TLSVersion[f"TLSv{target.tls.replace('.', '_')}"]
    kind = {
        (False, False): ExplicitFTP,
        (False, True): ImplicitFTP,
        (True, False): ResumingExplicitFTP,
        (True, True): ResumingImplicitFTP,
    }[resumes, target.implicit]
    with kind(context=context, timeout=_TIMEOUT, encoding="utf-8") as ftp:
        ftp.connect(target.host, target.port)
        ftp.set_pasv(not target.active)
        ftp.login(USER, PASSWORD)
        ftp.prot_p()
        yield ftp


def _get(ftp: ftplib.FTP, remote: str, local: str) -> None:
    with Path(local).open("wb") as file:
        ftp.retrbinary(f"RETR {remote}", file.write)


def _resume_get(ftp: ftplib.FTP, remote: str, local: str) -> None:
    with Path(local).open("ab") as file:
        ftp.retrbinary(f"RETR {remote}", file.write, rest=file.tell())


def _put(ftp: ftplib.FTP, local: str, remote: str) -> None:
    with Path(local).open("rb") as file:
        ftp.storbinary(f"STOR {remote}", file)


def _resume_put(ftp: ftplib.FTP, local: str, remote: str) -> None:
    ftp.voidcmd("TYPE I")
    offset = ftp.size(remote)
    with Path(local).open("rb") as file:
        file.seek(offset)
        ftp.storbinary(f"STOR {remote}", file, rest=offset)


_STEPS = {
    "list": lambda ftp, folder: [name for name, facts in ftp.mlsd(f"/{folder}") if facts["type"] in {"file", "dir"}],
    "get": _get,
    "resume-get": _resume_get,
    "put": _put,
    "resume-put": _resume_put,
    "mkdir": lambda ftp, folder: ftp.mkd(folder),
    "rmdir": lambda ftp, folder: ftp.rmd(folder),
    "delete": lambda ftp, remote: ftp.delete(remote),
    "rename": lambda ftp, old, new: ftp.rename(old, new),
}
