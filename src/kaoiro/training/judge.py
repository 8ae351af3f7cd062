"""The network of `kaoiro.training.signal` as judge of made faces: landmarks, action units and features.

It learned from rendered faces alone and is asked about rendered faces alone; what it reads off the true render is the
standard that swaps are held against, so that its own errors weigh on all methods alike.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from kaoiro.core.errors import DataError
from kaoiro.core.rendered import POINTS
from kaoiro.core.spec import CropGeometry
from kaoiro.faces.align import to_luma
from kaoiro.training.signal import MEAN, SIDE, STD, Signal, SignalConfig

_BATCH = 256
_EYES, _EYE = (36, 42), 6  # first landmark of each eye, and how many it has
_NEAR = 0.1  # of half the side: eyes that lie nearer than this to a crop's lie as in that crop


class SignalJudge:
    """A judge as `kaoiro.evaluation.swapping` asks for, of pictures (N, side, side, 3) or (N, side, side) uint8.

    Args:
        signal: trained.
    """

    def __init__(self, signal: Signal) -> None:
        self._network = signal.network
        self._last: tuple[np.ndarray, tuple[Tensor, Tensor, Tensor]] | None = None

    def knows(self, crop: CropGeometry) -> bool:
        """Tell whether it learned from faces that lie as in a crop: by the usual place of the eyes."""
        usual = self._network.usual.reshape(POINTS, 2).numpy()
        eyes = np.stack([usual[first : first + _EYE].mean(axis=0) for first in _EYES])
        return bool(np.abs(eyes - (2 * np.array(crop.points[:2]) - 1)).max() < _NEAR)

    def landmarks(self, pixels: np.ndarray) -> np.ndarray:
        """Return (N, 68, 2) places in the crop, -1 to 1 across and down."""
        told = self._asked(pixels)[1]
        return (told * self._network.spread + self._network.usual).reshape(-1, POINTS, 2).numpy()

    def units(self, pixels: np.ndarray) -> np.ndarray:
        """Return (N, 8) intensities of `MULTITASK_UNITS`, 0-1."""
        return self._asked(pixels)[2].numpy()

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Return (N, 392) features, for distances between sets of pictures."""
        return self._asked(pixels)[0].numpy()

    def _asked(self, pixels: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Return features, landmarks in standard deviations, and units; of the same array as before, without work."""
        if self._last is None or self._last[0] is not pixels:
            self._last = pixels, self._answered(pixels)
        return self._last[1]

    @torch.no_grad()
    def _answered(self, pixels: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        self._network.eval()
        found = []
        for start in range(0, len(pixels), _BATCH):
            images = torch.from_numpy(_grey(pixels[start : start + _BATCH])).float()[:, None] / 255
            answer = self._network((images - MEAN) / STD)
            found.append((answer.features, answer.heads["landmarks"], answer.heads["units"].sigmoid()))
        features, landmarks, units = (torch.cat(parts) for parts in zip(*found, strict=True))
        return features, landmarks, units


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Return (N, 96, 96) uint8."""
    result = np.empty((len(pixels), SIDE, SIDE), np.uint8)
    for place, picture in enumerate(pixels):
        luma = Image.fromarray(to_luma(picture) if picture.ndim == 3 else picture)
        result[place] = np.asarray(luma.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return result


def restored(checkpoint: Path, config: SignalConfig | None = None) -> SignalJudge:
    """Return the judge of a checkpoint that `Signal.fit` left when it was done.

    Args:
        checkpoint: its file.
        config: of the training; None takes the usual one.

    Raises:
        DataError: the file is no such checkpoint, or not of this configuration.
    """
    try:
        state = torch.load(checkpoint, weights_only=True)["network"]
        signal = Signal(config or SignalConfig(), [""] * len(state["upper.identity.weight"]))
        signal.network.load_state_dict(state)
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        remedy = "name OUT/judge/signal.pt of another reproduction"
        raise DataError(f"{checkpoint} is no checkpoint of the network that judges rendered faces; {remedy}") from error
    return SignalJudge(signal)
