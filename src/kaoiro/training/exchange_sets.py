"""The rendered sets of system B, read when they are asked for: people to learn from, people to measure on, swaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.codes import Codes
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.data.datasets import synthetic
from kaoiro.data.datasets.synthetic import Synthetic
from kaoiro.data.subjects import People, SubjectsConfig, held_out
from kaoiro.evaluation import people as reading
from kaoiro.evaluation.renders import renders
from kaoiro.evaluation.separation import SeparationConfig, separation

LEARNED, SWAPS = ("syn-id", "syn-posed"), "syn-swap"
"""Sets to learn from: their people are the same, and those of `SWAPS` are some of their unseen ones."""
FOLDS = SubjectsConfig().folds
"""Parts of the training people, of which a run keeps one back."""
CROP = SubjectsConfig().geometry
"""Where faces lie in what runs learn from and are measured on."""


class Sets:
    """Both sets; crops are kept on disk, and in memory for the fold that was asked for last.

    Args:
        root: folder of the sets.
        cache: folder that keeps crops.
        people: which of `LEARNED` is learned from.

    Raises:
        DataError: no such sets, or sets of another kind.
    """

    def __init__(self, root: Path, cache: Path, people: str = LEARNED[0]) -> None:
        self.root, self.cache, self.name = root, cache, people
        self.identities, self.swaps = _read(root, people), _read(root, SWAPS)
        self._people: dict[int, tuple[int, People]] = {}
        self._swapped: dict[int, Faces] = {}

    @property
    def about(self) -> dict[str, Any]:
        """What identifies the sets."""
        settings = self.identities.settings
        return {
            "set": {key: settings.get(key) for key in ("set", "seed", "scale", "size")},
            "set sha256": settings["finished"].get("sha256"),
            "swaps sha256": self.swaps.settings["finished"].get("sha256"),
            "crop": CROP.name,
        }

    def config(self, data: SubjectsConfig, fold: int) -> SubjectsConfig:
        """Return what a run learns from that keeps a fold back."""
        return replace(data, root=str(self.root / self.name), fold=fold, folds=FOLDS, cache=str(self.cache))

    def people(self, fold: int, side: int) -> People:
        """Return the people without a fold ('training', 'seen') and those of the fold ('unseen').

        Args:
            fold: 0 to `FOLDS` - 1.
            side: of the crops, pixels.
        """
        if side not in self._people or self._people[side][0] != fold:
            self._people.pop(side, None)  # both together would need twice the memory
            self._people[side] = fold, reading.read(self.config(SubjectsConfig(), fold), side)
        return self._people[side][1]

    def swap(self, side: int) -> Faces:
        """Return all faces of syn-swap, crops of `side` pixels."""
        if side not in self._swapped:
            rows = np.arange(len(self.swaps))
            self._swapped[side] = reading.rendered(self.swaps, rows, side, CROP, self.cache)
        return self._swapped[side]

    def trained(self, fold: int) -> np.ndarray:
        """Return the rows of syn-id that runs without a fold are measured on as 'train'."""
        rows = self.identities.select(reading.TRAINED, "evaluation")
        names = self.identities.table["subject"].to_numpy(str)[rows]
        return rows[~held_out(names, self.config(SubjectsConfig(), fold))]

    def check(self, side: int, config: SeparationConfig) -> None:
        """Refuse sets that are too small to be measured on, before hours are spent.

        Args:
            side: of the crops, pixels.
            config: of the measurements.

        Raises:
            DataError: there are too few people, clips or faces in syn-id, or syn-swap lacks some.
        """
        renders(self.swap(side))
        quick, people = replace(config, runs=1, further=1, hidden=0), self.people(0, side)
        for faces in (people.seen, people.unseen):
            noise = np.random.default_rng(0).normal(size=(len(faces), 2)).astype(np.float32)
            try:
                separation(Codes(noise[:, :0], noise), faces, quick)
            except InputError as error:
                few = f"{self.identities.root} is too small to be measured on in {FOLDS} folds: {error}"
                raise DataError(f"{few}; make the set with a larger --scale") from error


def _read(root: Path, name: str) -> Synthetic:
    data = synthetic.read(root / name)
    if data.settings.get("set") != name:
        raise DataError(f"{data.root} is a set of {data.settings.get('set')}; name one made by `kaoiro synth {name}`")
    if not isinstance(data.settings.get("finished"), dict):
        raise DataError(f"{data.root} is not a finished set; repeat `kaoiro synth {name} --out {data.root}`")
    return data
