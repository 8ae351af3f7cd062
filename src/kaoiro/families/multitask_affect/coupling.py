"""What expression labels say of action units, valence and arousal: the coupling of tasks.

Source:  the table of expressions and action units of Kollias et al., "Distribution Matching for Heterogeneous
         Multi-Task Learning", arXiv 2105.03790 (after Du, Tao and Martinez, PNAS 2014), in `synthesis.prototypes`.
Added:   contempt, which the table lacks; units that an expression does not name are rarely shown with it, but lips
         part in any expression that is spoken or shouted, so nothing is said of AU 25 and 26 there.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kaoiro.core.labels import AFFECT_CENTRES
from kaoiro.synthesis.prototypes import TABLES

ALWAYS, RARELY = 0.9, 0.1
"""How often faces show a prototypical unit of their expression, and one that it does not name."""
FREE = ("au_25", "au_26")
"""Units of which an expression that does not name them says nothing."""
INTENSITY = 0.8
"""Of expressions in photographs that people label: how far out on the circumplex they are placed."""
CONTEMPT = {"au_12": 0.3}
CONTEMPT_AFFECT = (-0.5, 0.3)


def unit_table(expressions: tuple[str, ...], units: tuple[str, ...]) -> Tensor:
    """Return how often faces of each expression show each unit: (E, U) in 0-1, NaN where nothing is said."""
    return torch.tensor([[_share(expression, unit) for unit in units] for expression in expressions])


def _share(expression: str, unit: str) -> float:
    if expression == "contempt":
        named = CONTEMPT
    else:
        prototype = TABLES["probabilistic"][expression]
        named = {f"au_{number:02d}": chance for number, chance in prototype.sometimes.items()}
        named |= {f"au_{number:02d}": ALWAYS for number in prototype.always}
    quiet = float("nan") if unit in FREE and expression != "neutral" else RARELY
    return named.get(unit, quiet)


def affect_table(expressions: tuple[str, ...]) -> Tensor:
    """Return valence and arousal of each expression in photographs: (E, 2)."""
    places = {**AFFECT_CENTRES, "contempt": CONTEMPT_AFFECT}
    return INTENSITY * torch.tensor([places[expression] for expression in expressions])


def group_loss(units: Tensor, shares: Tensor, table: Tensor) -> Tensor:
    """Compare what faces of each expression show on average with the table (distribution matching).

    Args:
        units: (B, U) probabilities of the units.
        shares: (B, E) distributions over expressions.
        table: (E, U) in 0-1, NaN where nothing is said.

    Returns:
        The divergence of the averages from the table, weighted by how often each expression occurs; 0 at equality.
    """
    weight = shares.sum(dim=0)
    average = (shares.T @ units) / weight.clamp(min=1e-6)[:, None]
    return (weight[:, None] * _divergence(average, table)).sum() / weight.sum().clamp(min=1e-6) / table.shape[1]


def face_loss(raw: Tensor, shares: Tensor, table: Tensor) -> Tensor:
    """Take the table as a soft label of each face (co-annotation): cross-entropy over what is said.

    Args:
        raw: (B, U) before the sigmoid.
        shares: (B, E) distributions over expressions.
        table: (E, U) in 0-1, NaN where nothing is said.
    """
    said = shares @ (~table.isnan()).to(shares)
    target = shares @ table.nan_to_num(0.0) / said.clamp(min=1e-6)
    losses = F.binary_cross_entropy_with_logits(raw, target, reduction="none")
    return (said * losses).sum() / said.sum().clamp(min=1e-6)


def _divergence(average: Tensor, table: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence of Bernoulli averages from the table's, 0 where nothing is said."""
    said, wanted = ~table.isnan(), table.nan_to_num(0.5).clamp(1e-3, 1 - 1e-3)
    average = average.clamp(1e-4, 1 - 1e-4)
    cross = -(wanted * average.log() + (1 - wanted) * (1 - average).log())
    own = -(wanted * wanted.log() + (1 - wanted) * (1 - wanted).log())
    return (cross - own) * said
