"""Features without labels: what two views of a face have in common, and nothing twice.

Source:  Zbontar et al., "Barlow Twins: Self-Supervised Learning via Redundancy Reduction", ICML 2021, eq. 1 and 2.
         Chosen over SimCLR (Chen et al., ICML 2020), which wants thousands of faces a step to tell one from, and takes
         two faces of one expression for opposites as it takes any two; and over VICReg (Bardes et al., ICLR 2022),
         which has three weights where this has one. No second network has to be kept, and 128 faces a step are enough.
Changed: the projector has one hidden layer instead of two, 512 wide instead of 8192; the loss is the mean over its
         numbers, not the sum, so that rates do not depend on how many there are; SGD instead of LARS.
Legend:  B faces, W features of the network, D numbers of the projector.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kaoiro.families.staged_transfer.config import ViewsConfig

_LEAST = 1e-5  # added to variances: a number that never varies correlates with nothing


def projector(width: int, config: ViewsConfig) -> nn.Sequential:
    """Return what lies between features and loss, and is thrown away in the end: (B, W) -> (B, D)."""
    return nn.Sequential(
        nn.Linear(width, config.hidden, bias=False),
        nn.BatchNorm1d(config.hidden),
        nn.ReLU(),
        nn.Linear(config.hidden, config.numbers, bias=False),
    )


def redundancy_loss(first: Tensor, second: Tensor, weight: float) -> Tensor:
    """Return how far the correlations between two views are from the identity (Zbontar et al., 2021, eq. 1 and 2).

    L = 1/D (sum_i (1 - C_ii)^2 + weight sum_i sum_(j != i) C_ij^2), where C_ij is the correlation, over the batch, of
    number i of the first views with number j of the second ones. 0 is the best. Codes that are the same for all faces
    have no correlations and cost 1; copies of one number cost weight (D - 1).

    Args:
        first: (B, D) codes of the first views.
        second: (B, D) codes of the second views of the same faces, in the same order.
        weight: of what numbers tell twice (lambda).
    """
    with torch.autocast(first.device.type, enabled=False):
        table = _standardised(first).T @ _standardised(second) / len(first)
        same = table.diagonal()
        twice = table.square().sum() - same.square().sum()
        return ((1 - same).square().sum() + weight * twice) / len(same)


def _standardised(codes: Tensor) -> Tensor:
    """Return codes (B, D) with mean 0 and deviation 1 over the batch, in single precision at least."""
    codes = codes.to(torch.promote_types(codes.dtype, torch.float32))
    return (codes - codes.mean(dim=0)) / (codes.var(dim=0, unbiased=False) + _LEAST).sqrt()
