"""``twistd ftps`` as a process: the embedded default, a bad configuration, privileges, and the end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.observe import write_certificate
from tests.support.server import PASSWORD, ROOT, USER, _hash

PROGRAM = str(Path(sys.executable).with_name("twistd"))


@contextmanager
def twistd(folder: Path, *arguments: str, until: str, prefix=()):
    """Run twistd in *folder* until its output holds *until*; ends it by SIGTERM.

    *prefix* is a command that becomes it in the end.
    """
    log = folder / "twistd.out"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*prefix, PROGRAM, "-n", "--pidfile=", *arguments], cwd=folder, stdout=out, stderr=out
        )
    try:
        for _ in range(300):
            if until in log.read_text() or process.poll() is not None:
                break
            signal.sigtimedwait([], 0.05)
        assert until in log.read_text(), log.read_text()
        yield process, log
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def test_embedded_default(tmp_path):
    """The README's first command: without a configuration a server runs, and says what to type next."""
    with twistd(tmp_path, "ftps", "--listen", "tcp:0:interface=127.0.0.1", "--listen-implicit",
                "tcp:0:interface=127.0.0.1", "--passive-ports", "0", until="Ctrl-C") as (process, log):  # fmt: skip
        text = log.read_text()
        password = re.search(r"password  (\S+)", text)[1]
        port = int(re.search(r"ftp://localhost:(\d+)", text)[1])
        with Client("127.0.0.1", port) as client:
            assert client.answer().code == 220
            client.auth().login("demo", password).protect()
            assert client.upload("STOR hello.txt", b"hello").code == 226
        assert (tmp_path / "ftps-state/files/demo/hello.txt").read_bytes() == b"hello"
        assert password not in (tmp_path / "ftps-state/users.toml").read_text()
    assert process.returncode == -signal.SIGTERM
    assert "stopped" in log.read_text()


def test_second_start_keeps_the_password_secret(tmp_path):
    """The generated password is shown once; a later start says how to set another."""
    listen = ["ftps", "--listen", "tcp:0:interface=127.0.0.1", "--listen-implicit", "tcp:0:interface=127.0.0.1",
              "--passive-ports", "0"]  # fmt: skip
    with twistd(tmp_path, *listen, until="Ctrl-C"):
        pass
    with twistd(tmp_path, *listen, until="Ctrl-C") as (_, log):
        assert "ftpstwist user passwd demo" in log.read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nexplicit = 5\nnonsense = 1\n", ["server.explicit", "server.nonsense"]),
        ("[server\n", ["bad.toml:1"]),
        ('[[tls.certificates]]\ncertificate = "none.crt"\nkey = "none.key"\n', ["none.crt", "none.key"]),
    ],
)
def test_bad_configuration(tmp_path, text, words):
    """A configuration that can not be used is refused with everything that is wrong, and nothing listens."""
    (tmp_path / "bad.toml").write_text(text)
    done = subprocess.run(
        [PROGRAM, "-n", "--pidfile=", "ftps", "--config", "bad.toml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    for word in ["bad.toml", *words]:
        assert word in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    assert "listens on" not in done.stdout


def test_port_in_use(tmp_path):
    """A port that is taken ends the start with a plain message and an exit code that is not 0."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [
                PROGRAM,
                "-n",
                "--pidfile=",
                "ftps",
                "--listen",
                f"tcp:{port}:interface=127.0.0.1",
                "--passive-ports",
                "0",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode != 0
    assert f"127.0.0.1:{port}" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def open_to_all() -> list[str]:
    """Return a command that lets every user read the interpreter, in a view of its own, where that is root's."""
    home, interpreter = Path("/root"), Path(sys.executable).resolve()
    if not interpreter.is_relative_to(home) or home.stat().st_mode & 0o001:
        return []
    top = home / interpreter.relative_to(home).parts[0]
    moves = [
        f"mount --bind {top} /mnt",
        "mount -t tmpfs -o mode=755 none /root",
        f"mkdir {top}",
        f"mount --move /mnt {top}",
    ]
    return ["unshare", "--mount", "sh", "-ec", f'{"; ".join(moves)}; exec "$@"', "sh"]


def family(pid):
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may bind ports below 1024")
@pytest.mark.parametrize("workers", [1, 2])
def test_ports_are_bound_before_privileges_are_dropped(tmp_path, workers):
    """``twistd --uid --gid`` serves ports 21 and 990 as nobody, and stores files as nobody, in every process."""
    host = "127.0.21.1"
    nobody = 65534
    (tmp_path / "files").mkdir()
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "users.toml").write_text(f'[users.{USER}]\npassword = "{_hash(PASSWORD)}"\n')
    (tmp_path / "users.toml").chmod(0o600)
    (tmp_path / "ftps.toml").write_text(
        f"""
[server]
explicit = ["tcp:21:interface={host}"]
implicit = ["tcp:990:interface={host}"]
state_directory = "state"
workers = {workers}
[passive]
ports = 0
[log]
command_log = "command.log"
[accounts]
users = "users.toml"
root = "files"
"""
    )
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, nobody, nobody)
    for parent in tmp_path.parents:
        if str(parent) != "/":
            os.chmod(parent, os.stat(parent).st_mode | 0o011)
    arguments = [f"--uid={nobody}", f"--gid={nobody}", "--umask=022", "ftps", "--config", "ftps.toml"]
    with twistd(tmp_path, *arguments, until="port 990", prefix=open_to_all()) as (process, _):
        for port, implicit in ((21, False), (990, True)):
            with Client(host, port, implicit=implicit) as client:
                assert client.answer().code == 220
                if not implicit:
                    client.auth()
                client.login()
                if not implicit:
                    client.protect()
                assert client.upload(f"STOR {port}.txt", b"x").code == 226
        processes = family(process.pid)
        assert len(processes) == (1 if workers == 1 else 1 + workers)
        for pid in processes:
            status = Path(f"/proc/{pid}/status").read_text()
            assert re.search(r"^Uid:\s+65534\s+65534", status, re.MULTILINE)
        assert '"STOR 21.txt" 226' in (tmp_path / "command.log").read_text()  # which root has opened
        stored = tmp_path / "files" / USER / "21.txt"
        assert stored.stat().st_uid == nobody


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_workers_that_could_read_no_key_are_not_started(tmp_path):
    """Workers are started as nobody: a key that is root's alone ends the start with one line that says so."""
    table = write_certificate(tmp_path, "ftp")
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "files").mkdir()
    (tmp_path / "users.toml").write_text("")
    (tmp_path / "users.toml").chmod(0o600)
    (tmp_path / "ftps.toml").write_text(
        '[server]\nexplicit = ["tcp:0:interface=127.0.0.1"]\nimplicit = []\nstate_directory = "state"\nworkers = 2\n'
        f'[passive]\nports = 0\n[accounts]\nusers = "users.toml"\nroot = "files"\n{table}'
    )
    done = subprocess.run(
        [*open_to_all(), PROGRAM, "-n", "--pidfile=", "--uid=65534", "--gid=65534", "ftps", "--config", "ftps.toml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    told = done.stdout + done.stderr
    assert f"{tmp_path}/ftp.key can not be read by the user that the server has become" in told
    assert "worker 1 is started" not in told
    assert "Traceback" not in told


def test_readme_names_two_commands():
    """The README has exactly two commands that set everything up, and the first one starts this server."""
    commands = re.findall(r"^    (python3 -m venv .*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("twistd --nodaemon ftps")
    assert commands[1].endswith("pytest")


def test_socket_of_systemd(tmp_path):
    """A listening socket handed over by systemd is used as an endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        (tmp_path / "start").write_text(
            f"#!/bin/sh\nLISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=ftp exec {PROGRAM} -n --pidfile= ftps "
            "--listen systemd:domain=INET:name=ftp --listen-implicit tcp:0:interface=127.0.0.1 --passive-ports 0\n"
        )
        log = tmp_path / "out"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["/bin/sh", "start"],
                cwd=tmp_path,
                stdout=out,
                stderr=out,
                close_fds=False,
                preexec_fn=lambda: os.dup2(listening.fileno(), 3),  # noqa: PLW1509 - no thread runs here
            )
    try:
        with Client("127.0.0.1", port) as client:
            assert client.answer().code == 220, log.read_text()
    finally:
        process.terminate()
        process.wait(30)


def test_auth_plugin_of_twisted(tmp_path):
    """``--auth`` takes any strcred plugin, in place of the users file."""
    arguments = ["ftps", "--auth", "memory:bob:secret", "--listen", "tcp:0:interface=127.0.0.1",
                 "--listen-implicit", "tcp:0:interface=127.0.0.1", "--passive-ports", "0"]  # fmt: skip
    with twistd(tmp_path, *arguments, until="Ctrl-C") as (_, log):
        port = int(re.search(r"ftp://localhost:(\d+)", log.read_text())[1])
        with Client("127.0.0.1", port) as client:
            assert client.answer().code == 220
            client.auth().login("bob", "secret").protect()
            assert client.upload("STOR x", b"x").code == 226
    assert (tmp_path / "ftps-state/files/bob/x").exists()
