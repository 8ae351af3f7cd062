"""The door of adaptation: from names of files to a model folder, all that can be refused early refused early.

It imports PyTorch only when it is called, so that `import kaoiro` needs none.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kaoiro.core import modelfile
from kaoiro.core.errors import InputError, MissingExtra, OutputError
from kaoiro.core.files import check_folder
from kaoiro.data.datasets import own_labels

if TYPE_CHECKING:
    from kaoiro.training.adapting.adapt import Adaptation

Paths = str | os.PathLike[str]
_FILES = (modelfile.DESCRIPTION, modelfile.GRAPH, modelfile.WEIGHTS)


def _warned(line: str) -> None:
    warnings.warn(line, UserWarning, stacklevel=3)


def adapt(
    pictures: Paths,
    out: Paths,
    *,
    labels: Paths | None = None,
    model: Paths | None = None,
    name: str | None = None,
    cut: Literal["detect", "whole"] = "detect",
    methods: str | Sequence[str] | None = None,
    folds: int = 5,
    more: int = 200,
    seed: int = 0,
    threads: int | None = None,
    tell: Callable[[str], None] = _warned,
) -> Adaptation:
    """Fit a model to your own labelled pictures and write it as a model folder, never worse than before on them.

    What is interrupted goes on when it is called again.

    Args:
        pictures: folder with a sub-folder of each label, or a table: path, label, and person if it is known.
        out: folder of the new model.
        labels: table of the pictures in the folder.
        model: what to begin with, a name or a folder; None is the default model.
        name: of the new model; None is the folder's.
        cut: 'detect' cuts the largest face out of each picture, 'whole' takes pictures as crops.
        methods: what to try: shift, head, last, all, with commas or as a list; None is all of them.
        folds: of the cross-validation.
        more: tell what so many more pictures would bring.
        seed: of folds and training.
        threads: of processors; None leaves it to the libraries.
        tell: called with each line that should be known before the figures are trusted; the default warns.

    Returns:
        What was taken (`taken`), its accuracy before and to expect with intervals (`choice`), and the folder (`model`).

    Raises:
        MissingExtra: the extra [train] is not installed.
        DataError: pictures or labels that cannot be used, or too few of a label.
        InputError: a setting, a name or a label that cannot be, or a model that cannot be adapted.
        ModelError: the model is missing or damaged.
        OutputError: the folder cannot be written, or holds a model already.
    """
    called = _name(out, name)
    _check_out(out)
    _require_extra()
    from kaoiro.training.adapting import told
    from kaoiro.training.adapting.adapt import AdaptConfig, method_names
    from kaoiro.training.adapting.adapt import adapt as adapted
    from kaoiro.training.adapting.candidates import NAMES

    begun = modelfile.load(model)
    text = methods if methods is None or isinstance(methods, str) else ",".join(methods)
    tried = NAMES if text is None else tuple(method_names(text))
    config = AdaptConfig(cut, tried, folds, more, seed, threads)
    own = own_labels.read(Path(pictures), None if labels is None else Path(labels))
    for line in own_labels.notes(own):
        tell(line)
    found = adapted(own, begun, Path(out), config, called)
    for line in told.warnings(found):
        tell(line)
    return found


def _require_extra() -> None:
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtra("kaoiro adapt", "train") from error


def _name(out: Paths, name: str | None) -> str:
    """Return the name of the new model.

    Raises:
        InputError: it is empty, or no plain word or words.
    """
    found = Path(out).absolute().name if name is None else name.strip()
    if found in ("", ".", "..") or any(sign in "/\\" or not sign.isprintable() for sign in found):
        raise InputError(f"the name of a model must be plain text without / and \\, not '{found}'; name it otherwise")
    return found


def _check_out(out: Paths) -> None:
    """Refuse a folder that cannot be written, or in which something would be written over.

    Raises:
        OutputError: it is so.
    """
    there = [name for name in _FILES if (Path(out) / name).exists()]
    if there:
        raise OutputError(
            f"--out {out}: there is a model already ({', '.join(there)}); name another folder, or delete it"
        )
    check_folder(Path(out))
