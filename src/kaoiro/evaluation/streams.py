"""Streams of rendered clips: each frame placed as a detector would place it, and read by a model."""

from __future__ import annotations

import numpy as np

from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.streams import Streams, cues_of
from kaoiro.core.types import LANDMARKS
from kaoiro.data.datasets.synthetic import Synthetic
from kaoiro.evaluation.progress import followed
from kaoiro.faces.align import cut, roll, similarity
from kaoiro.faces.quality import sharpness
from kaoiro.inference.classifier import Classifier, prepare_crops
from kaoiro.synthesis import difficulty
from kaoiro.synthesis.motion import ornstein_uhlenbeck
from kaoiro.synthesis.seeds import stream

_READ = 256  # pictures held at a time


def rendered(
    data: Synthetic, rows: np.ndarray, model: ModelFolder, threads: int | None = None, seed: int = 0
) -> Streams:
    """Read clips of a rendered set through a model.

    A crop is placed by the true five points, moved and scaled by the error that `difficulty.toml` gives a detector at
    the clip's level of nuisance (share of the crop's side; it wanders, so neighbouring frames err together).

    Args:
        data: a set whose clips have all of their frames, such as syn-vid.
        rows: (F,) of the set, the frames of a clip in order and together.
        model: with features and an expression head.
        threads: of the processor; None leaves it to the runtime.
        seed: of the detector's errors.
    """
    spec, table = model.specification, data.table.iloc[rows]
    matrices = placements(data, rows, np.asarray(spec.crop.points), seed)
    classifier, features, raw, sharp = Classifier(model, threads), [], [], []
    starts = range(0, len(rows), _READ)
    for start in followed(starts, len(starts), f"x {_READ} frames"):
        part = slice(start, start + _READ)
        pictures = data.pixels(rows[part], grey=spec.channels == 1)
        crops = np.stack([cut(one, matrix, spec.size) for one, matrix in zip(pictures, matrices[part], strict=True)])
        answer = classifier.predict(prepare_crops(crops, spec.size, spec.channels))
        features.append(answer.features)
        raw.append(answer.raw["expression"] / spec.head("expression").temperature)
        sharp.append([sharpness(crop) for crop in crops])
    sides = np.sqrt(table["box_width"].to_numpy(float) * table["box_height"].to_numpy(float))
    points = _points(data, rows)
    cues = cues_of(sides, np.ones(len(rows)), np.concatenate(sharp), np.array([roll(one) for one in points]))
    return Streams(
        np.concatenate(features).astype(np.float32),
        np.concatenate(raw).astype(np.float32),
        cues,
        data.clips[rows],
        spec.head("expression").labels,
    )


def placements(data: Synthetic, rows: np.ndarray, geometry: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return where the crops of frames lie: (F, 2, 3), units of the crop's side to pixels of the picture.

    Args:
        data: the set.
        rows: (F,) of the set.
        geometry: (5, 2) where the points lie in a crop.
        seed: of the detector's errors.
    """
    points, clips, table = _points(data, rows), data.clips[rows], data.table.iloc[rows]
    levels, times = table["level"].to_numpy(str), table["time_s"].to_numpy(float)
    result, settings = np.empty((len(rows), 2, 3)), difficulty.load()
    for clip in dict.fromkeys(clips.tolist()):
        own = np.flatnonzero(clips == clip)
        level = settings.level(levels[own[0]])
        steps, rng = np.diff(times[own]), stream(seed, clip, "detector")
        errors = ornstein_uhlenbeck(len(own), steps, level.box_sd, level.box_time, rng, (3,))
        for place, (right, down, size) in zip(own, errors, strict=True):
            result[place] = _moved(similarity(geometry, points[place]), right, down, size)
    return result


def _moved(matrix: np.ndarray, right: float, down: float, size: float) -> np.ndarray:
    """Return a placement moved by shares of the crop's side, and scaled about its middle by 1 + size."""
    turned, origin = matrix[:, :2], matrix[:, 2]
    middle = turned @ (0.5, 0.5) + origin + turned @ (right, down)
    scaled = (1 + size) * turned
    return np.column_stack([scaled, middle - scaled @ (0.5, 0.5)])


def _points(data: Synthetic, rows: np.ndarray) -> np.ndarray:
    columns = [f"{name}_{axis}" for name in LANDMARKS for axis in "xy"]
    return data.table.iloc[rows][columns].to_numpy(np.float64).reshape(-1, 5, 2)
