"""What the operating system says, as the client and the log are told."""

from __future__ import annotations

import errno

import pytest

from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.storage.errors import translating
from ftpstwist.storage.reserved import is_reserved, unique_name
from ftpstwist.wire.pathname import Pathname


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, ErrorKind.NOT_FOUND),
        (errno.EPERM, ErrorKind.PERMISSION_DENIED),
        (errno.EROFS, ErrorKind.PERMISSION_DENIED),
        (errno.ENOSPC, ErrorKind.NO_SPACE),
        (errno.EDQUOT, ErrorKind.QUOTA_EXCEEDED),
        (errno.EFBIG, ErrorKind.FILE_TOO_LARGE),
        (errno.EMFILE, ErrorKind.BUSY),
        (errno.ETXTBSY, ErrorKind.BUSY),
        (errno.EXDEV, ErrorKind.UNSUPPORTED),
        (errno.EILSEQ, ErrorKind.NAME_NOT_ALLOWED),
        (errno.EIO, ErrorKind.STORAGE_FAILED),
        (None, ErrorKind.STORAGE_FAILED),
    ],
)
def test_the_log_gets_the_truth_and_the_client_a_kind(number, kind):
    """Operation, pathname and errno are in the cause; nothing of it is shown to the client."""
    error = OSError("no number") if number is None else OSError(number, "text", "/host/path")
    with pytest.raises(FtpError) as caught, translating("open", Pathname(("a", "b"))):
        raise error
    assert caught.value.kind is kind
    assert caught.value.hint == ""
    assert caught.value.__cause__ is error
    for part in ("open", "/a/b", errno.errorcode[number] if number else "no errno"):
        assert part in caught.value.cause


def test_half_a_surrogate_pair_is_no_name():
    """A name that no octets stand for is refused, not a crash."""
    with pytest.raises(FtpError) as caught, translating("open"):
        "\ud800".encode()
    assert caught.value.kind is ErrorKind.NAME_NOT_ALLOWED


def test_an_ftp_error_passes_unchanged():
    """What is known already is not translated again."""
    error = FtpError(ErrorKind.BUSY)
    with pytest.raises(FtpError) as caught, translating("open"):
        raise error
    assert caught.value is error


def test_reserved_names():
    """The prefix decides, in any case of letters; similar names are the client's."""
    assert all(map(is_reserved, [".ftpstwist-", ".ftpstwist-a.part", ".FTPSTWIST-X"]))
    assert not any(map(is_reserved, ["ftpstwist-x", ".ftpstwist", ".part", "", "x.ftpstwist-"]))


def test_unique_names_use_what_random_gives():
    """Every octet of randomness is in the name."""
    assert unique_name("f.txt", lambda octets: bytes(range(octets))) == "f.txt.000102030405"
