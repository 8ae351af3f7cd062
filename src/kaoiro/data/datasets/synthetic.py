"""Sets of the FACS world: rendered faces of which identity, action units and expression are known.

Source:   `kaoiro synth SET --out ROOT`; SPEC 1.3. Geometry: ICT-FaceKit light (Li et al., CVPR 2020).
Layout:   ROOT/set.json             settings, numbers, SHA-256 over the shards
          ROOT/manifest.parquet     one row for each picture: shard, offset, length, and the truth about it
          ROOT/subjects.parquet     one row for each subject: shape (coefficients of the head's modes) and looks
          ROOT/shard-00000.tar …    ustar; members SUBJECT/CLIP/FRAME.jpg
Splits:   column `split`, made with the set: syn-id train, paper-test, further-test; syn-vid and syn-mt train, val,
          test; syn-swap further-test; syn-flicker and conference test; syn-acts and syn-ward train, val, test. No
          subject is in two of them.
Roles:    columns `training` and `evaluation`: what a picture was drawn for; a few serve both.
          In syn-id 765 of the 1,842 evaluation frames of training people (seed 0) are training frames, and each
          expression of a subject is one clip with one background and light: figures on training people measure memory
          as well.
Labels:   au_01 … are means of both sides of the face; `units_left`, `units_right` hold the subject's left and right.
          au_25 is how far apart the lips are, whatever parts them; au_27 (mouth stretch) is how far the jaw is open
          beyond a full au_26, which only syn-acts shows.
          syn-mt gives away action units of some videos and expressions of others (`has_units`, `has_expression`);
          the truth is there for all.
Licence:  pictures are yours; the head's licence is MIT. They measure methods and prove nothing about real faces.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError

from kaoiro.core.checks import at_least, require
from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import ACTION_UNITS, FER2013, Vocabulary
from kaoiro.core.parallel import in_order, workers
from kaoiro.core.rendered import LATER, LISTS, PLAIN, POINTS, SIDES

Role = Literal["training", "evaluation"]
MANIFEST = "manifest.parquet"
SETTINGS = "set.json"
_REMEDY = "make the set anew with `kaoiro synth`"
_BLOCK = 512  # bytes; what a tar file is made of
_PLACE = ("shard", "offset", "length")


@dataclass(frozen=True)
class Windows:
    """Stretches of clips.

    Attributes:
        rows: (M, length) int64, rows of the set in order of time, each line within one clip.
        times: (M, length) float64, seconds from the clip's start.
    """

    rows: np.ndarray
    times: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Synthetic:
    """A set: what is true of N pictures, and where they lie.

    Attributes:
        root: folder of the set.
        settings: of set.json.
        table: N rows; all columns of the manifest but the lists below.
        landmarks: (N, 68, 2) float32 Multi-PIE points, pixels.
        visible: (N, 68) bool: within the picture and not hidden.
        sides: (N, 2, 20) float32 intensities 0-1 of the action units; row 0 the subject's left.
    """

    root: Path
    settings: dict[str, Any]
    table: pd.DataFrame
    landmarks: np.ndarray
    visible: np.ndarray
    sides: np.ndarray

    def __len__(self) -> int:
        return len(self.table)

    @property
    def clips(self) -> np.ndarray:
        """(N,) 'subject/clip', which no other clip of the set is called."""
        return (self.table["subject"] + "/" + self.table["clip"]).to_numpy(str)

    def select(
        self, split: str | Iterable[str] | None = None, role: Role | None = None, level: str | None = None
    ) -> np.ndarray:
        """Return the rows (K,) int64 of a part, in the order of the manifest.

        Args:
            split: one or several; None takes all.
            role: pictures drawn for this; None takes all.
            level: of nuisance; None takes all.

        Raises:
            DataError: the set has no such rows; the message lists what there is.
        """
        keep = np.ones(len(self), bool)
        if split is not None:
            keep &= self.table["split"].isin([split] if isinstance(split, str) else list(split)).to_numpy()
        if role is not None:
            require(role in ("training", "evaluation"), "role", "training or evaluation", role)
            keep &= self.table[role].to_numpy(bool)
        if level is not None:
            keep &= (self.table["level"] == level).to_numpy()
        if not keep.any():
            raise DataError(self._nothing(split, role, level))
        return np.flatnonzero(keep)

    def _nothing(self, split: object, role: object, level: object) -> str:
        asked = {"split": split, "role": role, "level": level}
        wish = ", ".join(f"{name} {value}" for name, value in asked.items() if value is not None)
        present = "; ".join(f"{name}s {', '.join(sorted(set(self.table[name])))}" for name in ("split", "level"))
        return f"{self.root} has no pictures of {wish}; there are: {present}"

    def pixels(self, rows: np.ndarray, grey: bool = False, size: int | None = None) -> np.ndarray:
        """Read pictures: (K, H, W, 3) uint8, or (K, H, W) where grey. Threads may call this at the same time.

        Args:
            rows: (K,) rows of the set, in any order, also repeatedly.
            grey: luma of ITU-R 601.
            size: side in pixels, from the stored one by area (or bicubic upwards); None keeps it.

        Raises:
            DataError: a picture is damaged; the message names shard and member.
        """
        rows = np.asarray(rows, np.int64)
        side = size or int(self.settings["size"])
        result = np.empty((len(rows), side, side) if grey else (len(rows), side, side, 3), np.uint8)
        order = np.lexsort((self.table["offset"].to_numpy()[rows], self.table["shard"].to_numpy(str)[rows]))
        parts = np.array_split(order, max(1, len(rows) // 256))

        def fill(part: np.ndarray) -> None:
            for place, picture in zip(part, self._pictures(rows[part], grey, side), strict=True):
                result[place] = picture

        for _ in in_order(fill, parts, workers(None, 1, len(parts))):
            pass
        return result

    def _pictures(self, rows: np.ndarray, grey: bool, side: int) -> Iterable[np.ndarray]:
        for shard, group in self.table.iloc[rows].groupby("shard", sort=False):
            path = self.root / str(shard)
            with _reading(path), path.open("rb") as file:
                for entry in group.itertuples():
                    file.seek(int(entry.offset))  # pyright: ignore[reportArgumentType]
                    content = file.read(int(entry.length))  # pyright: ignore[reportArgumentType]
                    member = f"{entry.subject}/{entry.clip}/{entry.frame:05d}.jpg"
                    yield _decoded(content, grey, side, f"{path}, {member}")

    def faces(
        self,
        split: str | Iterable[str] | None = None,
        role: Role | None = None,
        level: str | None = None,
        grey: bool = False,
        size: int | None = None,
        units: Vocabulary = ACTION_UNITS,
        labels: Literal["given", "true"] = "given",
    ) -> Faces:
        """Read a part for learning.

        Targets: 'expression' (K, 7) one-hot in the order of FER2013, 'units' (K, len(units)) intensities 0-1,
        'affect' (K, 2) valence and arousal, -1 to 1. Labels: 'expression' (K,) class or -1.

        Args:
            split: one or several; None takes all.
            role: pictures drawn for this; None takes all.
            level: of nuisance; None takes all.
            grey: (K, H, W) instead of (K, H, W, 3).
            size: side in pixels; None keeps the stored one.
            units: which action units, such as `MULTITASK_UNITS`.
            labels: 'given' leaves out (NaN, -1) what the set does not give away, 'true' leaves out nothing.

        Raises:
            DataError: the set has no such rows, or a picture is damaged.
        """
        rows = self.select(split, role, level)
        require(labels in ("given", "true"), "labels", "given or true", labels)
        table = self.table.iloc[rows]
        known = {name: table[name].to_numpy(bool) | (labels == "true") for name in ("has_units", "has_expression")}
        classes = np.where(known["has_expression"], _classes(table["expression"]), -1)
        intensities = table[list(units.labels)].to_numpy(np.float32)
        targets = {
            "expression": _one_hot(classes),
            "units": np.where(known["has_units"][:, None], intensities, np.float32(np.nan)),
            "affect": table[["valence", "arousal"]].to_numpy(np.float32),
        }
        pixels, subjects = self.pixels(rows, grey, size), table["subject"].to_numpy(str)
        return Faces(pixels, targets, {"expression": classes}, subjects, self.clips[rows])

    def windows(
        self,
        length: int,
        step: int = 1,
        split: str | Iterable[str] | None = None,
        role: Role | None = None,
        level: str | None = None,
    ) -> Windows:
        """Return all windows of `length` pictures of the part, beginning every `step` pictures of each clip.

        Neighbours are those in the part: where a set holds only some frames of a clip, `times` tells how far apart
        they are. Clips with fewer pictures than `length` give none.

        Raises:
            InputError: length or step is below 1.
            DataError: the set has no such rows.
        """
        at_least("length", 1, length)
        at_least("step", 1, step)
        rows = self.select(split, role, level)
        frames = self.table["frame"].to_numpy()
        clips = self.clips[rows]
        found = []
        for clip in dict.fromkeys(clips.tolist()):
            own = rows[clips == clip]
            own = own[np.argsort(frames[own], kind="stable")]
            starts = np.arange(0, len(own) - length + 1, step)
            found.append(own[starts[:, None] + np.arange(length)])
        windows = np.concatenate(found).astype(np.int64)
        return Windows(windows, self.table["time_s"].to_numpy(np.float64)[windows])

    def check_disjoint(self) -> None:
        """Refuse a set in which a subject is in two splits.

        Raises:
            DataError: there is one; the message names it.
        """
        pairs = self.table[["subject", "split"]].drop_duplicates()
        names, counts = np.unique(np.asarray(pairs["subject"], str), return_counts=True)
        shared = names[counts > 1]
        if len(shared):
            where = ", ".join(pairs["split"][pairs["subject"] == shared[0]])
            what = f"subject {shared[0]} is in more than one split ({where})"
            raise DataError(f"{self.root / MANIFEST}: {what}; {_REMEDY}")


def read(root: str | Path) -> Synthetic:
    """Read the manifest of a set and check it against its shards; pictures are read when they are asked for.

    Raises:
        DataError: a file is missing or not in the documented layout, or subjects are shared between splits.
    """
    folder = Path(root)
    settings, table = _settings(folder / SETTINGS), _table(folder / MANIFEST)
    lists = {name: _array(folder / MANIFEST, table, name, width) for name, width in LISTS.items()}
    frame = table.drop_columns(list(LISTS)).to_pandas().assign(**_unshown(table))
    result = Synthetic(
        folder,
        settings,
        frame,
        lists["landmarks"].reshape(-1, POINTS, 2).astype(np.float32),
        lists["visible"].astype(bool),
        np.stack([lists[name] for name in SIDES], axis=1).astype(np.float32),
    )
    _check_values(folder / MANIFEST, frame)
    _check_shards(folder, frame)
    result.check_disjoint()
    return result


def _unshown(table: pa.Table) -> dict[str, float]:
    """Return columns that an older set lacks, for it shows nothing of them."""
    return {name: 0.0 for name in LATER if name not in table.column_names}


def _settings(path: Path) -> dict[str, Any]:
    with _reading(path):
        text = path.read_text(encoding="utf-8")
    try:
        settings = json.loads(text)
        good = isinstance(settings, dict) and type(settings.get("size")) is int and 8 <= settings["size"] <= 4096
    except ValueError as error:
        raise DataError(f"{path} is no JSON: {error}; {_REMEDY}") from error
    if not good:
        raise DataError(f"{path} lacks the settings of a set, such as its size; {_REMEDY}")
    return settings


def _table(path: Path) -> pa.Table:
    """Read the manifest; refuse one without rows or columns."""
    if not path.is_file():
        raise DataError(f"{path} not found; the folder must hold a finished set: {_REMEDY}")
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {' '.join(str(error).split())}; {_REMEDY}") from error
    if "video" in table.column_names:
        raise DataError(f"{path} tells of videos; learning needs pictures: make the set without --video")
    missing = [name for name in (*_PLACE, *PLAIN, *LISTS) if name not in table.column_names]
    if missing:
        raise DataError(f"{path} lacks the columns {', '.join(missing)}; {_REMEDY}")
    if not len(table):
        raise DataError(f"{path} has no rows; {_REMEDY}")
    return table


def _array(path: Path, table: pa.Table, name: str, width: int) -> np.ndarray:
    """Return a column of lists as (N, width)."""
    column = table[name].combine_chunks()
    try:
        return column.flatten().to_numpy(zero_copy_only=False).reshape(len(table), width)
    except (AttributeError, ValueError) as error:
        raise DataError(f"{path}: {name} must hold {width} values in every row; {_REMEDY}") from error


def _check_values(path: Path, table: pd.DataFrame) -> None:
    """Refuse what is empty, labels outside the vocabulary, and pictures that stand twice."""
    empty = [name for name in (*_PLACE, *PLAIN) if table[name].isna().to_numpy().any()]
    if empty:
        raise DataError(f"{path}: empty values in {', '.join(empty)}; {_REMEDY}")
    foreign = sorted(set(map(str, table["expression"])) - set(FER2013.labels))
    if foreign:
        raise DataError(
            f"{path}: expressions outside the vocabulary: {', '.join(foreign)}; valid: {', '.join(FER2013.labels)}"
        )
    twice = table.duplicated(["subject", "clip", "frame"]).to_numpy(bool)
    if twice.any():
        first = table[twice].iloc[0]
        raise DataError(f"{path}: {first['subject']}/{first['clip']}, frame {first['frame']} stands twice; {_REMEDY}")


def _check_shards(folder: Path, table: pd.DataFrame) -> None:
    """Refuse shards that are missing or too short for their rows, and places where no member can lie."""
    for shard, rows in table.groupby("shard"):
        path = folder / str(shard)
        if path.parent != folder or not path.is_file():
            raise DataError(f"{path} not found, but {MANIFEST} names it; {_REMEDY}")
        offset, length = rows["offset"].to_numpy(np.int64), rows["length"].to_numpy(np.int64)
        wrong = (offset < _BLOCK) | (offset % _BLOCK != 0) | (length < 1) | (offset + length > path.stat().st_size)
        if wrong.any():
            first = rows[wrong].iloc[0]
            raise DataError(
                f"{path} has {path.stat().st_size} bytes; {first['subject']}/{first['clip']}, frame {first['frame']} "
                f"cannot be {first['length']} bytes from {first['offset']} on; {_REMEDY}"
            )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn the system's refusal to read a file into an error that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path} not found; {_REMEDY}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _decoded(content: bytes, grey: bool, side: int, where: str) -> np.ndarray:
    """Decode a JPEG to (side, side, 3) or (side, side) uint8."""
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as file:
            picture = file.convert("L" if grey else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        what = "no JPEG" if isinstance(error, UnidentifiedImageError) else " ".join(str(error).split())
        raise DataError(f"{where}: damaged picture: {what}; {_REMEDY}") from error
    if picture.size != (side, side):
        method = Image.Resampling.BOX if side < picture.width else Image.Resampling.BICUBIC
        picture = picture.resize((side, side), method)
    return np.asarray(picture)


def _classes(names: pd.Series) -> np.ndarray:
    """Return expressions by number in the order of FER2013: (K,) int64."""
    return pd.Categorical(names, categories=list(FER2013.labels)).codes.astype(np.int64)


def _one_hot(classes: np.ndarray) -> np.ndarray:
    """Return classes as (K, 7) float32; rows of NaN where the class is -1."""
    result = np.eye(len(FER2013), dtype=np.float32)[classes]
    result[classes < 0] = np.nan
    return result
