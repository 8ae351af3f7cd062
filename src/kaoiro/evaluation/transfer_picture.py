"""Learning curves of system E1 as a picture: one panel for each target, accuracy by faces of each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageDraw, ImageFont

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _FINE = 330, 250, 44, 34, 40, 2
_INK, _GRID, _COLOURS = "#222222", "#dddddd", {"T2": "#d62728", "T1": "#1f77b4"}
_LEVELS = {"T4": "#2ca02c", "majority": "#999999"}
_WORDS = {
    "T2": "cascade (T2)",
    "T1": "without FER2013 (T1)",
    "T4": "combined, all faces (T4)",
    "majority": "most frequent label",
}
Level = Mapping[str, Any]


def picture(targets: Mapping[str, Mapping[str, Any]]) -> Image.Image | None:
    """Draw the learning curves of all targets beside each other; None where none was measured.

    Args:
        targets: by name, as `transfer_figures` has them.
    """
    known = {name: one for name, one in targets.items() if one["curves"]}
    if not known:
        return None
    row = 4 if len(known) > 1 else 2  # names side by side
    size = (len(known) * _WIDTH * _FINE, (_HEIGHT + 18 * len(_WORDS) // row + 6) * _FINE)
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for place, (name, one) in enumerate(known.items()):
        _panel(pen, place * _WIDTH, name, one)
    for place, (name, words) in enumerate(_WORDS.items()):
        x = _LEFT + place % row * (len(known) * _WIDTH - _LEFT) / row
        y = _HEIGHT + 3 + 18 * (place // row)
        colour = (_COLOURS | _LEVELS)[name]
        pen.rectangle([c * _FINE for c in (x, y + 6, x + 14, y + 9)], fill=colour)
        _text(pen, (x + 18, y), words, 10)
    return image.resize((image.width // _FINE, image.height // _FINE), Image.Resampling.BOX)


def _panel(pen: ImageDraw.ImageDraw, left: float, name: str, one: Mapping[str, Any]) -> None:
    _text(pen, (left + _LEFT, 10), name, 13)
    counts = sorted({int(count) for curve in one["curves"].values() for count in curve})
    step = (_WIDTH - _LEFT - 40) / max(1, len(counts) - 1)
    places = {count: left + _LEFT + 14 + place * step for place, count in enumerate(counts)}
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        _across(pen, left, _down(share), _GRID, 1)
        _text(pen, (left + 8, _down(share) - 6), f"{share:.0%}", 9)
    for count, x in places.items():
        _text(pen, (x - 4 * len(str(count)) / 1.5, _HEIGHT - _BOTTOM + 4), str(count), 9)
    _text(pen, (left + _LEFT, _HEIGHT - _BOTTOM + 18), "faces of each class to learn from", 9)
    _across(pen, left, _down(one["majority"]["accuracy"]), _LEVELS["majority"], 2)
    combined = one["conditions"].get("T4")
    if combined is not None:
        _across(pen, left, _down(combined["accuracy"]["found"]), _LEVELS["T4"], 2)
    for curve, colour in _COLOURS.items():
        levels = one["curves"].get(curve, {})
        _curve(pen, {places[int(count)]: level for count, level in levels.items()}, colour)


def _curve(pen: ImageDraw.ImageDraw, levels: Mapping[float, Level], colour: str) -> None:
    points = [(x * _FINE, _down(level["found"]) * _FINE) for x, level in sorted(levels.items())]
    if len(points) > 1:
        pen.line(points, fill=colour, width=2 * _FINE)
    for x, level in levels.items():
        low, high = level["interval"] or (level["found"], level["found"])
        pen.line([c * _FINE for c in (x, _down(low), x, _down(high))], fill=colour, width=_FINE)
    for x, y in points:
        pen.ellipse([x - 3 * _FINE, y - 3 * _FINE, x + 3 * _FINE, y + 3 * _FINE], fill=colour)


def _across(pen: ImageDraw.ImageDraw, left: float, down: float, colour: str, width: int) -> None:
    pen.line([c * _FINE for c in (left + _LEFT, down, left + _WIDTH - 12, down)], fill=colour, width=width)


def _down(share: float) -> float:
    return _TOP + (1 - share) * (_HEIGHT - _TOP - _BOTTOM)


def _text(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int) -> None:
    pen.text((place[0] * _FINE, place[1] * _FINE), text, font=ImageFont.load_default(size * _FINE), fill=_INK)
