"""From ``[fxp]`` to what the tls room needs: at the check, the start, every reload. Blocks on small files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ftpstwist.config.complaint import Complaint, Severity
from ftpstwist.config.schema import Settings
from ftpstwist.tls import certificate as pem
from ftpstwist.tls.authorities import load_authorities
from ftpstwist.tls.outgoing import OtherServers

_AUTHORITIES = "fxp.authorities"


@dataclass(frozen=True, slots=True)
class Others:
    """What ``[fxp]`` says of the certificates of other servers.

    Attributes:
        others: To be used if no complaint is an error.
        complaints: Errors and warnings.
    """

    others: OtherServers
    complaints: tuple[Complaint, ...] = ()


def read_others(settings: Settings, *, now: datetime) -> Others:
    """Read the certificates that vouch for other servers. Blocks; never raises.

    Args:
        settings: Names the files.
        now: Time of the check, with time zone.
    """
    about: list[pem.Complaint] = []
    authorities = load_authorities(settings.fxp.authorities, about, now=now, may_be_leaf=True)
    complaints = []
    for each in about:
        report = settings.origin.complain if each.severity is Severity.ERROR else settings.origin.warn
        complaints.append(report(_AUTHORITIES, f"{each.path}: {each.cause}", each.remedy[:1].upper() + each.remedy[1:]))
    return Others(OtherServers(tuple(authorities), settings.fxp.verify), tuple(complaints))
