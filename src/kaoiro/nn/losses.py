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


def concordance_loss(answer: Tensor, target: Tensor) -> Tensor:
    """Return 1 - the mean concordance correlation coefficient of the columns (Lin, 1989; SPEC 5.3).

    CCC = 2 s_xy / (s_x² + s_y² + (mean x - mean y)²) with moments of 1/n over the labelled rows. A column whose
    targets hardly vary (variance below 1e-4) has no defined gradient and takes its mean squared error instead.

    Args:
        answer: (B, K).
        target: (B, K); rows with NaN carry no label.

    Returns:
        A scalar; 0 (with a gradient of 0) when fewer than two rows are labelled.
    """
    answer, target = labelled(answer, target)
    if len(target) < 2:
        return answer.sum() * 0.0
    apart = answer.mean(dim=0) - target.mean(dim=0)
    spread = target.var(dim=0, unbiased=False)
    both = ((answer - answer.mean(dim=0)) * (target - target.mean(dim=0))).mean(dim=0)
    agreement = 2 * both / (answer.var(dim=0, unbiased=False) + spread + apart.square() + 1e-8)
    squared = (answer - target).square().mean(dim=0)
    return torch.where(spread < 1e-4, squared, 1 - agreement).mean()


def squared_loss(answer: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error over the labelled rows, mean over columns: (B, K) each; 0 when there are none."""
    answer, target = labelled(answer, target)
    return (answer - target).square().mean(dim=1).sum() / max(1, len(target))


def presence_loss(raw: Tensor, target: Tensor, rare: float = 10.0) -> Tensor:
    """Return the weighted cross-entropy of binary labels (SPEC 5.3), mean over labelled rows and columns.

    Present cases weigh min(negatives / positives, `rare`) of the labelled rows, at least 1.

    Args:
        raw: (B, K) before the sigmoid.
        target: (B, K) in 0-1, also soft; rows with NaN carry no label.
        rare: the largest weight.
    """
    raw, target = labelled(raw, target)
    if not len(target):
        return raw.sum() * 0.0
    present = target.sum(dim=0)
    weight = ((len(target) - present) / present.clamp(min=1e-6)).clamp(1, rare)
    return torch.nn.functional.binary_cross_entropy_with_logits(raw, target, pos_weight=weight)


def labelled(answer: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of both whose target has no NaN, in single precision at least."""
    known = ~torch.isnan(target).any(dim=1)
    dtype = torch.promote_types(answer.dtype, torch.float32)
    return answer[known].to(dtype), target[known].to(dtype)
