"""MODE Z (X8): packed files and listings, both ways, in clear and under TLS, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zlib

import pytest

from tests.conformance.conftest import clear
from tests.support.client import logged_in
from tests.support.server import PASSWORD, USER

CONFIG = """
[deflate]
enabled = true
max_size = 20000000
"""
USERS = """
[users.small]
password = "HASH"
limits = { quota = 100000 }
"""
TEXT = b"one line of many\n" * 20_000


@pytest.fixture(scope="module")
def clear_server(start_server):
    """With MODE Z, and an account with a quota."""
    return start_server(f'[policy]\nrequire = "none"\n{CONFIG}', USERS)


@pytest.fixture(scope="module")
def server(start_server):
    """The same under TLS."""
    return start_server(CONFIG)


@pytest.fixture
def packed(client):
    """A client in MODE Z."""
    assert client.do("MODE Z").text == "Mode is Z"
    return client


def events(server, path):
    lines = [json.loads(line) for line in server.whole_lines("events.json")]
    return [each for each in lines if each["event"] == "file_transferred" and each["path"].endswith(path)]


@pytest.mark.parametrize("content", [b"", b"x", TEXT, os.urandom(300_000)], ids=["empty", "octet", "text", "random"])
def test_both_ways(packed, folder, content):
    """X8: what is sent packed is stored unpacked, and the other way round; SIZE is that of the file."""
    assert packed.upload("STOR file", zlib.compress(content)).text == (
        f"Stored {len(content)} octets; the file has {len(content)}"
    )
    assert (folder / "file").read_bytes() == content
    assert packed.do("SIZE file").text == str(len(content))
    octets, answer = packed.download("RETR file")
    assert zlib.decompress(octets) == content
    assert answer.text == f"Sent {len(content)} octets"


def test_nothing_at_all_is_an_empty_file(packed, folder):
    """X8: clients that have no octet to pack send none."""
    assert packed.upload("STOR file", b"").code == 226
    assert (folder / "file").read_bytes() == b""


def test_under_tls(tls_client, tls_folder):
    """X8: packed first, protected then."""
    (tls_folder / "file").write_bytes(TEXT)
    assert tls_client.code("MODE Z") == 200
    assert zlib.decompress(tls_client.download("RETR file")[0]) == TEXT
    assert tls_client.upload("STOR new", zlib.compress(TEXT)).code == 226
    assert (tls_folder / "new").read_bytes() == TEXT


@pytest.mark.parametrize("verb", ["LIST", "NLST", "MLSD"])
def test_listings(packed, folder, verb):
    """X8: they are packed as well."""
    (folder / "a name").touch()
    assert b"a name\r\n" in zlib.decompress(packed.download(verb)[0])


def test_with_line_ends(packed, folder):
    """X8, B10: TYPE A translates what is unpacked, not what is packed."""
    assert packed.code("TYPE A") == 200
    assert packed.upload("STOR file", zlib.compress(b"one\r\ntwo\r\nrest\r")).code == 226
    assert (folder / "file").read_bytes() == b"one\ntwo\nrest\r"
    assert zlib.decompress(packed.download("RETR file")[0]) == b"one\r\ntwo\r\nrest\r"


def test_restart(packed, folder):
    """X8, L6: markers count octets of the file, so that SIZE and REST fit together in every mode."""
    (folder / "file").write_bytes(TEXT)
    assert packed.code("REST 17") == 350
    assert zlib.decompress(packed.download("RETR file")[0]) == TEXT[17:]
    assert packed.code(f"REST {len(TEXT)}") == 350
    assert packed.upload("STOR file", zlib.compress(b"more")).code == 226
    assert (folder / "file").read_bytes() == TEXT + b"more"


def test_level(packed, folder):
    """X8: a client chooses how hard the server tries, up to the operator's limit."""
    (folder / "file").write_bytes(TEXT)
    sizes = []
    for level in (0, 1, 6):
        assert packed.do(f"OPTS MODE Z LEVEL {level}").text == f"MODE Z LEVEL is {level}"
        sizes.append(len(packed.download("RETR file")[0]))
    assert sizes[0] > len(TEXT) > sizes[1] >= sizes[2]
    assert packed.do("OPTS MODE Z LEVEL 9").text == "MODE Z LEVEL is 6"


@pytest.mark.parametrize("option", ["", "Z", "Z LEVEL", "Z LEVEL 10", "Z LEVEL x", "S LEVEL 1", "Z ENGINE ZLIB"])
def test_level_refusals(packed, option):
    """X8: anything else is 501."""
    assert packed.code(f"OPTS MODE {option}") == 501


def test_stat_and_logs(packed, clear_server, folder):
    """X8: STAT tells the mode, the JSON log both counts, and xferlog that it was packed."""
    assert "mode: Z" in packed.do("STAT").text
    octets = zlib.compress(TEXT)
    assert packed.upload("STOR file", octets).code == 226
    (event,) = events(clear_server, f"{folder.name}/file")
    assert (event["octets"], event["packed_octets"]) == (len(TEXT), len(octets))
    (line,) = [line for line in clear_server.log("xfer.log").splitlines() if f"{folder.name}/file " in line]
    assert f" {len(TEXT)} " in line
    assert " b C i " in line


@pytest.mark.parametrize(
    "octets",
    [
        b"no zlib at all",
        zlib.compress(TEXT)[:-1],
        zlib.compress(TEXT)[:-4] + b"\0\0\0\0",
        zlib.compress(TEXT) + b"more",
    ],
    ids=["garbage", "cut", "checksum", "more"],
)
def test_malformed(packed, folder, octets):
    """X8, K9: 226 means that all of it is there; what is not is 426, and the old file is as it was."""
    (folder / "file").write_bytes(b"old")
    assert packed.upload("STOR file", octets).code == 426
    assert (folder / "file").read_bytes() == b"old"


def test_steep_bomb(packed, folder):
    """X8, K13: a few octets that unpack to a mountain are refused, and nothing is left of them."""
    (folder / "file").write_bytes(b"old")
    bomb = zlib.compress(bytes(15_000_000), 9)
    answer = packed.upload("STOR file", bomb)
    assert answer.code == 552
    assert (folder / "file").read_bytes() == b"old"
    assert packed.code("NOOP") == 200


@pytest.mark.parametrize(("octets", "code"), [(20_000_000, 226), (20_000_001, 552)], ids=["cap", "beyond"])
def test_high_bomb(packed, folder, octets, code):
    """X8, K13: what unpacks to more than the limit is refused, one octet beyond."""
    content = (os.urandom(1000) + bytes(9000)) * (octets // 10_000) + b"x" * (octets % 10_000)
    (folder / "file").write_bytes(b"old")
    assert packed.upload("STOR file", zlib.compress(content, 1)).code == code
    assert (folder / "file").stat().st_size == (octets if code == 226 else 3)


@pytest.mark.parametrize(("octets", "code"), [(100_000, 226), (100_001, 552)], ids=["cap", "beyond"])
def test_quota_counts_the_file(clear_server, octets, code):
    """X8: packing is no way around a quota."""
    with clear(clear_server, user="small") as client:
        client.do("DELE file")
        assert client.code("MODE Z") == 200
        assert client.upload("STOR file", zlib.compress(bytes(octets))).code == code


def test_mode_is_forgotten(packed):
    """X8, B6: REIN leads back to MODE S; so does the client itself."""
    assert packed.code("MODE S") == 200
    assert packed.code("MODE Z") == 200
    assert packed.code("REIN") == 220
    packed.login()
    assert "mode: S" in packed.do("STAT").text


def test_feature(packed, start_server):
    """X8, F2: FEAT tells it where it is; it is off unless switched on."""
    assert "MODE Z" in packed.do("FEAT").lines
    with clear(start_server('[policy]\nrequire = "none"\n')) as client:
        assert "MODE Z" not in client.do("FEAT").lines
        assert (client.code("MODE Z"), client.code("OPTS MODE Z LEVEL 1")) == (504, 501)


def test_abor(packed, folder):
    """X8, B20: a packed transfer is aborted like any other."""
    (folder / "file").write_bytes(os.urandom(8_000_000))
    with packed.begin("RETR file"):
        packed.send("ABOR")
        assert packed.codes(2) == [426, 226]
    assert packed.code("NOOP") == 200


@pytest.mark.skipif(shutil.which("lftp") is None, reason="lftp is not installed")
def test_lftp(server, tls_folder, tmp_path):
    """X8: lftp packs what it sends, and unpacks what it gets."""
    (tmp_path / "file").write_bytes(TEXT)
    commands = (
        "set ftp:use-mode-z yes; set ftp:mode-z-level 3; set ssl:verify-certificate no; set net:max-retries 1; "
        f"set ftp:ssl-force yes; open -u '{USER},{PASSWORD}' 127.0.0.1:{server.port()}; cd {tls_folder.name}; "
        f"put {tmp_path}/file; get file -o {tmp_path}/back; cls; bye"
    )
    done = subprocess.run(["lftp", "-c", commands], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "back").read_bytes() == (tls_folder / "file").read_bytes() == TEXT
    assert "file" in done.stdout
    assert [each["packed_octets"] < len(TEXT) for each in events(server, f"{tls_folder.name}/file")] == [True, True]


def test_clear_after_login(server, tls_folder):
    """X8: a session may change the mode between transfers."""
    (tls_folder / "file").write_bytes(TEXT)
    with logged_in(server) as client:
        for mode, unpack in (("Z", zlib.decompress), ("S", bytes), ("Z", zlib.decompress)):
            assert client.code(f"MODE {mode}") == 200
            assert client.code("TYPE I") == 200
            assert unpack(client.download(f"RETR {tls_folder.name}/file")[0]) == TEXT
