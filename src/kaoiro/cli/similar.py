"""`kaoiro similar PHOTO FOLDER`: the faces whose expression is nearest, whoever shows it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kaoiro.cli.choosing import chosen, number
from kaoiro.cli.gathering import DONE, gather
from kaoiro.cli.numbers import count, positive
from kaoiro.cli.swap import MODEL_HELP
from kaoiro.core.errors import InputError, OutputError


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "similar",
        help="faces whose expression is nearest to that of a photo",
        description="Find the faces whose expression is nearest to that of the face in PHOTO, whoever shows it. Of "
        "each track of a video the nearest frame counts. Distances compare within one model only.",
    )
    parser.add_argument("photo", metavar="PHOTO", help="photo with the expression that is searched for")
    parser.add_argument(
        "among", metavar="FOLDER|EMBEDDINGS", help="files to search, or a table that 'kaoiro embed' wrote"
    )
    parser.add_argument("--n", type=count, default=10, metavar="N", help="how many (default: 10)")
    parser.add_argument(
        "--other-people",
        action="store_true",
        help="leave out the same person: by identity codes, where the model knows how near those of one person lie; "
        "else whoever is in the folder of PHOTO, if several folders are searched",
    )
    parser.add_argument("--json", action="store_true", help="machine-readable, to standard output")
    parser.add_argument("--out", metavar="FILE", help="also draw the faces: a PNG or JPEG")
    parser.add_argument("--face", type=number, metavar="N", help="which face of PHOTO, from 0, the largest (default)")
    parser.add_argument("--every", type=positive, metavar="SECONDS", help="take one frame each SECONDS of a video")
    parser.add_argument("--model", metavar="NAME|FOLDER", help=MODEL_HELP)
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads for the networks")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.cli.explain import FORMATS

    target = None if arguments.out is None else Path(arguments.out)
    if target is not None and target.suffix.lower() not in FORMATS:
        raise OutputError(f"--out {target}: the name must end in {', '.join(FORMATS)}")
    from kaoiro.inference.embedding import Place
    from kaoiro.inference.exchange import Exchanger
    from kaoiro.inference.neighbours import nearest

    exchanger = Exchanger(arguments.model, threads=arguments.threads)
    found = exchanger.faces(arguments.photo)
    crop = chosen(found, arguments.face or 0, arguments.face is not None)
    face = found.detections[arguments.face or 0]
    query = Place(found.name, 0, 0.0, None, face.score, face.box)
    among, code = _gathered(exchanger, arguments)
    answer = nearest(exchanger, query, exchanger.encode(crop), among, arguments.n, arguments.other_people)
    _tell(answer, exchanger.title, arguments.json)
    if target is not None:
        _draw(exchanger, answer, target, FORMATS[target.suffix.lower()])
    return code


def _gathered(exchanger: Any, arguments: argparse.Namespace) -> tuple[Any, int]:
    """Return the embeddings that are searched, and the exit code so far.

    Raises:
        InputError: the table cannot be read, or there is no face.
    """
    from kaoiro.inference.embedding import joined, read
    from kaoiro.inference.media import discover
    from kaoiro.inference.tables import is_table

    if is_table(arguments.among):
        return read(arguments.among), DONE
    parts: list[Any] = []
    code = gather(exchanger, list(discover([arguments.among])), parts.append, arguments.every, None)
    if not parts:
        raise InputError(f"{arguments.among}: no face found")
    return joined(parts, exchanger), code


def _tell(answer: Any, model: str, as_json: bool) -> None:
    if answer.rule:
        left = f"{answer.left_out} face{'s' * (answer.left_out != 1)}"
        print(f"kaoiro: {left} left out as the same person ({answer.rule})", file=sys.stderr)
    rows = [match.row() for match in answer.matches]
    if as_json:
        document = {"photo": answer.photo, "model": model, "searched": answer.searched, "matches": rows}
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return
    for line in table(rows, "distance"):
        print(line)


def table(rows: Sequence[dict[str, Any]], measure: str) -> list[str]:
    """Return aligned lines that say which faces were found.

    Args:
        rows: with rank, place, and the column by which they are sorted.
        measure: that column.
    """
    lines = [("rank", measure, "time_s", "track", "box", "source"), *(_cells(row, measure) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [_aligned(line, widths) for line in lines]


def _cells(row: dict[str, Any], measure: str) -> tuple[str, ...]:
    width, height, left, top = (row[f"box_{name}"] for name in ("width", "height", "left", "top"))
    video = row["track"] is not None
    when, track = (f"{row['time_s']:.2f}", str(row["track"])) if video else ("-", "-")
    return (
        str(row["rank"]),
        f"{row[measure]:.4f}",
        when,
        track,
        f"{width:.0f}x{height:.0f}+{left:.0f}+{top:.0f}",
        row["source"],
    )


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    *numbers, last = cells
    return "  ".join([*(cell.rjust(width) for cell, width in zip(numbers, widths, strict=False)), last])


def _draw(exchanger: Any, answer: Any, target: Path, kind: str) -> None:
    from kaoiro.core.files import replacing, writing
    from kaoiro.inference.neighbours import sheet

    with replacing(target) as partial, writing(target):
        sheet(exchanger, answer).save(partial, kind)
    print(f"kaoiro: {len(answer.matches)} faces drawn in {target}", file=sys.stderr)
