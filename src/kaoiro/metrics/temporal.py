"""How calm, how faithful and how late a curve over time is, against a known course (SPEC 2.5).

Every measure is a sum over clips of what `Course` holds of each, so that intervals are drawn over clips.
Legend: T frames of a clip, K classes, N clips, D bootstrap draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from kaoiro.core.errors import InputError

SHOWN, RESTING = 0.5, 0.1
"""Intensity above which a frame shows the clip's expression, and below which it is neutral; between, nobody can say."""
REACH = 12
"""Largest lag that is looked for, frames."""
_STILL = 1e-4  # change of every probability below which an output counts as constant
_STEADY = 1e-6  # change of the true intensity below which the state counts as constant


@dataclass(frozen=True, eq=False)
class Clip:
    """What is known of a clip, and one method's answer.

    Attributes:
        answer: (T, K) probabilities; NaN where no face was seen.
        intensity: (T,) true intensity of the clip's expression, 0-1.
        target: class of the clip's expression.
        neutral: class of a face at rest.
        judged: (T,) bool: frames that count; leaves out warming up, and must leave out frames without a face.
        reference: (T,) probability of the target class without lag, whose peak is not cut; None is the answer's own.
    """

    answer: np.ndarray
    intensity: np.ndarray
    target: int
    neutral: int
    judged: np.ndarray
    reference: np.ndarray | None = None

    def __post_init__(self) -> None:
        count = len(self.intensity)
        if self.answer.ndim != 2 or len(self.answer) != count or self.judged.shape != (count,):
            shapes = f"{self.answer.shape}, {self.intensity.shape}, {self.judged.shape}"
            raise InputError(f"answer (T, K), intensity (T,) and judged (T,) must agree, not {shapes}")
        if np.isnan(self.answer[self.judged]).any():
            raise InputError("frames without an answer cannot be judged")

    @property
    def shows(self) -> bool:
        """Whether the clip shows another expression than a neutral face."""
        return self.target != self.neutral

    @property
    def top(self) -> np.ndarray:
        """The likeliest class of each frame: (T,)."""
        return np.nan_to_num(self.answer).argmax(axis=1)

    @property
    def neighbours(self) -> np.ndarray:
        """Which frames are judged and followed by one that is judged: (T - 1,) bool."""
        return self.judged[1:] & self.judged[:-1]

    @property
    def truth(self) -> np.ndarray:
        """The class of each frame, -1 between `RESTING` and `SHOWN`: (T,)."""
        clear = np.where(self.intensity > SHOWN, self.target, np.where(self.intensity < RESTING, self.neutral, -1))
        return clear if self.shows else np.full(len(self.intensity), self.neutral)


def jitter(clip: Clip) -> tuple[float, float]:
    """Return the sum of squared successive differences where the truth stands still, mean over classes; how many."""
    still = clip.neighbours & (np.abs(np.diff(clip.intensity)) < _STEADY)
    return float((np.diff(clip.answer, axis=0)[still] ** 2).mean(axis=1).sum()), float(still.sum())


def flips(clip: Clip) -> tuple[float, float]:
    """Return 100 × the changes of the likeliest class beyond those of the truth, and the number of frames.

    The truth of a frame in between is that of the nearest clear one before it.
    """
    truth = clip.truth[clip.judged]
    changes = np.count_nonzero(np.diff(clip.top)[clip.neighbours])
    beyond = changes - np.count_nonzero(np.diff(truth[truth >= 0]))
    return 100.0 * max(0, beyond), float(clip.judged.sum())


def right(clip: Clip) -> tuple[float, float]:
    """Return the number of frames with a clear truth that are answered rightly, and of those frames."""
    clear = clip.judged & (clip.truth >= 0)
    return float((clip.top == clip.truth)[clear].sum()), float(clear.sum())


def moments(clip: Clip) -> np.ndarray:
    """Return n, Σx, Σy, Σx², Σy², Σxy (6,) of true intensity x and probability y of the target; 0 of neutral clips."""
    if not clip.shows:
        return np.zeros(6)
    x, y = clip.intensity[clip.judged].astype(np.float64), clip.answer[clip.judged, clip.target]
    return np.array([len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()])


def lag(clip: Clip) -> tuple[float, float]:
    """Return by how many frames the target's curve trails the truth (best correlation, ±`REACH`), and 1.

    The best whole shift is refined by the parabola through it and its neighbours. (0, 0) where either curve is flat, or
    none of the shifts that are looked at is best.
    """
    if not clip.shows:
        return 0.0, 0.0
    truth, curve = clip.intensity, np.where(clip.judged, clip.answer[:, clip.target], np.nan)
    found = np.array([_correlation(truth, curve, shift) for shift in range(-REACH, REACH + 1)])
    if np.isnan(found).all():
        return 0.0, 0.0
    best = int(np.nanargmax(found))
    if 0 < best < 2 * REACH:
        before, at, after = found[best - 1 : best + 2]
        bend = before - 2 * at + after
        if bend < 0:
            return best - REACH + 0.5 * (before - after) / bend, 1.0
    return 0.0, 0.0


def _correlation(truth: np.ndarray, curve: np.ndarray, shift: int) -> float:
    """Return the correlation of the curve, where it is no NaN, with the truth of `shift` frames earlier."""
    count = max(0, len(truth) - abs(shift))
    x = truth[max(0, -shift) : max(0, -shift) + count]
    y = curve[max(0, shift) : max(0, shift) + count]
    x, y = x[~np.isnan(y)], y[~np.isnan(y)]
    if len(x) < 3 or x.std() < 1e-9 or y.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def attenuation(clip: Clip) -> tuple[float, float]:
    """Return 1 - peak of the target's curve / peak of the reference, and 1; (0, 0) of neutral clips."""
    if not clip.shows:
        return 0.0, 0.0
    answer = clip.answer[:, clip.target]
    reference = answer if clip.reference is None else clip.reference
    if not clip.judged.any():
        return 0.0, 0.0
    return 1.0 - float(answer[clip.judged].max() / max(1e-9, reference[clip.judged].max())), 1.0


def latched(clip: Clip) -> int:
    """Return the longest run of frames in which the output is constant while the truth moves."""
    change = np.abs(np.diff(np.nan_to_num(clip.answer), axis=0)).max(axis=1)
    frozen = clip.neighbours & (change < _STILL) & (np.abs(np.diff(clip.intensity)) > _STEADY)
    longest = run = 0
    for still in frozen:
        run = run + 1 if still else 0
        longest = max(longest, run)
    return longest


SHARES: Mapping[str, Callable[[Clip], tuple[float, float]]] = MappingProxyType(
    {"jitter": jitter, "flips": flips, "accuracy": right, "lag": lag, "attenuation": attenuation}
)
"""Measures that are a sum over a number, by name."""
MEASURES = (*SHARES, "fidelity")


@dataclass(frozen=True, eq=False)
class Course:
    """What a method did in each of N clips.

    Attributes:
        shares: measure to (N, 2) sums and numbers.
        moments: (N, 6), see `moments`.
        latched: longest frozen run, frames.
    """

    shares: Mapping[str, np.ndarray]
    moments: np.ndarray
    latched: int

    def figure(self, measure: str, rows: np.ndarray | None = None) -> np.ndarray:
        """Return a measure over all clips, or over draws of clips: () or (D,).

        Args:
            measure: one of `MEASURES`.
            rows: (D, N) indices of clips, or None.
        """
        table = self.moments if measure == "fidelity" else self.shares[measure]
        total = table.sum(axis=0) if rows is None else counted(rows, len(table)) @ table
        return concordance_of(total) if measure == "fidelity" else _ratio(total)


def course(clips: Sequence[Clip]) -> Course:
    """Measure a method on clips.

    Raises:
        InputError: no clips.
    """
    if not clips:
        raise InputError("no clips to measure")
    shares = {name: np.array([measure(clip) for clip in clips]) for name, measure in SHARES.items()}
    return Course(shares, np.array([moments(clip) for clip in clips]), max(map(latched, clips)))


def concordance_of(sums: np.ndarray) -> np.ndarray:
    """Return Lin's concordance from n, Σx, Σy, Σx², Σy², Σxy: (…, 6) -> (…)."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = x / n, y / n
        spread = xx / n - mean_x**2 + yy / n - mean_y**2 + (mean_x - mean_y) ** 2
        return 2 * (xy / n - mean_x * mean_y) / spread


def draws(clips: int, count: int = 10_000, seed: int = 0) -> np.ndarray:
    """Return bootstrap draws of clips: (count, clips) indices; the same for every method, so differences are paired."""
    return np.random.default_rng(seed).integers(0, clips, (count, clips))


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the middle 95 % of bootstrap figures; NaN where none is a number."""
    if np.isnan(values).all():
        return float("nan"), float("nan")
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def counted(rows: np.ndarray, clips: int) -> np.ndarray:
    """Return how often each of N clips was drawn: (D, N) indices -> (D, N)."""
    places = rows + clips * np.arange(len(rows))[:, None]
    return np.bincount(places.ravel(), minlength=len(rows) * clips).reshape(len(rows), clips)


def _ratio(total: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return total[..., 0] / total[..., 1]
