"""Names in UTF-8, and the language of replies (RFC 2640)."""

from __future__ import annotations

import os

import pytest

from tests.support.client import connected

NAMES = ["äöü", "Ä", "A\u0308", "日本語", "русский", "عربى", "😀", "\u200b", "ﬁ", "é" * 100, "a\u00a0b"]
RAW = [
    b"latin-\xe4\xf6\xfc",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xc0\xaf",
    b"\xfe",
    b"a\xff",
    b"\xff\xff",
    b"\x80",
]
"""Octets that are not UTF-8: Latin-1, cut off, a surrogate, five octets, an overlong slash, and worse."""


def names(octets):
    """Return the names in a listing of facts, or of names."""
    lines = octets.split(b"\r\n")[:-1]
    return sorted(line.partition(b"; ")[2] or line for line in lines if b"type=cdir" not in line)


def doubled(name):
    """What a name is on the control connection."""
    return name.replace(b"\xff", b"\xff\xff").replace(b"\r", b"\r\0")


def octet_names(folder):
    return sorted(os.listdir(os.fsencode(folder)))


def test_utf8_is_a_feature(client):
    """I1: the line by which clients know."""
    assert "UTF8" in client.do("FEAT").lines


@pytest.mark.parametrize("which", ["clear", "TLS"])
@pytest.mark.parametrize("name", NAMES)
def test_names_of_the_world(request, name, which):
    """I1: made, told, listed in each way and fetched, octet for octet; nothing is normalised or guessed."""
    client = request.getfixturevalue("client" if which == "clear" else "tls_client")
    folder = request.getfixturevalue("folder" if which == "clear" else "tls_folder")
    octets = name.encode()
    assert client.upload(f"STOR {name}", octets).code == 226
    assert octet_names(folder) == [octets]
    assert names(client.download("NLST")[0]) == [octets]
    assert names(client.download("MLSD")[0]) == [octets]
    assert client.download("LIST")[0].endswith(b" " + octets + b"\r\n")
    assert client.do(f"MLST {name}").lines[1].endswith(f"; /{folder.name}/{name}")
    assert client.download(f"RETR {name}")[0] == octets
    assert client.code(f"RNFR {name}") == 350
    assert client.code(f"RNTO {name[:1]}") == 250
    assert client.code(f"DELE {name[:1]}") == 250
    assert client.do(f"MKD {name}").text.startswith(f'"/{folder.name}/{name}"')
    assert client.code(f"CWD {name}") == 250
    assert client.do("PWD").text.startswith(f'"/{folder.name}/{name}"')


@pytest.mark.parametrize("name", RAW)
def test_names_that_are_not_utf8(client, folder, name):
    """I2: octets stay what they are, both ways: a client of 1995 gets back what it sent."""
    sent = doubled(name)
    assert client.upload(b"STOR " + sent, name).code == 226
    assert octet_names(folder) == [name]
    for command in ("NLST", "MLSD"):
        assert names(client.download(command)[0]) == [name]
    assert client.download("LIST")[0].endswith(b" " + name + b"\r\n")
    assert client.download(b"RETR " + sent)[0] == name
    client.send(b"MLST " + sent)
    assert client.line_octets().startswith(b"250-")
    assert client.line_octets().endswith(b"/" + sent)
    assert client.line_octets().startswith(b"250 ")
    assert client.code(b"DELE " + sent) == 250


def test_an_octet_255_that_was_not_doubled(client, folder):
    """I2, B33: taken as itself before a letter, as clients in Latin-1 mean it."""
    assert client.code(b"MKD \xffmlaut") == 257
    assert octet_names(folder) == [b"\xffmlaut"]


@pytest.mark.parametrize("name", [b"a\rb", b"\r", b"a\r"])
def test_a_carriage_return_in_a_name(client, folder, name):
    """I4: padded by NUL both ways on the control connection (section 3.1); no listing can hold it, so it is counted."""
    assert client.upload(b"STOR " + doubled(name), b"octets").code == 226
    assert octet_names(folder) == [name]
    client.send(b"SIZE " + doubled(name))
    assert client.line_octets() == b"213 6"
    client.send(b"MLST " + doubled(name))
    client.line_octets()
    assert client.line_octets().endswith(doubled(name))
    client.line_octets()
    octets, answer = client.download("NLST")
    assert octets == b""
    assert "1 names with line breaks are not shown" in answer.text


@pytest.mark.parametrize("line", [b"STOR a\0b", b"MKD \0", b"STOR a\r\0\nb", b"CWD a\r\0\n", b"RNFR \0"])
def test_names_that_can_not_be(client, folder, line):
    """I4: a NUL or a line feed in a name is 553, never half of a name and half of a command."""
    with client.passive():
        assert client.code(line) == 553
    assert octet_names(folder) == []
    assert client.code("NOOP") == 200


def test_further_spaces_belong_to_the_name(client, folder):
    """I3: also in STOR, RNFR, RNTO, SIZE, MDTM and DELE."""
    assert client.upload("STOR   a ", b"octets").code == 226
    assert client.do("SIZE   a ").text == "6"
    assert client.code("MDTM   a ") == 213
    assert client.code("SIZE a") == 550
    assert client.code("RNFR   a ") == 350
    assert client.code("RNTO    b") == 250
    assert os.listdir(folder) == ["   b"]
    assert client.code("DELE    b") == 250


@pytest.mark.parametrize(
    ("line", "code"),
    [("LANG", 200), ("LANG ", 200), ("LANG en", 200), ("LANG EN", 200), ("LANG en-US", 200), ("lang en-gb", 200),
     ("LANG de", 504), ("LANG xx", 504), ("LANG eng", 504), ("LANG *", 501), ("LANG en_US", 501), ("LANG 1", 501),
     ("LANG " + "x" * 9, 501), ("LANG en fr", 501)],
)  # fmt: skip
def test_lang(client, line, code):
    """I5: English is there; 504 for what is not, 501 for what is no tag."""
    assert client.code(line) == code
    assert client.do("NOOP").text == "NOOP done"


def test_lang_is_a_feature_at_any_time(server):
    """I5: `LANG en*` tells the language in use; before TLS and login as well."""
    with connected(server) as client:
        assert "LANG en*" in client.do("FEAT").lines
        assert client.code("LANG en") == 200
        assert client.code("LANG xx") == 504


@pytest.mark.parametrize(
    ("line", "code"),
    [("OPTS UTF8 ON", 200), ("OPTS UTF8", 200), ("OPTS UTF-8 ON", 200), ("OPTS UTF-8", 200), ("OPTS utf8 on", 200),
     ("OPTS UTF8 NLST", 200), ("OPTS UTF8 OFF", 501), ("OPTS UTF-8 OFF", 501), ("OPTS UTF8 X", 501)],
)  # fmt: skip
def test_utf8_is_always_on(client, folder, line, code):
    """I6, X14: what clients send to switch it on is 200; off it can not be switched, and names stay as they are."""
    assert client.code(line) == code
    assert client.code("MKD ü") == 257
    assert octet_names(folder) == ["ü".encode()]
