"""Bad configurations and the exact words that are said about them: one mistake each."""

import pytest

from ftpstwist.config.load import parse

CASES = [
    (
        'explicit = ["tcp:21"]',
        "ftps.toml:1: explicit: there is no setting explicit outside of the tables. Write it as explicit in [server].",
    ),
    ("[sever]", "ftps.toml:1: sever: there is no table sever. Did you mean server?"),
    (
        "[certificates]",
        (
            "ftps.toml:1: certificates: there is no table certificates. "
            "Write it as [[tls.certificates]], [accounts.certificates] or [[hosts.certificates]]."
        ),
    ),
    (
        '[server]\nlisten = ["tcp:21"]',
        "ftps.toml:2: server.listen: there is no setting listen in [server]. Remove it; known here: explicit, implicit, state_directory, admin_socket, banner, goodbye, host_names, charset, allow, deny, proxies, workers, idle_timeout, login_timeout, shutdown_timeout, strict_rfc, mdtm_sets_time and legacy.",
    ),
    ('[server]\nbaner = "x"', "ftps.toml:2: server.baner: there is no setting baner in [server]. Did you mean banner?"),
    (
        '[server]\nprofile = "modern"',
        "ftps.toml:2: server.profile: there is no setting profile in [server]. Write it as profile in [tls].",
    ),
    (
        '[tls]\ncertificate = "a.pem"',
        "ftps.toml:2: tls.certificate: there is no setting certificate in [tls]. Write it as certificate in [[tls.certificates]] or certificate in [[hosts.certificates]].",
    ),
    (
        "server = 5",
        "ftps.toml:1: server: 5 is not a table. Write its name in single [brackets] and its settings below.",
    ),
    (
        "[[server]]",
        "ftps.toml:1: server: a list is not a table. Write its name in single [brackets] and its settings below.",
    ),
    ('[tls]\ncertificates = "a.pem"', 'ftps.toml:2: tls.certificates: "a.pem" is not a list. Write ["a.pem"].'),
    (
        '[tls.certificates]\ncertificate = "a.pem"',
        "ftps.toml:1: tls.certificates: a table is not a list. Write its name in [[double brackets]].",
    ),
    (
        "[accounts.anonymous]\nenable = true",
        "ftps.toml:2: accounts.anonymous.enable: there is no setting enable in [accounts.anonymous]. Did you mean enabled?",
    ),
    ("[server]\nbanner = 5", "ftps.toml:2: server.banner: 5 is not text. Write text in quotes, on one line."),
    (
        '[server]\nbanner = """\ntwo\nlines"""',
        'ftps.toml:2: server.banner: "two\\nlines" holds a line break or control character. Write one plain line.',
    ),
    (
        '[server]\nhost_names = ["-"]',
        'ftps.toml:2: server.host_names[0]: "-" is not a host name. Write a host name such as "ftp.example.org".',
    ),
    (
        '[server]\nhost_names = "ftp.example.org"',
        'ftps.toml:2: server.host_names: "ftp.example.org" is not a list. Write ["ftp.example.org"].',
    ),
    (
        '[server]\nstrict_rfc = "yes"',
        'ftps.toml:2: server.strict_rfc: "yes" is not true or false. Write true or false, without quotes.',
    ),
    (
        "[active]\nenabled = 1",
        "ftps.toml:2: active.enabled: 1 is not true or false. Write true or false, without quotes.",
    ),
    (
        '[policy]\nrequire = "al"',
        'ftps.toml:2: policy.require: "al" is not one of "none", "login", "control", "data", "login+data", "all", "!data", "login+!data" or "control+!data". Did you mean "all"?',
    ),
    (
        "[policy]\nrequire = true",
        'ftps.toml:2: policy.require: true is not one of "none", "login", "control", "data", "login+data", "all", "!data", "login+!data" or "control+!data". Write one of "none", "login", "control", "data", "login+data", "all", "!data", "login+!data" or "control+!data".',
    ),
    (
        '[tls]\nminimum = "1.1"',
        'ftps.toml:2: tls.minimum: "1.1" is not one of "1.2" or "1.3". Write one of "1.2" or "1.3"; or "profile".',
    ),
    (
        "[tls]\nminimum = 1.2",
        'ftps.toml:2: tls.minimum: 1.2 is not one of "1.2" or "1.3". Write "1.2", in quotes; or "profile".',
    ),
    (
        '[tls]\nciphers = "AES 128"',
        'ftps.toml:2: tls.ciphers: "AES 128" is not a list of ciphers. Write a list of ciphers, by OpenSSL\'s names with colons between; or "profile".',
    ),
    (
        '[storage]\ndurability = "always"',
        'ftps.toml:2: storage.durability: "always" is not one of "never", "file" or "full". Write one of "never", "file" or "full".',
    ),
    (
        '[limits]\nsessions = "many"',
        'ftps.toml:2: limits.sessions: "many" is not a whole number. Write a whole number of 1 or more.',
    ),
    ("[limits]\nsessions = 0", "ftps.toml:2: limits.sessions: 0 is too small. Write at least 1."),
    (
        "[limits]\nsessions = true",
        "ftps.toml:2: limits.sessions: true is not a whole number. Write a whole number of 1 or more.",
    ),
    (
        "[limits]\nsessions = 1.5",
        "ftps.toml:2: limits.sessions: 1.5 is not a whole number. Write a whole number of 1 or more.",
    ),
    ("[limits]\nlogin_attempts = 1000", "ftps.toml:2: limits.login_attempts: 1000 is too large. Write at most 100."),
    (
        '[limits]\ncommand_line = "1 TiB"',
        'ftps.toml:2: limits.command_line: "1 TiB" is too large. Write at most "1 MiB".',
    ),
    (
        '[limits]\ncommand_line = "8 kb"',
        'ftps.toml:2: limits.command_line: "8 kb" is not a size. Write a size: octets as a number, or text such as "64 KiB", "10 MiB", "2 GB".',
    ),
    (
        "[limits]\ncommand_line = 8.5",
        'ftps.toml:2: limits.command_line: 8.5 is not a size. Write a size: octets as a number, or text such as "64 KiB", "10 MiB", "2 GB".',
    ),
    (
        '[server]\nidle_timeout = "10"',
        'ftps.toml:2: server.idle_timeout: "10" is not a duration. Write a duration: seconds as a number, or text such as "500ms", "90s", "5m", "2h", "1d".',
    ),
    (
        '[server]\nidle_timeout = "10 minutes"',
        'ftps.toml:2: server.idle_timeout: "10 minutes" is not a duration. Write a duration: seconds as a number, or text such as "500ms", "90s", "5m", "2h", "1d".',
    ),
    ("[server]\nidle_timeout = -1", "ftps.toml:2: server.idle_timeout: -1 is too small. Write at least 1."),
    (
        "[server]\nidle_timeout = nan",
        'ftps.toml:2: server.idle_timeout: nan is not a duration. Write a duration: seconds as a number, or text such as "500ms", "90s", "5m", "2h", "1d".',
    ),
    (
        "[server]\nidle_timeout = 12:00:00",
        'ftps.toml:2: server.idle_timeout: 12:00:00 is not a duration. Write a duration: seconds as a number, or text such as "500ms", "90s", "5m", "2h", "1d".',
    ),
    ('[tls]\nhandshake_timeout = "1h"', 'ftps.toml:2: tls.handshake_timeout: "1h" is too large. Write at most 300.'),
    (
        "[storage]\nfile_mode = 644",
        'ftps.toml:2: storage.file_mode: 644 is a number, and TOML does not read it as octal. Write text, such as "0644".',
    ),
    (
        '[storage]\nfile_mode = "0899"',
        'ftps.toml:2: storage.file_mode: "0899" is not a mode. Write a mode: permission bits as text in octal, such as "0644".',
    ),
    (
        '[storage]\nfile_mode = "4755"',
        'ftps.toml:2: storage.file_mode: "4755" is not a mode. Write a mode: permission bits as text in octal, such as "0644".',
    ),
    ('[server]\nexplicit = "tcp:21"', 'ftps.toml:2: server.explicit: "tcp:21" is not a list. Write ["tcp:21"].'),
    (
        "[server]\nexplicit = [21]",
        'ftps.toml:2: server.explicit[0]: 21 is not an endpoint. Write an endpoint such as "tcp:21", "tcp6:21" or "systemd:domain=INET6:name=ftps".',
    ),
    (
        '[server]\nexplicit = ["21"]',
        'ftps.toml:2: server.explicit[0]: "21" can not be listened on: that kind of endpoint is not known. Write "tcp:21".',
    ),
    (
        '[server]\nexplicit = ["tcp:http"]',
        'ftps.toml:2: server.explicit[0]: "tcp:http" names no port from 0 to 65535. Write it as in "tcp:21".',
    ),
    (
        '[server]\nexplicit = ["tcp:70000"]',
        'ftps.toml:2: server.explicit[0]: "tcp:70000" names no port from 0 to 65535. Write it as in "tcp:21".',
    ),
    (
        '[server]\nexplicit = ["unix:/run/ftp"]',
        'ftps.toml:2: server.explicit[0]: "unix:/run/ftp" can not be listened on: data connections need an IP address beside it. Write an endpoint such as "tcp:21", "tcp6:21" or "systemd:domain=INET6:name=ftps".',
    ),
    (
        '[server]\nexplicit = ["ssl:990"]',
        'ftps.toml:2: server.explicit[0]: "ssl:990" can not be listened on: the server puts TLS on by itself, with the certificates of [tls]. Write an endpoint such as "tcp:21", "tcp6:21" or "systemd:domain=INET6:name=ftps".',
    ),
    (
        '[server]\nexplicit = ["tcp:21:interface=example.org"]',
        "ftps.toml:2: server.explicit[0]: \"tcp:21:interface=example.org\" names the interface 'example.org', which is no IP address. Write an IP address of this machine, or leave the interface out.",
    ),
    (
        "[server]\nexplicit = ['tcp:21:interface=\\:\\:1']",
        'ftps.toml:2: server.explicit[0]: "tcp:21:interface=\\\\:\\\\:1" gives an IPv6 address to tcp. Begin it with tcp6:.',
    ),
    (
        '[server]\nexplicit = ["tcp6:21:interface=::1"]',
        "ftps.toml:2: server.explicit[0]: \"tcp6:21:interface=::1\" has a part that does not fit: '1'. Protect the colons of an IPv6 address, in single quotes: 'tcp6:21:interface=\\:\\:1'.",
    ),
    (
        '[server]\nexplicit = ["tcp6:21:interface=127.0.0.1"]',
        'ftps.toml:2: server.explicit[0]: "tcp6:21:interface=127.0.0.1" gives an IPv4 address to tcp6. Begin it with tcp:.',
    ),
    (
        '[server]\nexplicit = ["tcp:21:backlog=all"]',
        'ftps.toml:2: server.explicit[0]: "tcp:21:backlog=all" has a backlog that is no number. Leave it out, as in "tcp:21".',
    ),
    (
        '[server]\nexplicit = ["tcp:21:certKey=x"]',
        'ftps.toml:2: server.explicit[0]: "tcp:21:certKey=x" has a part that does not fit: \'certKey=x\'. Write an endpoint such as "tcp:21", "tcp6:21" or "systemd:domain=INET6:name=ftps".',
    ),
    (
        '[server]\nexplicit = ["systemd:domain=INET6"]',
        'ftps.toml:2: server.explicit[0]: "systemd:domain=INET6" does not say which socket of systemd is meant. Write "systemd:domain=INET6:name=…" with the FileDescriptorName of the socket unit.',
    ),
    (
        '[server]\nexplicit = ["systemd:domain=UNIX:index=0"]',
        'ftps.toml:2: server.explicit[0]: "systemd:domain=UNIX:index=0" does not say which socket of systemd is meant. Write "systemd:domain=INET6:name=…" with the FileDescriptorName of the socket unit.',
    ),
    (
        '[server]\nexplicit = ["systemd:domain=INET:index=first"]',
        'ftps.toml:2: server.explicit[0]: "systemd:domain=INET:index=first" has an index that is no number. Count the sockets from 0.',
    ),
    (
        '[server]\nallow = ["192.0.2.1/24"]',
        'ftps.toml:2: server.allow[0]: "192.0.2.1/24" has bits set behind its prefix. Write "192.0.2.0/24".',
    ),
    (
        '[server]\ndeny = ["example.org"]',
        'ftps.toml:2: server.deny[0]: "example.org" is not a network. Write a network such as "192.0.2.0/24" or "2001:db8::/32", or one address.',
    ),
    (
        "[server]\ndeny = [7]",
        'ftps.toml:2: server.deny[0]: 7 is not a network. Write a network such as "192.0.2.0/24" or "2001:db8::/32", or one address.',
    ),
    (
        '[passive]\nports = "50100-50000"',
        'ftps.toml:2: passive.ports: "50100-50000" ends before it begins. Write "50000-50100".',
    ),
    (
        '[passive]\nports = "50000-"',
        'ftps.toml:2: passive.ports: "50000-" is not a range of ports. Write a range of ports such as "50000-50100", or one port; 0 lets the system choose.',
    ),
    (
        '[passive]\nports = "60000-70000"',
        'ftps.toml:2: passive.ports: "60000-70000" goes beyond the ports that exist. Use ports from 1 to 65535.',
    ),
    (
        "[passive]\nports = [50000, 50100]",
        'ftps.toml:2: passive.ports: a list is not a range of ports. Write a range of ports such as "50000-50100", or one port; 0 lets the system choose.',
    ),
    (
        '[passive]\ninterfaces = ["eth0"]',
        'ftps.toml:2: passive.interfaces[0]: "eth0" is not an IP address. Write an IP address such as "192.0.2.1" or "::1".',
    ),
    (
        '[passive]\naddress = "2001:db8::1"',
        'ftps.toml:2: passive.address: "2001:db8::1" is an IPv6 address, and 227 replies hold IPv4 only. Give an IPv4 address; IPv6 clients use EPSV, which needs none.',
    ),
    (
        '[passive]\naddress = "192.0.2.256"',
        'ftps.toml:2: passive.address: "192.0.2.256" is not an address to advertise. Write an address to advertise: an IPv4 address, a host name, or "auto".',
    ),
    (
        '[passive]\naddress = "ftp_server"',
        'ftps.toml:2: passive.address: "ftp_server" is not an address to advertise. Write an address to advertise: an IPv4 address, a host name, or "auto".',
    ),
    (
        "[passive]\naddress = 5",
        'ftps.toml:2: passive.address: 5 is not an address to advertise. Write an address to advertise: an IPv4 address, a host name, or "auto".',
    ),
    (
        '[passive.addresses]\n"10.0.0.0/8" = "::1"',
        'ftps.toml:2: passive.addresses."10.0.0.0/8": "::1" is an IPv6 address, and 227 replies hold IPv4 only. Give an IPv4 address; IPv6 clients use EPSV, which needs none.',
    ),
    (
        '[passive.addresses]\nlan = "auto"',
        'ftps.toml:2: passive.addresses.lan: "lan" is not a network. Write a network such as "192.0.2.0/24" or "2001:db8::/32", or one address.',
    ),
    (
        '[passive]\naddresses = ["auto"]',
        "ftps.toml:2: passive.addresses: a list is not a table. Write its name in single [brackets] and its settings below.",
    ),
    (
        '[accounts]\nusers = ""',
        'ftps.toml:2: accounts.users: "" is not a path. Write a path in quotes; a relative one starts at the folder of this file.',
    ),
    (
        '[accounts]\nroot = "~/files"',
        'ftps.toml:2: accounts.root: "~/files" begins with ~, which no shell is there to expand. Write the full path.',
    ),
    (
        '[accounts]\nhome = "{root}/{name}"',
        'ftps.toml:2: accounts.home: "{root}/{name}" has braces around something else. Use {root} and {user} only.',
    ),
    (
        '[accounts]\nhome = "homes/{user}"',
        'ftps.toml:2: accounts.home: "homes/{user}" begins neither with / nor with {root}. Write "{root}/{user}".',
    ),
    (
        "[accounts]\nhome = 1",
        'ftps.toml:2: accounts.home: 1 is not a path. Write a path with {root} and {user} in it, such as "{root}/{user}".',
    ),
    (
        '[accounts]\npermissions = "read"',
        'ftps.toml:2: accounts.permissions: "read" is not a set of permissions. Write a set of permissions: "all", "read-only" or "none", or a list of words among "read", "write", "create", "delete", "rename" and "list".',
    ),
    (
        '[accounts]\npermissions = ["read", "xwrite"]',
        'ftps.toml:2: accounts.permissions: "xwrite" is not one of "read", "write", "create", "delete", "rename" or "list". Did you mean "write"?',
    ),
    (
        '[accounts.limits]\nquota = "unlimited"',
        'ftps.toml:2: accounts.limits.quota: "unlimited" is not a size. Write a size: octets as a number, or text such as "64 KiB", "10 MiB", "2 GB"; or "none".',
    ),
    (
        '[accounts.passwords]\nmemory = "2 GiB"',
        'ftps.toml:2: accounts.passwords.memory: "2 GiB" is too large. Write at most "1 GiB".',
    ),
    ('[accounts.defence]\ndelays = "1s"', 'ftps.toml:2: accounts.defence.delays: "1s" is not a list. Write ["1s"].'),
    (
        "[log]\ncommand_log = true",
        'ftps.toml:2: log.command_log: true is not a path. Write a path in quotes; a relative one starts at the folder of this file; or "none".',
    ),
]


@pytest.mark.parametrize(("text", "complaint"), CASES, ids=range(len(CASES)))
def test_one_mistake_gets_one_complaint_with_place_cause_and_remedy(text, complaint):
    """Whoever made the mistake reads where it is, what is wrong and what to write instead, once."""
    draft = parse(text, "ftps.toml")
    assert [str(each) for each in draft.complaints] == [complaint]
    assert all(each.is_error for each in draft.complaints)


def test_text_that_is_too_long_is_told_its_length():
    """A banner that no client could show is refused, not cut."""
    draft = parse(f'[server]\nbanner = "{"x" * 501}"', "ftps.toml")
    assert [str(each) for each in draft.complaints] == [
        "ftps.toml:2: server.banner: the text has 501 characters. Write at most 500."
    ]
    assert parse(f'[server]\nbanner = "{"x" * 500}"', "ftps.toml").complaints == ()


def test_long_values_are_shortened_in_complaints():
    """A complaint stays readable, whatever was pasted into the file."""
    draft = parse(f'[limits]\nsessions = "{"9" * 1000}"', "ftps.toml")
    assert len(str(draft.complaints[0])) < 200
