"""Write records of photos and the table of groups beside them, of which all figures are known."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tables_of_records as tables

HEADER = ("source", "person", "expression", "gender", "age")


def photo(source: str, face: bool = True, size: float = 100.0, **scores: float) -> dict[str, Any]:
    """Return a record of a photo; expressions that are not named share what is left over with neutral."""
    return tables.row(0.0, 0 if face else None, size, source, **scores) | {"track": None}


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write records."""
    return tables.write(path, rows)


def write_groups(path: Path, rows: Sequence[Sequence[object]], header: Sequence[str] = HEADER) -> Path:
    """Write a table of groups."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_both(folder: Path, people: int = 40) -> tuple[Path, Path]:
    """Write a neutral and a smiling photo of everybody: women, even, are always recognised.

    Men's smiles are taken for neutral, by 0.9, in every other man; no face is found in the smile of the last woman.
    """
    records, rows = [], []
    for number in range(people):
        woman, missed = number % 2 == 0, number % 4 == 1
        rest, smile = f"set/{number:02d}-rest.jpg", f"set/{number:02d}-smile.jpg"
        records.append(photo(rest, anger=0.2))
        records.append(photo(smile, number != people - 2, happiness=0.1 if missed else 0.7))
        about = ("woman" if woman else "man", 20 + number)
        rows += [(rest, f"p{number:02d}", "neutral", *about), (smile, f"p{number:02d}", "Happy", *about)]
    return write(folder / "records.csv", records), write_groups(folder / "groups.csv", rows)
