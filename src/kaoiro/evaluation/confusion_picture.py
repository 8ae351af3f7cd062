"""Confusion matrices as a picture with readable counts, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kaoiro.core.errors import InputError
from kaoiro.core.files import replacing, writing
from kaoiro.inference.pen import DIM, INK

_CELL, _LEFT, _TOP, _GAP = 62, 88, 62, 24
_DEEP = np.array([31, 119, 180])  # of a share of 1; 0 is white
_DARK = 0.55  # share from which text is white


def side_by_side(matrices: Sequence[tuple[str, Mapping[str, Any]]], columns: int = 2) -> Image.Image:
    """Draw matrices with counts and the percentages of each row, so many beside each other.

    Args:
        matrices: title, and `labels` with `counts`: rows are true classes, columns answers.
        columns: matrices of a row.

    Raises:
        InputError: nothing to draw.
    """
    if not matrices:
        raise InputError("no confusion matrix to draw")
    classes = max(len(one["labels"]) for _, one in matrices)
    wide, high = _LEFT + classes * _CELL + _GAP, _TOP + classes * _CELL + _GAP
    lines = -(-len(matrices) // columns)
    picture = Image.new("RGB", (wide * min(columns, len(matrices)), high * lines), "white")
    pen = ImageDraw.Draw(picture)
    for number, (title, matrix) in enumerate(matrices):
        _draw(pen, (number % columns * wide, number // columns * high), title, matrix)
    return picture


def _draw(pen: ImageDraw.ImageDraw, corner: tuple[int, int], title: str, matrix: Mapping[str, Any]) -> None:
    left, top = corner[0] + _LEFT, corner[1] + _TOP
    small, large = ImageFont.load_default(11), ImageFont.load_default(14)
    pen.text((corner[0] + 6, corner[1] + 6), title, fill=INK, font=large)
    pen.text((corner[0] + 6, corner[1] + 26), "rows: true; columns: answered", fill=DIM, font=small)
    counts = np.array(matrix["counts"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for place, label in enumerate(matrix["labels"]):
        middle = (place + 0.5) * _CELL
        pen.text((left - 6, top + middle), label, fill=INK, font=small, anchor="rm")
        pen.text((left + middle, top - 5), label, fill=INK, font=small, anchor="ms")
    for row, column in np.ndindex(counts.shape):
        _cell(pen, (left + column * _CELL, top + row * _CELL), int(counts[row, column]), float(shares[row, column]))


def _cell(pen: ImageDraw.ImageDraw, corner: tuple[int, int], count: int, share: float) -> None:
    x, y = corner
    red, green, blue = (int(value) for value in 255 - share * (255 - _DEEP))
    ink = "white" if share >= _DARK else INK
    pen.rectangle((x, y, x + _CELL - 2, y + _CELL - 2), fill=(red, green, blue))
    pen.text((x + _CELL / 2, y + _CELL / 2 - 2), str(count), fill=ink, font=ImageFont.load_default(15), anchor="mb")
    pen.text((x + _CELL / 2, y + _CELL / 2 + 3), f"{share:.1%}", fill=ink, font=ImageFont.load_default(10), anchor="mt")


def save(picture: Image.Image, path: Path) -> None:
    """Write a PNG.

    Raises:
        OutputError: the place cannot be written.
    """
    with replacing(path) as partial, writing(path):
        picture.save(partial, "PNG")
