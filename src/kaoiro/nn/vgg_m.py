"""VGG-CNN-M-2048, up to fc7.

Source:  Chatfield et al., "Return of the Devil in the Details: Delving Deep into Convolutional Nets", BMVC 2014 (arXiv
         1405.3531), table 1 with an fc7 of 2048 outputs; padding and sizes as in the model that its authors gave out.
Changed: nothing. The last layer, which differs from task to task, is the family's.
Legend:  B batch, C channels, H = W = 224 pixels; conv1 109, pool1 54, conv2 26, pool2 13, conv3 to conv5 13, pool5 6.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

WIDTHS = (96, 256, 512, 512, 512, 4096, 2048)
"""Outputs of conv1 to conv5, fc6 and fc7."""
SIDE = 224
"""Pixels of a picture."""


def vgg_m(thin: int = 1, dropout: float = 0.5) -> nn.Sequential:
    """Return the layers up to fc7 and its ReLU, under Caffe's names: (B, 3, 224, 224) -> (B, 2048 / thin).

    Args:
        thin: divides the number of channels of every layer, for trials.
        dropout: after fc6.
    """
    first, second, third, fourth, fifth, sixth, seventh = (width // thin for width in WIDTHS)
    layers: list[tuple[str, nn.Module]] = [
        ("conv1", nn.Conv2d(3, first, 7, 2)),
        ("relu1", nn.ReLU()),
        ("norm1", _norm()),
        ("pool1", _pool()),
        ("conv2", nn.Conv2d(first, second, 5, 2, padding=1)),
        ("relu2", nn.ReLU()),
        ("norm2", _norm()),
        ("pool2", _pool()),
        ("conv3", nn.Conv2d(second, third, 3, padding=1)),
        ("relu3", nn.ReLU()),
        ("conv4", nn.Conv2d(third, fourth, 3, padding=1)),
        ("relu4", nn.ReLU()),
        ("conv5", nn.Conv2d(fourth, fifth, 3, padding=1)),
        ("relu5", nn.ReLU()),
        ("pool5", _pool()),
        ("flat", nn.Flatten()),
        ("fc6", nn.Linear(fifth * 6 * 6, sixth)),
        ("relu6", nn.ReLU()),
        ("drop6", nn.Dropout(dropout)),
        ("fc7", nn.Linear(sixth, seventh)),
        ("relu7", nn.ReLU()),
    ]
    return nn.Sequential(OrderedDict(layers))


def _norm() -> nn.LocalResponseNorm:
    """Return normalisation over 5 channels: α = 1e-4 for each of them (PyTorch divides by 5), β = 0.75, k = 2."""
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


def _pool() -> nn.MaxPool2d:
    """Return pooling of 3 by 3 places; a last row that is not full counts, as in Caffe (26 becomes 13)."""
    return nn.MaxPool2d(3, 2, ceil_mode=True)
