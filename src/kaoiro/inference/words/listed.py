"""What there is to know of an entry of the glossary, for people and for programs."""

from __future__ import annotations

from typing import Any

from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.types import word_column
from kaoiro.inference.words import reliability
from kaoiro.inference.words.asked import refusal
from kaoiro.inference.words.entry import Entry


def about(entry: Entry, model: ModelFolder) -> dict[str, Any]:
    """Return an entry as plain values, with how far a model's scores can be trusted, or why there are none.

    Args:
        entry: of the glossary.
        model: that answers.
    """
    why, known = refusal(entry, model), reliability.of(entry, model.digest)
    return {
        "name": entry.name,
        "column": entry.column or (None if why else word_column(entry.name)),
        "stands_for": entry.composition,
        "refused": why or None,
        "instead": list(entry.instead),
        "source": entry.source,
        "reliability": None if why else known.model_dump(mode="json"),
        "reliability_text": None if why else known.text,
    }
