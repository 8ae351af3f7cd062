"""System D improved: what a network answers of a video, smoothed over time; with the tasks coupled where that is asked.

Source: coupling of Kollias et al., "Distribution Matching for Heterogeneous Multi-Task Learning", arXiv 2105.03790;
        smoothing as in `timeline.smoothing`.
Added:  how far smoothing reaches is chosen on the people of 'val', by P.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from kaoiro.core.faces import Faces
from kaoiro.evaluation.multitask import Answers, summed
from kaoiro.families.multitask_affect.objective import Objective
from kaoiro.timeline.smoothing import parabola
from kaoiro.training.multitask import Answering, Budget, Trial, decided, learned, values
from kaoiro.training.videos import Videos, truth

LENGTHS = (1, 3, 5, 7, 11)
"""Thinned frames of a centred window, of which the best on 'val' is taken; 1 does not smooth."""


def learn(trial: Trial, budget: Budget, videos: Videos) -> Answering:
    """Learn a trial of all three tasks, choose the window, and return what answers for it."""
    objective, held = learned(trial, budget, videos), videos.validation
    assert held.subjects is not None
    said, true, people = values(objective, held.pixels), truth(held), held.subjects

    def score(length: int) -> float:
        return float(summed(true, decided(smoothed(said, _clips(held), length)), people).figure("P"))

    return partial(answers, objective, max(LENGTHS, key=score))


def answers(objective: Objective, length: int, faces: Faces) -> Answers:
    """Return what a network answers of videos, from what it says of the frames around each."""
    return decided(smoothed(values(objective, faces.pixels), _clips(faces), length))


def smoothed(said: dict[str, np.ndarray], clips: np.ndarray, length: int) -> dict[str, np.ndarray]:
    """Smooth within each clip, whose frames are in order of time.

    Args:
        said: by head (N, K), of `multitask.values`.
        clips: (N,) of the frames.
        length: frames of a centred window with the weights of a parabola.
    """
    result = {name: table.astype(np.float64) for name, table in said.items()}
    for clip in np.unique(clips):
        rows = np.flatnonzero(clips == clip)
        for table in result.values():
            table[rows] = parabola(table[rows], length, centred=True)
    return result


def _clips(faces: Faces) -> np.ndarray:
    assert faces.clips is not None
    return faces.clips
