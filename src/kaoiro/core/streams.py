"""Streams: what a model and the detector said of faces, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kaoiro.core.errors import DataError

CUES = ("face_size", "face_score", "sharpness", "roll")
"""Quality of a frame's measurement, as records have it, scaled to about 0-1: see `cues_of`."""


def cues_of(face_size: np.ndarray, face_score: np.ndarray, sharpness: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Return quality cues (F, 4) float32 from columns of records (F,).

    Args:
        face_size: pixels; its logarithm to base 2 between 16 and 1024 becomes 0-1.
        face_score: 0-1.
        sharpness: 0-1.
        roll: degrees; 90 becomes 1, either way.
    """
    size = (np.log2(np.clip(face_size, 16, 1024)) - 4) / 6
    return np.stack([size, face_score, sharpness, np.abs(roll) / 90], axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Streams:
    """Frames of many clips, the frames of a clip in order of time and together.

    Attributes:
        features: (F, C) float32 of the model; NaN where no face was seen.
        logits: (F, K) float32, calibrated raw outputs of the expression head: their softmax is the answer.
        cues: (F, Q) float32, see `CUES`.
        clips: (F,) names.
        labels: names of the K classes.
    """

    features: np.ndarray
    logits: np.ndarray
    cues: np.ndarray
    clips: np.ndarray
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.features) == len(self.logits) == len(self.cues) == len(self.clips):
            raise DataError("features, logits, cues and clips of streams must have one row for each frame")
        if not len(self.clips):
            raise DataError("streams need frames")
        if len(self.bounds()) != len(np.unique(self.clips)):
            raise DataError("the frames of a clip must lie together")

    def __len__(self) -> int:
        return len(self.features)

    @property
    def seen(self) -> np.ndarray:
        """(F,) bool: a face was measured."""
        return np.isfinite(self.features).all(axis=1).reshape(-1)

    @property
    def probabilities(self) -> np.ndarray:
        """(F, K) float64; NaN where no face was seen."""
        raw = self.logits.astype(np.float64)
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def bounds(self) -> list[tuple[int, int]]:
        """Return first and last + 1 of the frames of each clip, in order."""
        edges = np.flatnonzero(self.clips[1:] != self.clips[:-1]) + 1
        return list(zip([0, *edges.tolist()], [*edges.tolist(), len(self.clips)], strict=True))

    def each(self) -> Iterator[tuple[str, slice]]:
        """Yield name and frames of each clip."""
        for first, last in self.bounds():
            yield str(self.clips[first]), slice(first, last)

    def windows(self, length: int, centred: bool = False) -> np.ndarray:
        """Return the frames (F, length) of the window of every frame, oldest first; -1 beyond the ends of a clip.

        Args:
            length: frames.
            centred: reach to both sides instead of back; the length must be odd.
        """
        reach = length // 2 if centred else length - 1
        offsets = np.arange(length) - reach
        table = np.empty((len(self), length), np.int64)
        for first, last in self.bounds():
            rows = np.arange(first, last)[:, None] + offsets
            table[first:last] = np.where((rows >= first) & (rows < last), rows, -1)
        return table
