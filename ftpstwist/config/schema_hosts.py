"""The tables ``[[hosts]]``: virtual hosts, for servers that have several names."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ftpstwist.config.form import choice, or_word, path, text
from ftpstwist.config.form_charset import charset_form
from ftpstwist.config.schema_accounts import home_template
from ftpstwist.config.schema_server import HostName
from ftpstwist.config.schema_tls import CertificateSettings
from ftpstwist.config.setting import required, setting
from ftpstwist.session.policy import Require
from ftpstwist.wire.charset import Charset

GENERAL = "general"
"""The word for "what the tables for all hosts say"."""

OptionalText = Annotated[str | None, or_word(text(), GENERAL)]
OptionalPath = Annotated[Path | None, or_word(path(), GENERAL)]


@dataclass(frozen=True, slots=True)
class HostSettings:
    """A virtual host. Repeat the table for more.

    Clients choose it by the name they give to TLS (SNI) or by HOST (RFC 7151); the two have to agree. All others are
    served by the default host, which the other tables describe. What is not said here is as it is there.
    """

    names: tuple[HostName, ...] = required("Names of the host, each of one host only.", example='["ftp.example.org"]')
    banner: OptionalText = setting(
        None,
        "As in [server]. On the explicit service the reply to HOST shows it: the greeting comes too early.",
    )
    goodbye: OptionalText = setting(None, "As in [server].")
    charset: Annotated[Charset | None, or_word(charset_form(), GENERAL)] = setting(None, "As in [server].")
    users: OptionalPath = setting(None, "As in [accounts]: the users file, and with it who may log in here.")
    root: OptionalPath = setting(None, "As in [accounts]: folder that holds the homes.")
    home: Annotated[str | None, or_word(home_template(), GENERAL)] = setting(None, "As in [accounts].")
    require: Annotated[Require | None, or_word(choice(Require), GENERAL)] = setting(
        None, "As in [policy]. The rules of [[policy.rules]] hold here, too, and come first."
    )
    certificates: tuple[CertificateSettings, ...] = setting(
        (), "Its certificates. Without any it has that of [[tls.certificates]] with its name, or else the first one."
    )
