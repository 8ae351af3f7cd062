"""The words that somebody asks for, and a model that can tell them."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.core.labels import AFFECT, AFFECT_HEAD, EXPRESSIONS, SPREAD_HEAD, UNITS_HEAD
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.types import expression_column, smoothed, spread_column, word_column
from kaoiro.inference.words import glossary as glossaries
from kaoiro.inference.words import readers, reliability
from kaoiro.inference.words.entry import Entry, units_text
from kaoiro.inference.words.glossary import Glossary
from kaoiro.inference.words.scoring import score

CAUTION = "a word says how a face looks, never what somebody feels"


@dataclass(frozen=True)
class Words:
    """Words that a model can tell; none at all are falsy.

    Attributes:
        entries: in the order in which they were asked for.
        measures: columns that the model answers, or readers beside it.
        model: its checksum, on which reliabilities depend.
    """

    entries: tuple[Entry, ...] = ()
    measures: tuple[str, ...] = ()
    model: str = ""

    def __bool__(self) -> bool:
        return bool(self.entries)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of single frames: `word_smile`."""
        return tuple(word_column(entry.name) for entry in self.entries)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that the words add to records: of single frames, then smoothed over time."""
        return (*self.names, *map(smoothed, self.names))

    @property
    def digest(self) -> str:
        """Text that is equal where columns and scores are."""
        said: list[tuple[str, ...]] = [(entry.name, entry.digest) for entry in self.entries]
        said += [("readers", readers.digest())] if self.read else []
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    @property
    def read(self) -> tuple[str, ...]:
        """Columns that readers must answer for the words, each once; none where the model's own are enough."""
        wanted = dict.fromkeys(column for entry in self.entries for column in entry.read)
        return tuple(column for column in wanted if column in self.measures)

    def scores(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Return the words' scores of one face by column; what cannot be told is left out, as all that is missing.

        Args:
            scores: of the face by column of records, and those of `read`.
        """
        known = {name: np.array([scores.get(name, math.nan)]) for name in self.measures}
        found = {word_column(entry.name): float(score(entry, known)[0]) for entry in self.entries}
        return {name: value for name, value in found.items() if math.isfinite(value)}

    @property
    def remarks(self) -> list[str]:
        """What to know of each word: its actions, those that are left out, and how far to trust it; then a caution."""
        return [*map(self._remark, self.entries), *([CAUTION] if self.entries else [])]

    def _remark(self, entry: Entry) -> str:
        lost = [unit for unit in (*entry.present, *entry.absent) if entry.reading(unit) not in self.measures]
        without = f", of which {units_text(lost)} is not measured" if lost else ""
        known = reliability.of(entry, self.model).text
        return f"{word_column(entry.name)}: {entry.composition}{without}; {known}"


def split(classes: str | Iterable[str]) -> list[str]:
    """Return the words of a list, or of a text that has commas between them, of whatever width."""
    if isinstance(classes, str):
        classes = re.split("[,，、､;；\n]", classes)
    return [word.strip() for word in classes if word.strip()]


def asked(
    classes: str | Iterable[str] | None, model: ModelFolder, glossary: str | os.PathLike[str] | Glossary | None = None
) -> Words:
    """Return the words that are asked for; one that is named twice, or in two languages, counts once.

    Args:
        classes: words, or a text with commas between them; None asks for none.
        model: that answers.
        glossary: file of the user's own entries, or a glossary; None is the shipped one.

    Raises:
        InputError: no word at all, one that no entry has (the message names the nearest), or one that the model cannot
            tell (it says why); a glossary that is not valid, or without words to look up in it.
    """
    if classes is None:
        if glossary is not None:
            raise InputError("a glossary says what words stand for; name the words, too (--classes, classes=)")
        return Words()
    known = glossary if isinstance(glossary, Glossary) else opened(glossary)
    wanted = split(classes)
    if not wanted:
        raise InputError("no words are named; 'kaoiro words' lists those of the glossary")
    found = {word: known.find(word) for word in wanted}
    measures = answered(model)
    problems = [_problem(word, entry, known, model) for word, entry in found.items()]
    if any(problems):
        raise InputError("; ".join([*filter(None, problems), "'kaoiro words' lists all"]))
    entries = tuple(dict.fromkeys(entry.name for entry in found.values() if entry is not None))
    return Words(tuple(known[name] for name in entries), measures, model.digest)


def opened(glossary: str | os.PathLike[str] | None) -> Glossary:
    """Return the shipped glossary, with the entries of a file if one is named.

    Raises:
        InputError: the file is no valid glossary.
    """
    return glossaries.shipped() if glossary is None else glossaries.read(glossary)


def _problem(word: str, entry: Entry | None, known: Glossary, model: ModelFolder) -> str:
    if entry is None:
        return unknown(word, known)
    why, instead = refusal(entry, model), f" (near it: {', '.join(entry.instead)})" if entry.instead else ""
    said = f"'{word}' is no word to ask for" if entry.column else f"'{word}' cannot be measured"
    return why and f"{said}: {why}{instead}"


def unknown(word: str, known: Glossary) -> str:
    """Return what to say of a word that no entry has, with the nearest ones."""
    near = known.nearest(word)
    hint = f"the nearest are {', '.join(near)}" if near else "none is written like it"
    return f"'{word}' is not in the glossary ({hint}; --glossary FILE adds your own)"


def refusal(entry: Entry, model: ModelFolder) -> str:
    """Return why a model cannot tell a word; empty if it can."""
    if entry.column:
        return f"it is in the records already, as {entry.column}"
    return untold(entry, model.name, answered(model))


def untold(entry: Entry, model: str, answered: Sequence[str]) -> str:
    """Return why a word that is no column of its own cannot be told; empty if it can.

    Args:
        entry: of the glossary.
        model: its name.
        answered: columns that the model answers, or readers beside it.
    """
    if entry.unmeasurable:
        return entry.unmeasurable
    units = [unit for unit in entry.main if unit not in EXPRESSIONS.labels and entry.reading(unit) not in answered]
    if units and entry.one_sided:
        return f"one side of the face does it, and {units_text(units)} is not measured of one side"
    if units:
        return f"model '{model}' does not measure {units_text(units)}"
    spreads = [spread_column(name) for name in entry.ranges if spread_column(name) not in answered]
    return f"model '{model}' does not measure {', '.join(spreads)}" if spreads else ""


def answered(model: ModelFolder) -> tuple[str, ...]:
    """Return the columns that a model answers, and those of the readers that ship; the latter go into no records."""
    own = measured(model)
    return (*own, *(column for column in readers.columns() if column not in own))


def measured(model: ModelFolder) -> tuple[str, ...]:
    """Return the columns that a model answers."""
    heads: dict[str, Sequence[str]] = {head.name: head.labels for head in model.specification.heads}
    affect = [name for name in heads.get(AFFECT_HEAD, ()) if name in AFFECT.labels]
    spreads = map(spread_column, heads.get(SPREAD_HEAD, ()))
    return (*map(expression_column, EXPRESSIONS.labels), *affect, *spreads, *heads.get(UNITS_HEAD, ()))
