"""Files of lines: rotation, full disks, several writers."""

import os
import stat

import pytest
from twisted.logger import capturedLogs, formatEvent

from ftpstwist.observe.logfile import LineFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def file(path):
    file = LineFile(path)
    yield file
    file.close()


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_a_new_file_is_for_its_group_as_well(path, umask):
    """The daemon's umask neither closes the log to its group nor opens it to all."""
    old = os.umask(umask)
    try:
        LineFile(path).close()
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_lines_go_behind_what_is_there(path):
    """A restart keeps the log, and the mode somebody gave it."""
    path.write_text("old\n")
    path.chmod(0o600)
    file = LineFile(path)
    file.write("new ü")
    file.close()
    assert path.read_bytes() == "old\nnew ü\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_writers_do_not_mix(path, file):
    """Two processes writing the same file lose and tear nothing."""
    other = LineFile(path)
    for n in range(100):
        file.write(f"a{n}" * 100)
        other.write(f"b{n}" * 100)
    other.close()
    assert path.read_text().splitlines() == [f"{who}{n}" * 100 for n in range(100) for who in "ab"]


def test_rotation(path, file):
    """After logrotate renamed the file and sent SIGHUP, lines go into the new one."""
    file.write("one")
    path.rename(path.with_name("log.1"))
    file.write("two")
    file.reopen()
    file.write("three")
    assert path.with_name("log.1").read_text() == "one\ntwo\n"
    assert path.read_text() == "three\n"


def test_a_rotation_that_fails_loses_nothing(path, file):
    """If the new file can not be opened, the old one is used on, and the log tells why."""
    moved = path.with_name("moved")
    path.rename(moved)
    path.mkdir()
    with capturedLogs() as logs:
        file.reopen()
    file.write("still here")
    assert moved.read_text() == "still here\n"
    assert "Is a directory" in formatEvent(logs[0])


def test_a_path_that_can_not_be_opened_is_told_at_start(tmp_path):
    """A wrong path stops the start instead of losing lines silently."""
    with pytest.raises(FileNotFoundError):
        LineFile(tmp_path / "none" / "log")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_disk(path):
    """Lines that do not fit are counted and told of once, when it begins and when it ends; nothing raises."""
    path.symlink_to("/dev/full")
    file = LineFile(path)
    with capturedLogs() as logs:
        for _ in range(5):
            file.write("lost")
        assert file.lost == 5
        path.unlink()
        file.reopen()
        file.write("found")
        file.write("again")
    file.close()
    assert file.lost == 0
    assert [formatEvent(event) for event in logs] == [
        f"Lines for {path} are lost: No space left on device",
        f"{path} is written again; lines lost: 5",
    ]
    assert path.read_text() == "found\nagain\n"


def test_a_line_that_fits_in_part(path, tmp_path):
    """Half a line at the end of a full disk does not swallow the first line after it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    file = LineFile(pipe)
    with capturedLogs() as logs:
        file.write("x" * (1 << 20))
        assert file.lost == 1
        file.write("lost as well")
        assert file.lost == 2
        torn = b""
        while chunk := _read(reader):
            torn += chunk
        file.write("whole")
    assert torn == b"x" * len(torn)
    assert _read(reader) == b"\nwhole\n"
    assert len(logs) == 2
    os.close(reader)
    file.close()


def test_a_pipe_without_reader_does_not_stop_the_server(tmp_path):
    """A log tool that is not there is an error at start, not a server that hangs."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device or address"):
        LineFile(tmp_path / "pipe")


def test_after_close(file):
    """A line after the end is lost, not written into whatever has the descriptor now."""
    file.close()
    file.close()
    with capturedLogs() as logs:
        file.write("late")
    assert file.lost == 1
    assert len(logs) == 1


def _read(descriptor):
    try:
        return os.read(descriptor, 1 << 20)
    except BlockingIOError:
        return b""
