"""The tables about the control connection: ``[server]``, ``[limits]`` and ``[log]``."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ftpstwist.config.endpoint import Endpoint, endpoint
from ftpstwist.config.form import or_word, path, text, word
from ftpstwist.config.form_charset import charset_form
from ftpstwist.config.form_network import Network, network
from ftpstwist.config.form_numbers import octets, seconds, whole
from ftpstwist.config.schema_legacy import LegacySettings
from ftpstwist.config.schema_log import CustomLogSettings
from ftpstwist.config.setting import setting
from ftpstwist.wire.charset import Charset

HostName = Annotated[
    str, word("a host name", ' such as "ftp.example.org"', r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
]

Endpoints = tuple[Annotated[Endpoint, endpoint()], ...]
Networks = tuple[Annotated[Network, network()], ...]
Duration = Annotated[float, seconds(least=1)]
Text = Annotated[str, text()]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the server listens and how it treats every client."""

    explicit: Endpoints = setting(
        (Endpoint.parse("tcp:21"),),
        "Endpoints for FTP with explicit TLS (AUTH TLS, RFC 4217), as Twisted writes them. "
        'On Linux "tcp6:21" alone serves IPv6 and IPv4. An empty list switches the service off.',
    )
    implicit: Endpoints = setting(
        (Endpoint.parse("tcp:990"),),
        "Endpoints on which TLS starts with the connection (implicit FTPS).",
    )
    state_directory: Annotated[Path, path()] = setting(
        Path("ftps-state"),
        "Folder for what the server writes for itself, such as the self-made certificate. "
        "Made at the first start, for the server alone (mode 0700).",
    )
    admin_socket: bool = setting(
        True,
        'Take orders of "ftpstwist status", "sessions", "kick", "ban" and others on the socket admin.sock in the '
        "state directory; only root and the user that the server runs as may connect.",
    )
    banner: Text = setting("FTPS server ready", "Text of the 220 reply that greets every client.")
    goodbye: Text = setting("Goodbye", "Text of the 221 reply to QUIT.")
    host_names: tuple[HostName, ...] = setting(
        (),
        "Names that HOST (RFC 7151) may give; others are answered 504. "
        "Names in the certificates and in [[hosts]] need not be repeated here.",
    )
    charset: Annotated[Charset, charset_form()] = setting(
        Charset(),
        "What the octets of names mean that clients send, and that they are sent; OPTS UTF8 ON goes before it. For old "
        "clients that know no UTF-8; better in [[policy.rules]], for those. Characters that the set does not have are "
        "shown as {U+20AC}, and understood so. On the disk names are UTF-8.",
    )
    allow: Networks = setting((), "Networks that may connect. An empty list means everybody.")
    deny: Networks = setting((), "Networks that may not connect, even if allowed.")
    proxies: Networks = setting(
        (),
        "Networks of load balancers that put a PROXY header (version 1 or 2) in front of control connections, and are "
        "believed. If any are named, all control connections have to come from there. For data connections see "
        "passive.proxies.",
    )
    workers: Annotated[int, whole(least=1, most=64)] = setting(
        1,
        "Processes that serve. One is enough for files of some size; for thousands of logins and small files a second, "
        "take as many as there are processors. Each has its part of the passive ports, of the threads and of the "
        "limits on data connections; sessions, logins, bans and quotas are counted together.",
    )
    idle_timeout: Duration = setting(
        300.0, "Longest pause between commands while no transfer runs (RFC 1123 wants at least 5 minutes)."
    )
    login_timeout: Duration = setting(60.0, "Longest time from connecting to being logged in.")
    shutdown_timeout: Annotated[float, seconds()] = setting(
        60.0, "How long running transfers may go on when the server is told to stop."
    )
    strict_rfc: bool = setting(
        False, "Refuse PROT without PBSZ before it (RFC 4217 section 9). Many clients leave PBSZ out."
    )
    mdtm_sets_time: bool = setting(
        False, 'Let "MDTM time pathname" set a time, as old clients do. Others use MFMT, which always works.'
    )
    legacy: tuple[LegacySettings, ...] = setting((), "Listeners for old devices.")


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """How much of everything there may be; what goes beyond is refused or waits."""

    sessions: Annotated[int, whole(least=1)] = setting(1000, "Control connections at once, in all.")
    sessions_per_address: Annotated[int, whole(least=1)] = setting(
        50, "Control connections at once from one client address."
    )
    login_attempts: Annotated[int, whole(least=1, most=100)] = setting(
        3, "Wrong passwords after which the connection is closed."
    )
    unknown_commands: Annotated[int, whole(least=1)] = setting(
        10, "Unknown commands after which the connection is closed: such a client speaks another protocol."
    )
    command_line: Annotated[int, octets(least=512, most=1 << 20)] = setting(
        8192, "Longest command line; longer ones are answered 500 and thrown away."
    )
    pipelined_commands: Annotated[int, whole(least=1, most=10_000)] = setting(
        64, "Commands of one client that may wait for their turn; beyond, nothing more is read from it."
    )
    listing_depth: Annotated[int, whole(most=1000)] = setting(
        16, 'Levels of folders below the first that "LIST -R" enters.'
    )
    listing_entries: Annotated[int, whole(least=1)] = setting(
        100_000, 'Entries that "LIST -R" shows in all; the reply says so when there were more.'
    )
    expectations: Annotated[int, whole(least=1)] = setting(
        4096, "Data connections that may be expected at once (PASV, EPSV), in all."
    )
    expectations_per_address: Annotated[int, whole(least=1)] = setting(
        64, "Data connections that one client address may have expected at once."
    )
    closing_connections: Annotated[int, whole(least=1)] = setting(
        512, "Finished data connections that may wait for the client to close; beyond, the oldest is dropped."
    )
    hooks_at_once: Annotated[int, whole(least=1, most=100)] = setting(4, "Hooks that run at the same time.")
    hooks_waiting: Annotated[int, whole(least=1)] = setting(
        1000, "Hooks that may wait for their turn; beyond, they are not run, and the log says how many."
    )
    status_entries: Annotated[int, whole(least=1)] = setting(
        1000, "Entries that STAT shows of a folder on the control connection."
    )


OptionalPath = Annotated[Path | None, or_word(path())]


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Logs in files, beside the events that always go to Twisted's log. Folders must exist."""

    command_log: OptionalPath = setting(None, "One line for every command, with its reply code; secrets are masked.")
    transfer_log: OptionalPath = setting(None, "One line for every transferred file, in the layout of xferlog.")
    json_log: OptionalPath = setting(None, "Both of the above, and logins and TLS failures, as one JSON object a line.")
    failed_sessions: Annotated[int, whole(most=100_000)] = setting(
        100,
        'Sessions that did not go well whose newest events are kept, in the state directory, for "ftpstwist explain". '
        "0 keeps none.",
    )
    custom: tuple[CustomLogSettings, ...] = setting((), "Logs in a format of your own.")

    @property
    def files(self) -> list[tuple[str, Path]]:
        """All files, each with its key."""
        named = {"command_log": self.command_log, "transfer_log": self.transfer_log, "json_log": self.json_log}
        return [
            *((key, file) for key, file in named.items() if file is not None),
            *((f"custom[{position}].file", each.file) for position, each in enumerate(self.custom)),
        ]
