"""The folder of a set: whose it is, and whether it is complete.

`set.json` is written first with the settings and once more, at the end, with the numbers. A folder
that holds anything else is refused, so that no set mixes two worlds.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kaoiro.core.errors import OutputError
from kaoiro.core.files import write_text, writing

SETTINGS = "set.json"
MANIFEST = "manifest.parquet"
CARD = "README.md"
_REMEDY = "choose another --out, or remove that folder"


def claim(out: Path, settings: Mapping[str, Any], notes: Mapping[str, Any]) -> dict[str, Any]:
    """Take a folder for a set, or go on with one that holds the same; returns what its set.json says.

    Args:
        out: folder; made where it is missing.
        settings: all that decides the pictures; a folder with others is refused.
        notes: what is written beside them into a new folder.

    Raises:
        OutputError: `out` is a file, holds something else or a set with other settings, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"--out {out} is a file; name a folder")
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        strange = [path.name for path in out.iterdir() if not path.name.startswith(".")]
    if SETTINGS in strange:
        return _known(out / SETTINGS, settings)
    if strange:
        raise OutputError(f"--out {out} is not empty ({sorted(strange)[0]}) and holds no set; {_REMEDY}")
    described = {**settings, **notes}
    describe(out, described)
    return described


def describe(out: Path, described: Mapping[str, Any]) -> None:
    """Write set.json.

    Raises:
        OutputError: the place cannot be written.
    """
    write_text(out / SETTINGS, json.dumps(described, indent=2))


def _known(path: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings of a folder; refuse others than these."""
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be read: {' '.join(str(error).split())}; {_REMEDY}") from error
    described = described if isinstance(described, dict) else {}
    other = [
        f"{name} {_short(described.get(name))}, not {_short(value)}"
        for name, value in settings.items()
        if described.get(name) != value
    ]
    if other:
        raise OutputError(f"--out {path.parent} holds a set of {'; '.join(other)}; {_REMEDY}")
    return described


def _short(value: object) -> str:
    return str(value)[:12] if isinstance(value, str) else str(value)


def check_room(out: Path, needed: int) -> None:
    """Refuse a disk with less room than a set needs.

    Args:
        out: the folder.
        needed: bytes.

    Raises:
        OutputError: there is less.
    """
    free = shutil.disk_usage(out).free
    if free < needed:
        what = f"the set needs about {size(needed)}, the disk has {size(free)}"
        raise OutputError(f"--out {out}: {what}; free some, or take a smaller --scale")


def size(count: float) -> str:
    """Return bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
