"""Train, validation and test parts of a labelled set, such that nobody is on two sides.

Official parts are kept, unless they share people or films, and completed where one is missing. Otherwise parts are
made: a person or a film lies on one side, and so do identical pictures of which neither is known.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kaoiro.core.checks import require
from kaoiro.core.errors import DataError
from kaoiro.data.labelled_set import LabelledSet
from kaoiro.data.splits import alike, apart, joined

PARTS = ("train", "val", "test")
SHARES = (0.8, 0.1, 0.1)
_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "publictest"),
    "test": ("test", "testing", "privatetest"),
}
_MEANT = {name: part for part, names in _NAMES.items() for name in names}


def meant(name: str) -> str:
    """Return which of `PARTS` the name of a split stands for ('Training' is 'train'), empty if none."""
    return _MEANT.get(name.strip().lower(), "")


@dataclass(frozen=True, eq=False)
class Division:
    """Parts of a set.

    Attributes:
        parts: (N,) 'train', 'val' or 'test'.
        origin: 'official' (perhaps completed) or 'made'.
        notes: what to know of them, in words, for whoever reads figures.
    """

    parts: np.ndarray
    origin: Literal["official", "made"]
    notes: tuple[str, ...]

    def rows(self, part: str) -> np.ndarray:
        """Return the rows of a part.

        Raises:
            DataError: no such part.
        """
        if part not in PARTS:
            raise DataError(f"no part is called {part!r}; valid parts: {', '.join(PARTS)}")
        return np.flatnonzero(self.parts == part)


def divide(
    data: LabelledSet, shares: tuple[float, float, float] = SHARES, seed: int = 0, copies: bool = True
) -> Division:
    """Divide a set; the same set, shares and seed always give the same parts.

    Args:
        data: the set.
        shares: of every class that train, val and test shall have where parts are made.
        seed: of what is made.
        copies: keep identical files together where nobody is known: reads every such file once.

    Raises:
        DataError: there are fewer people, films or pictures than parts.
        InputError: the shares are not three above 0 that sum to 1.
    """
    good = len(shares) == len(PARTS) and min(shares) > 0 and abs(sum(shares) - 1) < 1e-6
    require(good, "shares", "three above 0 that sum to 1", shares)
    known = joined(len(data), alike(data.persons), alike(data.groups))
    nobody = (data.persons == "") & (data.groups == "")
    same = _digests(data, nobody) if copies and nobody.any() else np.full(len(data), "")
    groups = joined(len(data), (np.arange(len(data)), known), alike(same))
    official, notes = _official(data, known)
    if nobody.any():
        kept = "only identical files are kept together" if copies else "they may be divided"
        notes.append(f"of {int(nobody.sum())} rows neither person nor film is known: {kept}")
    if official is None:
        return Division(np.array(PARTS)[apart(groups, data.truth, shares, seed)], "made", tuple(notes))
    crossing = _crossing(groups, official)
    if crossing.any():
        notes.append(f"{int(crossing.sum())} rows have an identical picture in another official part")
    return Division(_completed(data, groups, official, shares, seed, notes), "official", tuple(notes))


def _official(data: LabelledSet, known: np.ndarray) -> tuple[np.ndarray | None, list[str]]:
    """Return the official parts, None where they cannot be kept, and why."""
    parts = np.array([meant(name) for name in data.splits.tolist()])
    there = [part for part in PARTS if (parts == part).any()]
    if not there:
        return None, []
    without = int((parts == "").sum())
    if without or len(there) < 2 or there[0] != "train":
        lacks = f"{without} rows are in no part" if without else f"all rows are in {' and '.join(there)}"
        return None, [f"official parts are not kept: {lacks}"]
    crossing = _crossing(known, parts)
    if crossing.any():
        row = int(np.flatnonzero(crossing)[0])
        count, name = len(np.unique(known[crossing])), data.persons[row] or data.groups[row]
        return None, [f"official parts are not kept: {count} people or films are in more than one, such as {name}"]
    return parts, []


def _crossing(groups: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return which rows are of a group that lies in several parts: (N,) bool."""
    pairs = np.unique(np.stack([groups, np.unique(parts, return_inverse=True)[1].ravel()]), axis=1)
    names, counts = np.unique(pairs[0], return_counts=True)
    return np.isin(groups, names[counts > 1])


def _completed(
    data: LabelledSet,
    groups: np.ndarray,
    official: np.ndarray,
    shares: tuple[float, float, float],
    seed: int,
    notes: list[str],
) -> np.ndarray:
    """Return official parts with the one that is missing, which is taken from the others."""
    parts = official.copy()
    if not (parts == "test").any():
        parts[parts == "val"] = "test"
        notes.append("test is the official validation part: no labels of the test part were handed out")
    if not (parts == "val").any():
        rows, (train, val, _) = np.flatnonzero(parts == "train"), shares
        taken = apart(groups[rows], data.truth[rows], (train / (train + val), val / (train + val)), seed)
        parts[rows[taken == 1]] = "val"
        notes.append(f"val is {int((taken == 1).sum())} rows of the official train part")
    return parts


def _digests(data: LabelledSet, rows: np.ndarray) -> np.ndarray:
    """Return digests of the files, or of the images, of some rows: (N,) str, empty elsewhere and where unreadable."""
    return np.array([_digest(data, row) if wanted else "" for row, wanted in enumerate(rows.tolist())])


def _digest(data: LabelledSet, row: int) -> str:
    try:
        content = data.paths[row].read_bytes() if data.images is None else data.images[row].tobytes()
    except OSError:
        return ""
    return hashlib.blake2b(content, digest_size=16).hexdigest()
