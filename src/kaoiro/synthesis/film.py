"""From a script to frames: every picture with the truth that its row of the manifest tells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kaoiro.core.labels import ACTION_UNITS
from kaoiro.core.types import LANDMARKS
from kaoiro.synthesis.action_units import scored, stretched
from kaoiro.synthesis.difficulty import Difficulty
from kaoiro.synthesis.light import Light, draw_light
from kaoiro.synthesis.person import Person
from kaoiro.synthesis.script import Script
from kaoiro.synthesis.seeds import stream
from kaoiro.synthesis.sensor import Sensor, backdrop, capture, over
from kaoiro.synthesis.world import DISTANCE, FaceWorld, Picture, Pose, State, Window

FACE_CM = 16.0
"""What shifts in shares of the face box refer to."""
CROP_CM = 18.4
"""Side of a crop about a face, on average; blur is stated for a crop of 96 pixels."""
_EDGE = 0.15  # share by which the background is larger than the picture, for it to move


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame.

    Attributes:
        pixels: (H, W, 3) uint8 sRGB, before compression.
        picture: landmarks, visibility, box.
    """

    pixels: np.ndarray
    picture: Picture


class Film:
    """A clip to be drawn.

    Args:
        world: that draws.
        script: what is shown.
        person: who shows it.
        difficulty: the numbers that the script was written by.
        size: side of a crop about the face, or (width, height) of a scene, pixels.
        window: of a scene; None cuts the face out as a detector would, with its jitter.
        place: where the person is, cm right and up of the middle.
    """

    def __init__(
        self,
        world: FaceWorld,
        script: Script,
        person: Person,
        difficulty: Difficulty,
        size: int | tuple[int, int] = 96,
        window: Window | None = None,
        place: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.script, self._place = script, place
        self._world, self._person, self._window = world, person, window
        self._size = size
        self._level, self._lag = difficulty.level(script.level), difficulty.timing.aim_seconds

    def __len__(self) -> int:
        return len(self.script.time_s)

    @cached_property
    def _lighting(self) -> tuple[Light, float, float]:
        """The light, its contrast and its strength."""
        rng = stream(self.script.light_seed, "light")
        contrast, strength = rng.uniform(*self._level.light_contrast), rng.uniform(*self._level.light_strength)
        tinted = rng.uniform() < self._level.cast_probability
        cast = rng.uniform(*self._level.cast_strength) if tinted else 0.0
        return draw_light(rng, float(contrast), float(cast)), float(contrast), float(strength)

    @cached_property
    def _backdrop(self) -> np.ndarray:
        width, height = self._sides
        larger = round(width * (1 + 2 * _EDGE)), round(height * (1 + 2 * _EDGE))
        return backdrop(stream(self.script.background_seed, "background"), larger)

    @property
    def _sides(self) -> tuple[int, int]:
        return (self._size, self._size) if isinstance(self._size, int) else self._size

    def shot(self, index: int) -> Shot:
        """Draw a frame by its number."""
        picture = self.picture(index)
        return Shot(self.seen(index, over(picture.pixels, self.behind(index))), picture)

    def seen(self, index: int, scene: np.ndarray) -> np.ndarray:
        """Return what the clip's camera makes of a scene: (H, W, 3) linear light -> uint8."""
        script, strength = self.script, self._lighting[2]
        crop = self._sides[0] if self._window is None else self._sides[0] * CROP_CM / self._window.width
        sensor = Sensor(float(script.exposure[index]) * strength, script.blur * crop / 96, script.noise, script.jpeg)
        return capture(scene, sensor, stream(script.noise_seed, "noise", str(index)))

    def picture(self, index: int) -> Picture:
        """Draw a frame without background and camera."""
        script = self.script
        state = State(script.units[index], _pair(script.gaze[index]), self._shapes(index))
        window = self._window or self._world.crop(self._person, self.pose(self._recent(index)), self._jitter(index))
        return self._world.render(self._person, state, self.pose(index), self._lighting[0], self._size, window)

    def _shapes(self, index: int) -> dict[str, float]:
        return {name: float(values[index]) for name, values in self.script.shapes.items()}

    def _jitter(self, index: int) -> tuple[float, float, float]:
        right, down, size = (float(value) for value in self.script.box_jitter[index])
        return right, down, size

    def _recent(self, index: int) -> slice:
        """Return the frames over which a tracker averages the head's place: its crops lag behind."""
        since = np.searchsorted(self.script.time_s, self.script.time_s[index] - self._lag - 1e-9)
        return slice(int(since), index + 1)

    def pose(self, index: int | slice) -> Pose:
        """Return where the head is in a frame, or its mean over several frames."""
        script = self.script

        def mean(values: np.ndarray) -> float:
            return float(np.mean(values[index], dtype=np.float64))

        x = mean(script.shift[:, 0]) * FACE_CM + self._place[0]
        y = self._place[1] - mean(script.shift[:, 1]) * FACE_CM
        near = DISTANCE * (1 - 1 / max(0.5, mean(script.zoom)))
        return Pose(mean(script.yaw), mean(script.pitch), mean(script.roll), x, y, near)

    def behind(self, index: int) -> np.ndarray:
        """Return the part of the background that a crop shows: it moves against the face's box."""
        width, height = self._sides
        moved = np.zeros(2)  # a scene's camera stands still
        if self._window is None:
            moved = self.script.box_jitter[index][:2] + self.script.shift[self._recent(index)].mean(axis=0)
        left, top = (
            round(side * (_EDGE + min(_EDGE, max(-_EDGE, float(m)))))
            for side, m in zip((width, height), moved, strict=True)
        )
        return self._backdrop[top : top + height, left : left + width]

    def row(self, index: int, picture: Picture) -> dict[str, object]:
        """Return the truth about a frame under the columns of the manifest."""
        script, (light, contrast, strength) = self.script, self._lighting
        sides = scored(script.units[index])
        units = sides.mean(axis=0)
        row: dict[str, object] = {
            "subject": script.subject,
            "clip": script.clip,
            "frame": index,
            "time_s": float(script.time_s[index]),
            "level": script.level,
            "clip_expression": script.expression,
            "expression": str(script.labels[index]),
            "intensity": float(script.intensity[index]),
            "valence": float(script.valence[index]),
            "arousal": float(script.arousal[index]),
        }
        row |= {name: float(value) for name, value in zip(ACTION_UNITS.labels, units, strict=True)}
        row |= {"au_27": stretched(self._shapes(index))}
        row |= {name: float(getattr(script, name)[index]) for name in ("yaw", "pitch", "roll")}
        row |= {"light_azimuth": light.lamps[0].azimuth, "light_elevation": light.lamps[0].elevation}
        row |= {"light_contrast": contrast, "exposure": strength * float(script.exposure[index])}
        row |= {f"box_{name}": getattr(picture.box, name) for name in ("left", "top", "width", "height")}
        for name, point in zip(LANDMARKS, picture.points, strict=True):
            row |= {f"{name}_x": float(point[0]), f"{name}_y": float(point[1])}
        row |= {f"units_{side}": sides[k].tolist() for k, side in enumerate(("left", "right"))}
        row |= {"landmarks": picture.landmarks.ravel().tolist(), "visible": picture.visible.tolist()}
        return row


def scene_window(size: tuple[int, int], face: float = 0.45) -> Window:
    """Return a window in which a face in the middle is `face` of the picture's height."""
    width, height = size
    high = FACE_CM * 1.15 / face
    wide = high * width / height
    return Window(-wide / 2, -high * 0.47, wide)


def _pair(values: np.ndarray) -> tuple[float, float]:
    first, second = float(values[0]), float(values[1])
    if not (math.isfinite(first) and math.isfinite(second)):
        raise ValueError(f"not finite: {first}, {second}")
    return first, second
