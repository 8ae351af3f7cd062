"""Settings of a training run that all families share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Run:
    """How long and on what a recipe is trained.

    Attributes:
        epochs: passes over the training data; the learning-rate schedule spans exactly these.
        budget: hours. When set, the first steps are timed and `epochs` is replaced by what fits, so
            that the whole schedule is scaled; a resumed run keeps the number it was given.
        batch: images per step.
        seed: of weights, order and augmentation.
        precision: 'auto' takes bfloat16 where the hardware multiplies it natively, else float32.
        ema: decay of the averaged weights that are validated and exported; 0 turns averaging off.
        start: model folder (with weights.safetensors) whose weights training begins from; None begins from random
            ones.
    """

    epochs: int = 60
    budget: float | None = None
    batch: int = 128
    seed: int = 0
    precision: Literal["auto", "32", "bf16"] = "auto"
    ema: float = 0.999
    start: str | None = None
