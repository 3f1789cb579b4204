"""Times on the wire (L1; RFC 3659 section 2.3)."""

from datetime import UTC, datetime

import pytest

from ftpstwist.wire.errors import ArgumentSyntaxError
from ftpstwist.wire.time_val import parse_time_val, render_time_val


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("19700101000000", 0, id="epoch"),
        pytest.param("19691231235959", -1, id="before-the-epoch"),
        pytest.param("20020717210715", 1026940035, id="example-of-the-draft"),
        pytest.param("19980615100045.014", 897904845.014, id="fraction"),
        pytest.param("20240229120000", 1709208000, id="leap-day"),
        pytest.param("20161231235960", 1483228800, id="leap-second"),
        pytest.param("20161231235960.5", 1483228800.5, id="leap-second-with-fraction"),
        pytest.param("10000101000000", -30610224000, id="first-year"),
        pytest.param("99991231235959", 253402300799, id="last-second"),
    ],
)
def test_time_is_read(text, seconds):
    """A file keeps the time its owner gave it, to the fraction."""
    assert parse_time_val(text) == pytest.approx(seconds, abs=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("2002071721071", id="thirteen-digits"),
        pytest.param("200207172107150", id="fifteen-digits"),
        pytest.param("20020717210715.", id="point-without-digit"),
        pytest.param("20020717210715,5", id="comma"),
        pytest.param("20020717210715Z", id="zone"),
        pytest.param("20020717210715\n", id="line-feed"),
        pytest.param("09991231235959", id="tenth-century"),
        pytest.param("20021317210715", id="month-13"),
        pytest.param("20020017210715", id="month-0"),
        pytest.param("20230229120000", id="X1-no-leap-year"),
        pytest.param("20020717240000", id="hour-24"),
        pytest.param("20020717216000", id="minute-60"),
        pytest.param("20020717210760", id="second-60-at-any-time"),
        pytest.param("20161231235961", id="second-61"),
        pytest.param("２００２0717210715", id="digits-of-another-script"),
    ],
)
def test_what_is_no_time_is_refused(text):
    """A wrong date is a 501, never another date (X1)."""
    with pytest.raises(ArgumentSyntaxError):
        parse_time_val(text)


@pytest.mark.parametrize("seconds", [0, -1, 1, 86399, 86400, 1709208000, 1026940035, -30610224000, 253402300799])
def test_time_is_written_as_the_calendar_has_it(seconds):
    """MDTM and the modify fact agree with what the operating system shows (L1)."""
    assert render_time_val(seconds) == datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")


@pytest.mark.parametrize(
    ("seconds", "expected"), [(2**62, "99991231235959"), (-(2**62), "10000101000000"), (253402300800, "99991231235959")]
)
def test_absurd_time_stays_in_the_calendar(seconds, expected):
    """A damaged time stamp on disk does not break a listing."""
    assert render_time_val(seconds) == expected
