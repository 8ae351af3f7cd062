"""Aligned faces in colour of people who are known by an id: to learn codes from, and to measure them on."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.files import replacing, sha256, writing
from kaoiro.core.labels import ACTION_UNITS, AFFECT, AFFECT_HEAD, EXPRESSION, FER2013, UNITS_HEAD
from kaoiro.core.spec import CropGeometry, Point
from kaoiro.core.types import LANDMARKS
from kaoiro.data.datasets import drawn_people, subject_table, synthetic
from kaoiro.data.source import DRAWN_LICENCE, DRAWN_LIMITS
from kaoiro.data.subjects import People, SubjectsConfig, held_out
from kaoiro.evaluation import unlabelled
from kaoiro.evaluation.progress import followed
from kaoiro.faces import photo
from kaoiro.faces.align import cut, placement, similarity, to_luma
from kaoiro.faces.detect import CenterFace, detect_in

TRAINED, UNSEEN = "train", ("paper-test", "further-test")
"""Splits of syn-id."""
RENDERED_LICENCE = "MIT as the code; learned from faces rendered by this project."
RENDERED_LIMITS = (
    "Learned from rendered faces: what it makes looks rendered, and it proves nothing about people.",
    "Expression is not emotion: codes tell what a face does, not what somebody feels.",
)
TABLE_LICENCE = "As the pictures' own: ask who made them before you pass weights on."
TABLE_LIMITS = ("Learned from pictures of a user's table: what they do not show, it cannot know.", RENDERED_LIMITS[1])
_READ = 512  # pictures held at a time


def read(config: SubjectsConfig, side: int) -> People:
    """Read what a recipe learns from, and faces to measure on.

    Of a syn-id set the training frames of its training people are learned from. Without a fold, unseen people are
    those of both its test splits; with one, they are the people kept back.

    Args:
        config: what to read.
        side: of the crops, pixels.

    Raises:
        DataError: no root, no such files, or nothing to learn from.
        InputError: a picture cannot be read.
    """
    if config.dataset == "unlabelled":
        if config.unlabelled is None:
            raise DataError("name a folder of faces without labels (with fer2013.csv, or photos) by --data.unlabelled")
        return unlabelled.alone(unlabelled.read(config.unlabelled, side, config.geometry, config.cut), side)
    if config.dataset == "drawn":
        found = _drawn(config, side)
    elif config.root is None:
        wish = "a rendered set (kaoiro synth syn-id)" if config.dataset == "rendered" else "a table of subjects"
        raise DataError(f"name {wish} by --data.root")
    else:
        found = _rendered(config, side) if config.dataset == "rendered" else _table(config, side)
    if not len(found.training):
        raise DataError(f"{found.description}: no faces to learn from")
    found = _grey(found) if config.grey else found
    if config.unlabelled is None:
        return found
    return unlabelled.beside(found, unlabelled.read(config.unlabelled, side, config.geometry, config.cut))


def _drawn(config: SubjectsConfig, side: int) -> People:
    faces = drawn_people.people(config.count, config.pictures, config.fold_seed, side)
    assert faces.subjects is not None
    held = held_out(faces.subjects, config)
    description = f"{(~held).sum()} drawings of people"
    return People(faces.rows(~held), faces.rows(~held), faces.rows(held), description, DRAWN_LICENCE, DRAWN_LIMITS)


def _rendered(config: SubjectsConfig, side: int) -> People:
    data = synthetic.read(str(config.root))
    learned = data.select(TRAINED, "training")
    names = data.table["subject"].to_numpy(str)
    measured = np.flatnonzero(data.table["evaluation"].to_numpy(bool))
    own = (data.table["split"] == TRAINED).to_numpy(bool)
    if config.fold is None:
        kept, seen, unseen = learned, measured[own[measured]], measured[~own[measured]]
    else:
        held = np.zeros(len(data), bool)
        held[own] = held_out(names[own], config)
        kept, measured = learned[~held[learned]], measured[own[measured]]
        seen, unseen = measured[~held[measured]], measured[held[measured]]
    people = f"{len(np.unique(names[kept]))} people" + _part(config)
    description = f"{len(kept)} frames of {people} of {data.settings.get('set')}, seed {data.settings.get('seed')}"
    training, checked, others = (
        rendered(data, rows, side, config.geometry, config.cache) for rows in (kept, seen, unseen)
    )
    return People(training, checked, others, description, RENDERED_LICENCE, RENDERED_LIMITS)


def _part(config: SubjectsConfig) -> str:
    return "" if config.fold is None else f" (fold {config.fold} of {config.folds} kept back)"


def rendered(
    data: synthetic.Synthetic, rows: np.ndarray, side: int, crop: CropGeometry, cache: str | Path | None = None
) -> Faces:
    """Read frames of the FACS world in colour, placed by their five points as `kaoiro analyze` places real faces.

    Targets: 'expression' (N, 7) one-hot, 'units' (N, 20) intensities 0-1, 'affect' (N, 2). Labels: 'expression' (N,)
    in the order of FER2013. They are for measurements; codes are learned without them.

    Args:
        data: the set.
        rows: of the set.
        side: of the crops, pixels.
        crop: where a face lies in it.
        cache: folder that keeps the crops of the whole set; None places those of the rows anew.

    Raises:
        DataError: a picture is damaged.
        OutputError: the cache cannot be written.
    """
    table = data.table.iloc[rows]
    classes = np.array(FER2013.indices(table["expression"]), np.int64)
    targets = {
        EXPRESSION: np.eye(len(FER2013), dtype=np.float32)[classes],
        UNITS_HEAD: table[list(ACTION_UNITS.labels)].to_numpy(np.float32),
        AFFECT_HEAD: table[list(AFFECT.labels)].to_numpy(np.float32),
    }
    place, kept = crop.points, None if cache is None else Path(cache)
    pixels = _placed(data, rows, side, place) if kept is None else _kept(data, side, place, kept)[rows]
    return Faces(pixels, targets, {EXPRESSION: classes}, table["subject"].to_numpy(str), data.clips[rows])


def _placed(data: synthetic.Synthetic, rows: np.ndarray, side: int, place: Sequence[Point]) -> np.ndarray:
    """Return crops (N, side, side, 3) uint8."""
    table = data.table.iloc[rows]
    points = table[[f"{name}_{axis}" for name in LANDMARKS for axis in "xy"]].to_numpy(np.float64).reshape(-1, 5, 2)
    wanted, pixels = np.asarray(place), np.empty((len(rows), side, side, 3), np.uint8)
    starts = range(0, len(rows), _READ)
    for start in followed(starts, len(starts), f"x {_READ} rendered frames"):
        for row, picture in enumerate(data.pixels(rows[start : start + _READ]), start=start):
            pixels[row] = cut(picture, similarity(wanted, points[row]), side)
    return pixels


def _kept(data: synthetic.Synthetic, side: int, place: Sequence[Point], cache: Path) -> np.ndarray:
    """Return the crops of a whole set from the cache; they are made first where they are not there."""
    digest = hashlib.sha256(f"{sha256(data.root / synthetic.MANIFEST)} {place}".encode()).hexdigest()
    file = cache / f"crops-{digest[:16]}-{side}.npy"
    shape = (len(data), side, side, 3)
    with suppress(OSError, ValueError):  # none, or one that another program left half
        found = np.load(file, mmap_mode="r")
        if found.shape == shape and found.dtype == np.uint8:
            return found
    pixels = _placed(data, np.arange(len(data)), side, place)
    with replacing(file) as partial, writing(file):
        np.save(partial, pixels)
    return pixels


def _table(config: SubjectsConfig, side: int) -> People:
    faces, missed = table(str(config.root), side, config.geometry, config.cut)
    assert faces.subjects is not None
    held = held_out(faces.subjects, config)
    people = f"{len(np.unique(faces.subjects[~held]))} people" + _part(config)
    lost = f"; no face found in {missed} more" if missed else ""
    description = f"{(~held).sum()} pictures of {people} of a user's table{lost}"
    learned = faces.rows(~held)
    return People(learned, learned, faces.rows(held), description, TABLE_LICENCE, TABLE_LIMITS)


def table(root: str | Path, side: int, crop: CropGeometry, how: str = "detect") -> tuple[Faces, int]:
    """Read a user's table of pictures.

    Args:
        root: the table, or its folder.
        side: of the crops, pixels.
        crop: where a face lies in it.
        how: 'detect' finds the largest face of a picture and places it; 'whole' takes the picture, brought to size.

    Returns:
        The faces; labels 'expression' in the order of FER2013, -1 where unknown or contempt. And the number of pictures
        in which no face was found.

    Raises:
        DataError: the table cannot be used, or no face was found in any picture.
        InputError: a picture cannot be read.
    """
    found, detector = subject_table.read(root), CenterFace() if how == "detect" else None
    crops, keep = [], []
    for row, path in enumerate(followed(found.paths, len(found), "pictures")):
        made = _crop(photo.read(path), detector, side, crop)
        if made is not None:
            crops.append(made)
            keep.append(row)
    if not crops:
        raise DataError(f"{found.source}: no face was found in any of {len(found)} pictures")
    classes = np.array([FER2013.labels.index(name) if name in FER2013.labels else -1 for name in found.labels[keep]])
    shares = np.where(classes[:, None] < 0, np.float32(np.nan), np.eye(len(FER2013), dtype=np.float32)[classes])
    labels = {EXPRESSION: classes.astype(np.int64)}
    faces = Faces(np.stack(crops), {EXPRESSION: shares}, labels, found.subjects[keep], found.clips[keep])
    return faces, len(found) - len(crops)


def _crop(picture: np.ndarray, detector: CenterFace | None, side: int, crop: CropGeometry) -> np.ndarray | None:
    """Return (side, side, 3) uint8, or None where no face is found."""
    if detector is None:
        height, width = picture.shape[:2]
        return cut(picture, np.array([[width, 0, 0], [0, height, 0]], np.float64), side)
    found = detect_in(picture, detector)
    if not found:
        return None
    return cut(picture, placement(max(found, key=lambda face: face.box.area), crop), side)


def _grey(people: People) -> People:
    """Return people whose pictures have the same luma in all three channels."""

    def one(faces: Faces) -> Faces:
        luma = [np.repeat(to_luma(picture)[:, :, None], 3, axis=2) for picture in faces.pixels]
        return dataclasses.replace(faces, pixels=np.stack(luma) if luma else faces.pixels)

    parts = {name: one(getattr(people, name)) for name in ("training", "seen", "unseen")}
    return dataclasses.replace(people, **parts, description=f"{people.description}, grey")
