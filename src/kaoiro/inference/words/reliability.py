"""How far to trust a word: measured on rendered people, kept beside the glossary (`kaoiro evaluate words --write`).

Format:   {"format": 1, "model": {"name", "digest"}, "measured", "sets": [...], "words": {NAME: {"entry": checksum of
          the composition, "level", "auc", "interval", "near", "near_interval", "shown", "people", "real",
          "annotated", "alarms"}}, "readers": checksum}
A level counts for the model, the readers and the composition that were measured, and for no other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from kaoiro.core.files import write_text
from kaoiro.core.spec import Strict
from kaoiro.inference.words import readers
from kaoiro.inference.words.entry import Entry

FILE = "reliability.json"
"""In this package."""
GOOD, FAIR = 0.9, 0.75
"""Lower ends of the interval of the area under the curve from which on a word is good, or fair."""
ALARMING = 0.1
"""Share of photographs of people who do nothing of the kind, or hardly ever, beyond which a word is weak."""
Level = Literal["good", "fair", "weak", "unmeasured"]
Ends = tuple[float, float]


class Elsewhere(Strict):
    """What was found on faces that are not rendered; `people` are pictures where each shows somebody else."""

    data: str
    auc: float
    interval: Ends
    people: int


class Alarms(Strict):
    """How often photographs of people who do nothing of the kind, or hardly ever, score a half or more."""

    data: str
    share: float
    interval: Ends
    people: int


class Reliability(Strict):
    """What was measured of a word on rendered people whom the model does not know.

    Attributes:
        level: by the lowest lower end of all intervals here.
        entry: checksum of the composition (`Entry.digest`).
        auc: that a face that shows the word scores more than one that does not; None if too few show it.
        near: the same against faces that show only a part of it; None where there are none, or no such parts.
        interval, near_interval: 95 %, over people.
        shown: faces that show it.
        people: who show it.
        real: photographs, if any were measured.
        annotated: generated faces whose valence and arousal people annotated, likewise.
        alarms: photographs of people who do nothing of the kind, or hardly ever, as far as they were measured.
    """

    level: Level = "unmeasured"
    entry: str = ""
    auc: float | None = None
    interval: Ends | None = None
    near: float | None = None
    near_interval: Ends | None = None
    shown: int = 0
    people: int = 0
    real: Elsewhere | None = None
    annotated: Elsewhere | None = None
    alarms: tuple[Alarms, ...] = ()

    @property
    def text(self) -> str:
        """The level with what it rests on."""
        found = [] if self.auc is None else [f"{_area(self.auc, self.interval)} on rendered people"]
        if found and self.near is not None:
            found.append(f"{_area(self.near, self.near_interval)} against those who show a part of it")
        others = (one for one in (self.annotated, self.real) if one is not None)
        found += [f"{_area(one.auc, one.interval)} on {one.data}" for one in others]
        found += [_called(one) for one in self.alarms]
        said = f"{self.level}: AUC {', '.join(found)}" if found else f"unmeasured: {self._why}"
        real = "how many real ones are missed is not known" if self.alarms else "unmeasured on real faces"
        return said if self.real is not None else f"{said}; {real}"

    @property
    def _why(self) -> str:
        return (
            f"too few rendered people show it ({self.people})" if self.entry else "no figures for this word and model"
        )


def _called(alarms: Alarms) -> str:
    low, high = alarms.interval
    return f"0.5 or more in {alarms.share:.0%} ({low:.0%}–{high:.0%}) of {alarms.data}"


def _area(value: float, ends: Ends | None) -> str:
    return f"{value:.2f}" + ("" if ends is None else f" ({ends[0]:.2f}–{ends[1]:.2f})")


class _Model(Strict):
    name: str
    digest: str


class _File(Strict):
    format: Literal[1]
    model: _Model
    measured: str
    sets: tuple[str, ...]
    words: dict[str, Reliability] = Field(default_factory=dict)
    readers: str = ""


UNMEASURED = Reliability()


def level(*lows: float | None) -> Level:
    """Return the level for the lower ends of intervals; the worst counts, None says nothing."""
    known = [low for low in lows if low is not None]
    if not known:
        return "unmeasured"
    return "good" if min(known) >= GOOD else "fair" if min(known) >= FAIR else "weak"


@cache
def _stored() -> _File | None:
    file = files("kaoiro.inference.words") / FILE
    return _File.model_validate_json(file.read_text(encoding="utf-8")) if file.is_file() else None


def of(entry: Entry, model: str) -> Reliability:
    """Return what is known of a word for a model's graph, by its checksum."""
    stored = _stored()
    found = None if stored is None or stored.model.digest != model else stored.words.get(entry.name)
    if stored is not None and entry.read and stored.readers != readers.digest():
        return UNMEASURED
    return found if found is not None and found.entry == entry.digest else UNMEASURED


def write(path: Path, model: Mapping[str, str], measured: str, sets: list[str], words: Mapping[str, Any]) -> None:
    """Write the file.

    Args:
        path: of it.
        model: 'name' and 'digest'.
        measured: the day.
        sets: of rendered people.
        words: by name, `Reliability`.
    """
    about = {"model": _Model(**model), "measured": measured, "sets": tuple(sets), "readers": readers.digest()}
    content = _File(format=1, words=dict(words), **about)
    write_text(path, json.dumps(content.model_dump(mode="json"), indent=1, ensure_ascii=False))
    _stored.cache_clear()
