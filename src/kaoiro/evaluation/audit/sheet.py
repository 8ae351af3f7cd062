"""Findings as one HTML file to look through and decide on; it opens from disk and exports decisions as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from kaoiro.core.errors import InputError
from kaoiro.core.files import write_text
from kaoiro.core.plain import printable
from kaoiro.evaluation.audit.decisions import COLUMNS, VERBS
from kaoiro.evaluation.audit.findings import KINDS, Finding, suggestion
from kaoiro.evaluation.audit.making import Audit
from kaoiro.evaluation.progress import followed
from kaoiro.inference.report import assembly
from kaoiro.inference.report.assembly import assembled, asset, made, number
from kaoiro.inference.report.pictures import address

HOME = "kaoiro.evaluation.audit"
MOST_BYTES = 9_000_000
"""Of thumbnails and rows; findings beyond that are left to the CSV."""
_SIDE = 96  # pixels of a thumbnail, at most
_ROW = 300  # bytes of a picture's row beside its thumbnail, about
_PAGE = 24  # findings that are drawn at a time


def write(path: str | Path, found: Audit, most: int) -> int:
    """Write the sheet.

    Args:
        path: .html.
        found: the audit.
        most: findings of each kind, the surest first.

    Returns:
        How many findings are on it.

    Raises:
        OutputError: the place cannot be written.
    """
    data = document(found, most)
    styles, scripts = [asset(HOME, "audit.css")], [asset(HOME, "audit.js")]
    write_text(path, assembled(found.data.name, "en", data, assembly.texts(HOME), styles, scripts))
    return len(data["findings"])


def document(found: Audit, most: int) -> dict[str, Any]:
    """Return what the page shows, as plain values."""
    pictures: dict[int, dict[str, Any]] = {}
    thumbs: dict[str, str | None] = {}
    chosen, room = [], MOST_BYTES
    ranked = _chosen(found.found, most)
    for one in followed(ranked, len(ranked), "findings drawn"):
        if _ROW * len(one.rows) > room:  # a group of thousands is left to the CSV, and leaves room for others
            continue
        new = {str(found.seen.digests[row]): row for row in one.rows if str(found.seen.digests[row]) not in thumbs}
        drawn = {digest: _thumb(found, row) for digest, row in new.items()}
        room -= sum(len(text or "") for text in drawn.values()) + _ROW * len(one.rows)
        if room < 0:
            break
        thumbs |= drawn
        pictures |= {row: _picture(found, row) for row in one.rows}
        values = {"kind": one.kind, "score": number(one.score), "note": printable(one.note)}
        chosen.append(values | {"rows": list(one.rows)})
    listed = {kind: sum(one.kind == kind for one in found.found) for kind in KINDS}
    return made() | {
        "name": found.data.name,
        "labels": list(found.data.vocabulary.labels),
        "verbs": list(VERBS),
        "columns": list(COLUMNS),
        "page": _PAGE,
        "total": len(found.data),
        "listed": listed,
        "findings": chosen,
        "pictures": {str(row): one for row, one in pictures.items()},
        "thumbs": thumbs,
    }


def _chosen(found: list[Finding], most: int) -> list[Finding]:
    """Return the first findings of each kind, in turn, so that a limit takes some of all."""
    taken: dict[str, int] = {}
    ranked = []
    for one in found:
        taken[one.kind] = place = taken.get(one.kind, 0) + 1
        if place <= most:
            ranked.append((place, one))
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]


def _picture(found: Audit, row: int) -> dict[str, Any]:
    data, face = found.data, float(found.seen.faces[row])
    return {
        "id": data.ids[row],
        "hash": str(found.seen.digests[row]),
        "label": data.label(row),
        "split": printable(str(data.splits[row])),
        "suggested": suggestion(data, found.doubts, row),
        "face": number(face),
    }


def _thumb(found: Audit, row: int) -> str | None:
    """Return a small picture as a data URL; None where it cannot be read."""
    try:
        image = Image.fromarray(found.data.pixels(row))
    except InputError:
        return None
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    return address(image)
