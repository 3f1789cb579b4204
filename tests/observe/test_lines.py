"""The lines of command log, transfer log and JSON log, to the letter."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftpstwist.observe import jsonlog
from ftpstwist.observe.commandlog import command_line
from ftpstwist.observe.jsonlog import json_line
from ftpstwist.observe.transferlog import xferlog_line
from ftpstwist.session.events import (
    CommandAnswered,
    Direction,
    FileTransferred,
    LoggedIn,
    LoginFailed,
    Misused,
    ObsoleteTls,
    SessionClosed,
    SessionOpened,
    SessionRef,
    TlsFacts,
    TlsFailed,
)
from ftpstwist.wire.pathname import decode_name
from tests.contracts.eventsinks import HOSTILE, TIME, every_event

TLS = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384")
ALICE = SessionRef("k3f9", "192.0.2.7", "alice", "explicit", "lftp", TLS, "b.example.org")
EARLY = SessionRef("k3f9", "2001:db8::7", service="implicit", client="FileZilla 3")
WHO = "2026-05-04T08:15:30.125Z k3f9 192.0.2.7 alice explicit TLSv1.3 "
WHO_EARLY = "2026-05-04T08:15:30.125Z k3f9 2001:db8::7 - implicit - "


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (CommandAnswered(ALICE, TIME, "RETR", "/a b.txt", 226, 1048576, 0.7314), '"RETR /a b.txt" 226 1048576 0.731'),
        (CommandAnswered(ALICE, TIME, "PASS", "****", 230, None, 0.02), '"PASS ****" 230 - 0.020'),
        (CommandAnswered(ALICE, TIME, "NOOP", "", 200, None, 0), '"NOOP" 200 - 0.000'),
        (CommandAnswered(ALICE, TIME, "STOR", "", 226, 0, 0), '"STOR" 226 0 0.000'),
        (CommandAnswered(ALICE, TIME, "MKD", 'a"b\\c', 257, None, 0), r'"MKD a\"b\\c" 257 - 0.000'),
        (
            CommandAnswered(ALICE, TIME, "DELE", decode_name(b"f\xff \xc3\xbc"), 250, None, 0),
            r'"DELE f\xff ü" 250 - 0.000',
        ),
        (LoggedIn(ALICE, TIME, "password"), "LOGIN method=password"),
        (LoginFailed(ALICE, TIME, "wrong password"), 'LOGIN-FAILED reason="wrong password"'),
        (SessionClosed(ALICE, TIME, 12.25, "QUIT"), 'CLOSED seconds=12.250 client="lftp" reason="QUIT"'),
        (
            ObsoleteTls(ALICE, TIME, "TLSv1", "AES128-SHA"),
            'OBSOLETE-TLS version=TLSv1 cipher=AES128-SHA client="lftp"',
        ),
        (
            Misused(ALICE, TIME, "foreign-data-peer", "198.51.100.7 came", "none"),
            'MISUSED kind=foreign-data-peer client="lftp" detail="198.51.100.7 came" remedy="none"',
        ),
    ],
)
def test_command_log(event, line):
    """One line for each command and each event of a session, as documented."""
    assert command_line(event) == WHO + line


def test_command_log_before_login():
    """A hyphen stands for what is not known yet; a TLS failure tells all that helps in one line."""
    assert command_line(SessionOpened(EARLY, TIME)) == WHO_EARLY + "OPENED"
    failed = TlsFailed(EARLY, TIME, "control", "no protocol in common", "allow TLSv1.2", "TLSv1.0 TLSv1.1")
    assert command_line(failed) == WHO_EARLY + (
        'TLS-FAILED channel=control client="FileZilla 3" cause="no protocol in common"'
        ' remedy="allow TLSv1.2" offered="TLSv1.0 TLSv1.1"'
    )


def test_a_name_can_not_shift_fields():
    """A user named like several fields is still one field."""
    forged = SessionRef("k3f9", "192.0.2.7", "root explicit TLSv1.3 LOGIN", "explicit")
    assert command_line(LoggedIn(forged, TIME, "password")).split(" ")[3:] == [
        r"root\x20explicit\x20TLSv1.3\x20LOGIN",
        "explicit",
        "-",
        "LOGIN",
        "method=password",
    ]


def transfer(**changes):
    facts = {
        "session": ALICE,
        "time": TIME,
        "direction": Direction.SENT,
        "path": "/a b.txt",
        "octets": 1048576,
        "seconds": 2.6,
        "complete": True,
    }
    return FileTransferred(**(facts | changes))


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (transfer(), "3 192.0.2.7 1048576 /a_b.txt b _ o r alice ftp 0 * c"),
        (transfer(seconds=0.001), "1 192.0.2.7 1048576 /a_b.txt b _ o r alice ftp 0 * c"),
        (
            transfer(direction=Direction.RECEIVED, complete=False, ascii=True, octets=0, path="/x"),
            "3 192.0.2.7 0 /x a _ i r alice ftp 0 * i",
        ),
        (
            transfer(anonymous=True, session=SessionRef("s", "2001:db8::7", "me at home")),
            "3 2001:db8::7 1048576 /a_b.txt b _ o a me_at_home ftp 0 * c",
        ),
        (transfer(path="/x\n\x1b\udcffü"), r"3 192.0.2.7 1048576 /x\n\x1b\xffü b _ o r alice ftp 0 * c"),
    ],
)
def test_transfer_log(event, line):
    """The format of wu-ftpd, field by field: five of the date and thirteen more."""
    written = xferlog_line(event, localtime=time.gmtime)
    assert written == f"Mon May  4 08:15:30 2026 {line}"
    assert len(written.split()) == 18


def test_transfer_log_is_in_local_time(monkeypatch):
    """As in wu-ftpd, the clock on the wall."""
    monkeypatch.setenv("TZ", "UTC-5:30")
    time.tzset()
    try:
        assert xferlog_line(transfer()).startswith("Mon May  4 13:45:30 2026 ")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_transfer_log_is_of_transfers_only():
    """Nothing else makes a line that log tools would count as a file."""
    written = [event for event in every_event() if xferlog_line(event) is not None]
    assert [type(event) for event in written] == [FileTransferred, FileTransferred]


def test_json_log():
    """Every documented field is there, under its name, of its type."""
    event = transfer(direction=Direction.RECEIVED, complete=False, cause="stalled", data_tls=TLS)
    tls = {
        "version": "TLSv1.3",
        "cipher": "TLS_AES_256_GCM_SHA384",
        "resumed": False,
        "server_name": None,
        "alpn": None,
        "certificate": None,
        "subject": None,
    }
    assert json.loads(json_line(event)) == {
        "time": "2026-05-04T08:15:30.125Z",
        "event": "file_transferred",
        "session": "k3f9",
        "peer": "192.0.2.7",
        "user": "alice",
        "service": "explicit",
        "client": "lftp",
        "host": "b.example.org",
        "tls": tls,
        "direction": "received",
        "path": "/a b.txt",
        "octets": 1048576,
        "seconds": 2.6,
        "complete": False,
        "ascii": False,
        "cause": "stalled",
        "data_tls": tls,
        "anonymous": False,
        "packed_octets": None,
        "digest": "",
    }


def test_json_log_of_each_kind():
    """The documentation of the module names every kind and every field."""
    for event in every_event():
        record = json.loads(json_line(event))
        for name in [record["event"], *record]:
            assert f"``{name}``" in jsonlog.__doc__, name


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_json_is_strict(text):
    """Every parser reads the same: no lone surrogates, no NaN, text unharmed where it is text."""
    record = json.loads(json_line(transfer(path=text, seconds=float("nan"))), parse_constant=pytest.fail)
    assert record["seconds"] is None
    record["path"].encode()
    if "\\" not in text and not any("\ud800" <= character <= "\udfff" for character in text):
        assert record["path"] == text


@given(st.binary(max_size=30).map(decode_name), st.binary(max_size=30).map(decode_name))
def test_json_never_confuses_two_names(one, other):
    """Different names are different in the log, also if they are not UTF-8."""
    lines = json_line(transfer(path=one)), json_line(transfer(path=other))
    assert (lines[0] == lines[1]) == (one == other)
