"""The FACS world: persons, action units, pose, light and camera to a picture and the truth about it."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kaoiro.core.checks import require
from kaoiro.core.errors import InputError
from kaoiro.core.labels import ACTION_UNITS
from kaoiro.core.types import Box
from kaoiro.synthesis import assets as files
from kaoiro.synthesis import raster
from kaoiro.synthesis.action_units import blend_weights
from kaoiro.synthesis.assets import Assets
from kaoiro.synthesis.head import Head
from kaoiro.synthesis.light import Light
from kaoiro.synthesis.person import Looks, Person, draw_person
from kaoiro.synthesis.seeds import stream
from kaoiro.synthesis.sensor import encode_srgb, over
from kaoiro.synthesis.sitter import Sitter
from kaoiro.synthesis.wrinkles import Creases

DISTANCE = 90.0
"""cm from the camera to the head's centre."""
PIVOT = np.array([0.0, -2.0, 1.0])
"""About which heads turn, cm."""
LOOK_DEGREES = 30.0
"""Gaze at which the lids follow with weight 1 of the eyeLook shapes; the eyeballs turn by the angle itself."""
CROP_SIDE, CROP_RISE = 1.15, 0.03
"""Side of the crop in square roots of the box's area, and how far its centre lies above the box's, in sides: eyes and
mouth then come to lie about where they lie in FER2013."""
_LIDS = ("eyeWide", "eyeSquint")
_FOREHEAD = np.array([[0.0, 9.4, 9.3]], np.float32)
_CLOSED, _OPEN = 0.1, 0.5  # gaps of the lips, cm: nothing within is lit; all of it is
_KEPT = 6  # persons made ready
_OVER = 2  # subpixels a side of a pixel


@dataclass(frozen=True)
class Pose:
    """Where a head is.

    Attributes:
        yaw: degrees, positive to the right of the picture.
        pitch: degrees, positive upwards.
        roll: degrees, positive clockwise as seen.
        x, y, z: cm right, up and towards the camera.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            require(math.isfinite(getattr(self, name)), f"a pose's {name}", "finite", getattr(self, name))
        require(self.z < 0.6 * DISTANCE, "a pose's z", f"below {0.6 * DISTANCE:g} cm, before the camera", self.z)

    def turn(self) -> np.ndarray:
        """Return the rotation of the head: (3, 3), applied roll after pitch after yaw."""
        y, p, r = (math.radians(v) for v in (self.yaw, -self.pitch, -self.roll))
        yaw = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
        pitch = np.array([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
        roll = np.array([[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]])
        return roll @ pitch @ yaw


@dataclass(frozen=True)
class Window:
    """The part of the picture plane that is drawn, in cm at the head's distance; y runs down.

    Attributes:
        left, top: of the window's corner.
        width: of the window; its height follows from the picture's sides.
    """

    left: float
    top: float
    width: float


@dataclass(frozen=True, eq=False)
class State:
    """What a face does in one frame.

    Attributes:
        units: (2, 20) intensities of `ACTION_UNITS`, subject's left and right side, 0-1.
        gaze: degrees (right of the picture, up).
        shapes: further blendshapes and their weights, such as those of speech.
    """

    units: np.ndarray
    gaze: tuple[float, float] = (0.0, 0.0)
    shapes: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        units = np.asarray(self.units)
        if units.shape != (2, 20) or not ((units >= 0) & (units <= 1)).all():
            raise InputError("a face's action units must be (2, 20) intensities of 0-1")


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn face and the truth about it.

    Attributes:
        pixels: (H, W, 4) float32 linear RGB, premultiplied, and coverage 0-1.
        landmarks: (68, 2) float32 Multi-PIE points, pixels.
        visible: (68,) bool: within the picture and not hidden.
        points: (5, 2) float32 in the order of `kaoiro.core.types.LANDMARKS`.
        box: of the face, pixels: jaw to jaw, hairline to chin.
    """

    pixels: np.ndarray
    landmarks: np.ndarray
    visible: np.ndarray
    points: np.ndarray
    box: Box

    def rgb(self, background: float = 0.22) -> np.ndarray:
        """Return the picture before a plain background (linear light, 0-1): (H, W, 3) uint8 sRGB."""
        return np.rint(encode_srgb(over(self.pixels, np.full((1, 1, 3), background, np.float32)))).astype(np.uint8)


class FaceWorld:
    """Draws people.

    Args:
        assets: of the morphable model, or where they lie; None takes the variable KAOIRO_ICT_FACE.

    Raises:
        DataError: the assets are missing or damaged.
    """

    def __init__(self, assets: Assets | str | Path | None = None) -> None:
        self.assets = assets if isinstance(assets, Assets) else files.load(assets)
        self.head = Head(self.assets)
        self._creases = Creases(self.head)
        self._names = list(self.assets.expression_names)
        self._sitters: OrderedDict[tuple[str, Looks, bytes], Sitter] = OrderedDict()
        self._lock = threading.Lock()

    def person(self, subject: str, seed: int = 0) -> Person:
        """Draw the person of this name and seed: always the same one."""
        return draw_person(subject, stream(seed, subject, "person"))

    def render(
        self,
        person: Person,
        state: State,
        pose: Pose | None = None,
        light: Light | None = None,
        size: int | tuple[int, int] = 96,
        window: Window | None = None,
    ) -> Picture:
        """Draw a face.

        Args:
            person: who.
            state: action units, gaze, further shapes.
            pose: of the head.
            light: what shines on it.
            size: side, or (width, height), pixels.
            window: what is drawn; default: `crop` of the pose.

        Raises:
            InputError: an impossible size.
        """
        width, height = (size, size) if isinstance(size, int) else size
        require(min(width, height) >= 16 and max(width, height) <= 4096, "size", "16 to 4096 pixels", size)
        pose, light = pose or Pose(), light or Light()
        sitter = self._sitter(person)
        turn, shift = pose.turn(), np.array([pose.x, pose.y, pose.z])
        points = sitter.vertices(self._weights(state, sitter), state.gaze)
        plane = raster.project(points, turn, PIVOT, shift, sitter.still, DISTANCE)
        forehead = raster.project(_FOREHEAD.copy(), turn, PIVOT, shift, 0, DISTANCE)
        box = _box(plane[self.assets.landmarks], forehead)
        window = window or self.crop(person, pose)
        scale = width / window.width
        screen = plane.copy()
        screen[:, :2] = (plane[:, :2] - (window.left, window.top)) * scale * _OVER
        pixels, depth = self._drawn(sitter, state, points, screen, turn, light, (width, height))
        marks = screen[self.assets.landmarks]
        return Picture(
            pixels=pixels,
            landmarks=(marks[:, :2] / _OVER).astype(np.float32),
            visible=_visible(marks, depth),
            points=_five(marks[:, :2] / _OVER),
            box=_scaled(box, window, scale),
        )

    def crop(self, person: Person, pose: Pose, jitter: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Window:
        """Return a square about a face as a detector would cut it, placed by the face at rest in a pose.

        The expression has no say in it: else a dropped jaw would move the eyes in the picture.

        Args:
            person: whose face.
            pose: of the head.
            jitter: error of the cut: shift right and down in shares of its side, logarithm of the relative size.
        """
        at_rest = self._sitter(person).neutral[self.assets.landmarks]
        points = np.concatenate([at_rest, _FOREHEAD]).astype(np.float32)
        plane = raster.project(points, pose.turn(), PIVOT, np.array([pose.x, pose.y, pose.z]), 0, DISTANCE)
        return _crop(_box(plane[:-1], plane[-1:]), jitter)

    def _sitter(self, person: Person) -> Sitter:
        key = person.subject, person.looks, person.shape.tobytes()
        with self._lock:
            ready = self._sitters.get(key)
        ready = ready or Sitter(self.head, person)  # outside the lock: others go on drawing meanwhile
        with self._lock:
            self._sitters[key] = ready
            self._sitters.move_to_end(key)
            while len(self._sitters) > _KEPT:
                self._sitters.popitem(last=False)
        return ready

    def _weights(self, state: State, sitter: Sitter) -> np.ndarray:
        """Return the weight of every blendshape: (57,) float32."""
        units = np.asarray(state.units, np.float32)
        weights = blend_weights(units, self._names)
        for side, shut in zip("LR", units[:, ACTION_UNITS.index("au_43")], strict=True):
            for name in _LIDS:  # a closed eye is closed, however wide it was opened or pressed before
                weights[self._names.index(f"{name}_{side}")] *= 1 - shut
        for name, weight in (*_looking(state.gaze), *state.shapes.items()):
            if name not in self._names:
                raise InputError(f"no blendshape '{name}'; there are: {', '.join(self._names)}")
            place = self._names.index(name)
            weights[place] = min(1.0, weights[place] + max(0.0, weight))
        for name, closed in zip(("eyeBlink_L", "eyeBlink_R"), sitter.blink, strict=True):
            weights[self._names.index(name)] *= closed
        return weights.astype(np.float32)

    def _drawn(
        self,
        sitter: Sitter,
        state: State,
        points: np.ndarray,
        screen: np.ndarray,
        turn: np.ndarray,
        light: Light,
        size: tuple[int, int],
    ) -> tuple[np.ndarray, np.ndarray]:
        wide, high = size[0] * _OVER, size[1] * _OVER
        surface = sitter.surface
        normal = np.empty_like(points)
        raster.normals(points, surface.triangles, sitter.welded, normal)
        depth, nearest = np.zeros((high, wide), np.float32), np.full((high, wide), raster.NOTHING, np.int32)
        raster.draw(screen, surface.triangles, surface.double, depth, nearest)
        fine = np.empty((high, wide, 4), np.float32)
        raster.shade(
            nearest,
            screen,
            surface.triangles,
            surface.kinds,
            surface.uv,
            normal,
            sitter.rest,
            sitter.occlusion,
            sitter.colours,
            sitter.skin,
            self._creases.field(state.units, sitter.person.looks.creasing),
            turn,
            light.coefficients(),
            light.highlight,
            np.append(sitter.numbers, _mouth_light(points[self.assets.landmarks], turn)),
            sitter.eyes,
            fine,
        )
        pixels = np.empty((size[1], size[0], 4), np.float32)
        raster.resolve(fine, _OVER, pixels)
        return pixels, depth


def _mouth_light(marks: np.ndarray, turn: np.ndarray) -> float:
    """Return the share of light that enters the mouth: (68, 3) cm; between closed lips it is dark."""
    gap = (marks[[61, 62, 63]] - marks[[67, 66, 65]]) @ turn[:, 1]
    return float(np.clip((gap.mean() - _CLOSED) / _OPEN, 0.0, 1.0))


def _box(marks: np.ndarray, forehead: np.ndarray) -> Box:
    outline = np.concatenate([marks[:17, :2], forehead[:, :2]])
    left, top = outline.min(axis=0)
    right, bottom = outline.max(axis=0)
    return Box(float(left), float(top), float(right - left), float(bottom - top))


def _crop(box: Box, jitter: tuple[float, float, float]) -> Window:
    side = CROP_SIDE * math.sqrt(box.area)
    x = box.left + box.width / 2 + jitter[0] * side
    y = box.top + box.height / 2 - CROP_RISE * side + jitter[1] * side
    side *= math.exp(jitter[2])
    return Window(x - side / 2, y - side / 2, side)


def _scaled(box: Box, window: Window, scale: float) -> Box:
    left, top = (box.left - window.left) * scale, (box.top - window.top) * scale
    return Box(left, top, box.width * scale, box.height * scale)


def _five(marks: np.ndarray) -> np.ndarray:
    """Return eye centres, nose tip and mouth corners of the 68 points: (5, 2)."""
    left, right = marks[36:42].mean(axis=0), marks[42:48].mean(axis=0)
    return np.stack([left, right, marks[30], marks[48], marks[54]]).astype(np.float32)


def _visible(marks: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Whether landmarks lie in the picture and at most 1 cm behind what is seen there."""
    high, wide = depth.shape
    x, y = np.floor(marks[:, 0]).astype(int), np.floor(marks[:, 1]).astype(int)
    within = (x >= 0) & (y >= 0) & (x < wide) & (y < high)
    front = depth[np.clip(y, 0, high - 1), np.clip(x, 0, wide - 1)]
    return within & (1 / marks[:, 2] < 1 / np.maximum(front, 1e-6) + 1.0)


def _looking(gaze: tuple[float, float]) -> list[tuple[str, float]]:
    """Return the eyeLook shapes of a gaze; the subject's left eye lies to the right of the picture."""
    right, up = gaze[0] / LOOK_DEGREES, gaze[1] / LOOK_DEGREES
    return [
        ("eyeLookOut_L", right),
        ("eyeLookIn_R", right),
        ("eyeLookIn_L", -right),
        ("eyeLookOut_R", -right),
        ("eyeLookUp_L", up),
        ("eyeLookUp_R", up),
        ("eyeLookDown_L", -up),
        ("eyeLookDown_R", -up),
    ]
