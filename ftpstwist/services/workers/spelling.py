"""How values cross the channel: a login, and its outcome, as JSON can hold them."""

from __future__ import annotations

from typing import Any

from cattrs.preconf.json import JsonConverter, make_converter

from ftpstwist.interfaces import CodeWanted, ErrorKind, FtpError, LoginRequest
from ftpstwist.session.identity import Identity, Secret

_CODE_WANTED = "code wanted"


def _converter() -> JsonConverter:
    converter = make_converter()
    converter.register_unstructure_hook(Secret, Secret.reveal)  # to the process that has to check it, and no other
    converter.register_structure_hook(Secret, lambda text, _: Secret(text))
    return converter


_CONVERTER = _converter()


def spell_request(request: LoginRequest) -> Any:
    """Return what :func:`read_request` reads."""
    return _CONVERTER.unstructure(request)


def read_request(spelt: Any) -> LoginRequest:
    """Return the request that was spelt."""
    return _CONVERTER.structure(spelt, LoginRequest)


def spell_account(identity: Identity, home: str, method: str) -> Any:
    """Return what :func:`read_account` reads."""
    return {"identity": _CONVERTER.unstructure(identity), "home": home, "method": method}


def spell_refusal(refusal: FtpError | CodeWanted) -> Any:
    """Return what :func:`read_account` raises."""
    if isinstance(refusal, CodeWanted):
        return {"refusal": _CODE_WANTED}
    return {"refusal": refusal.kind.name, "cause": refusal.cause, "hint": refusal.hint}


def read_account(spelt: Any) -> tuple[Identity, str, str]:
    """Return identity, home and method of a login.

    Raises:
        FtpError: It was refused.
        CodeWanted: The same request is to be made again, with a code.
    """
    refusal = spelt.get("refusal")
    if refusal == _CODE_WANTED:
        raise CodeWanted
    if refusal is not None:
        raise FtpError(ErrorKind[refusal], spelt["cause"], spelt["hint"])
    return _CONVERTER.structure(spelt["identity"], Identity), spelt["home"], spelt["method"]
