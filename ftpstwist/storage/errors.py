"""What the operating system refuses, in the words of the house (``ErrorKind``).

The log gets the whole truth: operation, pathname, errno and its text. The
client gets the kind only; no path of the host is ever put into a hint.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from ftpstwist.interfaces import ErrorKind, FtpError

KINDS: dict[int, ErrorKind] = {
    errno.ENOENT: ErrorKind.NOT_FOUND,
    errno.ELOOP: ErrorKind.NOT_FOUND,  # links that go round in circles lead to nothing
    errno.EACCES: ErrorKind.PERMISSION_DENIED,
    errno.EPERM: ErrorKind.PERMISSION_DENIED,
    errno.EROFS: ErrorKind.PERMISSION_DENIED,
    errno.EEXIST: ErrorKind.EXISTS,
    errno.ENOTDIR: ErrorKind.NOT_A_DIRECTORY,
    errno.EISDIR: ErrorKind.IS_A_DIRECTORY,
    errno.ENOTEMPTY: ErrorKind.NOT_EMPTY,
    errno.ENXIO: ErrorKind.NOT_A_FILE,
    errno.ENODEV: ErrorKind.NOT_A_FILE,
    errno.ENOSPC: ErrorKind.NO_SPACE,
    errno.EDQUOT: ErrorKind.QUOTA_EXCEEDED,
    errno.EFBIG: ErrorKind.FILE_TOO_LARGE,
    errno.ENAMETOOLONG: ErrorKind.NAME_NOT_ALLOWED,
    errno.EILSEQ: ErrorKind.NAME_NOT_ALLOWED,
    errno.EINVAL: ErrorKind.NAME_NOT_ALLOWED,
    errno.EBUSY: ErrorKind.BUSY,
    errno.ETXTBSY: ErrorKind.BUSY,
    errno.EAGAIN: ErrorKind.BUSY,
    errno.EMFILE: ErrorKind.BUSY,
    errno.ENFILE: ErrorKind.BUSY,
    errno.ENOMEM: ErrorKind.BUSY,
    errno.ESTALE: ErrorKind.BUSY,
    errno.EXDEV: ErrorKind.UNSUPPORTED,
    errno.EMLINK: ErrorKind.UNSUPPORTED,
    errno.EOPNOTSUPP: ErrorKind.UNSUPPORTED,
    errno.ENOSYS: ErrorKind.UNSUPPORTED,
}
"""Kind by errno; whatever is not here is STORAGE_FAILED (client sees 451)."""


def translate(error: OSError, *about: object) -> FtpError:
    """Return what *error* means.

    Args:
        error: What the operating system said.
        about: What was being done and to which pathnames, for the log.
    """
    number = error.errno or 0
    kind = KINDS.get(number, ErrorKind.STORAGE_FAILED)
    symbol = errno.errorcode.get(number, "no errno")
    return FtpError(kind, f"{' '.join(map(str, about))}: {symbol}: {error}")


def require_all_sent(path: object, *, sent_to: int, size: int) -> None:
    """Refuse to take for whole a file that ends before the size it had when it was opened.

    Args:
        path: Its name, for the log.
        sent_to: Where it ended, in octets from its beginning.
        size: Its size when it was opened.

    Raises:
        FtpError: STORAGE_FAILED (client sees 451).
    """
    if sent_to < size:
        cause = f"{path} had {size} octets when it was opened, but ended at {sent_to}: another program cut it off"
        raise FtpError(ErrorKind.STORAGE_FAILED, cause, "the file became shorter while it was sent")


@contextmanager
def translating(*about: object) -> Iterator[None]:
    """Turn every ``OSError`` of the block into the :class:`FtpError` it means.

    Args:
        about: What is being done and to which pathnames, for the log.

    Raises:
        FtpError: Instead of the ``OSError``, which stays its ``__cause__``. UnicodeEncodeError (half a
            surrogate pair, which no file system takes) becomes NAME_NOT_ALLOWED.
    """
    try:
        yield
    except OSError as error:
        raise translate(error, *about) from error
    except UnicodeEncodeError as error:
        raise FtpError(ErrorKind.NAME_NOT_ALLOWED, f"not a name for a disk: {error}") from error
