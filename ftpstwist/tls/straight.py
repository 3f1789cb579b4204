"""Records decrypted straight into a buffer (RFC 8446 section 5.2).

pyOpenSSL decrypts into memory of its own and copies it, at a cost, for each
record of 16 KiB, that is about the same as that of decrypting it. So this is a guarded
shim on the binding below it: where something is missing, nothing is read, and
the caller goes on with pyOpenSSL, which also tells why there is no more.
"""

from __future__ import annotations

from OpenSSL import SSL

try:
    _read = SSL._lib.SSL_read  # type: ignore[attr-defined]  # noqa: SLF001 - see above
    _from_buffer = SSL._ffi.from_buffer  # type: ignore[attr-defined]  # noqa: SLF001
except AttributeError:  # pragma: no cover - another pyOpenSSL
    _read = None


def read_straight(connection: SSL.Connection, buffer: memoryview) -> int:
    """Fill *buffer* with what can be decrypted now; return how many octets, 0 also where it can not be done.

    It says nothing of why there is no more: ask pyOpenSSL for another octet.
    """
    handle = getattr(connection, "_ssl", None)
    if _read is None or handle is None:
        return 0
    start = _from_buffer("char[]", buffer, require_writable=True)
    filled, size = 0, len(buffer)
    while filled < size and (count := _read(handle, start + filled, size - filled)) > 0:
        filled += count
    return filled
