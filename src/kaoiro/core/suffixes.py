"""Endings of the names of pictures."""

from __future__ import annotations

PHOTO_SUFFIXES = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".gif",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".avif",
        ".heic",
    )
)
"""File names that are taken for pictures in folders and archives."""
