"""Processes in time: ramps, wandering, blinks, flicker and speech.

All are evaluated at time stamps, never at frame numbers, so that a recording of variable rate
shows the same movement as a regular one. All randomness comes from the generator that is given.
"""

from __future__ import annotations

import numpy as np

from kaoiro.core.checks import at_least, not_negative, positive, require
from kaoiro.synthesis.difficulty import Range, Speech

WARM_UP = 10.0
"""Seconds for which blinks and speech run before a recording starts, so that its start is no beginning."""


def ramp(time_s: np.ndarray, centre: float, onset: float, apex: float, offset: float) -> np.ndarray:
    """Return 0 → 1 → 0 (T,) with raised-cosine flanks.

    Args:
        time_s: (T,) seconds.
        centre: of the plateau, seconds.
        onset: length of the rise, seconds; 0 is a step.
        apex: length of the plateau, on which the value is 1, seconds.
        offset: length of the fall, seconds.

    Raises:
        InputError: a length that is negative or not finite.
    """
    for name, value in {"onset": onset, "apex": apex, "offset": offset}.items():
        not_negative(f"{name} of a ramp", value)
    start, end = centre - apex / 2, centre + apex / 2
    nodes = np.array([start - onset, start, end, end + offset])
    phase = np.interp(time_s, nodes, [0, 1, 1, 0])
    return (1 - np.cos(np.pi * phase)) / 2


def reached(level: float) -> float:
    """Return which share of a raised-cosine flank has passed when it reaches `level` (0–1)."""
    return float(np.arccos(1 - 2 * level) / np.pi)


def ornstein_uhlenbeck(
    count: int,
    dt: float | np.ndarray,
    sd: float | np.ndarray,
    tau: float,
    rng: np.random.Generator,
    width: tuple[int, ...] = (),
) -> np.ndarray:
    """Return (count, *width) values of independent processes that wander around 0 and forget with `tau`.

    Exact for steps of any length: x' = a·x + sd·√(1−a²)·n, a = exp(−dt/tau), started in the
    stationary law (Gillespie, Physical Review E 54, 1996).

    Args:
        count: number of values.
        dt: seconds between two values, or one for each of the count−1 steps.
        sd: stationary standard deviation, also one for each process.
        tau: relaxation time, seconds.
        rng: gives the noise.
        width: shape of what wanders.

    Raises:
        InputError: a count below 1, a negative step or deviation, a time that is not positive.
    """
    at_least("number of values", 1, count)
    positive("relaxation time", tau, "seconds")
    require(bool(np.all(np.asarray(sd) >= 0)), "standard deviation", "0 or more", sd)
    steps = np.broadcast_to(np.asarray(dt, float), count - 1)
    require(bool(np.all(steps >= 0)), "steps of time", "0 or more", dt)
    keep = np.exp(-steps / tau)
    values = rng.standard_normal((count, *width))
    values[1:] *= np.sqrt(1 - keep**2).reshape(-1, *(1 for _ in width))
    for row, share in enumerate(keep.tolist(), 1):
        values[row] += share * values[row - 1]
    return values * sd


def blinks(time_s: np.ndarray, per_minute: float, seconds: Range, rng: np.random.Generator) -> np.ndarray:
    """Return the closure of the eyes (T,), 0 open to 1 closed.

    Pauses are exponential; a third of each blink closes, two thirds open, for lids fall faster
    than they rise.

    Args:
        time_s: (T,) increasing seconds.
        per_minute: mean rate; 0 never blinks.
        seconds: range of the length of a blink.
        rng: gives pauses and lengths.

    Raises:
        InputError: a negative rate, or blinks that leave no time between them.
    """
    not_negative("blinks per minute", per_minute)
    if per_minute == 0:
        return np.zeros(len(time_s))
    pause = 60 / per_minute - sum(seconds) / 2
    positive("mean pause between blinks", pause, "seconds")
    starts, lengths = _blink_times(time_s, pause, seconds, rng)
    which = np.maximum(np.searchsorted(starts, time_s, "right") - 1, 0)
    phase = (time_s - starts[which]) / lengths[which]
    closed = np.interp(phase, [0, 1 / 3, 1], [0, 1, 0])
    return (1 - np.cos(np.pi * closed)) / 2


def _blink_times(
    time_s: np.ndarray, pause: float, seconds: Range, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return start and length of each blink, seconds; the first starts before the recording, the last after it."""
    starts, lengths = [time_s[0] - WARM_UP], [rng.uniform(*seconds)]
    while starts[-1] <= time_s[-1]:
        starts.append(starts[-1] + lengths[-1] + rng.exponential(pause))
        lengths.append(rng.uniform(*seconds))
    return np.array(starts), np.array(lengths)


def flicker(time_s: np.ndarray, amplitude: float, hertz: float, rng: np.random.Generator) -> np.ndarray:
    """Return the brightness (T,) of a flickering lamp: 1 ± amplitude, from a random phase.

    Raises:
        InputError: an amplitude or frequency that is negative, or an amplitude of 1 or more.
    """
    not_negative("frequency of the flicker", hertz)
    require(0 <= amplitude < 1, "amplitude of the flicker", "0 or more and below 1", amplitude)
    return 1 + amplitude * np.sin(2 * np.pi * hertz * time_s + rng.uniform(0, 2 * np.pi))


def speech(time_s: np.ndarray, settings: Speech, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return weights (T,), 0–1, of the blendshapes of a talking mouth, by name.

    Clauses of syllables alternate with pauses. In each syllable the jaw opens and closes once,
    and the lips may take further shapes; in a pause all are 0. Lips never close further than the
    jaw is open.

    Args:
        time_s: (T,) increasing seconds.
        settings: rates, lengths and weights.
        rng: gives all of them.
    """
    starts, lengths, voiced = _syllables(time_s, settings, rng)
    peaks = _mouths(voiced, settings, rng)
    which = np.clip(np.searchsorted(starts, time_s, "right") - 1, 0, len(starts) - 1)
    phase = np.clip((time_s - starts[which]) / lengths[which], 0, 1)
    opening = (1 - np.cos(2 * np.pi * phase)) / 2
    return {name: peak[which] * opening for name, peak in peaks.items()}


def _syllables(time_s: np.ndarray, settings: Speech, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return start and length in seconds, and whether it is spoken, of each syllable and pause."""
    lengths: list[float] = []
    voiced: list[bool] = []
    until = time_s[-1] - time_s[0] + WARM_UP
    while sum(lengths) <= until:
        count = max(1, round(rng.uniform(*settings.talk) * sum(settings.syllables) / 2))
        lengths += [*(1 / rng.uniform(*settings.syllables, count)), rng.uniform(*settings.pause)]
        voiced += [True] * count + [False]
    starts = time_s[0] - WARM_UP + np.cumsum([0.0, *lengths[:-1]])
    return starts, np.array(lengths), np.array(voiced)


def _mouths(voiced: np.ndarray, settings: Speech, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the weight of each shape at the height of each syllable."""
    count = len(voiced)
    jaw = voiced * rng.uniform(*settings.jaw, count)
    ranges = (settings.pucker, settings.funnel, settings.close, settings.stretch)
    shaped = voiced & (rng.random((4, count)) < settings.shaped)
    pucker, funnel, close, stretch = shaped * np.stack([rng.uniform(*span, count) for span in ranges])
    return {
        "jawOpen": jaw,
        "mouthPucker": pucker,
        "mouthFunnel": funnel,
        "mouthClose": np.minimum(close, jaw),
        "mouthStretch_L": stretch,
        "mouthStretch_R": stretch,
    }
