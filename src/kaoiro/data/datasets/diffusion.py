"""DiffusionFER: faces made by a diffusion model, with expression, valence and arousal by human annotators.

Source:   Kim, "DiffusionFER", huggingface.co/datasets/FER-Universe/DiffusionFER, subset S, cropped.
Classes:  angry, disgust, fear, happy, neutral, sad, surprise (annotated; the prompt's class may differ).
Layout:   ROOT/labels.csv (file, valence, arousal, expression) and the pictures, either below ROOT or in one tar
          archive there.
Splits:   none of its own; `kaoiro.data.splits.part_of` by the name of the picture: each shows another person.
Licence:  CC0 1.0. Nobody is shown: faces look smooth, young and alike, so figures on them are no figures on people.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FER2013, canonical
from kaoiro.data.datasets.pictures import archive, picture

TABLE = "labels.csv"
COLUMNS = ("file", "valence", "arousal", "expression")


@dataclass(frozen=True)
class Generated:
    """One picture.

    Attributes:
        file: name in the table.
        subject: the picture's own name, for nobody is shown twice.
        expression: of `labels.FER2013`.
        valence, arousal: -1 to 1.
        data: the picture file's bytes.
    """

    file: str
    subject: str
    expression: str
    valence: float
    arousal: float
    data: bytes


def read(root: str | Path) -> list[Generated]:
    """Read all pictures.

    Raises:
        DataError: files are missing or not in the documented layout.
    """
    folder = Path(root)
    stored = archive(folder)
    found = [_generated(row, where, folder, stored) for row, where in _rows(folder / TABLE)]
    if not found:
        raise DataError(f"{folder / TABLE} has no rows")
    return found


def _rows(path: Path) -> list[tuple[dict[str, str], str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if lacking:
                raise DataError(f"{path} lacks the column(s) {', '.join(lacking)}")
            return [(row, f"{path}, line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be read: {reason}; name the folder of DiffusionFER") from error


def _generated(row: dict[str, str], where: str, folder: Path, stored: dict[str, bytes]) -> Generated:
    name, expression = row["file"], canonical(row["expression"] or "")
    if not name or expression not in FER2013.labels:
        raise DataError(f"{where}: wants a file and an expression of {', '.join(FER2013.labels)}; found {dict(row)}")
    subject = Path(name).stem.rsplit("_", 1)[0]
    valence, arousal = (_number(row[column], column, where) for column in ("valence", "arousal"))
    return Generated(name, subject, expression, valence, arousal, picture(folder, stored, name, TABLE))


def _number(text: str | None, column: str, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not -1 <= value <= 1:
        raise DataError(f"{where}: {column} must be a number from -1 to 1, found {text!r}")
    return value
