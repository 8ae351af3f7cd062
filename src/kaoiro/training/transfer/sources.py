"""Where the pictures of targets come from, and how each is divided into parts before any face is looked for.

* rendered: a `syn-ward` set, as it is divided.
* degraded: pictures of FER2013 that its networks did not learn from, made worse (see `worse`), with the majority of
  the FER+ votes where that is one of FER2013's seven classes. These are crops already: no face is looked for.
* generated: DiffusionFER with the annotated expression. Nobody is named; near copies stay together.
* london: neutral and smiling (happiness) portraits, divided by person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FER2013
from kaoiro.data.datasets import diffusion, fer2013, london, synthetic
from kaoiro.data.splits import alike, apart, joined, stratified_holdout
from kaoiro.evaluation.audit import seeing, twins
from kaoiro.evaluation.audit.labelled_set import digest
from kaoiro.evaluation.crops import MARGIN
from kaoiro.faces import photo
from kaoiro.inference.classifier import prepare_crops
from kaoiro.training.transfer.worse import worsened

Held = Literal["training-val", "PublicTest"]
"""Which pictures of FER2013 are made worse: the tenth of Training that is never learned from, or PublicTest."""
WARD = "syn-ward"
SPLITS = ("train", "val", "test")
LEARNED, CHECKED = 958, 436
"""Most pictures of 'degraded' to learn from and to choose by: those of SFEW."""
DEGRADED, GENERATED, LONDON = (0.4, 0.18, 0.42), (0.5, 0.2, 0.3), (40 / 102, 20 / 102, 42 / 102)
"""Shares of the parts; those of 'degraded' where there are fewer pictures than `LEARNED` and `CHECKED` ask."""


@dataclass(frozen=True, eq=False)
class Source:
    """N pictures.

    Attributes:
        about: what they are and whose labels they carry.
        divided: how into parts.
        labels: K names, in the order of FER2013.
        pictures: read when they are gone through: (H, W, 3) RGB, uint8; crops (H, W) grey where they are `whole`.
        truth: (N,) int64, place among the labels.
        groups: (N,) str, what is never divided: a person; copies, near copies where nobody is named.
        part: (N,) int64, 0 to learn from, 1 to choose by, 2 to measure on.
        named: whether groups are people.
        whole: whether pictures are crops already.
    """

    about: str
    divided: str
    labels: tuple[str, ...]
    pictures: Iterable[np.ndarray]
    truth: np.ndarray
    groups: np.ndarray
    part: np.ndarray
    named: bool
    whole: bool = False


def rendered(root: str | Path) -> Source:
    """Read a `syn-ward` set.

    Raises:
        DataError: no finished set, or another one.
    """
    data = synthetic.read(root)
    found = data.settings.get("set")
    if found != WARD:
        raise DataError(f"{root} holds the set {found}; the target wants {WARD}: kaoiro synth {WARD} --out DIR")
    rows, table = data.select(SPLITS), data.table
    return Source(
        f"rendered faces of the set {WARD} with the expressions they were drawn with",
        "by person, as the set is",
        FER2013.labels,
        (data.pixels(rows[start : start + 1])[0] for start in range(len(rows))),
        np.array(FER2013.indices(table["expression"].iloc[rows]), np.int64),
        table["subject"].to_numpy(str)[rows],
        np.array([SPLITS.index(split) for split in table["split"].iloc[rows]], np.int64),
        named=True,
    )


def degraded(root: str | Path, held: Held) -> Source:
    """Read pictures of FER2013 and make them worse.

    Raises:
        DataError: files are missing or not in the documented layout, or have no votes or no such pictures.
    """
    data = fer2013.read(root)
    if data.votes is None:
        raise DataError(f"{root}: FER+ labels need {fer2013.VOTES} beside {fer2013.TABLE}")
    kept = _held(data, held)
    assert kept.votes is not None
    classes = fer2013.majority_labels(kept.votes)
    rows = np.flatnonzero((classes >= 0) & (classes < len(FER2013)) & (kept.images.std(axis=(1, 2)) > 0))
    keys = np.array([key.hex() for key in kept.image_keys()[rows].tolist()])
    if not len(rows):
        raise DataError(f"{root}: no picture of {held} has a majority of FER+ votes for one of the seven classes")
    learned, checked = (
        min(count / len(rows), share) for count, share in zip((LEARNED, CHECKED), DEGRADED[:2], strict=True)
    )
    return Source(
        f"pictures of FER2013 ({held}) made worse (light from one side, fewer pixels, blur, noise, JPEG) with the "
        "majority of the FER+ votes; they are crops already, so all framings are the same",
        "at random, each class alike, copies together",
        FER2013.labels,
        worsened(kept.images[rows]),
        classes[rows],
        keys,
        apart(keys, classes[rows], (learned, checked, 1 - learned - checked)),
        named=False,
        whole=True,
    )


def _held(data: fer2013.Fer2013, held: Held) -> fer2013.Fer2013:
    """Return the rows that networks of FER2013 did not learn from, nor from a copy of them."""
    training = data.part(fer2013.LEARNED)
    if held == "training-val":
        return training.rows(stratified_holdout(training.image_keys(), training.labels))
    public = data.part(held)
    return public.rows(~np.isin(public.image_keys(), training.image_keys()))


def generated(root: str | Path) -> Source:
    """Read DiffusionFER.

    Raises:
        DataError: files are missing or not in the documented layout.
        InputError: a picture cannot be read.
    """
    found = diffusion.read(root)
    labels, truth = _classes([one.expression for one in found])
    pictures = [photo.read(one.data, f"{root}, {one.file}") for one in found]
    groups = _near([one.subject for one in found], pictures)
    return Source(
        "faces made by a diffusion model (DiffusionFER) with the annotators' expression",
        "at random, each class alike, near copies together",
        labels,
        (_widened(pixels) for pixels in pictures),
        truth,
        groups,
        apart(groups, truth, GENERATED),
        named=False,
    )


def _near(subjects: list[str], pictures: list[np.ndarray]) -> np.ndarray:
    """Return the group of each picture, (N,) str: copies, near copies, and what is called the same."""
    digests = np.array([digest(pixels) for pixels in pictures])
    grey = np.stack([prepare_crops(pixels[None], seeing.SIDE, 1)[0] for pixels in pictures])
    pairs = twins.near(grey, digests, np.arange(len(pictures)))
    names = np.array(subjects)
    return names[joined(len(names), alike(names), alike(digests), (pairs.first, pairs.second))]


def _widened(pixels: np.ndarray) -> np.ndarray:
    """Return a picture with more of its border around it: faces are cut so closely that a detector misses them."""
    rim = round(MARGIN * len(pixels))
    return np.pad(pixels, ((rim, rim), (rim, rim), (0, 0)), mode="edge")


def portraits(root: str | Path) -> Source:
    """Read the London set.

    Raises:
        DataError: files are missing or not in the documented layout.
    """
    found = london.read(root)
    labels, truth = _classes(["happiness" if one.smiling else "neutral" for one in found])
    groups = np.array([one.subject for one in found])
    return Source(
        "photographs of adults (London set), neutral or smiling as they were asked to be",
        "by person",
        labels,
        _read(found, root),
        truth,
        groups,
        apart(groups, truth, LONDON),
        named=True,
    )


def _read(found: list[london.Portrait], root: str | Path) -> Iterator[np.ndarray]:
    for one in found:
        yield photo.read(one.data, f"{root}, {one.file}")


def _classes(names: list[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the labels that occur, in the order of FER2013, and the place of each name among them."""
    labels = tuple(label for label in FER2013.labels if label in names)
    return labels, np.array([labels.index(name) for name in names], np.int64)
