"""Codes of faces: who somebody is and what the face does, as two vectors of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

IDENTITY, EXPRESSION_CODE = "identity", "expression"
"""The two codes, as graphs and tables call them."""


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes of N faces.

    Attributes:
        identity: (N, I) float32, means μ_i; I is 0 where a method has one code only.
        expression: (N, E) float32, means μ_e.
    """

    identity: np.ndarray
    expression: np.ndarray

    def __len__(self) -> int:
        return len(self.expression)

    def rows(self, keep: np.ndarray) -> Codes:
        """Return the rows selected by a mask or by indices."""
        return Codes(self.identity[keep], self.expression[keep])


class Exchange(Protocol):
    """What takes faces apart and puts them together; pixels are aligned RGB crops (N, side, side, 3) uint8."""

    @property
    def side(self) -> int:
        """Side of the crops, pixels."""
        ...

    def encode(self, pixels: np.ndarray) -> Codes:
        """Return the codes of faces (N, side, side, 3) uint8."""
        ...

    def decode(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """Return faces (N, side, side, 3) uint8 of codes (N, I) and (N, E)."""
        ...


def deviations(codes: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Return codes (N, E) without what all faces of a subject share: f_ij = x_ij - mean of the subject's x (SPEC 3.6).

    Eq. (6) of Kanou and Nagao, "Weakly Supervised Learning for Acquisition of Continuous Facial Expression Features";
    the printed x is the latent, as its text says.

    Args:
        codes: (N, E).
        subjects: (N,) ids.
    """
    _, place, counts = np.unique(subjects, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), codes.shape[1]))
    np.add.at(sums, place, codes)
    return (codes - (sums / counts[:, None])[place]).astype(codes.dtype)
