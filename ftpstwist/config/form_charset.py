"""The form of character sets."""

from __future__ import annotations

from ftpstwist.config.complaint import Unusable
from ftpstwist.config.form import Form, describe, expected, join_words, quote, suggest
from ftpstwist.wire.charset import LEGACY_CHARSETS, UTF_8, Charset


def charset_form() -> Form[Charset]:
    """A character set of names."""
    noun, example = "a character set", ', such as "utf-8", "iso-8859-1", "windows-1252", "shift_jis"'

    def read(value: object) -> Charset:
        if not isinstance(value, str):
            raise expected(noun, example, value)
        label = value.lower()
        if label != UTF_8 and label not in LEGACY_CHARSETS:
            close = suggest(label, [UTF_8, *LEGACY_CHARSETS])
            known = join_words([UTF_8, *sorted(LEGACY_CHARSETS)])
            cause = f"{describe(value)} is not a character set that can be used"
            raise Unusable(cause, f"Did you mean {quote(close)}?" if close else f"Write {known}")
        return Charset(label)

    return Form(noun + example, read, lambda value: quote(value.label))
