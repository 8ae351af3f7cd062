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
from kaoiro.core.labels import AFFECT, AFFECT_HEAD, EXPRESSIONS, OWN_HEAD, SPREAD_HEAD, UNITS_HEAD
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.types import expression_column, smoothed, spread_column, word_column
from kaoiro.inference.heads import own_columns
from kaoiro.inference.words import glossary as glossaries
from kaoiro.inference.words import readers, reliability, texts
from kaoiro.inference.words.entry import Entry, units_text
from kaoiro.inference.words.glossary import Glossary
from kaoiro.inference.words.scoring import score
from kaoiro.inference.words.texts import Texts

CAUTION = "a word says how a face looks, never what somebody feels"


@dataclass(frozen=True)
class Words:
    """Words that a model can tell; none at all are falsy.

    Attributes:
        entries: in the order in which they were asked for.
        measures: columns that the model answers, or readers beside it.
        model: its checksum, on which reliabilities depend.
        texts: words beside the entries that are told by their texts; None where there are none.
        own: columns of the labels that the model was adapted to, which are there unasked.
    """

    entries: tuple[Entry, ...] = ()
    measures: tuple[str, ...] = ()
    model: str = ""
    texts: Texts | None = None
    own: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of single frames: `word_smile`."""
        beside = () if self.texts is None else self.texts.columns
        return (*self.own, *(word_column(entry.name) for entry in self.entries), *beside)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that the words add to records: of single frames, then smoothed over time."""
        return (*self.names, *map(smoothed, self.names))

    @property
    def digest(self) -> str:
        """Text that is equal where columns and scores are."""
        said: list[tuple[str, ...]] = [(entry.name, entry.digest) for entry in self.entries]
        said += [("readers", readers.digest())] if self.read else []
        said += [("own", self.model, *self.own)] if self.own else []
        said += [] if self.texts is None else [("texts", self.texts.model.digest, *self.texts.columns)]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    @property
    def read(self) -> tuple[str, ...]:
        """Columns that readers must answer for the words, each once; none where the model's own are enough."""
        wanted = dict.fromkeys(column for entry in self.entries for column in entry.read)
        return tuple(column for column in wanted if column in self.measures)

    def scores(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Return the words' scores of one face by column; what cannot be told is left out, as all that is missing.

        Args:
            scores: of the face by column of records, those of `read`, of `texts` and of `own`.
        """
        known = {name: np.array([scores.get(name, math.nan)]) for name in self.measures}
        found = {word_column(entry.name): float(score(entry, known)[0]) for entry in self.entries}
        given = (*self.own, *(() if self.texts is None else self.texts.columns))
        found |= {name: scores.get(name, math.nan) for name in given}
        return {name: value for name, value in found.items() if math.isfinite(value)}

    @property
    def remarks(self) -> list[str]:
        """What to know of each word: its actions, those that are left out, and how far to trust it; then a caution."""
        beside = [] if self.texts is None else self.texts.remarks
        learned = "learned from somebody's own pictures; what that is worth stands in the model's card"
        own = [f"{', '.join(self.own)}: {learned}"] if self.own else []
        return [*own, *map(self._remark, self.entries), *beside, *([CAUTION] if self else [])]

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
    classes: str | Iterable[str] | None,
    model: ModelFolder,
    glossary: str | os.PathLike[str] | Glossary | None = None,
    clip: str | os.PathLike[str] | None = None,
) -> Words:
    """Return the words that are asked for; one that is named twice, or in two languages, counts once.

    Args:
        classes: words, or a text with commas between them; None asks for none.
        model: that answers.
        glossary: file of the user's own entries, or a glossary; None is the shipped one.
        clip: folder of words compiled with weights of CLIP, for those that the glossary does not tell.

    Raises:
        InputError: no word at all, one that no entry has (the message names the nearest), or one that the model cannot
            tell (it says why); a glossary that is not valid, or without words to look up in it; no compiled words in
            the folder, or a word that two columns would have.
        ModelError: the compiled words are damaged.
    """
    if classes is None:
        if glossary is not None or clip is not None:
            what = "a glossary says what words stand for" if clip is None else "--clip tells words"
            raise InputError(f"{what}; name the words, too (--classes, classes=)")
        return Words(model=model.digest, own=_own(model))
    known = glossary if isinstance(glossary, Glossary) else opened(glossary)
    wanted = split(classes)
    if not wanted:
        raise InputError("no words are named; 'kaoiro words' lists those of the glossary")
    found = {word: known.find(word) for word in wanted}
    problems = {word: _problem(word, entry, known, model) for word, entry in found.items()}
    beside = None if clip is None else _by_texts([word for word in wanted if problems[word]], texts.opened(clip))
    told = {} if beside is None else beside.names
    untellable = [why for word, why in problems.items() if why and (beside is None or beside.find(word) not in told)]
    if untellable:
        raise InputError("; ".join([*untellable, "'kaoiro words' lists all"]))
    entries = tuple(dict.fromkeys(one.name for word, one in found.items() if one is not None and not problems[word]))
    words = Words(
        tuple(known[name] for name in entries), answered(model), model.digest, beside if told else None, _own(model)
    )
    if len(set(words.names)) < len(words.names):
        raise InputError(f"two of the words would have the same column: {', '.join(words.names)}")
    return words


def _own(model: ModelFolder) -> tuple[str, ...]:
    labels = [head.labels for head in model.specification.heads if head.name == OWN_HEAD]
    return own_columns(labels[0]) if labels else ()


def _by_texts(words: Sequence[str], compiled: Texts) -> Texts:
    """Return those of some words that were compiled."""
    return compiled.asking([one for one in dict.fromkeys(map(compiled.find, words)) if one is not None])


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
