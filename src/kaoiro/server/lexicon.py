"""The words that clients may ask for, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kaoiro.core.errors import InputError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.inference.words.asked import CAUTION, Words, asked, opened, split
from kaoiro.inference.words.entry import Language
from kaoiro.inference.words.listed import about
from kaoiro.server.refusals import bad_argument

MOST = 100
"""Words of one request."""


class Lexicon:
    """A glossary beside the model of the service.

    Args:
        model: that answers.
        glossary: file of entries beside those that ship; read once.

    Raises:
        InputError: the file is no valid glossary.
    """

    def __init__(self, model: ModelFolder, glossary: Path | None = None) -> None:
        self._model, self._glossary = model, opened(glossary)
        self.unasked = asked(None, model)
        self.file = None if glossary is None else str(glossary.resolve())

    def asked(self, classes: Sequence[str]) -> Words:
        """Return the words that a client asks for.

        Raises:
            Refused: too many, not in the glossary, or words that the model cannot tell.
        """
        words = split(",".join(classes))
        if len(words) > MOST:
            raise bad_argument(f"Argument classes names {len(words)} words; at most {MOST} are taken.")
        try:
            return asked(words, self._model, self._glossary)
        except InputError as error:
            said = " ".join(str(error).split()).replace("'kaoiro words' lists", "/v1/words lists")
            raise bad_argument(f"Argument classes: {said}") from None

    def listed(self, words: Words, language: Language | None = None) -> dict[str, Any]:
        """Return words, or all entries of the glossary if there are none, with how far to trust each.

        Args:
            words: that were asked for.
            language: only entries that have a name in it; None takes all.
        """
        entries = words.entries or [entry for entry, _ in self._glossary.called(language)]
        rows = [about(entry, self._model) | {"en": list(entry.en), "ja": list(entry.ja)} for entry in entries]
        return {"model": self._model.name, "caution": CAUTION, "words": rows}
