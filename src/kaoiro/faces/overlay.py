"""Annotate the pictures of one recording: boxes and labels; beside each face valence, arousal, action units, words."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from kaoiro.core.types import Box, Record
from kaoiro.faces.draw import COLOURS, annotate
from kaoiro.faces.gauges import Affect, Reading, affect_of, panel, panel_size, spread_of, units_of, words_of

TRAIL_S = 2.0
"""Seconds of the recording for which a dot leaves a trail."""
_MOST = 240  # points of a trail
_SMALLEST, _LARGEST = 9, 22  # pixels of the text; what is smaller cannot be read
_LABEL = 0.3  # of a face's height: what its title may take above it
_FEW = (8, 4)  # words that are shown where there is no room for all
_BESIDE, _CORNERS = (0, 1), (2, 3, 4, 5)  # kinds of places: at a face, in the corners of the picture

Area = tuple[float, float, float, float]
"""Left, top, right, bottom, pixels."""


class Overlay:
    """Draws what was measured onto the pictures of one recording, given in order; a photo is a recording of one.

    Panels of valence, arousal, action units and words stand beside their faces where they cover no face, and stay there
    while they can. Where there is little room they leave out the units' names, then action units, then valence and
    arousal if there are words, then words, the last ones first. A face for which there is no such place has none, but
    the largest always has one.

    Args:
        visible_from: probability from which each action unit is drawn as visible; 0.5 where it is not named.
    """

    def __init__(self, visible_from: Mapping[str, float] | None = None) -> None:
        self._visible_from = visible_from or {}
        self._trails: dict[int | None, deque[tuple[float, Affect]]] = {}
        self._places: dict[int | None, int] = {}

    def annotate(
        self, pixels: np.ndarray, faces: Sequence[Record], blur: bool = False, others: Sequence[Box] = ()
    ) -> Image.Image:
        """Return the next picture with everything that was measured.

        Args:
            pixels: (H, W, 3) RGB uint8.
            faces: records of this picture, largest first.
            blur: make the people unrecognisable, as far as their faces were found; landmarks are then left out.
            others: faces that were found but not measured; they are hidden too.
        """
        image = annotate(pixels, faces, blur, others)
        self._forget(faces)
        boxes = [*(face.box for face in faces if face.box is not None), *others]
        taken = [_with_label(box) for box in boxes]
        for rank, face in enumerate(faces):
            reading = self._reading(face)
            if face.box is not None and (reading.trail or reading.rows):
                taken += self._draw(image, face, face.box, reading, taken, rank == 0, len(faces) == 1)
        return image

    def _forget(self, faces: Sequence[Record]) -> None:
        """Let go of tracks that have been gone for longer than a trail."""
        now = faces[0].time_s if faces else -math.inf
        gone = [track for track, trail in self._trails.items() if trail[-1][0] < now - TRAIL_S]
        for track in gone:
            del self._trails[track]
            self._places.pop(track, None)

    def _reading(self, face: Record) -> Reading:
        colour, units = COLOURS.get(face.expression or "", "#7f7f7f"), units_of(face)
        trail, words = self._trail(face), words_of(face)
        return Reading(trail, spread_of(face), units, colour, visible_from=self._visible_from, words=words)

    def _trail(self, face: Record) -> list[Affect]:
        """Return where a face has been for the last seconds and is now, in valence and arousal."""
        now = affect_of(face)
        if now is None:
            return []
        if face.track is None:
            return [now]
        trail = self._trails.setdefault(face.track, deque(maxlen=_MOST))
        if trail and face.time_s < trail[-1][0]:  # a recording joined to another
            trail.clear()
        trail.append((face.time_s, now))
        while trail[0][0] < face.time_s - TRAIL_S:
            trail.popleft()
        return [affect for _, affect in trail]

    def _draw(
        self,
        image: Image.Image,
        face: Record,
        box: Box,
        reading: Reading,
        taken: Sequence[Area],
        first: bool,
        alone: bool,
    ) -> list[Area]:
        """Draw the panel of one face, and return the area that it takes, if any.

        Args:
            image: drawn on.
            face: whose panel.
            box: of the face.
            reading: what the panel shows, if there is room for all.
            taken: areas of faces and other panels.
            first: draw it even where it covers something.
            alone: nobody can take it for somebody else's in a corner.
        """
        text = round(min(_LARGEST, max(_SMALLEST, max(image.size) / 100)))
        less = list(_ever_less(reading))
        for kinds in (_BESIDE, _CORNERS) if alone else (_BESIDE,):
            for shown in less:
                places = dict(_places(box, image.size, shown, text, kinds))
                free = [number for number, area in places.items() if not any(_shared(area, other) for other in taken)]
                if free:
                    kept = self._places.get(face.track)
                    number = self._places[face.track] = kept if kept in free else free[0]
                    return [_paste(image, shown, text, number, places[number])]
        if first:
            return _forced(image, box, less[-1], text, taken)
        return []


def _ever_less(reading: Reading) -> Iterator[Reading]:
    """Yield a reading, then without the names of its units, then without units, which take most room.

    Words were asked for, and stay the longest: then come words alone, and fewer of them.
    """
    yield reading
    if reading.units:
        yield replace(reading, named=False)
    if (reading.trail or reading.words) and reading.units:
        yield replace(reading, units={})
    if reading.words and (reading.trail or reading.units):
        yield replace(reading, units={}, trail=())
    for count in _FEW:
        if count < len(reading.words):
            yield replace(reading, units={}, trail=(), words=dict(list(reading.words.items())[:count]))


def _forced(image: Image.Image, box: Box, reading: Reading, text: int, taken: Sequence[Area]) -> list[Area]:
    """Draw a panel where it covers least; a picture that is smaller than the panel has none."""
    places = list(_places(box, image.size, reading, text, (*_BESIDE, *_CORNERS)))
    if not places:
        return []
    number, area = min(places, key=lambda place: sum(_shared(place[1], other) for other in taken))
    return [_paste(image, reading, text, number, area)]


def _with_label(box: Box) -> Area:
    return box.left, box.top - _LABEL * box.height, box.left + box.width, box.top + 1.06 * box.height


def _places(
    box: Box, size: tuple[int, int], reading: Reading, text: int, kinds: Sequence[int]
) -> Iterator[tuple[int, Area]]:
    """Yield numbered areas within the picture; an even number is a tall panel's, an odd one a wide panel's."""
    for number in (2 * kind + wide for wide in (0, 1) for kind in kinds):
        wide, high = panel_size(reading, text, number % 2 == 1)
        if wide <= size[0] and high <= size[1]:
            left, top = _corner(number // 2, box, size, (wide, high), number % 2 == 1)
            left, top = min(max(0.0, left), size[0] - wide), min(max(0.0, top), size[1] - high)
            yield number, (left, top, left + wide, top + high)


def _corner(kind: int, box: Box, size: tuple[int, int], panel: tuple[int, int], wide: bool) -> tuple[float, float]:
    """Return left and top of a panel: right or left of its face (wide: below or above), or far in a corner."""
    gap = 0.06 * box.width + 2
    if kind == 0:
        return (box.left, box.top + 1.08 * box.height + 2) if wide else (box.left + box.width + gap, box.top)
    if kind == 1:
        above = box.top - _LABEL * box.height - panel[1] - 2
        return (box.left, above) if wide else (box.left - gap - panel[0], box.top)
    return (0.0 if kind % 2 else float(size[0])), (0.0 if kind < 4 else float(size[1]))


def _shared(one: Area, other: Area) -> float:
    """Return the square pixels that two areas share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)


def _paste(image: Image.Image, reading: Reading, text: int, number: int, area: Area) -> Area:
    picture = panel(reading, text, number % 2 == 1)
    image.paste(picture, (round(area[0]), round(area[1])), picture)
    return area
