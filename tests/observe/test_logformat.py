"""Log formats in ProFTPD's language: what each variable stands for, and that no text breaks a line."""

from __future__ import annotations

import time

import pytest

from ftpstwist.observe.logfile import LineFile
from ftpstwist.observe.logformat import FormattedLog, LogFormat, LogFormatError
from ftpstwist.session.events import CommandAnswered, Direction, FileTransferred, SessionClosed, SessionRef, TlsFacts
from tests.contracts.eventsinks import EventSinkContract

TLS = TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", True, "ftp.example.org", None, "ab", "CN=alice")
SESSION = SessionRef("k3f9", "192.0.2.7", "alice", "explicit", "lftp", TLS, "ftp.example.org")
TIME = 1777882530.0
STOR = FileTransferred(SESSION, TIME, Direction.RECEIVED, "/a b", 5, 0.25, True, data_tls=TLS)


def answer(verb="STOR", argument="a b", code=226, octets=5, text="Stored"):
    return CommandAnswered(SESSION, TIME, verb, argument, code, octets, 0.3, text)


def lines(form, *events, verbs=()):
    written = []
    log = FormattedLog(LogFormat(form, localtime=time.gmtime), written.append, verbs=frozenset(verbs))
    for event in events:
        log.record(event)
    return written


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ('%h %l %u %t "%r" %s %b', '192.0.2.7 UNKNOWN alice [04/May/2026:08:15:30 +0000] "STOR a b" 226 5'),
        ("%{%Y-%m-%d}t %{epoch}", "2026-05-04 1777882530"),
        ("%m %J %R %S", "STOR a b 300 Stored"),
        ("%f %F %T %{transfer-status} %{transfer-type} %{transfer-millisecs}", "/a b /a b 0.250 success binary 250"),
        ("%{protocol} %{transfer-failure} %{transfer-direction} %E", "ftps - upload -"),
        ("%{TLS_PROTOCOL}e %{note:TLS_CIPHER} %{TLS_CLIENT_S_DN}e", "TLSv1.3 TLS_AES_128_GCM_SHA256 CN=alice"),
        ("%{DATA_TLS_RESUMED}e %{FTP_PATH}e %{HOME}e", "1 /a b -"),
        ("100%% %v|%I|%O|%a|%U|%V", "100% ftp.example.org|5|0|192.0.2.7|alice|ftp.example.org"),
        ("no variables", "no variables"),
        ("%{session-id}", "k3f9"),
    ],
)
def test_every_variable_stands_for_what_log_readers_expect(form, line):
    """Formats move over from ProFTPD as they are."""
    assert lines(form, STOR, answer()) == [line]


@pytest.mark.parametrize("form", ["%z", "%L", "%{nonsense}", "%", "x%", "%{protocol}e%q", "%{}e"])
def test_what_is_not_known_is_refused(form):
    """Not a line is written that means something else than it did there."""
    with pytest.raises(LogFormatError):
        LogFormat(form)


def test_totals_grow_with_the_session_and_end_with_it():
    """What is done beside a transfer does not take its facts; EXIT tells the sums."""
    events = [
        STOR,
        answer("NOOP", "", 200, None),
        answer(),
        answer("RETR", "x", 226, 7),
        SessionClosed(SESSION, TIME, 3.0, "QUIT"),
        answer("NOOP", "", 200, None),
    ]
    assert lines("%m %f %I %O %E", *events) == [
        "NOOP - 0 0 -",
        "STOR /a b 5 0 -",
        "RETR - 5 7 -",
        "EXIT - 5 7 QUIT",
        "NOOP - 0 0 -",
    ]


def test_verbs_choose():
    """One log for uploads, another for ends of sessions."""
    events = [STOR, answer(), answer("NOOP", "", 200, None), SessionClosed(SESSION, TIME, 3.0, "QUIT")]
    assert lines("%r", *events, verbs=["STOR", "EXIT"]) == ["STOR a b", "EXIT"]


@pytest.mark.parametrize(("cause", "status"), [("aborted", "cancelled"), ("lost", "failed")])
def test_broken_transfers(cause, status):
    """A reader can count them."""
    broken = FileTransferred(SESSION, TIME, Direction.SENT, "/x", 1, 0.1, False, True, cause)
    assert lines("%{transfer-status} %{transfer-type} %{transfer-failure}", broken, answer("RETR", "x", 426)) == [
        f"{status} ascii {cause}"
    ]


def test_quotes_in_names_do_not_end_quoted_fields():
    """A name can not make fields."""
    assert lines('"%r" %s', answer("RETR", 'x" 226 "', 550, None)) == [r'"RETR x\" 226 \"" 550']


class TestFormattedLog(EventSinkContract):
    """Any event, any text: one line at most."""

    @pytest.fixture(autouse=True)
    def _files(self):
        self.files = []
        yield
        for file in self.files:
            file.close()

    def make_sink(self, folder):
        file = LineFile(folder / "log")
        self.files.append(file)
        form = '%h %u %t "%r" %s %S %J %f %E %V %{TLS_SERVER_NAME}e %{FTP_REASON}e %{FTP_CLIENT}e %{transfer-failure}'
        return FormattedLog(LogFormat(form), file.write, verbs=frozenset()), (folder / "log").read_text
