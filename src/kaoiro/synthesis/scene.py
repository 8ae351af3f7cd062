"""Several people in one picture: films that share a background, a camera and a light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kaoiro.core.checks import require
from kaoiro.synthesis.difficulty import Difficulty
from kaoiro.synthesis.film import Film, scene_window
from kaoiro.synthesis.person import Person
from kaoiro.synthesis.script import Script
from kaoiro.synthesis.sensor import over
from kaoiro.synthesis.world import FaceWorld


class Scene:
    """People side by side.

    Args:
        world: that draws.
        actors: who does what where (cm right of the middle); the first one's camera and background count, and the
            first one's light falls on all.
        difficulty: the numbers that the scripts were written by.
        size: (width, height), pixels.
        face: height of a face as a share of the picture's.
    """

    def __init__(
        self,
        world: FaceWorld,
        actors: Sequence[tuple[Person, Script, float]],
        difficulty: Difficulty,
        size: tuple[int, int],
        face: float = 0.42,
    ) -> None:
        require(len(actors) > 0, "a scene", "of one person or more", len(actors))
        window, first = scene_window(size, face), actors[0][1]
        self._films = [
            Film(world, replace(script, light_seed=first.light_seed), person, difficulty, size, window, (x, 0.0))
            for person, script, x in actors
        ]

    def __len__(self) -> int:
        return min(len(film) for film in self._films)

    @property
    def times(self) -> np.ndarray:
        """(T,) seconds."""
        return self._films[0].script.time_s[: len(self)]

    def frame(self, index: int) -> np.ndarray:
        """Draw a frame: (H, W, 3) uint8; whoever is nearer to the camera hides the others."""
        scene = self._films[0].behind(index)
        for film in sorted(self._films, key=lambda one: one.pose(index).z):
            scene = over(film.picture(index).pixels, scene)
        return self._films[0].seen(index, scene)
