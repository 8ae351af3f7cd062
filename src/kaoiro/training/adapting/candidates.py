"""What is tried on every adaptation: nothing, a shift of labels, new last layers, tuned layers.

Each candidate learns from some faces and answers others; none is told which will be judged.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from torch import nn

from kaoiro.core.labels import EXPRESSION, EXPRESSIONS, OWN_HEAD
from kaoiro.training.adapting import heads
from kaoiro.training.adapting.heads import Layer
from kaoiro.training.adapting.material import Material
from kaoiro.training.adapting.start import Seen, Start
from kaoiro.training.adapting.tuning import Adapted, TuningConfig, answers, expression_layer, last_maps, layered, tune

Find = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Layer]
LAYERS: Mapping[str, Find] = MappingProxyType(
    {
        "nothing": heads.nothing,
        "shift": lambda x, raw, y, _: heads.adjusted(x, raw, y, 0.01),
        "head 1": lambda x, raw, y, _: heads.linear(x, raw, y, 1.0),
        "head 0.1": lambda x, raw, y, _: heads.linear(x, raw, y, 0.1),
        "head 0.01": lambda x, raw, y, _: heads.linear(x, raw, y, 0.01),
    }
)
"""Candidates that leave the features alone; the number is the weight of the squared weights."""
FIRST = "head 0.1"
"""The last layer with which tuning begins."""
_LAST, ALL, LONGER = "last layers", "all layers", "all layers longer"
TUNED: Mapping[str, TuningConfig] = MappingProxyType(
    {
        _LAST: TuningConfig(depth="last", learning_rate=1e-3),
        ALL: TuningConfig(depth="all"),
        LONGER: TuningConfig(depth="all", passes=80, most=500),
    }
)
"""Candidates that tune the network; what was compared is in docs/results/adapt-choice.md."""
NAMES = (*LAYERS, *TUNED)


def head_name(labels: tuple[str, ...]) -> str:
    """Return the name of the head that answers labels: 'expression', or 'own' if one of them is none."""
    return EXPRESSION if set(labels) <= set(EXPRESSIONS.labels) else OWN_HEAD


@dataclass(frozen=True, eq=False)
class Bench:
    """Where candidates are tried: the model that is adapted, all faces, and what it says of them."""

    start: Start
    material: Material
    seen: Seen
    seed: int = 0

    def names(self, methods: Collection[str]) -> tuple[str, ...]:
        """Return the candidates that can be tried, in their order; what there was before comes first.

        Raises:
            InputError: the model cannot be learned on.
        """
        expression_layer(self._network)
        count = len(self.material)
        lacking = [] if last_maps(self._network) else [_LAST]
        steps = {name: config.steps(count) for name, config in TUNED.items()}
        lacking += [LONGER] if steps.get(LONGER, 0) <= steps[ALL] else []
        return tuple(one for one in NAMES if one == NAMES[0] or (one in methods and one not in lacking))

    def layer(self, name: str, rows: np.ndarray) -> Layer:
        """Return a last layer learned from some rows."""
        seen = self.seen
        return LAYERS[name](seen.features[rows], seen.raw[rows], self.material.truth[rows], seen.known)

    def model(self, name: str, rows: np.ndarray) -> Adapted:
        """Return the network of a candidate that learned from some rows."""
        if name in TUNED:
            return self.tuned(rows, TUNED[name])
        labels, specification = self.material.labels, self.start.part.specification
        network = copy.deepcopy(self._network)
        return layered(network, self.layer(name, rows), labels, specification, head_name(labels))

    def tuned(self, rows: np.ndarray, config: TuningConfig) -> Adapted:
        """Return the network tuned on some rows, which begins with a last layer that was found on them."""
        adapted = self.model(FIRST, rows)
        return tune(adapted, self.material.crops[rows], self.material.truth[rows], config, self.seed).eval()

    def scores(self, name: str, learned: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Return raw outputs (M, K) about the rows asked from a candidate that learned from other rows."""
        if name in LAYERS:
            return self.layer(name, learned).scores(self.seen.features[asked], self.seen.raw[asked])
        return answers(self.model(name, learned), self.material.crops[asked])

    @cached_property
    def _network(self) -> nn.Module:
        return self.start.network()
