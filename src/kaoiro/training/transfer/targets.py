"""Small sets that transfer is measured on: faces in several framings, labels, people and parts.

`load` gives one by its name; `few` and `first_people` choose a smaller part of it to learn from. What was cut out is
kept in a folder, under a name that changes with the pictures and with the way they are cut and divided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import get_args

import numpy as np

from kaoiro.core.checks import at_least, require
from kaoiro.core.crops import E_CROP, FER2013_CROP
from kaoiro.core.errors import DataError
from kaoiro.core.files import sha256
from kaoiro.data.datasets import fer2013
from kaoiro.training.transfer import framing, kept, sources, worse
from kaoiro.training.transfer.framing import FRAMINGS
from kaoiro.training.transfer.sources import Held, Source

NAMES = ("rendered", "degraded", "generated", "london")
TRAIN, VALIDATION, TEST = PARTS = (0, 1, 2)
"""To learn from, to choose by, to measure on."""
_LAYOUT = 1  # of kept files; counts up when code, not settings, changes what they hold


@dataclass(frozen=True, eq=False)
class Target:
    """N faces with K labels.

    Attributes:
        name: one of `NAMES`.
        about: in one sentence what it is, how many, whose labels, how divided.
        labels: K names, in the order of `core.labels.FER2013`.
        crops: by framing (see `framing`), (N, side, side) uint8 grey.
        truth: (N,) int64, place among the labels.
        groups: (N,) str, a person; copies and near copies where nobody is named. Never divided between parts.
        part: (N,) int64, one of `PARTS`.
        people: number of people; 0 where nobody is named.
    """

    name: str
    about: str
    labels: tuple[str, ...]
    crops: Mapping[str, np.ndarray]
    truth: np.ndarray
    groups: np.ndarray
    part: np.ndarray
    people: int

    def __len__(self) -> int:
        return len(self.truth)

    def rows(self, part: int) -> np.ndarray:
        """Return the rows of a part: (M,) int64."""
        require(part in PARTS, "part", f"one of {', '.join(map(str, PARTS))}", part)
        return np.flatnonzero(self.part == part)


@dataclass(frozen=True)
class Roots:
    """Folders that targets are read from, each under the name of the option that asks for it.

    Attributes:
        rendered: a finished `syn-ward` set.
        fer2013: the official files, of which 'degraded' is made.
        generated: DiffusionFER.
        london: the London set.
    """

    rendered: str | Path | None = None
    fer2013: str | Path | None = None
    generated: str | Path | None = None
    london: str | Path | None = None


def few(target: Target, per_class: int, seed: int) -> np.ndarray:
    """Choose up to `per_class` pictures of each class to learn from, of as many people as possible.

    The rarest class chooses first; each prefers people of whom fewest pictures are chosen, else at random.

    Returns:
        Rows of `TRAIN` in ascending order: (M,) int64.

    Raises:
        InputError: fewer than one of each class.
    """
    at_least("pictures of each class", 1, per_class)
    rng, rows = np.random.default_rng(seed), target.rows(TRAIN)
    truth, (_, group) = target.truth[rows], np.unique(target.groups[rows], return_inverse=True)
    counts, used = np.bincount(truth, minlength=len(target.labels)), np.zeros(len(rows), np.int64)
    chosen: list[int] = []
    for label in np.argsort(counts, kind="stable"):
        left = rng.permutation(np.flatnonzero(truth == label)).tolist()
        for _ in range(min(per_class, len(left))):
            best = min(left, key=lambda place: used[group[place]])
            left.remove(best)
            used[group[best]] += 1
            chosen.append(best)
    return np.sort(rows[chosen])


def first_people(target: Target, count: int, seed: int) -> np.ndarray:
    """Choose people in random order until there are `count` pictures of them to learn from; all, if there are fewer.

    Nobody is divided, so that there may be a few more. Where nobody is named, `count` pictures are drawn, each class
    in proportion.

    Returns:
        Rows of `TRAIN` in ascending order: (M,) int64.

    Raises:
        InputError: fewer than one picture.
    """
    at_least("pictures to learn from", 1, count)
    rng, rows = np.random.default_rng(seed), target.rows(TRAIN)
    if not target.people:
        return _stratified(rows, target.truth[rows], count, rng)
    names, group = np.unique(target.groups[rows], return_inverse=True)
    order = rng.permutation(len(names))
    before = np.cumsum(np.bincount(group)[order]) - np.bincount(group)[order]
    return rows[np.isin(group, order[before < count])]


def _stratified(rows: np.ndarray, truth: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` rows, of each class the nearest whole number to its share (largest remainders)."""
    wanted = np.bincount(truth) * min(1.0, count / len(rows))
    sizes = np.floor(wanted + 1e-9).astype(int)
    short = min(count, len(rows)) - sizes.sum()
    sizes[np.argsort(sizes - wanted, kind="stable")[:short]] += 1
    parts = [rng.permutation(np.flatnonzero(truth == label))[:size] for label, size in enumerate(sizes)]
    return np.sort(rows[np.concatenate(parts)])


def load(name: str, roots: Roots, side: int, folder: str | Path, held: Held = "training-val") -> Target:
    """Read a target, or what is kept of it.

    Args:
        name: one of `NAMES`.
        roots: the folders.
        side: of the crops, pixels.
        folder: in which crops are kept; a damaged file in it is made anew.
        held: which pictures of FER2013 'degraded' is made of.

    Raises:
        DataError: the folder is not named, or what is in it is not in the documented layout.
        InputError: unknown name, pictures or side, or a picture cannot be read.
        OutputError: `folder` cannot be written.
    """
    require(name in NAMES, "target", f"one of {', '.join(NAMES)}", name)
    require(held in get_args(Held), "pictures of FER2013", f"one of {', '.join(get_args(Held))}", held)
    at_least("side of the crops", 16, side)
    root = _root(name, roots)
    path = Path(folder) / f"{name}-{side}-{_key(name, root, side, held)[:24]}.npz"
    found = _kept(path)
    if found is None:
        found = _cut(name, _source(name, root, held), side)
        _keep(path, found)
    return found


def _root(name: str, roots: Roots) -> Path:
    root = getattr(roots, _option(name))
    if root is None:
        raise DataError(f"the target '{name}' is not there: name its folder by --{_option(name)}")
    return Path(root)


def has(name: str, roots: Roots) -> bool:
    """Tell whether the folder of a target is named."""
    return getattr(roots, _option(name)) is not None


def _option(name: str) -> str:
    return "fer2013" if name == "degraded" else name


def _source(name: str, root: Path, held: Held) -> Source:
    if name == "degraded":
        return sources.degraded(root, held)
    return {"rendered": sources.rendered, "generated": sources.generated, "london": sources.portraits}[name](root)


def _cut(name: str, source: Source, side: int) -> Target:
    """Cut the faces out; pictures without one are left out, and counted.

    Raises:
        DataError: a part has no face.
    """
    count = len(source.truth)
    if source.whole:
        crops, seen = framing.whole(np.asarray(source.pictures), side), np.ones(count, bool)
    else:
        crops, seen = framing.cut_out(source.pictures, count, side)
    truth, groups, part = source.truth[seen], source.groups[seen], source.part[seen]
    sizes = np.bincount(part, minlength=len(PARTS))
    if not sizes.all():
        raise DataError(f"the target '{name}' has no face in one of its parts: {_sizes(sizes)}")
    people = len(np.unique(groups)) if source.named else 0
    about = _about(source, people, sizes, count)
    return Target(name, about, source.labels, crops, truth, groups, part, people)


def _about(source: Source, people: int, sizes: np.ndarray, count: int) -> str:
    who = f"{people} people, " if people else ""
    lacking = count - int(sizes.sum())
    end = "" if source.whole else f"; {lacking} of {count:,} pictures are left out, for no face was found in them"
    return f"{sizes.sum():,} {source.about}; {who}divided {source.divided}: {_sizes(sizes)}{end}."


def _sizes(sizes: np.ndarray) -> str:
    learned, checked, measured = sizes.tolist()
    return f"{learned:,} to learn from, {checked:,} to choose by, {measured:,} to measure on"


def _key(name: str, root: Path, side: int, held: Held) -> str:
    """Return what a kept file is called by: a digest of the files that are read and of all that is done to them."""
    detector = Path(str(resources.files("kaoiro"))) / "assets" / "centerface.onnx"
    settings = (
        (_LAYOUT, name, side, held, FRAMINGS, framing.SURE, E_CROP, FER2013_CROP, worse.CAMERA, sources.MARGIN),
        (sources.DEGRADED, sources.LEARNED, sources.CHECKED, sources.GENERATED, sources.LONDON),
        sha256(detector) if detector.is_file() else "",
    )
    found = hashlib.sha256(repr(settings).encode())
    for path in _files(name, root):
        found.update(f"\0{path.relative_to(root).as_posix()}\0{sha256(path)}".encode())
    return found.hexdigest()


def _files(name: str, root: Path) -> list[Path]:
    """Return the files that a target is read from; those of FER2013 stand among others."""
    if name == "degraded":
        return [path for path in (root / fer2013.TABLE, root / fer2013.VOTES) if path.is_file()]
    return sorted(path for path in root.rglob("*") if path.is_file())


def _keep(path: Path, target: Target) -> None:
    """Write a target; framings that are one array are written once."""
    first = {name: next(one for one in FRAMINGS if target.crops[one] is target.crops[name]) for name in FRAMINGS}
    arrays = {f"crops {name}": target.crops[name] for name in dict.fromkeys(first.values())}
    arrays |= {"truth": target.truth, "groups": target.groups, "part": target.part}
    facts = {"name": target.name, "about": target.about, "labels": target.labels, "people": target.people}
    kept.write(path, arrays, {**facts, "crops": first})


def _kept(path: Path) -> Target | None:
    found = kept.read(path)
    if found is None:
        return None
    arrays, facts = found
    return Target(
        name=facts["name"],
        about=facts["about"],
        labels=tuple(facts["labels"]),
        crops={name: arrays[f"crops {first}"] for name, first in facts["crops"].items()},
        truth=arrays["truth"],
        groups=arrays["groups"],
        part=arrays["part"],
        people=facts["people"],
    )
