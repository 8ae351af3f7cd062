"""Words of any kind, told by their texts: what `kaoiro words --clip` compiled from weights that somebody has."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.labels import OPEN_HEAD
from kaoiro.core.modelfile import ModelFolder, load
from kaoiro.core.types import word_column
from kaoiro.faces.align import cut, placement, to_luma
from kaoiro.faces.detect import Detection
from kaoiro.inference.classifier import Classifier
from kaoiro.inference.words.glossary import key
from kaoiro.inference.words.naming import column_name

COMPILE = "kaoiro words WORD ... --clip WEIGHTS --merges FILE --out FOLDER"


@dataclass(frozen=True, eq=False)
class Texts:
    """Words that were compiled, and those of them that are asked for.

    Attributes:
        model: whose head `OPEN_HEAD` answers them.
        names: columns without `word_`, by the word as it was compiled, of those asked for.
    """

    model: ModelFolder
    names: dict[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of single frames: `word_relieved`."""
        return tuple(map(word_column, self.names.values()))

    @cached_property
    def _classifier(self) -> Classifier:
        return Classifier(self.model)

    def find(self, word: str) -> str | None:
        """Return a word as it was compiled; None if it was not."""
        known = {key(one): one for one in self.model.specification.head(OPEN_HEAD).labels}
        return known.get(key(word))

    def asking(self, words: Sequence[str]) -> Texts:
        """Return the same for compiled words that are asked for."""
        return replace(self, names={word: column_name(word) for word in words})

    def read(self, pixels: np.ndarray, faces: Sequence[Detection]) -> list[dict[str, float]]:
        """Return the scores (0–1) of every face by column.

        Args:
            pixels: (H, W) luma or (H, W, 3) RGB uint8.
            faces: where they are.
        """
        spec = self.model.specification
        grey = to_luma(pixels) if pixels.ndim == 3 else pixels
        crops = np.stack([cut(grey, placement(face, spec.crop), spec.size) for face in faces])
        answers, labels = self._classifier.predict(crops).heads[OPEN_HEAD], spec.head(OPEN_HEAD).labels
        places = [labels.index(word) for word in self.names]
        return [dict(zip(self.columns, row[places].tolist(), strict=True)) for row in answers]

    @property
    def remarks(self) -> list[str]:
        """How far to trust each word."""
        weights = self.model.description.provenance.settings.get("weights", "weights of a user")
        how = f"by its text in {weights}, against a face at rest; unmeasured: a score says that the text fits better"
        return [f"{column}: {how}" for column in self.columns]


def opened(folder: str | os.PathLike[str]) -> Texts:
    """Return the words that a folder holds, none of them asked for yet.

    Raises:
        InputError: it holds no compiled words.
        ModelError: its files are damaged.
    """
    if Path(folder).is_file():
        raise InputError(f"--clip {os.fspath(folder)}: compile weights first: {COMPILE}")
    try:
        model = load(Path(folder))
    except ModelError as error:
        raise InputError(f"--clip: {error}; words are compiled by: {COMPILE}") from error
    if OPEN_HEAD not in [head.name for head in model.specification.heads]:
        raise InputError(f"--clip {os.fspath(folder)}: a model without words; they are compiled by: {COMPILE}")
    return Texts(model, {})
