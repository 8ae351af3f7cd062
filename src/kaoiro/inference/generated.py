"""Write generated pictures and videos, which say in their metadata that they are generated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin

from kaoiro.core.encode import VideoWriter
from kaoiro.core.errors import OutputError
from kaoiro.core.files import replacing, writing
from kaoiro.inference.portraits import sheet

MARK = "Made by kaoiro {command}: a generated face. Nobody was photographed like this."
MOST_STEPS = 200
"""Faces of a strip."""
_QUALITY = 90  # of a JPEG, with colours at full resolution: edges of faces and letters stay clean
_LEAST = 256  # pixels: sides of a video; players show smaller ones badly


def notes_of(command: str, about: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata of what a command generated.

    Args:
        command: such as 'swap'.
        about: model and settings, which stand there as JSON.
    """
    comment = MARK.format(command=command)
    return {"Software": f"kaoiro {command}", "Comment": comment, "Description": json.dumps(dict(about))}


def beside(identity: np.ndarray, expression: np.ndarray, made: np.ndarray) -> Image.Image:
    """Return what was given and what was made of it, each (side, side, 3) uint8, beside each other."""
    return sheet(np.stack([identity, expression, made])[None], ("identity", "expression", "generated"))


def strip(faces: np.ndarray, strength: float = 1.0) -> Image.Image:
    """Return faces (N, side, side, 3) uint8 in a row, over each how far it is on the way to the other's code, 1.

    Args:
        faces: of `Exchanger.interpolate`.
        strength: of the last of them.
    """
    return sheet(faces[None], [f"{share:.2f}" for share in np.linspace(0, strength, len(faces))])


def save_picture(picture: Image.Image, path: Path, command: str, about: Mapping[str, Any]) -> None:
    """Write a PNG or JPEG whose metadata says that it is generated.

    A PNG has the notes as texts; in a JPEG software and description are EXIF data, and the comment is its comment.

    Args:
        picture: to write.
        path: of the file; its ending, .png, .jpg or .jpeg, says which of both.
        command: such as 'swap'.
        about: model and settings.

    Raises:
        OutputError: the name ends otherwise, or the place cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in _OPTIONS:
        raise OutputError(f"{path}: the name must end in {', '.join(_OPTIONS)}")
    options = _OPTIONS[kind](notes_of(command, about))
    with replacing(path) as partial, writing(path):
        picture.save(partial, **options)


def _png(notes: Mapping[str, str]) -> dict[str, Any]:
    texts = PngImagePlugin.PngInfo()
    for name, text in notes.items():
        texts.add_text(name, text)
    return {"format": "PNG", "pnginfo": texts}


def _jpeg(notes: Mapping[str, str]) -> dict[str, Any]:
    exif = Image.Exif()
    exif[ExifTags.Base.Software], exif[ExifTags.Base.ImageDescription] = notes["Software"], notes["Description"]
    return {"format": "JPEG", "quality": _QUALITY, "subsampling": 0, "exif": exif, "comment": notes["Comment"]}


_OPTIONS = {".png": _png, ".jpg": _jpeg, ".jpeg": _jpeg}


def save_video(faces: np.ndarray, path: Path, rate: float, command: str, about: Mapping[str, Any]) -> None:
    """Write an MP4 whose comment says that it is generated.

    Args:
        faces: (N, side, side, 3) uint8; enlarged by a whole factor to at least 256 pixels.
        path: of the file.
        rate: faces a second.
        command: such as 'interpolate'.
        about: model and settings.

    Raises:
        OutputError: the place cannot be written.
    """
    side = faces.shape[1] * -(-_LEAST // faces.shape[1])
    notes = {name.lower(): text for name, text in notes_of(command, about).items() if name != "Software"}
    with replacing(path) as partial, VideoWriter(partial, side, side, rate, path, notes=notes) as writer:
        for number, face in enumerate(faces):
            large = Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC)
            writer.write(np.asarray(large), number / rate)
