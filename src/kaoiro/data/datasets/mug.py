"""MUG: posed expressions of 86 people in front of a blue screen, each from neutral to its peak and back.

Source:   Aifanti, Papachristou and Delopoulos, "The MUG Facial Expression Database", WIAMIS 2010; mug.ee.auth.gr/fed.
Classes:  anger, disgust, fear, happiness, neutral, sadness, surprise; folders of another name are left out and counted.
Layout:   ROOT or a folder in it (subjects3): 001/anger/take000/img_0000.jpg, with a folder session0, session1, … after
          the person where there are several.
          Each take gives one row: the frame in its middle, where the peak lies, for takes begin and end neutral
          (unconfirmed for every take: no file says where peaks are).
          The manually annotated pictures (manual.tar) and the part in which people watch a film are not read.
Persons:  the folder named by a number, 001.
Splits:   none.
Licence:  research, by a signed agreement; the pictures of 52 of the 86 people can be downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, canonical
from kaoiro.core.suffixes import PHOTO_SUFFIXES
from kaoiro.data.datasets.listing import files, frame_number, subfolders
from kaoiro.data.labelled_set import LabelledSet, LeftOut, Row, Span, gathered

_DEEPEST = 5  # folders between the root and a take


def read(root: Path) -> LabelledSet:
    """Read the set, in the order of paths.

    Raises:
        DataError: there is no take, or it lies below no folder with a person's number.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; --root must name the folder of MUG that holds 001, 002, …")
    return gathered("mug", root, _rows(root))


def _rows(root: Path) -> Iterator[Row | LeftOut]:
    for take in _takes(root, _DEEPEST):
        parts = take.relative_to(root).parts
        label = canonical(take.parent.name)
        if label not in EXPRESSIONS.labels:
            yield LeftOut(f"takes of {take.parent.name!r}, which is no expression")
            continue
        person = next((part for part in reversed(parts) if part.isdigit()), None)
        if person is None:
            raise DataError(f"{take} lies below no folder with a person's number; --root must hold 001, 002, …")
        frames = files(take, PHOTO_SUFFIXES)
        if frames:
            peak, span = frames[len(frames) // 2], Span(take, frame_number(frames[0]), frame_number(frames[-1]))
            yield Row(peak.relative_to(root).as_posix(), label, peak, person, span=span)
        else:
            yield LeftOut("takes without frames")


def _takes(folder: Path, depth: int) -> Iterator[Path]:
    for inner in subfolders(folder):
        if inner.name.lower().startswith("take"):
            yield inner
        elif depth:
            yield from _takes(inner, depth - 1)
