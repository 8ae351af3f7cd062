"""Named recipes of the family: streams, network, objective, run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaoiro.core.checks import require
from kaoiro.core.run import Run
from kaoiro.data.source import StreamConfig
from kaoiro.families.temporal_attention.config import NetworkConfig, ObjectiveConfig


@dataclass(frozen=True)
class Recipe:
    """A complete, reproducible training run of this family.

    Attributes:
        data: the clips and the frozen still model.
        network: what it sees.
        objective: loss and optimiser.
        run: how long.
    """

    data: StreamConfig = field(default_factory=StreamConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    run: Run = field(default_factory=lambda: Run(epochs=20, batch=256, ema=0.0, precision="32"))

    def check(self) -> None:
        """Refuse settings with which nothing can be trained.

        Raises:
            InputError: names the first of them.
        """
        for section in (self.data, self.network, self.objective, self.run):
            section.check()
        for name, unused in (("budget", None), ("start", None), ("ema", 0), ("patience", 0)):
            value = getattr(self.run, name)
            require(value == unused, f"run.{name}", f"{unused} (weights over time are learned within minutes)", value)


FIDELITY = Recipe()
"""As the source: features of eleven frames, three layers, smoothness alone."""
CAUSAL = Recipe(
    network=NetworkConfig(projection=32, cues=True, parabolic=True, weighs="probabilities"),
    objective=ObjectiveConfig(fidelity=0.01, lag=0.0),
)
"""For live video: knows the quality of frames, and is held to a curve without lag. What is weighed, and by how much
fidelity counts, was chosen on the clips of 'val' (docs/results/temporal-choice.md)."""
CENTRED = replace(CAUSAL, network=replace(CAUSAL.network, centred=True), objective=ObjectiveConfig())
"""For files: looks ahead as far as back; has no lag to be held from."""
TINY = Recipe(
    data=StreamConfig(dataset="drawn"),
    network=NetworkConfig(length=5, projection=4, hidden=(16, 8), cues=True),
    run=Run(epochs=4, batch=64, ema=0.0, precision="32"),
)
RECIPES: dict[str, Recipe] = {"fidelity": FIDELITY, "causal": CAUSAL, "centred": CENTRED, "tiny": TINY}
