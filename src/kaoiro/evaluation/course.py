"""One clip before and after smoothing, as the source of the temporal attention shows it: a picture of curves.

Drawn with Pillow, as all figures of the package are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kaoiro.core.labels import FER2013
from kaoiro.evaluation.temporal import NEUTRAL, Known

SHOWN, LEVEL = "anger", "medium"
"""The expression of the source's figure, and the level of nuisance; the first such clip is taken, whatever it looks
like."""
_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP, _BOTTOM, _FINE = 900, 150, 60, 170, 40, 40, 2
_INK, _GRID, _TRUTH, _TARGET, _REST = "#222222", "#dddddd", "#bbbbbb", "#d62728", "#1f77b4"


def example(data: Known, answers: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the curves of one clip: the first that shows `SHOWN` at `LEVEL`, or the first of all.

    Args:
        data: clips with their truth.
        answers: by name, (F, 7) of all frames.

    Returns:
        clip, expression, level, and lists of one value for each frame: truth (intensity), and by name of the answer
        the probability of the expression and of 'neutral'.
    """
    wanted = [
        (name, part)
        for name, part in data.streams.each()
        if FER2013.labels[data.target[part.start]] == SHOWN and data.level[part.start] == LEVEL
    ]
    name, part = wanted[0] if wanted else next(data.streams.each())
    target = int(data.target[part.start])
    curves = {
        key: {"expression": answer[part, target].tolist(), "neutral": answer[part, NEUTRAL].tolist()}
        for key, answer in answers.items()
    }
    about = {"clip": name, "expression": FER2013.labels[target], "level": str(data.level[part.start])}
    return {**about, "truth": data.intensity[part].tolist(), "curves": curves}


def picture(one: Mapping[str, Any], rate: float) -> Image.Image:
    """Draw one panel for each answer: probability of the expression and of 'neutral' over the true intensity.

    Args:
        one: as `example` returns it.
        rate: frames a second.
    """
    panels, truth = list(one["curves"].items()), np.asarray(one["truth"], float)
    size = (_WIDTH * _FINE, (_TOP + len(panels) * _PANEL + _BOTTOM) * _FINE)
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    title = f"{one['clip']}: neutral, {one['expression']}, neutral; nuisance {one['level']}"
    _text(pen, (_LEFT, 12), title, 14)
    for number, (name, curves) in enumerate(panels):
        top = _TOP + number * _PANEL
        _axes(pen, top, name)
        _line(pen, truth, top, _TRUTH, 4)
        _line(pen, np.asarray(curves["neutral"], float), top, _REST, 1.5)
        _line(pen, np.asarray(curves["expression"], float), top, _TARGET, 2)
    bottom = _TOP + len(panels) * _PANEL
    for second in range(int((len(truth) - 1) / rate) + 1):
        across = _LEFT + second * rate / max(1, len(truth) - 1) * (_WIDTH - _LEFT - _RIGHT)
        _text(pen, (across - 6, bottom + 4), f"{second} s", 11)
    names = ((_TARGET, one["expression"]), (_REST, "neutral"), (_TRUTH, "true intensity"))
    for place, (colour, words) in enumerate(names):
        x = _LEFT + 150 * place
        pen.rectangle([c * _FINE for c in (x, bottom + 27, x + 18, bottom + 30)], fill=colour)
        _text(pen, (x + 24, bottom + 21), words, 11)
    return image.resize((image.width // _FINE, image.height // _FINE), Image.Resampling.BOX)


def _axes(pen: ImageDraw.ImageDraw, top: float, name: str) -> None:
    for share in (0.0, 0.5, 1.0):
        down = _down(share, top)
        pen.line([c * _FINE for c in (_LEFT, down, _WIDTH - _RIGHT, down)], fill=_GRID, width=_FINE)
        _text(pen, (_LEFT - 32, down - 7), f"{share:.1f}", 10)
    _text(pen, (_WIDTH - _RIGHT + 12, top + _PANEL / 2 - 14), name, 12)


def _down(value: float, top: float) -> float:
    return top + 12 + (1 - value) * (_PANEL - 24)


def _line(pen: ImageDraw.ImageDraw, values: np.ndarray, top: float, colour: str, width: float) -> None:
    """Join the values that are known; a frame without a face breaks the line."""
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(values) - 1)
    points = [(_LEFT + k * step, _down(value, top)) for k, value in enumerate(values)]
    known = np.isfinite(values)
    for k in np.flatnonzero(known[1:] & known[:-1]):
        ends = (*points[k], *points[k + 1])
        pen.line([c * _FINE for c in ends], fill=colour, width=round(width * _FINE))


def _text(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int) -> None:
    font = ImageFont.load_default(size * _FINE)
    pen.text((place[0] * _FINE, place[1] * _FINE), text, font=font, fill=_INK)
