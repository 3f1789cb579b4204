"""rclone, whose TLS is that of Go: one process for each step."""

from __future__ import annotations

from functools import cache

from tests.interop.clients.adapter import CHANGES, TRANSFERS, Adapter, Step, Target, run
from tests.support.server import PASSWORD, USER


class Rclone(Adapter):
    name = "rclone"
    program = package = "rclone"
    verbs = TRANSFERS | CHANGES
    options = frozenset({"implicit", "1.2", "verifies", "only IPv4"})

    def perform(self, target: Target, *steps: Step) -> list[list[str]]:
        printed = [(verb, rclone(target, *_COMMANDS[verb](*words))) for verb, *words in steps]
        return [[name.rstrip("/") for name in output.splitlines()] for verb, output in printed if verb == "list"]


def rclone(target: Target, *words: str) -> str:
    """Run rclone; the server is called ``server:``."""
    settings = {
        "TYPE": "ftp",
        "HOST": target.host,
        "PORT": str(target.port),
        "USER": USER,
        "PASS": _obscured(),
        "TLS" if target.implicit else "EXPLICIT_TLS": "true",
        "DISABLE_TLS13": "true" if target.tls == "1.2" else "false",
    }
    environment = {f"RCLONE_CONFIG_SERVER_{name}": value for name, value in settings.items()}
    environment |= {"RCLONE_CONFIG": "/dev/null", "SSL_CERT_FILE": str(target.certificate)}
    return run(["rclone", "--retries", "1", "--low-level-retries", "1", *words], environment=environment)


@cache
def _obscured() -> str:
    return run(["rclone", "obscure", PASSWORD]).strip()


def _on_server(path: str) -> str:
    return f"server:{path}"


_COMMANDS = {
    "list": lambda folder: ["lsf", _on_server(folder)],
    "get": lambda remote, local: ["copyto", _on_server(remote), local],
    "put": lambda local, remote: ["copyto", local, _on_server(remote)],
    "mkdir": lambda folder: ["mkdir", _on_server(folder)],
    "rmdir": lambda folder: ["rmdir", _on_server(folder)],
    "delete": lambda remote: ["deletefile", _on_server(remote)],
    "rename": lambda old, new: ["moveto", _on_server(old), _on_server(new)],
}
