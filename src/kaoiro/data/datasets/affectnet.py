"""AffectNet: faces found by web search, with expression, valence and arousal by human annotators.

Source:   Mollahosseini, Hasani and Mahoor, "AffectNet: A Database for Facial Expression, Valence, and Arousal
          Computing in the Wild", arXiv 1708.03985; mohammadmahoor.com/affectnet.
Classes:  0 neutral, 1 happiness, 2 sadness, 3 surprise, 4 fear, 5 disgust, 6 anger, 7 contempt; left out and counted:
          8 none, 9 uncertain, 10 no face. Valence and arousal from -1 to 1; -2 stands for none.
Layout:   as tables (2017), ROOT or a folder in it holding
              Manually_Annotated_file_lists/training.csv, validation.csv
                  subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal
              Manually_Annotated_Images/103/….jpg
          or as arrays (2021), pictures cut to 224 by 224 pixels:
              train_set/images/0.jpg, train_set/annotations/0_exp.npy, 0_val.npy, 0_aro.npy, 0_lnd.npy
              val_set/…
          The automatically annotated part, and landmarks, are not read. Pictures that a table lists and that are not
          there are left out and counted.
          Unconfirmed: whether validation.csv has a header in every copy (both are read), and whether the arrays hold
          texts or numbers (both are read).
Persons:  unknown.
Splits:   official training and validation; the test part was never handed out, so figures are usually on validation.
Licence:  research, on request by the head of a laboratory; pictures are not handed on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.suffixes import PHOTO_SUFFIXES
from kaoiro.core.types import Box
from kaoiro.data.datasets.listing import MISSING, Presence, files, found, meaning, needed, table_rows
from kaoiro.data.labelled_set import LabelledSet, LeftOut, Row, gathered

CODES = {
    "0": "neutral",
    "1": "happiness",
    "2": "sadness",
    "3": "surprise",
    "4": "fear",
    "5": "disgust",
    "6": "anger",
    "7": "contempt",
    "8": "none of the expressions",
    "9": "uncertain",
    "10": "no face",
}
COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
_WANTED = tuple(name for name in COLUMNS if name != "facial_landmarks")
TABLES = {"train": "training.csv", "val": "validation.csv"}
ARRAYS = {"train": "train_set", "val": "val_set"}
LISTS, PICTURES = "Manually_Annotated_file_lists", "Manually_Annotated_Images"


def read(root: Path) -> LabelledSet:
    """Read the set: the arrays where there are some, else the tables.

    Raises:
        DataError: files are missing or not in the documented layout.
    """
    arrays = [(split, folder) for split, name in ARRAYS.items() if (folder := found(root, name)) is not None]
    if arrays:
        return gathered("affectnet", root, (row for split, folder in arrays for row in _from_arrays(split, folder)))
    lists = found(root, LISTS) or root
    tables = [(split, lists / name) for split, name in TABLES.items() if (lists / name).is_file()]
    if not tables:
        raise DataError(
            f"{root} has neither {LISTS}/{TABLES['train']} nor {ARRAYS['train']}; --root must name AffectNet's folder"
        )
    pictures = needed(root, "AffectNet", PICTURES)
    return gathered("affectnet", root, (row for split, path in tables for row in _from_table(split, path, pictures)))


def _from_table(split: str, path: Path, pictures: Path) -> Iterator[Row | LeftOut]:
    there = Presence()
    for line, row in table_rows(path, _WANTED, COLUMNS):
        name, left, top, width, height, code, valence, arousal = (row[name] for name in _WANTED)
        label = meaning(code, CODES, f"{path}, line {line}")
        if isinstance(label, LeftOut):
            yield label
        elif pictures / name in there:
            box, affect = _box(left, top, width, height), _affect(valence, arousal)
            yield Row(name, label, pictures / name, split=split, box=box, affect=affect)
        else:
            yield MISSING


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # 'NULL'
        return math.nan


def _box(*texts: str) -> Box | None:
    left, top, width, height = map(_number, texts)
    return Box(left, top, width, height) if width > 0 and height > 0 and left == left and top == top else None


def _affect(valence: str, arousal: str) -> tuple[float, float] | None:
    pair = _number(valence), _number(arousal)
    return pair if all(-1 <= value <= 1 for value in pair) else None


def _from_arrays(split: str, folder: Path) -> Iterator[Row | LeftOut]:
    annotations = needed(folder, "AffectNet", "annotations")
    pictures = files(needed(folder, "AffectNet", "images"), PHOTO_SUFFIXES)
    there = Presence()
    for path in sorted(pictures, key=lambda one: (len(one.stem), one.stem)):
        code = annotations / f"{path.stem}_exp.npy"
        if code not in there:
            yield LeftOut("without a file of the expression")
            continue
        label = meaning(_value(code), CODES, str(code))
        if isinstance(label, LeftOut):
            yield label
            continue
        others = [annotations / f"{path.stem}_{name}.npy" for name in ("val", "aro")]
        valence, arousal = (_value(one) if one in there else "" for one in others)
        name = f"{folder.name}/{path.name}"
        yield Row(name, label, path, split=split, affect=_affect(valence, arousal))


def _value(path: Path) -> str:
    """Return the one value of an array as text."""
    try:
        return str(np.load(path, allow_pickle=False).item())
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}; it must be an array of one value") from error
