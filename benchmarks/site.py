"""What all servers serve: one folder on tmpfs, one certificate (ECDSA P-256), the same files.

::

    base/server.crt, server.key, server.pem (both)
    base/home/            owned by root, as vsftpd wants it: what every user sees as /
    base/home/up/         everybody may write
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ftpstwist.tls.selfsigned import make_self_signed, write_pair

_TMPFS = Path("/dev/shm")
_MIB = 1 << 20


@dataclass(frozen=True)
class Site:
    """The folder, and what is in it; files are made when they are first asked for."""

    base: Path

    @property
    def home(self) -> Path:
        return self.base / "home"

    @property
    def certificate(self) -> Path:
        return self.base / "server.crt"

    @property
    def key(self) -> Path:
        return self.base / "server.key"

    def file(self, octets: int) -> str:
        """Return the name of a file of so many octets, which do not compress."""
        path = self.home / f"file-{octets}"
        if not path.exists():
            block = os.urandom(_MIB)
            with path.open("wb") as file:
                for start in range(0, octets, _MIB):
                    file.write(block[: octets - start])
        return path.name

    def small(self, count: int, octets: int) -> str:
        """Return the name of a folder with small files, f00000 and so on."""
        folder = self.home / f"small-{count}-{octets}"
        if not folder.exists():
            folder.mkdir()
            for number in range(count):
                (folder / f"f{number:05}").write_bytes(os.urandom(octets))
        return folder.name

    def folder(self, entries: int) -> str:
        """Return the name of a folder with so many empty files."""
        folder = self.home / f"many-{entries}"
        if not folder.exists():
            folder.mkdir()
            for number in range(entries):
                os.close(os.open(folder / f"entry-{number:06}.dat", os.O_CREAT | os.O_WRONLY, 0o644))
        return folder.name

    def uploads(self) -> list[Path]:
        return sorted((self.home / "up").iterdir())

    def remove_uploads(self) -> None:
        for path in self.uploads():
            path.unlink()

    def own_folder(self, name: str) -> Path:
        """Return a folder for a server's own files: empty at first, everybody may enter."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.base))


@contextmanager
def made_site() -> Iterator[Site]:
    """Make the folder, and take it away in the end."""
    with tempfile.TemporaryDirectory(prefix="ftps-bench-", dir=_TMPFS if _TMPFS.is_dir() else None) as name:
        site = Site(Path(name))
        site.base.chmod(0o755)
        site.home.mkdir(mode=0o755)
        (site.home / "up").mkdir()
        (site.home / "up").chmod(0o777)
        write_pair(make_self_signed(["localhost", "127.0.0.1"], now=datetime.now(UTC)), site.base, "server")
        both = site.base / "server.pem"
        both.write_bytes(site.key.read_bytes() + site.certificate.read_bytes())
        both.chmod(0o600)
        yield site
