r"""All events as JSON, one object a line (RFC 8259): command log and transfer log in one.

Every object has

* ``time``: ISO 8601, UTC; ``event``: its kind, see below;
* ``session``, ``peer``, ``user``, ``service``, ``client``, ``host`` (as named to TLS, by HOST or USER): texts, empty if
  not known;
* ``tls``: protection of the control connection, ``null`` in clear, else an object of ``version``, ``cipher``,
  ``resumed``, ``server_name``, ``alpn``, ``certificate`` (SHA-256 of the client's), ``subject`` (its name).

and, by ``event``,

* ``session_opened``: nothing more;
* ``session_closed``: ``seconds``, ``reason``;
* ``command_answered``: ``verb``, ``argument`` (``****`` if secret), ``code``, ``octets`` (or ``null``), ``seconds``,
  ``reply`` (its last line);
* ``logged_in``: ``method``;
* ``login_failed``: ``reason``, ``kind``;
* ``file_transferred``: ``direction`` (``sent``, ``received``), ``path``, ``octets``, ``seconds``, ``complete``,
  ``ascii``, ``cause``, ``data_tls`` (as ``tls``), ``anonymous``,
  ``packed_octets`` (in MODE Z, else ``null``), ``digest`` (``SHA-256:…`` of a whole upload, or empty);
* ``file_changed``: ``verb``, ``path``, ``target``;
* ``tls_failed``: ``channel``, ``cause``, ``remedy``, ``offered``;
* ``obsolete_tls``: ``version``, ``cipher``;
* ``misused``: ``kind``, ``detail``, ``remedy``.

Records of failed sessions have ``tls_established`` and ``data_opened`` (``mode``, ``data_tls``), too.
Hooks are told ``expires`` (``detail``, ``days``), too, of no session in particular.

Text is UTF-8. Octets that are not stand as ``\xff`` inside the text, and a
backslash of the text itself is doubled, before JSON's own escapes are put on.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from enum import Enum
from math import isfinite

from ftpstwist.observe.commandlog import utc
from ftpstwist.observe.escape import UNSAFE, decodable
from ftpstwist.session.events import Event, SessionRef, TlsFacts

_UNSAFE = re.compile(f"[{UNSAFE}]")
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


def json_line(event: Event) -> str:
    """Return the line for an event, without its end."""
    session, facts = _members(event.session), _members(event)
    del facts["session"], facts["time"]
    record = {
        "time": utc(event.time),
        "event": _WORD_START.sub("_", type(event).__name__).lower(),
        "session": session.pop("id"),
        **session,
        **facts,
    }
    line = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # JSON itself escapes the controls below 32 only; others, and line separators, are inside strings as well.
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def _members(value: Event | SessionRef | TlsFacts) -> dict[str, object]:
    """Return the fields of a dataclass by name, each as JSON can hold it."""
    return {member.name: _plain(getattr(value, member.name)) for member in fields(value)}


def _plain(value: object) -> object:
    match value:
        case str():
            return decodable(value)
        case Enum():
            return value.name.lower()
        case float() if not isfinite(value):
            return None
        case TlsFacts():
            return _members(value)
        case _:
            return value
