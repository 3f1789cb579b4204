"""Accounts outside of the users file, over real sessions with the real services behind the server."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time

import pytest

from ftpstwist.auth.passwords import PasswordCost, Passwords
from ftpstwist.auth.totp import STEP_SECONDS, code_at
from ftpstwist.session.identity import Secret
from tests.conformance.conftest import CLEAR
from tests.contracts.checkers import PASSWORD
from tests.support.client import connected
from tests.support.directory import BASE, PEOPLE, running_directory, slapd_is_here
from tests.support.pam import PamService, pam_is_here
from tests.support.server import running_server


def login(server, user, password):
    """Return the code of PASS, and that of PWD behind it."""
    with connected(server) as client:
        assert client.code(f"USER {user}") == 331
        return client.code(f"PASS {password}"), client.code("PWD")


@pytest.fixture(scope="module")
def pam(tmp_path_factory):
    """A PAM service that knows one user of the machine."""
    pytest.importorskip("pamela")
    return PamService(tmp_path_factory.mktemp("pam"), nobody="secret")


@pytest.fixture(scope="module")
def pam_server(pam, start_server):
    """A server that asks the users file, and then PAM."""
    return start_server(f"""{CLEAR}
[accounts]
sources = ["users", "pam"]
[accounts.pam]
folder = "{pam.services}"
session = true
""")


@pam_is_here
class TestPam:
    """Users of the machine, as PAM and the passwd database know them."""

    def test_the_password_of_the_machine_opens_an_account(self, pam_server, pam):
        """A user without an entry in the users file gets a home, and a PAM session."""
        assert login(pam_server, "nobody", "secret") == (230, 257)
        assert (pam_server.files.parent / "nobody").is_dir()
        assert pam.asked[:3] == [
            "auth nobody 127.0.0.1",
            "account nobody 127.0.0.1",
            "open_session nobody 127.0.0.1",
        ]

    def test_a_wrong_one_does_not(self, pam_server):
        """The reply tells nothing, the log does."""
        assert login(pam_server, "nobody", "guess") == (530, 530)
        assert "PAM: " in pam_server.log("events.json")

    def test_the_users_file_is_asked_as_well(self, pam_server):
        """Both kinds of accounts live side by side."""
        assert login(pam_server, "alice", "correct horse") == (230, 257)

    def test_root_is_no_user(self, pam_server, pam):
        """Even with the right password."""
        (pam.folder / "passwords" / "root").write_text("secret")
        assert login(pam_server, "root", "secret")[0] == 530


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A directory with alice, of the group staff, in it."""
    pytest.importorskip("ldap")
    with running_directory(tmp_path_factory.mktemp("ldap") / "d") as running:
        yield running


@pytest.fixture(scope="module")
def ldap_server(directory, start_server):
    """A server all of whose users are in the directory."""
    return start_server(f"""{CLEAR}
[accounts]
sources = ["ldap"]
permissions = "none"
[accounts.group_permissions]
staff = "read-only"
[accounts.ldap]
servers = ["ldap://127.0.0.1:1", "{directory.uri}"]
ca_file = "{directory.folder}/ca.pem"
bind_dn = "cn=service,{BASE}"
bind_password_file = "{directory.folder}/service.txt"
base = "{PEOPLE}"
group_base = "ou=groups,{BASE}"
""")


@pytest.fixture(scope="module")
def dead_server(start_server):
    """A server whose directory is down; two wrong passwords ban an address."""
    pytest.importorskip("ldap")
    return start_server(f"""{CLEAR}
[accounts]
sources = ["ldap", "users"]
[accounts.ldap]
servers = ["ldap://127.0.0.1:1"]
base = "{PEOPLE}"
[accounts.defence]
failures = 2
""")


@slapd_is_here
class TestLdap:
    """Users of a directory."""

    def test_its_password_opens_an_account_with_the_rights_of_its_group(self, ldap_server):
        """The first server is down; the entry in the users file has another password, which is not asked."""
        with connected(ldap_server) as client:
            assert (client.code("USER alice"), client.code(f"PASS {PASSWORD}")) == (331, 230)
            assert client.code("MKD x") == 550
        assert login(ldap_server, "alice", "correct horse") == (530, 530)

    def test_a_name_is_no_filter(self, ldap_server):
        """Nobody gets in as everybody."""
        assert login(ldap_server, "*", PASSWORD) == (530, 530)
        assert login(ldap_server, "alice)(uid=*", PASSWORD) == (530, 530)


def test_a_directory_that_is_down_lets_nobody_in_and_bans_nobody(dead_server):
    """Each login is answered 421, the log says which server it is, and no later source is asked."""
    for _ in range(5):
        with connected(dead_server) as client:
            assert client.code("USER alice") == 331
            reply = client.do("PASS correct horse")
            assert (reply.code, "not possible now" in reply.text) == (421, True)
    assert "LDAP can not be asked about 'alice': ldap://127.0.0.1:1: Can't contact LDAP server" in dead_server.log()
    assert "banned" not in dead_server.log()


def test_users_of_a_database_and_of_a_password_file(start_server, tmp_path):
    """Both are found without an entry in the users file, with the homes they name."""
    otherhashes = pytest.importorskip("passlib.hash")
    stored = otherhashes.sha512_crypt.using(rounds=1000).hash("secret")
    database = sqlite3.connect(tmp_path / "accounts.db")
    database.execute("CREATE TABLE users (name, password, home, permissions)")
    database.execute("INSERT INTO users VALUES ('bob', ?, ?, 'read-only')", (stored, str(tmp_path / "bob")))
    database.commit()
    database.close()
    (tmp_path / "passwords").write_text(f"carol:{stored}\n")
    server = start_server(f"""{CLEAR}
[accounts]
sources = ["users", "sql", "password_file"]
[accounts.sql]
query = "SELECT password, home, permissions FROM users WHERE name = :user"
[accounts.sql.connect]
database = "{tmp_path}/accounts.db"
[accounts.password_file]
file = "{tmp_path}/passwords"
""")
    with connected(server) as client:
        assert (client.code("USER bob"), client.code("PASS secret")) == (331, 230)
        assert client.code("MKD x") == 550
    assert (tmp_path / "bob").is_dir()
    assert login(server, "carol", "secret") == (230, 257)
    assert login(server, "bob' --", "secret") == (530, 530)
    assert login(server, "carol", "guess") == (530, 530)


SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(scope="module")
def coded_server(tmp_path_factory):
    """A server whose alice needs a code."""
    with running_server(tmp_path_factory.mktemp("ftps"), CLEAR, f'totp = "{SECRET}"\n') as server:
        yield server


def test_a_code_is_asked_for_and_counts_once(coded_server):
    """With ACCT; the same code again, or none, opens nothing."""
    with connected(coded_server) as client:
        assert (client.code("USER alice"), client.code("PASS correct horse")) == (331, 332)
        code = code_at(SECRET, int(time.time() // STEP_SECONDS))
        assert (client.code("PWD"), client.code(f"ACCT {code}"), client.code("PWD")) == (530, 230, 257)
    with connected(coded_server) as client:
        assert (client.code("USER alice"), client.code("PASS correct horse")) == (331, 332)
        assert client.code(f"ACCT {code}") == 530
    assert "the code was used before" in coded_server.log("events.json")
    assert SECRET not in coded_server.log() + coded_server.log("events.json")


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
@pytest.mark.parametrize("way", ["account", "appended"])
def test_curl_logs_in_with_a_code(coded_server, way):
    """By --ftp-account, or with the digits behind the password, as any client can."""
    with running_server(coded_server.folder.parent / way, CLEAR, f'totp = "{SECRET}"\n') as server:
        code = code_at(SECRET, int(time.time() // STEP_SECONDS))
        more = ["-u", "alice:correct horse", "--ftp-account", code]
        if way == "appended":
            more = ["-u", f"alice:correct horse{code}"]
        url = f"ftp://127.0.0.1:{server.port()}/"
        done = subprocess.run(
            ["curl", "-sSk", "--ssl-reqd", *more, url], capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_a_user_names_the_host_whose_accounts_count(tmp_path):
    """``alice@b.example.org`` is another alice, with another password and another home."""
    hosts = '[[hosts]]\nnames = ["b.example.org"]\nusers = "b.toml"\nroot = "b-files"\n'
    stored = Passwords(PasswordCost(memory_kib=8, iterations=1)).hash_password(Secret("other"))
    (tmp_path / "b.toml").write_text(f'[users.alice]\npassword = "{stored}"\n')
    (tmp_path / "b.toml").chmod(0o600)
    config = f'{CLEAR}\n[accounts]\nhost_in_user = "choose"\n'
    with running_server(tmp_path, config, tables=hosts) as server:
        assert login(server, "alice@B.example.org", "other") == (230, 257)
        assert (tmp_path / "b-files" / "alice").is_dir()
        assert login(server, "alice@b.example.org", "correct horse") == (530, 530)
        assert login(server, "alice", "correct horse") == (230, 257)
        assert login(server, "alice@c.example.org", "correct horse") == (530, 530)


def test_a_challenge_is_for_everybody(tmp_path):
    """USER is answered 336, whether there is such a user or not; the digits stand behind the password."""
    config = f'{CLEAR}\n[accounts.totp]\nask = "at-user"\n'
    with running_server(tmp_path, config, f'totp = "{SECRET}"\n') as server:
        with connected(server) as client:
            assert [client.code("USER nobody"), client.code("USER alice")] == [336, 336]
            assert client.code("PASS correct horse") == 530
        with connected(server) as client:
            code = code_at(SECRET, int(time.time() // STEP_SECONDS))
            assert [client.code("USER alice"), client.code(f"PASS correct horse{code}")] == [336, 230]
