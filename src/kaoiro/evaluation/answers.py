"""What a model with valence, arousal and action units answers, and whether it has these heads at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kaoiro.core.errors import ModelError
from kaoiro.core.labels import AFFECT_HEAD, UNITS_HEAD
from kaoiro.core.modelfile import ModelFolder
from kaoiro.inference.classifier import Answers, Classifier, prepare_crops


def asked(model: ModelFolder, heads: Sequence[str] = (AFFECT_HEAD, UNITS_HEAD)) -> None:
    """Refuse a model without some heads.

    Raises:
        ModelError: names the first that is missing.
    """
    present = {head.name for head in model.specification.heads}
    for name in heads:
        if name not in present:
            raise ModelError(f"model '{model.name}' has no head '{name}'; it has: {', '.join(sorted(present))}")


def answers(model: ModelFolder, pixels: np.ndarray, threads: int | None = None) -> Answers:
    """Return a model's answers for crops (N, H, W) or (N, H, W, 3) uint8 of any size.

    Args:
        model: asked.
        pixels: of the crops.
        threads: of ONNX Runtime; None leaves it to the runtime.
    """
    spec = model.specification
    return Classifier(model, threads).predict(prepare_crops(pixels, spec.size, spec.channels))


def units_of(model: ModelFolder, found: Answers) -> Mapping[str, np.ndarray]:
    """Return the probabilities (N,) of each action unit that a model answers."""
    return {unit: found.heads[UNITS_HEAD][:, k] for k, unit in enumerate(model.specification.head(UNITS_HEAD).labels)}
