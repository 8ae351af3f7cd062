"""Arrays and facts that were costly to make, kept in a file of their own."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.files import replacing, writing

_FACTS = "facts"


def write(path: Path, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Write a file; a reader sees the old one or the new one.

    Args:
        path: ends in .npz.
        arrays: of numbers or text, by name.
        facts: what JSON can say.

    Raises:
        OutputError: the place cannot be written.
    """
    with replacing(path) as partial, writing(path):
        np.savez(partial, **arrays, **{_FACTS: np.array(json.dumps(facts))})  # pyright: ignore[reportArgumentType]


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Return what `write` wrote; None where there is no file, or a damaged one."""
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts = json.loads(str(arrays.pop(_FACTS)))
    except (OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, RuntimeError, zipfile.BadZipFile):
        return None
    return (arrays, facts) if isinstance(facts, dict) else None
