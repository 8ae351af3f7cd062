"""Losses that families share."""

from __future__ import annotations

import torch
from torch import Tensor


def soft_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy against class distributions, mean over the labelled rows.

    Args:
        logits: (B, K) raw scores.
        target: (B, K) rows that sum to 1; a row with NaN carries no label and is left out.

    Returns:
        A scalar; 0 (with a gradient of 0) when no row is labelled.
    """
    labelled = ~torch.isnan(target).any(dim=1)
    dtype = torch.promote_types(logits.dtype, torch.float32)
    losses = -(target[labelled] * torch.log_softmax(logits[labelled], dim=1, dtype=dtype)).sum(dim=1)
    return losses.sum() / labelled.sum().clamp(min=1)


def mix(values: Tensor, weight: float, order: Tensor) -> Tensor:
    """Blend a batch with itself in another order (mixup; Zhang et al., 2018, eq. 1).

    Args:
        values: (B, …) images, or distributions, whose NaN rows make the blend NaN, so that it is left out.
        weight: share of the first, 0–1.
        order: (B,) permutation.
    """
    return weight * values + (1 - weight) * values[order]
