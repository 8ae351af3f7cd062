"""Hits as one HTML file, English and Japanese, that opens from disk and asks no server for anything."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from kaoiro.core.files import write_text
from kaoiro.core.plain import printable
from kaoiro.core.spec import CropGeometry
from kaoiro.faces.detect import FaceDetector
from kaoiro.inference.neighbours import cut_out
from kaoiro.inference.report.pictures import address
from kaoiro.inference.search.hits import Hit

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ padding: .3rem .6rem; text-align: left }}
th {{ border-bottom: 2px solid #999 }} td {{ border-bottom: 1px solid #ddd; overflow-wrap: anywhere }}
td.n, th.n {{ text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }} img {{ display: block }}
.note {{ color: #555; font-size: 90% }}
</style></head><body>
<h1>{title}</h1>
<p>A word says how a face looks, never what somebody feels.<br>
<span lang="ja">言葉が表すのは顔の見え方であり、その人の気持ちではありません。</span></p>
<table><thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody></table>
{remarks}
</body></html>"""
_HEAD = (
    ("n", "Rank", "順位"),
    ("n", "Score", "スコア"),
    ("", "Face", "顔"),
    ("n", "Time", "時刻"),
    ("n", "Track", "トラック"),
    ("n", "Face size, pixels", "顔の大きさ（画素）"),
    ("", "File", "ファイル"),
)
_SIDE = 112  # pixels of a face


def write(
    path: str | os.PathLike[str],
    title: str,
    remarks: Sequence[str],
    found: Sequence[Hit],
    tiles: Sequence[np.ndarray] | None,
) -> None:
    """Write the sheet.

    Args:
        path: .html.
        title: what was searched for.
        remarks: what to know of each word.
        found: best first.
        tiles: the face of each, (H, W, 3) uint8; None shows no faces.

    Raises:
        OutputError: the place cannot be written.
    """
    shown = _HEAD if tiles is not None else tuple(cell for cell in _HEAD if cell[1] != "Face")
    head = "".join(f'<th class="{kind}">{en}<br><span lang="ja">{ja}</span></th>' for kind, en, ja in shown)
    rows = "\n".join(_row(hit, None if tiles is None else tiles[number]) for number, hit in enumerate(found))
    said = "\n".join(f'<p class="note">{_text(line)}</p>' for line in remarks)
    write_text(Path(path), _PAGE.format(title=_text(title), head=head, rows=rows, remarks=said))


def _row(hit: Hit, tile: np.ndarray | None) -> str:
    place = hit.place
    video = place.track is not None
    face = [] if tile is None else [("", f'<img alt="" width="{_SIDE}" height="{_SIDE}" src="{_small(tile)}">')]
    cells = [
        ("n", str(hit.rank)),
        ("n", f"{hit.score:.4f}"),
        *face,
        ("n", f"{place.time_s:.2f} s" if video else "–"),
        ("n", str(place.track) if video else "–"),
        ("n", f"{hit.face_size:.0f}"),
        ("", _text(place.source)),
    ]
    return "<tr>" + "".join(f'<td class="{kind}">{value}</td>' for kind, value in cells) + "</tr>"


def _small(tile: np.ndarray) -> str:
    return address(Image.fromarray(tile).resize((_SIDE, _SIDE), Image.Resampling.BOX))


def _text(text: str) -> str:
    return html.escape(printable(text))


def faces(detector: FaceDetector, crop: CropGeometry, found: Sequence[Hit]) -> np.ndarray:
    """Cut the faces of hits out of their files: (n, 160, 160, 3) uint8; grey where a file is gone or has changed."""
    return cut_out(detector, crop, [hit.place for hit in found])
