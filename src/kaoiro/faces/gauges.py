"""Panels for the margin of a picture: where a face lies in valence and arousal, its action units and words as bars.

Lengths are multiples of the text's size, so that a panel is legible wherever its text is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

from kaoiro.core.labels import AFFECT, MEASURED_UNITS, UNIT_NAMES, unit_number
from kaoiro.core.spec import EVEN
from kaoiro.core.types import WORD, WORD_ENDINGS, Record, is_word, smoothed, spread_column

Affect = tuple[float, float]
"""Valence and arousal, each -1 to 1."""
_CIRCLE, _NAMES, _NUMBERS, _BARS, _ROW, _EDGE = 12.0, 11.8, 3.6, 6.0, 1.35, 0.8
_FINE = 3
_GROUND, _INK, _FAINT, _HINT = (16, 18, 24, 205), (240, 240, 240, 255), (255, 255, 255, 90), (255, 255, 255, 45)
_DIM = (196, 200, 208, 255)
_SHOWN, _HIDDEN, _WORD = (77, 208, 190, 255), (140, 148, 160, 255), (240, 178, 92, 255)
_GAP = 0.6  # between a word and its bar, in sizes of the text


@dataclass(frozen=True)
class Reading:
    """What a panel shows of one face.

    Attributes:
        trail: of valence and arousal, the oldest first, the newest last; empty where the model does not say.
        spread: standard deviations of the newest, if the model tells them.
        units: probabilities by unit; empty where the model does not say.
        colour: of the dot, '#rrggbb'.
        named: whether units have their names beside their numbers, which takes room.
        visible_from: probability from which each unit is drawn as visible, and marked; `EVEN` where it is not named.
        words: scores by what the words are called; empty where none were asked for.
    """

    trail: Sequence[Affect]
    spread: Affect | None
    units: Mapping[str, float]
    colour: str
    named: bool = True
    visible_from: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> float:
        """Width of what stands before a bar, in sizes of the text."""
        units = (_NAMES if self.named else _NUMBERS) if self.units else 0.0
        return max([units, *(min(_NAMES, width_of(word) + _GAP) for word in self.words)])

    @property
    def rows(self) -> int:
        """Number of bars."""
        return len(self.units) + len(self.words)


def affect_of(record: Record) -> Affect | None:
    """Return valence and arousal of a record, smoothed if it has them so; None if it has none."""
    for valence, arousal in ((smoothed("valence"), smoothed("arousal")), ("valence", "arousal")):
        if valence in record.scores and arousal in record.scores:
            return record.scores[valence], record.scores[arousal]
    return None


def spread_of(record: Record) -> Affect | None:
    """Return the standard deviations of valence and arousal; None if the model does not tell them."""
    names = spread_column("valence"), spread_column("arousal")
    return (record.scores[names[0]], record.scores[names[1]]) if all(name in record.scores for name in names) else None


def units_of(record: Record) -> dict[str, float]:
    """Return the probabilities of a record's action units, smoothed if it has them so, in the usual order."""
    found = {unit: record.scores.get(smoothed(unit), record.scores.get(unit)) for unit in MEASURED_UNITS.labels}
    return {unit: value for unit, value in found.items() if value is not None}


def words_of(record: Record) -> dict[str, float]:
    """Return the scores of a record's words, smoothed if it has them so, by what pictures call them."""
    names = words_in(record)
    shown = zip(called(names), names, strict=True)
    return {word: record.scores.get(smoothed(name), record.scores[name]) for word, name in shown}


def words_in(record: Record) -> list[str]:
    """Return the columns of a record's words in single frames."""
    return [name for name in record.scores if is_word(name) and not name.endswith(WORD_ENDINGS)]


def called(columns: Sequence[str]) -> list[str]:
    """Return what pictures call words: their names, and 'word 2' for the second if its name has other letters.

    Args:
        columns: of the words.
    """
    names = [column.removeprefix(WORD) for column in columns]
    return [name if drawable(name) else f"word {place}" for place, name in enumerate(names, start=1)]


@lru_cache(maxsize=256)
def drawable(text: str) -> bool:
    """Whether the font of pictures has all letters of a text; it has no Japanese ones."""
    missing = _shape("\uffff")
    return all(_shape(letter) != missing for letter in text)


def _shape(letter: str) -> bytes:
    image = Image.new("L", (48, 48))
    ImageDraw.Draw(image).text((8, 8), letter, font=font(24), fill=255)
    return image.tobytes()


@lru_cache(maxsize=256)
def width_of(text: str) -> float:
    """Return the width of a text, in sizes of the text."""
    return font(48).getlength(text) / 48


def panel_size(reading: Reading, text: int, wide: bool) -> tuple[int, int]:
    """Return width and height of a panel, pixels.

    Args:
        reading: what it shows.
        text: size of the text, pixels.
        wide: circumplex and bars beside each other, instead of above.
    """
    circle = (_CIRCLE, _CIRCLE) if reading.trail else (0.0, 0.0)
    bars = (reading.label + _BARS, reading.rows * _ROW) if reading.rows else (0.0, 0.0)
    gap = _EDGE if reading.trail and reading.rows else 0.0
    if wide:
        inner = circle[0] + gap + bars[0], max(circle[1], bars[1])
    else:
        inner = max(circle[0], bars[0]), circle[1] + gap + bars[1]
    return round((inner[0] + 2 * _EDGE) * text), round((inner[1] + 2 * _EDGE) * text)


def panel(reading: Reading, text: int, wide: bool) -> Image.Image:
    """Return the panel of one face, RGBA, of `panel_size`."""
    size = panel_size(reading, text, wide)
    image = _ground(size, text).copy()
    edge, circle = round(_EDGE * text), round(_CIRCLE * text)
    left, top = edge, edge
    if reading.trail:
        place = (edge, (size[1] - circle) // 2) if wide else ((size[0] - circle) // 2, edge)
        image.alpha_composite(_circumplex(reading, circle, text), place)
        left, top = (edge + circle + edge, edge) if wide else (edge, edge + circle + edge)
    _draw_bars(image, reading, (left, top), text)
    return image


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that pictures are labelled with."""
    return ImageFont.load_default(size)


@lru_cache(maxsize=8)
def _ground(size: tuple[int, int], text: int) -> Image.Image:
    image = Image.new("RGBA", (size[0] * _FINE, size[1] * _FINE))
    corner = [0, 0, size[0] * _FINE - 1, size[1] * _FINE - 1]
    ImageDraw.Draw(image).rounded_rectangle(corner, radius=round(0.6 * text * _FINE), fill=_GROUND)
    return image.resize(size, Image.Resampling.BOX)


@lru_cache(maxsize=8)
def _axes(side: int, text: int) -> Image.Image:
    """Return the empty circumplex: circle, cross, names of the axes."""
    fine = side * _FINE
    image = Image.new("RGBA", (fine, fine))
    pen = ImageDraw.Draw(image)
    pen.ellipse([0, 0, fine - 1, fine - 1], fill=(255, 255, 255, 18), outline=_FAINT, width=_FINE)
    pen.ellipse([fine / 4, fine / 4, fine * 3 / 4, fine * 3 / 4], outline=_HINT, width=_FINE)
    pen.line([(0, fine / 2), (fine, fine / 2)], fill=_FAINT, width=_FINE)
    pen.line([(fine / 2, 0), (fine / 2, fine)], fill=_FAINT, width=_FINE)
    image = image.resize((side, side), Image.Resampling.BOX)
    small = max(8, round(0.9 * text))
    valence, arousal = (_words(name, small, _DIM) for name in AFFECT.labels)
    image.alpha_composite(valence, (side - valence.width - round(0.2 * text), side // 2))
    image.alpha_composite(arousal, (side // 2 + round(0.35 * text), round(0.1 * text)))
    return image


def _circumplex(reading: Reading, side: int, text: int) -> Image.Image:
    fine = side * _FINE
    layer = Image.new("RGBA", (fine, fine))
    pen = ImageDraw.Draw(layer)
    points = [(fine * (1 + valence) / 2, fine * (1 - arousal) / 2) for valence, arousal in reading.trail]
    _draw_spread(pen, points[-1], reading.spread, fine)
    for place, (start, end) in enumerate(pairwise(points)):
        alpha = round(40 + 180 * (place + 1) / len(points))
        pen.line([start, end], fill=(255, 255, 255, alpha), width=round(max(1.2, 0.14 * text) * _FINE))
    x, y = points[-1]
    for radius, colour in ((0.62 * text, "white"), (0.46 * text, reading.colour)):
        reach = radius * _FINE
        pen.ellipse([x - reach, y - reach, x + reach, y + reach], fill=colour)
    image = _axes(side, text).copy()
    image.alpha_composite(layer.resize((side, side), Image.Resampling.BOX))
    return image


def _draw_spread(pen: ImageDraw.ImageDraw, middle: tuple[float, float], spread: Affect | None, fine: int) -> None:
    """Draw the ellipse of one standard deviation."""
    if spread is None:
        return
    wide, high = (min(1.0, deviation) * fine / 2 for deviation in spread)
    x, y = middle
    pen.ellipse([x - wide, y - high, x + wide, y + high], fill=(255, 255, 255, 55))


def _draw_bars(image: Image.Image, reading: Reading, place: tuple[int, int], text: int) -> None:
    """Draw a bar for each unit, then for each word; words have no threshold."""
    left, top = place
    start = left + round(reading.label * text)
    for row, (unit, chance) in enumerate(reading.units.items()):
        least = reading.visible_from.get(unit, EVEN)
        seen = chance >= least
        words = f"{unit_number(unit)} {UNIT_NAMES[unit]}" if reading.named else f"AU {unit_number(unit)}"
        middle = top + round((row + 0.5) * _ROW * text)
        _draw_bar(image, (left, start, middle), chance, words, seen, text, _SHOWN)
        pen, (upper, thick) = ImageDraw.Draw(image), _bar(middle, text)
        mark = start + round(least * round(_BARS * text))
        pen.line([(mark, upper - 1), (mark, upper + thick)], fill=(255, 255, 255, 130))
    for row, (word, chance) in enumerate(reading.words.items(), start=len(reading.units)):
        middle = top + round((row + 0.5) * _ROW * text)
        _draw_bar(image, (left, start, middle), chance, _cut(word), True, text, _WORD)


def _bar(middle: int, text: int) -> tuple[int, int]:
    """Return upper edge and thickness of a bar, pixels."""
    thick = max(3, round(0.62 * text))
    return middle - thick // 2, thick


def _draw_bar(
    image: Image.Image,
    place: tuple[int, int, int],
    chance: float,
    words: str,
    seen: bool,
    text: int,
    colour: tuple[int, int, int, int],
) -> None:
    """Draw a bar with what stands before it; `place` is where the words and the bar begin, and its middle."""
    left, start, middle = place
    pen, (top, thick), length = ImageDraw.Draw(image), _bar(middle, text), round(_BARS * text)
    label = _words(words, text, _INK if seen else _DIM)
    image.alpha_composite(label, (left, middle - label.height // 2))
    pen.rectangle([start, top, start + length - 1, top + thick - 1], fill=(60, 64, 72, 255))
    if (long := round(chance * length)) > 0:
        pen.rectangle([start, top, start + long - 1, top + thick - 1], fill=colour if seen else _HIDDEN)


def _cut(word: str) -> str:
    """Return a word that fits before a bar."""
    while width_of(word) + _GAP > _NAMES:
        word = word.removesuffix("…")[:-1] + "…"
    return word


@lru_cache(maxsize=128)
def _words(words: str, size: int, ink: tuple[int, int, int, int]) -> Image.Image:
    """Return a line of text, drawn larger and shrunk, so that small letters keep their distances."""
    large = font(size * _FINE)
    wide, high = round(large.getlength(words) / _FINE) + 2, round(1.3 * size)
    image = Image.new("RGBA", (wide * _FINE, high * _FINE), (*ink[:3], 0))
    ImageDraw.Draw(image).text((0, high * _FINE / 2), words, font=large, fill=ink, anchor="lm")
    return image.resize((wide, high), Image.Resampling.BOX)
