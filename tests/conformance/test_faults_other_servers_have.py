"""Thirty faults that FTP servers in use have, each as a user would meet it: none of them is here.

Most are looked at more closely in the modules named after the RFCs; this is the list as it was measured.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess

import pytest

from tests.conformance.conftest import clear
from tests.support.client import TIMEOUT, connected, logged_in
from tests.support.server import PASSWORD, USER, running_server

CONFIG = '[policy]\nrequire = "none"\n[transfer]\nconnect_timeout = 1\n'
USERS = """
[users.fresh]
password = "HASH"
[users.alone]
password = "HASH"
limits = { max_sessions = 1 }
"""
MIB = 1 << 20


@pytest.fixture(scope="module")
def clear_server(start_server):
    """With an account that has no home yet, and one that may be logged in once."""
    return start_server(CONFIG, USERS)


def reset(data):
    """Close with RST."""
    data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    data.close()


def test_01_the_right_password_of_the_users_file_is_right(clear_server):
    """Fault 1: 530 for everybody."""
    with connected(clear_server) as client:
        assert client.code(f"USER {USER}") == 331
        assert client.code(f"PASS {PASSWORD}") == 230


def test_02_a_home_that_is_not_there_yet(clear_server):
    """Fault 2: NLST answers 226 without 150, and the client hangs."""
    assert not (clear_server.folder / "files" / "fresh").exists()
    with clear(clear_server, user="fresh") as client, client.passive() as data:
        assert client.code("NLST") == 150
        assert data.recv(1) == b""
        assert client.answer().code == 226


def test_03_downloads_in_type_a(client, folder):
    """Fault 3: the data connection hangs."""
    (folder / "file").write_bytes(b"a\nb\n")
    assert client.code("TYPE A") == 200
    octets, answer = client.download("RETR file")
    assert (octets, answer.code) == (b"a\r\nb\r\n", 226)


def test_04_uploads_in_type_a(client, folder):
    """Fault 4: 426."""
    assert client.code("TYPE A") == 200
    assert client.upload("STOR file", b"a\r\nb\r\n").code == 226
    assert (folder / "file").read_bytes() == b"a\nb\n"


def test_05_a_broken_connection_is_no_end_of_file(client, folder):
    """Fault 5: an upload that ends in RST is answered 226 and cut."""
    (folder / "file").write_bytes(b"old")
    data = client.begin("STOR file")
    data.sendall(b"x" * 30)
    reset(data)
    assert client.answer().code == 426
    assert (folder / "file").read_bytes() == b"old"


def test_06_the_old_file_lives_until_the_new_one_is_whole(client, folder):
    """Fault 6: its content is gone before any octet has come."""
    (folder / "file").write_bytes(b"old")
    data = client.begin("STOR file")
    assert client.code("NOOP") == 200
    assert (folder / "file").read_bytes() == b"old"
    data.close()
    assert client.answer().code == 226
    assert (folder / "file").read_bytes() == b""


def test_07_a_full_disk(tmp_path):
    """Fault 7: 426 and a traceback. It is 452, the old file is whole, and there is room again afterwards."""
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    home = tmp_path / "files" / USER
    small = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=2m none "$0" && exec "$@"', str(home)]
    home.mkdir(parents=True)
    with running_server(tmp_path, CONFIG, prefix=small) as server, clear(server) as client:
        assert client.upload("STOR file", b"o" * MIB).code == 226
        with client.passive() as data:
            assert client.code("STOR file") == 150
            with pytest.raises(ConnectionError):
                data.sendall(b"n" * (32 * MIB))
        assert client.answer().code == 452
        assert client.download("RETR file")[0] == b"o" * MIB
        assert client.upload("STOR more", b"m" * (MIB // 2)).code == 226
        assert client.code("PWD") == 257
    assert "Traceback" not in server.log()


def test_08_port_reaches_nobody_else(client):
    """Fault 8: connects to any host at once. Here to none, not even of this machine."""
    with socket.create_server(("127.0.0.2", 0)) as third:
        third.settimeout(0.2)
        port = third.getsockname()[1]
        assert client.code(f"PORT 127,0,0,2,{port >> 8},{port & 255}") == 504
        assert client.code("LIST") == 425
        with pytest.raises(TimeoutError):
            third.accept()


def test_09_pasv_serves_its_own_client(client, folder):
    """Fault 9: hands the file to whoever connects first."""
    (folder / "file").write_bytes(b"secret")
    port = int(client.do("EPSV").text.split("|")[3])
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT, source_address=("127.0.0.2", 0)) as thief:
        client.send("RETR file")
        assert thief.recv(100) == b""
    assert client.codes(2) == [150, 425]


@pytest.mark.parametrize(
    "line",
    [
        "RETR out/hostname",
        "RETR file-out",
        "STOR out/x",
        "LIST out/ssl",
        "CWD out",
        "SIZE file-out",
        "DELE out/hostname",
    ],
)
def test_10_links_do_not_lead_out(client, folder, line):
    """Fault 10: a link serves /etc."""
    (folder / "out").symlink_to("/etc")
    (folder / "file-out").symlink_to("/etc/hostname")
    with client.passive():
        assert 500 <= client.code(line) <= 599
    assert not os.path.exists("/etc/x")


def test_11_two_hundred_wrong_passwords(clear_server):
    """Fault 11: all answered, in no time, on one connection."""
    with connected(clear_server) as client:
        client.sock.sendall(b"".join(b"USER alice\r\nPASS wrong%d\r\n" % number for number in range(200)))
        assert client.codes(6) == [331, 530, 331, 530, 331, 421]
        assert client.is_closed()


def test_12_one_dangling_link(client, folder):
    """Fault 12: 550 for the whole listing."""
    (folder / "dangling").symlink_to("nowhere")
    (folder / "file").touch()
    for command in ("LIST", "NLST", "MLSD"):
        octets, answer = client.download(command)
        assert answer.code == 226
        assert b"dangling" in octets
        assert b"file\r\n" in octets


def test_13_names_in_utf8(client, folder):
    """Fault 13: stored as mojibake, listed as mojibake of that."""
    assert client.upload("STOR grün.txt", b"x").code == 226
    assert os.listdir(os.fsencode(folder)) == ["grün.txt".encode()]
    assert client.download("NLST")[0] == "grün.txt\r\n".encode()


@pytest.mark.parametrize("argument", ["-lR", "-la /", "-al sub", "*.txt", "-l *.txt", "-a -l", "-1", "-laF"])
def test_14_list_as_clients_send_it(client, folder, argument):
    """Fault 14: 550 for all but four strings."""
    (folder / "sub").mkdir()
    (folder / "a.txt").touch()
    assert client.download(f"LIST {argument}")[1].code == 226


def test_15_nlst_without_argument(client):
    """Fault 15: 500."""
    octets, answer = client.download("NLST")
    assert (octets, answer.code) == (b"", 226)


def test_16_nobody_comes_to_a_passive_port(client):
    """Fault 16: a reply that nobody asked for, and everything is out of step from there."""
    assert client.code("PASV") == 227
    assert client.code("RETR missing") == 550
    assert client.code("PASV") == 227
    assert client.code("LIST") == 150
    assert client.answer().code == 425
    assert [client.code(line) for line in ("PWD", "SYST", "NOOP")] == [257, 215, 200]


def test_17_commands_between_pasv_and_the_connection(client, folder):
    """Fault 17: the control connection is deaf meanwhile, and some clients wait for each other for ever."""
    (folder / "file").write_bytes(b"0123456789")
    port = int(client.do("EPSV").text.split("|")[3])
    assert [client.code(line) for line in ("NOOP", "REST 5")] == [200, 350]
    client.send("RETR file")
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as data:
        assert data.recv(100) == b"56789"
    assert client.codes(2) == [150, 226]


def test_18_abor_is_heard(client):
    """Fault 18: not before the transfer has ended."""
    data = client.begin("STOR file")
    data.sendall(b"x")
    client.send("ABOR")
    assert client.codes(2) == [426, 226]
    data.close()


def test_19_rnfr_of_nothing(client, folder):
    """Fault 19: 350, and then 503 for every command but RNTO."""
    (folder / "file").touch()
    assert client.code("RNFR missing") == 550
    assert client.code("RNFR file") == 350
    assert [client.code(line) for line in ("PWD", "NOOP", "RNTO x")] == [257, 200, 503]


def test_20_a_data_connection_serves_once(client, folder):
    """Fault 20: 150 on a connection that is dead."""
    (folder / "file").write_bytes(b"x")
    assert client.download("RETR file")[1].code == 226
    assert client.code("RETR file") == 425


@pytest.mark.parametrize(
    "line", ["TYPE", "TYPE ", "TYPE  ", "MODE ", "STRU ", "REST ", "RETR ", "PORT ", "EPRT ", "OPTS ", "SITE "]
)
def test_21_commands_without_their_argument(client, line):
    """Fault 21: no reply at all."""
    assert client.code(line) == 501


@pytest.mark.parametrize(
    ("line", "code"), [("PORT 1,2,3", 501), ("PORT a,b", 501), ("NOOP x", 200), ("PASV x", 501), ("EPSV x", 501)]
)
def test_22_arguments_that_make_no_sense(client, clear_server, line, code):
    """Fault 22: 550 internal server error."""
    assert client.code(line) == code
    assert "Traceback" not in clear_server.log()


def test_23_epsv_2_over_ipv6(clear_server):
    """Fault 23: tells a port that listens on IPv4."""
    with clear(clear_server, "::1") as client:
        port = int(client.do("EPSV 2").text.split("|")[3])
        with socket.create_connection(("::1", port), timeout=TIMEOUT):
            assert client.code("NLST x*") == 150
            assert client.answer().code == 226


def test_24_size_of_what_has_none(client, folder):
    """Fault 24: 4096 for a directory, octets in TYPE A."""
    (folder / "sub").mkdir()
    (folder / "file").write_bytes(b"\n")
    assert client.code("SIZE sub") == 550
    assert client.code("TYPE A") == 200
    assert client.code("SIZE file") == 550


def test_25_quotes_in_a_pathname(client, folder):
    """Fault 25: not doubled in 257."""
    assert client.do('MKD a"b').text.startswith(f'"/{folder.name}/a""b" ')
    assert client.code('CWD a"b') == 250
    assert client.do("PWD").text.startswith(f'"/{folder.name}/a""b" ')


def test_26_a_logout_is_one(clear_server):
    """Fault 26: the realm is never told, so counted sessions never end."""
    with connected(clear_server).login("alone") as client:
        for _ in range(3):
            client.login("alone")
        with connected(clear_server) as other:
            assert other.code("USER alone") == 331
            assert other.code(f"PASS {PASSWORD}") == 421
        assert client.code("REIN") == 220
        with connected(clear_server) as other:
            other.login("alone")


def test_27_a_lost_session_ends_its_transfer(clear_server, folder):
    """Fault 27: the data connection goes on, and nobody notices its end."""
    with clear(clear_server) as client:
        data = client.begin(f"STOR {folder.name}/file")
        data.sendall(b"x")
    with data, pytest.raises(ConnectionResetError):
        data.recv(1)


def test_28_a_long_line(client):
    """Fault 28: the connection is dropped without a word."""
    assert client.code(b"x" * 17_000) == 500
    assert client.code("NOOP") == 200


def test_29_telnet_before_abor(client):
    """Fault 29: not stripped, no answer."""
    data = client.begin("STOR file")
    client.send(b"\xff\xf4\xff\xf2ABOR")
    assert client.codes(2) == [426, 226]
    data.close()


@pytest.mark.parametrize("tls", [False, True])
def test_30_the_idle_time_limit_is_told(start_server, tls):
    """Fault 30: the connection is closed without 421."""
    server = start_server('[policy]\nrequire = "none"\n[server]\nidle_timeout = 1\n')
    with (logged_in if tls else clear)(server) as client:
        assert client.answer().code == 421
        assert client.is_closed()
