"""Readers of actions that no model answers: eyes that close or wink, a mouth that stretches, what one side does alone.

A small network says what the subject's left side does; asked about the mirrored face it says the same of the right. So
nothing is learned of sides twice, and what only one of them does follows from both answers.

Layout:  models/readers/readers.json   what it is: `Description`
         models/readers/readers.onnx   `pixels` (N, 1, 48, 48) uint8 -> `signs` (N, K, 2) logits in the order of `SIGNS`
Legend:  N faces, K signs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from kaoiro.core.checks import require
from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.errors import ModelError
from kaoiro.core.files import sha256, write_text, writing
from kaoiro.core.modelfile import Card, Provenance
from kaoiro.core.sessions import open_session
from kaoiro.core.spec import Strict

SIDE, CROP = 48, FER2013_CROP
"""Side of the grey crops that are read, pixels, and where faces lie in them."""
SIGNS = ("eye closed", "lip corner up", "lip corner tightened", "mouth stretched")
"""What is read of one side; the last is read of both."""
ONE_SIDE = "_one_side"
"""Ending of columns that say what one side does and the other does not."""
COLUMNS = ("au_27", "au_43", "au_46", f"au_12{ONE_SIDE}", f"au_14{ONE_SIDE}")
"""What is answered: AU 27 (mouth stretch), 43 (both eyes closed), 46 (wink), and 12 and 14 of one side alone."""
DESCRIPTION, GRAPH = "readers.json", "readers.onnx"
TRAIN = "kaoiro evaluate readers --root SYN-ACTS --write"
_AGAIN = f"install kaoiro again, or learn them: {TRAIN}"
_BATCH = 32


class Description(Strict):
    """The content of readers.json.

    Attributes:
        signs: in the order of the answers.
        files: checksums.
        provenance: where it came from.
        card: what people should know.
    """

    format: Literal[1] = 1
    signs: tuple[str, ...]
    files: dict[str, str] = Field(default_factory=dict)
    provenance: Provenance
    card: Card


@dataclass(frozen=True, eq=False)
class Readers:
    """Readers ready to use, by any number of threads.

    Attributes:
        session: of ONNX Runtime.
        digest: SHA-256 of the graph.
    """

    session: Any
    digest: str = ""

    def sides(self, crops: np.ndarray) -> np.ndarray:
        """Return the logits of every sign on the subject's left and right: (N, K, 2).

        Args:
            crops: (N, 48, 48) uint8, grey, placed as `CROP` says.

        Raises:
            InputError: another shape.
        """
        fits = crops.ndim == 3 and crops.shape[1:] == (SIDE, SIDE)
        require(fits, "crops to read", f"of shape (N, {SIDE}, {SIDE})", crops.shape)
        parts = [crops[start : start + _BATCH, None] for start in range(0, len(crops), _BATCH)]
        found = [self.session.run(["signs"], {"pixels": np.ascontiguousarray(part)})[0] for part in parts]
        return np.concatenate([np.empty((0, len(SIGNS), 2), np.float32), *found])

    def read(self, crops: np.ndarray) -> dict[str, np.ndarray]:
        """Return the probabilities (N,) of `COLUMNS`; arguments and errors as of `sides`."""
        return answers(self.sides(crops))


def answers(logits: np.ndarray) -> dict[str, np.ndarray]:
    """Return the probabilities (N,) of `COLUMNS` from logits of both sides (N, K, 2), as if sides were independent."""
    left, right = np.moveaxis(1 / (1 + np.exp(-logits.astype(np.float64))), 2, 0)
    alone = left * (1 - right) + right * (1 - left)
    eye, up, tight, stretched = range(len(SIGNS))
    both = 1 / (1 + np.exp(-logits[:, stretched].astype(np.float64).mean(axis=1)))
    found = (both, left[:, eye] * right[:, eye], *(alone[:, sign] for sign in (eye, up, tight)))
    return dict(zip(COLUMNS, found, strict=True))


def folder() -> Path:
    """Return where the readers that ship lie."""
    return Path(str(files("kaoiro"))) / "models" / "readers"


@cache
def shipped() -> Readers | None:
    """Return the readers that ship; None if none do.

    Raises:
        ModelError: they are damaged.
    """
    return load(folder()) if (folder() / DESCRIPTION).is_file() else None


def columns() -> tuple[str, ...]:
    """Return what the readers that ship answer; nothing where none ship."""
    return () if shipped() is None else COLUMNS


def digest() -> str:
    """Return the checksum of the readers that ship; empty where none do."""
    found = shipped()
    return "" if found is None else found.digest


def load(place: Path) -> Readers:
    """Read and check a folder of readers.

    Raises:
        ModelError: unreadable, of another format, or damaged.
    """
    try:
        about = Description.model_validate(json.loads((place / DESCRIPTION).read_text(encoding="utf-8")))
        found = sha256(place / GRAPH)
    except (OSError, ValueError) as error:  # pydantic's errors are ValueErrors, too
        raise ModelError(f"the readers in {place} cannot be read: {' '.join(str(error).split())}; {_AGAIN}") from error
    if about.signs != SIGNS or found != about.files.get(GRAPH):
        raise ModelError(f"the readers in {place} are damaged, or of another version; {_AGAIN}")
    return Readers(open_session(place / GRAPH, 1), found)


def write(place: Path, graph: bytes, about: Description) -> None:
    """Write a folder of readers.

    Raises:
        OutputError: the folder cannot be written.
    """
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
        (place / GRAPH).write_bytes(graph)
    filled = about.model_copy(update={"files": {GRAPH: sha256(place / GRAPH)}})
    write_text(place / DESCRIPTION, json.dumps(filled.model_dump(mode="json"), indent=1, ensure_ascii=False))
    shipped.cache_clear()
