"""The sets that can be audited: rows of `kaoiro.data.labelled_set`, with their pixels."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path

import numpy as np

from kaoiro.data import kinds, labelled_set
from kaoiro.evaluation import pictures

KINDS = kinds.STILLS


class LabelledSet(labelled_set.LabelledSet):
    """Rows of a set whose pictures can be looked at."""

    def pixels(self, row: int) -> np.ndarray:
        """Return a picture: (H, W) grey or (H, W, 3) RGB, uint8.

        Raises:
            InputError: it cannot be read.
        """
        return pictures.pixels(self, row)

    def broken_digest(self, row: int) -> str:
        """Return the digest of a picture that cannot be read: of the file's bytes."""
        try:
            data = self.paths[row].read_bytes()
        except OSError:
            data = b""
        return _named(data)


def digest(pixels: np.ndarray) -> str:
    """Return a text of 31 signs, equal exactly for pixel-identical pictures; grey is the same as RGB or alone.

    It begins with 'p', for spreadsheets take 12345e678 for a number.
    """
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    shape = "x".join(map(str, pixels.shape)).encode()
    return _named(shape + b":" + np.ascontiguousarray(pixels).tobytes())


def _named(data: bytes) -> str:
    return "p" + hashlib.blake2b(data, digest_size=15).hexdigest()


def opened(kind: str, root: str | Path) -> LabelledSet:
    """Read a set.

    Args:
        kind: one of `KINDS`.
        root: folder, or the table itself.

    Raises:
        DataError: it is not in the documented layout.
    """
    found = kinds.opened(kind, root)
    return LabelledSet(**{one.name: getattr(found, one.name) for one in fields(found)})
