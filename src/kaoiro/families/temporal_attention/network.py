"""Weights over the frames of a window.

Source:  the additional network of system A (SPEC 2.3): three fully connected layers over the features of N frames,
         concatenated; softmax over its N outputs (trap A-2: without it all weights would become 0).
Changed: on demand a projection shared by all frames, quality cues, and a parabola to start from (fact A-3).
Legend:  B windows, N frames a window (the oldest first), C values of a frame, Q cues.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from kaoiro.families.temporal_attention.config import NetworkConfig
from kaoiro.timeline.smoothing import parabolic


class Network(nn.Module):
    """Frames of a window -> their weights.

    A centred network answers the mean of what it says of a window and, reversed, of the reversed one: a clip that is
    played backwards gives the reversed weights, but for rounding.

    Args:
        config: what it sees.
        values: C, of a frame.
        cues: Q, of a frame; not used unless the configuration says so.
    """

    start: Tensor

    def __init__(self, config: NetworkConfig, values: int, cues: int) -> None:
        super().__init__()
        self.config = config
        width = (config.projection or values) + (cues if config.cues else 0)
        first, second = config.hidden
        self.project: nn.Module = nn.Identity()
        if config.projection:
            self.project = nn.Sequential(nn.LayerNorm(values), nn.Linear(values, config.projection))
        self.layers = nn.Sequential(
            nn.Linear(config.length * width, first),
            nn.ReLU(),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Linear(second, config.length),
        )
        weights = parabolic(config.length) if config.parabolic else np.full(config.length, 1 / config.length)
        self.register_buffer("start", torch.tensor(np.log(weights), dtype=torch.float32))

    def forward(self, values: Tensor, cues: Tensor, seen: Tensor) -> Tensor:
        """Return weights (B, N) that add up to 1; frames that were not seen get none.

        Args:
            values: (B, N, C); what stands in frames that were not seen does not matter.
            cues: (B, N, Q).
            seen: (B, N) bool, at least one of each window.
        """
        raw = self._raw(values, cues, seen)
        if self.config.centred:
            raw = 0.5 * (raw + self._raw(values.flip(1), cues.flip(1), seen.flip(1)).flip(1))
        return (raw + self.start).masked_fill(~seen, float("-inf")).softmax(dim=1)

    def _raw(self, values: Tensor, cues: Tensor, seen: Tensor) -> Tensor:
        there = seen[..., None]
        frames = self.project(torch.where(there, values, torch.zeros_like(values)))
        parts = [frames, torch.where(there, cues, torch.zeros_like(cues))] if self.config.cues else [frames]
        return self.layers((torch.cat(parts, dim=2) * there).flatten(1))
