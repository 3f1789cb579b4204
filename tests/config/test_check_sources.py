"""Sources of accounts, as the check judges them before anybody logs in."""

import pytest

from tests.config.test_check_accounts import folder, said_about

__all__ = ["folder"]


def test_sources_that_can_not_be_asked_are_told(folder, monkeypatch):
    """Before the start, not at the first login: nobody, somebody twice, a package that is missing."""
    assert "nobody can log in" in said_about(folder, "[accounts]\nsources = []", "accounts.sources")[0]
    assert "twice" in said_about(folder, '[accounts]\nsources = ["users", "users"]', "accounts.sources")[0]
    monkeypatch.setattr("ftpstwist.config.check_sources.find_spec", {}.get)
    (said,) = said_about(folder, '[accounts]\nsources = ["pam"]', "accounts.sources")
    assert "Run: pip install 'ftpstwist[pam]'" in said


def test_a_table_that_nobody_asks_is_told(folder):
    """Settings of PAM do not make the server ask PAM."""
    (said,) = said_about(folder, '[accounts.pam]\nservice = "login"', "accounts.pam")
    assert 'Put "pam" into accounts.sources' in said


def test_other_sources_need_no_users_file(tmp_path):
    """Who has all users in PAM has no use for the hint; a missing PAM service is worth one."""
    text = f'[accounts]\nsources = ["pam"]\n[accounts.pam]\nfolder = "{tmp_path}"\n'
    (said,) = said_about(tmp_path, text, "accounts.users", "accounts.pam")
    assert f"there is no {tmp_path}/ftpstwist" in said
    (tmp_path / "ftpstwist").write_text("")
    assert said_about(tmp_path, text, "accounts.users", "accounts.pam") == []


DIRECTORY = """
[accounts]
sources = ["ldap"]
[accounts.ldap]
servers = ["ldap://ldap.example.org"]
base = "dc=example,dc=org"
"""


def test_a_usable_directory_is_nothing_to_talk_about(folder):
    """Few settings are enough."""
    assert said_about(folder, DIRECTORY, "accounts.ldap") == []


def test_a_directory_on_the_same_machine_needs_no_tls(folder):
    """Nobody is between."""
    text = DIRECTORY.replace("ldap.example.org", "127.0.0.1:389") + "start_tls = false\nverify = false\n"
    assert said_about(folder, text, "accounts.ldap") == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("servers = []", "no server is named"),
        ('base = ""', "not said where users are"),
        ('filter = "(uid=alice)"', "Put {user} into it"),
        ('user_dn = "{user}@example.org"', "names no entry of {user}"),
        ('group_base = "dc=g"\ngroup_filter = "(cn=staff)"', "Put {user} or {dn} into it"),
        ('bind_dn = "cn=x"', "no password"),
        ('ca_file = "none.pem"', "no file"),
        ("start_tls = false", "can read passwords"),
        ("verify = false", "can read passwords"),
    ],
)
def test_what_is_wrong_about_a_directory_is_told(folder, line, said):
    """Before the first user finds out."""
    key = line.partition(" =")[0]
    kept = "".join(each + "\n" for each in DIRECTORY.splitlines() if not each.startswith(f"{key} ="))
    assert said in "".join(said_about(folder, kept + line, "accounts.ldap"))


def test_a_password_of_the_directory_is_for_nobodys_eyes(folder):
    """As the hashes in the users file are."""
    (folder / "secret").write_text("x")
    (folder / "secret").chmod(0o644)
    (said,) = said_about(folder, DIRECTORY + 'bind_dn = "cn=x"\nbind_password_file = "secret"', "accounts.ldap")
    assert "Run: chmod o-r" in said


DATABASE = """
[accounts]
sources = ["sql"]
[accounts.sql]
query = "SELECT password FROM users WHERE name = :user AND kind = 'x'"
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", ""),
        ('query = "SELECT password FROM users WHERE name = %(user)s"', ""),
        ("query = \"SELECT password FROM users WHERE name = 'alice'\"", "no parameter"),
        ("query = \"SELECT password FROM users WHERE name = ':user'\"", "Take the quotes away"),
        ('groups_query = "SELECT name FROM groups"', "accounts.sql.groups_query"),
        ('module = "no_such_module"', "Run: pip install no_such_module"),
        ('connect_password_file = "nowhere"', "no file"),
    ],
)
def test_what_is_wrong_about_a_database_is_told(folder, line, said):
    """A query that would treat a name as text of its own, above all."""
    key = line.partition(" =")[0] or "-"
    kept = "".join(each + "\n" for each in DATABASE.splitlines() if not each.startswith(f"{key} ="))
    told = "".join(said_about(folder, kept + line, "accounts.sql"))
    assert said in told
    assert bool(told) == bool(said)


def test_what_is_wrong_about_a_password_file_is_told(folder):
    """It has to be there, and for nobody else to write."""
    text = '[accounts]\nsources = ["password_file"]\n'
    assert "no file" in said_about(folder, text, "accounts.password_file")[0]
    (folder / "passwords").write_text("")
    assert said_about(folder, text, "accounts.password_file") == []
    (folder / "passwords").chmod(0o666)
    assert "Run: chmod o-w" in said_about(folder, text, "accounts.password_file")[0]
