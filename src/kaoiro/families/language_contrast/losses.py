"""The contrastive loss on both axes of a table of images and classes, and what is done for rare classes.

Source:  LASTED (Wu, Zhou and Zhang, 2023), as its published code has it (SPEC 4.3): images are compared with the texts
         of fixed classes. Logit adjustment: Menon et al., ICLR 2021.
Changed: targets may be distributions, and where a class has no image in a batch the text axis is that of the classes
         which have some; the published code drops the whole axis (`printed`).
Legend:  B images, K classes, S logits, T targets.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kaoiro.nn.losses import soft_cross_entropy

_PRESENT = 1e-6
_SHOWN = 0.5  # faces, expected, that a sentence is true of


def text_axis(logits: Tensor, targets: Tensor, printed: bool = False) -> Tensor:
    """Return the loss of the texts: each class's text against the mean images of all classes.

    For class c, v_c = [mean of S_bc over images b of class c; of every other class c'], L = mean_c CE(v_c, 0). With
    distributions an image belongs to each class by its share.

    Args:
        logits: (B, K) of images against class texts.
        targets: (B, K) rows that sum to 1; rows with NaN carry no label.
        printed: as published: 0 if any class has no image.

    Returns:
        A scalar; 0 (with a gradient of 0) where fewer than two classes have images.
    """
    known = ~torch.isnan(targets).any(dim=1)
    shares, logits = targets[known].float(), logits[known].float()
    mass = shares.sum(dim=0)
    present = mass > _PRESENT
    if int(present.sum()) < 2 or (printed and not bool(present.all())):
        return logits.sum() * 0.0
    means = (shares.T @ logits)[present][:, present] / mass[present, None]  # [class of the images, class of the text]
    return F.cross_entropy(means.T, torch.arange(len(means), device=means.device))


def contrastive(logits: Tensor, targets: Tensor, printed: bool = False) -> Tensor:
    """Return (L_img + L_text) / 2; `printed` takes L_img alone for a batch without images of some class.

    Args:
        logits: (B, K) of images against class texts.
        targets: (B, K) rows that sum to 1; rows with NaN carry no label.
        printed: as published.
    """
    images = soft_cross_entropy(logits, targets)
    if printed and not bool((targets[~torch.isnan(targets).any(dim=1)].sum(dim=0) > _PRESENT).all()):
        return images
    return (images + text_axis(logits, targets, printed)) / 2


def tied(logits: Tensor, shares: Tensor) -> Tensor:
    """Return the loss of sentences: which faces of the batch each of them is true of.

    For sentence t, L_t = CE(softmax over faces of S_bt, q_bt / sum over faces of q_bt): the text axis with one row for
    each face. How often a unit occurs, and how high its probabilities run, cancels out; what counts is which faces
    show it more than others, and this is all that is known of units nobody labelled on photographs.

    Args:
        logits: (B, T) of images against sentences.
        shares: (B, T) probabilities that they are true, 0-1; NaN where a face was not read.

    Returns:
        A mean over sentences that half a face of the batch or more shows; 0 (with a gradient of 0) without any.
    """
    known = ~torch.isnan(shares).any(dim=1)
    shares, logits = shares[known].float(), logits[known].float()
    mass = shares.sum(dim=0)
    shown = mass >= _SHOWN
    if not bool(shown.any()):
        return logits.sum() * 0.0
    return soft_cross_entropy(logits[:, shown].T, (shares[:, shown] / mass[shown]).T)


def adjusted(logits: Tensor, prior: Tensor, strength: float) -> Tensor:
    """Return logits + strength log prior, for training only, by which rare classes are not lost (Menon et al., eq. 10).

    Args:
        logits: (B, K).
        prior: (K,) shares of the classes in what is learned from: of batches with guaranteed classes, if there are any.
        strength: 0 leaves them as they are; 1 makes the answer without it that of equally frequent classes.
    """
    return logits if not strength else logits + strength * torch.log(prior.clamp(min=1e-8))
