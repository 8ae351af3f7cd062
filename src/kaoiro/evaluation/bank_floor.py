"""Noise floors from a bank of rendered sessions."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kaoiro.core.revision import commit
from kaoiro.evaluation import banked
from kaoiro.inference.floor import FloorTable, Level
from kaoiro.timeline.floors import MINUTES, floors


def floors_of(
    path: str | os.PathLike[str],
    model: str | None = None,
    level: str | None = None,
    minutes: Sequence[float] = MINUTES,
    seed: int = 0,
) -> FloorTable:
    """Return the noise floors of a bank.

    Args:
        path: of the bank.
        model: name or digest; None is the first of the bank.
        level: of nuisance; None takes all.
        minutes: lengths of recordings.
        seed: of blocks and people.

    Raises:
        InputError: no such bank, model or level, or nobody with two sessions.
    """
    bank = banked.read(path, model)
    levels = {}
    for name in bank.levels if level is None else [level]:
        sessions = [one.of(range(len(bank.columns))) for one in bank.some(name)]
        found = floors(sessions, bank.columns, minutes, seed)
        levels[name] = Level(len({one.person for one in sessions}), len(sessions), found)
    source = {"bank": dict(bank.about), "seed": seed, "commit": commit()}
    return FloorTable(bank.model, bank.digest, levels, source)
