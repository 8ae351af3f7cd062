"""Write fake files in the layout of DiffusionFER: drawn portraits, closely cut."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from kaoiro.data.datasets import drawn

LABELS = {"happy": (0.4, 0.3, "happiness"), "sad": (-0.3, -0.2, "sadness"), "neutral": (0.0, 0.0, "neutral")}
"""Folder and label -> valence, arousal, and what is drawn."""


def write(root: Path, each: int = 4, tar: bool = True) -> list[str]:
    """Write labels.csv and `each` pictures of every label; returns their names."""
    root.mkdir(parents=True, exist_ok=True)
    pictures, rows, rng = {}, ["file,valence,arousal,expression,prompt_class"], np.random.default_rng(0)
    for label, (valence, arousal, expression) in LABELS.items():
        for number in range(each):
            name = f"{label}/person{label[0]}{number}_6.jpg"
            portrait = drawn.draw_portrait(drawn.LOOKS[expression], 224, 1.15, rng)[:, :, :3]
            file = io.BytesIO()
            Image.fromarray(portrait).save(file, "JPEG", quality=90)
            pictures[name] = file.getvalue()
            rows.append(f"{name},{valence},{arousal},{label},{label}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    if tar:
        with tarfile.open(root / "pictures.tar", "w") as archive:
            for name, content in pictures.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    else:
        for name, content in pictures.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(content)
    return list(pictures)
