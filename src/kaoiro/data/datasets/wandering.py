"""Streams of faces that nobody has: for trials of what works over time.

Each clip rests, turns to one expression for a while and rests again; what is measured of it errs, and errs more in
frames of poor quality.
"""

from __future__ import annotations

import numpy as np

from kaoiro.core.labels import FER2013
from kaoiro.core.streams import CUES, Streams

FEATURES = 12


def streams(count: int = 24, seed: int = 0, frames: int = 60) -> Streams:
    """Return `count` clips of as many frames each.

    Args:
        count: clips.
        seed: of everything.
        frames: of a clip.
    """
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(len(FER2013), FEATURES)) / np.sqrt(len(FER2013))
    logits, cues = [], []
    for clip in range(count):
        time = np.arange(frames) / frames
        raw = np.zeros((frames, len(FER2013)))
        raw[:, FER2013.index("neutral")] = 2
        raw[:, clip % len(FER2013)] += 4 * np.exp(-0.5 * ((time - rng.uniform(0.4, 0.6)) / 0.12) ** 2)
        quality = rng.uniform(0, 1, (frames, len(CUES)))
        errors = rng.normal(size=raw.shape) * (1.2 - quality[:, :1])
        logits.append(raw + errors)
        cues.append(quality)
    table = np.concatenate(logits)
    names = np.repeat([f"clip-{clip:03d}" for clip in range(count)], frames)
    return Streams(
        (table @ mixing).astype(np.float32),
        table.astype(np.float32),
        np.concatenate(cues).astype(np.float32),
        names,
        FER2013.labels,
    )
