"""Occasions: every event that an operator would want a hook for is one, and has one name."""

from __future__ import annotations

import pytest

from ftpstwist.session.events import CommandAnswered, Direction, FileChanged, FileTransferred, SessionRef
from ftpstwist.session.occasions import Occasion, occasion_of
from tests.contracts.eventsinks import every_event

SESSION = SessionRef("k3f9", "192.0.2.7", "alice")


def transfer(direction, complete):
    return FileTransferred(SESSION, 0.0, direction, "/x", 1, 0.1, complete)


@pytest.mark.parametrize(
    ("event", "occasion"),
    [
        (transfer(Direction.RECEIVED, True), Occasion.UPLOAD),
        (transfer(Direction.RECEIVED, False), Occasion.UPLOAD_BROKEN),
        (transfer(Direction.SENT, True), Occasion.DOWNLOAD),
        (transfer(Direction.SENT, False), Occasion.DOWNLOAD_BROKEN),
        (FileChanged(SESSION, 0.0, "DELE", "/x"), Occasion.DELETE),
        (FileChanged(SESSION, 0.0, "RNTO", "/x", "/y"), Occasion.RENAME),
        (FileChanged(SESSION, 0.0, "MKD", "/x"), Occasion.MKDIR),
        (FileChanged(SESSION, 0.0, "SITE RMDIR", "/x"), Occasion.RMDIR),
        (FileChanged(SESSION, 0.0, "SITE CHMOD", "/x"), Occasion.CHANGE),
        (CommandAnswered(SESSION, 0.0, "NOOP", "", 200, None, 0.0), None),
    ],
)
def test_events_have_the_names_an_operator_would_expect(event, occasion):
    """A broken upload is no upload: a hook for uploads never sees half a file."""
    assert occasion_of(event) is occasion


def test_every_occasion_can_occur():
    """No word of the configuration is dead."""
    more = [FileChanged(SESSION, 0.0, verb, "/x") for verb in ("DELE", "MKD", "RMD", "MFMT")]
    more += [transfer(direction, complete) for direction in Direction for complete in (True, False)]
    assert {occasion_of(event) for event in [*every_event(), *more]} == {*Occasion, None}
