"""Image and text towers that meet in one space; classes are words, and the answer is which of them is nearest.

Source:  LASTED (Wu, Zhou and Zhang, 2023) on CLIP (Radford et al., ICML 2021); SPEC 4.2.
Changed: small towers that train from nothing; several texts for each class, whose mean stands for it once trained.
         A deployed network has the texts compiled into a table and no text tower.
Legend:  B faces, K classes, P texts, E numbers of the common space.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.core.labels import EXPRESSION
from kaoiro.core.spec import Specification
from kaoiro.families.language_contrast.config import NetworkConfig
from kaoiro.families.language_contrast.prompts import ELSEWHERE, corpus, prompts
from kaoiro.nn.attention import compact
from kaoiro.nn.clip import Clip
from kaoiro.nn.clip_files import load_clip
from kaoiro.nn.clip_sizes import CLIP_MEAN, CLIP_STD
from kaoiro.nn.prediction import Prediction
from kaoiro.nn.text import TextTower
from kaoiro.nn.tokens import Tokenizer


class Network(nn.Module):
    """Face -> its place among words -> one raw output per class of each head.

    Args:
        config: towers.
        specification: what faces are, and the classes by head.

    Raises:
        InputError: weights or tokenizer of CLIP cannot be read, or nothing is said of a class.
    """

    anew = ("upper.",)
    """What weights of another network with the same image tower may lack."""

    def __init__(self, config: NetworkConfig, specification: Specification) -> None:
        super().__init__()
        labels = {head.name: head.labels for head in specification.heads}
        clip = None if config.clip is None else load_clip(config.clip).train()  # it comes in the mode of use
        self.lower, width = _image_tower(config, specification, clip)
        self.dropout = nn.Dropout(config.dropout)
        if config.head == "linear":
            self.upper = Linear(width, {name: len(words) for name, words in labels.items()})
        else:
            self.upper = Words(config, labels, width, clip)

    def features(self, x: Tensor) -> Tensor:
        """Return where faces lie: (B, C, H, W) normalised pixels -> (B, E), of length 1 where classes are words."""
        return self.upper.place(self.dropout(_pooled(self.lower(x))))

    def classify(self, h: Tensor) -> dict[str, Tensor]:
        """Return raw outputs by head for features (B, E)."""
        return self.upper(h)

    def forward(self, x: Tensor) -> Prediction:
        """Return features and raw outputs for normalised pixels (B, C, H, W)."""
        h = self.features(x)
        return Prediction(h, self.classify(h))

    def deployed(self) -> nn.Module:
        """Return the same network with its texts compiled, for users: it has no text tower."""
        return Deployed(self).eval()

    def adopt(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return what of another network begins this one: the image tower alone, unless all its heads fit as well."""
        shapes = {name: value.shape for name, value in self.state_dict().items()}
        heads = {name: value for name, value in state.items() if name.startswith("upper.")}
        if all(shapes.get(name) == value.shape for name, value in heads.items()):
            return state
        return {name: value for name, value in state.items() if name not in heads}


class Linear(nn.ModuleDict):
    """Classes without words: a linear layer for each head."""

    def __init__(self, width: int, heads: dict[str, int]) -> None:
        super().__init__({name: nn.Linear(width, count) for name, count in heads.items()})
        for layer in self.values():
            nn.init.normal_(layer.get_parameter("weight"), std=0.01)
            nn.init.zeros_(layer.get_parameter("bias"))

    def place(self, h: Tensor) -> Tensor:
        """Return the features as they are."""
        return h

    def forward(self, h: Tensor) -> dict[str, Tensor]:
        """Return raw outputs by head."""
        return {name: layer(h) for name, layer in self.items()}


class Words(nn.Module):
    """Classes as words: cosines of a face's place with those of the classes' texts, times a learned scale.

    Args:
        config: towers.
        labels: classes by head.
        width: of the image tower.
        clip: published towers; None builds a text tower of our own.
    """

    def __init__(
        self, config: NetworkConfig, labels: dict[str, tuple[str, ...]], width: int, clip: Clip | None
    ) -> None:
        super().__init__()
        text, own = config.text, clip is None
        self.sampled = text.sampled
        self.tokenizer = tokenizer = _tokenizer(config)
        self.project = nn.Linear(width, config.embed, bias=False) if own else nn.Identity()
        self.text = _text_tower(config, tokenizer) if clip is None else clip.text
        scale = torch.tensor(math.log(config.scale)) if clip is None else clip.logit_scale.detach().clone()
        self.logit_scale = nn.Parameter(scale)
        self._rows: dict[str, list[list[int]]] = {}
        for head, words in labels.items():
            self._add(head, words, tokenizer, config)
        if text.frozen:
            self.text.requires_grad_(False)

    def _add(self, head: str, words: Sequence[str], tokenizer: Tokenizer, config: NetworkConfig) -> None:
        said = list(prompts(words, config.text.style, config.text.language).values())
        if config.text.apart and head != EXPRESSION:
            said = [[ELSEWHERE.format(text) for text in texts] for texts in said]
        ends = torch.tensor([0, *map(len, said)]).cumsum(0).tolist()
        self._rows[head] = [list(range(*pair)) for pair in pairwise(ends)]
        tokens = torch.as_tensor(tokenizer.encode([text for texts in said for text in texts]))
        self.register_buffer(f"tokens_{head}", tokens, persistent=False)

    def place(self, h: Tensor) -> Tensor:
        """Return where faces lie among words: (B, width) -> (B, E), of length 1."""
        with torch.autocast(h.device.type, enabled=False):
            return F.normalize(self.project(h.float()), dim=1)

    def places(self, head: str) -> Tensor:
        """Return where the classes of a head lie: (K, E), of length 1.

        While training, one text of each class may be drawn; else its texts' mean stands for a class.
        """
        tokens, rows = self.get_buffer(f"tokens_{head}"), self._rows[head]
        if self.training and self.sampled:
            chosen = [one[int(torch.randint(len(one), ()))] for one in rows]
            return F.normalize(self.text(tokens[chosen]).float(), dim=1)
        found = F.normalize(self.text(tokens).float(), dim=1)
        return F.normalize(torch.stack([found[one].mean(dim=0) for one in rows]), dim=1)

    def said(self, texts: Sequence[str]) -> Tensor:
        """Return where any texts lie: (T, E), of length 1.

        Raises:
            InputError: a text is too long for the tower.
        """
        tokens = self.tokenizer.encode(texts)
        longest = int(tokens.argmax(axis=1).max()) + 1  # the end has the highest id
        device = self.logit_scale.device
        return F.normalize(self.text(torch.as_tensor(tokens[:, :longest], device=device)).float(), dim=1)

    @property
    def scale(self) -> Tensor:
        """Of cosines, in the logits."""
        return self.logit_scale.exp()

    def forward(self, h: Tensor) -> dict[str, Tensor]:
        """Return raw outputs by head for places (B, E)."""
        with torch.autocast(h.device.type, enabled=False):
            return {head: self.scale * h.float() @ self.places(head).T for head in self._rows}

    @property
    def names(self) -> list[str]:
        """The heads."""
        return list(self._rows)


class Deployed(nn.Module):
    """A trained network whose texts are numbers: image tower, and a table of the classes."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.lower, self.upper = network.lower, network.upper
        self.table = nn.ParameterDict()
        if isinstance(network.upper, Words):
            words = network.upper.eval()
            with torch.no_grad():
                self.table = nn.ParameterDict({name: words.scale * words.places(name) for name in words.names})

    def forward(self, x: Tensor) -> Prediction:
        """Return features and raw outputs for normalised pixels (B, C, H, W)."""
        h = self.upper.place(_pooled(self.lower(x)))
        if isinstance(self.upper, Linear):
            return Prediction(h, self.upper(h))
        return Prediction(h, {name: h @ table.T for name, table in self.table.items()})


class Enlarged(nn.Module):
    """A published image tower for faces of any size: grey becomes three colours, pixels are resized, never padded.

    Args:
        tower: of CLIP.
        side: that it wants, pixels.
        specification: how the faces are normalised, which is undone.
    """

    def __init__(self, tower: nn.Module, side: int, specification: Specification) -> None:
        super().__init__()
        self.tower, self.side = tower, side
        self.shrinks = side < specification.size  # only then does averaging matter, for which ONNX has no operator
        for name, values in (("own_mean", specification.mean), ("own_std", specification.std)):
            self.register_buffer(name, torch.tensor(values).reshape(1, -1, 1, 1), persistent=False)
        for name, values in (("mean", CLIP_MEAN), ("std", CLIP_STD)):
            self.register_buffer(name, torch.tensor(values).reshape(1, 3, 1, 1), persistent=False)

    def prepared(self, x: Tensor) -> Tensor:
        """Return faces as the tower knows pictures: (B, C, H, W) -> (B, 3, side, side)."""
        pixels = x * self.get_buffer("own_std") + self.get_buffer("own_mean")
        size = (self.side, self.side)
        large = F.interpolate(pixels, size, mode="bicubic", antialias=self.shrinks).clamp(0, 1).expand(-1, 3, -1, -1)
        return (large - self.get_buffer("mean")) / self.get_buffer("std")

    def forward(self, x: Tensor) -> Tensor:
        """Return the tower's features."""
        return self.tower(self.prepared(x))


def _image_tower(config: NetworkConfig, specification: Specification, clip: Clip | None) -> tuple[nn.Module, int]:
    if clip is None:
        tower = compact(specification.channels, config.stem, config.widths, config.mask)
        for module in tower.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        return tower, config.widths[-1]
    return Enlarged(clip.visual, clip.sizes.image.side, specification), clip.sizes.embed


def _pooled(h: Tensor) -> Tensor:
    """Return the mean of maps (B, width, h, w); features (B, width) as they are."""
    return h.mean(dim=(2, 3)) if h.ndim == 4 else h


def _tokenizer(config: NetworkConfig) -> Tokenizer:
    if config.merges is not None:
        return Tokenizer.load(config.merges, config.text.context)
    return Tokenizer.learn(corpus(), config.text.vocabulary, config.text.context)


def _text_tower(config: NetworkConfig, tokenizer: Tokenizer) -> TextTower:
    text = config.text
    return TextTower(tokenizer.vocabulary, text.width, text.layers, text.heads, text.context, config.embed)


def count_parameters(network: nn.Module) -> int:
    """Return the number of trainable values."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
