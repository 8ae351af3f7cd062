"""FER2013 with its own labels and with the FER+ votes.

Source:   ICML 2013 Challenges in Representation Learning (Goodfellow et al., arXiv 1307.0414);
          FER+ votes: Barsoum et al., "Training Deep Networks for Facial Expression Recognition with
          Crowd-Sourced Label Distribution", arXiv 1608.01041.
Layout:   ROOT/fer2013.csv      emotion,pixels,Usage                (official)
          ROOT/fer2013new.csv   Usage,Image name,neutral,…,NF       (official, one row per row above)
Splits:   official `Usage`: Training 28,709; PublicTest 3,589; PrivateTest 3,589.
          training-val: a tenth of Training (see `kaoiro.data.splits`).
Licence:  research use; images are not redistributed with this project.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FERPLUS, FERPLUS_VOTES
from kaoiro.data.datasets.listing import table_rows
from kaoiro.data.splits import holdout

TABLE, VOTES = "fer2013.csv", "fer2013new.csv"
USAGES = ("Training", "PublicTest", "PrivateTest")
LEARNED = USAGES[0]
SIDE = 48
_TO_TRAINING_ORDER = FERPLUS_VOTES.indices(FERPLUS.labels)


@dataclass(frozen=True)
class Fer2013:
    """Rows of FER2013 in file order.

    Attributes:
        images: (N, 48, 48) uint8.
        labels: (N,) int64, order of `labels.FER2013`.
        usage: (N,) str, one of `USAGES`.
        votes: (N, 10) int64, order of `labels.FERPLUS_VOTES`; None without fer2013new.csv.
    """

    images: np.ndarray
    labels: np.ndarray
    usage: np.ndarray
    votes: np.ndarray | None

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, keep: np.ndarray) -> Fer2013:
        """Return the rows selected by a mask or by indices."""
        votes = None if self.votes is None else self.votes[keep]
        return Fer2013(self.images[keep], self.labels[keep], self.usage[keep], votes)

    def part(self, usage: str) -> Fer2013:
        """Return the rows of one official part.

        Raises:
            DataError: the file has no such rows (PrivateTest is often left out of copies).
        """
        keep = self.usage == usage
        if not keep.any():
            present = ", ".join(sorted(set(self.usage.tolist()))) or "none"
            raise DataError(
                f"fer2013.csv has no {usage} rows (present: {present}); use a complete official copy or another --split"
            )
        return self.rows(keep)

    def image_keys(self) -> np.ndarray:
        """Return a digest per image, equal exactly for pixel-identical images: (N,) bytes."""
        return image_keys(self.images)


def image_keys(images: np.ndarray) -> np.ndarray:
    """Return a digest per image (N, H, W), equal exactly for pixel-identical images: (N,) bytes."""
    return np.array([hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images], "S16")


def read(root: str | Path) -> Fer2013:
    """Read the official files under `root`.

    Raises:
        DataError: a file is missing or cannot be read, or a row is not in the official layout.
    """
    folder = Path(root)
    images, labels, usage = _read_images(folder / TABLE)
    votes_file = folder / VOTES
    votes = _read_votes(votes_file, usage) if votes_file.is_file() else None
    return Fer2013(images, labels, usage, votes)


def unlabelled(root: str | Path) -> np.ndarray:
    """Read the images of the Training part without their labels, which the file need not have: (N, 48, 48) uint8.

    Without the images that `splits.holdout` keeps back, on which choices can then be made.

    Raises:
        DataError: the file is missing, cannot be read, or has no such images.
    """
    path = Path(root) / TABLE
    rows = table_rows(path, ("pixels", "Usage"))
    pixels = [_pixels(row["pixels"], path, line) for line, row in rows if _usage(row["Usage"], path, line) == LEARNED]
    if not pixels:
        raise DataError(f"{path} has no {LEARNED} rows")
    images = np.stack(pixels)
    return images[~holdout(image_keys(images))]


def _read_images(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not path.is_file():
        raise DataError(f"{path} not found; --root must name the folder with the official fer2013.csv")
    pixels, labels, usage = [], [], []
    for line, row in table_rows(path, ("emotion", "pixels", "Usage")):
        pixels.append(_pixels(row["pixels"], path, line))
        labels.append(_label(row["emotion"], path, line))
        usage.append(_usage(row["Usage"], path, line))
    if not labels:
        raise DataError(f"{path} has no rows")
    return np.stack(pixels), np.array(labels, np.int64), np.array(usage)


def _pixels(text: str, path: Path, line: int) -> np.ndarray:
    try:
        values = np.array(text.split(), np.int64)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{path}, line {line}: pixels are not whole numbers of 0-255") from error
    if values.size != SIDE * SIDE:
        raise DataError(f"{path}, line {line}: expected {SIDE * SIDE} pixels, found {values.size}")
    if values.min() < 0 or values.max() > 255:
        raise DataError(f"{path}, line {line}: pixels must be 0-255, found {values.min()} to {values.max()}")
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _label(text: str, path: Path, line: int) -> int:
    if text not in {"0", "1", "2", "3", "4", "5", "6"}:
        raise DataError(f"{path}, line {line}: emotion must be 0-6, found {text!r}")
    return int(text)


def _usage(text: str, path: Path, line: int) -> str:
    if text not in USAGES:
        raise DataError(f"{path}, line {line}: Usage must be one of {', '.join(USAGES)}, found {text!r}")
    return text


def _read_votes(path: Path, usage: np.ndarray) -> np.ndarray:
    parts, votes = [], []
    for line, row in table_rows(path, ("Usage", *FERPLUS_VOTES.labels)):
        parts.append(_usage(row["Usage"], path, line))
        votes.append([_vote(row[name], path, line) for name in FERPLUS_VOTES.labels])
    table = np.array(votes, np.int64).reshape(-1, len(FERPLUS_VOTES))
    return table[_aligned(np.array(parts, str), usage, path)]


def _vote(text: str, path: Path, line: int) -> int:
    if not (text.isascii() and text.isdigit()):
        raise DataError(f"{path}, line {line}: votes must be whole numbers, found {text!r}")
    return int(text)


def _aligned(parts: np.ndarray, usage: np.ndarray, path: Path) -> np.ndarray:
    """Match vote rows to image rows by position, also where the images are only some official parts."""
    same = len(parts) == len(usage)
    kept = np.arange(len(parts)) if same else np.flatnonzero(np.isin(parts, np.unique(usage)))
    if len(kept) != len(usage):
        raise DataError(f"{path} has {len(kept)} rows for the {len(usage)} of fer2013.csv; use the official pair")
    differing = np.flatnonzero(parts[kept] != usage)
    if len(differing):
        row = int(differing[0])
        raise DataError(
            f"{path} does not match fer2013.csv row by row: image {row + 1} is {usage[row]} there, "
            f"{parts[kept][row]} here; use the official pair of files"
        )
    return kept


def without_single_votes(votes: np.ndarray) -> np.ndarray:
    """Set to zero every category with a single vote (FER+ outlier rule): (N, 10) -> (N, 10)."""
    return np.where(votes > 1, votes, 0)


def majority_labels(votes: np.ndarray) -> np.ndarray:
    """Return FER+ majority labels: (N, 10) -> (N,) int64 in the order of `labels.FERPLUS`, -1 where dropped.

    An image is kept if its top category has more than half of the votes that remain after the
    outlier rule, and is an emotion (majority mode of the official FER+ code).
    """
    kept = without_single_votes(votes)
    top = kept.argmax(axis=1)
    clear = kept.max(axis=1) * 2 > kept.sum(axis=1)
    place = np.full(len(FERPLUS_VOTES), -1, np.int64)
    place[_TO_TRAINING_ORDER] = np.arange(len(FERPLUS))
    return np.where(clear, place[top], -1)


def vote_distributions(votes: np.ndarray) -> np.ndarray:
    """Return the vote shares of the eight emotions: (N, 10) -> (N, 8) float32, rows of NaN where unusable.

    The outlier rule is applied first; an image is unusable if 'unknown' and 'not a face' together
    hold at least half of the remaining votes.
    """
    kept = without_single_votes(votes)
    emotions = kept[:, _TO_TRAINING_ORDER]
    mass = emotions.sum(axis=1, keepdims=True)
    usable = mass * 2 > kept.sum(axis=1, keepdims=True)
    return np.where(usable, emotions / np.maximum(mass, 1), np.nan).astype(np.float32)
