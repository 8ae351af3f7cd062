"""Write a fake set of the FACS world in the real layout: coloured squares instead of rendered faces."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from kaoiro.core.labels import ACTION_UNITS, FER2013
from kaoiro.core.types import LANDMARKS

SIDE = 32
SPLITS = {"train": 3, "val": 1, "test": 2}
FRAMES = 6
Rows = list[dict[str, Any]]


def write(folder: Path, change: Callable[[Rows], None] = lambda _: None, side: int = SIDE) -> Rows:
    """Write set.json, two shards and the manifest; returns the rows.

    Every subject has two clips of six frames; every second frame is for training in the split train, the third of each
    clip and all of the other splits are for evaluation. The first clip gives away its units, the second its expression.

    Args:
        folder: receives the files.
        change: of the rows, before the manifest is written; the shards hold what the rows said before.
        side: of the pictures, pixels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    subjects = [(f"{split}-{number}", split) for split, count in SPLITS.items() for number in range(count)]
    rows = [
        row(subject, split, clip, frame, place)
        for place, (subject, split) in enumerate(subjects)
        for clip in range(2)
        for frame in range(FRAMES)
    ]
    half = len(rows) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        write_shard(folder / f"shard-{number:05d}.tar", part, side)
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows), folder / "manifest.parquet")
    (folder / "set.json").write_text(json.dumps({"set": "syn-mt", "seed": 0, "size": side, "video": False}))
    return rows


def row(subject: str, split: str, clip: int, frame: int, place: int) -> dict[str, Any]:
    """Return one row without the place of its picture."""
    learned = split == "train"
    seed = (place * 2 + clip) * FRAMES + frame
    rng = np.random.default_rng(seed)
    numbers = ("yaw", "pitch", "roll", "light_azimuth", "light_elevation", "light_contrast", "exposure")
    points = [f"{name}_{axis}" for name in LANDMARKS for axis in "xy"]
    boxes = [f"box_{name}" for name in ("left", "top", "width", "height")]
    return {
        "subject": subject,
        "clip": f"c{clip}",
        "frame": 2 * frame + 1,
        "time_s": (2 * frame + 1) / 25,
        "level": ("low", "high")[clip],
        "clip_expression": FER2013.labels[seed % 7],
        "expression": FER2013.labels[seed % 7],
        "intensity": frame / FRAMES,
        **dict(zip(ACTION_UNITS.labels, rng.random(len(ACTION_UNITS)).astype(np.float32).tolist(), strict=True)),
        "valence": rng.uniform(-1, 1),
        "arousal": rng.uniform(-1, 1),
        **{name: rng.uniform(-1, 1) for name in (*numbers, *points, *boxes)},
        "units_left": rng.random(len(ACTION_UNITS)).astype(np.float32).tolist(),
        "units_right": rng.random(len(ACTION_UNITS)).astype(np.float32).tolist(),
        "landmarks": rng.random(136).astype(np.float32).tolist(),
        "visible": (rng.random(68) < 0.9).tolist(),
        "split": split,
        "training": learned and frame % 2 == 0,
        "evaluation": not learned or frame == 2,
        "has_units": clip == 0,
        "has_expression": clip == 1,
    }


def colour(entry: dict[str, Any]) -> tuple[int, int, int]:
    """Return the colour of a row's picture."""
    number = entry["frame"] * 7 + len(entry["split"]) * 11 + int(entry["subject"][-1]) * 40 + int(entry["clip"][1]) * 20
    return number, 255 - number, 128


def write_shard(path: Path, rows: Rows, side: int) -> None:
    """Write pictures of one colour each, and note where they lie."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for entry in rows:
            file = io.BytesIO()
            Image.new("RGB", (side, side), colour(entry)).save(file, "JPEG", quality=95)
            member = tarfile.TarInfo(f"{entry['subject']}/{entry['clip']}/{entry['frame']:05d}.jpg")
            member.size = file.tell()
            file.seek(0)
            place = {"shard": path.name, "offset": archive.offset + 512, "length": member.size}
            archive.addfile(member, file)
            entry |= place
