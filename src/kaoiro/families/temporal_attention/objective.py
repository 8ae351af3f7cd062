"""What the family learns: that neighbouring windows of a clip should agree, without any label."""

from __future__ import annotations

import lightning as L
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kaoiro.core.labels import AFFECT_CENTRES
from kaoiro.core.streams import Streams
from kaoiro.families.temporal_attention.network import Network
from kaoiro.families.temporal_attention.recipe import Recipe
from kaoiro.timeline.smoothing import parabola

AFFECT_CUES = ("valence", "arousal", "distance")
"""Of a frame's answer, the last from the window's mean."""


class Objective(L.LightningModule):
    """Squared difference between the answers of consecutive windows (SPEC 2.3), and what the improved mode adds.

    The still network is frozen and ends in a linear layer, so that the weighted mean of its logits is its answer to
    the weighted mean of its features. On demand the weights are laid on its probabilities instead. Batches are
    (B, 2, N) frames of a window and of the next, -1 beyond an end.

    Args:
        recipe: settings.
        streams: of all clips, those for validation too; batches point into them.
    """

    def __init__(self, recipe: Recipe, streams: Streams) -> None:
        super().__init__()
        self.recipe, self.config = recipe, recipe.objective
        cues = streams.cues.shape[1] + len(AFFECT_CUES if recipe.network.affect else ())
        self.watch(streams)
        self.network = Network(recipe.network, self._tables["values"].shape[1], cues)
        self._shuffle = torch.Generator().manual_seed(recipe.run.seed)

    def watch(self, streams: Streams) -> None:
        """Take the frames of which windows will come from other streams, such as those of another set."""
        values = streams.features if self.recipe.network.reads == "features" else streams.logits
        seen = torch.from_numpy(streams.seen)
        self._tables = {
            "values": torch.from_numpy(values).nan_to_num(),
            "logits": torch.from_numpy(streams.logits).nan_to_num(),
            "cues": torch.from_numpy(streams.cues).nan_to_num(),
            "seen": seen,
            "affect": torch.from_numpy(affect(streams)).float().nan_to_num(),
            "target": torch.from_numpy(_without_lag(streams)).float().nan_to_num(),
        }

    def answer(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, K), or logarithms of probabilities, and weights (B, N) of windows (B, N)."""
        rows = self._filled(windows)
        if self.config.shuffled:
            order = torch.rand(rows.shape, generator=self._shuffle).argsort(dim=1)
            rows = rows.gather(1, order)  # anew for every window: one order for all could be learned
        values, cues, seen = (self._tables[name][rows] for name in ("values", "cues", "seen"))
        if self.recipe.network.affect:
            cues = torch.cat([cues, with_distance(self._tables["affect"][rows], seen)], dim=2)
        weights = self.network(values, cues, seen | ~seen.any(dim=1, keepdim=True))
        logits = self._tables["logits"][rows]
        if self.recipe.network.weighs == "logits":
            return torch.einsum("bn,bnk->bk", weights, logits), weights
        return torch.einsum("bn,bnk->bk", weights, logits.softmax(dim=2)).clamp(min=1e-12).log(), weights

    def _filled(self, windows: Tensor) -> Tensor:
        """Return windows in which the frames beyond an end of the clip are those at the end."""
        beyond = windows < 0
        first = windows.masked_fill(beyond, torch.iinfo(windows.dtype).max).amin(dim=1, keepdim=True)
        last = windows.amax(dim=1, keepdim=True)
        before = beyond & (torch.cumsum(~beyond, dim=1) == 0)
        return torch.where(before, first, torch.where(beyond, last, windows))

    def loss(self, batch: Tensor) -> Tensor:
        """Return the loss of pairs of windows (B, 2, N)."""
        ours, weights = self.answer(batch[:, 0])
        following, _ = self.answer(batch[:, 1])
        as_compared = (lambda raw: raw) if self.config.compare == "logits" else (lambda raw: raw.softmax(dim=1))
        total = ((as_compared(ours) - as_compared(following)) ** 2).mean()
        if self.config.fidelity:
            target = self._tables["target"][self._frame(batch[:, 0])]
            total = total + self.config.fidelity * F.kl_div(ours.log_softmax(dim=1), target, reduction="batchmean")
        if self.config.lag:
            age = torch.arange(weights.shape[1] - 1, -1, -1, dtype=weights.dtype) / weights.shape[1]
            total = total + self.config.lag * (weights * age).sum(dim=1).mean()
        return total

    def _frame(self, windows: Tensor) -> Tensor:
        """Return the frame (B,) that a window is about."""
        place = self.recipe.network.length // 2 if self.recipe.network.centred else -1
        return windows[:, place]

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        """Log and return the loss."""
        del index
        loss = self.loss(batch)
        self.log("loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(batch))
        return loss

    def validation_step(self, batch: Tensor, index: int) -> None:
        """Log the loss of clips that nothing is learned from."""
        del index
        self.log("val_loss", self.loss(batch), prog_bar=True, batch_size=len(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam (Kingma and Ba, 2015)."""
        return torch.optim.Adam(self.network.parameters(), self.config.learning_rate)


def affect(streams: Streams) -> np.ndarray:
    """Return the valence and arousal (F, 2) that the answers mean: the mean of `AFFECT_CENTRES`, weighted by them.

    Contempt has no centre and counts as neutral.
    """
    centres = np.array([AFFECT_CENTRES.get(label, (0.0, 0.0)) for label in streams.labels])
    return streams.probabilities @ centres


def with_distance(points: Tensor, seen: Tensor) -> Tensor:
    """Return points (B, N, 2) and their distance from the mean of those seen in the window: (B, N, 3)."""
    share = seen[..., None].float()
    mean = (points * share).sum(dim=1, keepdim=True) / share.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.cat([points, (points - mean).norm(dim=2, keepdim=True)], dim=2)


def _without_lag(streams: Streams) -> np.ndarray:
    """Return the curve (F, K) that is faithful: a centred parabola over the probabilities of each clip."""
    probabilities = streams.probabilities
    return np.concatenate([parabola(probabilities[part], centred=True) for _, part in streams.each()])
