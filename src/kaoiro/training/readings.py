"""From what a network says of faces to what it answers: thresholds and a window of time, both chosen on 'val'.

Source: smoothing as in `timeline.smoothing`.
Added:  a threshold for each action unit, that of the best F1: losses that weigh rare units up raise what a network
        says, so that one half would count most faces as showing them. All networks of a comparison are read alike.
Legend: F faces, U action units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, UNITS_HEAD
from kaoiro.evaluation.multitask import Answers, Sums, summed
from kaoiro.timeline.smoothing import parabola
from kaoiro.training.videos import truth

LENGTHS = (1, 3, 5, 9, 15, 25)
"""Frames of a centred window, of which the best on 'val' is taken; 1 does not smooth."""
_OPTIONS = 200  # thresholds tried for each unit
Said = Mapping[str, np.ndarray]
"""Of `multitask.values`: 'affect' (F, 2), 'expression' (F, 7) shares, 'units' (F, U) probabilities."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What came of a network's answers.

    Attributes:
        test: summed up for the people of 'test'.
        validation: likewise of 'val', on which thresholds and window were chosen.
        window: frames; 1 where nothing was smoothed.
    """

    test: Sums
    validation: Sums
    window: int = 1


def thresholds(said: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return for each unit the threshold of the best F1: (U,).

    Args:
        said: (F, U) probabilities.
        shown: (F, U) bool.
    """
    found = np.full(said.shape[1], 0.5)
    for unit, (column, there) in enumerate(zip(said.T, shown.T, strict=True)):
        options = np.unique(np.quantile(column.astype(np.float64), np.linspace(0, 1, _OPTIONS)))
        options = (options[1:] + options[:-1]) / 2  # between what is said
        if not there.any() or not len(options):
            continue
        answered = column[:, None] > options
        scores = 2 * (answered & there[:, None]).sum(axis=0) / (answered.sum(axis=0) + there.sum())
        found[unit] = options[scores.argmax()]
    return found


def decided(said: Said, least: np.ndarray | None = None) -> Answers:
    """Return answers: the likeliest class, presence of a unit above its threshold.

    Args:
        said: of the heads that a network has.
        least: (U,) thresholds; None takes one half.
    """
    return Answers(
        said.get(AFFECT_HEAD),
        said[EXPRESSION].argmax(axis=1) if EXPRESSION in said else None,
        said[UNITS_HEAD] > (0.5 if least is None else least) if UNITS_HEAD in said else None,
    )


def read(said: Said, held: Faces, asked: Said, faces: Faces) -> Reading:
    """Read answers with the thresholds that are best on 'val'.

    Args:
        said: of the faces of 'val'.
        held: these faces, with all labels.
        asked: of the faces of 'test'.
        faces: these, likewise.
    """
    shown = truth(held).units
    least = thresholds(said[UNITS_HEAD], shown) if UNITS_HEAD in said and shown is not None else None
    return Reading(_summed(asked, faces, least), _summed(said, held, least))


def steadied(said: Said, held: Faces, asked: Said, faces: Faces) -> Reading:
    """Read answers smoothed over time, with the window of the best P on 'val'; arguments as of `read`."""
    smooth = {length: smoothed(said, _clips(held), length) for length in LENGTHS}

    def score(length: int) -> float:
        return float(read(smooth[length], held, smooth[length], held).validation.figure("P"))

    best = max(LENGTHS, key=score)
    found = read(smooth[best], held, smoothed(asked, _clips(faces), best), faces)
    return Reading(found.test, found.validation, best)


def smoothed(said: Said, clips: np.ndarray, length: int) -> dict[str, np.ndarray]:
    """Smooth within each clip, whose frames are in order of time.

    Args:
        said: by head.
        clips: (F,) of the frames.
        length: frames of a centred window with the weights of a parabola.
    """
    result = {name: table.astype(np.float64) for name, table in said.items()}
    for clip in np.unique(clips):
        rows = np.flatnonzero(clips == clip)
        for table in result.values():
            table[rows] = parabola(table[rows], length, centred=True)
    return result


def _summed(said: Said, faces: Faces, least: np.ndarray | None) -> Sums:
    assert faces.subjects is not None
    return summed(truth(faces), decided(said, least), faces.subjects)


def _clips(faces: Faces) -> np.ndarray:
    assert faces.clips is not None
    return faces.clips
