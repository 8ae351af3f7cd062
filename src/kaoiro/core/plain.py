"""Text that others wrote, made fit for a terminal, a file name or a spreadsheet."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # of which words in Persian, Hindi and emoji consist
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # categories of Unicode
_ACTING = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    """Return a text without what is not seen but acts: control characters, escapes, changes of the writing direction.

    Spaces of every kind stay, and so do what joins letters.
    """
    return "".join(sign for sign in text if sign in _JOINERS or unicodedata.category(sign) not in _UNSEEN)


def inert(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe before what begins as one does.

    Source: OWASP, "CSV Injection".
    """
    return f"'{text}" if text.startswith(_ACTING) else text
