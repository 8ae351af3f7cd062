"""Records in the columns of other tools, where the meaning is the same.

`py-feat`: the Fex table of py-feat, a row for each face. `fer`: the wide table of fer's
`Video.to_pandas`, a row for each frame. Both tools know seven expressions, so contempt is dropped and
the rest renormalised; columns for which kaoiro measures nothing are left out, not filled.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kaoiro.core.codec import format_of
from kaoiro.core.errors import OutputError
from kaoiro.core.files import replacing
from kaoiro.core.types import Value, expression_column

DIALECTS = ("kaoiro", "py-feat", "fer")
_SEVEN = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_FER_NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

Row = dict[str, Value]


def check_dialect(name: str) -> str:
    """Return a dialect's name, or raise OutputError naming the valid ones."""
    if name not in DIALECTS:
        raise OutputError(f"dialect '{name}' is not known; choose one of {', '.join(DIALECTS)}")
    return name


def seven(row: Row) -> list[float | None]:
    """Return the probabilities of the seven expressions, renormalised without contempt."""
    values = [row[expression_column(label)] for label in _SEVEN]
    if any(value is None for value in values):
        return [None] * len(_SEVEN)
    total = sum(float(value) for value in values if value is not None)
    return [float(value or 0) / total if total else 1 / len(_SEVEN) for value in values]


def to_py_feat(row: Row) -> dict[str, Any]:
    """Return a row in py-feat's Fex columns; `approx_time` is minutes:seconds as there."""
    time_s = float(row["time_s"] or 0)
    return {
        "FaceRectX": row["box_left"],
        "FaceRectY": row["box_top"],
        "FaceRectWidth": row["box_width"],
        "FaceRectHeight": row["box_height"],
        "FaceScore": row["face_score"],
        **dict(zip(_SEVEN, seven(row), strict=True)),
        "input": row["source"],
        "frame": row["frame"],
        "approx_time": f"{int(time_s // 60):02d}:{int(time_s % 60):02d}",
    }


def to_fer(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return one wide row for each frame, with the columns box0, angry0, and so on for each face."""
    grouped = [list(group) for _, group in itertools.groupby(rows, key=lambda row: (row["source"], row["frame"]))]
    most = max((sum(row["box_left"] is not None for row in group) for group in grouped), default=0)
    return [_wide(group, most) for group in grouped]


def _wide(group: list[Row], most: int) -> dict[str, Any]:
    faces = [row for row in group if row["box_left"] is not None]
    wide: dict[str, Any] = {"source": group[0]["source"], "frame": group[0]["frame"], "time_s": group[0]["time_s"]}
    for index in range(most):
        row = faces[index] if index < len(faces) else None
        edges = ("box_left", "box_top", "box_width", "box_height")
        wide[f"box{index}"] = None if row is None else str([round(float(row[name] or 0)) for name in edges])
        values = [None] * len(_SEVEN) if row is None else seven(row)
        wide |= {f"{name}{index}": value for name, value in zip(_FER_NAMES, values, strict=True)}
    return wide


def translate(rows: Iterable[Row], dialect: str) -> Iterator[dict[str, Any]]:
    """Yield rows in a dialect. 'fer' needs all rows at once, because its width depends on them."""
    return iter(to_fer(rows)) if check_dialect(dialect) == "fer" else (to_py_feat(row) for row in rows)


def write_dialect(rows: Iterable[Row], path: str | Path, dialect: str) -> int:
    """Write rows in a dialect to .csv, .jsonl or .parquet; returns the number of rows written."""
    kind = format_of(path)
    table = list(translate(rows, dialect))
    names = list(table[0]) if table else []
    with replacing(path) as partial:
        if kind == "parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            pq.write_table(pa.Table.from_pylist(table), partial)
        else:
            with partial.open("w", encoding="utf-8", newline="") as file:
                if kind == "csv":
                    writer = csv.DictWriter(file, names, lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(table)
                else:
                    file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in table)
    return len(table)
