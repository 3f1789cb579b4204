"""Files on their way: RETR, STOR, STOU, APPE, ALLO, REST, ABOR (RFC 959 sections 3.4 to 3.6 and 4.1.3)."""

from __future__ import annotations

import os
import random
import re
import socket
import struct

import pytest

from tests.conformance.conftest import clear
from tests.support.client import Answer, connected, logged_in

CLEAR = '[policy]\nrequire = "none"\n[transfer]\nconnect_timeout = 1\n'
USERS = """
[users.small]
password = "HASH"
limits = { quota = 1000, max_file_size = 600 }
[users.slow]
password = "HASH"
limits = { download_rate = 1000 }
[users.reader]
password = "HASH"
permissions = "read-only"
"""
RESET = struct.pack("ii", 1, 0)
BIG = 64 << 20
"""More than any socket buffer holds: a transfer of it can not be over before the test acts."""


@pytest.fixture(scope="module")
def clear_server(start_server):
    """With an account that has a quota, and one that may only read."""
    return start_server(CLEAR, USERS)


def reset(data):
    """Close with RST."""
    data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    data.close()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- whole files ---


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 3_000_001])
@pytest.mark.parametrize("which", ["clear", "TLS"])
def test_octets_arrive_as_they_were_sent(request, which, size):
    """B13, B14: any size, the empty file included, in clear and under TLS."""
    client = request.getfixturevalue("client" if which == "clear" else "tls_client")
    folder = request.getfixturevalue("folder" if which == "clear" else "tls_folder")
    octets = random.Random(size).randbytes(size)
    assert client.upload("STOR file", octets).code == 226
    assert (folder / "file").read_bytes() == octets
    assert client.download("RETR file") == (octets, Answer(226, [f"Sent {size} octets"]))


def test_both_families_carry_files(clear_server):
    """B13, B14: IPv6 as well as IPv4, in one session each, on one set of files."""
    with clear(clear_server, "::1") as six, clear(clear_server) as four:
        assert six.upload("STOR families", b"from six").code == 226
        assert four.download("RETR families")[0] == b"from six"
        assert six.download("RETR families")[0] == b"from six"


@pytest.mark.parametrize(
    ("argument", "code"),
    [("missing", 550), ("sub", 550), ("sub/missing", 550), ("file/x", 550), ("fifo", 550), ("", 501),
     ("sub/../file/..", 550), ("outside", 550), ("x" * 300, 553), ("a\0b", 553)],
)  # fmt: skip
def test_what_can_not_be_retrieved(client, folder, argument, code):
    """B13: is told by the right code, without a 150, and the session goes on."""
    (folder / "sub").mkdir()
    (folder / "file").touch()
    (folder / "outside").symlink_to("/etc/passwd")
    os.mkfifo(folder / "fifo")
    with client.passive():
        assert client.code(f"RETR {argument}") == code
    assert client.download("RETR file")[1].code == 226


@pytest.mark.parametrize("verb", ["STOR", "APPE"])
@pytest.mark.parametrize(
    ("argument", "code"),
    [("sub", 550), ("missing/file", 550), ("file/x", 550), ("", 501), ("/", 550), ("fifo", 550), ("x" * 300, 553),
     ("outside", 550), (".ftpstwist-x.part", 553), ("a\0b", 553)],
)  # fmt: skip
def test_what_can_not_be_stored(client, folder, verb, argument, code):
    """B14, B16: is told before any octet is sent, and nothing appears or changes."""
    (folder / "sub").mkdir()
    (folder / "file").write_bytes(b"old")
    (folder / "outside").symlink_to("/etc/ftpstwist-made-this")
    os.mkfifo(folder / "fifo")
    before = names(folder)
    with client.passive():
        assert client.code(f"{verb} {argument}") == code
    assert names(folder) == before
    assert (folder / "file").read_bytes() == b"old"
    assert not os.path.lexists("/etc/ftpstwist-made-this")


def test_an_account_that_may_only_read(clear_server):
    """B14: 550 for everything that writes, before any data connection."""
    with clear(clear_server, user="reader") as client:
        (clear_server.folder / "files" / "reader" / "file").write_bytes(b"octets")
        for line in ("STOR file", "STOR new", "APPE file", "APPE new", "STOU", "STOU x"):
            with client.passive():
                assert client.code(line) == 550
        assert client.download("RETR file")[0] == b"octets"
        assert names(clear_server.folder / "files" / "reader") == ["file"]


def test_nothing_is_seen_of_an_upload_before_its_end(client, folder):
    """B14: others find the old file, whole, until the new one is."""
    (folder / "file").write_bytes(b"old")
    data = client.begin("STOR file")
    data.sendall(b"x" * 100_000)
    assert "STOR" in client.do("STAT").text
    assert (folder / "file").read_bytes() == b"old"
    assert names(folder) == ["file"]
    data.close()
    assert client.answer().code == 226
    assert (folder / "file").stat().st_size == 100_000
    assert names(folder) == ["file"]


@pytest.mark.parametrize("verb", ["STOR", "APPE", "STOU"])
def test_an_upload_that_never_starts_leaves_everything(client, folder, verb):
    """B14: 150, no data connection, 425: the old file is whole, no new one is there."""
    (folder / "file").write_bytes(b"old")
    assert client.code("EPSV") == 229
    assert client.code(f"{verb} file") == 150
    assert client.answer().code == 425
    assert names(folder) == ["file"]
    assert (folder / "file").read_bytes() == b"old"


def test_an_upload_that_breaks_off_never_harms_a_file(client, folder):
    """B14: after RST 426, and the old file is there to the last octet."""
    (folder / "file").write_bytes(b"old")
    data = client.begin("STOR file")
    data.sendall(b"x" * 100_000)
    reset(data)
    assert client.answer().code == 426
    assert (folder / "file").read_bytes() == b"old"
    assert names(folder) == ["file"]


def test_an_upload_that_breaks_off_can_be_resumed(client, folder):
    """B14, B18: the client is told how much of a new file was kept, resumes there, and the file is whole."""
    octets = random.Random(1).randbytes(1_000_000)
    data = client.begin("STOR file")
    data.sendall(octets[:400_000])
    while "400000 octets so far" not in client.do("STAT").text:
        pass
    reset(data)
    answer = client.answer()
    assert answer.code == 426
    assert "resume with REST 400000" in answer.text
    assert client.do("SIZE file").text == "400000"
    assert client.code("REST 400000") == 350
    assert client.upload("STOR file", octets[400_000:]).code == 226
    assert (folder / "file").read_bytes() == octets


def test_a_download_that_breaks_off(client, folder):
    """B13: 426, and the session goes on."""
    with (folder / "file").open("wb") as file:
        file.truncate(BIG)
    data = client.begin("RETR file")
    data.recv(1000)
    reset(data)
    assert client.answer().code == 426
    assert client.download("RETR file")[1].code == 226


def test_a_lost_session_ends_its_transfers(clear_server, folder):
    """B14: an upload whose control connection is gone is not stored, and its data connection ends."""
    (folder / "file").write_bytes(b"old")
    with clear(clear_server) as client:
        client.code(f"CWD {folder.name}")
        data = client.begin("STOR file")
        data.sendall(b"x" * 1000)
    with data, pytest.raises(ConnectionResetError):
        data.recv(1)
    assert (folder / "file").read_bytes() == b"old"
    assert names(folder) == ["file"]


# --- limits ---


def test_quota_and_file_size(clear_server):
    """B14, B17: 552 when they are exceeded, at ALLO before a single octet moved."""
    files = clear_server.folder / "files" / "small"
    with clear(clear_server, user="small") as client:
        assert client.upload("STOR a", b"x" * 500).code == 226
        assert client.upload("STOR b", b"x" * 601).code == 552
        assert not (files / "b").exists()
        assert client.upload("STOR b", b"x" * 500).code == 226
        assert client.upload("STOR c", b"x").code == 552
        assert client.upload("APPE a", b"x").code == 552
        assert (files / "a").read_bytes() == b"x" * 500
        assert client.code("ALLO 1") == 552
        assert client.upload("STOR a", b"y" * 500).code == 226
        assert client.code("DELE b") == 250
        assert client.code("ALLO 500") == 200
        assert client.code("ALLO 501") == 552


@pytest.mark.parametrize(
    ("argument", "code"),
    [("0", 200), ("1000", 200), ("1000 R 80", 200), ("9223372036854775807", 552), ("9223372036854775808", 501),
     ("", 501), ("x", 501), ("-1", 501), ("10 R", 501), ("1 2", 501)],
)  # fmt: skip
def test_allo(client, argument, code):
    """B17: tells whether so much would fit; nothing has to be allocated."""
    assert client.code(f"ALLO {argument}") == code


# --- STOU and APPE ---


def test_stou_never_takes_a_name_that_is_there(client, folder):
    """B15: the name is told in the 150, is in the current directory, differs each time, and RETR finds it."""
    seen = set()
    for argument in ("", "", " name", " name", ""):
        with client.passive() as data:
            answer = client.do(f"STOU{argument}")
            assert answer.code == 150
            name = re.fullmatch(r"FILE: (\S+)", answer.text)[1]
            data.sendall(name.encode())
        assert client.answer().code == 226
        assert (folder / name).read_text() == name
        assert client.download(f"RETR {name}")[0] == name.encode()
        seen.add(name)
    assert len(seen) == 5
    assert names(folder) == sorted(seen)


def test_stou_with_a_restart_marker(client):
    """B15, B18: means nothing; 554 rather than a file with a hole."""
    assert client.code("REST 5") == 350
    with client.passive():
        assert client.code("STOU") == 554


def test_appe_puts_octets_behind(client, folder):
    """B16: and makes the file if it is not there."""
    assert client.upload("APPE file", b"one").code == 226
    assert client.upload("APPE file", b"").code == 226
    assert client.upload("APPE file", b"two").code == 226
    assert (folder / "file").read_bytes() == b"onetwo"


def test_two_clients_do_not_append_to_one_file_at_once(clear_server, client, folder):
    """B16: 450 for the second: their octets would be mixed."""
    data = client.begin("APPE file")
    data.sendall(b"one")
    data.close()
    assert client.answer().code == 226
    data = client.begin("APPE file")
    with clear(clear_server) as other:
        assert other.code(f"CWD {folder.name}") == 250
        assert other.upload("APPE file", b"two").code == 450
        data.sendall(b"three")
        data.close()
        assert client.answer().code == 226
        assert other.upload("APPE file", b"four").code == 226
    assert (folder / "file").read_bytes() == b"onethreefour"


# --- TYPE A ---

TEXTS = [
    b"", b"\n", b"a\nb\n", b"no end", b"a\r\nb", b"\r", b"\r\r\n", b"a\rb\n", b"\n\n\n", b"\r\n", b"\xff\n\x00\r",
    b"x\n" * 200_000, b"\r\n" * 100_001, b"x" + b"\r\n" * 100_001,
]  # fmt: skip


def cut(octets, seed):
    """Yield pieces of odd sizes, so that line ends are torn apart."""
    dice = random.Random(seed)
    while octets:
        size = dice.choice([1, 1, 2, 3, 17, 4095, 65_537])
        yield octets[:size]
        octets = octets[size:]


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_ascii_download(client, folder, number):
    """B13: LF becomes CRLF, what is CRLF stays, and nothing else changes."""
    (folder / "file").write_bytes(TEXTS[number])
    assert client.code("TYPE A") == 200
    octets, answer = client.download("RETR file")
    assert answer.code == 226
    assert octets == re.sub(rb"(?<!\r)\n", b"\r\n", TEXTS[number])


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_ascii_upload(client, folder, number):
    """B14: CRLF becomes LF however the network cuts it; a CR or LF alone stays."""
    assert client.code("TYPE A") == 200
    data = client.begin("STOR file")
    data.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in cut(TEXTS[number][:50_000], number):
        data.sendall(piece)
    data.close()
    assert client.answer().code == 226
    assert (folder / "file").read_bytes() == TEXTS[number][:50_000].replace(b"\r\n", b"\n")


def test_ascii_is_what_a_session_starts_with(clear_server, folder):
    """B10: RFC 959 makes TYPE A N the default; a client that wants octets has to say so."""
    (folder / "file").write_bytes(b"a\nb\n")
    with connected(clear_server).login() as client:
        assert client.download(f"RETR {folder.name}/file")[0] == b"a\r\nb\r\n"


def test_ascii_under_tls(tls_client, tls_folder):
    """B13, B14: the same under TLS."""
    assert tls_client.code("TYPE A") == 200
    assert tls_client.upload("STOR file", b"a\r\nb\r\n").code == 226
    assert (tls_folder / "file").read_bytes() == b"a\nb\n"
    assert tls_client.download("RETR file")[0] == b"a\r\nb\r\n"


# --- REST ---


@pytest.mark.parametrize(
    ("argument", "code"),
    [("0", 350), ("5", 350), ("9223372036854775807", 350), ("9223372036854775808", 501), ("", 501), ("x", 501),
     ("-1", 501), ("5 6", 501), ("5.0", 501), ("٥", 501)],
)  # fmt: skip
def test_rest_syntax(client, argument, code):
    """B18: a number of octets, and nothing else."""
    assert client.code(f"REST {argument}") == code


@pytest.mark.parametrize("between", ["PWD", "CWD .", "RNFR file", "BLAH", "STRU F", "DELE missing", "REST 0", "SYST"])
def test_rest_is_forgotten_by_other_commands(client, folder, between):
    """B18: a marker is for the next command; what was meant for one transfer never cuts another."""
    (folder / "file").write_bytes(b"0123456789")
    assert client.code("REST 4") == 350
    client.do(between)
    assert client.download("RETR file")[0] == b"0123456789"


@pytest.mark.parametrize("between", ["EPSV", "PASV", "TYPE I", "NOOP", "SIZE file", "MDTM file", "ALLO 5"])
def test_rest_outlives_what_clients_send_before_a_transfer(client, folder, between):
    """B18: PASV behind REST, as many clients do it, does not start the file anew."""
    (folder / "file").write_bytes(b"0123456789")
    assert client.code("REST 4") == 350
    client.do(between)
    assert client.download("RETR file")[0] == b"456789"
    assert client.download("RETR file")[0] == b"0123456789"


def test_rest_is_used_up_by_a_transfer_that_fails(client, folder):
    """B18: also by one that was refused."""
    (folder / "file").write_bytes(b"0123456789")
    assert client.code("REST 4") == 350
    assert client.code("RETR missing") == 425
    assert client.download("RETR file")[0] == b"0123456789"


# --- ABOR ---


def big_file(folder):
    with (folder / "big").open("wb") as file:
        file.truncate(BIG)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("command", ["RETR big", "STOR new", "STOR big", "APPE big"])
def test_abor_ends_a_transfer(request, command, tls):
    """B20: 426 for the transfer, 226 for ABOR; the data connection is reset, the client may stall as it likes."""
    client = request.getfixturevalue("tls_client" if tls else "client")
    folder = request.getfixturevalue("tls_folder" if tls else "folder")
    big_file(folder)
    data = client.begin(command)
    if not command.startswith("RETR"):
        data.sendall(b"x" * 10_000)
    client.send("ABOR")
    assert client.codes(2) == [426, 226]
    data.close()
    assert (folder / "big").stat().st_size >= BIG
    assert client.code("NOOP") == 200
    assert client.upload("STOR next", b"next").code == 226
    assert client.download("RETR next")[0] == b"next"


@pytest.mark.parametrize("kind", ["I", "A"])
@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "clear"])
def test_a_file_that_is_cut_off_while_it_is_sent(request, kind, tls):
    """B13: 451 and a reset, never 226 and a good end: the client would take what it has for the file."""
    client = request.getfixturevalue("tls_client" if tls else "client")
    folder = request.getfixturevalue("tls_folder" if tls else "folder")
    big_file(folder)
    assert client.code(f"TYPE {kind}") == 200
    data = client.begin("RETR big")
    assert data.recv(1)
    os.truncate(folder / "big", 1000)
    with pytest.raises(OSError):
        b"".join(iter(lambda: data.recv(1 << 20), b""))
    data.close()
    assert client.answer() == Answer(451, ["Local error in processing: the file became shorter while it was sent"])
    (folder / "next").write_bytes(b"next")
    assert client.download("RETR next")[1].code == 226


def test_abor_ends_a_listing(clear_server):
    """B20: LIST, too."""
    with clear(clear_server, user="slow") as client:
        for number in range(1000):
            (clear_server.folder / "files" / "slow" / str(number)).touch()
        data = client.begin("LIST")
        client.send("ABOR")
        assert client.codes(2) == [426, 226]
        data.close()
        assert client.code("NOOP") == 200


def test_abor_while_a_data_connection_is_awaited(client):
    """B20: the wait is over at once."""
    assert client.code("EPSV") == 229
    assert client.code("STOR file") == 150
    client.send("ABOR")
    assert client.codes(2) == [426, 226]


def test_abor_without_a_transfer(client):
    """B20: 226; twice is as good as once."""
    assert client.code("ABOR") == 226
    assert client.code("ABOR") == 226


def test_abor_behind_a_finished_transfer(client, folder):
    """B20: an ABOR that comes too late gets its own reply, and nothing is out of step."""
    (folder / "file").write_bytes(b"octets")
    assert client.download("RETR file")[1].code == 226
    assert client.code("ABOR") == 226
    assert client.code("PWD") == 257


TELNET_SYNCH = b"\xff\xf4\xff\xf2"
"""Interrupt Process, Data Mark (RFC 959 section 4.1.3, ABOR)."""


@pytest.mark.parametrize("command", ["RETR big", "STOR new"])
@pytest.mark.parametrize(
    ("urgent", "plain"),
    [(b"", TELNET_SYNCH + b"ABOR\r\n"), (TELNET_SYNCH, b"ABOR\r\n"), (b"\xff\xf4\xff", b"\xf2ABOR\r\n"),
     (TELNET_SYNCH + b"ABOR\r\n", b""), (b"ABOR\r\n", b"")],
)  # fmt: skip
def test_abor_as_telnet_clients_send_it(client, folder, command, urgent, plain):
    """B20, B33: behind Interrupt Process and Synch, in band or as urgent data, down to Python's own ftplib."""
    big_file(folder)
    data = client.begin(command)
    if urgent:
        client.sock.send(urgent, socket.MSG_OOB)
    client.sock.sendall(plain)
    assert client.codes(2) == [426, 226]
    data.close()
    assert client.code("NOOP") == 200


def test_stat_during_a_transfer(client, folder):
    """B28: tells what runs and how far it is, while it runs."""
    big_file(folder)
    data = client.begin("RETR big")
    assert re.search(rf"RETR /{folder.name}/big: \d+ octets so far", client.do("STAT").text)
    assert client.do("STAT .").code == 213
    assert client.code("NOOP") == 200
    while data.recv(1 << 20):
        pass
    data.close()
    assert client.answer().code == 226


def test_other_commands_wait_for_the_transfer(client, folder):
    """B36: and are answered behind it, in order."""
    data = client.begin("STOR file")
    client.send(b"PWD\r\nSIZE file\r\nSYST")
    data.sendall(b"octets")
    data.close()
    answers = [client.answer() for _ in range(4)]
    assert [answer.code for answer in answers] == [226, 257, 213, 215]
    assert answers[2].text == "6"


def test_many_small_files_in_a_row(server):
    """B13, B14: every reply is in its place, time and again, under TLS."""
    with logged_in(server) as client:
        for number in range(20):
            assert client.upload(f"STOR {number}", b"x" * number).code == 226
            assert client.download(f"RETR {number}")[0] == b"x" * number
