"""What columns of words are called."""

from __future__ import annotations

import re

from kaoiro.core.errors import InputError
from kaoiro.core.types import WORD_ENDINGS


def column_name(word: str) -> str:
    """Return what a word's column is called after `word_`.

    Raises:
        InputError: it cannot be the name of a column.
    """
    name = re.sub(r"\W+", "_", word.strip().lower()).strip("_")
    if not name.isidentifier() or name.endswith(WORD_ENDINGS):
        raise InputError(f"'{word}' cannot be the name of a column; use letters, and another ending")
    return name
