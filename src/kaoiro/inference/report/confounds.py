"""What else may have made the difference: size, sharpness, light, pose, reading, speaking, absence.

What cannot be known from the records, or from the video beside them, is None, never a guess. Yaw and pitch are those
of the table, where another tool wrote them, else estimated from the five points of each record (`faces.pose`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kaoiro.core.types import LANDMARKS
from kaoiro.faces.pose import yaw_and_pitch
from kaoiro.inference.recording import LANDMARK_COLUMNS, Recorded
from kaoiro.inference.report.speaker import Lane

LIPS, JAW = "au_25", "au_26"
PARTED = 0.5
"""Probability of parted lips (or a dropped jaw) from which the mouth counts as open."""
WINDOW_S = 2.0
"""A mouth that was open and closed within so many seconds is moving."""
HEAD_DOWN = -20.0
"""Pitch in degrees below which the head counts as bowed over a paper; where it is estimated, below its own median, for
people's faces differ."""


@dataclass(frozen=True)
class Spread:
    """Median of a measurement over the samples of a face, with the 10th and the 90th percentile."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Confounds:
    """What is known of a recording beside what its face showed.

    Attributes:
        resolution: width and height of the video, pixels.
        face_size: square root of the box's area, pixels.
        eyes: distance between the eyes, pixels.
        sharpness: 0-1, see `faces.quality`.
        light: mean brightness of the face, 0-1, over the pictures of the report.
        roll, yaw, pitch: degrees; positive clockwise as seen, to the right of the picture, and upwards.
        reading: share of the time seen with the head bowed.
        speaking: share of the time seen with a moving mouth.
        any_face: share of the recording in which any face was seen.
        missing: share of the recording in which the face of the lane was not seen.
    """

    resolution: tuple[int, int] | None
    face_size: Spread | None
    eyes: Spread | None
    sharpness: Spread | None
    light: Spread | None
    roll: Spread | None
    yaw: Spread | None
    pitch: Spread | None
    reading: float | None
    speaking: float | None
    any_face: float
    missing: float


def confounds(
    recorded: Recorded, lane: Lane, everyone: Lane, resolution: tuple[int, int] | None, lights: list[float]
) -> Confounds:
    """Return what is known of a lane's recording.

    Args:
        recorded: the recording.
        lane: of the speaker.
        everyone: the lane of whoever is largest.
        resolution: of the video, if it is at hand.
        lights: mean brightness of the face in some pictures, 0-1.
    """
    spreads = {name: spread(recorded.table([name], lane.rows)[:, 0]) for name in ("face_size", "sharpness", "roll")}
    points = recorded.table(LANDMARK_COLUMNS, lane.rows).reshape(-1, len(LANDMARKS), 2)
    yaw, pitch, level = _turned(recorded, lane, points)
    return Confounds(
        resolution=resolution,
        eyes=spread(np.hypot(*(points[:, 1] - points[:, 0]).T)),
        light=spread(np.array(lights)),
        yaw=spread(yaw),
        pitch=spread(pitch),
        reading=_share(pitch - level, below=HEAD_DOWN),
        speaking=_speaking(recorded, lane),
        any_face=everyone.coverage,
        missing=1 - lane.coverage,
        **spreads,
    )


def _turned(recorded: Recorded, lane: Lane, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return yaw and pitch of a lane's rows (n,), and from which pitch a bow counts; each of the table if it has it."""
    yaw, pitch = yaw_and_pitch(points)
    if recorded.has("yaw"):
        yaw = recorded.table(["yaw"], lane.rows)[:, 0]
    if recorded.has("pitch"):
        return yaw, recorded.table(["pitch"], lane.rows)[:, 0], 0.0
    return yaw, pitch, float(np.nanmedian(pitch)) if np.isfinite(pitch).any() else 0.0


def spread(values: np.ndarray) -> Spread | None:
    """Return the spread of what is known of values (N,); None if nothing is."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, median, high = np.quantile(known, (0.1, 0.5, 0.9)).tolist()
    return Spread(median, low, high)


def _share(values: np.ndarray, below: float) -> float | None:
    known = values[np.isfinite(values)]
    return float((known < below).mean()) if len(known) else None


def _speaking(recorded: Recorded, lane: Lane) -> float | None:
    """Return the share of the time seen in which the mouth was both open and closed within `WINDOW_S`."""
    if not recorded.has(LIPS) and not recorded.has(JAW):
        return None
    values = lane.samples.take(recorded.table([LIPS, JAW], lane.rows))
    known = np.isfinite(values).any(axis=1)
    times, weights = lane.samples.times_s[known], lane.samples.weights_s[known]
    if not len(times):
        return None
    opened = (np.nan_to_num(values[known]) >= PARTED).any(axis=1)
    first = np.searchsorted(times, times - WINDOW_S / 2 - 1e-9)
    last = np.searchsorted(times, times + WINDOW_S / 2 + 1e-9, "right")
    running = np.concatenate([[0], np.cumsum(opened)])
    count = running[last] - running[first]
    moving = (count > 0) & (count < last - first)
    return float(weights[moving].sum() / weights.sum())
