"""AlexNet in the form of Caffe's reference model, up to fc7.

Source:  Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012, in the form
         that Caffe gave out: groups of 2 on one path, pooling before normalisation (`bvlc_reference_caffenet`), or
         after it (`bvlc_alexnet`).
Changed: nothing. The last layer, which differs from task to task, is the family's.
Legend:  B batch, C channels, H = W = 227 pixels; conv1 55, pool1 27, conv2 27, pool2 13, conv3 to conv5 13, pool5 6.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

WIDTHS = (96, 256, 384, 384, 256, 4096, 4096)
"""Outputs of conv1 to conv5, fc6 and fc7."""
SIDE = 227
"""Pixels of a picture."""


def alexnet(thin: int = 1, dropout: float = 0.5, normalise_first: bool = False) -> nn.Sequential:
    """Return the layers up to fc7 and its ReLU, under Caffe's names: (B, 3, 227, 227) -> (B, 4096 / thin).

    Args:
        thin: divides the number of channels of every layer, for trials.
        dropout: after fc6.
        normalise_first: before pooling, as the paper and `bvlc_alexnet`. Weights have the same shapes either way.
    """
    first, second, third, fourth, fifth, sixth, seventh = (width // thin for width in WIDTHS)
    layers: list[tuple[str, nn.Module]] = [
        ("conv1", nn.Conv2d(3, first, 11, 4)),
        ("relu1", nn.ReLU()),
        *_reduced(1, normalise_first),
        ("conv2", nn.Conv2d(first, second, 5, padding=2, groups=2)),
        ("relu2", nn.ReLU()),
        *_reduced(2, normalise_first),
        ("conv3", nn.Conv2d(second, third, 3, padding=1)),
        ("relu3", nn.ReLU()),
        ("conv4", nn.Conv2d(third, fourth, 3, padding=1, groups=2)),
        ("relu4", nn.ReLU()),
        ("conv5", nn.Conv2d(fourth, fifth, 3, padding=1, groups=2)),
        ("relu5", nn.ReLU()),
        ("pool5", nn.MaxPool2d(3, 2)),
        ("flat", nn.Flatten()),
        ("fc6", nn.Linear(fifth * 6 * 6, sixth)),
        ("relu6", nn.ReLU()),
        ("drop6", nn.Dropout(dropout)),
        ("fc7", nn.Linear(sixth, seventh)),
        ("relu7", nn.ReLU()),
    ]
    return nn.Sequential(OrderedDict(layers))


def _reduced(number: int, normalise_first: bool) -> list[tuple[str, nn.Module]]:
    """Return pooling and normalisation: 5 channels, α = 1e-4 divided by these 5, β = 0.75, k = 1."""
    pool = (f"pool{number}", nn.MaxPool2d(3, 2))
    norm = (f"norm{number}", nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0))
    return [norm, pool] if normalise_first else [pool, norm]
