"""Runs the server for a test: prints its ports as one line of JSON, and stops when its standard input ends.

(``twistd`` ends itself by a signal, which would lose the coverage data of the process.)
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from threading import Thread

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner, textFileLogObserver

from ftpstwist.config.form_network import PortRange
from ftpstwist.config.load import load
from ftpstwist.config.schema_data import PassiveSettings
from ftpstwist.services.build import ftps_service
from ftpstwist.session.state import Service


def main() -> None:
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    draft = load(sys.argv[1])
    assert not draft.complaints, draft.complaints
    passive = draft.settings.passive
    if passive.ports == PassiveSettings().ports:
        passive = replace(passive, ports=PortRange(0, 0))
    service = ftps_service(replace(draft.settings, passive=passive), reactor=reactor)
    service.privilegedStartService()
    service.startService()
    ports = {kind.value: [f"{a.host} {a.port}" for a in service.addresses(kind)] for kind in Service}
    print(json.dumps(ports), flush=True)
    reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(_stop(service)))
    Thread(target=_wait_for_end, daemon=True).start()
    reactor.run()


async def _stop(service) -> None:
    await service.stopService()


def _wait_for_end() -> None:
    sys.stdin.read()
    reactor.callFromThread(reactor.stop)


main()
