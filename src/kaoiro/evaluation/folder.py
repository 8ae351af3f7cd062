"""Accuracy on a folder of images with one sub-folder for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.labels import EXPRESSIONS, FER2013, Vocabulary, canonical
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets.folders import class_files
from kaoiro.evaluation.fer2013 import measure, predict
from kaoiro.evaluation.progress import followed
from kaoiro.faces import photo

SEVEN = Vocabulary("seven", tuple(label for label in EXPRESSIONS.labels if label in FER2013.labels))
"""The expressions that data without contempt have, in the order of columns."""


def evaluate(model: ModelFolder, root: str | Path, threads: int | None = None) -> dict[str, Any]:
    """Measure a model on ROOT/<label>/*.png, faces already cut out, in whatever spelling labels come.

    The model chooses among all classes of the data's kind, also those without a picture here: the eight
    expressions where the folder has contempt, else the seven of FER2013. Sub-folders that are no expression are
    not read, and the protocol names them.

    Raises:
        DataError: no sub-folder is called like an expression, or there are no images.
        ModelError: the model has no expression head.
    """
    files = class_files(Path(root))
    vocabulary = SEVEN if set(files) <= set(SEVEN.labels) else EXPRESSIONS
    rows = [(index, path) for index, label in enumerate(vocabulary.labels) for path in files.get(label, ())]
    truth, paths = np.array([index for index, _ in rows]), [path for _, path in rows]
    spec = model.specification
    crops = np.stack([_crop(path, spec.size) for path in followed(paths, len(paths), "pictures")])
    probabilities, protocol = predict(model, crops, vocabulary, threads)
    others = sorted(item.name for item in Path(root).iterdir() if item.is_dir() and canonical(item.name) not in files)
    lacking = [label for label in vocabulary.labels if label not in files]
    protocol += f"; no pictures of {', '.join(lacking)}" if lacking else ""
    protocol += f"; not read: {', '.join(others)}" if others else ""
    head = {"n": len(paths), "labels": "folder", "split": "all", "model": model.name, "model_sha256": model.digest}
    rest = {"protocol": f"single crop; {protocol}", "n_dedup": None, "accuracy_dedup": None}
    return head | rest | measure(probabilities, truth, vocabulary, np.arange(len(paths)))


def _crop(path: Path, size: int) -> np.ndarray:
    from PIL import Image

    picture = Image.fromarray(photo.read(path))
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
