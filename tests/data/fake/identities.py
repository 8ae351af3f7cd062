"""Write fake sets of syn-id, syn-posed, syn-swap and syn-mt in the real layout.

Pictures are those of `fake.separator`, cells that are the person and the expression. The five points lie so that the
placed crop is the whole picture, and the landmarks of both eyes about them.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fake import separator, synthetic
from PIL import Image

from kaoiro.core.crops import INNER_CROP
from kaoiro.core.labels import FER2013, MULTITASK_UNITS
from kaoiro.core.types import LANDMARKS

PEOPLE, SWAPPED, OTHERS = 15, 4, 10
FRAMES = 3  # of a clip: the first two to learn from, the last two to measure on
LENGTH = 14  # frames of a video of syn-mt


def write(folder: Path, seed: int = 0) -> None:
    """Write people to learn from and people to swap, finished, into `folder`; another seed gives other people."""
    write_identities(folder / "syn-id", seed)
    write_swaps(folder / "syn-swap", seed)


def write_identities(folder: Path, seed: int = 0, people: int = PEOPLE, name: str = "syn-id") -> None:
    """Write people to learn from, each with seven clips in an order of its own, and one person of each other split."""
    splits = ["train"] * people + ["paper-test", "further-test"]
    persons, rng = separator.people(len(splits), seed + 10), np.random.default_rng(seed)
    rows, values = [], []
    for number, split in enumerate(splits):
        for clip, which in enumerate(rng.permutation(7).tolist()):
            for frame in range(FRAMES):
                shown = separator.units_of(FER2013.labels[which]) * rng.uniform(0.8, 1)
                entry = synthetic.row(f"id-{split}-{number:03d}", split, clip % 2, frame, number) | {"clip": f"c{clip}"}
                rows.append(entry | _truth(which, shown, split == "train" and frame < 2, frame > 0))
                values.append([*persons[number], *shown])
    _write(folder, name, rows, np.array(values), seed)


def write_swaps(folder: Path, seed: int = 0) -> None:
    """Write some other people with every expression."""
    persons, rows, values = separator.people(SWAPPED, seed + 20), [], []
    for number in range(SWAPPED):
        for which, name in enumerate(FER2013.labels):
            shown = separator.units_of(name)
            entry = synthetic.row(f"id-further-{number:03d}", "further-test", 0, 0, number) | {"clip": name}
            rows.append(entry | _truth(which, shown, False, True))
            values.append([*persons[number], *shown])
    _write(folder, "syn-swap", rows, np.array(values), seed)


def write_videos(folder: Path, seed: int = 0) -> None:
    """Write videos of yet other people, from whom a judge learns."""
    splits = ["train"] * OTHERS + ["val", "test"]
    persons, rng, rows, values = separator.people(len(splits), seed + 30), np.random.default_rng(seed), [], []
    for number, split in enumerate(splits):
        for frame in range(LENGTH):
            which = frame % 7
            shown = separator.units_of(FER2013.labels[which]) * rng.uniform(0.8, 1)
            entry = synthetic.row(f"mt-{split}-{number:03d}", split, 0, frame, number) | {"clip": "video"}
            rows.append(entry | _truth(which, shown, split == "train", split != "train"))
            values.append([*persons[number], *shown])
    _write(folder, "syn-mt", rows, np.array(values), seed)


def _truth(which: int, shown: np.ndarray, training: bool, evaluation: bool) -> dict[str, Any]:
    name = FER2013.labels[which]
    points = separator.SIDE * np.asarray(INNER_CROP.points)
    places = {f"{one}_{axis}": float(points[k, j]) for k, one in enumerate(LANDMARKS) for j, axis in enumerate("xy")}
    marks = np.random.default_rng(which).uniform(0.2, 0.8, (68, 2)) * separator.SIDE
    for eye, first in enumerate((36, 42)):
        marks[first : first + 6] = points[eye] + np.column_stack([np.linspace(-2, 2, 6), np.zeros(6)])
    units = dict(zip(MULTITASK_UNITS.labels, shown.tolist(), strict=True))
    flags = {"training": training, "evaluation": evaluation}
    told = {"expression": name, "clip_expression": name, "intensity": 1.0, "landmarks": marks.flatten().tolist()}
    return told | places | units | flags


def _write(folder: Path, name: str, rows: list[dict[str, Any]], values: np.ndarray, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shard = folder / "shard-00000.tar"
    with tarfile.open(shard, "w", format=tarfile.USTAR_FORMAT) as archive:
        for entry, pixels in zip(rows, separator.draw(values), strict=True):
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "JPEG", quality=95)
            member = tarfile.TarInfo(f"{entry['subject']}/{entry['clip']}/{entry['frame']:05d}.jpg")
            member.size = file.tell()
            file.seek(0)
            entry |= {"shard": shard.name, "offset": archive.offset + 512, "length": member.size}
            archive.addfile(member, file)
    pq.write_table(pa.Table.from_pylist(rows), folder / "manifest.parquet")
    about = {"set": name, "seed": seed, "scale": 0.1, "size": separator.SIDE, "video": False}
    (folder / "set.json").write_text(json.dumps(about | {"finished": {"sha256": f"{name}-{seed}"}}))
