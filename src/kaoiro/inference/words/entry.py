"""An entry of a glossary: what a word is called, and the facial actions that it stands for.

Units are the numbers of FACS (Ekman, Friesen and Hager, 2002), also those that no model here answers: a word that needs
them is refused with that reason instead of being guessed from others.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from kaoiro.core.labels import EXPRESSIONS, UNIT_NAMES
from kaoiro.core.spec import Strict
from kaoiro.core.types import COLUMNS, WORD_ENDINGS
from kaoiro.inference.words.readers import COLUMNS as READ
from kaoiro.inference.words.readers import ONE_SIDE

FACS: Mapping[str, str] = MappingProxyType(
    {
        **UNIT_NAMES,
        "au_18": "lip pucker",
        "au_19": "tongue show",
        "au_22": "lip funneler",
        "au_27": "mouth stretch",
        "au_28": "lips suck",
        "au_32": "bite",
        "au_44": "squint",
        "au_45": "blink",
        "au_46": "wink",
        "au_64": "eyes down",
    }
)
"""Units that entries may name, by column, with what FACS calls them; more than models answer."""
MAIN = 1.0
"""Weight of a unit without which a word means nothing."""
Language = Literal["en", "ja"]
_COLUMNS = frozenset(column.name for column in COLUMNS)


def _units(given: Any) -> Any:
    """Return the units of a list of numbers, or of a table of weights, by column."""
    if isinstance(given, list | tuple):
        if len(set(given)) != len(given):
            raise ValueError("names a unit twice")
        given = dict.fromkeys(given, MAIN)
    return {_unit(number): weight for number, weight in given.items()} if isinstance(given, dict) else given


def _unit(number: object) -> str:
    text = str(number)
    column = f"au_{int(text):02d}" if re.fullmatch(r"[0-9]{1,2}", text) else text
    if column not in FACS:
        known = ", ".join(str(int(unit.removeprefix("au_"))) for unit in sorted(FACS))
        raise ValueError(f"{text} is no action unit that is known here; there are: {known}")
    return column


Weight = Annotated[float, Field(gt=0, le=1)]
Units = Annotated[dict[str, Weight], BeforeValidator(_units)]
Range = tuple[float, float]


class Entry(Strict):
    """A word and what it stands for; see the head of `glossary.toml` for the format.

    Attributes:
        name: its column is `word_<name>`.
        en, ja: what else it is called.
        present, absent: weights (0-1) of units that a face shows, or does not, by column; 1 is a main unit.
        expressions: weights of labels whose probability counts.
        valence, arousal: range in which they lie, -1 to 1.
        one_sided: whether only one side of the face shows the units that are present.
        unmeasurable: why no model can tell; empty if some can.
        column: of records that says it already.
        instead: entries that come near.
        source: of the composition.
    """

    name: str
    en: tuple[str, ...] = ()
    ja: tuple[str, ...] = ()
    present: Units = Field(default_factory=dict)
    absent: Units = Field(default_factory=dict)
    expressions: dict[str, Weight] = Field(default_factory=dict)
    valence: Range | None = None
    arousal: Range | None = None
    one_sided: bool = False
    unmeasurable: str = ""
    column: str = ""
    instead: tuple[str, ...] = ()
    source: str = ""

    @field_validator("name")
    @classmethod
    def _is_column(cls, name: str) -> str:
        if not name.isidentifier() or name != name.lower() or name.endswith(WORD_ENDINGS):
            endings = ", ".join(WORD_ENDINGS)
            raise ValueError(f"a name has small letters, digits and _ and does not end in {endings}")
        return name

    @field_validator("en", "ja")
    @classmethod
    def _are_words(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(name.strip() and not re.search("[,、，\n]", name) for name in names):
            raise ValueError("names are not empty and have no comma")
        return names

    @field_validator("valence", "arousal")
    @classmethod
    def _is_range(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and not -1 <= ends[0] < ends[1] <= 1:
            raise ValueError("a range goes up and lies between -1 and 1")
        return ends

    @field_validator("expressions")
    @classmethod
    def _are_labels(cls, weights: dict[str, float]) -> dict[str, float]:
        unknown = [label for label in weights if label not in EXPRESSIONS.labels]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no expression; there are: {', '.join(EXPRESSIONS.labels)}")
        return weights

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        both = sorted(set(self.present) & set(self.absent))
        if both:
            raise ValueError(f"{units_text(both)} cannot be present and absent")
        if self.column and self.column not in _COLUMNS:
            raise ValueError(f"records have no column {self.column}")
        if not (self.unmeasurable or self.column or self.main or self.ranges):
            raise ValueError("says nothing that must be so: give a unit or an expression a weight of 1, or a range")
        return self

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Ranges of valence and arousal, as far as the entry names them."""
        named = {"valence": self.valence, "arousal": self.arousal}
        return {name: ends for name, ends in named.items() if ends is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that the word is called."""
        return (self.name, *self.en, *self.ja)

    @property
    def main(self) -> tuple[str, ...]:
        """Units and expressions without which the word means nothing."""
        weights = {**self.present, **self.absent, **self.expressions}
        return tuple(name for name, weight in weights.items() if weight == MAIN)

    def reading(self, unit: str) -> str:
        """Return the column that says how probable a unit is: another one where only one side is to show it."""
        return f"{unit}{ONE_SIDE}" if self.one_sided and unit in self.present else unit

    @property
    def read(self) -> tuple[str, ...]:
        """Columns of the score that readers answer beside the model."""
        return tuple(column for column in map(self.reading, (*self.present, *self.absent)) if column in READ)

    @property
    def digest(self) -> str:
        """Short checksum of what the score depends on, so that a reliability is not taken for another composition."""
        parts = self.model_dump(mode="json", include={"present", "absent", "expressions", "valence", "arousal"})
        parts |= {"one_sided": True} if self.one_sided else {}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def composition(self) -> str:
        """What the word stands for, in a few signs such as 'AU 12, without AU 6'."""
        parts = [f"AU {_listed(self.present)}{' of one side' * self.one_sided}"] if self.present else []
        parts += [f"without AU {_listed(self.absent)}"] if self.absent else []
        parts += [f"{label} ({weight:g})" for label, weight in self.expressions.items()]
        parts += [f"{name} {low:g} to {high:g}" for name, (low, high) in self.ranges.items()]
        return ", ".join(parts)


def _listed(weights: Mapping[str, float]) -> str:
    """Return units by number, those that only lean the score in brackets."""
    numbers = {str(int(unit.removeprefix("au_"))): weight for unit, weight in weights.items()}
    return "+".join(number if weight == MAIN else f"({number})" for number, weight in numbers.items())


def units_text(units: list[str] | tuple[str, ...]) -> str:
    """Return units in words ('AU 43 (eyes closed), AU 7 (lid tightener)')."""
    return ", ".join(f"AU {int(unit.removeprefix('au_'))} ({FACS[unit]})" for unit in units)
