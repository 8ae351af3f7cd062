"""What a folder of results knows of its media: one line for each that was measured, and what decided its result."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from kaoiro.core.codec import NAMES
from kaoiro.core.errors import InputError, OutputError
from kaoiro.core.files import sha256, writing
from kaoiro.inference.analyzer import Analyzer

MANIFEST = "manifest.jsonl"
_KEYS = {"name", "place", "status", "rows", "faces", "outputs", "message", "stamp", "settings"}


def fingerprint(analyzer: Analyzer, options: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Return a text that is equal for equal results: of all that decides them beside the medium.

    Args:
        analyzer: its model's graph and Specification count, which has the crop and the calibration, and its words.
        options: what is written.
        settings: of the analysis; 'detector' is the path of a file, of which the content counts.

    Raises:
        InputError: the detector's file cannot be read.
    """
    from kaoiro import __version__

    specification = json.dumps(analyzer.specification.model_dump(mode="json"), sort_keys=True)
    parts = {
        **options,
        **settings,
        "detector": _content(settings.get("detector")),
        "model": analyzer.model.digest,
        "specification": hashlib.sha256(specification.encode()).hexdigest(),
        "version": __version__,
        "columns": hashlib.sha256("\n".join(NAMES).encode()).hexdigest(),
        **({"words": analyzer.words.digest} if analyzer.words else {}),
    }
    return json.dumps(parts, sort_keys=True, default=str)


def _content(detector: str | Path | None) -> str | None:
    try:
        return sha256(detector) if detector else None
    except OSError as error:
        raise InputError(f"{detector}: cannot be read: {error.strerror or error}") from error


def read_manifest(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a manifest; a line cut short by a crash is passed over.

    Raises:
        OutputError: the file cannot be read.
    """
    if not path.is_file():
        return
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from filter(None, map(_entry, file))
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror or error}") from error


def _entry(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return None
    return entry if isinstance(entry, dict) and entry.keys() >= _KEYS else None


def append(path: Path, entry: Mapping[str, Any]) -> None:
    """Add an entry to a manifest; it is on the disk when this returns.

    Raises:
        OutputError: the file cannot be written.
    """
    line = json.dumps(entry, ensure_ascii=False) + "\n"
    with writing(path), path.open("a+b") as file:
        file.write(("\n" if _cut_off(file) else "").encode() + line.encode())
        file.flush()
        os.fsync(file.fileno())


def _cut_off(file: IO[bytes]) -> bool:
    """Whether a file's last line lacks its end, as a crash leaves it."""
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"
