"""Directives of ProFTPD's modules beside mod_tls.

mod_digest, mod_deflate, mod_copy, mod_site_misc, mod_quotatab, mod_lang.
"""

from __future__ import annotations

from ftpstwist.config.migration.apachestyle import Directive
from ftpstwist.config.migration.outcome import Converter, Outcome, becomes, left_out
from ftpstwist.session.digest import HashAlgorithm
from ftpstwist.wire.charset import Charset

_OF_MOD_DIGEST = {
    "sha1": HashAlgorithm.SHA1,
    "sha256": HashAlgorithm.SHA256,
    "sha512": HashAlgorithm.SHA512,
    "md5": HashAlgorithm.MD5,
    "crc32": HashAlgorithm.CRC32,
}
_QUOTA_NUMBERS = ("octets", "download", "transfer", "files")
"""What QuotaDefault limits, in its order: deleting gives uploads back. Files downloaded are not counted here."""
_CHARSETS = {"iso88591": "iso-8859-1", "latin1": "iso-8859-1", "cp1251": "windows-1251", "cp1252": "windows-1252"}
_OFF = {"off", "false", "no"}
_UNITS = {"": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}


@becomes("`integrity.algorithms`: empty for off")
def _digest_switch(outcome: Outcome, directive: Directive) -> None:
    if directive.text.lower() in _OFF:
        outcome.set("integrity.algorithms", [])


@becomes("`integrity.algorithms`")
def _digest_algorithms(outcome: Outcome, directive: Directive) -> None:
    words = [word.lower() for word in directive.arguments]
    if words != ["all"]:
        outcome.set("integrity.algorithms", [_OF_MOD_DIGEST[word].value for word in words])


@becomes("`integrity.max_size`")
def _digest_max_size(outcome: Outcome, directive: Directive) -> None:
    number, unit = directive.arguments[0], directive.arguments[1] if directive.arguments[1:] else ""
    outcome.set("integrity.max_size", int(number) * _UNITS[unit.lower()])


@becomes("`deflate.enabled`")
def _deflate_switch(outcome: Outcome, directive: Directive) -> None:
    outcome.set("deflate.enabled", directive.text.lower() not in _OFF)


@becomes("`storage.make_links`")
def _site_links(outcome: Outcome, directive: Directive) -> None:
    outcome.set("storage.make_links", directive.text.lower() not in _OFF)


@becomes("`quotas`, but for files downloaded")
def _quota_default(outcome: Outcome, directive: Directive) -> None:
    kind, per_session, limit, *numbers = (word.lower() for word in directive.arguments)
    if per_session not in {"false", "off"} or kind == "class":
        outcome.remark(directive, "quotas are kept for users, groups or all, and not for one session or class")
        return
    quota: dict[str, object] = {"name": f"default-{kind}", "shared": kind in {"group", "all"}, "soft": limit == "soft"}
    quota |= {
        name: int(float(number)) for name, number in zip(_QUOTA_NUMBERS, numbers[:4], strict=False) if float(number) > 0
    }
    outcome.add("quotas", quota)
    outcome.remark(directive, "uploads and downloads never began anew, unless a program said so: is a period wanted?")


@becomes("`server.charset`")
def _use_encoding(outcome: Outcome, directive: Directive) -> None:
    words = [word.lower().replace("utf8", "utf-8") for word in directive.arguments]
    if words in (["on"], ["off"]):
        outcome.remark(directive, "names are UTF-8 on the disk, and for clients unless server.charset says otherwise")
        return
    on_disk, of_clients = words
    outcome.set("server.charset", Charset(_CHARSETS.get(of_clients, of_clients)).label)
    if on_disk != "utf-8":
        outcome.remark(directive, f"names on the disk are UTF-8 here: rename those that are in {on_disk}")


MODULES: dict[str, Converter] = {
    "CopyEngine": left_out("SITE COPY needs the permissions of a download and an upload"),
    "CopyOptions": left_out("permissions say who may replace a file"),
    "QuotaEngine": left_out("a quota holds where it is written: in the users file, accounts.limits or [[quotas]]"),
    "QuotaLimitTable": left_out("write its limits into [[quotas]]: per user, group (shared = true) or all"),
    "QuotaTallyTable": left_out("what is stored in a home is counted on the disk; the rest is in the state directory"),
    "QuotaShowQuotas": left_out("SITE QUOTA tells users where they stand"),
    "QuotaDisplayUnits": left_out("SITE QUOTA tells octets"),
    "QuotaLock": left_out("the server keeps the books, for all its processes"),
    "QuotaLog": left_out("a refusal is in the log, with its cause"),
    "QuotaDirectoryTally": left_out("folders do not count"),
    "QuotaExcludeFilter": left_out("all files of a home count"),
    "QuotaOptions": left_out("what is stored in a home is always counted on the disk"),
    "QuotaDefault": _quota_default,
    "UseEncoding": _use_encoding,
    "LangEngine": left_out("replies are in English, names in UTF-8 or what server.charset says"),
    "LangDefault": left_out("replies are in English"),
    "LangPath": left_out("replies are in English"),
    "LangOptions": left_out("names that are no UTF-8 are served octet by octet"),
    "SiteMiscEngine": _site_links,
    "DeflateEngine": _deflate_switch,
    "DeflateLog": left_out("log.json_log tells both sizes of a packed file"),
    "ProxyProtocolEngine": left_out("name the load balancers in server.proxies"),
    "ProxyProtocolTimeout": left_out("the header has to come within 5 seconds"),
    "DigestEngine": _digest_switch,
    "DigestAlgorithms": _digest_algorithms,
    "DigestMaxSize": _digest_max_size,
    "DigestDefaultAlgorithm": left_out("HASH begins with SHA-256, or else the next of integrity.algorithms"),
    "DigestCache": left_out("digests are computed when they are asked for"),
    "DigestEnable": left_out("who may read a file may ask for its digest"),
    "DigestOptions": left_out("digests are computed when they are asked for"),
}
"""All of them."""
