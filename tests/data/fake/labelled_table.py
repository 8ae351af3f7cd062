"""Write a fake table of labelled pictures, as CSV or Parquet: squares whose brightness is what their labels say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

SHADES = (30, 90, 160, 230)
"""Of the four pictures of each person, dark to bright."""


def write(
    folder: Path, name: str = "labels.csv", change: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table
) -> Path:
    """Write three people with four pictures each and the table; returns the table's file.

    AU 12 has intensities 0, 0.5, 2 and 4 by brightness, AU 4 is 1 on the darkest, AU 7 on the brightest; happiness is
    the label of the two bright ones, neutral of the second, and the darkest has none.

    Args:
        folder: receives them.
        name: of the table; its ending tells the format.
        change: of the table, before it is written.
    """
    (folder / "faces").mkdir(parents=True, exist_ok=True)
    labels, rows = ("", "neutral", "Happy", "happiness"), []
    for person in range(3):
        for number, shade in enumerate(SHADES):
            path = f"faces/{person}-{number}.png"
            Image.fromarray(np.full((20, 24, 3), shade + person, np.uint8)).save(folder / path)
            affect = 2 * shade / 255 - 1, ("", 0.25, -0.25, 0.5)[number]
            units = (int(number == 0), (0, 0.5, 2, 4)[number], int(number == 3))
            rows.append((path, f"p{person}", *affect, *units, labels[number]))
    names = ["path", "subject", "valence", "arousal", "au_04", "au_12", "au_07", "expression"]
    table = change(pd.DataFrame(rows, columns=names))
    file = folder / name
    if file.suffix == ".parquet":
        table.to_parquet(file)
    else:
        table.to_csv(file, index=False)
    return file
