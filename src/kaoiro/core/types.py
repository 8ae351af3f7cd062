"""Record: one face in one frame, and the columns under which it is written.

`COLUMNS` is the one place where columns are defined; the writers and the reference
documentation are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kaoiro.core.labels import AFFECT, EXPRESSIONS, MEASURED_UNITS, unit_number, unit_title

Value = str | int | float | None
Kind = Literal["text", "integer", "number"]
LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
"""The five landmarks; left and right as seen in the picture."""
WORD = "word_"
"""How columns of the user's own words begin."""
WORD_ENDINGS = ("_smooth", "_sd", "_change")
"""What other columns end in, and names of words therefore do not."""
WORD_DIGITS = 6
"""Decimals that text formats keep of a word's score."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upright image, which are square; (0, 0) is the image's top left corner."""

    left: float
    top: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height

    def overlap(self, other: Box) -> float:
        """Return intersection over union, 0–1."""
        wide = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        high = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        shared = max(0.0, wide) * max(0.0, high)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """One face in one frame; a frame without a face gives one record whose `box` is None.

    Attributes:
        source: path as given, or 'archive.zip/member'.
        frame: number of the decoded frame, from 0; photos: 0.
        time_s: presentation time in seconds; photos: 0.
        track: identity over frames of one video; None in photos.
        face_score: the detector's confidence, 0–1; None where the caller gave the box.
        box: pixels of the upright image.
        landmarks: five points (x, y) in pixels of the upright image, in the order of `LANDMARKS`.
        roll: tilt of the line through the eyes, degrees, positive clockwise as seen.
        face_size: square root of the box's area, pixels.
        sharpness: detail of the aligned crop, 0–1 (see `kaoiro.faces.quality`).
        expression: the most probable expression.
        confidence: its calibrated probability, 0–1.
        scores: further measurements by column name, such as 'expression_fear'; what the model does not answer is not
            there: valence, arousal and action units come only from models that have heads for them.
    """

    source: str
    frame: int
    time_s: float
    track: int | None = None
    face_score: float | None = None
    box: Box | None = None
    landmarks: tuple[tuple[float, float], ...] | None = None
    roll: float | None = None
    face_size: float | None = None
    sharpness: float | None = None
    expression: str | None = None
    confidence: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def has_face(self) -> bool:
        """Whether this row describes a face."""
        return self.box is not None

    def row(self) -> dict[str, Value]:
        """Return the record as one flat row, a value (or None) for every column of `COLUMNS`."""
        row: dict[str, Value] = dict.fromkeys(column.name for column in COLUMNS)
        row |= {name: getattr(self, name) for name in _PLAIN}
        if self.box is not None:
            box = self.box
            row |= {"box_left": box.left, "box_top": box.top, "box_width": box.width, "box_height": box.height}
        for name, point in zip(LANDMARKS, self.landmarks or (), strict=False):
            row[f"{name}_x"], row[f"{name}_y"] = point
        return row | dict(self.scores)


@dataclass(frozen=True)
class Column:
    """One column of the records.

    Attributes:
        digits: decimals that text formats keep; None keeps all.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    digits: int | None = None


def _landmark_columns() -> list[Column]:
    return [
        Column(f"{name}_{axis}", "number", "pixels", f"{name.replace('_', ' ')}, {axis}", 2)
        for name in LANDMARKS
        for axis in "xy"
    ]


def expression_column(label: str) -> str:
    """Return the column of an expression's probability."""
    return f"expression_{label}"


def smooth_column(label: str) -> str:
    """Return the column of an expression's probability after smoothing over time."""
    return smoothed(expression_column(label))


def smoothed(column: str) -> str:
    """Return the column in which another one stands after smoothing over time."""
    return f"{column}_smooth"


def changed(column: str) -> str:
    """Return the column in which stands how far another one is from the person's resting face."""
    return f"{column}_change"


def word_column(name: str) -> str:
    """Return the column of a word of the user's own."""
    return f"{WORD}{name}"


def is_word(column: str) -> bool:
    """Whether a column is that of a word, of single frames or smoothed over time; `COLUMNS` has none of them."""
    return column.startswith(WORD)


def spread_column(label: str) -> str:
    """Return the column of the standard deviation of valence or arousal."""
    return f"{label}_sd"


def _affect_columns() -> list[Column]:
    meanings = {
        "valence": "how unpleasant (-1) or pleasant (1) the face looks; empty if the model does not say",
        "arousal": "how calm (-1) or excited (1) it looks",
    }
    spread = "predictive standard deviation of {} in a single frame"
    means = [Column(label, "number", "-1–1", meanings[label], 6) for label in AFFECT.labels]
    spreads = [Column(spread_column(label), "number", "≥ 0", spread.format(label), 6) for label in AFFECT.labels]
    return means + spreads


def _unit_column(unit: str) -> Column:
    meaning = f"probability that {unit_title(unit)} is visible, see below; not its intensity"
    return Column(unit, "number", "0–1", meaning, 6)


def _change_columns() -> list[Column]:
    """Return how far every measurement is from the person's resting face: differences, in units of the measurement."""
    without = "; empty without a baseline"
    meaning = "probability of {} minus that of the person's resting face" + without
    expressions = [(changed(expression_column(label)), "-1–1", meaning.format(label)) for label in EXPRESSIONS.labels]
    affect = [
        (changed(label), "-2–2", f"{label} minus that of the person's resting face{without}") for label in AFFECT.labels
    ]
    units = [(changed(unit), "-1–1", meaning.format(f"AU {unit_number(unit)}")) for unit in MEASURED_UNITS.labels]
    return [Column(name, "number", unit, words, 6) for name, unit, words in (*expressions, *affect, *units)]


SMOOTHED = (*map(expression_column, EXPRESSIONS.labels), *AFFECT.labels, *MEASURED_UNITS.labels)
"""Columns that are also written after smoothing over time."""
CHANGED = SMOOTHED
"""Columns of which the difference from the person's resting face is also written."""
SUPPORT = "smooth_support"
"""Column: how much of the smoothing window was there."""
COLUMNS: tuple[Column, ...] = (
    Column("source", "text", "", "path as given; inside archives 'archive.zip/member'"),
    Column("frame", "integer", "", "number of the decoded frame, from 0; photos: 0"),
    Column("time_s", "number", "seconds", "presentation time from the stream's timestamps; photos: 0", 6),
    Column("track", "integer", "", "one face over the frames of one video; empty in photos"),
    Column("face_score", "number", "0–1", "the detector's confidence; empty where the caller gave the box", 4),
    Column("box_left", "number", "pixels", "left edge of the face in the upright image", 2),
    Column("box_top", "number", "pixels", "top edge", 2),
    Column("box_width", "number", "pixels", "width", 2),
    Column("box_height", "number", "pixels", "height", 2),
    *_landmark_columns(),
    Column("roll", "number", "degrees", "tilt of the line through the eyes, clockwise positive", 2),
    Column("face_size", "number", "pixels", "square root of the box's area", 2),
    Column("sharpness", "number", "0–1", "detail of the aligned crop; low values mean blur or low resolution", 4),
    Column("expression", "text", "", "most probable expression; empty without a face"),
    Column("confidence", "number", "0–1", "calibrated probability of that expression", 6),
    *(
        Column(expression_column(label), "number", "0–1", f"calibrated probability of {label}; the eight sum to 1", 6)
        for label in EXPRESSIONS.labels
    ),
    *_affect_columns(),
    *map(_unit_column, MEASURED_UNITS.labels),
    *(
        Column(smooth_column(label), "number", "0–1", f"the same for {label}, smoothed over time; empty in photos", 6)
        for label in EXPRESSIONS.labels
    ),
    *(
        Column(smoothed(label), "number", "-1–1", f"the same for {label}, smoothed over time; empty in photos", 6)
        for label in AFFECT.labels
    ),
    *(
        Column(smoothed(unit), "number", "0–1", f"the same for AU {unit_number(unit)}, smoothed; empty in photos", 6)
        for unit in MEASURED_UNITS.labels
    ),
    Column(
        SUPPORT, "number", "0–1", "share of the smoothing window in which the face was seen; lower at a track's ends", 2
    ),
    *_change_columns(),
)
"""All columns in the order in which they are written."""

_PLAIN = [
    "source",
    "frame",
    "time_s",
    "track",
    "face_score",
    "roll",
    "face_size",
    "sharpness",
    "expression",
    "confidence",
]  # fields that are columns under their own name
