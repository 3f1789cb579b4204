"""Where audit events go: Twisted's log always, files as the configuration names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime

from ftpstwist.config.schema import Settings
from ftpstwist.interfaces import EventSink
from ftpstwist.observe.aggregate import Aggregator
from ftpstwist.observe.commandlog import command_line
from ftpstwist.observe.jsonlog import json_line
from ftpstwist.observe.logfile import LineFile
from ftpstwist.observe.logformat import FormattedLog, LogFormat
from ftpstwist.observe.recorder import FlightRecorder
from ftpstwist.observe.sinks import FanOut, LineSink, TwistedLogSink
from ftpstwist.observe.transferlog import xferlog_line
from ftpstwist.session.events import Event, FileTransferred


class LogService(Service):
    """Owns the log files: opened while privileges are there, closed at the very end. An ``EventSink``.

    Args:
        settings: Which files.
        clock: For what is told only now and then.
        sinks: Further ones, of the caller; they get every event.
        opened: Descriptors of files that are open already; the others are opened.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: IReactorTime,
        sinks: Sequence[EventSink] = (),
        opened: Mapping[Path, int] | None = None,
    ) -> None:
        self._settings = settings.log
        self._clock = clock
        self._every_event = list(sinks)
        if settings.log.failed_sessions:
            self._every_event.append(FlightRecorder(settings.failed_sessions, records=settings.log.failed_sessions))
        self._opened = dict(opened or {})
        self._files: list[LineFile] = []
        self._put_together([TwistedLogSink()])

    def privilegedStartService(self) -> None:  # noqa: N802 - Twisted's interface
        """Open the files."""
        super().privilegedStartService()
        sinks: list[EventSink] = [TwistedLogSink()]
        if self._settings.command_log is not None:
            sinks.append(LineSink(command_line, self._open(self._settings.command_log)))
        if self._settings.transfer_log is not None:
            sinks.append(LineSink(xferlog_line, self._open(self._settings.transfer_log), only=(FileTransferred,)))
        if self._settings.json_log is not None:
            sinks.append(LineSink(json_line, self._open(self._settings.json_log)))
        for each in self._settings.custom:
            file = self._open(each.file)
            sinks.append(FormattedLog(LogFormat(each.format), file.write, verbs=frozenset(each.verbs)))
        self._put_together(sinks)

    @property
    def descriptors(self) -> dict[Path, int]:
        """The files that are open."""
        return {file.path: file.descriptor for file in self._files}

    def stopService(self) -> None:  # noqa: N802 - Twisted's interface
        """Tell what was only counted, and close the files."""
        super().stopService()
        self._aggregator.flush()
        for file in self._files:
            file.close()
        self._files.clear()
        self._put_together([TwistedLogSink()])

    def reopen(self) -> None:
        """Go on in the files that have the names now (logrotate)."""
        for file in self._files:
            file.reopen()

    def record(self, event: Event) -> None:
        """Give an event to every sink."""
        self._sink.record(event)

    def _put_together(self, logs: Sequence[EventSink]) -> None:
        self._aggregator = Aggregator(FanOut(logs), clock=self._clock)
        self._sink = FanOut([self._aggregator, *self._every_event])

    def _open(self, path: Path) -> LineFile:
        file = LineFile(path, self._opened.pop(path, None))
        self._files.append(file)
        return file
