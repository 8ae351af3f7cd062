"""The set again, in its own layout, as decisions say."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from kaoiro.core.errors import OutputError
from kaoiro.core.files import replacing, writing
from kaoiro.core.labels import canonical
from kaoiro.data.datasets import fer2013, label_table, user_tables
from kaoiro.evaluation.audit.decisions import Decision
from kaoiro.evaluation.audit.labelled_set import LabelledSet
from kaoiro.evaluation.progress import followed

_TABLES = (".csv", ".parquet")
Rows = Mapping[int, Decision]


def write(data: LabelledSet, decisions: Rows, out: Path, link: bool = False) -> None:
    """Write a set without what was dropped and with the labels that were given.

    Args:
        data: the set as it is.
        decisions: by row, from `decisions.fitted`.
        out: a new or empty folder; for a table, the file.
        link: folders: make hard links instead of copies.

    Raises:
        OutputError: the place is taken, lies within the set, or cannot be written; a picture cannot be copied; `link`
            for another kind of set.
    """
    if link and data.kind != "folders":
        raise OutputError(f"--link is for folders; a corrected {data.kind} holds no pictures to link")
    if data.kind == "table":
        _write_table(data, decisions, out)
        return
    _check_folder(data.source, out)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        with writing(out):
            (_write_fer2013 if data.kind == "fer2013" else _write_folders)(data, decisions, making, link)
            making.chmod(0o777 & ~_mask())
            if out.exists():
                out.rmdir()
            making.rename(out)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _check_folder(source: Path, out: Path) -> None:
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise OutputError(f"--out {out} and the set {source} must not lie within each other; name another folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"--out {out} is there already; name a new folder")


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_fer2013(data: LabelledSet, decisions: Rows, folder: Path, link: bool) -> None:
    codes = {row: str(data.vocabulary.index(one.new_label)) for row, one in decisions.items() if one.verb == "relabel"}
    gone = {row for row, one in decisions.items() if one.verb == "drop"}
    names, rows = _read(data.source / fer2013.TABLE)
    changed = (line | {"emotion": codes.get(row, line["emotion"])} for row, line in enumerate(rows) if row not in gone)
    _write(folder / fer2013.TABLE, names, changed)
    votes = data.source / fer2013.VOTES
    if data.votes is not None:
        names, rows = _read(votes)
        present = set(data.splits.tolist())
        kept = (line for line in rows if line["Usage"] in present)  # row by row those of the images
        _write(folder / fer2013.VOTES, names, (line for row, line in enumerate(kept) if row not in gone))


def _read(path: Path) -> tuple[list[str], Iterator[dict[str, str]]]:
    def rows() -> Iterator[dict[str, str]]:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield from csv.DictReader(file)

    with path.open(newline="", encoding="utf-8-sig") as file:
        names = list(csv.DictReader(file).fieldnames or ())
    return names, rows()


def _write(path: Path, names: list[str], rows: Iterator[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def _write_folders(data: LabelledSet, decisions: Rows, folder: Path, link: bool) -> None:
    spelled = _spellings(data)
    kept = [(row, path) for row, path in enumerate(data.paths) if not _dropped(decisions, row)]
    stay = [one for one in kept if one[0] not in decisions or decisions[one[0]].verb == "keep"]
    move = [one for one in kept if one[0] in decisions and decisions[one[0]].verb == "relabel"]
    for row, path in followed([*stay, *move], len(kept), "pictures"):  # those that stay keep their names
        below = path.relative_to(data.source)
        if row in decisions and decisions[row].new_label:
            label = decisions[row].new_label
            below = Path(spelled.get(label, label), *below.parts[1:])
        target = _free(folder / below, data.label(row))
        target.parent.mkdir(parents=True, exist_ok=True)
        with _taking(path):
            os.link(path, target) if link else shutil.copy2(path, target)


@contextmanager
def _taking(path: Path) -> Iterator[None]:
    """Name the picture where one cannot be copied or linked."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path} cannot be copied or linked: {error.strerror or error}") from error


def _dropped(decisions: Rows, row: int) -> bool:
    return row in decisions and decisions[row].verb == "drop"


def _spellings(data: LabelledSet) -> dict[str, str]:
    """Return what the folder of each label is called in this set."""
    names = sorted({path.relative_to(data.source).parts[0] for path in data.paths}, reverse=True)
    return {canonical(name): name for name in names}


def _free(target: Path, label: str) -> Path:
    """Return a name that nothing has yet: of two that meet, the one that comes names the label it had."""
    found, number = target, 1
    while found.exists():
        tail = f"-{number}" if number > 1 else ""
        found, number = target.with_name(f"{target.stem}-from-{label}{tail}{target.suffix}"), number + 1
    return found


def _write_table(data: LabelledSet, decisions: Rows, out: Path) -> None:
    if out.suffix not in _TABLES:
        raise OutputError(f"--out {out}: the name of a table must end in {' or '.join(_TABLES)}")
    if out.exists():
        raise OutputError(f"--out {out} is there already; name a new file")
    table = user_tables.load(data.source)
    path, label = label_table.COLUMNS
    column = table[label].astype(object).tolist()
    for row, one in decisions.items():
        column[row] = one.new_label or column[row]
    table[label] = column
    table[path] = [_relative(one, out.parent) for one in data.paths]
    kept = table.take([row for row in range(len(table)) if not _dropped(decisions, row)])
    with replacing(out) as partial, writing(out):
        _save(kept, partial)


def _save(table: pd.DataFrame, path: Path) -> None:
    options: dict[str, Any] = {"index": False}
    table.to_parquet(path, **options) if path.suffix == ".parquet" else table.to_csv(path, **options)


def _relative(path: Path, folder: Path) -> str:
    """Return the way to a picture from the new table's folder."""
    try:
        return PurePosixPath(Path(os.path.relpath(path.resolve(), folder.resolve()))).as_posix()
    except ValueError:  # on another drive
        return str(path.resolve())
