"""Accuracy on a folder of images with one sub-folder for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, Vocabulary, canonical
from kaoiro.core.modelfile import ModelFolder
from kaoiro.evaluation.fer2013 import measure, predict
from kaoiro.faces import photo
from kaoiro.inference.media import PHOTO_SUFFIXES


def evaluate(model: ModelFolder, root: str | Path, threads: int | None = None) -> dict[str, Any]:
    """Measure a model on ROOT/<label>/*.png, faces already cut out, in whatever spelling labels come.

    Sub-folders that are no expression are not read, and the protocol names them.

    Raises:
        DataError: no sub-folder is called like an expression, or there are no images.
    """
    files = class_files(Path(root))
    present = [label for label in EXPRESSIONS.labels if label in files]
    vocabulary = Vocabulary("folder", tuple(present))
    truth = np.concatenate([np.full(len(files[label]), index) for index, label in enumerate(present)])
    paths = [path for label in present for path in files[label]]
    spec = model.specification
    crops = np.stack([_crop(path, spec.size) for path in paths])
    probabilities, protocol = predict(model, crops, vocabulary, threads)
    others = sorted(item.name for item in Path(root).iterdir() if item.is_dir() and canonical(item.name) not in files)
    protocol += f"; not read: {', '.join(others)}" if others else ""
    head = {"n": len(paths), "labels": "folder", "split": "all", "model": model.name, "model_sha256": model.digest}
    rest = {"protocol": f"single crop; {protocol}", "n_dedup": None, "accuracy_dedup": None}
    return head | rest | measure(probabilities, truth, vocabulary, np.arange(len(paths)))


def class_files(root: Path) -> dict[str, list[Path]]:
    """Return the pictures of each expression, sorted by path."""
    if not root.is_dir():
        raise DataError(f"{root} is not a folder")
    found: dict[str, list[Path]] = {}
    for folder in sorted(item for item in root.iterdir() if item.is_dir()):
        label = canonical(folder.name)
        pictures = sorted(item for item in folder.rglob("*") if item.suffix.lower() in PHOTO_SUFFIXES)
        if label in EXPRESSIONS.labels and pictures:
            found.setdefault(label, []).extend(pictures)
    if not found:
        raise DataError(f"{root} has no sub-folder with pictures named after {', '.join(EXPRESSIONS.labels)}")
    return found


def _crop(path: Path, size: int) -> np.ndarray:
    from PIL import Image

    picture = Image.fromarray(photo.read(path))
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
