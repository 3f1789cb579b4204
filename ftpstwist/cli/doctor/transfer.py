"""Transfers: TLS session resumption, listings, and a small file there and back (RFC 959 section 4.1.3, RFC 3659).

The test file has a random name and is deleted again. Nothing else on the server is touched.
"""

from __future__ import annotations

import re
import secrets
import time
from calendar import timegm

from ftpstwist.cli.doctor.control import ControlConnection, ConversationError
from ftpstwist.cli.doctor.data import DataConnections, Received, TransferError
from ftpstwist.cli.doctor.finding import Finding, Findings, note, ok, problem, said, serious
from ftpstwist.wire.reply import Reply

TEST_OCTETS = 40_000
"""Size of the test file: three TLS records, one packet of no network."""
CLOCK_TOLERANCE_SECONDS = 120
_MLSD_LINE = re.compile(r"(?:[^;= ]+=[^;]*;)+ .+")

_TLS_ON_DATA = (
    "See the server's log for the data connection; switch off FTP inspection in between; "
    "if only resumption is wrong: ProFTPD TLSOptions NoSessionReuseRequired, vsftpd require_ssl_reuse=NO"
)


def try_data_connection(data: DataConnections) -> Findings[bool]:
    """A listing that resumes the TLS session of the control connection, else one without; *data* keeps what works."""
    resuming = _attempt(data)
    if isinstance(resuming, Received):
        resumed = "resuming the TLS session" if resuming.resumed else "the TLS session was not resumed"
        yield ok("data connection", f"works under TLS, {resumed}")
        yield from _judge_end(resuming)
        return True
    yield _failed("data connection", "with the TLS session of the control connection", resuming)
    data.resume = False
    fresh = _attempt(data)
    if isinstance(fresh, Received):
        yield note("data connection", "without TLS session resumption it works")
        return True
    yield _failed("data connection", "with a TLS session of its own", fresh)
    return False


def try_resumption(data: DataConnections) -> Findings[None]:
    """Whether the server resumes TLS sessions, and insists on it. The last step, for some servers then hang up."""
    if not data.resume:
        return
    resuming = _attempt(data)
    data.resume = False
    fresh = _attempt(data)
    was_resumed = isinstance(resuming, Received) and resuming.resumed
    yield from _judge_resumption(was_resumed=was_resumed, is_required=isinstance(fresh, TransferError))


def _attempt(data: DataConnections) -> Received | TransferError:
    try:
        return data.receive("LIST")
    except TransferError as error:
        return error
    except ConversationError as error:
        return TransferError(str(error))


def _judge_resumption(*, was_resumed: bool, is_required: bool) -> Findings[None]:
    if was_resumed and is_required:
        yield note(
            "resumption",
            "required: clients that can not resume TLS sessions are shut out",
            "In the client: one that can (FileZilla, WinSCP, lftp, curl). Or on the server: ProFTPD TLSOptions "
            'NoSessionReuseRequired; vsftpd require_ssl_reuse=NO; ftpstwist tls.session_reuse = "prefer"',
        )
    elif was_resumed:
        yield ok("resumption", "accepted, not required")
    elif is_required:
        yield problem("resumption", "not resumed, and other data connections fail", _TLS_ON_DATA)
    else:
        yield note("resumption", "the server does not resume: nothing ties data connections to their session")


def _judge_end(received: Received) -> Findings[None]:
    if not received.ended:
        yield note(
            "data connection",
            "the server ends it without close_notify",
            "Clients can not tell a cut download from a whole one",
        )


def _failed(step: str, how: str, error: TransferError) -> Finding:
    answer = f": {said(error.reply)}" if error.reply else ""
    return problem(step, f"{how}, {error.cause}{answer}", _TLS_ON_DATA)


def list_directory(data: DataConnections, features: frozenset[str]) -> Findings[None]:
    """LIST, and MLSD if the server knows it."""
    for command in ("LIST", "MLSD") if "MLST" in features else ("LIST",):
        try:
            lines = data.receive(command).octets.decode("utf-8", "replace").splitlines()
        except TransferError as error:
            yield _failed("listing", command, error)
            continue
        bad = [line for line in lines if command == "MLSD" and not _MLSD_LINE.fullmatch(line)]
        if bad:
            yield problem("listing", f"MLSD gives lines that are none: {bad[0][:60]!r}", "On the server: update")
        else:
            yield ok("listing", f"{command}: {len(lines)} lines")


def exchange_file(control: ControlConnection, data: DataConnections) -> Findings[None]:
    """STOR, SIZE, RETR, compare, MDTM, DELE."""
    name, octets = _new_name(), secrets.token_bytes(TEST_OCTETS)
    try:
        yield ok("upload", f"{len(octets)} octets: {said(_upload(data, name, octets))}")
        yield from _compare(data, name, octets)
        yield from _compare_clocks(control, name)
    except TransferError as error:
        if error.reply is not None and error.reply.code in {532, 550, 553}:
            yield problem(
                "upload",
                f"{error.cause}: {said(error.reply)}",
                "Give --path, a directory this user may write to, or --no-upload; on the server: see its permissions",
            )
            return
        yield _failed("upload", "STOR", error)
    yield from _delete(control, name)


def _upload(data: DataConnections, name: str, octets: bytes) -> Reply:
    last = data.send(f"STOR {name}", octets)
    if not last.is_positive:
        raise TransferError("it was not confirmed", last)
    return last


def _compare(data: DataConnections, name: str, octets: bytes) -> Findings[None]:
    try:
        came = data.receive(f"RETR {name}").octets
    except TransferError as error:
        answer = f": {said(error.reply)}" if error.reply else ""
        yield note(
            "download", f"the test file can not be had back ({error.cause}{answer})", "A drop box may be meant so"
        )
        return
    if came == octets:
        yield ok("download", "what was uploaded came back octet by octet")
    else:
        yield problem(
            "download",
            f"{len(octets)} octets went up, {len(came)} came back, and they differ",
            "See whether the server or something between changes files (ASCII type, upload scripts, quota)",
        )


def _compare_clocks(control: ControlConnection, name: str) -> Findings[None]:
    answer = control.do(f"MDTM {name}")
    match = re.match(r"([0-9]{14})", answer.lines[0]) if answer.is_positive else None
    if match is None:
        yield note("clock", f"MDTM says nothing: {said(answer)}")
        return
    try:
        seconds = time.time() - timegm(time.strptime(match[1], "%Y%m%d%H%M%S"))
    except ValueError:
        yield problem("clock", f"MDTM gives no time: {said(answer)}", "On the server: update")
        return
    if abs(seconds) <= CLOCK_TOLERANCE_SECONDS:
        yield ok("clock", "MDTM of the new file is right")
    else:
        yield problem(
            "clock",
            f"MDTM of the new file is {abs(seconds) / 60:.0f} minutes {'late' if seconds < 0 else 'early'}",
            "On the server: set the clock; MDTM has to be UTC (ProFTPD TimesGMT on; vsftpd use_localtime=NO)",
        )


def _delete(control: ControlConnection, name: str) -> Findings[None]:
    answer = control.do(f"DELE {name}")
    if answer.is_positive:
        yield ok("deletion", "the test file is gone")
    else:
        yield note("deletion", f"the test file {name} stays: {said(answer)}", "Delete it on the server")


def cut_upload(control: ControlConnection, data: DataConnections) -> Findings[None]:
    """STOR that ends without close_notify, as a broken or attacked connection does."""
    name = _new_name()
    try:
        last = data.send(f"STOR {name}", secrets.token_bytes(TEST_OCTETS), properly=False)
    except TransferError as error:
        yield ok("cut upload", f"not taken for complete: {said(error.reply) if error.reply else error.cause}")
    else:
        if last.is_positive:
            yield serious(
                "cut upload",
                f"an upload without close_notify is taken for complete: {said(last)}",
                "On the server: a policy that refuses it, if it has one; else compare sizes after uploads",
            )
        else:
            yield ok("cut upload", f"not taken for complete: {said(last)}")
    control.do(f"DELE {name}")


def _new_name() -> str:
    return f"ftpstwist-doctor-{secrets.token_hex(6)}.bin"
