"""Write a bank of scored sessions as `kaoiro evaluate bank` does, with numbers that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import expression_column

LEVELS = ("low", "medium", "high")
NULL, PLANTED = 14, 5
"""Frames of a session at rest, and with anger."""


def write_bank(
    path: Path,
    people: int = 4,
    sessions: int = 4,
    between: float = 0.01,
    within: float = 0.004,
    response: float = 0.0,
    models: tuple[tuple[str, str], ...] = (("affect", "a" * 64),),
    levels: tuple[str, ...] = LEVELS,
    seed: int = 0,
) -> Path:
    """Write a bank whose anger probability is 0.1 at rest, with known scatter; the other labels share what is left.

    Args:
        path: of the file.
        people: number of them.
        sessions: of each at a level.
        between: sd of what differs from session to session.
        within: sd of what differs from frame to frame.
        response: added to the anger of planted frames.
        models: name and digest of each.
        levels: of nuisance.
        seed: of the scatter.
    """
    rng, rows = np.random.default_rng(seed), []
    for person in range(people):
        for session in range(sessions):
            for level in levels:
                middle = 0.1 + between * rng.standard_normal()
                rest = middle + within * rng.standard_normal(NULL + PLANTED)
                for strength, frames in (("weak", range(NULL + PLANTED)), ("strong", range(NULL, NULL + PLANTED))):
                    for frame in frames:
                        shown = frame >= NULL
                        anger = float(np.clip(rest[frame] + response * shown, 0, 1))
                        for name, digest in models:
                            rows.append(
                                {
                                    "identity": f"bank-{person:03d}",
                                    "session": session,
                                    "level": level,
                                    "strength": strength,
                                    "time_s": 0.5 * frame,
                                    "label": "anger" if shown else "neutral",
                                    "intensity": 0.3 * shown,
                                    "model": name,
                                    "digest": digest,
                                    "found": True,
                                    **_scores(anger),
                                    "valence": 0.2 - anger,
                                }
                            )
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def _scores(anger: float) -> dict[str, float]:
    rest = (1 - anger) / (len(EXPRESSIONS) - 1)
    return {expression_column(name): anger if name == "anger" else rest for name in EXPRESSIONS.labels}
