"""An encoder whose features are a dictionary of patches, learned without labels, without gradients and in minutes.

Source:  Coates, Ng and Lee, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", AISTATS 2011:
         patches of even contrast, whitened, spherical k-means, a threshold, sums over a grid of places; Coates and Ng,
         "Learning Feature Representations with K-means", 2012.
Changed: a grid of 5x5 places instead of 2x2, because faces are aligned; square roots of the sums (as for histograms:
         Arandjelović and Zisserman, "Three Things Everyone Should Know", CVPR 2012).
Legend:  B batch, K atoms, P side of a patch, G places across and down, E numbers of the code; pictures (B, 3, H, W).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE, PATCH, PLACES = 36, 6, 5
"""Pixels of the picture that patches are cut from, of a patch, and places across and down."""
_CONTRAST = 1e-3  # added to the variance of a patch: what is nearly even stays nearly even
_FAINT = 1e-2  # added to the length of a whitened patch, for the same reason
_THRESHOLD = 0.35  # cosine from which a patch counts as alike
_LEAST = 1e-8  # below the root, whose slope would be endless at 0
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


class Patches(nn.Module):
    """Pictures (B, 3, H, W) in 0 to 1 -> features (B, K G G): how much of every atom there is in every place.

    Args:
        atoms: K.
        side: H = W of the pictures.
    """

    atoms: Tensor
    whitening: Tensor
    luma: Tensor
    even: Tensor
    shrink: Tensor

    def __init__(self, atoms: int, side: int) -> None:
        super().__init__()
        self.side = side
        one = torch.eye(side)[None, None]
        columns = F.interpolate(one, (SIDE, side), mode="bilinear", antialias=True)[0, 0]
        self.register_buffer("shrink", columns, persistent=False)
        self.register_buffer("atoms", torch.zeros(atoms, 1, PATCH, PATCH))
        self.register_buffer("whitening", torch.zeros(PATCH**2, 1, PATCH, PATCH))
        self.register_buffer("luma", torch.tensor(_LUMA).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("even", torch.full((1, 1, PATCH, PATCH), 1 / PATCH**2), persistent=False)

    def learned(self, atoms: Tensor, whitening: Tensor) -> None:
        """Take what was learned: unit vectors (K, P P) among whitened patches, and the whitening (P P, P P).

        Means are taken off once and for all, so that a convolution does it.
        """
        turned = whitening - whitening.mean(dim=1, keepdim=True)
        self.whitening.copy_(turned.reshape(self.whitening.shape))
        self.atoms.copy_((atoms @ turned).reshape(self.atoms.shape))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return features."""
        grey = (pictures * self.luma).sum(dim=1, keepdim=True)
        grey = self.shrink @ grey @ self.shrink.T  # as `F.interpolate` with antialias, which ONNX does not know
        mean = F.conv2d(grey, self.even)
        variance = (F.conv2d(grey.square(), self.even) - mean.square()).clamp(min=0)
        spread = (variance + _CONTRAST).sqrt()
        length = (F.conv2d(grey, self.whitening).square().sum(dim=1, keepdim=True) + _LEAST).sqrt() / spread
        alike = F.relu(F.conv2d(grey, self.atoms) / spread / (length + _FAINT) - _THRESHOLD)
        return (self._summed(alike) + _LEAST).sqrt().flatten(1)

    @staticmethod
    def _summed(alike: Tensor) -> Tensor:
        """Return means over G x G places: (B, K, G, G); places overlap by a row where they do not fit."""
        side = alike.shape[-1]
        stride = side // PLACES
        return F.avg_pool2d(alike, side - stride * (PLACES - 1), stride)


def contrasted(patches: Tensor) -> Tensor:
    """Return patches (N, P P) with mean 0 and about variance 1."""
    centred = patches - patches.mean(dim=1, keepdim=True)
    return centred / (centred.square().mean(dim=1, keepdim=True) + _CONTRAST).sqrt()
