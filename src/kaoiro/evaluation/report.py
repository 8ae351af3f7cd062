"""Figures as text, Markdown and JSON, beside what they were measured on."""

from __future__ import annotations

import datetime
import json
import os
import platform
from pathlib import Path
from typing import Any

from kaoiro.core.files import write_text
from kaoiro.core.revision import commit


def machine() -> dict[str, Any]:
    """Return what timing depends on: processors, platform, Python and ONNX Runtime."""
    import onnxruntime

    return {
        "processors": os.cpu_count(),
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
    }


def name_of(what: str, figures: dict[str, Any]) -> str:
    """Return the file name of a report: what was measured and, where that is a model, labels, split and model."""
    keys = ("labels", "split", "model") if "model" in figures else ()
    tilt = figures.get("tilt_degrees")
    return "-".join([what, *(["tilted"] if tilt else []), *(str(figures[key]) for key in keys if key in figures)])


def write(folder: Path, name: str, figures: dict[str, Any]) -> None:
    """Write NAME.json and NAME.md."""
    stamped = {"measured": datetime.date.today().isoformat(), "commit": commit(), "machine": machine(), **figures}
    write_text(folder / f"{name}.json", json.dumps(stamped, indent=2, ensure_ascii=False))
    write_text(folder / f"{name}.md", f"# {name}\n\n{text(stamped)}")


def text(figures: dict[str, Any]) -> str:
    """Return figures as Markdown: one table of plain values, one for each nested table."""
    plain = {key: value for key, value in figures.items() if not _is_table(key, value)}
    blocks = [_table(["figure", "value"], [[key, _shown(value)] for key, value in plain.items()])]
    for key, value in figures.items():
        if key == "confusion":
            header = ["true \\ answered", *value["labels"]]
            rows = [[label, *map(str, row)] for label, row in zip(value["labels"], value["counts"], strict=True)]
            blocks.append(f"**{key}** (counts)\n\n{_table(header, rows)}")
        elif _is_table(key, value):
            names = list(next(iter(value.values())))
            rows = [[label, *(_shown(row[name]) for name in names)] for label, row in value.items()]
            blocks.append(f"**{key}**\n\n{_table(['', *names], rows)}")
    return "\n\n".join(blocks)


def _is_table(key: str, value: Any) -> bool:
    if key == "confusion":
        return True
    return isinstance(value, dict) and bool(value) and all(isinstance(row, dict) for row in value.values())


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.1e}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value))
    return "–" if value is None else str(value)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
