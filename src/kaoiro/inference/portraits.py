"""Faces of nobody: a folder with a generator, opened without PyTorch, and pictures of what it makes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image, ImageDraw, PngImagePlugin
from pydantic import Field, ValidationError, model_validator

from kaoiro.core.checks import require
from kaoiro.core.condition import CONDITION
from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.files import replacing, sha256, write_text, writing
from kaoiro.core.labels import FER2013, MULTITASK_UNITS, canonical, unit_number
from kaoiro.core.modelfile import Card, Provenance
from kaoiro.core.sessions import open_session
from kaoiro.core.spec import Strict

GRAPH, DESCRIPTION, FORMAT = "generator.onnx", "generator.json", 1
TRAIN = "kaoiro train multitask_affect generator --data.root SET"
NOBODY = "Made by kaoiro generate: a generated face. It shows nobody."
_BATCH = 64
_NEAR = 1e-3
"""By so much, in squared numbers of a condition, neutral counts as nearer than it is."""
_CELL, _CAPTION = 96, 14  # pixels: cells of a sheet are at least this large


class GeneratorDescription(Strict):
    """The content of generator.json.

    Attributes:
        side: of the pictures, pixels.
        channels: 1 (grey) or 3 (RGB).
        noise: numbers of z; the same are the same person.
        condition: what the numbers of a condition mean, in the graph's order; empty: it takes none.
        typical: by expression, the mean condition of the faces learned from that show it.
        files: checksums.
        provenance: where it came from.
        card: what people should know.
    """

    format: Literal[1] = FORMAT
    name: str
    side: Annotated[int, Field(ge=8, le=1024)]
    channels: Literal[1, 3]
    noise: Annotated[int, Field(ge=1)]
    condition: tuple[str, ...]
    typical: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    files: dict[str, str]
    provenance: Provenance
    card: Card

    @model_validator(mode="after")
    def _consistent(self) -> GeneratorDescription:
        if self.condition not in ((), CONDITION.labels):
            raise ValueError(f"a condition must be {', '.join(CONDITION.labels)}")
        if self.condition and set(self.typical) != set(FER2013.labels):
            raise ValueError(f"typical needs {', '.join(FER2013.labels)}")
        if any(len(row) != len(self.condition) for row in self.typical.values()):
            raise ValueError("typical needs a whole condition for each expression")
        return self


def write(folder: Path, description: GeneratorDescription) -> None:
    """Write generator.json with the checksum of the graph beside it.

    Raises:
        OutputError: the folder cannot be written.
    """
    filled = description.model_copy(update={"files": {GRAPH: sha256(folder / GRAPH)}})
    text = json.dumps(filled.model_dump(mode="json"), indent=1, ensure_ascii=False)
    write_text(folder / DESCRIPTION, text)


def shipped() -> dict[str, Path]:
    """Return the folders of the generators inside the package, by name."""
    root = Path(str(resources.files("kaoiro"))) / "models"
    return {item.parent.name: item.parent for item in sorted(root.glob(f"*/{DESCRIPTION}"))}


def find(model: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of a generator given by name or path; None is the one that ships.

    Raises:
        ModelError: none ships, or there is none of this name or in this folder.
    """
    known = shipped()
    if model is None:
        if not known:
            raise ModelError(f"no generator ships with kaoiro; train one ({TRAIN}) and name its folder by --model")
        return next(iter(known.values()))
    if str(model) in known:
        return known[str(model)]
    if not (Path(model) / DESCRIPTION).is_file():
        raise ModelError(f"no generator in '{os.fspath(model)}': no {DESCRIPTION} there; train one: {TRAIN}")
    return Path(model)


def read(folder: Path) -> GeneratorDescription:
    """Read generator.json and check the graph beside it.

    Raises:
        ModelError: unreadable, of another format, or damaged.
    """
    file = folder / DESCRIPTION
    try:
        found = GeneratorDescription.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ModelError(f"{file} is not valid at '{where}': {first['msg']}") from error
    graph = folder / GRAPH
    if not graph.is_file() or sha256(graph) != found.files.get(GRAPH):
        raise ModelError(f"{graph} is missing or damaged (checksum differs); copy or train the folder again")
    return found


class Portraits:
    """A generator ready to use.

    Args:
        model: name of one that ships, or its folder; None is the one that ships.
        threads: of ONNX Runtime; None leaves it to the runtime.

    Raises:
        ModelError: not found or damaged.
    """

    def __init__(self, model: str | os.PathLike[str] | None = None, threads: int | None = None) -> None:
        self.folder = find(model)
        self.description = read(self.folder)
        self._session = open_session(self.folder / GRAPH, threads)

    @property
    def conditional(self) -> bool:
        """Whether it can be told what faces show."""
        return bool(self.description.condition)

    def condition(
        self,
        expression: str | None = None,
        valence: float | None = None,
        arousal: float | None = None,
        units: Mapping[str, float] | None = None,
    ) -> np.ndarray:
        """Return the condition (17,) of a face; what is not said is as usual with what is.

        Without an expression it is the one whose usual numbers are nearest to those that are said; neutral, where
        several are as near.

        Args:
            expression: one of the seven.
            valence: -1 to 1.
            arousal: -1 to 1.
            units: intensities 0 to 1 by name ('au_12').

        Raises:
            InputError: a value outside its range, an expression or unit that there is not, or a generator that takes
                no condition.
        """
        self._need_condition()
        said = {"valence": valence, "arousal": arousal, **(units or {})}
        for name, value in said.items():
            low = -1 if name in (AFFECTS := ("valence", "arousal")) else 0
            require(name in (*AFFECTS, *MULTITASK_UNITS.labels), "action unit", _numbers(), _number(name))
            require(value is None or low <= value <= 1, name, f"between {low} and 1", value)
        wished = {CONDITION.index(name): value for name, value in said.items() if value is not None}
        row = np.array(self.typical[self._expression(expression, wished)], np.float32)
        row[list(wished)] = list(wished.values())
        return row

    def _expression(self, expression: str | None, wished: Mapping[int, float]) -> int:
        """Return the expression that is said, or the one whose usual condition is nearest to the numbers wished."""
        if expression is not None:
            label = canonical(expression)
            require(label in FER2013.labels, "expression", f"one of {', '.join(FER2013.labels)}", expression)
            return FER2013.index(label)
        away = ((self.typical[:, list(wished)] - np.array(list(wished.values()))) ** 2).sum(axis=1)
        away[FER2013.index("neutral")] -= _NEAR
        return int(away.argmin())

    @property
    def typical(self) -> np.ndarray:
        """The mean condition of each of the seven expressions: (7, 17).

        Raises:
            InputError: the generator takes no condition.
        """
        self._need_condition()
        return np.array([self.description.typical[label] for label in FER2013.labels], np.float32)

    def _need_condition(self) -> None:
        if not self.conditional:
            raise InputError(f"the generator {self.description.name} takes no condition: leave it out")

    @property
    def digest(self) -> str:
        """Checksum of the graph, which identifies the generator in pictures."""
        return self.description.files[GRAPH]

    def named(self, condition: np.ndarray | None) -> dict[str, float]:
        """Return a condition (17,) by what its numbers mean; nothing for None."""
        values = () if condition is None else condition.tolist()
        return {name: round(value, 4) for name, value in zip(CONDITION.labels, values, strict=bool(values))}

    def noise(self, count: int, seed: int = 0) -> np.ndarray:
        """Return the noise of `count` people: (count, noise) float32; the first of a seed are always the same."""
        return np.random.default_rng(seed).standard_normal((count, self.description.noise), np.float32)

    def draw(self, noise: np.ndarray, condition: np.ndarray | None = None) -> np.ndarray:
        """Return faces: (N, side, side) or (N, side, side, 3) uint8.

        Args:
            noise: (N, noise).
            condition: (N, 17), or one (17,) for all; None where the generator takes none.
        """
        given = {"noise": np.ascontiguousarray(noise, np.float32)}
        if self.conditional:
            table = np.broadcast_to(np.asarray(condition, np.float32), (len(noise), len(CONDITION)))
            given["condition"] = np.ascontiguousarray(table)
        starts = range(0, len(noise), _BATCH)
        parts = [self._session.run(["faces"], {k: v[s : s + _BATCH] for k, v in given.items()})[0] for s in starts]
        made = np.concatenate(parts) if parts else np.empty((0, 1, 0, 0), np.uint8)
        return made[:, 0] if self.description.channels == 1 else made.transpose(0, 2, 3, 1)

    def everybody(self, people: int, seed: int = 0) -> np.ndarray:
        """Return people through the seven expressions: (people, 7, side, side) or (…, 3) uint8."""
        noise, row = self.noise(people, seed), self.typical
        made = self.draw(np.repeat(noise, len(row), axis=0), np.tile(row, (people, 1)))
        return made.reshape(people, len(row), *made.shape[1:])


def _numbers() -> str:
    return "one of " + ", ".join(str(unit_number(unit)) for unit in MULTITASK_UNITS.labels)


def _number(unit: str) -> object:
    return int(digits) if (digits := unit.removeprefix("au_")).isdigit() else unit


def sheet(rows: np.ndarray, captions: Sequence[str] = ()) -> Image.Image:
    """Lay faces out, each enlarged by a whole factor to at least 96 pixels.

    Args:
        rows: (R, C, H, W) or (R, C, H, W, 3) uint8.
        captions: of the columns; none leaves them out.
    """
    factor = max(1, -(-_CELL // rows.shape[2]))
    height, width = rows.shape[2] * factor, rows.shape[3] * factor
    top = _CAPTION if captions else 0
    result = Image.new("L" if rows.ndim == 4 else "RGB", (width * rows.shape[1], height * rows.shape[0] + top), "white")
    pen = ImageDraw.Draw(result)
    for column, text in enumerate(captions):
        pen.text((column * width + 2, 1), text, fill="black", font_size=_CAPTION - 4)
    for place in np.ndindex(rows.shape[:2]):
        face = Image.fromarray(rows[place]).resize((width, height), Image.Resampling.BICUBIC)
        result.paste(face, (place[1] * width, place[0] * height + top))
    return result


def single(face: np.ndarray) -> Image.Image:
    """Return one face, (H, W) or (H, W, 3) uint8, as a picture of its own size."""
    return Image.fromarray(face)


def in_rows(faces: np.ndarray) -> np.ndarray:
    """Lay N faces out in about as many rows as columns: (R, C, …), empty cells white."""
    columns_ = int(np.ceil(np.sqrt(len(faces))))
    lines = -(-len(faces) // columns_)
    filled = np.full((lines * columns_, *faces.shape[1:]), 255, np.uint8)
    filled[: len(faces)] = faces
    return filled.reshape(lines, columns_, *faces.shape[1:])


def save(picture: Image.Image, path: Path, about: Mapping[str, Any]) -> None:
    """Write a PNG whose metadata says that it shows nobody.

    Args:
        picture: to write.
        path: of the file.
        about: model, seed and condition, which stand in the metadata as JSON.

    Raises:
        OutputError: the place cannot be written.
    """
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Software", "kaoiro generate")
    notes.add_text("Comment", NOBODY)
    notes.add_text("Description", json.dumps(dict(about)))
    with replacing(path) as partial, writing(path):
        picture.save(partial, "PNG", pnginfo=notes)
