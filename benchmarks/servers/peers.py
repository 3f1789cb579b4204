"""The C servers of Debian: vsftpd, ProFTPD, pure-ftpd. No two of them can be installed at a time.

So those that are not installed are unpacked into the cache folder (``apt-get download``, ``dpkg -x``): nothing is
configured and no service starts. They have to be started by root.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.compiled import CACHE
from benchmarks.servers import Demand, Running, find, free_port, launch, without_transfer
from benchmarks.site import Site

UNPACKED = CACHE / "debian"
USER, PASSWORD = "bench", "octets"
CHEAP_HASH = "abZKZUHyXy7PQ"  # crypt(3) by DES of the password: the cheapest they take
_NOBODY = 65534
_PATHS = tuple(UNPACKED / part for part in ("usr/sbin", "usr/bin"))

_VSFTPD = """\
listen=YES
background=NO
listen_address=127.0.0.1
listen_port={port}
anonymous_enable=YES
local_enable=NO
anon_root={site.home}
ftp_username=nobody
anon_upload_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
write_enable=YES
secure_chroot_dir={folder}/empty
seccomp_sandbox=NO
isolate_network=NO
xferlog_enable=YES
xferlog_file={folder}/xferlog
use_sendfile=YES
max_clients={sessions}
ssl_enable={tls}
allow_anon_ssl={tls}
force_anon_logins_ssl={tls}
force_anon_data_ssl={tls}
ssl_ciphers=HIGH
rsa_cert_file={site.certificate}
rsa_private_key_file={site.key}
"""
_PROFTPD = """\
ServerType standalone
ServerName bench
DefaultAddress 127.0.0.1
Port {port}
User nobody
Group nogroup
ModulePath {modules}
LoadModule mod_tls.c
RequireValidShell off
UseReverseDNS off
DelayEngine off
AuthPAM off
AuthOrder mod_auth_file.c
AuthUserFile {folder}/users
WtmpLog off
TransferLog {folder}/xferlog
SystemLog {folder}/log
ScoreboardFile {folder}/scoreboard
PidFile {folder}/pid
MaxInstances {sessions}
DefaultRoot ~
AllowOverwrite on
TLSEngine {tls}
TLSRequired on
TLSProtocol TLSv1.2 TLSv1.3
TLSECCertificateFile {site.certificate}
TLSECCertificateKeyFile {site.key}
"""


def unpack(*packages: str) -> None:
    """Put packages of Debian into the cache folder without installing them."""
    folder = UNPACKED / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", "-q", *packages], cwd=folder, capture_output=True, check=False)
    for package in packages:
        for file in sorted(folder.glob(f"{package}_*.deb")):
            subprocess.run(["dpkg", "-x", str(file), str(UNPACKED)], check=False)


@cache
def _program(name: str, packages: Sequence[str]) -> str | None:
    found = find(name, *_PATHS)
    if found is None:
        unpack(*packages)
        found = find(name, *_PATHS)
    return found


@dataclass
class Peer:
    """What is common to them."""

    name: str
    packages: tuple[str, ...]

    def wanted(self, demand: Demand) -> Demand:
        return without_transfer(demand)

    def missing(self) -> str | None:
        if os.geteuid() != 0:
            return "it has to be started by root"
        return None if _program(self.name, self.packages) else f"it is not to be had from Debian ({self.packages[0]})"

    def version(self) -> str:
        policy = subprocess.run(
            ["apt-cache", "policy", self.packages[0]], capture_output=True, text=True, check=False
        ).stdout
        found = [line.split()[1] for line in policy.splitlines() if line.strip().startswith("Candidate")]
        return f"Debian {found[0]}" if found else "?"

    def _path(self) -> str:
        return _program(self.name, self.packages) or self.name


class Vsftpd(Peer):
    """vsftpd: the anonymous user, whose login asks no database at all."""

    def __init__(self) -> None:
        super().__init__("vsftpd", ("vsftpd",))

    def start(self, site: Site, demand: Demand) -> Running:
        folder, port = site.own_folder(self.name), free_port()
        (folder / "empty").mkdir()
        config = folder / "conf"
        values = {"tls": "NO" if demand.clear else "YES", "sessions": demand.sessions + 100}
        config.write_text(_VSFTPD.format(port=port, site=site, folder=folder, **values))
        command = [*demand.profiler, self._path(), str(config)]
        return launch(self.name, command, folder=folder, port=port, user="ftp", password="bench@")


class Proftpd(Peer):
    """ProFTPD with mod_tls, its users in a file."""

    def __init__(self) -> None:
        super().__init__("proftpd", ("proftpd-core", "proftpd-mod-crypto"))

    def start(self, site: Site, demand: Demand) -> Running:
        folder, port = site.own_folder(self.name), free_port()
        folder.chmod(0o755)
        users = folder / "users"
        users.write_text(f"{USER}:{CHEAP_HASH}:{_NOBODY}:{_NOBODY}::{site.home}:/bin/sh\n")
        users.chmod(0o600)
        path = self._path()
        modules = Path(path).parents[1] / "lib" / "proftpd"
        values = {"tls": "off" if demand.clear else "on", "sessions": demand.sessions + 100, "modules": modules}
        config = folder / "conf"
        config.write_text(_PROFTPD.format(port=port, site=site, folder=folder, **values))
        command = [*demand.profiler, path, "-n", "-c", str(config)]
        return launch(self.name, command, folder=folder, port=port, user=USER, password=PASSWORD)


class PureFtpd(Peer):
    """pure-ftpd with a virtual user of its own database."""

    def __init__(self) -> None:
        super().__init__("pure-ftpd", ("pure-ftpd", "pure-ftpd-common"))

    def start(self, site: Site, demand: Demand) -> Running:
        folder, port = site.own_folder(self.name), free_port()
        users, database = folder / "users", folder / "users.pdb"
        users.write_text(f"{USER}:{CHEAP_HASH}:{_NOBODY}:{_NOBODY}::{site.home}/./::::::::::::\n")
        compiler = _program("pure-pw", self.packages) or "pure-pw"
        subprocess.run([compiler, "mkdb", str(database), "-f", str(users)], check=True)
        sessions = str(demand.sessions + 100)
        command = [
            *(*demand.profiler, self._path(), "-S", f"127.0.0.1,{port}", "-l", f"puredb:{database}"),
            *("-A", "-E", "-H", "-u", "1", "-c", sessions, "-C", sessions, "-L", "200000:5"),
            *("-g", str(folder / "pid"), "-Y", "0" if demand.clear else "2"),
            *(() if demand.clear else ("-2", str(site.base / "server.pem"))),
        ]
        return launch(self.name, command, folder=folder, port=port, user=USER, password=PASSWORD)
