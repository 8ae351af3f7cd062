"""Settings of a training run that all families share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kaoiro.core.checks import at_least, below_one, positive, require


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
        start: model whose weights training begins from: a folder, or the name of one that ships; None begins from
            random ones.
        renew: with `start`: the last layers begin anew, also those that the model has.
        patience: epochs after which training stops if none of them had more of the held-out faces right than the best
            one before; the weights of the best epoch are kept, the first of several. 0 trains to the end and keeps
            the last weights.
    """

    epochs: int = 60
    budget: float | None = None
    batch: int = 128
    seed: int = 0
    precision: Literal["auto", "32", "bf16"] = "auto"
    ema: float = 0.999
    start: str | None = None
    renew: bool = False
    patience: int = 0

    def check(self) -> None:
        """Refuse settings with which nothing can be trained.

        Raises:
            InputError: names the first of them.
        """
        at_least("run.epochs", 1, self.epochs)
        at_least("run.batch", 1, self.batch)
        if self.budget is not None:
            positive("run.budget", self.budget, "hours")
        require(0 <= self.seed < 2**32, "run.seed", "0 or more and below 2 to the 32nd", self.seed)
        below_one("run.ema", self.ema)
        require(self.start is not None or not self.renew, "run.renew", "False without run.start", self.renew)
        at_least("run.patience", 0, self.patience)
