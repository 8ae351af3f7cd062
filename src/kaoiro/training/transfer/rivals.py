"""What one would do without `kaoiro adapt`: train on FER2013 and one's own pictures together.

Both rivals begin with the network that is adapted, learn all layers with the settings of the candidate 'all layers',
and make as many steps as one pass over everything has: six times those of 'all layers' for 200 pictures, and more than
those of 'all layers longer'.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FERPLUS
from kaoiro.data.datasets import fer2013
from kaoiro.inference.classifier import prepare_crops
from kaoiro.training.adapting.candidates import NAMES, TUNED, Bench
from kaoiro.training.adapting.material import Material
from kaoiro.training.adapting.start import Start, look
from kaoiro.training.adapting.tuning import answers, batches, follow
from kaoiro.training.transfer.lots import Lot

COMBINED, OVERSAMPLED = RIVALS = ("combined", "oversampled")
"""Pictures in their natural proportion; half of each batch from one's own."""
CONFIG = TUNED["all layers"]


@dataclass(frozen=True, eq=False)
class Web:
    """Faces of FER2013's Training with a majority of the FER+ votes.

    Attributes:
        crops: (N, side, side) uint8.
        truth: (N,) classes of `FERPLUS`.
    """

    crops: np.ndarray
    truth: np.ndarray

    def of(self, labels: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Return the faces with one of these labels, and their places among them."""
        places = np.array([labels.index(name) if name in labels else -1 for name in FERPLUS.labels])[self.truth]
        return self.crops[places >= 0], places[places >= 0]


def web(root: str | Path, side: int) -> Web:
    """Read the faces.

    Raises:
        DataError: files are missing or not in the documented layout, or have no votes.
    """
    data = fer2013.read(root).part(fer2013.LEARNED)
    if data.votes is None:
        raise DataError(f"{root}: FER+ labels need {fer2013.VOTES} beside {fer2013.TABLE}")
    truth = fer2013.majority_labels(data.votes)
    return Web(prepare_crops(data.images[truth >= 0], side, 1), truth[truth >= 0])


def trained(begun: Start, lot: Lot, faces: Web, oversampled: bool, seed: int) -> tuple[np.ndarray, dict[str, int]]:
    """Return what a rival says of the pictures asked about, (M, K) raw outputs, and how much it learned from."""
    own, (crops, truth) = lot.learned, faces.of(lot.learned.labels)
    count, size = len(own), CONFIG.batch
    steps, rng = math.ceil((count + len(crops)) / size), np.random.default_rng(seed)
    order = _halves(count, len(crops), steps, rng) if oversampled else batches(count + len(crops), size, steps, rng)
    every = np.concatenate([own.crops, crops]), np.concatenate([own.truth, truth])
    learned = follow(_begun(begun, own, seed), *every, order, steps, CONFIG, seed).eval()
    return answers(learned, lot.asked.crops), {"faces of FER2013": len(crops), "steps": steps}


def _begun(begun: Start, own: Material, seed: int):
    bench = Bench(begun, own, look(begun, own.crops, own.labels), seed)
    return bench.model(NAMES[0], np.arange(len(own)))


def _halves(own: int, others: int, steps: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield rows of which the first half are one's own."""
    half = CONFIG.batch // 2
    for first, second in zip(batches(own, half, steps, rng), batches(others, half, steps, rng), strict=True):
        yield np.concatenate([first, own + second])
