"""Logging in under TLS, and asking for protected data connections (RFC 959 section 4.1.1, RFC 4217 section 8)."""

from __future__ import annotations

from ftpstwist.cli.doctor.control import ControlConnection
from ftpstwist.cli.doctor.finding import Finding, Findings, note, ok, problem, said
from ftpstwist.session.identity import Secret

LOGGED_IN = (230, 232)
_NEED_PASSWORD = 331


def log_in(control: ControlConnection, user: str, password: Secret) -> Findings[bool]:
    """USER and PASS."""
    answer = control.do(f"USER {user}")
    asked = answer.code == _NEED_PASSWORD
    if asked:
        answer = control.do(f"PASS {password.reveal()}")
    words = said(answer)
    if asked and password.reveal() in words:  # some servers repeat the command they do not like
        words = str(answer.code)
    if answer.code not in LOGGED_IN:
        yield _refused(answer.code, words, after_password=asked)
        return False
    yield ok("login", words if asked else f"without a password: {words}")
    return True


def _refused(code: int, words: str, *, after_password: bool) -> Finding:
    match code:
        case 421:
            remedy = "Wait: a limit or a ban; on the server: see its log"
        case 332:
            remedy = "The server wants an account (ACCT) too; few clients know it"
        case 530 if after_password:
            remedy = "Check name and password; on the server: its log, the user's shell and home, lists of denied users"
        case 530 | 534:
            remedy = "The server refuses this name before the password: see its lists of users and its log"
        case _:
            remedy = "See the server's log"
    return problem("login", f"refused: {words}", remedy)


def see_features(control: ControlConnection) -> Findings[frozenset[str]]:
    """FEAT (RFC 2389), after the login, when it is complete."""
    answer = control.do("FEAT")
    if not answer.is_positive:
        yield note("features", f"FEAT is not known: {said(answer)}")
        return frozenset()
    words = frozenset(line.strip().partition(" ")[0].upper() for line in answer.lines[1:-1])
    yield ok("features", f"{len(words)}: {' '.join(sorted(words))[:200]}")
    missing = [word for word in ("EPSV", "MLST", "UTF8") if word not in words]
    if missing:
        yield note("features", f"not named: {', '.join(missing)}")
    return words


def protect(control: ControlConnection) -> Findings[bool]:
    """PBSZ 0 and PROT P."""
    size = control.do("PBSZ 0")
    level = control.do("PROT P")
    if level.is_positive:
        yield ok("protection", "PBSZ 0, PROT P")
        if not size.is_positive:
            yield note("protection", f"PBSZ 0 was refused: {said(size)}")
        return True
    yield problem(
        "protection",
        f"PROT P is refused: {said(level)}",
        "On the server: allow TLS on data connections (ProFTPD TLSRequired; vsftpd force_local_data_ssl; "
        "Pure-FTPd TLS 3)",
    )
    return False


def go_to(control: ControlConnection, path: str | None) -> Findings[bool]:
    """TYPE I, and CWD if a path was given."""
    control.do("TYPE I")
    if path is None:
        return True
    answer = control.do(f"CWD {path}")
    if answer.is_positive:
        yield ok("directory", said(answer))
        return True
    yield problem("directory", f"it can not be entered: {said(answer)}", "Give another --path, or mend its permissions")
    return False
