"""Phrases such as "looks relieved" or "smile, not eyes wide" as words of the glossary.

A name of the glossary counts wherever it stands in the phrase, the longest first; English ones only as whole words,
Japanese ones anywhere, for Japanese writes no spaces. Nothing is guessed: what no entry is called is passed over, and
that is said. Several words multiply; what follows `not` or `without` (in Japanese: what stands before ではない, なし,
以外) counts as 1 - score.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.core.types import expression_column, word_column
from kaoiro.inference.words import glossary as glossaries
from kaoiro.inference.words import readers
from kaoiro.inference.words.asked import CAUTION, Words, unknown, untold
from kaoiro.inference.words.entry import Entry
from kaoiro.inference.words.glossary import Glossary, key
from kaoiro.inference.words.scoring import Measured, score

_PROBABILITIES = (expression_column(""), "au_")
_NOT = {"not", "without", "no", "never", "isn't", "doesn't", "don't", "aren't", "isnt", "doesnt"}
_SILENT = {
    *("a", "an", "the", "and", "&", "with", "but", "is", "are", "be", "being", "very", "who", "that", "of", "whose"),
    *("look", "looks", "looking", "face", "faces", "person", "people", "somebody", "someone", "show", "shows"),
    *("顔", "の", "と", "な", "で", "に", "が", "を", "は", "や", "も", "表情", "の顔", "の人"),
    *("いる", "する", "した", "して", "している", "した顔", "している顔", "している人"),
}  # fmt: skip
_JAPANESE = re.compile("[\u3040-\u30ff\u3400-\u9fff々]")
_BREAKS = re.compile(r"[,，、､;；。.!?！？\n「」『』()（）\"]")
_TAIL_NOT = re.compile(r"(の顔|した顔|顔)?(では|じゃ|が|は|で|を)?(ない|なし|無し|なく|ありません|以外|抜き)")
_NO_TEXT = "only words of the glossary can be searched for ('kaoiro words' lists them), no free text"


class Term(NamedTuple):
    """A word of a phrase.

    Attributes:
        entry: of the glossary.
        wanted: False takes 1 - score.
    """

    entry: Entry
    wanted: bool

    @property
    def column(self) -> str:
        """The column that its score has, or would have, in records."""
        return self.entry.column or word_column(self.entry.name)


@dataclass(frozen=True)
class Query:
    """Words that faces are searched by.

    Attributes:
        text: as it was asked.
        terms: its words, at least one.
        measures: columns from which they are scored.
        model: checksum of the model that measured, on which reliabilities depend; empty if unknown.
        passed: what of the text is no word of the glossary.
    """

    text: str
    terms: tuple[Term, ...]
    measures: tuple[str, ...]
    model: str = ""
    passed: tuple[str, ...] = field(default=())

    def score(self, measured: Measured) -> np.ndarray:
        """Return the scores (N,) 0-1 of N faces, the product over the words; NaN where something is unknown.

        Args:
            measured: (N,) by column, of `measures`.
        """
        return np.prod([_score(term, measured) for term in self.terms], axis=0)

    @property
    def title(self) -> str:
        """The words as they were understood: 'smile, not eyes_wide'."""
        return ", ".join(f"{'' if term.wanted else 'not '}{term.entry.name}" for term in self.terms)

    @property
    def remarks(self) -> list[str]:
        """What was passed over, how far to trust each word, and a caution."""
        said = [f"'{text}' is passed over: {_NO_TEXT}" for text in self.passed]
        return [*said, *map(self._remark, self.terms), CAUTION]

    def _remark(self, term: Term) -> str:
        start = "" if term.wanted else "not "
        if term.entry.column:
            return f"{start}{term.column}: the model's own probability; its figures: 'kaoiro models'"
        return start + Words((term.entry,), self.measures, self.model).remarks[0]


def _score(term: Term, measured: Measured) -> np.ndarray:
    column = term.entry.column
    found = np.asarray(measured[column], np.float64) if column else score(term.entry, measured)
    return found if term.wanted else 1 - found


def parse(text: str, measures: Sequence[str], name: str, model: str = "", glossary: Glossary | None = None) -> Query:
    """Return a phrase as words that a model can tell.

    Args:
        text: English, Japanese, or both.
        measures: columns that the model answers.
        name: of the model, for errors.
        model: its checksum; empty if unknown.
        glossary: None is the one that ships.

    Raises:
        InputError: no word of the glossary is in it (the message names the nearest), a word that the model cannot
            tell, a word that is wanted and not wanted, or an `or`, which products cannot say.
    """
    known = glossaries.shipped() if glossary is None else glossary
    terms, passed = _understood(text, known)
    if any("or" in part.split() for part in passed):
        raise InputError(f"'{text}': words are taken together, 'or' is not understood; search for each of them")
    if not terms:
        said = " ".join(passed) or text
        raise InputError(f"{unknown(said, known)}; {_NO_TEXT}")
    problems = [why for term in terms if (why := _why(term, name, measures))]
    both = [term.entry.name for term in terms if term.wanted and Term(term.entry, False) in terms]
    problems += [f"'{text}' asks for '{one}' and for its opposite" for one in both]
    if problems:
        raise InputError("; ".join([*problems, "'kaoiro words' lists all"]))
    return Query(text, tuple(terms), tuple(measures), model, tuple(passed))


def _why(term: Term, name: str, measures: Sequence[str]) -> str:
    """Return which word cannot be scored and why; empty if it can."""
    entry = term.entry
    if entry.column:
        why = _no_column(entry.column, name, measures)
    else:
        why = untold(entry, name, measures)
        if why and not untold(entry, name, (*measures, *readers.columns())):
            return f"'{entry.name}': search does not read it; 'kaoiro analyze --classes {entry.name}' does"
        why += f" (near it: {', '.join(entry.instead)})" if why and entry.instead else ""
    return why and f"'{entry.name}' cannot be measured: {why}"


def _no_column(column: str, name: str, measures: Sequence[str]) -> str:
    """Return why a column of records ranks no faces; empty if it does."""
    if not column.startswith(_PROBABILITIES):
        return f"{column} is no probability; an entry of its own can name a range (--glossary FILE)"
    return "" if column in measures else f"model '{name}' does not measure {column}"


def _understood(text: str, known: Glossary) -> tuple[list[Term], list[str]]:
    """Return the words of a phrase in their order, each once, and what is left of it."""
    terms: list[Term] = []
    passed: list[str] = []
    names = _names(known)
    for part in _BREAKS.split(text):
        found, rest = _in_part(key(part), names)
        terms += [term for term in found if term not in terms]
        passed += rest
    return terms, passed


def _names(known: Glossary) -> list[tuple[str, re.Pattern[str], Entry]]:
    """Return all names as they are compared, longest first, with what finds them."""
    spelled = {key(name): entry for entry in known for name in entry.names}
    return [(name, _pattern(name), spelled[name]) for name in sorted(spelled, key=lambda name: (-len(name), name))]


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name) if _JAPANESE.search(name) else rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])")


def _in_part(part: str, names: Sequence[tuple[str, re.Pattern[str], Entry]]) -> tuple[list[Term], list[str]]:
    """Return the words of a part without commas, and what else it says."""
    found: dict[int, tuple[int, Entry]] = {}
    left = part
    for name, pattern, entry in names:
        if name not in left:
            continue
        for match in pattern.finditer(left):
            found[match.start()] = match.end(), entry
        left = pattern.sub(lambda match: "\0" * len(match[0]), left)
    return _signed(left, found)


def _signed(left: str, found: dict[int, tuple[int, Entry]]) -> tuple[list[Term], list[str]]:
    """Return the words with their signs, from what stands between them."""
    terms: list[Term] = []
    passed: list[str] = []
    place, negated = 0, False
    for start in sorted(found):
        end, entry = found[start]
        negated, said = _between(left[place:start])
        tail = _TAIL_NOT.match(left, end)
        terms.append(Term(entry, not (negated or tail)))
        passed += said
        place = tail.end() if tail else end
    _, said = _between(left[place:])
    return terms, passed + said


def _between(text: str) -> tuple[bool, list[str]]:
    """Return whether text before a word takes it back, and what of the text means something else."""
    words = text.replace("\0", " ").split()
    said = " ".join(word for word in words if word not in _NOT | _SILENT)
    return any(word in _NOT for word in words), [said] if said else []
