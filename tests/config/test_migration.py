"""Moving in from ProFTPD and mod_ftp: examples, every directive, and documentation that keeps step."""

from __future__ import annotations

import re

import pytest

from ftpstwist.cli.main import main
from ftpstwist.commands.hosts import HostInUser
from ftpstwist.config.clients import make_rule
from ftpstwist.config.load import parse as load
from ftpstwist.config.migration import mod_ftp, mod_tls, proftpd
from ftpstwist.config.migration.apachestyle import ApacheStyleError, parse
from ftpstwist.config.migration.outcome import table_of
from ftpstwist.session.policy import Require
from tests.support.server import ROOT

MOD_TLS_EXAMPLE = """
<IfModule mod_tls.c>
  TLSEngine on
  TLSLog /var/ftpd/tls.log
  TLSProtocol TLSv1

  # whether clients must use TLS
  TLSRequired off

  TLSRSACertificateFile /etc/ftpd/server.cert.pem
  TLSRSACertificateKeyFile /etc/ftpd/server.key.pem
  TLSCACertificateFile /etc/ftpd/root.cert.pem
  TLSVerifyClient off
  TLSRenegotiate required off
</IfModule>
"""

PER_USER_EXAMPLE = """
<IfModule mod_tls.c>
  TLSEngine on
  TLSRSACertificateFile /etc/ftpd/server.pem
  TLSOptions AllowPerUser
  TLSRequired on

  <Anonymous ~ftp>
    User ftp
    Group ftp
    UserAlias anonymous ftp
    RequireValidShell off
    TLSRequired off
  </Anonymous>
  <IfGroup trusted>
    TLSRequired off
  </IfGroup>
"""

MOD_FTP_EXAMPLE = """
LoadModule ftp_module /usr/local/apache2/modules/mod_ftp.so
Listen 21 ftp
AcceptFilter ftp none
LogFormat "%u [%a] %r %>s" ftp_command
<VirtualHost _default_:21>
  FTP On
  SSLEngine on
  SSLCertificateFile conf/server.crt
  SSLCertificateKeyFile conf/server.key
  ErrorLog logs/ftps_error_log
  CustomLog logs/ftps_command_log ftp_command
  CustomLog logs/ftps_transfer_log ftp_transfer env=do_transfer_log
</VirtualHost>
<VirtualHost _default_:990>
  FTP On
  SSLEngine On
  FTPImplicitSSL On
  SSLCertificateFile ssl/server.crt
  SSLCertificateKeyFile ssl/server.key
  DocumentRoot "/usr/local/apache2/htdocs"
</VirtualHost>
<VirtualHost *:443>
  ServerName www.example.org
</VirtualHost>
"""


def settings(outcome):
    """What our own loader makes of the result, without a complaint."""
    draft = load(outcome.render("example"), "/etc/ftps.toml")
    assert not draft.complaints, "\n".join(map(str, draft.complaints))
    return draft.settings


def remarks(outcome):
    return "\n".join(map(str, outcome.remarks))


def test_example_of_mod_tls():
    """The classic mod_tls configuration is taken over, and what it loses is said."""
    outcome = proftpd.convert(MOD_TLS_EXAMPLE)
    result = settings(outcome)
    assert result.policy.require is Require.NONE
    (certificate,) = result.tls.certificates
    assert str(certificate.certificate) == "/etc/ftpd/server.cert.pem"
    assert str(certificate.key) == "/etc/ftpd/server.key.pem"
    assert [endpoint.text for endpoint in result.server.explicit] == ["tcp:21"]
    assert result.server.implicit == ()
    for name in ("TLSLog", "TLSProtocol", "TLSRenegotiate"):
        assert name in remarks(outcome)


def test_example_of_a_policy_by_user():
    """Anonymous in clear, a trusted group in clear, everybody else under TLS: as rules, without AllowPerUser's leak."""
    outcome = proftpd.convert(PER_USER_EXAMPLE)
    result = settings(outcome)
    assert result.policy.require is Require.ALL
    assert [(rule.anonymous, rule.groups, rule.require) for rule in result.policy.rules] == [
        (True, (), Require.NONE),
        (None, ("trusted",), Require.NONE),
    ]
    assert result.accounts.anonymous.enabled
    assert "before a password is sent" in remarks(outcome)


def test_example_of_mod_ftp():
    """Both virtual hosts become listeners, the one for HTTP is passed over."""
    outcome = mod_ftp.convert(MOD_FTP_EXAMPLE)
    result = settings(outcome)
    assert [endpoint.text for endpoint in result.server.explicit] == ["tcp:21"]
    assert [endpoint.text for endpoint in result.server.implicit] == ["tcp:990"]
    assert [str(each.certificate) for each in result.tls.certificates] == [
        "/etc/conf/server.crt",
        "/etc/ssl/server.crt",
    ]
    assert str(result.log.command_log) == "/etc/logs/ftps_command_log"
    assert str(result.log.transfer_log) == "/etc/logs/ftps_transfer_log"
    assert "passed over: it does not speak FTP" in remarks(outcome)


def test_client_certificates_as_users():
    """TLSUserName becomes mapping rules that our loader takes."""
    outcome = proftpd.convert("TLSEngine on\nTLSVerifyClient on\nTLSCACertificateFile ca.pem\nTLSVerifyDepth 3\n"
                              "TLSCARevocationFile crl.pem\nTLSUserName CommonName EmailSubjAltName 1.2.3\n")  # fmt: skip
    result = settings(outcome)
    assert [rule.value for rule in result.accounts.certificates.rules] == ["{user}", "{user}"]
    assert result.tls.clients.depth == 3
    assert "1.2.3" in remarks(outcome)


@pytest.mark.parametrize(("word", "ours"), mod_tls.REQUIRED.items())
def test_every_policy(word, ours):
    """Each value of TLSRequired has a word here that the configuration knows."""
    result = settings(proftpd.convert(f"TLSEngine on\nTLSRequired {word}\n"))
    assert result.policy.require.value == ours


def test_virtual_hosts_of_proftpd_become_hosts():
    """The result is one that we can read, and what is not taken over is told."""
    text = "TLSEngine on\n" + "".join(
        f"<VirtualHost {name}.example.org>\nTLSECCertificateFile {name}.crt\nMaxClients 5\n</VirtualHost>\n"
        for name in "bc"
    )
    outcome = proftpd.convert(text)
    assert [(host.names, str(host.certificates[0].key)) for host in settings(outcome).hosts] == [
        (("b.example.org",), "/etc/b.crt"),
        (("c.example.org",), "/etc/c.crt"),
    ]
    assert "MaxClients: inside <VirtualHost b.example.org>: not taken over" in remarks(outcome)
    assert "<VirtualHost>" not in remarks(outcome)
    assert "give it users and a root of its own" in remarks(outcome)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("PassivePorts 50000 50100", "passive.ports", "50000-50100"),
        ("MasqueradeAddress ftp.example.org", "passive.address", "ftp.example.org"),
        ("TLSMasqueradeAddress 198.51.100.7", "passive.address_under_tls", "198.51.100.7"),
        ("Umask 022 027", "storage.file_mode", "0644"),
        ("Umask 022 027", "storage.directory_mode", "0750"),
        ("TimeoutIdle 600", "server.idle_timeout", 600),
        ("DeleteAbortedStores on", "storage.incomplete", "discard"),
        ("TLSVerifyClient optional", "tls.clients.ask", "optional"),
        ("TLSProtocol TLSv1.3", "tls.profile", "modern"),
        ("TLSVerifyOrder crl", "tls.clients.ocsp.ask", None),
        ("TLSVerifyOrder crl ocsp", "tls.clients.ocsp.ask", "unlisted"),
        ("TLSVerifyOrder ocsp", "tls.clients.ocsp.ask", "always"),
        ("TLSVerifyOrder ocsp crl", "tls.clients.ocsp.ask", "always"),
        ("TLSOptions iPAddressRequired", "tls.clients.address", "require"),
        ("TLSOptions UseImplicitSSL\nPort 990", "server.implicit", ["tcp:990"]),
        ("<VirtualHost 192.0.2.1>\nPort 9990\nTLSOptions UseImplicitSSL\n</VirtualHost>", "server.implicit", ["tcp:9990"]),
        (("<VirtualHost 192.0.2.1>\nServerName B\nServerAlias b.example.org *.b.example.org\nServerIdent on Hi\n"
         "TLSEngine on\nTLSRequired ctrl\nTLSRSACertificateFile b.crt\nTLSRSACertificateKeyFile b.key\n</VirtualHost>"),
         "hosts", [{"names": ["b.example.org"], "banner": "Hi", "require": "control",
                    "certificates": [{"certificate": "b.crt", "key": "b.key"}]}]),
        ("<VirtualHost c.example.org>\nPort 2121\n</VirtualHost>", "hosts", None),
        ("<VirtualHost 192.0.2.1>\nServerName B\n</VirtualHost>", "hosts", None),
        ('ServerIdent on "hello there"', "server.banner", "hello there"),
        ("<Class lan>\nFrom 10.0.0.0/8\n</Class>\n<IfClass lan>\nTLSRequired off\n</IfClass>", "policy.rules",
         [{"networks": ["10.0.0.0/8"], "require": "none"}]),
        ("<Directory /secret>\nTLSRequired on\n</Directory>", "policy.rules", [{"paths": ["/secret"], "require": "data"}]),
    ],
)  # fmt: skip
def test_directives_of_proftpd(text, key, value):
    """Single directives become the setting that the documentation names."""
    assert proftpd.convert("TLSEngine on\n" + text).get(key) == value


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("FTPPASVrange 50000 50100", "passive.ports", "50000-50100"),
        ("FTPActiveRange 20", "active.source_ports", "20"),
        ("FTPOptions +RequireSSL -CreateHomeDirs", "policy.require", "control"),
        ("FTPUmask 077", "storage.file_mode", "0600"),
        ("FTPTimeoutIdle 0", "server.idle_timeout", None),
        ("SSLVerifyClient require", "tls.clients.ask", "required"),
    ],
)
def test_directives_of_mod_ftp(text, key, value):
    """Single directives become the setting that the documentation names."""
    assert mod_ftp.convert(text).get(key) == value


def test_rules_from_certificates_to_users_are_ours():
    """What TLSUserName says becomes rules that our own check takes."""
    outcome = proftpd.convert("TLSEngine on\nTLSVerifyClient on\nTLSUserName CommonName EmailSubjAltName\n")
    rules = settings(outcome).accounts.certificates.rules
    assert [make_rule(rule).text for rule in rules] == ['subject.CN template "{user}"', 'email template "{user}"']


@pytest.mark.parametrize("name", proftpd.DIRECTIVES)
def test_every_directive_survives_bad_arguments(name):
    """A directive without, or with strange, arguments becomes a remark, never an error."""
    for arguments in ("", "x", "-1", "\\"):
        proftpd.convert(f"{name} {arguments}\n")


@pytest.mark.parametrize("name", mod_ftp.DIRECTIVES)
def test_every_directive_of_mod_ftp_survives_bad_arguments(name):
    """A directive without, or with strange, arguments becomes a remark, never an error."""
    for arguments in ("", "x", "-1"):
        mod_ftp.convert(f"{name} {arguments}\n")


def test_unknown_directives_are_remarked():
    """Nothing is dropped in silence."""
    assert "WtmpLog" in remarks(proftpd.convert("WtmpLog off"))
    assert "KeepAlive" in remarks(mod_ftp.convert("KeepAlive On"))


TWO_NAMES = """
<VirtualHost 192.0.2.1:21>
  FTP On
  ServerName a.example.org
  ServerAlias ftp.a.example.org
  SSLCertificateFile a.crt
  SSLCertificateKeyFile a.key
</VirtualHost>
<VirtualHost 192.0.2.1:21>
  FTP On
  SSLEngine On
  ServerName B.example.org:21
  ServerAlias ftp.b.example.org
  FTPBannerMessage "Welcome to B"
  FTPOptions RequireSSL CreateHomeDirs
  DocumentRoot /srv/b
  SSLCertificateFile b.crt
  SSLCertificateKeyFile b.key
  SSLVerifyClient require
</VirtualHost>
<VirtualHost 192.0.2.1:21>
  FTP On
</VirtualHost>
<VirtualHost 192.0.2.1:990>
  FTP On
  FTPImplicitSSL On
  ServerName b.example.org
</VirtualHost>
"""


def test_virtual_hosts_of_mod_ftp():
    """What shares an address becomes a host that its name chooses, what has its own a listener."""
    outcome = mod_ftp.convert(TWO_NAMES)
    result = settings(outcome)
    assert [endpoint.text for endpoint in result.server.explicit] == ["tcp:21"]
    assert [endpoint.text for endpoint in result.server.implicit] == ["tcp:990"]
    (host,) = result.hosts
    assert (host.names, host.banner, str(host.root)) == (
        ("b.example.org", "ftp.b.example.org"),
        "Welcome to B",
        "/srv/b",
    )
    assert host.require is Require.CONTROL
    assert [str(each.certificate) for each in host.certificates] == ["/etc/b.crt"]
    assert [str(each.certificate) for each in result.tls.certificates] == ["/etc/a.crt"]
    assert "a.example.org" in result.server.host_names
    assert "SSLVerifyClient: hosts share it" in remarks(outcome)
    assert "no ServerName by which clients could choose it" in remarks(outcome)


def test_accounts_of_proftpd_that_live_elsewhere():
    """Each module becomes a source, in the order of AuthOrder; passwords stay where they are, with a remark."""
    outcome = proftpd.convert(
        """
        AuthOrder mod_sql.c mod_ldap.c mod_auth_pam.c* mod_auth_unix.c mod_radius.c
        RequireValidShell off
        LDAPServer ldap://one.example.org/??sub two.example.org
        LDAPBindDN "cn=ftp,dc=example,dc=org" "secret"
        LDAPUsers "ou=people,dc=example,dc=org" "(&(uid=%u)(objectClass=person))"
        LDAPAttr uid sAMAccountName
        LDAPUseTLS on
        SQLBackend postgres
        SQLConnectInfo ftp@db.example.org:5433 reader secret
        SQLUserInfo users userid passwd uid gid homedir shell
        """
    )
    found = settings(outcome).accounts
    assert [source.value for source in found.sources] == ["users", "sql", "ldap", "pam"]
    assert found.ldap.servers == ("ldap://one.example.org", "ldap://two.example.org")
    assert found.ldap.filter == "(&(uid={user})(objectClass=person))"
    assert (found.ldap.name_attribute, found.ldap.home_attribute) == ("sAMAccountName", "homeDirectory")
    assert found.sql.query == "SELECT passwd AS password, homedir AS home FROM users WHERE userid = %(user)s"
    assert found.sql.connect == {"dbname": "ftp", "host": "db.example.org", "port": 5433, "user": "reader"}
    assert (found.pam.valid_shell, found.pam.home) == (False, True)
    assert "secret" not in outcome.render("x").replace("write its password", "")
    assert "mod_radius" in remarks(outcome)
    assert "bind_password_file" in remarks(outcome)
    assert "connect_password_file" in remarks(outcome)


def test_files_of_users_are_read_where_they_are():
    """AuthUserFile and AuthGroupFile stay files; shells are checked by default where PAM is asked, as ProFTPD does."""
    text = "AuthUserFile /etc/ftpd.passwd\nAuthGroupFile /etc/ftpd.group\nAuthPAM on\nAuthPAMConfig proftpd\nRootLogin on\n"
    found = settings(proftpd.convert(text)).accounts
    assert [source.value for source in found.sources] == ["users", "password_file", "pam"]
    assert (str(found.password_file.file), str(found.password_file.group_file)) == (
        "/etc/ftpd.passwd",
        "/etc/ftpd.group",
    )
    assert (found.pam.service, found.pam.valid_shell, found.pam.allow_root) == ("proftpd", True, True)
    mysql = settings(proftpd.convert("SQLConnectInfo ftp@db a b\nSQLUserInfo u n p uid gid NULL NULL\n")).accounts.sql
    assert (mysql.module, mysql.query) == ("pymysql", "SELECT p AS password FROM u WHERE n = %(user)s")


def test_accounts_of_httpd():
    """Providers, files and the URL of a directory; names of users may still name hosts."""
    outcome = mod_ftp.convert(
        """
        AuthBasicProvider ldap file
        AuthLDAPURL "ldap://ldap.example.org/ou=people,dc=example,dc=org?mail?sub?(active=yes)"
        AuthUserFile /etc/htpasswd
        FTPOptions VirtualHostByUser StripHostname
        """
    )
    found = settings(outcome).accounts
    assert [source.value for source in found.sources] == ["users", "ldap", "password_file"]
    assert (found.ldap.base, found.ldap.filter) == ("ou=people,dc=example,dc=org", "(&(active=yes)(mail={user}))")
    assert found.host_in_user is HostInUser.CHOOSES


def test_all_names_of_a_virtual_host_are_taken_over():
    """However many lines they stand on; what is no name is said."""
    text = "<VirtualHost 192.0.2.1>\nServerAlias a.example.org b.example.org\nServerAlias c.example.org *.example.net\n"
    outcome = proftpd.convert(f"TLSEngine on\n{text}</VirtualHost>\n")
    assert outcome.get("hosts") == [{"names": ["a.example.org", "b.example.org", "c.example.org"]}]
    assert "ServerAlias: a host has names, not patterns" in remarks(outcome)


def test_sections_have_to_fit():
    """A section that is closed but was not open is an error with its line."""
    with pytest.raises(ApacheStyleError, match="line 2"):
        parse("Port 21\n</Global>\n")


def test_lines_words_and_quotes():
    """Continued lines, quoted words and comments are read as the servers read them."""
    first, second = parse('# comment\nA "b c" \\\n  d\nB "x \\" y"\n')
    assert (first.name, first.arguments, first.line) == ("A", ("b c", "d"), 2)
    assert second.arguments == ('x " y',)


@pytest.mark.parametrize(("text", "source"), [(MOD_TLS_EXAMPLE, "policy"), (MOD_FTP_EXAMPLE, "implicit")])
def test_command_line(tmp_path, capsys, text, source):
    """``ftpstwist convert`` guesses the server, prints TOML, and counts its remarks."""
    (tmp_path / "old.conf").write_text(text)
    assert main(["convert", str(tmp_path / "old.conf")]) == 0
    shown = capsys.readouterr()
    assert source in shown.out
    assert "remarks" in shown.err


def test_command_line_refuses_what_it_can_not_read(tmp_path, capsys):
    """A broken file is refused with its line."""
    (tmp_path / "old.conf").write_text("</IfModule>\n")
    assert main(["convert", str(tmp_path / "old.conf")]) == 1
    assert "line 1" in capsys.readouterr().err


@pytest.mark.parametrize(("word", "verify"), [("on", None), ("off", False), ("NoReverseDNS", None)])
def test_server_to_server_stays_off(word, verify):
    """Who did not verify other servers still does not, and learns that such transfers are off by themselves."""
    outcome = proftpd.convert(f"TLSEngine on\nTLSVerifyServer {word}\n")
    assert outcome.get("fxp.verify") is verify
    assert any("[fxp]" in str(remark) for remark in outcome.remarks)


def options_table():
    rows = [f"| {name} | {words} |" for name, words in mod_tls.OPTIONS.items()]
    return "\n".join(["| option | here |", "|---|---|", *rows]) + "\n"


@pytest.mark.parametrize(
    ("page", "mark", "table"),
    [
        ("from-proftpd.md", "directives", table_of(proftpd.DIRECTIVES)),
        ("from-proftpd.md", "options", options_table()),
        ("from-mod-ftp.md", "directives", table_of(mod_ftp.DIRECTIVES)),
    ],
)
def test_documentation_keeps_step(page, mark, table):
    """The tables in the documentation are those of the converter (to renew them, paste what this test expects)."""
    text = (ROOT / "docs" / page).read_text()
    shown = re.search(rf"<!-- {mark} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert shown
    assert shown[1] == table


def test_programs_of_mod_exec_become_hooks():
    """What ran after uploads and at the end of sessions still does; placeholders have become the environment."""
    outcome = proftpd.convert(
        "ExecEngine on\n"
        "ExecOnCommand STOR,APPE,LIST /usr/local/bin/scan --quiet %f\n"
        "ExecOnExit /usr/local/bin/bye\n"
        "ExecBeforeCommand STOR /usr/local/bin/no\n"
    )
    assert outcome.settings["hooks"] == [
        {"events": ["upload"], "command": ["/usr/local/bin/scan", "--quiet"]},
        {"events": ["disconnect"], "command": ["/usr/local/bin/bye"]},
    ]
    assert [str(remark) for remark in outcome.remarks[-3:]] == [
        "line 2: ExecOnCommand: no hook for LIST; the events are in docs/operations.md",
        "line 2: ExecOnCommand: arguments with % are left out: the program finds all in its environment",
        "line 4: ExecBeforeCommand: left out: hooks run after something has happened",
    ]
    assert len(load(outcome.render("x"), "ftps.toml").settings.hooks) == 2


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("DigestEngine off", "integrity.algorithms", []),
        ("DigestAlgorithms sha1 sha256", "integrity.algorithms", ["SHA-1", "SHA-256"]),
        ("DigestAlgorithms all", "integrity.algorithms", None),
        ("DigestMaxSize 2 GB", "integrity.max_size", 2 << 30),
        ("DigestMaxSize 1000", "integrity.max_size", 1000),
        ("DeflateEngine on", "deflate.enabled", True),
        ("DeflateEngine off", "deflate.enabled", False),
        ("SiteMiscEngine on", "storage.make_links", True),
        ("UseEncoding utf8 cp1252", "server.charset", "windows-1252"),
        ("UseEncoding UTF-8 ISO-8859-1", "server.charset", "iso-8859-1"),
        ("UseEncoding on", "server.charset", None),
        (
            "QuotaDefault user false hard 1000 2000 0 10 0 0",
            "quotas",
            [{"name": "default-user", "shared": False, "soft": False, "octets": 1000, "download": 2000, "files": 10}],
        ),
        (
            "QuotaDefault group false soft 0 0 5.0 0 0 0",
            "quotas",
            [{"name": "default-group", "shared": True, "soft": True, "transfer": 5}],
        ),
        ("QuotaDefault user true hard 1 0 0 0 0 0", "quotas", None),
    ],
)
def test_modules_of_proftpd(line, key, value):
    """What the modules for digests, packing, character sets and quotas said is said here, and can be read."""
    outcome = proftpd.convert(f"TLSEngine on\n{line}\n")
    assert outcome.get(key) == value
    assert load(outcome.render("proftpd.conf"), "ftps.toml").complaints == ()


def test_epsv_of_mod_ftp():
    """Clients behind something that turns IPv4 into IPv6 go on working."""
    outcome = mod_ftp.convert("FTPEPSVIgnoreFamily On\n")
    assert outcome.get("passive.ignore_epsv_protocol") is True


def test_formats_of_extended_logs_are_taken_over():
    """Log readers go on reading: same file, same format, same commands; what can not be written is told."""
    outcome = proftpd.convert(
        "ExtendedLog /var/log/a.log READ,WRITE transfers\n"
        'LogFormat transfers "%h %u %{%Y}t \\"%r\\" %s %b %{TLS_CIPHER}e"\n'
        'LogFormat odd "%h %L"\n'
        "ExtendedLog /var/log/b.log ALL odd\n"
        "ExtendedLog /var/log/c.log\n"
    )
    first, second = load(outcome.render("x"), "/etc/ftps.toml").settings.log.custom
    assert first.format == '%h %u %{%Y}t "%r" %s %b %{TLS_CIPHER}e'
    assert {"RETR", "STOR"} <= set(first.verbs)
    assert (str(second.file), second.verbs) == ("/var/log/b.log", ())
    assert outcome.get("log.command_log") == "/var/log/c.log"
    assert [str(remark) for remark in outcome.remarks][-1].endswith("the default is used: %L is not known")
