"""aioftp, a client for asyncio."""

from __future__ import annotations

import asyncio
import ssl
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from tests.interop.clients.adapter import CHANGES, TRANSFERS, Adapter, ClientError, Step, Target
from tests.support.server import PASSWORD, USER

_TIMEOUT = 15


class Aioftp(Adapter):
    name = "aioftp"
    package = "aioftp, of PyPI"
    verbs = TRANSFERS | CHANGES | {"resume-get"}
    options = frozenset({"implicit", "1.2", "1.3", "verifies"})

    def missing(self) -> str:
        return "" if find_spec("aioftp") else f"the Python package {self.package}, is not installed"

    def perform(self, target: Target, *steps: Step) -> list[list[str]]:
        return asyncio.run(_perform(target, steps))


async def _perform(target: Target, steps: tuple[Step, ...]) -> list[list[str]]:
    import aioftp  # noqa: PLC0415 - may be missing

    context = ssl.create_default_context(cafile=target.certificate)
    if target.tls:
        context.minimum_version = context.maximum_version = ssl.TLSVersion[f"TLSv{target.tls.replace('.', '_')}"]
    client = aioftp.Client(
        socket_timeout=_TIMEOUT, path_timeout=_TIMEOUT, connection_timeout=5, ssl=context if target.implicit else None
    )
    try:
        await client.connect(target.host, target.port)
        if target.implicit:
            await client._send_tls_protection_commands()
        else:
            await client.upgrade_to_tls(context)
        await client.login(USER, PASSWORD)
        found = [names for verb, *words in steps if (names := await _STEPS[verb](client, *words)) is not None]
        await client.quit()
    except (aioftp.AIOFTPException, OSError) as error:
        raise ClientError(str(error)) from error
    finally:
        client.close()
    return found


async def _list(client, folder: str) -> list[str]:
    return [path.name async for path, _ in client.list(f"/{folder}")]


async def _get(client, remote: str, local: str, *, mode: str = "wb", offset: int = 0) -> None:
    with Path(local).open(mode) as file:
        async with client.download_stream(PurePosixPath(remote), offset=offset) as stream:
            async for block in stream.iter_by_block():
                file.write(block)


async def _resume_get(client, remote: str, local: str) -> None:
    await _get(client, remote, local, mode="ab", offset=Path(local).stat().st_size)


async def _put(client, local: str, remote: str) -> None:
    async with client.upload_stream(PurePosixPath(remote)) as stream:
        await stream.write(Path(local).read_bytes())


_STEPS = {
    "list": _list,
    "get": _get,
    "resume-get": _resume_get,
    "put": _put,
    "mkdir": lambda client, folder: client.make_directory(folder, parents=False),
    "rmdir": lambda client, folder: client.remove_directory(folder),
    "delete": lambda client, remote: client.remove_file(remote),
    "rename": lambda client, old, new: client.rename(old, new),
}
