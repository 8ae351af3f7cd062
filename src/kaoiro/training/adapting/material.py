"""What a model is adapted to: crops with labels, in groups that are never divided."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import Vocabulary
from kaoiro.core.spec import Specification
from kaoiro.data.datasets.own_labels import OwnLabels
from kaoiro.evaluation.audit import seeing, twins
from kaoiro.evaluation.audit.labelled_set import LabelledSet
from kaoiro.inference.classifier import prepare_crops

SURE = 0.5
"""Least score of a face that is cut out of a photograph."""
NO_FACE = "no face found"
LEAST = 2
"""Groups (people, or different pictures) that each label must have."""


@dataclass(frozen=True, eq=False)
class Material:
    """N faces.

    Attributes:
        crops: as the model takes them, uint8.
        truth: (N,) int64 classes.
        labels: K names.
        groups: (N,) what belongs together: a person, copies, near copies.
        people: number of people; 0 where nobody is named.
        left_out: ids of pictures that are not used, by reason.
        nameless: number of faces whose person is not known.
        splits: (N,) as a table has them; None where it has none.
    """

    crops: np.ndarray
    truth: np.ndarray
    labels: tuple[str, ...]
    groups: np.ndarray
    people: int = 0
    left_out: dict[str, list[str]] = field(default_factory=dict)
    nameless: int = 0
    splits: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def rows(self, keep: np.ndarray) -> Material:
        """Return the faces selected by a mask or by indices; what was left out is not repeated."""
        return Material(self.crops[keep], self.truth[keep], self.labels, self.groups[keep], self.people)


def gather(own: OwnLabels, specification: Specification, cut: seeing.Cut, threads: int | None = None) -> Material:
    """Read all pictures and cut the faces out.

    Args:
        own: pictures and labels.
        specification: of the model that is adapted.
        cut: 'detect' takes the largest face of each picture, 'whole' the picture as it is.
        threads: of ONNX Runtime; None leaves it to the runtime.

    Raises:
        DataError: too few faces of a label are left.
    """
    unknown = np.full(len(own), "")
    vocabulary = Vocabulary("own", own.labels)
    names = (own.ids, own.truth, unknown, own.persons, unknown)
    data = LabelledSet("folders", own.source, vocabulary, *names, paths=own.paths)
    seen = seeing.see(data, specification, cut, faces=cut == "detect", threads=threads)
    lacking = (seen.faces < SURE) & seen.usable if cut == "detect" else np.zeros(len(own), bool)
    unsure = _contradicting(seen.digests, own.truth) & seen.usable & ~lacking
    left_out = {
        "cannot be read": [own.ids[row] for row in seen.unreadable],
        "all pixels alike": _named(own, seen.constant),
        NO_FACE: _named(own, lacking),
        "the same picture has another label, too": _named(own, unsure),
    }
    left_out = {reason: ids for reason, ids in left_out.items() if ids}
    keep = np.flatnonzero(seen.usable & ~lacking & ~unsure)
    groups, persons = _groups(own, seen, keep), own.persons[keep]
    people, nameless = len(set(persons.tolist()) - {""}), int((persons == "").sum())
    splits = None if own.splits is None else own.splits[keep]
    found = Material(seen.crops[keep], own.truth[keep], own.labels, groups[keep], people, left_out, nameless, splits)
    _check(found, len(own))
    return found


def _contradicting(digests: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return which pictures (N,) have a copy, pixel for pixel, with another label."""
    _, picture = np.unique(digests, return_inverse=True)
    pairs = np.unique(np.stack([picture.ravel(), truth], axis=1), axis=0)
    return (np.bincount(pairs[:, 0]) > 1)[picture.ravel()]


def _groups(own: OwnLabels, seen: seeing.Seen, keep: np.ndarray) -> np.ndarray:
    """Return the group of each picture (N,): a person; copies; where nobody is named, also faces that look the same."""
    nameless = keep[own.persons[keep] == ""]
    pairs = twins.near(prepare_crops(seen.crops, seeing.SIDE, 1), seen.digests, nameless)
    links = (twins.alike(seen.digests), twins.alike(own.persons), (pairs.first, pairs.second))
    return twins.joined(len(own), *links)


def _named(own: OwnLabels, rows: np.ndarray) -> list[str]:
    return [own.ids[row] for row in np.flatnonzero(rows)]


def _check(found: Material, count: int) -> None:
    counts = [len(np.unique(found.groups[found.truth == place])) for place in range(len(found.labels))]
    few = [f"{label} ({count})" for label, count in zip(found.labels, counts, strict=True) if count < LEAST]
    if few:
        gone = "".join(f"; {len(ids)} of {count} pictures: {reason}" for reason, ids in found.left_out.items())
        more = f"{gone} (if they are crops of faces, --cut whole)" if NO_FACE in found.left_out else gone
        what = "people" if found.people else "different pictures, near copies counted once,"
        raise DataError(f"each label needs {LEAST} {what} or more; too few: {', '.join(few)}{more}")
