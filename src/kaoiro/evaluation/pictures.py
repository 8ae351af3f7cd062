"""Pixels of labelled pictures: from memory, from a file, cut to the face that is meant, or out of a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kaoiro.core.errors import InputError
from kaoiro.core.types import Box
from kaoiro.data.labelled_set import LabelledSet
from kaoiro.faces import photo
from kaoiro.faces.video import VideoFile


def pixels(data: LabelledSet, row: int) -> np.ndarray:
    """Return what a row shows: (H, W) grey or (H, W, 3) RGB, uint8.

    Where the set gives a box of the face, the picture is cut to it; where a label is about a whole video, the frame in
    its middle stands for it.

    Raises:
        InputError: it cannot be read.
    """
    if data.images is not None:
        return data.images[row]
    path, span = data.paths[row], data.spans[row] if data.spans else None
    if span is not None and span.video == path:
        return middle(path)
    box, found = data.boxes[row] if data.boxes else None, photo.read(path)
    return found if box is None else cut(found, box, str(path))


def middle(path: Path) -> np.ndarray:
    """Return the frame in the middle of a video, or the first where its length is unknown: (H, W, 3) RGB, uint8.

    Raises:
        InputError: it cannot be read.
    """
    video = VideoFile(path)
    if video.info.duration_s is not None:
        (found,) = video.near([video.info.start_s + video.info.duration_s / 2])
        if found is not None:
            return found.rgb()
    return next(video.frames()).rgb()


def cut(picture: np.ndarray, box: Box, name: str) -> np.ndarray:
    """Return what lies in a box: of a picture (H, W, 3), what of the box is within it.

    Raises:
        InputError: nothing of the box is.
    """
    top, left = max(0, round(box.top)), max(0, round(box.left))
    found = picture[top : max(0, round(box.top + box.height)), left : max(0, round(box.left + box.width))]
    if 0 in found.shape:
        raise InputError(f"{name}: nothing of the face's box {box} is within the picture")
    return np.ascontiguousarray(found)
