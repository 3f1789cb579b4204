"""Settings that are fine one by one and not together, with the exact words about them."""

import pytest

from tests.config.config_support import judge

CASES = [
    (
        "[server]\nexplicit = []\nimplicit = []",
        'ftps.toml:2: server.explicit: both services are switched off. Give at least one endpoint, such as "tcp:21".',
    ),
    (
        '[server]\nexplicit = ["tcp:21", "tcp6:21"]',
        (
            "ftps.toml:2: server.explicit[1]: tcp6:21 would listen where tcp:21 does already. "
            'Give each its own port; "tcp6:" without an interface takes IPv4 as well.'
        ),
    ),
    (
        '[server]\nexplicit = ["tcp:990"]',
        (
            "ftps.toml:1: server.implicit[0]: tcp:990 would listen where tcp:990 does already. "
            'Give each its own port; "tcp6:" without an interface takes IPv4 as well.'
        ),
    ),
    (
        '[passive]\nports = "900-1000"',
        (
            "ftps.toml:2: passive.ports: port 990 is also that of tcp:990 in server.implicit[0]. "
            "Choose a range without it."
        ),
    ),
    (
        "[active]\nsource_ports = 50099",
        (
            "ftps.toml:2: active.source_ports: 50099 and the passive ports 50000-50099 overlap, "
            "and one port can not serve both. Choose other ports, or 0."
        ),
    ),
    (
        '[active]\nsource_ports = "2000-3000"\n[server]\nexplicit = ["tcp:2121"]',
        (
            "ftps.toml:2: active.source_ports: port 2121 is also that of tcp:2121 in server.explicit[0]. "
            "Choose other ports."
        ),
    ),
    (
        '[server]\nallow = ["10.0.0.0/8", "10.1.0.0/16"]\ndeny = ["10.1.0.0/16"]',
        (
            "ftps.toml:2: server.allow[1]: 10.1.0.0/16 is allowed in vain: 10.1.0.0/16 is denied, "
            "and that counts more. Take one of the two out."
        ),
    ),
    (
        '[tls]\nprofile = "modern"\nminimum = "1.2"',
        (
            'ftps.toml:3: tls.minimum: the profile "modern" begins with TLS 1.3. '
            'Write minimum = "profile", or profile = "intermediate".'
        ),
    ),
    (
        '[tls]\nprofile = "modern"\nciphers = "ECDHE-RSA-AES256-GCM-SHA384"',
        "ftps.toml:3: tls.ciphers: it is for TLS 1.2, which is not spoken here. Take it out, or use ciphersuites.",
    ),
    (
        '[transfer]\nfirst_chunk = "1 MiB"',
        (
            "ftps.toml:2: transfer.first_chunk: it is larger than largest_chunk (262144 octets). "
            "Make it smaller, or largest_chunk larger."
        ),
    ),
    (
        '[transfer]\nquantum = "128 KiB"',
        (
            "ftps.toml:2: transfer.quantum: it is smaller than largest_chunk (262144 octets). "
            "Make it larger, or largest_chunk smaller."
        ),
    ),
    (
        '[log]\ncommand_log = "/tmp/a"\njson_log = "/tmp/a"',
        "ftps.toml:3: log.json_log: /tmp/a is also the command_log. Give each its own file.",
    ),
    (
        '[storage]\nfile_mode = "0044"',
        (
            "ftps.toml:2: storage.file_mode: with 0044 the server itself could not read or go on with uploads. "
            'Begin it with 06, as in "0644".'
        ),
    ),
    (
        '[storage]\ndirectory_mode = "0655"',
        (
            "ftps.toml:2: storage.directory_mode: with 0655 the server itself could not use the folders it makes. "
            'Begin it with 07, as in "0755".'
        ),
    ),
    (
        '[accounts.passwords]\nmemory = "8 KiB"\nlanes = 2',
        (
            "ftps.toml:2: accounts.passwords.memory: Argon2 needs 8 KiB for each of the 2 lanes. "
            'Write at least "16 KiB", or take fewer lanes.'
        ),
    ),
    (
        "[accounts.passwords]\nmemory = 1000000",
        'ftps.toml:2: accounts.passwords.memory: 1000000 is not a whole number of KiB. Write it as in "19 MiB".',
    ),
    (
        "[accounts.defence]\ndelays = []",
        "ftps.toml:2: accounts.defence.delays: the list is empty. Give at least one duration; [0] means no pause.",
    ),
    (
        '[accounts]\nusers = "/srv/ftp/users.toml"\nroot = "/srv/ftp"',
        (
            "ftps.toml:2: accounts.users: /srv/ftp/users.toml lies in /srv/ftp, the folder of accounts.root, "
            "so clients might read or replace it. Keep it elsewhere."
        ),
    ),
    (
        '[server]\nstate_directory = "/srv/ftp/state"\n[accounts.anonymous]\nenabled = true\nroot = "/srv/ftp"',
        (
            "ftps.toml:2: server.state_directory: /srv/ftp/state lies in /srv/ftp, the folder of accounts.anonymous.root, "
            "so clients might read or replace it. Keep it elsewhere."
        ),
    ),
]


@pytest.mark.parametrize(("text", "complaint"), CASES, ids=range(len(CASES)))
def test_a_contradiction_is_refused_in_these_words(text, complaint):
    """The operator learns which two settings quarrel, before a client finds out."""
    assert complaint in map(str, judge(text).errors)


@pytest.mark.parametrize(
    "text",
    [
        "[passive]\nports = 0\n[active]\nsource_ports = 0",
        '[server]\nexplicit = ["tcp6:21"]\nimplicit = []',
        "[server]\nexplicit = [\"tcp:21:interface=127.0.0.1\", 'tcp6:21:interface=\\:\\:1']",
        '[server]\nexplicit = ["tcp:50050:interface=127.0.0.1"]\n[passive]\ninterfaces = ["127.0.0.2"]',
        '[active]\nenabled = false\nsource_ports = "50000-50010"',
        '[server]\nallow = ["10.0.0.0/8"]\ndeny = ["10.1.0.0/16", "2001:db8::/32"]',
        '[tls]\nminimum = "1.3"\nciphersuites = "TLS_AES_256_GCM_SHA384"',
        '[transfer]\nfirst_chunk = "256 KiB"\nquantum = "256 KiB"',
        '[storage]\nfile_mode = "0600"\ndirectory_mode = "0700"',
        '[accounts.passwords]\nmemory = "16 KiB"\nlanes = 2',
        "[accounts.defence]\ndelays = [0]",
        '[accounts]\nusers = "/etc/ftp/users.toml"\nroot = "/etc/ftp/users"',
    ],
)
def test_what_only_looks_like_a_contradiction_is_let_pass(text):
    """A rule that cries wolf would be switched off by operators, in their heads."""
    errors = [each for each in judge(text).errors if "there is no users file" not in each.cause]
    assert errors == []


def test_a_setting_that_could_not_be_read_is_not_judged_further():
    """One mistake gets one complaint: its consequences, with the default in its place, are not told."""
    findings = judge('[passive]\nports = "20-"\n[server]\nexplicit = ["tcp:50050"]')
    assert [each.key for each in findings.errors] == ["passive.ports"]
    assert "not a range" in findings.errors[0].cause


def test_mistakes_and_contradictions_are_told_in_one_run():
    """The list is complete the first time: bad values, unknown keys, contradictions, missing files."""
    findings = judge(
        "[server]\nexplicit = []\nimplicit = []\nbaner = 1\n[storage]\nfile_mode = 644\n"
        '[[tls.certificates]]\ncertificate = "/nowhere/a.pem"\nkey = "/nowhere/b.pem"\n'
        '[log]\njson_log = "/nowhere/json.log"\n'
    )
    assert [(each.line, each.key) for each in findings.errors] == [
        (2, "server.explicit"),
        (4, "server.baner"),
        (6, "storage.file_mode"),
        (8, "tls.certificates[0].certificate"),
        (9, "tls.certificates[0].key"),
        (11, "log.json_log"),
    ]
    said = [str(each) for each in findings.complaints]
    assert len(said) == len(set(said))
