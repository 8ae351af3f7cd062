"""Videos of the FACS world: scenes with true times instead of cut faces.

Layout:   SET/videos/SUBJECT-CLIP.mp4       H.264, 640 × 360
          SET/videos/SUBJECT-CLIP.parquet   one row for each frame, in the same order; written last
The same frames give the same bytes, whatever the processors.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from kaoiro.core.encode import VideoWriter
from kaoiro.core.files import named, replacing
from kaoiro.synthesis.shards import Drawn, finish

SCENE = (640, 360)
"""Width and height, pixels."""
FRAME_BYTES = 40_000
"""For one frame, generously: 2.4 kB were measured at the level low, 27 kB at high, where sensor noise is most of it."""

_THREADS = 1  # of the encoder: what it writes depends on them, so never on the processors there are


def write(path: Path, drawn: Iterable[Drawn[np.ndarray]], rate: float) -> None:
    """Write a video, then its rows, each atomically.

    Args:
        path: of the video, in a folder of the set.
        drawn: frames in order of time.
        rate: nominal frames per second, for players that ask.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
    """
    tables = []
    with replacing(path) as partial, named(path, VideoWriter(partial, *SCENE, rate, path, _THREADS)) as video:
        for batch in drawn:
            times = batch.rows["time_s"].to_pylist()
            for pixels, time_s in zip(batch.contents, times, strict=True):
                video.write(pixels, time_s)
            places = pa.array([f"{path.parent.name}/{path.name}"] * len(times), pa.string())
            tables.append(batch.rows.add_column(0, "video", places))
    finish(path, tables)
