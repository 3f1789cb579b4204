"""Quotas of users, groups and all, over real sessions, and after a restart (X9, K13)."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import clear
from tests.support.server import running_server

CONFIG = '[policy]\nrequire = "none"\n'
USERS = """
[users.ann]
password = "HASH"
groups = ["staff"]
[users.bob]
password = "HASH"
groups = ["staff"]
[users.few]
password = "HASH"
limits = { max_files = 2 }
"""
QUOTAS = """
[[quotas]]
name = "staff"
groups = ["staff"]
shared = true
octets = 1000
files = 3
[[quotas]]
name = "own"
users = ["few"]
octets = 100
[[quotas]]
name = "line"
groups = ["staff"]
upload = 2000
download = 500
period = "month"
"""


@pytest.fixture
def start(tmp_path):
    """Start the same server again and again."""
    return lambda: running_server(tmp_path, CONFIG, USERS, tables=QUOTAS)


def stored(client, name, octets):
    """Upload; a refused one leaves its data port to others."""
    code = client.upload(f"STOR {name}", octets).code
    return code if code == 226 else (code, client.code("ABOR"))[0]


def quota_lines(client):
    return client.do("SITE QUOTA").lines


def test_group_quota(start):
    """X9: members of a group share what they may store, at the cap and one octet beyond, also after a restart."""
    with start() as server:
        with clear(server, user="ann") as ann, clear(server, user="bob") as bob:
            assert stored(ann, "a", bytes(600)) == 226
            assert stored(bob, "b", bytes(401)) == 552
            assert stored(bob, "b", bytes(400)) == 226
            assert bob.do("AVBL").text == "0"
            assert "1000 of 1000 staff octets stored" in quota_lines(bob)
            assert "2 of 3 staff files stored" in quota_lines(ann)
    with start() as server:
        with clear(server, user="ann") as ann, clear(server, user="bob") as bob:
            assert stored(bob, "c", b"x") == 552
            assert ann.code("DELE a") == 250
            assert "400 of 1000 staff octets stored" in quota_lines(bob)
            assert [stored(bob, name, b"x") for name in ("c", "d", "e")] == [226, 226, 552]
            assert stored(ann, "f", b"x") == 552


def test_traffic_quota(start):
    """X9: each member has an own amount to transfer in a month, and a restart does not give it back."""
    with start() as server:
        with clear(server, user="ann") as ann, clear(server, user="bob") as bob:
            assert stored(ann, "a", bytes(300)) == 226
            assert ann.download("RETR a")[1].code == 226
            octets, answer = ann.download("RETR a")
            assert answer.code == 552
            assert "line" in answer.text
            assert (len(octets) <= 200, ann.code("ABOR")) == (True, 226)
            assert stored(bob, "b", b"x") == 226
            assert (ann.code("HASH a"), ann.code("SITE COPY a copy")) == (213, 250)
            assert "300 of 500 line octets downloaded this month" in quota_lines(ann)
            assert "300 of 2000 line octets uploaded this month" in quota_lines(ann)
    with start() as server, clear(server, user="ann") as ann:
        assert "300 of 2000 line octets uploaded this month" in quota_lines(ann)
        assert ann.code("REST 100") == 350
        assert ann.download("RETR a")[1].code == 226
        assert ann.download("RETR a")[1].code == 552


def test_number_of_files(start):
    """X9: a user's own limit; replacing and folders are free."""
    with start() as server, clear(server, user="few") as few:
        assert [stored(few, name, b"x") for name in ("a", "b", "c", "a")] == [226, 226, 552, 226]
        assert (few.code("MKD folder"), few.code("SITE COPY a c"), few.code("DELE b")) == (257, 552, 250)
        assert few.code("SITE COPY a c") == 250


def test_quota_of_each(start):
    """X9: what each may store for himself is counted once, at the cap and one octet beyond, beside the account's own."""
    with start() as server, clear(server, user="few") as few:
        assert [stored(few, "a", bytes(60)), stored(few, "b", bytes(40)), stored(few, "b", bytes(41))] == [
            226,
            226,
            552,
        ]
        assert "100 of 100 own octets stored" in quota_lines(few)


def test_damaged_memory_stops_the_start(start, tmp_path):
    """X9: an operator is told, rather than that all quotas begin anew unseen."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "quotas.json").write_text("{")
    with pytest.raises(AssertionError, match="damaged"), start():
        pass
