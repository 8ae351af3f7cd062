"""Two altered views of each face, and what is computed from their codes: a contrastive loss, and histograms to read.

Source:  Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020: two views, a
         projection between the code and the loss, NT-Xent. Chosen over Bardes et al., "VICReg", ICLR 2022, because it
         needs neither a wide projection nor three weights, and learned as much in the same minutes.
Changed: faces are told apart within groups alone (`data.views`); views are grey, or in colour where a face is.
Legend:  U unlabelled faces, V known ones, N = U + V, S side of the network, E numbers of the code, K components.
"""

from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.data.augmentation import Augmentation
from kaoiro.data.transforms import Draw, augment, sample
from kaoiro.families.identity_expression import losses
from kaoiro.families.identity_expression.config import ViewsConfig

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_BLACK = 1e-4  # least grey value that is taken to a power


class Viewed(NamedTuple):
    """Faces of a step that are seen in two views.

    Attributes:
        unlabelled: (U, s, s) uint8 grey, of any side.
        known: (V, S, S, 3) uint8.
        groups: (N,) whole numbers; a face is told apart from the others of its group.
        gradients: (N, K) what shall be read from a code; K is 0 where nothing is.
    """

    unlabelled: Tensor
    known: Tensor
    groups: Tensor
    gradients: Tensor


class Heads(nn.Module):
    """What lies between codes and losses, and is thrown away in the end.

    Args:
        config: settings of views.
        size: E.
    """

    def __init__(self, config: ViewsConfig, size: int) -> None:
        super().__init__()
        self.config = config
        layers = (nn.Linear(size, config.hidden), nn.ReLU(), nn.Linear(config.hidden, config.numbers))
        self.projection = nn.Sequential(*layers) if config.contrast else None
        self.gradients = nn.Linear(size, config.components) if config.gradients else None

    def forward(self, codes: Tensor, viewed: Viewed) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted loss of both views' codes (2N, E), first views first, and its parts."""
        total, figures = codes.new_zeros(()), {}
        if self.projection is not None:
            figures["contrast"] = losses.contrast(self.projection(codes), viewed.groups, self.config.temperature)
            total = total + self.config.contrast * figures["contrast"]
        if self.gradients is not None:
            wished = viewed.gradients.repeat(2, 1)
            read = self.gradients(codes)[:, : wished.shape[1]]  # faces that vary little have fewer components
            figures["gradients"] = F.mse_loss(read, wished)
            total = total + self.config.gradients * figures["gradients"]
        return total, figures


def two_views(viewed: Viewed, config: ViewsConfig, side: int, generator: torch.Generator) -> Tensor:
    """Return two views of each face: (2N, 3, S, S) float32 in 0 to 1, first views first, channels last in memory.

    Args:
        viewed: faces.
        config: how they are altered, how often those in colour are grey, and how far grey ones are tinted.
        side: S.
        generator: of all random numbers.
    """
    grey = sized(viewed.unlabelled[:, None].float() / 255, side)
    known = sized(viewed.known.permute(0, 3, 1, 2).float() / 255, side)
    faces = torch.cat([grey.expand(-1, 3, -1, -1), known]).repeat(2, 1, 1, 1)
    colour = torch.rand(2, len(faces) // 2, generator=generator) >= config.grey
    unlabelled = (torch.arange(len(faces) // 2) < len(grey)).expand(2, -1)
    made = altered(faces, (colour & ~unlabelled).flatten(), config.augmentation, generator)
    return tinted(made, (colour & unlabelled).flatten(), config.tint, generator)


def altered(faces: Tensor, colour: Tensor, config: Augmentation, generator: torch.Generator) -> Tensor:
    """Return faces (B, 3, S, S), altered each in its own way, those without `colour` (B,) in grey."""
    draw = sample(config, torch.Size((len(faces), 1, *faces.shape[2:])), generator)
    plain, coloured = torch.nonzero(~colour).flatten(), torch.nonzero(colour).flatten()
    planes = torch.cat([luma(faces[plain]), faces[coloured].flatten(0, 1)[:, None]])
    owners = torch.cat([plain, coloured.repeat_interleave(3)])
    made = augment(planes, Draw(**{one.name: getattr(draw, one.name)[owners] for one in fields(Draw)}))
    grey, rest = made[: len(plain)].expand(-1, 3, -1, -1), made[len(plain) :].unflatten(0, (-1, 3))[:, :, 0]
    places = torch.argsort(torch.cat([plain, coloured]))
    return torch.cat([grey, rest])[places.to(faces.device)].contiguous(memory_format=torch.channels_last)


def tinted(faces: Tensor, chosen: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Return grey faces (B, 3, S, S), of which the chosen (B,) get another brightness and contrast in each channel.

    Colour photographs then look less strange to an encoder that has never seen one.
    """
    rows = torch.nonzero(chosen).flatten()
    numbers = strength * (2 * torch.rand(2, len(rows), 3, 1, 1, generator=generator) - 1)
    if not len(rows) or not strength:
        return faces
    gain, gamma = (1 + numbers[0]).to(faces), (2 * numbers[1]).exp().to(faces)
    rows = rows.to(faces.device)
    coloured = (faces[rows].clamp(min=_BLACK) ** gamma * gain).clamp(0, 1)
    return faces.index_copy(0, rows, coloured)


def luma(faces: Tensor) -> Tensor:
    """Return faces (B, 3, H, W) in grey: (B, 1, H, W)."""
    return (faces * faces.new_tensor(_LUMA)[:, None, None]).sum(dim=1, keepdim=True)


def greyed(faces: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Return faces (B, 3, H, W), of which each is grey with a probability."""
    chosen = torch.rand(len(faces), generator=generator).to(faces.device) < probability
    return torch.where(chosen[:, None, None, None], luma(faces), faces)


def sized(faces: Tensor, side: int) -> Tensor:
    """Return faces (B, C, H, W) with another side, averaged where they shrink."""
    if faces.shape[-1] == side or not len(faces):
        return faces if len(faces) else faces.new_empty(0, faces.shape[1], side, side)
    return F.interpolate(faces, size=(side, side), mode="bilinear", antialias=True)
