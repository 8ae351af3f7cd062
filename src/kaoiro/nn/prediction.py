"""What a network of faces answers."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Prediction(NamedTuple):
    """What a network answers: features (B, C) and raw outputs (B, K) by head."""

    features: Tensor
    heads: dict[str, Tensor]
