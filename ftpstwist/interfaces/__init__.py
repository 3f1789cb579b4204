"""The seams of the house: what the departments offer and what commands and the server-PI rely on.

Nothing here does anything. Storage, authentication, TLS, data connections and
observation implement these; ``services.build`` puts them together; everything
above a seam is tested with recording neighbours that implement it, too.
"""

from ftpstwist.interfaces.authentication import (
    Authenticator,
    CodeWanted,
    IAccount,
    LoggedInAccount,
    LoginRequest,
    Revocations,
)
from ftpstwist.interfaces.complaint import Complaint, Severity
from ftpstwist.interfaces.control import ControlProtocol, ControlTransport
from ftpstwist.interfaces.data import DataConnection, DataConnections, WaitsFor
from ftpstwist.interfaces.errors import ErrorKind, FtpError
from ftpstwist.interfaces.observation import EventSink
from ftpstwist.interfaces.passing import PassingUpload
from ftpstwist.interfaces.storage import (
    Capability,
    DirectSource,
    Disposition,
    Filesystem,
    KernelCopy,
    Octets,
    QuotaState,
    ReadHandle,
    TellsQuotas,
    WriteHandle,
)
from ftpstwist.interfaces.threads import WorkerThreads
from ftpstwist.interfaces.tls import SessionTls, TlsChannel, TlsClosed, TlsError

__all__ = [
    "Authenticator",
    "Capability",
    "CodeWanted",
    "Complaint",
    "ControlProtocol",
    "ControlTransport",
    "DataConnection",
    "DataConnections",
    "DirectSource",
    "Disposition",
    "ErrorKind",
    "EventSink",
    "Filesystem",
    "FtpError",
    "IAccount",
    "KernelCopy",
    "LoggedInAccount",
    "LoginRequest",
    "Octets",
    "PassingUpload",
    "QuotaState",
    "ReadHandle",
    "Revocations",
    "SessionTls",
    "Severity",
    "TellsQuotas",
    "TlsChannel",
    "TlsClosed",
    "TlsError",
    "WaitsFor",
    "WorkerThreads",
    "WriteHandle",
]
