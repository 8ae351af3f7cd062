"""Writes small tables of records whose shares are known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kaoiro.core.codec import NAMES, opened
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import expression_column
from kaoiro.inference.manifest import MANIFEST


def row(time_s: float, track: int | None = 0, size: float = 100.0, source: str = "talk.mp4", **scores: float) -> Any:
    """Return a row; expressions that are not named share what is left over with neutral."""
    found: dict[str, Any] = dict.fromkeys(NAMES)
    found |= {"source": source, "frame": round(time_s * 100), "time_s": time_s}
    if track is None:
        return found
    columns = {name: value for name, value in scores.items() if name not in EXPRESSIONS.labels}
    shown = {name: value for name, value in scores.items() if name in EXPRESSIONS.labels}
    shown = {label: shown.get(label, 0.0) for label in EXPRESSIONS.labels} | {"neutral": 1 - sum(shown.values())}
    found |= {expression_column(label): value for label, value in shown.items()} | columns
    best = max(shown, key=shown.__getitem__)
    found |= {"track": track, "expression": best, "confidence": shown[best], "face_size": size}
    found |= {"box_left": 10.0, "box_top": 10.0, "box_width": size, "box_height": size, "face_score": 0.9}
    eyes = {"left_eye_x": 20.0, "left_eye_y": 30.0, "right_eye_x": 20.0 + size / 2, "right_eye_y": 30.0}
    return found | eyes | {"roll": 1.0, "sharpness": 0.3}


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as records."""
    with opened(path) as writer:
        for one in rows:
            writer.write(dict(one))
    return path


def steady(count: int, step_s: float = 0.1, start_s: float = 0.0, **scores: Any) -> list[Any]:
    """Return rows of one face that shows the same all the time."""
    return [row(round(start_s + step_s * n, 6), **scores) for n in range(count)]


def manifest(folder: Path, models: Mapping[str, str], message: str = "") -> None:
    """Write a manifest that says which model measured which source."""
    entries: Sequence[dict[str, Any]] = [
        {"name": name, "place": name, "status": "complete", "rows": 1, "faces": 1, "outputs": [], "message": message}
        | {"stamp": [1, 1], "settings": json.dumps({"model": digest, "version": "0.1.0"})}
        for name, digest in models.items()
    ]
    (folder / MANIFEST).write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
