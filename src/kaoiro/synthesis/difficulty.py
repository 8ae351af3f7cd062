"""How hard the FACS world is: the numbers of `difficulty.toml` and `further.toml`, read and checked."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from kaoiro.core.checks import at_least, below_one, not_negative, positive, require, share
from kaoiro.core.errors import InputError
from kaoiro.core.labels import FER2013

Range = tuple[float, float]
Counts = tuple[int, int]
Section = TypeVar("Section")


@dataclass(frozen=True)
class Level:
    """Nuisance of one level; units and reasons stand in the file. Ranges are drawn from once per clip."""

    yaw: float
    pitch: float
    roll: float
    turn_sd: tuple[float, float, float]
    turn_time: float
    shift_sd: float
    shift_time: float
    zoom: float
    zoom_sd: float
    hand_sd: float
    hand_time: float
    exposure_sd: float
    flicker_probability: float
    flicker_amplitude: Range
    flicker_hertz: Range
    light_strength: Range
    light_contrast: Range
    cast_probability: float
    cast_strength: Range
    noise: Range
    blur: Range
    jpeg: Counts
    box_sd: float
    box_time: float
    blinks_per_minute: float
    blink_seconds: Range
    gaze_sd: float
    gaze_time: float
    rest_sd: float
    rest_time: float
    asymmetry_sd: float

    def __post_init__(self) -> None:
        for name in (entry.name for entry in fields(self)):
            value = getattr(self, name)
            for number in value if isinstance(value, tuple) else (value,):
                not_negative(f"levels.{name}", number)
        for name in ("turn_time", "shift_time", "hand_time", "box_time", "gaze_time", "rest_time"):
            positive(f"levels.{name}", getattr(self, name), "seconds")
        for name in ("flicker_probability", "cast_probability"):
            share(f"levels.{name}", getattr(self, name))
        self._check_ranges()

    def _check_ranges(self) -> None:
        ends = {"flicker_amplitude": 0.99, "light_contrast": 1, "cast_strength": 0.99, "jpeg": 100}
        names = ("flicker_hertz", "light_strength", "noise", "blur", "blink_seconds", *ends)
        for name in names:
            ordered(f"levels.{name}", getattr(self, name), 0, ends.get(name, float("inf")))
        require(self.jpeg[0] >= 1, "levels.jpeg", "a quality of 1 to 100", self.jpeg)
        positive("levels.blink_seconds", self.blink_seconds[0], "seconds")
        positive("levels.light_strength", self.light_strength[0])
        # a blink must be over before the next begins
        share("levels.blinks_per_minute × blink_seconds / 60", self.blinks_per_minute * self.blink_seconds[1] / 60)


@dataclass(frozen=True)
class Timing:
    """Frames per second, length in frames, shares of a clip that its phases take, and how long a crop lags behind."""

    fps: float
    rates: Range
    frames: Counts
    onset: Range
    apex: Range
    offset: Range
    aim_seconds: float

    def __post_init__(self) -> None:
        positive("timing.fps", self.fps, "frames per second")
        positive("timing.rates", self.rates[0], "frames per second")
        ordered("timing.rates", self.rates, 0, float("inf"))
        ordered("timing.frames", self.frames, 7, float("inf"))
        not_negative("timing.aim_seconds", self.aim_seconds)
        for name in ("onset", "apex", "offset"):
            ordered(f"timing.{name}", getattr(self, name), 0, 1)
        for name in ("onset", "offset"):
            half = getattr(self, name)[1] + self.apex[1] / 2
            require(half <= 0.5, f"timing.{name} + half of timing.apex", "0.5 or less, for the apex is centred", half)


@dataclass(frozen=True)
class Truth:
    """What counts as seen, how truth is drawn, and which of it is given away as labels."""

    facs_share: float
    affect_sd: float
    visible: float
    unit_active: float
    apex_reach: int
    unit_labels: float
    expression_labels: float

    def __post_init__(self) -> None:
        for name in ("facs_share", "visible", "unit_active", "unit_labels", "expression_labels"):
            share(f"truth.{name}", getattr(self, name))
        not_negative("truth.affect_sd", self.affect_sd)
        positive("truth.visible", self.visible)
        at_least("truth.apex_reach", 0, self.apex_reach)
        share("truth.unit_labels + truth.expression_labels", self.unit_labels + self.expression_labels)


@dataclass(frozen=True)
class Blend:
    """Videos of several showings, some of which mix two expressions."""

    frames: Counts
    showings: Counts
    blended: float
    minor: Range

    def __post_init__(self) -> None:
        ordered("blend.showings", self.showings, 1, float("inf"))
        ordered("blend.frames", self.frames, 2 * self.showings[1], float("inf"))
        share("blend.blended", self.blended)
        ordered("blend.minor", self.minor, 0, 0.5)


@dataclass(frozen=True)
class SetDifficulty:
    """The levels of a set, which its clips take in turn, and the range of intensities at the apex."""

    levels: tuple[str, ...]
    intensity: Range

    def __post_init__(self) -> None:
        at_least("sets.levels: number of names", 1, len(self.levels))
        ordered("sets.intensity", self.intensity, 0, 1)


@dataclass(frozen=True)
class Sizes:
    """How many subjects, clips and frames the sets have."""

    id_training: int
    id_paper: int
    id_further: int
    id_clips: int
    id_frames: int
    id_apex_training: int
    id_apex_paper: int
    vid_clips: int
    mt_videos: int
    swap_subjects: int
    swap_expressions: int

    def __post_init__(self) -> None:
        for name in (entry.name for entry in fields(self)):
            at_least(f"sizes.{name}", 1, getattr(self, name))


@dataclass(frozen=True)
class Conference:
    """Recordings of minutes with planted episodes; seconds and shares of time."""

    recordings: int
    minutes: float
    shares: tuple[float, ...]
    expression: str
    seconds: Range
    gap: float

    def __post_init__(self) -> None:
        at_least("conference.recordings", 1, self.recordings)
        positive("conference.minutes", self.minutes)
        positive("conference.seconds", self.seconds[0])
        for planted in self.shares:
            below_one("conference.shares", planted)
        require(self.expression in FER2013.labels[:-1], "conference.expression", "one of the six", self.expression)
        # else there are lengths which cannot be cut into episodes of these seconds
        least = 2 * self.seconds[0]
        require(self.seconds[1] >= least, "conference.seconds: longest", f"{least} (twice the shortest)", self.seconds)
        positive("conference.gap", self.gap, "seconds")


@dataclass(frozen=True)
class Speech:
    """Syllables and pauses (per second, seconds), and the weights that shapes take in a syllable."""

    syllables: Range
    talk: Range
    pause: Range
    jaw: Range
    shaped: float
    pucker: Range
    funnel: Range
    close: Range
    stretch: Range

    def __post_init__(self) -> None:
        for name in ("syllables", "talk", "pause"):
            positive(f"speech.{name}", getattr(self, name)[0])
            ordered(f"speech.{name}", getattr(self, name), 0, float("inf"))
        for name in ("jaw", "pucker", "funnel", "close", "stretch"):
            ordered(f"speech.{name}", getattr(self, name), 0, 1)
        share("speech.shaped", self.shaped)


@dataclass(frozen=True)
class Difficulty:
    """Everything in the files.

    Attributes:
        levels: by name, from none to high, and then those that came later.
        sets: by name, e.g. 'syn-vid'.
        sha256: of the text of difficulty.toml.
        further_sha256: of the texts of both files.
        later: names of the sets that came later; they carry the latter hash, the others the former.
    """

    levels: Mapping[str, Level]
    timing: Timing
    truth: Truth
    blend: Blend
    sets: Mapping[str, SetDifficulty]
    sizes: Sizes
    conference: Conference
    speech: Speech
    sha256: str
    further_sha256: str
    later: frozenset[str]

    def __post_init__(self) -> None:
        for name, entry in self.sets.items():
            for level in entry.levels:
                require(level in self.levels, f"sets.{name}.levels", f"some of {', '.join(self.levels)}", level)
        self._check_apex()
        self._check_episodes()

    def _check_apex(self) -> None:
        # the worst clip of variable rate: short, and slow just where the apex is
        reach, (slow, fast) = self.truth.apex_reach, self.timing.rates
        length = (self.timing.frames[0] - 1 - 2 * reach) / fast + 2 * reach / slow
        least = 2 * reach / slow / length
        require(
            self.timing.apex[0] >= least, "timing.apex", f"{least:.3f} or more, to hold apex_reach", self.timing.apex
        )

    def _check_episodes(self) -> None:
        weakest = self.set("conference").intensity[0]
        require(weakest > self.truth.visible, "sets.conference.intensity", "above truth.visible", weakest)
        tails = (self.timing.onset[1] + self.timing.offset[1]) * self.conference.seconds[1]
        gap = self.conference.gap
        require(gap >= tails, "conference.gap", f"{tails:g} s or more, for the ramps", gap)

    def digest(self, name: str) -> str:
        """Return the hash that a set carries: of the file or files that say how hard it is."""
        return self.further_sha256 if name in self.later else self.sha256

    def level(self, name: str) -> Level:
        """Return a level.

        Raises:
            InputError: there is none of that name.
        """
        require(name in self.levels, "nuisance level", f"one of {', '.join(self.levels)}", name)
        return self.levels[name]

    def set(self, name: str) -> SetDifficulty:
        """Return what a set asks.

        Raises:
            InputError: there is none of that name.
        """
        require(name in self.sets, "set", f"one of {', '.join(self.sets)}", name)
        return self.sets[name]


@cache
def load() -> Difficulty:
    """Return the packaged numbers."""
    place = files("kaoiro.synthesis")
    return parse(*(place.joinpath(name).read_text("utf-8") for name in ("difficulty.toml", "further.toml")))


def parse(text: str, further: str = "variants = {}\nsets = {}\n") -> Difficulty:
    """Read the text of a difficulty file.

    Args:
        text: of difficulty.toml.
        further: of further.toml: levels that are like others but for some numbers, and sets.

    Raises:
        InputError: no TOML, a key too many or too few, or a value that cannot be; the message names it.
    """
    tables, later = _toml(text, "difficulty file"), _toml(further, "further file")
    derived = ("sha256", "further_sha256", "later")
    wanted = {name: kind for name, kind in get_type_hints(Difficulty).items() if name not in derived}
    _check_keys("difficulty file", wanted, tables)
    _check_keys("further file", dict.fromkeys(("variants", "sets")), later)
    plain = {name: _section(kind, tables[name], name) for name, kind in wanted.items() if isinstance(kind, type)}
    every = tables["sets"] | later["sets"]
    sets = {name: _section(SetDifficulty, table, f"sets.{name}") for name, table in every.items()}
    levels = _levels(tables["levels"])
    levels |= {name: _variant(levels, table, f"variants.{name}") for name, table in later["variants"].items()}
    ends = {"levels": MappingProxyType(levels), "sets": MappingProxyType(sets), "later": frozenset(later["sets"])}
    first, both = (hashlib.sha256(content.encode()).hexdigest() for content in (text, text + further))
    return Difficulty(**plain, **ends, sha256=first, further_sha256=both)


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name} is no TOML: {error}") from error


def ordered(setting: str, pair: tuple[float, float], least: float, most: float) -> None:
    """Refuse a range that is upside down or leaves its bounds.

    Raises:
        InputError: not least ≤ first ≤ second ≤ most.
    """
    require(least <= pair[0] <= pair[1] <= most, setting, f"a range within {least:g} to {most:g}", pair)


def _variant(levels: Mapping[str, Level], table: Any, where: str) -> Level:
    """Return a level that is like another but for some numbers."""
    require(isinstance(table, dict), where, "a table", table)
    if where.removeprefix("variants.") in levels:
        raise InputError(f"{where}: there is a level of this name")
    like = table.get("like")
    require(isinstance(like, str) and like in levels, f"{where}.like", f"one of {', '.join(levels)}", like)
    wanted, changes = get_type_hints(Level), {key: value for key, value in table.items() if key != "like"}
    unknown = sorted(changes.keys() - wanted.keys())
    if unknown:
        raise InputError(f"keys of {where} (unknown: {', '.join(unknown)}); it takes: like, {', '.join(wanted)}")
    values = {name: _value(wanted[name], value, f"{where}.{name}") for name, value in changes.items()}
    try:
        return replace(levels[like], **values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _levels(table: Any) -> dict[str, Level]:
    """Turn the columns of the table into levels."""
    require(isinstance(table, dict), "levels", "a table", table)
    names = _value(tuple[str, ...], table.get("names", []), "levels.names")
    at_least("levels.names: number", 1, len(names))
    columns = {key: column for key, column in table.items() if key != "names"}
    for key, column in columns.items():
        wish = f"a list of one value for each of {', '.join(names)}"
        require(isinstance(column, list) and len(column) == len(names), f"levels.{key}", wish, column)
    rows = [{key: column[row] for key, column in columns.items()} for row in range(len(names))]
    return {name: _section(Level, row, "levels") for name, row in zip(names, rows, strict=True)}


def _section(kind: type[Section], table: Any, where: str) -> Section:
    """Build one dataclass from its table."""
    wanted = get_type_hints(kind)
    _check_keys(where, wanted, table)
    return kind(**{name: _value(wanted[name], table[name], f"{where}.{name}") for name in wanted})


def _check_keys(where: str, wanted: Mapping[str, Any], table: Any) -> None:
    require(isinstance(table, dict), where, "a table", table)
    wrong = {"unknown": table.keys() - wanted.keys(), "missing": wanted.keys() - table.keys()}
    found = [f"{kind}: {', '.join(sorted(names))}" for kind, names in wrong.items() if names]
    if found:
        raise InputError(f"keys of {where} ({'; '.join(found)}); it takes exactly: {', '.join(wanted)}")


def _value(kind: Any, value: Any, where: str) -> Any:
    """Return a value as the type that its field declares."""
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        count = None if inner[-1] is Ellipsis else len(inner)
        require(isinstance(value, list) and count in (None, len(value)), where, f"a list of {count or 'values'}", value)
        return tuple(_value(inner[0], entry, where) for entry in value)
    allowed = (int, float) if kind is float else kind
    require(isinstance(value, allowed) and not isinstance(value, bool), where, f"of type {kind.__name__}", repr(value))
    return kind(value)
