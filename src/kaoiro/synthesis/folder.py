"""The folder of a set: whose it is, and whether it is complete.

`set.json` is written before the first picture with the settings and once more, at the end, with the
numbers. A folder that holds anything else is refused, so that no set mixes two worlds, or two versions
of the renderer.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from kaoiro.core.errors import OutputError
from kaoiro.core.files import write_text, writing

SETTINGS = "set.json"
RENDERER = "renderer"
"""The setting that is a digest of what draws."""
MANIFEST = "manifest.parquet"
PEOPLE = "subjects.parquet"
CARD = "README.md"
VIDEOS = "videos"
_REMEDY = "choose another --out, or remove that folder"


def claim(out: Path, settings: Mapping[str, Any], notes: Mapping[str, Any]) -> dict[str, Any]:
    """Take a folder for a set, or go on with one that holds the same; returns what its set.json says, or is to say.

    Nothing is written yet: `describe` does that when all is ready. A set.json of a set of which nothing else
    exists counts as nothing.

    Args:
        out: folder; made where it is missing.
        settings: all that decides the pictures; a folder with others is refused.
        notes: what stands beside them in a new folder.

    Raises:
        OutputError: `out` is a file, holds something else or a set with other settings, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"--out {out} is a file; name a folder")
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        strange = [path.name for path in out.iterdir() if not path.name.startswith(".")]
    if SETTINGS in strange:
        described = _read(out / SETTINGS)
        if not _abandoned(out, strange, described):
            _compare(out, settings, described)
            return described
    elif strange:
        raise OutputError(f"--out {out} is not empty ({sorted(strange)[0]}) and holds no set; {_REMEDY}")
    return {**settings, **notes}


def describe(out: Path, described: Mapping[str, Any]) -> None:
    """Write set.json.

    Raises:
        OutputError: the place cannot be written.
    """
    write_text(out / SETTINGS, json.dumps(described, indent=2))


def renderer() -> str:
    """Return one SHA-256 over the sources of this package, in hexadecimal: other code draws other pictures."""
    digest = hashlib.sha256()
    sources = (path for path in files("kaoiro.synthesis").iterdir() if path.name.endswith(".py"))
    for path in sorted(sources, key=lambda path: path.name):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def complete(out: Path) -> bool:
    """Whether the tables of a set are there."""
    return all((out / name).is_file() for name in (MANIFEST, PEOPLE))


def _read(path: Path) -> dict[str, Any]:
    """Read what a folder says of itself."""
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be read: {' '.join(str(error).split())}; {_REMEDY}") from error
    return described if isinstance(described, dict) else {}


def _abandoned(out: Path, names: Sequence[str], described: Mapping[str, Any]) -> bool:
    """Whether a set was ordered here and nothing was drawn."""
    begun = set(names) - {SETTINGS, VIDEOS}
    shown = (path for path in (out / VIDEOS).glob("*") if not path.name.startswith("."))
    return "set" in described and "finished" not in described and not begun and not any(shown)


def _compare(out: Path, settings: Mapping[str, Any], described: Mapping[str, Any]) -> None:
    """Refuse a folder with other settings than these."""
    names = [name for name, value in settings.items() if described.get(name) != value]
    if names == [RENDERER]:
        what = "was begun by another version of the renderer; finish it with that one, or choose another --out"
        raise OutputError(f"--out {out} {what}")
    if names:
        other = [f"{name} {_short(described.get(name))}, not {_short(settings[name])}" for name in names]
        raise OutputError(f"--out {out} holds a set of {'; '.join(other)}; {_REMEDY}")


def _short(value: object) -> str:
    return str(value)[:12] if isinstance(value, str) else str(value)


def check_room(out: Path, needed: int, begun: bool = False) -> None:
    """Refuse a disk with less room than a set needs.

    Args:
        out: the folder.
        needed: bytes.
        begun: whether a part of the set lies there, so that no other can take its place.

    Raises:
        OutputError: there is less.
    """
    free = shutil.disk_usage(out).free
    if free < needed:
        what = f"the set needs about {size(needed)}, the disk has {size(free)}"
        remedy = "free some" if begun else "free some, or take a smaller --scale"
        raise OutputError(f"--out {out}: {what}; {remedy}")


def size(count: float) -> str:
    """Return bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
