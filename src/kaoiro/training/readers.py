"""Learn the readers of `kaoiro.inference.words.readers`: a small network that sees one side of rendered faces.

The network answers for the subject's left side; the graph asks it about every face and its mirror image, and in
training a face is mirrored at random with the truth of its other side. Nothing is chosen while it learns: sizes and
passes were chosen on people of 'val' (docs/results/readers.md).
Legend: B batch, N faces, K signs.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.core.checks import at_least
from kaoiro.core.errors import DataError
from kaoiro.evaluation.readers import Seen, clear
from kaoiro.inference.words.readers import SIDE, SIGNS
from kaoiro.training.exchange_export import quantised

SHIFT, ZOOM, TURN = 0.03, 0.06, 4.0
"""Standard deviations of where faces lie in learning: share of the side, logarithm of the size, degrees. Detectors err,
and points of rendered faces do not."""
GAMMA, SHADE, NOISE = 0.3, 0.35, 10.0
"""Of the logarithm of the gamma, and of a shade across the face; largest standard deviation of noise, grey levels."""
ERASED, PATCH = 0.3, (6, 18)
"""Share of faces a patch of which is painted over, and its sides, pixels."""
_SMALLEST = 8.0  # standard deviation by which a flat crop is divided


@dataclass(frozen=True)
class ReaderConfig:
    """How readers learn.

    Attributes:
        epochs: passes over the faces.
        batch: faces at a step.
        learning_rate: at its highest, of one cycle.
        weight_decay: of AdamW.
        seed: of weights, order and changes.
    """

    epochs: int = 60
    batch: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 0.03
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            at_least(name, 1, getattr(self, name))


def _block(given: int, made: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(given, made, 3, stride, 1, bias=False), nn.BatchNorm2d(made), nn.ReLU()]


class Network(nn.Module):
    """Grey crops (B, 1, 48, 48) of 0-255 -> logits (B, K) of the subject's left side; every crop is normalised."""

    def __init__(self, signs: int = len(SIGNS)) -> None:
        super().__init__()
        self.map = nn.Sequential(*_block(1, 16, 2), *_block(16, 32, 2), *_block(32, 32, 1), *_block(32, 48, 2))
        self.narrow = nn.Sequential(nn.Conv2d(48, 12, 1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2))
        self.answer = nn.Sequential(nn.Linear(12 * (SIDE // 8) ** 2, 32), nn.ReLU(), nn.Linear(32, signs))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits."""
        x = pixels.float()
        centred = x - x.mean((1, 2, 3), keepdim=True)
        spread = (centred**2).mean((1, 2, 3), keepdim=True).sqrt() + _SMALLEST
        return self.answer(self.narrow(self.map(centred / spread)))


class BothSides(nn.Module):
    """Crops (N, 1, 48, 48) uint8 -> logits (N, K, 2) of the subject's left and right."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits of faces and of their mirror images."""
        seen = pixels.float()
        return torch.stack([self.network(seen), self.network(seen.flip(3))], dim=2)


def fit(
    seen: Seen,
    config: ReaderConfig | None = None,
    tell: Callable[[str], None] = lambda _: None,
    threads: int | None = None,
) -> Network:
    """Learn from rendered faces; the same faces and settings give the same network on the same machine.

    Args:
        seen: faces with the truth of both sides.
        config: settings.
        tell: receives a line after some passes.
        threads: of PyTorch; None leaves it as it is.

    Raises:
        DataError: fewer faces than a batch.
    """
    config = config or ReaderConfig()
    steps = len(seen.pixels) // config.batch
    if not steps:
        raise DataError(f"{len(seen.pixels)} faces to learn readers from; at least {config.batch} are needed")
    if threads is not None:
        torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    rng, network = np.random.default_rng(config.seed), Network()
    wanted, told = (torch.from_numpy(one.astype(np.float32)) for one in clear(seen.intensities))
    pixels = torch.from_numpy(seen.pixels)[:, None]
    rule = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(rule, config.learning_rate, total_steps=config.epochs * steps)
    for epoch in range(config.epochs):
        order, total = rng.permutation(len(pixels)), 0.0
        for rows in order[: steps * config.batch].reshape(steps, -1):
            side = int(rng.integers(2))
            crops = pixels[rows].flip(3) if side else pixels[rows]
            logits = network(changed(crops))
            losses = F.binary_cross_entropy_with_logits(logits, wanted[rows, :, side], reduction="none")
            loss = (losses * told[rows, :, side]).mean()
            rule.zero_grad()
            loss.backward()
            rule.step()
            cycle.step()
            total += loss.item()
        if epoch % 10 == 9:
            tell(f"pass {epoch + 1} of {config.epochs}: loss {total / steps:.4f}")
    return network.eval()


def changed(pixels: Tensor) -> Tensor:
    """Return crops (B, 1, S, S) as other cameras and detectors might have given them, drawn by torch's own seed."""
    count, side = len(pixels), pixels.shape[-1]
    zoom, angle = torch.exp(ZOOM * torch.randn(count)), torch.deg2rad(TURN * torch.randn(count))
    cosine, sine = zoom * torch.cos(angle), zoom * torch.sin(angle)
    shift = 2 * SHIFT * torch.randn(2, count)  # the sampling grid is 2 wide
    rows = (torch.stack([cosine, -sine, shift[0]], 1), torch.stack([sine, cosine, shift[1]], 1))
    grid = F.affine_grid(torch.stack(rows, 1), [count, 1, side, side], align_corners=False)
    moved = F.grid_sample(pixels.float(), grid, padding_mode="border", align_corners=False)
    lit = 255 * (moved.clamp(0, 255) / 255) ** torch.exp(GAMMA * torch.randn(count, 1, 1, 1))
    lit = lit * torch.exp(SHADE * torch.randn(count, 1, 1, 1) * torch.linspace(-1, 1, side))
    lit = lit + NOISE * torch.rand(count, 1, 1, 1) * torch.randn(lit.shape)
    for face in torch.nonzero(torch.rand(count) < ERASED).ravel().tolist():
        high, wide = torch.randint(PATCH[0], PATCH[1] + 1, (2,)).tolist()
        top, left = torch.randint(0, side - PATCH[0], (2,)).tolist()
        lit[face, :, top : top + high, left : left + wide] = 255 * torch.rand(1)
    return lit


def graph(network: nn.Module) -> bytes:
    """Return the ONNX graph of both sides, its larger weights as whole numbers of 8 bits."""
    import onnx

    example = torch.zeros(2, 1, SIDE, SIDE, dtype=torch.uint8)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        path = str(Path(folder) / "graph.onnx")
        torch.onnx.export(
            BothSides(network).eval(),
            (example,),
            path,
            input_names=["pixels"],
            output_names=["signs"],
            dynamic_axes={"pixels": {0: "faces"}, "signs": {0: "faces"}},
            opset_version=17,
            dynamo=False,
        )
        return quantised(onnx.load(path)).SerializeToString()


def settings(config: ReaderConfig) -> dict[str, Any]:
    """Return all that decides the network beside the faces."""
    changes = {"shift": SHIFT, "zoom": ZOOM, "turn": TURN, "gamma": GAMMA, "shade": SHADE, "noise": NOISE}
    return asdict(config) | changes | {"erased": ERASED, "patch": list(PATCH)}
