"""By how much a temperature, or another model, alone moves the anger share of unchanged recordings (SPEC 6.3 (c))."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kaoiro.evaluation.banked import EXPRESSION_COLUMNS, Bank

ANGER = "expression_anger"
TEMPERATURES = (0.8, 0.9, 1.1, 1.25)
"""Times the model's own."""
POINT = 0.01
"""A point of a share."""
WISHED = 0.5
"""Points: the change that the published finding is about."""


def sharpened(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities (N, L) as of a temperature `temperature` times the model's."""
    powers = np.power(np.maximum(probabilities, 0.0), 1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def sensitivity(bank: Bank, others: Sequence[Bank], share: float = 0.003) -> list[dict[str, Any]]:
    """Measure (c): by how many points the anger share of unchanged recordings moves by temperature or model alone.

    Args:
        bank: as the package's model scored it.
        others: the same bank as other models did.
        share: of planted weak anger that the recordings hold.
    """
    rows = []
    for level in bank.levels:
        usual = _shares(bank, level, share, 1.0)
        changed = {f"temperature x {one:g}": _shares(bank, level, share, one) for one in TEMPERATURES}
        changed |= {f"model {other.model}": _shares(other, level, share, 1.0) for other in others}
        for name, shares in changed.items():
            moved = (shares - usual) / POINT
            row = {"level": level, "what": name, "share, points": float(shares.mean() / POINT)}
            row |= {"moved, points": float(moved.mean()), "sd over sessions": float(moved.std())}
            rows.append(row | {"of a 0.5-point change": abs(float(moved.mean())) / WISHED})
    return rows


def _shares(bank: Bank, level: str, share: float, temperature: float) -> np.ndarray:
    """Return the expected anger share of every session with a planted share."""
    places, anger = bank.places(EXPRESSION_COLUMNS), EXPRESSION_COLUMNS.index(ANGER)
    result = []
    for one in bank.some(level):
        shown = one.planted.get("weak", one.null[:0])
        parts = [sharpened(values[:, places], temperature)[:, anger] for values in (one.null, shown)]
        planted = parts[1].mean() if len(shown) else parts[0].mean()
        result.append((1 - share) * parts[0].mean() + share * planted)
    return np.array(result)
