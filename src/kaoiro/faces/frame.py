"""One decoded frame of a video: upright, with square pixels, converted when asked for."""

from __future__ import annotations

import math
import struct
import threading
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

WIDEST = 4
"""Pixels more than this many times as wide as high, or as high as wide, are taken for a damaged header."""


class Pose(NamedTuple):
    """How a stored picture becomes upright: mirrored first, then turned.

    Attributes:
        turns: quarter turns counter-clockwise.
        mirrored: whether left and right of the stored picture are exchanged.
    """

    turns: int = 0
    mirrored: bool = False


def pose_of(picture: Any) -> Pose:
    """Return how a decoded picture becomes upright, as its display matrix says."""
    from av.sidedata.sidedata import Type

    data = picture.side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return Pose()
    a, b, _, c, d = struct.unpack_from("=5i", bytes(data))
    mirrored = a * d - b * c < 0
    degrees = math.degrees(math.atan2(-b, -a) if mirrored else math.atan2(b, a))
    return Pose(round(-degrees / 90) % 4, mirrored)


@dataclass(frozen=True)
class Shape:
    """The shape that a stream gives its pictures beyond their stored size.

    Attributes:
        aspect: width of a stored pixel over its height.
    """

    aspect: Fraction = Fraction(1)

    @classmethod
    def of(cls, stream: Any) -> Shape:
        """Return the shape of a stream's pictures; implausible ones count as square."""
        aspect = stream.sample_aspect_ratio
        return cls(Fraction(aspect)) if aspect and Fraction(1, WIDEST) <= aspect <= WIDEST else cls()

    def size(self, width: int, height: int, pose: Pose) -> tuple[int, int]:
        """Return (width, height) of the upright picture with square pixels."""
        wide = max(1, round(width * self.aspect))
        return (height, wide) if pose.turns % 2 else (wide, height)


class Converters:
    """One libswscale context for each size and format, kept over the frames of a video.

    Setting a context up costs ten times as much as using it.
    """

    def __init__(self) -> None:
        self._contexts: dict[tuple[int, int, str], Any] = {}
        self._lock = threading.Lock()

    def convert(self, picture: Any, width: int, height: int, kind: str) -> np.ndarray:
        """Return a picture of this size in an FFmpeg pixel format."""
        from av.video.reformatter import VideoReformatter

        with self._lock:
            context = self._contexts.setdefault((width, height, kind), VideoReformatter())
            done = context.reformat(picture, width=width, height=height, format=kind, interpolation="AREA")
            return done.to_ndarray()


class Frame:
    """One decoded frame; pixels are converted only when asked for.

    Attributes:
        index: number of the decoded frame, from 0.
        time_s: presentation time, seconds.
    """

    def __init__(self, picture: Any, index: int, time_s: float, shape: Shape, converters: Converters) -> None:
        self._picture, self._shape, self._converters = picture, shape, converters
        self._pose = pose_of(picture)
        self.index, self.time_s = index, time_s

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the upright picture with square pixels."""
        return self._shape.size(self._picture.width, self._picture.height, self._pose)

    def rgb(self, size: tuple[int, int] | None = None) -> np.ndarray:
        """Return upright RGB (H, W, 3) uint8, scaled to (width, height) if given."""
        return self._converted("rgb24", size)

    def luma(self) -> np.ndarray:
        """Return upright full-range luma (H, W) uint8."""
        return self._converted("gray", None)

    def _converted(self, kind: str, size: tuple[int, int] | None) -> np.ndarray:
        width, height = size or self.size
        if self._pose.turns % 2:
            width, height = height, width
        pixels = self._converters.convert(self._picture, width, height, kind)
        if self._pose.mirrored:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(np.rot90(pixels, self._pose.turns))
