"""Where a model looks: masks of attention and class-activation maps over each face of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kaoiro.core.errors import InputError
from kaoiro.core.types import Record
from kaoiro.faces import photo
from kaoiro.faces.align import cut, placement, to_luma
from kaoiro.inference.analyzer import Analyzer
from kaoiro.inference.classifier import Looks

_TILE, _GAP, _TITLE = 192, 8, 22
_MOST = 8  # faces of a sheet


@dataclass(frozen=True, eq=False)
class Shown:
    """The faces of one picture that are explained.

    Attributes:
        records: of the faces, largest first, at most eight.
        found: faces in the picture.
        crops: (N, S, S) or (N, S, S, 3) uint8, as the model sees them.
    """

    records: list[Record]
    found: int
    crops: np.ndarray


@dataclass(frozen=True, eq=False)
class Attention:
    """What was looked at in the faces of one picture.

    Attributes:
        records: of the faces, largest first, at most eight.
        found: faces in the picture.
        crops: (N, S, S) or (N, S, S, 3) uint8, as the model sees them.
        looks: masks and activations.
        labels: names of the activations' classes.
    """

    records: list[Record]
    found: int
    crops: np.ndarray
    looks: Looks
    labels: tuple[str, ...]

    def sheet(self) -> Image.Image:
        """Return a picture with a row for each face: as it is, every mask, and what spoke for its two expressions.

        Masks are spread over their own range, which is printed: a mask that hardly varies is no finding. Activations
        are red where a place spoke for the expression and blue where it spoke against it.
        """
        columns = 1 + len(self.looks.masks) + 2
        step = _TILE + _GAP
        image = Image.new("RGB", (columns * step + _GAP, len(self.records) * (step + _TITLE) + _GAP), "white")
        for row in range(len(self.records)):
            top = _GAP + row * (step + _TITLE)
            for column, (title, tile) in enumerate(self._tiles(row)):
                left = _GAP + column * step
                image.paste(Image.fromarray(tile), (left, top + _TITLE))
                font = ImageFont.load_default(13)
                ImageDraw.Draw(image).text((left, top + 2), title, fill="#222222", font=font)
        return image

    def _tiles(self, row: int) -> list[tuple[str, np.ndarray]]:
        face = _grey(self.crops[row])
        tiles = [(f"face {row}", face)]
        for name, mask in self.looks.masks.items():
            low, high = float(mask[row].min()), float(mask[row].max())
            spread = (mask[row] - low) / max(1e-6, high - low)
            number = name.removeprefix("attention_")
            tiles.append((f"attention {number}: {low:.2f}-{high:.2f}", _tinted(face, 2 * _large(spread) - 1)))
        activation = self.looks.activation[row]
        # what all expressions share decides nothing between them
        own = activation - activation.mean(axis=0)
        scores = self.records[row].scores
        ranked = sorted(self.labels, key=lambda label: -scores.get(f"expression_{label}", 0.0))[:2]
        for label in ranked:
            field = own[self.labels.index(label)]
            title = f"{label} {scores.get(f'expression_{label}', 0.0):.2f}"
            tiles.append((title, _tinted(face, _large(field / max(1e-6, float(np.abs(field).max()))))))
        return tiles


def attention(analyzer: Analyzer, source: photo.Picture, name: str = "picture") -> Attention:
    """Return where a model looks in the faces of a picture, of the eight largest.

    Raises:
        InputError: the picture cannot be used, or shows no face.
        ModelError: the model does not tell where it looks.
    """
    shown = faces_of(analyzer, source, name)
    looks = analyzer.engine.classifier.looks(shown.crops)
    return Attention(shown.records, shown.found, shown.crops, looks, analyzer.specification.head("expression").labels)


def faces_of(analyzer: Analyzer, source: photo.Picture, name: str) -> Shown:
    """Return the eight largest faces of a picture, measured and as the model sees them.

    Raises:
        InputError: the picture cannot be used, or shows no face.
    """
    pixels = photo.read(source, name)
    spec = analyzer.specification
    everybody = analyzer.engine.picture(pixels).faces
    faces = everybody[:_MOST]
    if not faces:
        raise InputError(f"{name}: no face found")
    seen = to_luma(pixels) if spec.channels == 1 else pixels
    crops = np.stack([cut(seen, placement(face.detection, spec.crop), spec.size) for face in faces])
    return Shown([face.record(name, 0, 0.0, None) for face in faces], len(everybody), crops)


def stacked(sheets: Sequence[Image.Image]) -> Image.Image:
    """Return several sheets one below the other."""
    size = max(sheet.width for sheet in sheets), sum(sheet.height for sheet in sheets)
    image, top = Image.new("RGB", size, "white"), 0
    for sheet in sheets:
        image.paste(sheet, (0, top))
        top += sheet.height
    return image


def _grey(crop: np.ndarray) -> np.ndarray:
    """Return a crop as a grey tile (T, T, 3)."""
    image = Image.fromarray(crop).convert("L").resize((_TILE, _TILE), Image.Resampling.BICUBIC)
    return np.repeat(np.asarray(image)[:, :, None], 3, axis=2)


def _large(field: np.ndarray) -> np.ndarray:
    """Return a field (h, w) at the size of a tile."""
    image = Image.fromarray(field.astype(np.float32)).resize((_TILE, _TILE), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(image), -1, 1)


def _tinted(face: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Return a tile tinted red where a field (T, T) is towards 1 and blue where it is towards -1."""
    share = 0.6 * np.abs(field)[:, :, None]
    colour = np.where(field[:, :, None] > 0, (214.0, 39.0, 40.0), (31.0, 119.0, 180.0))
    return ((1 - share) * face + share * colour).round().astype(np.uint8)
