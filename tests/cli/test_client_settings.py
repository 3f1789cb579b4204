"""``ftpstwist client-settings``: what it prints works, with the very clients it names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from ftpstwist.cli.clientprograms import Account, texts_for
from ftpstwist.cli.main import main
from ftpstwist.tls.selfsigned import make_self_signed, write_pair
from tests.support.server import PASSWORD, USER, running_server

CONFIG = """\
[server]
explicit = ["tcp:21", "tcp6:2121"]
implicit = ["systemd:domain=INET:name=ftps"]
[tls]
session_reuse = "require"
[[tls.certificates]]
certificate = "ours.crt"
key = "ours.key"
"""
EXPLICIT = Account("ftp.example.org", 21, implicit=False, user="alice")
IMPLICIT = Account("::1", 990, implicit=True, user="a b@c", fingerprint="00ff")


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("clients")) as server:
        (server.files / "there.txt").write_text("x")
        yield server


@pytest.fixture
def folder(tmp_path, server):
    """A client's folder, with the certificate it was given."""
    shutil.copy(server.certificate, tmp_path / "server.crt")
    return tmp_path


@pytest.fixture(params=["explicit", "implicit"])
def account(request, server):
    """The user of the running server, as a client has to know it."""
    implicit = request.param == "implicit"
    return Account("localhost", server.port(request.param), implicit, USER, fingerprint="00")


def text_of(account, client):
    return next(list(text.lines) for text in texts_for(account) if text.client.startswith(client))


def run(folder, *command):
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python(account, folder):
    """The snippet logs in, lists under TLS, and resumes sessions, without any other module."""
    script = "\n".join(text_of(account, "Python")).replace("getpass.getpass()", repr(PASSWORD))
    assert script.count(PASSWORD) == 1
    assert run(folder, sys.executable, "-W", "error", "-c", script).strip() == "['there.txt']"


@pytest.mark.interop
@needs("curl")
def test_curl(account, folder):
    """The command line, with the password added, lists the directory."""
    (line,) = text_of(account, "curl")
    assert "there.txt" in run(folder, "sh", "-c", line.replace(f"--user {USER}", f"-sS --user '{USER}:{PASSWORD}'"))


@pytest.mark.interop
@needs("lftp")
def test_lftp(account, folder):
    """The script, with the password added, lists the directory."""
    lines = [line.replace(f'"{USER}"', f'"{USER},{PASSWORD}"') for line in text_of(account, "lftp")]
    assert "there.txt" in run(folder, "lftp", "-c", "; ".join(["set net:max-retries 1", *lines, "cls"]))


@pytest.mark.interop
@needs("rclone")
def test_rclone(account, folder):
    """The section of rclone.conf, with the password added, lists the directory."""
    lines = text_of(account, "rclone")
    secret = run(folder, "rclone", "obscure", PASSWORD).strip()
    lines.insert(1, f"pass = {secret}")
    (folder / "rclone.conf").write_text("\n".join(lines))
    command = lines[-1].partition("then: ")[2].replace("rclone", "rclone --config rclone.conf --retries 1")
    assert "there.txt" in run(folder, "sh", "-c", command)


def test_the_words_of_graphical_clients():
    """FileZilla's words and WinSCP's numbers, for both modes."""
    assert "Encryption:     Require explicit FTP over TLS" in text_of(EXPLICIT, "FileZilla")
    assert "Encryption:     Require implicit FTP over TLS" in text_of(IMPLICIT, "FileZilla")
    winscp = text_of(EXPLICIT, "WinSCP")
    assert winscp[0] == "open ftpes://alice@ftp.example.org:21/"
    assert "Ftps=3" in winscp
    winscp = text_of(IMPLICIT, "WinSCP")
    assert winscp[0] == 'open ftps://a%20b%40c@[::1]:990/ -certificate="00:ff"'
    assert "Ftps=1" in winscp


def test_names_are_quoted_where_they_stand():
    """A user's name with a quote in it is one argument of a shell, and one string of Python."""
    odd = Account("h", 21, implicit=False, user="o'neil; rm")
    assert text_of(odd, "curl") == ["""curl --ssl-reqd --user 'o'"'"'neil; rm' ftp://h:21/"""]
    assert """client.login("o'neil; rm", getpass.getpass())""" in text_of(odd, "Python")


def test_a_configuration(tmp_path, capsys):
    """Every port is there once, with the name of the certificate, its fingerprint, and what the policy demands."""
    names = ["*.example.org", "ftp.example.org"]
    write_pair(make_self_signed(names, now=datetime.now(UTC)), tmp_path, "ours")
    (tmp_path / "ftps.toml").write_text(CONFIG)
    assert main(["client-settings", "--config", str(tmp_path / "ftps.toml"), "--user", "bob"]) == 0
    shown = capsys.readouterr().out
    assert re.findall("^=== (.*) ===$", shown, re.MULTILINE) == [
        "Explicit FTP over TLS, ftp.example.org port 21",
        "Explicit FTP over TLS, ftp.example.org port 2121",
        "Implicit FTP over TLS, ftp.example.org port 990",
        "The certificate of ftp.example.org",
    ]
    assert "client.login('bob', getpass.getpass())" in shown
    assert re.search("^SHA-256 fingerprint: [0-9a-f]{64}$", shown, re.MULTILINE)
    assert "Data connections have to resume the TLS session" in shown


def test_virtual_hosts(tmp_path, capsys):
    """Every name of a host has a part of its own, with the certificate that clients see under it."""
    for stem, names in (("ours", ["ftp.example.org"]), ("b", ["*.b.example.org"])):
        write_pair(make_self_signed(names, now=datetime.now(UTC)), tmp_path, stem)
    hosts = '[[hosts]]\nnames = ["ftp.b.example.org", "www.b.example.org"]\n'
    hosts += '[[hosts.certificates]]\ncertificate = "b.crt"\nkey = "b.key"\n[[hosts]]\nnames = ["c.example.org"]\n'
    (tmp_path / "ftps.toml").write_text(CONFIG + hosts)
    assert main(["client-settings", "--config", str(tmp_path / "ftps.toml")]) == 0
    shown = capsys.readouterr().out
    parts = re.split("^=== The certificate of (.*) ===$", shown, flags=re.MULTILINE)
    names = ["ftp.example.org", "ftp.b.example.org", "www.b.example.org", "c.example.org"]
    assert parts[1::2] == names
    prints = [re.search("SHA-256 fingerprint: (.*)", part)[1] for part in parts[2::2]]
    assert prints[0] == prints[3] != prints[1] == prints[2]
    assert shown.count("programs will refuse it") == 1  # c.example.org has no certificate
    assert main(["client-settings", "--config", str(tmp_path / "ftps.toml"), "--host", "www.b.example.org"]) == 0
    assert prints[1] in capsys.readouterr().out
    lonely = CONFIG.partition("[[tls")[0] + hosts
    (tmp_path / "ftps.toml").write_text(lonely)
    assert main(["client-settings", "--config", str(tmp_path / "ftps.toml")]) == 0
    assert "port 21 ===" in capsys.readouterr().out


def test_the_certificate_the_server_made_itself(server, capsys):
    """Its place is told, and that it does not fit another name."""
    assert main(["client-settings", "--config", str(server.folder / "ftps.toml"), "--host", "ftp.example.org"]) == 0
    shown = capsys.readouterr().out
    assert str(server.certificate) in shown
    assert "not for ftp.example.org: programs will refuse it" in shown


def test_no_host_to_be_found(tmp_path, capsys):
    """Before the first start, without any certificate, the user has to say the host."""
    file = tmp_path / "ftps.toml"
    file.write_text("")
    assert main(["client-settings", "--config", str(file)]) == 1
    assert "give --host" in capsys.readouterr().err
    assert main(["client-settings", "--config", str(file), "--host", "ftp.example.org"]) == 0
    assert "made at the first start" in capsys.readouterr().out


def test_a_broken_configuration(tmp_path, capsys):
    """Nothing is told of a configuration that can not be read."""
    file = tmp_path / "ftps.toml"
    file.write_text('[server]\nexplicit = ["unix:/x"]\n')
    assert main(["client-settings", "--config", str(file)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "server.explicit" in captured.err
    assert "ftpstwist check --config" in captured.err


@pytest.mark.parametrize("option", ["--user", "--host"])
def test_a_name_is_one_line(option, tmp_path, capsys):
    """What would break out of a configuration file is refused."""
    with pytest.raises(SystemExit) as caught:
        main(["client-settings", "--config", str(tmp_path), option, "a\nFSProtocol=0"])
    assert caught.value.code == 2
    assert option in capsys.readouterr().err
