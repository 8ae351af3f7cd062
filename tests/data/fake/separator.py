"""Drawn faces whose codes can be read off the picture, methods that separate them well and badly, and a judge.

A picture of 32 pixels holds three cells that are the person and eight that are the action units of multi-task networks;
the level of a cell is its value. What a method should answer can therefore be computed by hand.
"""

from __future__ import annotations

import numpy as np

from kaoiro.core.codes import Codes
from kaoiro.core.faces import Faces
from kaoiro.core.labels import ACTION_UNITS, EXPRESSION, FER2013, MULTITASK_UNITS, UNITS_HEAD

SIDE, PERSON, UNITS = 32, 3, len(MULTITASK_UNITS)
_WIDE = 8  # pixels of a cell, four in a row
SHOWN = {
    "anger": (4,),
    "disgust": (15, 25),
    "fear": (1, 2, 20, 25),
    "happiness": (6, 12),
    "sadness": (1, 4, 15),
    "surprise": (1, 2, 25),
    "neutral": (),
}


def units_of(expression: str) -> np.ndarray:
    """Return the intensities (8,) that an expression shows."""
    numbers = [int(name[3:]) for name in MULTITASK_UNITS.labels]
    return np.isin(numbers, SHOWN[expression]).astype(float)


def draw(values: np.ndarray) -> np.ndarray:
    """Draw cells (N, 11), 0-1: (N, 32, 32, 3) uint8."""
    cells = np.zeros((len(values), 16))
    cells[:, : values.shape[1]] = values
    grid = cells.reshape(-1, 4, 4).repeat(_WIDE, 1).repeat(_WIDE, 2)
    return (255 * grid.clip(0, 1)).round().astype(np.uint8)[..., None].repeat(3, axis=3)


def read(pixels: np.ndarray) -> np.ndarray:
    """Return the cells (N, 11) of pictures."""
    middle = pixels[:, _WIDE // 2 :: _WIDE, _WIDE // 2 :: _WIDE, 0].reshape(len(pixels), 16)
    return middle[:, : PERSON + UNITS] / 255


def people(count: int, seed: int = 0) -> np.ndarray:
    """Return the cells of persons (count, 3), in whole levels."""
    return np.random.default_rng(seed).integers(26, 230, (count, PERSON)) / 255


def swap_faces(count: int = 6, seed: int = 0) -> Faces:
    """Return every person with every expression at full intensity, as syn-swap does."""
    shown = np.stack([units_of(name) for name in FER2013.labels])
    values = np.concatenate([people(count, seed).repeat(7, axis=0), np.tile(shown, (count, 1))], axis=1)
    return _faces(values, np.tile(np.arange(7), count), np.arange(count).repeat(7), np.tile(np.arange(7), count))


def faces(count: int = 12, each: int = 2, seed: int = 0) -> Faces:
    """Return seven clips of every person with some frames near their middle, as the evaluation frames of syn-id."""
    rng = np.random.default_rng(seed)
    person, rest = np.divmod(np.arange(count * 7 * each), 7 * each)
    expression = rest // each
    shown = np.stack([units_of(name) for name in FER2013.labels])[expression]
    values = np.concatenate([people(count, seed)[person], shown * rng.uniform(0.8, 1, (len(person), 1))], axis=1)
    return _faces(values, expression, person, expression)


def _faces(values: np.ndarray, expression: np.ndarray, person: np.ndarray, clip: np.ndarray) -> Faces:
    names = np.array([f"id-{k:03d}" for k in person])
    units = np.zeros((len(values), len(ACTION_UNITS)), np.float32)
    units[:, [ACTION_UNITS.index(name) for name in MULTITASK_UNITS.labels]] = values[:, PERSON:]
    clips = np.array([f"{name}/clip-{k}" for name, k in zip(names, clip, strict=True)])
    targets = {EXPRESSION: np.eye(7, dtype=np.float32)[expression], UNITS_HEAD: units}
    return Faces(draw(values), targets, {EXPRESSION: expression.astype(np.int64)}, names, clips)


class Perfect:
    """The person in one code, the expression in the other."""

    side = SIDE

    def encode(self, pixels: np.ndarray) -> Codes:
        cells = read(pixels).astype(np.float32)
        return Codes(cells[:, :PERSON], cells[:, PERSON:])

    def decode(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        return draw(np.concatenate([identity, expression], axis=1))


class Leaky(Perfect):
    """The person is in the expression code, too, and swaps show the person who lent the expression."""

    def encode(self, pixels: np.ndarray) -> Codes:
        cells = read(pixels).astype(np.float32)
        return Codes(cells[:, :PERSON], np.concatenate([3 * cells[:, :PERSON], cells[:, PERSON:]], axis=1))

    def decode(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        return draw(np.concatenate([expression[:, :PERSON] / 3, expression[:, PERSON:]], axis=1))


class Collapsed(Perfect):
    """Codes say nothing; every face is the same."""

    def encode(self, pixels: np.ndarray) -> Codes:
        noise = 1e-3 * np.random.default_rng(len(pixels)).normal(size=(len(pixels), 11)).astype(np.float32)
        return Codes(noise[:, :PERSON], noise[:, PERSON:])

    def decode(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        return draw(np.full((len(expression), PERSON + UNITS), 0.5))


class Copying(Perfect):
    """The identity code is the whole picture; the expression code is right, and ignored."""

    def encode(self, pixels: np.ndarray) -> Codes:
        cells = read(pixels).astype(np.float32)
        return Codes(cells, cells[:, PERSON:])

    def decode(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        return draw(identity)


class OneCode(Perfect):
    """A plain autoencoder: everything in one code."""

    def encode(self, pixels: np.ndarray) -> Codes:
        cells = read(pixels).astype(np.float32)
        return Codes(cells[:, :0], cells)

    def decode(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        return draw(expression)


class Judge:
    """Reads units off their cells; landmarks are moved by persons and units by known lengths."""

    def landmarks(self, pixels: np.ndarray) -> np.ndarray:
        return marks(read(pixels))

    def units(self, pixels: np.ndarray) -> np.ndarray:
        return read(pixels)[:, PERSON:]


def marks(cells: np.ndarray) -> np.ndarray:
    """Return landmarks (N, 68, 2): the k-th one is moved by the person across and by a unit down."""
    at = np.arange(68)
    angle = at / 68 * 2 * np.pi
    result = np.stack([0.6 * np.cos(angle), 0.6 * np.sin(angle)], axis=1)[None].repeat(len(cells), axis=0)
    steady = {36: (-0.5, -0.2), 39: (-0.2, -0.2), 42: (0.2, -0.2), 45: (0.5, -0.2), 27: (0.0, -0.2), 33: (0.0, 0.3)}
    for row, place in steady.items():
        result[:, row] = place
    result[:, :, 0] += 0.2 * cells[:, at % PERSON]
    result[:, :, 1] += 0.1 * cells[:, PERSON + at % UNITS]
    return result
