"""Model folders: `model.json`, `model.onnx` and, for training on, `weights.safetensors`.

model.json holds the Specification, the checksums of the files beside it, where the model came from
(data, seed, commit) and its card. It is read strictly: unknown keys, other format versions and
files whose checksum differs are refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from kaoiro.core.errors import ModelError
from kaoiro.core.files import sha256, write_text
from kaoiro.core.labels import EXPRESSION, EXPRESSION_FER2013
from kaoiro.core.spec import Head, Specification, Strict

FORMAT = 1
DEFAULT = "affect"
GRAPH, WEIGHTS, DESCRIPTION = "model.onnx", "weights.safetensors", "model.json"


class Provenance(Strict):
    """Where a model came from.

    Attributes:
        recipe: 'family/recipe'.
        settings: the complete recipe.
        data: the learning data in words.
        budget: what it cost (epochs, hours, hardware class).
        commit: of this project when it was trained.
        history: the learning curve, one value for each epoch by name of the figure.
    """

    recipe: str
    settings: dict[str, Any]
    data: str
    seed: int
    budget: str
    commit: str
    created: str
    history: dict[str, tuple[float | None, ...]] = Field(default_factory=dict)


class Card(Strict):
    """What people should know.

    Attributes:
        summary: one sentence.
        numbers: measured figures by name.
        limits: known failures.
        licence: of the weights.
    """

    summary: str
    numbers: dict[str, float] = Field(default_factory=dict)
    limits: tuple[str, ...] = ()
    licence: str


class Description(Strict):
    """The content of model.json."""

    format: Literal[1] = FORMAT
    name: str
    specification: Specification
    files: dict[str, str]
    provenance: Provenance
    card: Card


@dataclass(frozen=True)
class ModelFolder:
    """A model folder whose description was read and whose checksums hold."""

    path: Path
    description: Description

    @property
    def name(self) -> str:
        """The model's name."""
        return self.description.name

    @property
    def specification(self) -> Specification:
        """What the model eats and answers."""
        return self.description.specification

    @property
    def digest(self) -> str:
        """Checksum of the graph, which identifies the model in results."""
        return self.description.files[GRAPH]

    @property
    def graph(self) -> Path:
        """The ONNX file."""
        return self.path / GRAPH


def shipped() -> dict[str, Path]:
    """Return the models inside the package: name -> folder."""
    root = Path(str(resources.files("kaoiro"))) / "models"
    return {item.parent.name: item.parent for item in sorted(root.glob(f"*/{DESCRIPTION}"))}


def answering(labels: tuple[str, ...]) -> str | None:
    """Return the name of a shipped model that has a head of expressions with exactly these labels, in any order.

    The default model comes first, the others in the order of their names; None if there is none.
    """
    models = shipped()
    for name in sorted(models, key=lambda name: (name != DEFAULT, name)):
        heads = read_description(models[name]).specification.heads
        if any(head.name in (EXPRESSION, EXPRESSION_FER2013) and set(head.labels) == set(labels) for head in heads):
            return name
    return None


def find(model: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of a model given by name or path; None is the default model.

    A path object or a text with a path separator ('./stills') means a folder and nothing else. A bare text
    means a model that ships or, if none is called so, a folder in the current directory.

    Raises:
        ModelError: neither a shipped model nor a folder with model.json.
    """
    name = DEFAULT if model is None else model
    models = shipped()
    if isinstance(name, str) and not _is_path(name) and name in models:
        return models[name]
    folder = Path(name)
    if (folder / DESCRIPTION).is_file():
        return folder
    names = ", ".join(models) or "none"
    if not isinstance(name, str) or _is_path(name):
        raise ModelError(f"no model in '{os.fspath(name)}': no {DESCRIPTION} there; by name, without a path: {names}")
    raise ModelError(f"no model '{name}': not one that ships ({names}), nor a folder with {DESCRIPTION}")


def _is_path(text: str) -> bool:
    return any(separator in text for separator in (os.sep, os.altsep) if separator)


def load(model: str | os.PathLike[str] | None = None) -> ModelFolder:
    """Read and check a model folder.

    Raises:
        ModelError: not found, not readable, of another format, or damaged.
    """
    folder = find(model)
    description = read_description(folder)
    if GRAPH not in description.files:
        raise ModelError(f"{folder / DESCRIPTION} names no {GRAPH}")
    for name, digest in description.files.items():
        _check(folder / name, digest, optional=name != GRAPH)
    return ModelFolder(folder, description)


def _check(file: Path, digest: str, optional: bool) -> None:
    if not file.is_file():
        if optional:
            return
        raise ModelError(f"{file} is missing; install or copy the model folder again")
    if sha256(file) != digest:
        raise ModelError(f"{file} is damaged (checksum differs from {DESCRIPTION}); install or copy the folder again")


def read_description(folder: Path) -> Description:
    """Read model.json.

    Raises:
        ModelError: unreadable, or not what this version understands.
    """
    file = folder / DESCRIPTION
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{file} cannot be read: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise ModelError(f"{file} has format {found}; this version of kaoiro reads format {FORMAT}")
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelError(f"{file} is not valid at '{where}': {first['msg']}") from error


def write_description(folder: Path, description: Description) -> None:
    """Write model.json with the checksums of the files beside it."""
    files = {name: sha256(folder / name) for name in (GRAPH, WEIGHTS) if (folder / name).is_file()}
    content = description.model_copy(update={"files": files}).model_dump(mode="json")
    write_text(folder / DESCRIPTION, json.dumps(content, indent=2, ensure_ascii=False))


def set_thresholds(model: ModelFolder, head: str, present_from: Mapping[str, float]) -> None:
    """Write into a model's description from which probability on each label of a head counts as present.

    Args:
        model: whose model.json is written; its graph stays.
        head: with sigmoid activation.
        present_from: for every label of the head.

    Raises:
        KeyError: no such head, or a label without a value.
        ValueError: a value outside 0 to 1, or a head with another activation.
    """
    found = model.specification.head(head)
    values = found.model_dump() | {"thresholds": tuple(present_from[label] for label in found.labels)}
    heads = tuple(Head.model_validate(values) if one is found else one for one in model.specification.heads)
    specification = model.specification.model_copy(update={"heads": heads})
    write_description(model.path, model.description.model_copy(update={"specification": specification}))


def add_numbers(model: ModelFolder, numbers: dict[str, float]) -> None:
    """Write measured figures into a model's card, in the place of earlier ones of the same names."""
    card = model.description.card
    card = card.model_copy(update={"numbers": {**card.numbers, **numbers}})
    write_description(model.path, model.description.model_copy(update={"card": card}))


def set_limits(model: ModelFolder, limits: tuple[str, ...]) -> None:
    """Write known failures into a model's card, in the place of all earlier ones.

    Figures that were added since the model was loaded stay.
    """
    description = read_description(model.path)
    card = description.card.model_copy(update={"limits": limits})
    write_description(model.path, description.model_copy(update={"card": card}))
