"""Which face of a picture is meant, on the command line."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def number(text: str) -> int:
    """Return the number of a face, from 0."""
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"must be the number of a face, from 0 (the largest), not {text}")
    return int(text)


def pair(text: str) -> tuple[int, int]:
    """Return the numbers of the faces of two pictures: '1' is meant for both, '0,2' for each."""
    parts = text.split(",")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        wish = "the number of a face, from 0 (the largest), or one for each picture such as 0,2"
        raise argparse.ArgumentTypeError(f"must be {wish}, not {text}")
    return int(parts[0]), int(parts[-1])


def chosen(found: Any, which: int, asked: bool) -> Any:
    """Return the crop of one face of a picture, and say so where there are several and none was asked for.

    Raises:
        InputError: there is no such face.
    """
    crop = found.crop(which)
    if len(found) > 1 and not asked:
        print(f"kaoiro: {found.name}: the largest of {len(found)} faces is taken; choose by --face", file=sys.stderr)
    return crop
