"""Digests of files: HASH, XCRC, XMD5, XSHA, XSHA1, XSHA256, XSHA512, MD5 (X3, X4), and those in the log."""

from __future__ import annotations

import hashlib
import json
import zlib

import pytest

from tests.conformance.conftest import clear

CONFIG = """
[policy]
require = "none"
[integrity]
max_size = 4000000000
logged = "SHA-256"
"""
USERS = """
[users.writer]
password = "HASH"
permissions = ["write", "create", "list"]
"""
CONTENT = b"some octets\n" * 1000
DIGESTS = {
    "SHA-256": hashlib.sha256(CONTENT).hexdigest(),
    "SHA-512": hashlib.sha512(CONTENT).hexdigest(),
    "SHA-1": hashlib.sha1(CONTENT).hexdigest(),
    "MD5": hashlib.md5(CONTENT).hexdigest(),
    "CRC32": f"{zlib.crc32(CONTENT):08x}",
}


@pytest.fixture(scope="module")
def clear_server(start_server):
    """With an account that may not read."""
    return start_server(CONFIG, USERS)


@pytest.fixture
def file(folder):
    (folder / "a b").write_bytes(CONTENT)
    return folder / "a b"


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_hash(client, file, algorithm):
    """X3: a client learns the digest by the algorithm it chose, and FEAT shows which one that is."""
    assert client.do(f"OPTS HASH {algorithm.lower()}").text == algorithm
    assert client.do("OPTS HASH").text == algorithm
    assert client.do("HASH a b").text == f"{algorithm} 0-{len(CONTENT)} {DIGESTS[algorithm]} a b"
    (line,) = [line for line in client.do("FEAT").lines if line.startswith("HASH ")]
    assert sorted(line[5:].split(";")) == sorted(each + "*" * (each == algorithm) for each in DIGESTS)


def test_hash_begins_with_sha_256(client, file):
    """X3: without OPTS HASH it is a digest that nobody can forge; REIN leads back to it."""
    assert client.code("OPTS HASH CRC32") == 200
    assert client.code("REIN") == 220
    client.login()
    assert client.do(f"HASH {file.parent.name}/a b").text.startswith("SHA-256 0-12000 ")


@pytest.mark.parametrize(
    ("verb", "algorithm"),
    [("XCRC", "CRC32"), ("XMD5", "MD5"), ("XSHA", "SHA-1"), ("XSHA1", "SHA-1"), ("XSHA256", "SHA-256"),
     ("XSHA512", "SHA-512")],
)  # fmt: skip
def test_older_verbs(client, file, verb, algorithm):
    """X4: older clients have a verb for each algorithm, and their own ways to write a part of a file."""
    whole = DIGESTS[algorithm].upper()
    part = client.do(f"{verb} a b 12 24")
    assert (client.do(f"{verb} a b").code, client.do(f'{verb} "a b"').text) == (250, whole)
    (file.parent / "part").write_bytes(CONTENT[12:24])
    assert part.text == client.do(f"{verb} part").text == client.do(f'{verb} "a b" 12 24').text
    assert verb in client.do("FEAT").lines


def test_md5(client, file):
    """X4: MD5 tells the pathname, too."""
    answer = client.do("MD5 a b")
    assert (answer.code, answer.text) == (251, f"a b {DIGESTS['MD5'].upper()}")


def test_name_that_ends_in_numbers(client, folder):
    """X4: a file that is really called so goes before a part of another one."""
    (folder / "report").write_bytes(b"a")
    (folder / "report 0 1").write_bytes(b"b")
    assert client.do("XMD5 report 0 1").text.lower() == hashlib.md5(b"b").hexdigest()


def test_empty_file(client, folder):
    """X3: it has a digest as well."""
    (folder / "empty").touch()
    assert client.do("HASH empty").text == f"SHA-256 0-0 {hashlib.sha256().hexdigest()} empty"
    assert client.do("XCRC empty").text == "00000000"


@pytest.mark.parametrize(
    ("command", "code"),
    [("HASH", 501), ("XCRC", 501), ("HASH missing", 550), ("XMD5 missing", 550), ("XMD5 missing 0 1", 550),
     ("HASH .", 550), ("MD5 ..", 550), ("XCRC a b 0 12001", 501), ("XCRC a b 2 1", 501), ("OPTS HASH WHIRLPOOL", 504),
     ("HASH a\0b", 553)],
)  # fmt: skip
def test_refusals(client, file, command, code):
    """X3, X4: and the session goes on."""
    assert client.code(command) == code
    assert client.code("HASH a b") == 213


def test_limit(client, folder):
    """X3: a file at the limit has a digest, if asked for in parts; one octet more is 552, at once."""
    with (folder / "large").open("wb") as large:
        large.truncate(4_000_000_001)
    assert client.code("HASH large") == 552
    assert client.code("XCRC large 0 4000000001") == 552
    assert client.code("XCRC large 4000000000 4000000001") == 250


def test_abor(client, folder):
    """X3: a client that can not wait for a large file aborts it; nothing else waits for it either."""
    with (folder / "large").open("wb") as large:
        large.truncate(4_000_000_000)
    client.send("OPTS HASH SHA-512")
    client.send("HASH large")
    client.send("NOOP")
    client.send("ABOR")
    assert client.codes(4) == [200, 426, 200, 226]


def test_who_may_not_read_learns_nothing(clear_server):
    """X3: not even whether a file is what the client believes it to be."""
    path = clear_server.folder / "files" / "writer" / "file"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"secret")
    with clear(clear_server, user="writer") as client:
        assert [client.code(f"{verb} file") for verb in ("HASH", "XCRC", "MD5", "XSHA512")] == [550] * 4


def test_algorithms_that_are_switched_off(start_server):
    """X3: the operator's choice shows in FEAT, and holds."""
    server = start_server('[policy]\nrequire = "none"\n[integrity]\nalgorithms = ["SHA-512", "SHA-1"]\n')
    (server.files / "file").write_bytes(CONTENT)
    with clear(server) as client:
        features = client.do("FEAT").lines
        assert "HASH SHA-512*;SHA-1" in features
        assert {"XSHA", "XSHA1", "XSHA512"} <= set(features)
        assert not {"XCRC", "XMD5", "MD5", "XSHA256"} & set(features)
        assert [client.code(f"{verb} file") for verb in ("XMD5", "MD5", "XSHA1", "HASH")] == [502, 502, 250, 213]
        assert client.code("OPTS HASH MD5") == 504


def test_no_algorithm_at_all(start_server):
    """X3: an empty list switches everything off."""
    server = start_server('[policy]\nrequire = "none"\n[integrity]\nalgorithms = []\n')
    with clear(server) as client:
        assert not [line for line in client.do("FEAT").lines if line.startswith(("HASH", "X", "MD5"))]
        assert (client.code("HASH file"), client.code("OPTS HASH SHA-256"), client.code("XCRC file")) == (502, 501, 502)


def test_uploads_in_the_log(client, clear_server, folder):
    """The JSON log holds the digest of what arrived, for an audit; a file that was continued has none."""
    assert client.upload("STOR new", CONTENT).code == 226
    assert client.upload("APPE new", b"more").code == 226
    events = [json.loads(line) for line in clear_server.whole_lines("events.json")]
    told = [
        each["digest"] for each in events if each.get("path", "").endswith(f"{folder.name}/new") and "digest" in each
    ]
    assert told == [f"SHA-256:{DIGESTS['SHA-256']}", ""]
    assert (folder / "new").read_bytes() == CONTENT + b"more"


def test_few_at_once(start_server):
    """X3, K13: who waits for a turn can give up, and gets it when another one is done."""
    server = start_server('[policy]\nrequire = "none"\n[integrity]\nat_once = 1\n')
    with (server.files / "large").open("wb") as large:
        large.truncate(60_000_000_000)
    (server.files / "small").write_bytes(CONTENT)
    with clear(server) as one, clear(server) as other:
        one.send("HASH large")
        other.send("HASH large")
        other.send("ABOR")
        assert other.codes(2) == [426, 226]
        one.send("ABOR")
        assert one.codes(2) == [426, 226]
        assert other.code("HASH small") == 213
