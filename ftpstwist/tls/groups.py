"""The groups of the key exchange (RFC 8446 section 4.2.7): those of Mozilla's profiles, the post-quantum hybrid first.

pyOpenSSL can set a single curve only, so this is a guarded shim on the binding
below it: where the function or a name is missing, OpenSSL's own list stays,
which begins with the same groups and only adds some slow ones.
"""

from __future__ import annotations

from OpenSSL import SSL

GROUPS = ("X25519MLKEM768", "X25519", "P-256", "P-384")
"""Accepted groups, the most wanted first."""


def restrict_groups(context: SSL.Context) -> bool:
    """Let *context* accept :data:`GROUPS` only; returns whether that could be done."""
    try:
        set_list = SSL._lib.SSL_CTX_set1_curves_list  # type: ignore[attr-defined]  # noqa: SLF001 - see above
        handle = context._context  # noqa: SLF001
    except AttributeError:
        return False
    return any(_accept(set_list(handle, ":".join(names).encode())) for names in (GROUPS, GROUPS[1:]))


def _accept(result: int) -> bool:
    """Tell whether OpenSSL took a list, and drop its complaint if it did not."""
    if result != 1:
        SSL._lib.ERR_clear_error()  # type: ignore[attr-defined]  # noqa: SLF001 - it would surface in a later call
    return result == 1
