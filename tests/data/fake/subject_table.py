"""Write a fake table of a user's pictures of known people, as CSV or Parquet: squares of a colour for each person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

LABELS = ("Happy", "neutral", "", "contempt")


def write(
    folder: Path, name: str = "subjects.csv", change: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table
) -> Path:
    """Write three people with four pictures each and the table; returns the table's file.

    Args:
        folder: receives them.
        name: of the table; its ending tells the format.
        change: of the table, before it is written.
    """
    (folder / "faces").mkdir(parents=True, exist_ok=True)
    rows = []
    for person in range(3):
        for frame in range(4):
            path = f"faces/{person}-{frame}.png"
            colour = np.full((20, 24, 3), (60 * person + 20, 40 * frame + 20, 128), np.uint8)
            Image.fromarray(colour).save(folder / path)
            rows.append((f"p{person}", f"c{frame // 2}", frame % 2, path, LABELS[frame]))
    table = change(pd.DataFrame(rows, columns=["subject_id", "clip_id", "frame", "path", "label"]))
    file = folder / name
    if file.suffix == ".parquet":
        table.to_parquet(file)
    else:
        table.to_csv(file, index=False)
    return file
