"""The small renders that the project carries: a contact set, four short clips, and the clip of the demo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from kaoiro.core.encode import VideoWriter
from kaoiro.core.files import replacing, writing
from kaoiro.core.labels import FER2013
from kaoiro.core.parallel import in_order, processors
from kaoiro.synthesis import prototypes
from kaoiro.synthesis.difficulty import load
from kaoiro.synthesis.film import Film, scene_window
from kaoiro.synthesis.scene import Scene
from kaoiro.synthesis.script import blend_clip, expression_clip
from kaoiro.synthesis.sheets import portrait
from kaoiro.synthesis.world import FaceWorld

PEOPLE, SIDE = 12, 64
DEMO_SIZE = (640, 360)
CLIP_SIZE = (240, 180)
CLIPS = {
    "happiness-low": ("happiness", "low", False),
    "surprise-medium": ("surprise", "medium", False),
    "anger-high": ("anger", "high", False),
    "sadness-variable-rate": ("sadness", "medium", True),
}
"""Name -> expression, nuisance level, whether frame times are irregular."""


def write_all(world: FaceWorld, folder: Path, tick: Callable[[str], None] = lambda _: None) -> list[Path]:
    """Write contact/LABEL/PERSON.jpg, clips/NAME.mp4 and two-people.mp4; returns their paths.

    Raises:
        OutputError: the folder cannot be written.
    """
    paths = []
    for label in FER2013.labels:
        tick(label)
        paths += [
            _contact(world, folder / "contact" / label / f"{number:02d}.jpg", label, number) for number in range(PEOPLE)
        ]
    for name, (label, level, variable) in CLIPS.items():
        tick(name)
        script = expression_clip(name, name, label, level, (0.9, 0.9), 5, load(), variable_rate=variable)
        film = Film(world, script, world.person(name), load(), CLIP_SIZE, scene_window(CLIP_SIZE, 0.62))
        paths.append(
            _video(folder / "clips" / f"{name}.mp4", CLIP_SIZE, script.time_s, lambda k, f=film: f.shot(k).pixels)
        )
    tick("two-people")
    scene = demo(world)
    return [*paths, _video(folder / "two-people.mp4", DEMO_SIZE, scene.times, scene.frame)]


def demo(world: FaceWorld) -> Scene:
    """Return the demo's scene: one person is surprised, the other sad, and both end with a smile."""
    difficulty = load()
    scripts = [blend_clip("demo-left", "demo", "low", (0.9, 1.0), seed, difficulty) for seed in (35, 39)]
    people = [world.person(f"demo-{number}") for number in (2, 5)]
    return Scene(world, [(people[0], scripts[0], -16.0), (people[1], scripts[1], 16.0)], difficulty, DEMO_SIZE)


def _contact(world: FaceWorld, path: Path, label: str, number: int) -> Path:
    person = world.person(f"contact-{number:02d}")
    picture = portrait(world, person, prototypes.mean(label, "facs" if number % 2 else "probabilistic", 1.0), SIDE)
    with replacing(path) as partial, writing(path):
        Image.fromarray(picture).save(partial, "JPEG", quality=90)
    return path


def _video(path: Path, size: tuple[int, int], times: np.ndarray, draw: Callable[[int], np.ndarray]) -> Path:
    with replacing(path) as partial, VideoWriter(partial, *size, 25, path) as writer:
        for index, pixels in in_order(draw, range(len(times)), processors()):
            writer.write(pixels, float(times[index]))
    return path
