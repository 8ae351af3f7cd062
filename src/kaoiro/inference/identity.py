"""System B's own encoder of identity as a recogniser of people: only where it was measured to be good enough."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.faces.detect import Detection
from kaoiro.inference.exchange import Exchanger
from kaoiro.inference.recogniser import unit

ENOUGH = 0.95
"""Area under the curve over people nobody learned from, from which an encoder may say who somebody is."""
HINT = "name a face recogniser by --recogniser FILE.onnx, or tracks by --track"


@dataclass(frozen=True)
class Measured:
    """How well an encoder tells people apart: docs/results/verification.json.

    Attributes:
        auc, low, high: area under the curve, with its 95 % interval over people.
        same_from: cosine at equal error on the development part of the people, from which two faces count as one.
    """

    auc: float
    low: float
    high: float
    same_from: float

    @property
    def verified(self) -> bool:
        """Whether that is enough."""
        return self.auc >= ENOUGH


MEASURED: Mapping[str, Measured] = MappingProxyType(
    {"exchange-4cffe84d": Measured(auc=0.8703, low=0.8328, high=0.9219, same_from=0.9812)}
)
"""By title of the model, from `kaoiro evaluate verification`; what is not here was not measured."""


class IdentityEncoder:
    """The encoder of identity of a model that exchanges expressions; fulfils `recogniser.FaceEncoder`.

    Args:
        exchanger: the model.

    Raises:
        InputError: it has no code of identity.
    """

    def __init__(self, exchanger: Exchanger) -> None:
        if not exchanger.description.identity:
            raise InputError(f"model '{exchanger.description.name}' has no code of identity; {HINT}")
        self.exchanger, self.title = exchanger, exchanger.title
        self.same_from = MEASURED[self.title].same_from if self.title in MEASURED else 1.0

    def crops(self, pixels: np.ndarray, faces: Sequence[Detection]) -> np.ndarray:
        """See `FaceEncoder`."""
        return self.exchanger.crops(pixels, faces)

    def encode(self, crops: np.ndarray) -> np.ndarray:
        """See `FaceEncoder`."""
        return unit(self.exchanger.encode(crops).identity)


def own_encoder(model: str | os.PathLike[str] | None = None, threads: int | None = None) -> IdentityEncoder:
    """Return system B's encoder of identity if it tells people apart.

    Args:
        model: name or folder; None is the one that ships.
        threads: of ONNX Runtime.

    Raises:
        InputError: it was measured not to, or never measured.
    """
    found = IdentityEncoder(Exchanger(model, threads=threads))
    known = MEASURED.get(found.title)
    if known is None:
        raise InputError(f"nobody measured whether {found.title} tells people apart; {HINT}")
    if not known.verified:
        raise InputError(
            f"{found.title} does not tell people apart well enough (AUC {known.auc:.3f}, {known.low:.3f} to "
            f"{known.high:.3f}, where {ENOUGH} is needed), and kaoiro ships no face recognition; {HINT}"
        )
    return found
