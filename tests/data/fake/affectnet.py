"""Write fake files in both official layouts of AffectNet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from fake import numbered

HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
LANDMARKS = ";".join("10.5" for _ in range(136))
TRAIN = (*range(8), *range(8), 8, 9, 10, 10)
"""Codes of the training part; the last four are of no expression."""
VAL = tuple(range(8))
BOX = (4, 8, 16, 12)
"""Left, top, width and height of every face, in pictures of 24 by 24."""


def write_tables(root: Path, header: bool = True, missing: int = 0) -> Path:
    """Write the tables and pictures of 2017; so many pictures of train, from the first on, are not there."""
    lists, pictures = root / "Manually_Annotated_file_lists", root / "Manually_Annotated_Images"
    lists.mkdir(parents=True)
    for name, codes, start in (("training.csv", TRAIN, 0), ("validation.csv", VAL, 100)):
        rows = [HEADER] if header or name == "training.csv" else []
        for number, code in enumerate(codes, start):
            file = f"{number % 3}/{number:03}.jpg"
            rows.append(row(file, code))
            if number >= missing:
                numbered.picture(pictures / file, number)
        write_list(lists / name, rows)
    return root


def row(file: str, code: int) -> str:
    """Return a row: a face has a box, valence and arousal; what is no face has none."""
    box = ["NULL"] * 4 if code == 10 else [str(value) for value in BOX]
    affect = ["-2", "-2"] if code > 7 else [f"{code / 10}", "-0.5"]
    return ",".join([file, *box, LANDMARKS, str(code), *affect])


def write_list(path: Path, rows: Sequence[str]) -> None:
    """Write a table."""
    path.write_text("\n".join([*rows, ""]), encoding="utf-8")


def write_arrays(root: Path, texts: bool = True) -> Path:
    """Write the pictures and arrays of 2021, whose values are texts or numbers; the last picture of train has none."""
    for name, codes in (("train_set", (*range(8), *range(8))), ("val_set", VAL)):
        (root / name / "annotations").mkdir(parents=True)
        for number, code in enumerate(codes):
            numbered.picture(root / name / "images" / f"{number}.jpg", number + 50 * (name == "val_set"))
            values = {"exp": code, "val": code / 10, "aro": -0.5, "lnd": np.zeros(136)}
            for ending, value in values.items():
                array = np.array(str(value) if texts and ending != "lnd" else value)
                np.save(root / name / "annotations" / f"{number}_{ending}.npy", array)
    numbered.picture(root / "train_set" / "images" / "16.jpg", 16)
    return root
