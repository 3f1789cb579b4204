"""The contexts of a listener for old devices: the same certificates, the profile «legacy» (against RFC 8996).

It follows the listeners for everybody: what is replaced there, at a reload or
when a staple runs out, is replaced here. Own lists of versions and suites do
not carry over: they were made for clients that can do better. Who may connect
to such a listener is for ``services`` to see to.
"""

from __future__ import annotations

from dataclasses import replace

from ftpstwist.tls.context import ContextSet, SharedContexts
from ftpstwist.tls.policy import Profile, TlsPolicy


def relax(policy: TlsPolicy) -> TlsPolicy:
    """Return the policy with versions and suites for old devices."""
    return replace(policy, profile=Profile.LEGACY, minimum=None, maximum=None, ciphers=None, suites=None)


class LegacyContexts:
    """Contexts for old devices, replaced whenever those they are derived from are.

    Args:
        contexts: Those of the listeners for everybody.

    Raises:
        TlsPolicyError: OpenSSL does not take it.
    """

    def __init__(self, contexts: SharedContexts) -> None:
        self._contexts = contexts
        self._base = contexts.current
        self._current = ContextSet(relax(self._base.policy))

    @property
    def current(self) -> ContextSet:
        """What a control session that begins now gets."""
        base = self._contexts.current
        if base is not self._base:
            self._base, self._current = base, ContextSet(relax(base.policy))
        return self._current
