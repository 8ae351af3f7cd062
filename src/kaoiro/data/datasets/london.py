"""Face Research Lab London Set: neutral and smiling photographs of 102 adults.

Source:   DeBruine and Jones, 2017, figshare, doi:10.6084/m9.figshare.5047666.v5.
Classes:  neutral, smiling (here: happiness).
Layout:   ROOT/london.csv (file, subject, expression, age, gender, ethnicity) and the pictures, either below ROOT or in
          one tar archive there.
Licence:  CC BY 4.0; everybody gave signed consent for use in research.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from kaoiro.core.errors import DataError
from kaoiro.data.datasets.pictures import archive, picture

TABLE = "london.csv"
COLUMNS = ("file", "subject", "expression")
ABOUT = ("age", "gender", "ethnicity")
"""Columns that say who somebody is, as people said of themselves; empty or 'NA' where they did not."""
EXPRESSIONS = ("neutral", "smiling")


@dataclass(frozen=True)
class Portrait:
    """One photograph.

    Attributes:
        file: name in the table.
        subject: id of the person.
        smiling: what the person was asked for.
        data: the picture file's bytes.
    """

    file: str
    subject: str
    smiling: bool
    data: bytes


def read(root: str | Path) -> list[Portrait]:
    """Read all photographs.

    Raises:
        DataError: files are missing or not in the documented layout.
    """
    folder = Path(root)
    stored = archive(folder)
    portraits = [
        Portrait(
            row["file"], row["subject"], row["expression"] == "smiling", picture(folder, stored, row["file"], TABLE)
        )
        for row in _rows(folder / TABLE)
    ]
    if not portraits:
        raise DataError(f"{folder / TABLE} has no rows")
    return portraits


def about(root: str | Path) -> dict[str, dict[str, str]]:
    """Return what people said of themselves, by subject and column of `ABOUT`; empty where there is no such column.

    Raises:
        DataError: the table is missing or not in the documented layout.
    """
    rows = _rows(Path(root) / TABLE)
    return {row["subject"]: {name: (row.get(name) or "").strip() for name in ABOUT} for row in rows}


def _rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of the table; refuse one that lacks a column, and rows that are not complete."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if lacking:
                raise DataError(f"{path} lacks the column(s) {', '.join(lacking)}")
            return [_checked(row, f"{path}, line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be read: {reason}; name the folder of the London set") from error


def _checked(row: dict[str, str], where: str) -> dict[str, str]:
    empty = [name for name in COLUMNS if not row[name]]
    if empty:
        raise DataError(f"{where}: nothing in the column(s) {', '.join(empty)}; is the file complete?")
    if row["expression"] not in EXPRESSIONS:
        raise DataError(f"{where}: expression must be one of {', '.join(EXPRESSIONS)}, found {row['expression']!r}")
    return row
