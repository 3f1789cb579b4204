"""The reactor, as this program uses it."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorFromThreads, IReactorSocket

from ftpstwist.services.data import IDataReactor
from ftpstwist.services.oversight import IOversightReactor


class IReactor(IDataReactor, IOversightReactor, IReactorFromThreads, IReactorSocket):
    """What the server needs of a reactor; every reactor of Twisted on Unix has it."""
