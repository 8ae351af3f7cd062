"""How many updates each stage of a transfer has, such that all conditions make equally many."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from kaoiro.core.checks import at_least
from kaoiro.core.labels import EXPRESSION
from kaoiro.data.source import LearningData

EPOCHS = 20
"""Of a stage, at most: after each, the held-out faces are asked."""
PASSES = 2
"""Over the faces in an epoch, at least: with fewer, some would never be learned from."""
PATIENCE = 4
"""A stage that is judged by the target stops after a quarter of its epochs without a better one."""


@dataclass(frozen=True)
class Schedule:
    """Updates by stage, and faces in each.

    Attributes:
        zero: of stage 0, self-supervised.
        first: of stage 1.
        second: of stage 2.
        batch: faces of an update, in stages 1 and 2.
    """

    zero: int
    first: int
    second: int
    batch: int

    def __post_init__(self) -> None:
        for name in ("zero", "first", "second", "batch"):
            at_least(f"updates ({name})" if name != "batch" else name, 1, getattr(self, name))

    @property
    def single(self) -> int:
        """Updates of a condition that has one stage after stage 0: as many as the others have in two."""
        return self.first + self.second

    def asdict(self) -> dict[str, int]:
        """Return the schedule as JSON has it."""
        return asdict(self)

    def scaled(self, share: float) -> Schedule:
        """Return a schedule with a share of the updates of stages 0 and 1; stage 2 is short already."""
        return replace(self, zero=max(1, round(share * self.zero)), first=max(1, round(share * self.first)))


@dataclass(frozen=True, eq=False)
class Course:
    """Learning data and how often it is gone through.

    Attributes:
        data: whose training faces fill one epoch exactly, most of them several times.
        epochs: of equal numbers of updates.
        patience: epochs without a better one after which it stops; 0 never stops and keeps the last.
    """

    data: LearningData
    epochs: int
    patience: int


def course(data: LearningData, updates: int, batch: int, seed: int, judged: bool) -> Course:
    """Return how data is gone through in so many updates, all faces (nearly) equally often.

    Args:
        data: N training faces.
        updates: in all.
        batch: faces of each; fewer, if there are fewer faces.
        seed: of which faces come once more.
        judged: whether the held-out faces are of the target, so that they may say which epoch is the best.
    """
    count = len(data.training)
    epochs = max(1, min(EPOCHS, updates, int(updates * batch / count / PASSES)))
    filled = replace(data, training=data.training.rows(_filled(data, round(updates / epochs) * batch, seed)))
    return Course(filled, epochs, max(1, epochs // PATIENCE) if judged else 0)


def _filled(data: LearningData, wanted: int, seed: int) -> np.ndarray:
    """Return rows: all of them as often as they go into `wanted`, and a random rest."""
    count, rng = len(data.training), np.random.default_rng(seed)
    whole = np.tile(np.arange(count), wanted // count)
    return np.concatenate([whole, np.sort(rng.permutation(count)[: wanted % count])])


def labels_of(data: LearningData) -> tuple[str, ...]:
    """Return the labels that the data teaches."""
    return data.vocabularies[EXPRESSION].labels


def told(schedule: Schedule) -> dict[str, Any]:
    """Return the schedule in words and numbers for a results page."""
    return {
        "updates of stage 0": schedule.zero,
        "updates of stage 1": schedule.first,
        "updates of stage 2": schedule.second,
        "updates of conditions with one stage": schedule.single,
        "faces of an update": schedule.batch,
    }
