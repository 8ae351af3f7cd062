"""The videos of a rendered syn-mt set to learn from: thinned, aligned, and with a share of their labels.

Labels: every video has valence and arousal; some also have action units, others expressions, none has both.
Share:  a fraction of the labels is a fraction of the *videos* of each kind (with action units, with expressions, with
        neither), drawn by the seed of the run, so that a smaller fraction's videos are among those of a larger one.
        Where fewer than two videos of a kind would remain (1 % of 42 is none), two remain with so many frames, at equal
        intervals, as the fraction is worth: concordance needs several clips, and so does every head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.checks import at_least, require
from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT, AFFECT_HEAD, EXPRESSION, FER2013, UNITS_HEAD
from kaoiro.data.datasets import synthetic
from kaoiro.data.datasets.synthetic import Synthetic
from kaoiro.evaluation.multitask import Answers
from kaoiro.training.signal import aligned

SET = "syn-mt"
EVERY = 4
"""Frames of a video that is learned from: every so many; neighbours show nearly the same."""
LEAST = 2
"""Videos of each kind that keep labels."""
PEOPLE = {"train": 2, "val": 1, "test": 2}
"""At least so many of each split."""
HEADS = (AFFECT_HEAD, EXPRESSION, UNITS_HEAD)


@dataclass(frozen=True, eq=False)
class Videos:
    """Frames of a set: what is learned from, what choices are made on, and what is measured on.

    Attributes:
        training: faces with the labels that the set gives away, thinned.
        validation: faces with all labels.
        test: likewise.
        about: what identifies the set, and how many people and frames there are.
    """

    training: Faces
    validation: Faces
    test: Faces
    about: dict[str, Any]

    @property
    def statistics(self) -> tuple[float, float]:
        """Mean and standard deviation of the training pixels, scaled to 0-1."""
        pixels = self.training.pixels / 255.0
        return round(float(pixels.mean()), 4), round(float(pixels.std()), 4)


def read(root: str | Path, size: int, every: int = EVERY) -> Videos:
    """Read a syn-mt set as aligned grey crops.

    Args:
        root: folder of the set.
        size: side of the crops, pixels.
        every: which frames of a video are learned from; choices and measurements are made on all.

    Raises:
        DataError: no finished syn-mt set, or one of too few people.
        InputError: `every` is below 1.
    """
    at_least("every", 1, every)
    data = synthetic.read(root)
    if data.settings.get("set") != SET:
        raise DataError(f"{root} is a set of {data.settings.get('set')}; name one made by `kaoiro synth {SET}`")
    finished = data.settings.get("finished")
    if not isinstance(finished, dict):
        raise DataError(f"{root} is not a finished set; repeat `kaoiro synth {SET} --out {root}`")
    _check_people(data)
    parts = {split: _faces(data, split, size, every if split == "train" else 1) for split in PEOPLE}
    about: dict[str, Any] = {"set": SET, "set sha256": finished.get("sha256"), "every": every, "size": size}
    for split, faces in parts.items():
        assert faces.subjects is not None
        about |= {f"{split} people": len(np.unique(faces.subjects)), f"{split} frames": len(faces)}
    return Videos(parts["train"], parts["val"], parts["test"], about)


def _check_people(data: Synthetic) -> None:
    counts = data.table.groupby("split")["subject"].nunique().to_dict()
    for split, least in PEOPLE.items():
        if counts.get(split, 0) < least:
            found = f"{data.root} has {counts.get(split, 0)} people of the split {split}, fewer than {least}"
            raise DataError(f"{found}; make the set with a larger --scale")
    own = data.select("train")
    for column, what in (("has_units", "action units"), ("has_expression", "expressions")):
        if len(np.unique(data.clips[own][data.table[column].to_numpy(bool)[own]])) < LEAST:
            few = f"{data.root} has fewer than {LEAST} training videos with labels of {what}"
            raise DataError(f"{few}; make the set with a larger --scale")


def _faces(data: Synthetic, split: str, size: int, every: int) -> Faces:
    """Return the faces of a split; training faces have no labels but those that the set gives away."""
    given = split == "train"
    rows = thinned(data.clips, data.table["frame"].to_numpy(), data.select(split), every)
    table = data.table.iloc[rows]
    frames = aligned(data, rows, f"frames of {split}", size)
    known = {name: table[name].to_numpy(bool) | (not given) for name in ("has_units", "has_expression")}
    units = (frames.units >= float(data.settings.get("unit_active", 0.2))).astype(np.float32)
    classes = np.where(known["has_expression"], frames.expression, -1)
    targets = {
        AFFECT_HEAD: table[list(AFFECT.labels)].to_numpy(np.float32),
        EXPRESSION: _blank(np.eye(len(FER2013), dtype=np.float32)[frames.expression], known["has_expression"]),
        UNITS_HEAD: _blank(units, known["has_units"]),
    }
    return Faces(frames.pixels, targets, {EXPRESSION: classes}, frames.subjects, frames.clips)


def _blank(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.where(known[:, None], values, np.float32(np.nan))


def thinned(clips: np.ndarray, frames: np.ndarray, rows: np.ndarray, every: int) -> np.ndarray:
    """Return every so many of the rows of each clip, in order of time.

    Args:
        clips: (N,) of the whole set.
        frames: (N,) numbers in the clip.
        rows: (K,) to choose from.
        every: 1 or more.
    """
    found = []
    for clip in dict.fromkeys(clips[rows].tolist()):
        own = rows[clips[rows] == clip]
        found.append(own[np.argsort(frames[own], kind="stable")][::every])
    return np.concatenate(found)


def truth(faces: Faces) -> Answers:
    """Return what is true of faces with all labels."""
    targets = faces.targets
    return Answers(targets[AFFECT_HEAD], faces.labels[EXPRESSION], targets[UNITS_HEAD] > 0.5)


def labelled(faces: Faces, heads: Sequence[str], fraction: float = 1.0, seed: int = 0) -> Faces:
    """Return faces that keep labels of some heads, on a fraction of the videos.

    Args:
        faces: of `Videos.training`.
        heads: that are learned; targets of the others are left out.
        fraction: of the labels, above 0 to 1; see the module's head.
        seed: of the choice of videos.

    Returns:
        The same faces; targets are NaN where labels were taken away, and `domains` tell which faces carry labels of the
        same heads: 0 and up, -1 for those that carry none.

    Raises:
        InputError: unknown heads, or a fraction that is none.
    """
    require(set(heads) <= set(HEADS) and len(heads) > 0, "heads", f"some of {', '.join(HEADS)}", ", ".join(heads))
    require(0 < fraction <= 1, "fraction", "above 0, at most 1", fraction)
    kept = _kept(faces, fraction, seed)
    targets = {head: _blank(faces.targets[head], kept) for head in heads}
    classes = {EXPRESSION: np.where(kept, faces.labels[EXPRESSION], -1)} if EXPRESSION in heads else {}
    return replace(faces, targets=targets, labels=classes, domains=_parts(targets))


def _kept(faces: Faces, fraction: float, seed: int) -> np.ndarray:
    """Return which faces keep their labels: (N,) bool."""
    assert faces.clips is not None
    kinds = (~np.isnan(faces.targets[UNITS_HEAD][:, 0])).astype(int) + 2 * (faces.labels[EXPRESSION] >= 0)
    kept = np.zeros(len(faces), bool)
    for kind in np.unique(kinds):
        clips = np.unique(faces.clips[kinds == kind])
        order = np.random.default_rng((seed, int(kind))).permutation(clips)
        count = min(len(clips), max(LEAST, round(fraction * len(clips))))
        share = min(1.0, fraction * len(clips) / LEAST) if count == LEAST else 1.0
        for clip in order[:count]:
            kept[_spread(np.flatnonzero(faces.clips == clip), share)] = True
    return kept


def _spread(rows: np.ndarray, share: float) -> np.ndarray:
    """Return a share of rows at equal intervals, at least one."""
    count = max(1, round(share * len(rows)))
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(int)]


def _parts(targets: dict[str, np.ndarray]) -> np.ndarray:
    """Return by number which heads a face has labels of: (N,) int64, -1 where of none."""
    known = np.stack([~np.isnan(values).any(axis=1) for values in targets.values()], axis=1)
    kinds, part = np.unique(known, axis=0, return_inverse=True)
    some = kinds.any(axis=1)
    return np.where(some, np.cumsum(some) - 1, -1)[part.ravel()]


def batches(parts: np.ndarray, batch: int, steps: int, seed: int) -> np.ndarray:
    """Return the rows of every step, (steps, batch): as many of each part, each gone through again and again.

    Args:
        parts: (N,) as `labelled` gives; -1 is left out.
        batch: faces a step.
        steps: how many.
        seed: of the order.

    Raises:
        InputError: no face has a label.
    """
    numbers = np.unique(parts[parts >= 0])
    require(len(numbers) > 0, "labels", "of at least one face", "none")
    counts = np.full(len(numbers), batch // len(numbers))
    counts[: batch - counts.sum()] += 1
    drawn = []
    for number, count in zip(numbers, counts, strict=True):
        rng, rows = np.random.default_rng((seed, int(number))), np.flatnonzero(parts == number)
        rounds = [rng.permutation(rows) for _ in range(-(-steps * count // len(rows)))]
        drawn.append(np.concatenate(rounds)[: steps * count].reshape(steps, count))
    return np.concatenate(drawn, axis=1)
