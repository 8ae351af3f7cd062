"""Faces whose expression is most like that of a given face, whoever shows it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from kaoiro.core.checks import at_least
from kaoiro.core.codes import Codes
from kaoiro.core.errors import InputError, TruncatedVideo
from kaoiro.core.spec import CropGeometry
from kaoiro.faces import photo
from kaoiro.faces.align import cut, placement
from kaoiro.faces.detect import Detection, FaceDetector, detect_in
from kaoiro.faces.gauges import font
from kaoiro.faces.video import VideoFile
from kaoiro.inference.archives import is_archive
from kaoiro.inference.embedding import Embeddings, Place, embed
from kaoiro.inference.embedding import read as read_embeddings
from kaoiro.inference.exchange import Exchanger
from kaoiro.inference.media import Medium, Unusable, discover
from kaoiro.inference.tables import is_table

_SAME = 0.5  # overlap of boxes in one picture from which they are one face
_TILE, _GAP, _WORDS, _COLUMNS = 160, 8, 34, 6


@dataclass(frozen=True)
class Match:
    """A face with a similar expression.

    Attributes:
        rank: from 1.
        distance: Euclidean, of expression codes; 0 is the same expression. Only differences within one model mean
            anything.
        place: which face it is.
    """

    rank: int
    distance: float
    place: Place

    def row(self) -> dict[str, Any]:
        """Return rank, distance and the columns that say which face it is."""
        return {"rank": self.rank, "distance": round(self.distance, 6), **self.place.row()}


@dataclass(frozen=True)
class Similar:
    """The answer of a search.

    Attributes:
        photo: that was searched with.
        query: its face.
        matches: nearest first.
        searched: faces that were compared.
        left_out: faces that were not, because they are (or may be) the same person.
        rule: by which they were left out, in words; empty if none was asked for.
    """

    photo: str
    query: Place
    matches: list[Match]
    searched: int
    left_out: int = 0
    rule: str = ""


def similar(
    exchanger: Exchanger,
    picture: str | os.PathLike[str],
    among: str | os.PathLike[str] | Embeddings,
    *,
    n: int = 10,
    face: int = 0,
    other_people: bool = False,
    every: float | None = None,
) -> Similar:
    """Return the faces whose expression is nearest to that of a face; of each track of a video the nearest one counts.

    The face itself is left out where the picture is among those that are searched.

    Args:
        exchanger: encodes.
        picture: photo with the face.
        among: folder, archive, photo or video that is searched, a table that `kaoiro embed` wrote, or embeddings.
        n: how many.
        face: which face of the picture; 0 is the largest.
        other_people: leave out the same person: those whose identity codes are as near as the model's description says
            that one person's are; where that is not known, those in the picture's own folder, if several folders are
            searched.
        every: seconds between frames of videos that are searched; None takes every frame.

    Raises:
        InputError: a file cannot be used, shows no face, or nobody is left.
    """
    found = exchanger.faces(os.fspath(picture))
    crop = found.crop(face)
    detection = found.detections[face]
    query = Place(found.name, 0, 0.0, None, detection.score, detection.box)
    return nearest(exchanger, query, exchanger.encode(crop), gathered(exchanger, among, every), n, other_people)


def gathered(exchanger: Exchanger, among: str | os.PathLike[str] | Embeddings, every: float | None) -> Embeddings:
    """Return the embeddings that are searched: those given, of a table, or of the faces of files.

    Raises:
        InputError: they cannot be used.
    """
    if isinstance(among, Embeddings):
        return among
    return read_embeddings(among) if is_table(among) else embed(exchanger, among, every=every)


def nearest(
    exchanger: Exchanger, query: Place, code: Codes, among: Embeddings, n: int = 10, other_people: bool = False
) -> Similar:
    """Return the nearest of some embeddings to one face; see `similar`.

    Raises:
        InputError: codes of another model, or nobody is left.
    """
    at_least("n", 1, n)
    if len(among) and (among.model != exchanger.title):
        raise InputError(f"the embeddings are of {among.model}, not of {exchanger.title}; codes of two models differ")
    own = np.array([_is(place, query) for place in among.places], bool)
    keep, rule = ~own, ""
    if other_people:
        same, rule = _same_person(exchanger, query, code, among)
        keep &= ~same
    if not keep.any():
        raise InputError(f"{query.source}: no other face to compare with{f' ({rule})' if rule else ''}")
    distances = np.linalg.norm(among.codes.expression - code.expression, axis=1)
    order = [int(place) for place in np.argsort(distances, kind="stable") if keep[place]]
    chosen = list(_one_a_track(order, among.places))[:n]
    matches = [Match(rank, float(distances[row]), among.places[row]) for rank, row in enumerate(chosen, start=1)]
    return Similar(query.source, query, matches, int(keep.sum()), int((~keep & ~own).sum()), rule)


def _is(place: Place, query: Place) -> bool:
    """Whether a face is the one that was searched with."""
    return place.track is None and _file(place) == _file(query) and place.box.overlap(query.box) >= _SAME


def _file(place: Place) -> Path:
    return Path(place.source).absolute()


def _same_person(exchanger: Exchanger, query: Place, code: Codes, among: Embeddings) -> tuple[np.ndarray, str]:
    """Return which faces count as the same person (N,) bool, and by what rule.

    Raises:
        InputError: no rule applies.
    """
    most = exchanger.description.same_person
    if most is not None and code.identity.shape[1] and among.codes.identity.shape[1] == code.identity.shape[1]:
        apart = np.linalg.norm(among.codes.identity - code.identity, axis=1)
        return apart <= most, f"identity codes nearer than {most:g}"
    folders = [_file(place).parent for place in among.places]
    if len(set(folders)) < 2:
        raise InputError(
            "who is another person cannot be told: there are no identity codes to compare, and all faces lie in one "
            "folder; give each person a folder, or leave --other-people out"
        )
    return np.array([folder == _file(query).parent for folder in folders]), "the photo's own folder"


def _one_a_track(order: Sequence[int], places: Sequence[Place]) -> Iterator[int]:
    """Yield rows in order, of each track of a video only the first."""
    seen = set()
    for row in order:
        place = places[row]
        if place.track is None or (place.source, place.track) not in seen:
            seen.add((place.source, place.track))
            yield row


def sheet(exchanger: Exchanger, found: Similar) -> Image.Image:
    """Return a picture with the face that was searched with and those that were found; grey where a file is gone."""
    places = [found.query, *(match.place for match in found.matches)]
    titles = ["searched with", *(f"{match.rank}: {match.distance:.3f}" for match in found.matches)]
    tiles = cut_out(exchanger.detector, exchanger.description.crop, places)
    count = min(_COLUMNS, len(places))
    step = _TILE + _GAP
    image = Image.new("RGB", (count * step + _GAP, -(-len(places) // count) * (step + _WORDS) + _GAP), "white")
    pen = ImageDraw.Draw(image)
    for number, (place, title) in enumerate(zip(places, titles, strict=True)):
        left, top = _GAP + number % count * step, _GAP + number // count * (step + _WORDS)
        image.paste(Image.fromarray(tiles[number]), (left, top))
        pen.text((left, top + _TILE + 2), title, fill="#222222", font=font(13))
        pen.text((left, top + _TILE + 18), _short(place), fill="#666666", font=font(11))
    return image


def _short(place: Place) -> str:
    name = PurePath(place.source).name
    name = name if len(name) <= 20 else f"{name[:10]}…{name[-9:]}"
    return name if place.track is None else f"{name}, {place.time_s:.2f} s"


def cut_out(detector: FaceDetector, crop: CropGeometry, places: Sequence[Place]) -> np.ndarray:
    """Cut faces out of their files once more: (N, 160, 160, 3) uint8; grey where a file is gone or has changed."""
    tiles = np.full((len(places), _TILE, _TILE, 3), 200, np.uint8)
    for source in dict.fromkeys(place.source for place in places):
        rows = [row for row, place in enumerate(places) if place.source == source]
        for frame, pixels in _pictures(source, {places[row].frame for row in rows}):
            faces = detect_in(pixels, detector)
            for row in rows:
                known = max(faces, key=lambda face, row=row: face.box.overlap(places[row].box), default=None)
                if places[row].frame == frame and known is not None:
                    tiles[row] = _tile(crop, pixels, known, places[row])
    return tiles


def _tile(crop: CropGeometry, pixels: np.ndarray, known: Detection, place: Place) -> np.ndarray:
    """Cut a face out as the model sees it, but larger; by its box alone if it is not found where it was."""
    face = known if known.box.overlap(place.box) >= _SAME else Detection(place.box)
    return cut(pixels, placement(face, crop), _TILE)


def _pictures(source: str, frames: set[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield some frames of a photo or video with their numbers, as far as they can be read."""
    medium = _medium(source)
    if medium is None:
        return
    try:
        with medium.open() as path:
            if medium.kind == "photo":
                yield 0, photo.read(path)
                return
            for frame in VideoFile(path).frames():
                if frame.index in frames:
                    yield frame.index, frame.rgb()
                if frame.index >= max(frames):
                    return
    except (InputError, TruncatedVideo, OSError):
        return


def _medium(source: str) -> Medium | None:
    """Return the photo or video of a row, which may lie in an archive; None if it is gone."""
    path = Path(source)
    archive = next((parent for parent in path.parents if is_archive(parent) and parent.is_file()), None)
    found = discover([str(archive or path)]) if archive or path.is_file() else iter(())
    return next((item for item in found if not isinstance(item, Unusable) and item.name == source), None)
