"""Jobs of the service as if they had been measured: with records whose shares are known."""

import json
import re
from pathlib import Path
from typing import Any

from tables_of_records import row, write

from kaoiro.core.modelfile import load
from kaoiro.server.store import Store

MODEL = load("affect").digest


def two_people(source: str, seconds: int = 120) -> list[Any]:
    """Somebody who is happy a quarter of the time, and somebody larger who is sad and seen for half of it."""
    rows = []
    for n in range(2 * seconds):
        rows.append(row(n / 2, 0, 60, source, happiness=0.75 * (n % 80 < 20), valence=0.25, arousal=-0.25))
        if n < seconds:
            rows.append(row(n / 2, 1, 90, source, sadness=0.5))
    return rows


def finished(folder: Path, name: str = "talk.mp4", rows: list[Any] | None = None, **values: Any) -> str:
    """Add a job that is done to the store in a folder."""
    store = Store(folder)
    job, rows = store.new_id(), two_people(name) if rows is None else rows
    write(store.result(job), rows)
    store.add(job, "own", name, {"every": 0.5, "model": MODEL, "version": "0.1.0"})
    faces = sum(one["track"] is not None for one in rows)
    assert store.change(job, **{"state": "done", "progress": 1.0, "rows": len(rows), "faces": faces} | values)
    return job


def data_in(page: str) -> dict[str, Any]:
    """Return what the page of a report shows."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])
