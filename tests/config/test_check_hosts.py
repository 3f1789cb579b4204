"""Virtual hosts as the check sees them, with real files."""

import pytest

from ftpstwist.config.hosts import settings_of_host
from ftpstwist.config.load import parse
from ftpstwist.config.summary import summarise
from ftpstwist.session.policy import Require
from ftpstwist.tls.selfsigned import make_self_signed, write_pair
from tests.config.config_support import NOW, about, judge

B_TABLE = '[[hosts]]\nnames = ["b.example.org"]\n'
CERTIFICATES = '[[hosts.certificates]]\ncertificate = "b.crt"\nkey = "b.key"\n'


@pytest.fixture
def folder(tmp_path):
    """A folder with certificates of the default host and of one other, a users file and a root for it."""
    for name, host in (("server", "a.example.org"), ("b", "b.example.org")):
        write_pair(make_self_signed([host], now=NOW), tmp_path, name)
    (tmp_path / "b.toml").write_text('[users.bob]\npassword = "$2b$12$' + 53 * "a" + '"\n')
    (tmp_path / "b.toml").chmod(0o600)
    (tmp_path / "b").mkdir()
    return tmp_path


def said(folder, hosts, general=""):
    """Return what is said about hosts."""
    text = f'{general}[[tls.certificates]]\ncertificate = "server.crt"\nkey = "server.key"\n{hosts}'
    return [each.replace(str(folder), ".") for each in about(judge(text, folder / "f.toml"), "hosts")]


def test_a_good_host_is_nothing_to_talk_about(folder):
    """Silence means that clients of the host will get what it says."""
    assert said(folder, f'{B_TABLE}users = "b.toml"\nroot = "b"\nbanner = "B"\n{CERTIFICATES}') == []


def test_a_name_is_of_one_host_only(folder):
    """Otherwise the second one would never be reached."""
    (complaint,) = said(folder, 2 * (B_TABLE + CERTIFICATES).replace("b.example", "B.example", 1))
    assert complaint.endswith("hosts[1].names[0]: B.example.org is also a name of hosts[0]. Take one of the two out.")


def test_a_host_without_names_is_refused(folder):
    """Nobody could choose it."""
    (complaint,) = said(folder, "[[hosts]]\nnames = []\n")
    assert "hosts[0].names: the list is empty, so nobody can choose the host" in complaint
    (complaint,) = said(folder, '[[hosts]]\nbanner = "x"\n')
    assert "hosts[0].names: the setting is missing" in complaint


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ('users = "none.toml"\nroot = "b"', "f.toml:6: hosts[0].users: there is no users file ./none.toml"),
        ('root = "b.crt"', "f.toml:6: hosts[0].root: ./b.crt is not a folder"),
        ('root = "."', "b.key lies in ., the folder of hosts[0].root, so clients might read or replace it"),
        ('home = "/srv"', "f.toml:6: hosts[0].home: without {user} in it, all users share one home"),
        ('users = "b.toml"', "f.toml:6: hosts[0].users: the homes are those of [accounts]: users of one name share"),
        ('require = "none"', "f.toml:6: hosts[0].require: passwords, commands and files may travel in clear"),
    ],
)
def test_what_a_host_says_is_judged_where_it_stands(folder, words, complaint):
    """As what is said for all is judged, with the line and the key of the host."""
    assert any(complaint in each for each in said(folder, f"{B_TABLE}{words}\n{CERTIFICATES}"))


def test_the_users_file_of_a_host_is_no_file_for_clients(folder):
    """Hashes do not belong into the folder that holds the homes, whichever host they are of."""
    (folder / "files").mkdir()
    found = said(folder, f'{B_TABLE}users = "files/b.toml"\nroot = "b"\n{CERTIFICATES}')
    assert any("hosts[0].users: ./files/b.toml lies in ./files, the folder of accounts.root" in each for each in found)


def test_certificates_of_a_host_are_read(folder):
    """A file that is missing is told with its key; a name that no certificate holds is a warning."""
    (complaint,) = said(folder, B_TABLE + CERTIFICATES.replace("b.crt", "c.crt"))
    assert "f.toml:7: hosts[0].certificates[0].certificate: ./c.crt: can not be read" in complaint
    (warning,) = said(folder, '[[hosts]]\nnames = ["a.example.org", "c.example.org"]\n')
    assert "hosts[0].names: no certificate of the host holds c.example.org, so clients will refuse it" in warning
    (warning,) = said(folder, B_TABLE)
    assert "no certificate of the host holds b.example.org" in warning


def test_what_a_host_does_not_say_is_as_for_all(folder):
    """Only differences have to be written."""
    general = parse(
        f'[server]\nbanner = "A"\ngoodbye = "bye"\n{B_TABLE}banner = "B"\nrequire = "data"\nroot = "b"\n', "/x/f.toml"
    ).settings
    own = settings_of_host(general, general.hosts[0])
    assert (own.server.banner, own.server.goodbye) == ("B", "bye")
    assert own.policy.require is Require.DATA
    assert str(own.accounts.root) == "/x/b"
    assert own.accounts.users == general.accounts.users


def test_the_summary_tells_who_gets_what(folder):
    """Names, certificate, users, home and policy of each host; what becomes of other names."""
    settings = parse(
        f'[tls]\nsni_strict = true\n{B_TABLE}users = "b.toml"\nroot = "b"\nrequire = "none"\n{CERTIFICATES}',
        "/x/f.toml",
    ).settings
    (section,) = (each for each in summarise(settings, ()) if each.title == "Virtual hosts")
    assert section.lines[0] == "b.example.org: certificate /x/b.crt; users of /x/b.toml, in /x/b/{user}"
    assert section.lines[1].startswith("    protected there: ")
    assert section.lines[2] == "All other names: refused; no name: the default host"
    settings = parse('[[hosts]]\nnames = ["b.example.org", "c.example.org"]\n', "/x/f.toml").settings
    (section,) = (each for each in summarise(settings, ()) if each.title == "Virtual hosts")
    assert section.lines[0].startswith(
        "b.example.org or c.example.org: certificate as above; users of /x/users.toml, in "
    )


def test_users_can_not_name_hosts_that_are_not_there():
    """A setting that does nothing is not what somebody meant."""
    text = '[accounts]\nhost_in_user = "choose"\n'
    assert "no hosts" in about(judge(text), "accounts.host_in_user")[0]
    assert about(judge(text + '[[hosts]]\nnames = ["b.example.org"]\n'), "accounts.host_in_user") == []
