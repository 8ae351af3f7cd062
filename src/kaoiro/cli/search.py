"""`kaoiro search "looks relieved" FOLDER`: the faces that look as words say, or like another face."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kaoiro.cli.choosing import number
from kaoiro.cli.numbers import count, positive
from kaoiro.cli.progress import Progress
from kaoiro.cli.similar import table
from kaoiro.core.errors import InputError, OutputError, TruncatedVideo

DONE, BAD_INPUT, BROKE_OFF = 0, 2, 3
_TABLES, _SHEET = (".csv", ".parquet", ".jsonl"), ".html"


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "search",
        help='faces that look as words say: "looks relieved", 苦笑',
        description="Find the faces that look as words of the glossary say ('kaoiro words'), alone or in a phrase: "
        '"a big smile", "smile, not eyes wide", 苦笑. Several words multiply; not and without take 1 - score. Files '
        "are measured once and kept in an index on disk. A word says how a face looks, never what somebody feels.",
    )
    parser.add_argument("query", metavar="QUERY", help="words; may be left out beside --like")
    text = "folders, photos, videos, archives; or tables that 'kaoiro analyze' wrote"
    parser.add_argument("paths", nargs="*", metavar="FOLDER|RECORDS", help=text)
    parser.add_argument("--like", metavar="PHOTO", help="faces like the one in PHOTO, beside words: among those, too")
    parser.add_argument("--face", type=number, metavar="N", help="which face of PHOTO, from 0, the largest (default)")
    parser.add_argument("--n", type=count, default=20, metavar="N", help="how many (default: 20)")
    text = "one face of each track of a video; else at most one a second"
    parser.add_argument("--per-track", action="store_true", help=text)
    parser.add_argument("--index", metavar="DIR", help="folder of the index (default: .kaoiro-index in FOLDER)")
    text = "between samples of videos (default: what the index has; 1 if it is new)"
    parser.add_argument("--every", type=positive, metavar="SECONDS", help=text)
    parser.add_argument("--out", metavar="FILE", help="also write .csv, .parquet, .jsonl, or .html with the faces")
    parser.add_argument("--blur-faces", action="store_true", help="leave the faces out of the HTML sheet")
    parser.add_argument("--json", action="store_true", help="machine-readable, to standard output")
    parser.add_argument("--glossary", metavar="FILE", help="entries of your own, which say what words stand for")
    parser.add_argument("--model", metavar="NAME|FOLDER", help="default: the default model")
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads")
    parser.set_defaults(run=run, takes_rest=True)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.inference.tables import is_table

    arguments.paths += _later(arguments.rest)
    text, paths = _given(arguments)
    _check(arguments)
    tables = [path for path in paths if is_table(path)]
    if tables and len(tables) < len(paths):
        raise InputError(f"{tables[0]} is a table and {_other(paths, tables)} is none; search them apart")
    found, title, remarks, code = (_in_tables if tables else _in_media)(arguments, text, paths)
    for line in remarks:
        print(f"kaoiro: {line}", file=sys.stderr)
    _tell(found, title, arguments.json)
    if arguments.out is not None:
        _write(arguments, found, title, remarks)
    return code


def _later(rest: Sequence[str]) -> list[str]:
    """Return the paths behind options, which argparse leaves over where the first words have ended before them.

    Raises:
        InputError: an option that the command does not have.
    """
    stop = rest.index("--") if "--" in rest else len(rest)
    if any(word.startswith("-") and word != "-" for word in rest[:stop]):
        raise InputError(f"unrecognized arguments: {' '.join(rest)} (see kaoiro search --help)")
    return [*rest[:stop], *rest[stop + 1 :]]


def _given(arguments: argparse.Namespace) -> tuple[str | None, list[str]]:
    """Return the words, None if there are none, and the paths; beside --like a first path may stand for words."""
    first, paths = arguments.query, arguments.paths
    if arguments.like is not None and (not paths or Path(first).exists()):
        return None, [first, *paths]
    if not paths:
        raise InputError(f"where to search for '{first}'? name a folder, photos, videos, or tables of records")
    return first, paths


def _check(arguments: argparse.Namespace) -> None:
    suffix = None if arguments.out is None else Path(arguments.out).suffix.lower()
    if suffix is not None and suffix not in (*_TABLES, _SHEET):
        raise OutputError(f"--out {arguments.out}: the name must end in {', '.join((*_TABLES, _SHEET))}")
    if arguments.blur_faces and suffix != _SHEET:
        raise InputError("--blur-faces leaves faces out of an HTML sheet; add --out FILE.html")
    if arguments.face is not None and arguments.like is None:
        raise InputError("--face says which face of --like PHOTO; add it")


def _other(paths: Sequence[str], tables: Sequence[str]) -> str:
    return next(path for path in paths if path not in tables)


Found = tuple[Any, str, list[str], int]
"""Hits, what was searched for, what to know, exit code."""


def _in_tables(arguments: argparse.Namespace, text: str | None, paths: list[str]) -> Found:
    from kaoiro.core import modelfile
    from kaoiro.inference.search.recorded import Records
    from kaoiro.inference.words.asked import opened

    for flag, used in (("--like", arguments.like), ("--index", arguments.index), ("--every", arguments.every)):
        if used is not None:
            raise InputError(f"{flag} needs photos and videos; tables of records hold scores alone")
    records = Records(paths, modelfile.load(arguments.model))
    query = records.query(text or "", opened(arguments.glossary))
    return records.search(query, arguments.n, per_track=arguments.per_track), query.title, query.remarks, DONE


def _in_media(arguments: argparse.Namespace, text: str | None, paths: list[str]) -> Found:
    from kaoiro.core import modelfile
    from kaoiro.inference.media import discover
    from kaoiro.inference.search.index import Index
    from kaoiro.inference.search.query import parse
    from kaoiro.inference.words.asked import measured, opened

    model, query = modelfile.load(arguments.model), None
    if text is not None:  # before anything is measured
        query = parse(text, measured(model), model.name, model.digest, opened(arguments.glossary))
    analyzer = _analyzer(arguments)
    like, place = (None, None) if arguments.like is None else _like(analyzer, arguments.like, arguments.face or 0)
    codes = [DONE]
    progress = Progress(len(list(discover(paths))))

    def told(name: str, error: Any) -> None:
        codes.append(BROKE_OFF if isinstance(error, TruncatedVideo) else BAD_INPUT)
        line = " ".join(str(error).split())
        progress.say(f"kaoiro: {line if line.startswith(name) else f'{name}: {line}'}")

    def waiting(line: str) -> None:
        progress.say(f"kaoiro: {line}")

    watched = {"told": told, "watching": progress, "waiting": waiting}
    index = Index.build(analyzer, paths, arguments.index, every=arguments.every, **watched)
    progress.close()
    if not len(index):
        raise InputError(f"{', '.join(paths)}: no face found")
    print(f"kaoiro: {len(index)} faces of {index.files} files searched ({index.folder})", file=sys.stderr)
    options = {"like": like, "per_track": arguments.per_track, "without": place, "threads": arguments.threads}
    title = [*([] if query is None else [query.title]), *([] if place is None else [f"like {place.source}"])]
    remarks = [] if query is None else query.remarks
    code = BAD_INPUT if BAD_INPUT in codes else max(codes)
    return index.search(query, arguments.n, **options), ", ".join(title), remarks, code


def _analyzer(arguments: argparse.Namespace) -> Any:
    from kaoiro.inference.analyzer import Analyzer

    return Analyzer(arguments.model, threads=arguments.threads)


def _like(analyzer: Any, picture: str, face: int) -> tuple[Any, Any]:
    """Return the embedding of a face, and which it is.

    Raises:
        InputError: the photo cannot be read, or has no such face.
    """
    from kaoiro.faces import photo
    from kaoiro.inference.embedding import Place

    faces = analyzer.engine.picture(photo.read(picture, picture)).faces
    if face >= len(faces):
        raise InputError(
            f"{picture}: {len(faces) or 'no'} face{'s' * (len(faces) != 1)} found, there is no face {face}"
        )
    found = faces[face]
    return found.features, Place(picture, 0, 0.0, None, found.detection.score, found.detection.box)


def _tell(found: Any, title: str, as_json: bool) -> None:
    from kaoiro.core.plain import printable

    rows = [hit.row() | {"source": printable(hit.place.source)} for hit in found]
    if as_json:
        print(json.dumps({"query": title, "faces": rows}, ensure_ascii=False, indent=2))
        return
    for line in table(rows, "score"):
        print(line)


def _write(arguments: argparse.Namespace, found: Any, title: str, remarks: list[str]) -> None:
    target = Path(arguments.out)
    if target.suffix.lower() == _SHEET:
        from kaoiro.inference.search import sheet

        tiles = None
        if not arguments.blur_faces:
            analyzer = _analyzer(arguments)
            tiles = list(sheet.faces(analyzer.detector, analyzer.specification.crop, found))
        sheet.write(target, title, remarks, found, tiles)
    else:
        _write_table(target, found)
    print(f"kaoiro: {len(found)} faces written to {target}", file=sys.stderr)


def _write_table(target: Path, found: Any) -> None:
    from kaoiro.core import codec
    from kaoiro.inference.search.hits import COLUMNS, schema

    types = schema() if target.suffix.lower() == ".parquet" else None
    with codec.opened(target, COLUMNS, types) as writer:
        for hit in found:
            writer.write(hit.row())
