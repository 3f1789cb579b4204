"""The embedded default: what makes a first try work without a configuration."""

from __future__ import annotations

import secrets
import sys

from twisted.application.service import Service as TwistedService

from ftpstwist.auth.passwords import Passwords
from ftpstwist.auth.useredit import add_user
from ftpstwist.config.schema import Settings
from ftpstwist.services.certificates import self_made_certificate
from ftpstwist.services.root import FtpsService
from ftpstwist.session.identity import Secret
from ftpstwist.session.state import Service

USER = "demo"
_MODE = 0o700


def prepare_demo(settings: Settings) -> Secret | None:
    """Make the state folder, a user with a password, and a folder for files, where they are missing.

    Returns:
        The password, if the user was made now; it is kept nowhere in clear.

    Raises:
        OSError: The folder can not be written to.
    """
    settings.server.state_directory.mkdir(_MODE, parents=True, exist_ok=True)
    (settings.accounts.root / USER).mkdir(parents=True, exist_ok=True)
    if settings.accounts.users.exists():
        return None
    password = Secret(secrets.token_urlsafe(12))
    add_user(settings.accounts.users, USER, {"password": Passwords().hash_password(password)})
    return password


class DemoService(TwistedService):
    """Tells on the terminal what to type next, once the ports are open.

    Args:
        ftps: The server.
        settings: The configuration it runs with.
        password: Of the demo user, to be shown once; ``None`` if it was shown at an earlier start.
    """

    def __init__(self, ftps: FtpsService, settings: Settings, password: Secret | None) -> None:
        self._ftps = ftps
        self._settings = settings
        self._password = password

    def startService(self) -> None:  # noqa: N802 - Twisted's interface
        """Print it."""
        super().startService()
        print(self._text(), file=sys.__stderr__, flush=True)

    def _text(self) -> str:
        explicit = self._ftps.addresses(Service.EXPLICIT)[0].port
        implicit = self._ftps.addresses(Service.IMPLICIT)[0].port
        trust = self_made_certificate(self._settings.server.state_directory)
        return f"""
ftpstwist is running: ftp://localhost:{explicit} (explicit TLS), ftps://localhost:{implicit} (implicit TLS)
  user      {USER}
  password  {self._shown_password()}
  files     {self._settings.accounts.root / USER}

In another terminal, for example:
  export FTPS_USER='{USER}:{self._password.reveal() if self._password else "PASSWORD"}'
  curl --cacert {trust} --ssl-reqd --user "$FTPS_USER" ftp://localhost:{explicit}/
  curl --cacert {trust} --ssl-reqd --user "$FTPS_USER" --upload-file README.md ftp://localhost:{explicit}/
  curl --cacert {trust} --user "$FTPS_USER" ftps://localhost:{implicit}/README.md
  lftp -e 'set ssl:ca-file {trust}; set ftp:ssl-force true; ls' -u "${{FTPS_USER/:/,}}" ftp://localhost:{explicit}

Ctrl-C stops it.
"""

    def _shown_password(self) -> str:
        if self._password is not None:
            return f"{self._password.reveal()}   (shown only now)"
        users = self._settings.accounts.users
        return f"was shown at the first start; a new one: ftpstwist user passwd {USER} --users {users}"
