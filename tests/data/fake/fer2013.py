"""Write fake files in the official layout of FER2013 and FER+, with drawn faces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kaoiro.core.labels import FER2013, FERPLUS_VOTES
from kaoiro.data.datasets import drawn

IMAGE_HEADER = "emotion,pixels,Usage"
VOTE_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
COUNTS = {"Training": 32, "PublicTest": 16, "PrivateTest": 16}
CLEAR = 8
"""Votes for the drawn expression; the two others of ten go to 'unknown' and to one other emotion."""


@dataclass(frozen=True)
class Written:
    """What was written, in file order.

    Attributes:
        images: (N, 48, 48) uint8.
        labels: (N,) official integer labels; a drawn contempt, which FER2013 lacks, counts as neutral.
        expressions: (N,) names of the drawn expressions.
        usage: (N,) official parts.
        votes: (N, 10) in the order of the official header.
    """

    images: np.ndarray
    labels: np.ndarray
    expressions: np.ndarray
    usage: np.ndarray
    votes: np.ndarray


def write(
    folder: Path, counts: Mapping[str, int] = COUNTS, duplicates: int = 0, votes: bool = True, seed: int = 0
) -> Written:
    """Write fer2013.csv and, with `votes`, fer2013new.csv.

    Args:
        folder: receives the files.
        counts: rows of each part; a part that is left out is not in the files.
        duplicates: so many first rows of PublicTest are pixel-identical copies of the first rows of Training.
        votes: whether fer2013new.csv is written; otherwise the images stand alone.
        seed: of the drawing.
    """
    made = make(counts, duplicates, seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_images(folder / "fer2013.csv", made)
    if votes:
        write_votes(folder / "fer2013new.csv", zip(made.usage, made.votes, strict=True))
    return made


def make(counts: Mapping[str, int], duplicates: int, seed: int) -> Written:
    """Draw the rows."""
    faces = drawn.faces(sum(counts.values()), seed)
    usage = np.repeat(list(counts), list(counts.values()))
    images, index = faces.pixels.copy(), faces.labels["expression"].copy()
    source, copies = (np.flatnonzero(usage == part)[:duplicates] for part in ("Training", "PublicTest"))
    images[copies], index[copies] = images[source], index[source]
    expressions = np.array(drawn.VOCABULARY.labels)[index]
    labels = np.array([FER2013.index("neutral" if name == "contempt" else name) for name in expressions])
    return Written(images, labels, expressions, usage, np.stack([clear_votes(name) for name in expressions]))


def clear_votes(expression: str) -> np.ndarray:
    """Return ten votes with a clear majority for an expression."""
    row = np.zeros(len(FERPLUS_VOTES), np.int64)
    row[FERPLUS_VOTES.index(expression)] = CLEAR
    row[FERPLUS_VOTES.index("unknown")] = 1
    row[FERPLUS_VOTES.index("fear" if expression != "fear" else "surprise")] = 1
    return row


def write_images(path: Path, made: Written) -> None:
    """Write the table of images."""
    lines = [
        f"{label},{' '.join(map(str, image.ravel()))},{part}"
        for label, image, part in zip(made.labels, made.images, made.usage, strict=True)
    ]
    path.write_text("\n".join([IMAGE_HEADER, *lines, ""]))


def write_votes(path: Path, rows: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write the table of votes; an image that is no face has no name, as in the official file."""
    lines = []
    for number, (part, votes) in enumerate(rows):
        name = "" if votes[FERPLUS_VOTES.index("NF")] == votes.sum() else f"fer{number:07d}.png"
        lines.append(f"{part},{name},{','.join(map(str, votes))}")
    path.write_text("\n".join([VOTE_HEADER, *lines, ""]))
