"""``ftpstwist doctor`` at other people's servers: healthy, and with the faults that people really have.

Debian: proftpd-core and proftpd-mod-crypto, vsftpd, pure-ftpd; only one of them can be installed at a time, but unpacked
packages on PATH will do. They have to be started by root.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ftpstwist.cli.main import main
from ftpstwist.tls.selfsigned import make_self_signed, write_pair
from tests.support.observe import eventually

PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
MODULES = Path("/usr/lib/proftpd")
USER, PASSWORD = "carol", "pass word"
HASH = "$1$abcdefgh$yTpYrEJJOuAsO2Aee15/D1"  # openssl passwd -1 -salt abcdefgh
NOBODY = 65534

PROFTPD = """\
ServerType standalone
ServerName test
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
TransferLog none
SystemLog {folder}/log
ScoreboardFile {folder}/scoreboard
PidFile {folder}/pid
TLSEngine on
TLSRequired on
TLSLog {folder}/tlslog
TLSRSACertificateFile {folder}/server.crt
TLSRSACertificateKeyFile {folder}/server.key
DefaultRoot ~
"""
VSFTPD = """\
listen=YES
background=NO
listen_address=127.0.0.1
listen_port={port}
anonymous_enable=YES
no_anon_password=NO
anon_root={folder}
anon_upload_enable=YES
anon_other_write_enable=YES
write_enable=YES
anon_world_readable_only=NO
anon_umask=022
ssl_enable=YES
allow_anon_ssl=YES
rsa_cert_file={folder}/server.crt
rsa_private_key_file={folder}/server.key
ssl_ciphers=HIGH
secure_chroot_dir={folder}/empty
seccomp_sandbox=NO
"""

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(os.geteuid() != 0, reason="these servers have to be started by root"),
]


def program(name):
    path = shutil.which(name, path=PLACES)
    if path is None or (name == "proftpd" and not (MODULES / "mod_tls.so").exists()):
        pytest.skip(f"{name} is not installed")
    return path


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def answers(process, port):
    """Whether the server takes connections; it has none yet if it is not ours."""
    assert process.poll() is None, f"the server ended with {process.poll()}"
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def started(folder, port, *command):
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            eventually(lambda: answers(process, port), command[0])
            yield port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def folder():
    """A folder that an unprivileged user may enter, with a home, a certificate and the password."""
    with tempfile.TemporaryDirectory(prefix="doctor") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("home", "empty"):
            (folder / part).mkdir()
        os.chown(folder / "home", NOBODY, NOBODY)
        write_pair(make_self_signed(["localhost", "127.0.0.1"], now=datetime.now(UTC)), folder, "server")
        (folder / "password").write_text(PASSWORD)
        yield folder


@pytest.fixture
def examine(folder, capsys):
    def examine(port, *arguments, user=USER):
        trust = ["--ca-file", str(folder / "server.crt"), "--timeout", "5", "--json"]
        login = ["--user", user, "--password-file", str(folder / "password")]
        status = main(["doctor", "127.0.0.1", "--port", str(port), *trust, *login, *arguments])
        findings = json.loads(capsys.readouterr().out)["findings"]
        bad = {each["step"]: each["text"] for each in findings if each["verdict"] in {"problem", "serious"}}
        good = {each["step"]: each["text"] for each in findings if each["verdict"] in {"note", "ok"}}
        return status, bad, good

    return examine


@pytest.fixture
def proftpd(folder):
    path = program("proftpd")
    with ExitStack() as running:

        def start(more="", text=PROFTPD, tries=3):
            port = free_port()
            users = folder / "users"
            users.write_text(f"{USER}:{HASH}:{NOBODY}:{NOBODY}::{folder}/home:/bin/sh\n")
            users.chmod(0o600)
            (folder / "conf").write_text(text.format(port=port, folder=folder, modules=MODULES) + more)
            try:
                return running.enter_context(started(folder, port, path, "-n", "-c", str(folder / "conf")))
            except AssertionError:  # somebody else was quicker to take the port
                if tries == 1:
                    raise
                return start(more, text, tries - 1)

        yield start


@pytest.fixture
def vsftpd(folder):
    path = program("vsftpd")
    (folder / "home").rename(folder / "incoming")
    shutil.chown(folder / "incoming", "ftp")
    with ExitStack() as running:

        def start(more=""):
            port = free_port()
            (folder / "conf").write_text(VSFTPD.format(port=port, folder=folder) + more)
            return running.enter_context(started(folder, port, path, str(folder / "conf")))

        yield start


def test_proftpd(proftpd, examine):
    """ProFTPD as it comes is well, apart from a cut upload; that it requires session resumption is told."""
    port = proftpd()
    status, problems, told = examine(port)
    assert (status, problems) == (0, {})
    assert "required" in told["resumption"]
    assert "octet by octet" in told["download"]
    status, problems, _ = examine(port, "--thorough")
    assert (status, list(problems)) == (1, ["cut upload"])


def test_proftpd_behind_a_router(proftpd, examine):
    """The private address of PASV is found, and everything else still tried."""
    status, problems, told = examine(proftpd("MasqueradeAddress 10.1.2.3\n"))
    assert status == 1
    assert "10.1.2.3" in problems.pop("PASV")
    assert problems == {}
    assert "octet by octet" in told["download"]


def test_proftpd_without_tls(proftpd, examine):
    """TLSEngine off: no password is sent."""
    status, problems, told = examine(proftpd(text=PROFTPD.replace("TLSEngine on", "TLSEngine off")))
    assert (status, list(problems)) == (1, ["AUTH TLS"])
    assert "in clear" in told["login"]


def test_proftpd_implicit(proftpd, examine):
    """UseImplicitSSL is found out, and told to whoever insists on the other mode."""
    port = proftpd("TLSOptions UseImplicitSSL NoSessionReuseRequired\n")
    status, problems, told = examine(port, "--timeout", "1")
    assert (status, problems) == (0, {})
    assert "not required" in told["resumption"]
    status, problems, _ = examine(port, "--explicit", "--timeout", "1")
    assert (status, list(problems)) == (1, ["greeting"])


def test_proftpd_with_an_expired_certificate(proftpd, examine, folder):
    """The date is named, and what can be tried without trust is tried."""
    for name in ("server.crt", "server.key"):
        (folder / name).unlink()
    write_pair(make_self_signed(["127.0.0.1"], now=datetime.now(UTC) - timedelta(days=60), days=30), folder, "server")
    status, problems, told = examine(proftpd())
    assert status == 1
    assert "expired" in problems["certificate"]
    assert "octet by octet" in told["download"]


def test_vsftpd(vsftpd, examine):
    """The server requires session resumption, and hangs up on who does not; the doctor tries that last."""
    status, problems, told = examine(vsftpd(), "--path", "incoming", user="anonymous")
    assert (status, problems) == (0, {})
    assert "required" in told["resumption"]


def test_vsftpd_behind_a_router(vsftpd, examine):
    """The same fault, the same words."""
    status, problems, _ = examine(vsftpd("pasv_address=10.1.2.3\n"), "--no-upload", user="anonymous")
    assert (status, list(problems)) == (1, ["PASV"])


def test_pure_ftpd(folder, examine):
    """Pure-FTPd does not resume TLS sessions: a note. It gives a foreign address: a problem."""
    server, users = program("pure-ftpd"), program("pure-pw")
    pem = folder / "both.pem"
    pem.write_bytes((folder / "server.key").read_bytes() + (folder / "server.crt").read_bytes())
    pem.chmod(0o600)
    accounts = ["-f", str(folder / "passwd"), "-F", str(folder / "puredb"), "-m"]
    subprocess.run(
        [users, "useradd", USER, "-u", str(NOBODY), "-g", str(NOBODY), "-d", str(folder / "home"), *accounts],
        input=f"{PASSWORD}\n{PASSWORD}\n",
        text=True,
        check=True,
        capture_output=True,
    )
    port = free_port()
    options = ["-Y", "2", "-2", str(pem), "-u", "1", "-l", f"puredb:{folder}/puredb", "-g", str(folder / "pid")]
    with started(folder, port, server, "-S", f"127.0.0.1,{port}", "-P", "192.0.2.77", *options):
        status, problems, told = examine(port)
    assert (status, list(problems)) == (1, ["PASV"])
    assert "does not resume" in told["resumption"]
    assert "octet by octet" in told["download"]
