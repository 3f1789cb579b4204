"""Certificates and ciphers as the check sees them, with real files."""

import json
import sys
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from ftpstwist.config import passphrase
from ftpstwist.config.certificates import make_policy, read_certificates
from ftpstwist.config.load import parse
from ftpstwist.session.identity import Secret
from ftpstwist.tls.own_authority import write_bundle
from ftpstwist.tls.selfsigned import make_self_signed, write_pair
from tests.config.config_support import NOW, about, judge

PASSPHRASE = "correct horse"


def configuration(name="server", extra=""):
    return f'[[tls.certificates]]\ncertificate = "{name}.crt"\nkey = "{name}.key"\n{extra}'


@pytest.fixture
def folder(tmp_path):
    """A folder with a good pair, ``server.crt`` and ``server.key``."""
    write_pair(make_self_signed(["ftp.example.org"], now=NOW), tmp_path)
    return tmp_path


def said_about(folder, text, **surroundings):
    return about(judge(text, folder / "f.toml", **surroundings), "tls")


def test_a_good_pair_is_nothing_to_talk_about(folder):
    """Silence means that clients will get this certificate."""
    assert said_about(folder, configuration()) == []


def test_without_a_certificate_the_operator_is_told_what_happens():
    """A self-made certificate is fine for a trial and a surprise for clients."""
    findings = judge("")
    assert about(findings, "tls") == [
        (
            "ftps.toml: tls.certificates: no certificate is named, so the server makes itself one that no client knows. "
            "Name a certificate and its key in [[tls.certificates]], unless this is a trial."
        )
    ]
    assert about(findings, "tls") == [str(each) for each in findings.warnings if each.key.startswith("tls")]


def test_missing_files_are_named_each(folder):
    """Both paths are told, with the line of each."""
    assert said_about(folder, configuration("none")) == [
        (
            f"{folder}/f.toml:2: tls.certificates[0].certificate: {folder}/none.crt: can not be read "
            "(No such file or directory). Give the path of a usable file."
        ),
        (
            f"{folder}/f.toml:3: tls.certificates[0].key: {folder}/none.key: can not be read "
            "(No such file or directory). Give the path of a usable file."
        ),
    ]


def test_a_key_of_another_certificate_is_refused(folder):
    """Mixed-up files are found before the first client finds them."""
    write_pair(make_self_signed(["other.example.org"], now=NOW), folder, "other")
    text = '[[tls.certificates]]\ncertificate = "server.crt"\nkey = "other.key"\n'
    (said,) = said_about(folder, text)
    assert f"the key in {folder}/other.key belongs to none of its certificates" in said


def test_a_key_that_others_may_read_is_refused(folder):
    """K11: the remedy is a command to paste."""
    (folder / "server.key").chmod(0o644)
    (said,) = said_about(folder, configuration())
    assert "may be read or changed by others (mode 0644)" in said
    assert said.endswith(f"Run: chmod 600 {folder}/server.key.")


def test_expiry_is_warned_about_and_then_refused(folder):
    """A month's notice, then a clear no."""
    days = timedelta(days=3650)
    soon = judge(configuration(), folder / "f.toml", now=NOW + days - timedelta(days=20))
    assert not soon.errors
    assert "expires within 30 days" in about(soon, "tls")[0]
    late = judge(configuration(), folder / "f.toml", now=NOW + days + timedelta(days=1))
    assert "expired on" in str(late.errors[0])
    early = judge(configuration(), folder / "f.toml", now=NOW - timedelta(days=1))
    assert "is not valid before" in str(early.errors[0])


@pytest.fixture
def locked(folder):
    """The same folder, its key locked with a passphrase."""
    pair = make_self_signed(["ftp.example.org"], now=NOW)
    write_pair(pair, folder, "locked")
    (folder / "locked.key").write_bytes(
        pair.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(PASSPHRASE.encode()),
        )
    )
    return folder


def test_a_locked_key_opens_with_its_passphrase_file(locked):
    """Only the first line counts, so editors may add a line end."""
    (locked / "pass").write_text(PASSPHRASE + "\nsecond line\n")
    (locked / "pass").chmod(0o600)
    assert said_about(locked, configuration("locked", 'passphrase_file = "pass"')) == []


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0o600, "can not be read (No such file or directory). Give the path of the file."),
        (PASSPHRASE, 0o604, "may be read or changed by others (mode 0604). Run: chmod 600 "),
        ("\n", 0o600, "the first line of "),
        ("wrong", 0o600, "the passphrase is wrong"),
    ],
)
def test_a_passphrase_file_that_does_not_help_is_told_why(locked, content, mode, words):
    """The passphrase itself is never repeated."""
    if content is not None:
        (locked / "pass").write_text(content)
        (locked / "pass").chmod(mode)
    said = said_about(locked, configuration("locked", 'passphrase_file = "pass"'))
    assert any(words in each for each in said)
    assert PASSPHRASE not in "".join(said)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'certificate = "server.crt"',
            (
                "f.toml:1: tls.certificates[0].key: the setting is missing. "
                "Add it: PEM file with the private key, mode 0600; or give a bundle."
            ),
        ),
        (
            'key = "server.key"',
            (
                "f.toml:1: tls.certificates[0].certificate: the setting is missing. "
                "Add it: PEM file with the certificate and the full chain; or give a bundle."
            ),
        ),
        (
            'certificate = "server.crt"\nbundle = "x.p12"',
            (
                "f.toml:2: tls.certificates[0].certificate: the bundle {folder}/x.p12 holds certificate and key already. "
                "Take out bundle, or certificate."
            ),
        ),
        (
            'certificate = "server.crt"\nkey = "server.key"\npassphrase_file = "p"\npassphrase_command = ["p"]',
            (
                "f.toml:5: tls.certificates[0].passphrase_command: passphrase_file is given, too, "
                "and a key has one passphrase. Take one of them out."
            ),
        ),
    ],
)
def test_which_files_are_meant_must_be_clear(folder, text, words):
    """Half a pair, or two answers to one question: the server does not choose."""
    assert said_about(folder, f"[[tls.certificates]]\n{text}") == [f"{folder}/" + words.format(folder=folder)]


@pytest.fixture
def bundle(folder):
    """Certificate and key in one file, locked with a passphrase."""
    pair = make_self_signed(["ftp.example.org"], now=NOW)
    write_bundle(pair, folder / "server.p12", Secret(PASSPHRASE), name="server")
    return folder


def from_command(code: str) -> str:
    return f"passphrase_command = {json.dumps([sys.executable, '-c', code])}"


@pytest.mark.parametrize(
    "source",
    [
        'passphrase_variable = "FTPS_TEST"',
        'passphrase_credential = "pass"',
        from_command("import os; print(os.environb[b'FTPS_TEST'].decode()); print('second line')"),
    ],
)
def test_a_bundle_opens_with_a_passphrase_from_anywhere(bundle, source, monkeypatch):
    """Environment, systemd and programs such as a password store: whatever the site uses."""
    monkeypatch.setenv("FTPS_TEST", PASSPHRASE)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(bundle / "credentials"))
    (bundle / "credentials").mkdir()
    (bundle / "credentials" / "pass").write_text(PASSPHRASE)
    (bundle / "credentials" / "pass").chmod(0o400)
    assert said_about(bundle, f'[[tls.certificates]]\nbundle = "server.p12"\n{source}') == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('passphrase_variable = "FTPS_NONE"', "there is no variable FTPS_NONE in the environment"),
        ('passphrase_credential = "pass"', "systemd has passed no credentials"),
        ('passphrase_credential = "../pass"', '"../pass" is not the name of a credential'),
        ('passphrase_command = ["/nowhere/ask"]', "/nowhere/ask can not be run (No such file or directory)"),
        (from_command("print('open sesame'); raise SystemExit(3)"), "ended with status 3"),
        (from_command("pass"), "is empty. Write the passphrase"),
        (from_command("print('x' * 10000)"), "the passphrase is wrong"),
        (from_command("import sys; print(sys.stdin.read(1) or 'no input')"), "the passphrase is wrong"),
        (from_command("open('/dev/tty')"), "ended with status 1"),
        ("", "has a passphrase and none is set"),
    ],
)
def test_a_source_that_gives_no_passphrase_is_told_why(bundle, source, words, monkeypatch):
    """And nobody is asked at a terminal, not even by the command."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (said,) = said_about(bundle, f'[[tls.certificates]]\nbundle = "server.p12"\n{source}')
    assert words in said
    assert PASSPHRASE not in said
    assert "sesame" not in said


def test_a_command_that_never_ends_is_ended(bundle, monkeypatch):
    """A password store that waits for somebody does not keep the server waiting for ever."""
    monkeypatch.setattr(passphrase, "COMMAND_SECONDS", 0.2)
    text = f'[[tls.certificates]]\nbundle = "server.p12"\n{from_command("import time; time.sleep(60)")}'
    (said,) = said_about(bundle, text)
    assert "took longer than 0.2 seconds" in said


def test_a_bundle_is_a_secret_like_a_key(bundle):
    """Its mode is judged, and a file that is no bundle is told apart from a wrong passphrase."""
    (bundle / "server.p12").chmod(0o644)
    text = '[[tls.certificates]]\nbundle = "server.p12"\n' + from_command(f"print({PASSPHRASE!r})")
    (said,) = said_about(bundle, text)
    assert "tls.certificates[0].bundle" in said
    assert said.endswith(f"Run: chmod 600 {bundle}/server.p12.")


def test_two_certificates_of_one_kind_for_one_name_are_refused(folder):
    """Only one of them could ever be shown, and nobody would know which: a copied table that was not changed."""
    assert said_about(folder, configuration() + configuration()) == [
        (
            f"{folder}/f.toml:1: tls.certificates: two certificates of one key type for ftp.example.org. "
            "Take one of them out, or have it made anew."
        )
    ]


def test_ciphers_that_openssl_does_not_know_are_named():
    """The bad word is told, not the whole list."""
    said = about(
        judge('[tls]\nciphers = "ECDHE-RSA-AES256-GCM-SHA384:AES999"\nciphersuites = "TLS_NONE"'), "tls.cipher"
    )
    assert said == [
        (
            "ftps.toml:2: tls.ciphers: OpenSSL does not know the ciphers 'AES999'. "
            'Write names that "openssl ciphers" lists.'
        ),
        (
            "ftps.toml:3: tls.ciphersuites: OpenSSL does not know the ciphers 'TLS_NONE'. "
            'Write names that "openssl ciphers -tls1_3" lists.'
        ),
    ]


@pytest.mark.parametrize(
    ("require", "what"),
    [
        ("none", "passwords, commands and files"),
        ("login", "commands and files"),
        ("control", "files"),
        ("data", "passwords and commands"),
        ("all", None),
    ],
)
def test_whatever_may_go_in_clear_is_told(require, what):
    """Nobody runs a server in clear without having read so."""
    said = about(judge(f'[policy]\nrequire = "{require}"'), "policy")
    assert said == (
        []
        if what is None
        else [
            (
                f"ftps.toml:2: policy.require: {what} may travel in clear, for everybody on the way to read. "
                'Write require = "all", unless some clients have no TLS.'
            )
        ]
    )


def test_required_session_reuse_is_warned_about():
    """The setting that breaks the most clients says so."""
    (said,) = about(judge('[tls]\nsession_reuse = "require"'), "tls.session")
    assert "Python's ftplib" in said


def test_the_policy_is_what_the_settings_say(folder):
    """What was checked is what the listeners speak."""
    text = '[tls]\nprofile = "modern"\nciphersuites = "TLS_AES_256_GCM_SHA384"\n' + configuration()
    settings = parse(text, str(folder / "f.toml")).settings
    found = read_certificates(settings, now=NOW)
    policy = make_policy(settings.tls, found.pairs)
    assert str(policy.oldest) == "TLS 1.3"
    assert policy.suite_list == "TLS_AES_256_GCM_SHA384"
    assert list(policy.by_name) == ["ftp.example.org"]


@pytest.mark.parametrize(
    ("ciphers", "said"),
    [
        ("ECDHE+AESGCM:AES128-SHA", ["comes with AES128-SHA."]),
        ("ALL:@SECLEVEL=0", ["and others."]),
        ("ECDHE+AESGCM:ECDHE+CHACHA20", []),
        ("ECDHE+AESGCM:NONSENSE", ["'NONSENSE'"]),
    ],
)
def test_weak_ciphers_are_warned_about_and_unknown_ones_named(ciphers, said):
    """Section 5 row 12: whoever writes a list of ciphers is told what is wrong with it, by name."""
    told = about(judge(f'[tls]\nciphers = "{ciphers}"'), "tls.ciphers")
    assert len(told) == len(said)
    assert all(words in line for words, line in zip(said, told, strict=True))


def test_certificates_are_judged_that_are_asked_for(folder):
    """A restriction that could never apply is told, so that nobody relies on it."""
    for more in ('[tls.clients]\naddress = "require"\n', '[tls.clients.ocsp]\nask = "always"\n'):
        assert "no client is asked for one" in "".join(said_about(folder, configuration(extra=more)))
