"""``python -m ftpstwist.worker``: a process that serves sessions. The server starts it; nobody does by hand."""

from __future__ import annotations

import signal
import sys
import time
from typing import cast

from twisted.internet import reactor
from twisted.logger import Logger, globalLogBeginner

from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.services.reactor import IReactor
from ftpstwist.services.workers.relay import LineObserver
from ftpstwist.services.workers.start import read_start
from ftpstwist.services.workers.worker import Worker

_log = Logger()


def main() -> None:
    """Serve until the front says so, or is gone.

    Raises:
        SystemExit: Something can not be used (exit status 1); the log of the server says what.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the front gets it, too, and decides
    globalLogBeginner.beginLoggingTo([LineObserver(sys.stdout.fileno())], redirectStandardIO=False)
    running = cast("IReactor", reactor)
    try:
        worker = Worker(read_start(sys.stdin.buffer), reactor=running, now=time.time)
        worker.start()
    except (ConfigurationError, OSError, ValueError) as error:
        _log.critical("a worker can not start: {error}", error=str(error))
        raise SystemExit(1) from None
    running.addSystemEventTrigger("before", "shutdown", worker.stop)
    running.run()


if __name__ == "__main__":
    main()
