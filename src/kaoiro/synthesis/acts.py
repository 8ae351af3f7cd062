"""Acts: what a face does with eyes, brows and mouth, each apart from the others and some on one side alone.

Expressions of the prototype tables neither wink nor smirk nor yawn. A clip of acts takes one of each table below,
independently, so that nothing of the mouth tells what the eyes do. Many of them are there to be mistaken for others:
lids that follow a look down, narrowed eyes, a mouth that moves sideways, a jaw that drops no further than AU 26.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from kaoiro.core.labels import ACTION_UNITS
from kaoiro.synthesis.action_units import STRETCH, column
from kaoiro.synthesis.difficulty import Difficulty, Range
from kaoiro.synthesis.motion import ramp
from kaoiro.synthesis.nuisance import LEAN
from kaoiro.synthesis.prototypes import NEUTRAL
from kaoiro.synthesis.script import Script, expression_clip
from kaoiro.synthesis.seeds import stream

STRONG, FULL, SLIGHT = (0.4, 1.0), (0.7, 1.0), (0.0, 0.5)
LEFT_OVER = 0.15
"""Share, at most, of what one side does alone that the other side does."""


@dataclass(frozen=True)
class Act:
    """What a part of the face does at the apex of a clip; ranges of intensities are drawn from.

    Attributes:
        share: of clips, relative to the other acts of its table.
        both: by FACS number, on both sides alike.
        one: by FACS number, on one side, which is drawn for each clip.
        stretch: of the mouth (AU 27).
        shapes: further blendshapes; of several, `one_of` are drawn.
        one_of: number of shapes that are drawn; 0 takes all.
        down: degrees of a look down.
    """

    share: float = 1.0
    both: Mapping[int, Range] = field(default_factory=dict)
    one: Mapping[int, Range] = field(default_factory=dict)
    stretch: Range = (0.0, 0.0)
    shapes: Mapping[str, Range] = field(default_factory=dict)
    one_of: int = 0
    down: Range = (0.0, 0.0)


EYES: Mapping[str, Act] = {
    "open": Act(4),
    "wide": Act(1, {5: STRONG}),
    "closed": Act(3, {43: FULL}),
    "closed tightly": Act(0.5, {43: FULL, 6: STRONG, 7: STRONG}),
    "half closed": Act(1, {43: (0.3, 0.6)}),
    "wink": Act(2, one={43: FULL}),
    "wink with the cheek": Act(1, one={43: FULL, 6: STRONG, 12: SLIGHT}),
    "narrowed": Act(1.5, {7: STRONG, 6: SLIGHT}),
    "look down": Act(1.5, down=(12.0, 30.0)),
}
BROWS: Mapping[str, Act] = {
    "rest": Act(5),
    "raised": Act(1.5, {1: STRONG, 2: STRONG}),
    "lowered": Act(1.5, {4: STRONG}),
    "oblique": Act(1, {1: STRONG, 4: SLIGHT}),
    "one raised": Act(2, one={2: STRONG, 1: SLIGHT}),
}
MOUTH: Mapping[str, Act] = {
    "rest": Act(3),
    "smile": Act(1.5, {12: STRONG, 6: SLIGHT}),
    "broad smile": Act(1.5, {12: FULL, 6: STRONG, 25: STRONG, 26: SLIGHT}),
    "smile of one side": Act(2.5, one={12: STRONG}),
    "open smile of one side": Act(0.5, {25: SLIGHT}, {12: STRONG}),
    "dimple": Act(1, {14: STRONG}),
    "dimple of one side": Act(1.5, one={14: STRONG}),
    "smile and dimple of one side": Act(1, one={12: STRONG, 14: STRONG}),
    "yawn": Act(2, {26: (1.0, 1.0), 25: STRONG}, stretch=(0.3, 1.0)),
    "jaw drop": Act(1.5, {26: STRONG, 25: SLIGHT}),
    "talk": Act(1, {25: STRONG, 26: SLIGHT}, shapes={"mouthFunnel": (0.1, 0.6), "mouthPucker": (0.1, 0.6)}, one_of=1),
    "pucker": Act(0.5, shapes={"mouthPucker": STRONG}),
    "sideways": Act(1, shapes={"mouthLeft": STRONG, "mouthRight": STRONG}, one_of=1),
    "lip of one side": Act(0.7, one={10: STRONG, 9: SLIGHT}),
    "corner down of one side": Act(0.7, one={15: STRONG, 20: SLIGHT}),
    "corners down": Act(1, {15: STRONG, 17: STRONG}),
    "lips stretched": Act(0.7, {20: STRONG, 25: SLIGHT}),
    "lip and nose": Act(0.7, {9: STRONG, 10: STRONG}),
}


def act_clip(
    subject: str, clip: str, level: str, seed: int, difficulty: Difficulty, *, variable_rate: bool = False
) -> Script:
    """Write one clip: rest → onset → apex → offset → rest, in which eyes, brows and mouth do one thing each.

    The expression is called neutral throughout, with valence and arousal 0: acts have no truth about them.

    Args:
        subject: who.
        clip: which; unique within the subject.
        level: nuisance level.
        seed: of the whole set.
        difficulty: all numbers.
        variable_rate: draw irregular time stamps.

    Raises:
        InputError: unknown level, or a negative seed.
    """
    rest = expression_clip(subject, clip, NEUTRAL, level, (0.0, 0.0), seed, difficulty, variable_rate=variable_rate)
    draw, timing, time_s = partial(stream, seed, subject, clip), difficulty.timing, rest.time_s
    spans, phases = (timing.onset, timing.apex, timing.offset), draw("act timing")
    course = ramp(time_s, float(time_s[len(time_s) // 2]), *(phases.uniform(*span) * time_s[-1] for span in spans))
    units, gaze, shapes = np.zeros((2, len(ACTION_UNITS))), rest.gaze.copy(), dict[str, np.ndarray]()
    for name, table in {"eyes": EYES, "brows": BROWS, "mouth": MOUTH}.items():
        rng = draw(f"act of {name}")
        shares = np.array([act.share for act in table.values()])
        act = tuple(table.values())[rng.choice(len(table), p=shares / shares.sum())]
        units = np.maximum(units, _units(act, difficulty.level(level).asymmetry_sd, rng))
        gaze[:, 1] -= course * rng.uniform(*act.down)
        shapes |= {shape: course * weight for shape, weight in _shapes(act, rng).items()}
    shown = np.maximum(rest.units, course[:, None, None] * units)
    return replace(rest, units=np.clip(shown, 0, 1).astype(np.float32), gaze=gaze, shapes=shapes)


def _units(act: Act, asymmetry_sd: float, rng: np.random.Generator) -> np.ndarray:
    """Return (2, 20) intensities at the apex; what both sides do leans to one as in all clips."""
    units = np.zeros((2, len(ACTION_UNITS)))
    for unit, span in act.both.items():
        lean = asymmetry_sd * float(np.clip(rng.standard_normal(), -LEAN, LEAN))
        units[:, column(unit)] = rng.uniform(*span) * np.array([1 + lean / 2, 1 - lean / 2])
    side, rest = int(rng.integers(2)), float(rng.uniform(0, LEFT_OVER))
    for unit, span in act.one.items():
        units[:, column(unit)] = rng.uniform(*span) * np.where(np.arange(2) == side, 1.0, rest)
    return units


def _shapes(act: Act, rng: np.random.Generator) -> dict[str, float]:
    """Return the weights of further blendshapes at the apex."""
    names = list(act.shapes)
    if act.one_of:
        names = [names[which] for which in rng.choice(len(names), act.one_of, replace=False)]
    weights = {name: float(rng.uniform(*act.shapes[name])) for name in names}
    stretch = float(rng.uniform(*act.stretch))
    return weights | {name: stretch * weight for name, weight in STRETCH.items() if stretch}
