"""The embedded default and the summary of what is in force."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from ftpstwist.config.check import check, load_settings
from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.defaults import demo_settings
from ftpstwist.config.load import Draft, parse
from ftpstwist.config.summary import summarise
from ftpstwist.tls.selfsigned import make_self_signed
from tests.config.config_support import NOW, SURROUNDINGS


def lines_of(text, pairs=()):
    sections = summarise(parse(text, "/etc/ftps.toml").settings, pairs)
    return {section.title: section.lines for section in sections}


def test_the_trial_server_is_for_this_machine_alone(tmp_path):
    """Nobody opens a server to the network by typing one command."""
    settings = demo_settings(tmp_path, has_address=lambda _: True)
    assert [str(each) for each in settings.server.explicit] == [
        "tcp:2121:interface=127.0.0.1",
        r"tcp6:2121:interface=\:\:1",
    ]
    assert [each.port for each in settings.server.implicit] == [9990, 9990]
    assert all(each.address is not None and each.address.is_loopback for each in settings.endpoints)
    assert settings.passive_addresses == (ip_address("127.0.0.1"), ip_address("::1"))
    assert all(port >= 1024 for port in (settings.passive.ports.first, *(each.port for each in settings.endpoints)))


def test_the_trial_server_needs_no_ipv6(tmp_path):
    """It starts in containers that have IPv4 only."""
    settings = demo_settings(tmp_path, has_address=lambda address: address.version == 4)
    assert [str(each) for each in settings.endpoints] == [
        "tcp:2121:interface=127.0.0.1",
        "tcp:9990:interface=127.0.0.1",
    ]


def test_everything_of_the_trial_is_in_one_folder(tmp_path, monkeypatch):
    """Throwing the folder away leaves nothing behind."""
    monkeypatch.chdir(tmp_path)
    settings = demo_settings(Path("state"))
    for path in (settings.server.state_directory, settings.accounts.users, settings.accounts.root):
        assert path.is_relative_to(tmp_path / "state")


def test_the_trial_server_passes_the_check(tmp_path):
    """The first command of the README does not end in a complaint."""
    draft = Draft(demo_settings(tmp_path / "state", has_address=lambda _: True))
    assert check(draft, SURROUNDINGS).errors == ()


def test_settings_for_use_are_had_in_one_call(tmp_path):
    """Who embeds the server reads a file in one line, and gets all complaints in one exception."""
    file = tmp_path / "ftps.toml"
    file.write_text('[server]\nbanner = "Hi"\n')
    assert load_settings(file, SURROUNDINGS).server.banner == "Hi"
    file.write_text("[server]\nbanner = 1\nexplicit = []\nimplicit = []\n")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file, SURROUNDINGS)
    complaints = caught.value.complaints
    assert [each.key for each in complaints if each.is_error] == ["server.banner", "server.explicit"]
    assert len(str(caught.value).splitlines()) == len(complaints)


def test_the_summary_tells_the_defaults_in_words():
    """An auditor reads what holds, without knowing one setting by name."""
    assert lines_of("") == {
        "Where clients connect": ("FTP with explicit TLS: tcp:21", "FTP with implicit TLS: tcp:990"),
        "What is protected": (
            "Passwords: under TLS only",
            "Other commands: under TLS only",
            "Files and listings: under TLS only",
            "Versions: TLS 1.2 and TLS 1.3",
            (
                "Data connections: they should resume the TLS session of their control connection, "
                "and have to come from its address"
            ),
            "Uploads under TLS without close_notify at their end: refused as incomplete",
        ),
        "Certificates": ("One that the server makes itself, kept in /etc/ftps-state",),
        "Who may log in": ("Users of /etc/users.toml, at home in /etc/files/{user} unless it says otherwise",),
        "Ports to open in the firewall": (
            "TCP 21, 990 and 50000-50099, from clients to this machine",
            "TCP from any port of this machine to clients (active mode)",
            "PASV tells clients the address they connected to",
        ),
    }


def test_the_summary_tells_what_was_changed():
    """Every choice that weakens or widens something is visible."""
    text = """
        [server]
        workers = 3
        explicit = []
        implicit = ["tcp6:990"]
        allow = ["10.0.0.0/8"]
        deny = ["10.9.0.0/16"]
        [policy]
        require = "login"
        upload_close_notify = "lenient"
        [tls]
        profile = "modern"
        session_reuse = "off"
        [passive]
        ports = 0
        address = "ftp.example.org"
        [passive.addresses]
        "10.0.0.0/8" = "auto"
        [active]
        source_ports = "2000-2010"
        [accounts.anonymous]
        enabled = true
    """
    lines = lines_of(text)
    assert lines["Where clients connect"][0] == "FTP with explicit TLS: switched off"
    assert lines["Where clients connect"][-1] == "3 processes serve"
    assert lines["What is protected"] == (
        "Passwords: under TLS only",
        "Other commands: under TLS or in clear, as the client likes",
        "Files and listings: under TLS or in clear, as the client likes",
        "Versions: TLS 1.3",
        (
            "Data connections: TLS sessions can not be resumed; they have to come from the address of their "
            "control connection"
        ),
        "Uploads under TLS without close_notify at their end: accepted",
    )
    assert lines["Who may log in"][1:] == (
        "Anonymous, in /etc/public, who may list, read",
        "From 10.0.0.0/8 only",
        "Not from 10.9.0.0/16",
    )
    assert lines["Ports to open in the firewall"] == (
        "TCP 990, from clients to this machine",
        "TCP from 2000-2010 of this machine to clients (active mode)",
        "PASV tells clients in 10.0.0.0/8 the address they connected to",
        "PASV tells all other clients ftp.example.org",
    )


def test_the_summary_tells_which_name_gets_which_certificate():
    """A wrong certificate for a name is seen before a client sees it."""
    first = make_self_signed(["ftp.example.org", "Files.example.org"], now=NOW)
    second = make_self_signed(["other.example.org"], now=NOW)
    assert lines_of("", (first, second))["Certificates"] == (
        (
            "files.example.org, ftp.example.org: ECDSA until 2036-05-29; also for clients that name another server, "
            "or none"
        ),
        "other.example.org: ECDSA until 2036-05-29",
    )


@pytest.mark.parametrize(
    ("ocsp", "words"),
    [
        ('ask = "always"', "asked of the responder it names at the login; without an answer that fails"),
        (
            'ask = "unlisted"\nresponder = "http://ocsp.example.org/"\nunanswered = "accept"',
            (
                "asked of http://ocsp.example.org/ at the login if its issuer has no revocation list here; "
                "without an answer that goes on"
            ),
        ),
    ],
)
def test_the_summary_tells_what_else_is_asked_of_client_certificates(ocsp, words):
    """The operator reads whom a certificate lets in, and what happens while the responder is down."""
    text = f'[tls.clients]\nask = "optional"\nunknown = "admit"\naddress = "require"\n[tls.clients.ocsp]\n{ocsp}\n'
    lines = [line for part in lines_of(text).values() for line in part]
    assert "Its user has to come from an IP address that it names" in lines
    assert f"Whether it was revoked is {words}" in lines
