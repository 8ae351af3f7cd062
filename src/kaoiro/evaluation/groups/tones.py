"""Rendered people whose skin alone changes: the same shapes, expressions, light and pose at six lightnesses.

Looks keep their hair, brows and lips, so darker skin means less contrast of brows and of shadows, as in photographs.
Once the light is the same for all, once it is set for the skin, as a photographer sets the camera: what is left then
is not a matter of dark pictures. A difference is one of the model on this renderer's skin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, FER2013
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.types import Record
from kaoiro.evaluation.groups.comparing import Audit, audit
from kaoiro.evaluation.groups.looked_at import Grouping, LookedAt, of_records
from kaoiro.evaluation.groups.portraits import largest
from kaoiro.evaluation.progress import followed
from kaoiro.faces.detect import FaceDetector
from kaoiro.inference.analyzer import Analyzer
from kaoiro.metrics.resampling import DRAWS
from kaoiro.synthesis import prototypes
from kaoiro.synthesis.light import Lamp, Light
from kaoiro.synthesis.person import Person
from kaoiro.synthesis.sheets import LIGHTS
from kaoiro.synthesis.world import FaceWorld, Pose, State, Window

PEOPLE = 40
COLUMN = "skin tone"
TONES = (30.0, 39.0, 48.0, 58.0, 67.0, 76.0)
"""L* (CIELAB) of the skin: the range of the rendered world, in even steps."""
LIGHT_NAMES = ("soft", "from the left", "from above")
"""Of `sheets.LIGHTS`; people take them in turn, each the same at all tones."""
TABLE, STRENGTH = "facs", 1.0
"""Of prototypes, and intensity of the expressions."""
REFERENCE = 58.0
"""L* as which skin appears where the light is set for it."""
LIT = ("the same light", "light set for the skin")
SIDE, ROOM = 192, 2.0
"""Pixels of a picture, and its side in sides of the face's crop."""


def audited(
    model: ModelFolder,
    world: FaceWorld,
    people: int = PEOPLE,
    draws: int = DRAWS,
    seed: int = 0,
    threads: int | None = None,
    detector: FaceDetector | None = None,
) -> dict[str, Audit]:
    """Compare skin tones, once for each way to light them (`LIT`).

    Args:
        model: with a head of expressions.
        world: that draws.
        people: how many.
        draws: of people, and as many rearrangements.
        seed: of both, and of the people.
        threads: of ONNX Runtime; None leaves it to the runtime.
        detector: None is CenterFace.

    Raises:
        DataError: no face was found.
    """
    analyzer, count = (
        Analyzer(model.path, threads=threads, detector=detector),
        people * len(TONES) * len(FER2013) * len(LIT),
    )
    rendered = followed(pictures(world, people, seed), count, "rendered faces")
    rows = [(one._replace(pixels=one.pixels[:0]), largest(analyzer, one.pixels, one.person)) for one in rendered]
    if not any(record.has_face for _, record in rows):
        raise DataError(f"no face was found in any of {count} rendered pictures")
    return {lit: audit(_faces([row for row in rows if row[0].lit == lit]), draws=draws, seed=seed) for lit in LIT}


class Rendered(NamedTuple):
    """A picture and what it shows.

    Attributes:
        person: name.
        tone: place in `TONES`.
        label: expression.
        lit: one of `LIT`.
        pixels: (192, 192, 3) uint8.
    """

    person: str
    tone: int
    label: str
    lit: str
    pixels: np.ndarray


def _faces(rows: Sequence[tuple[Rendered, Record]]) -> LookedAt:
    people = np.array([one.person for one, _ in rows])
    truth = np.array(EXPRESSIONS.indices(one.label for one, _ in rows))
    grouping = Grouping(tuple(f"L* {tone:g}" for tone in TONES), np.array([one.tone for one, _ in rows]))
    return of_records([record for _, record in rows], people, truth).grouped(COLUMN, grouping)


def pictures(world: FaceWorld, people: int, seed: int = 0) -> Iterator[Rendered]:
    """Draw everybody with every expression at every tone, in both lights.

    Args:
        world: that draws.
        people: how many.
        seed: of the people.
    """
    for number in range(people):
        name = f"tone-{number:02d}"
        light = LIGHTS[LIGHT_NAMES[number % len(LIGHT_NAMES)]]
        for place, tone in enumerate(TONES):
            person = toned(world.person(name, seed), tone)
            window = _window(world, person)
            for label in FER2013.labels:
                units = prototypes.mean(label, TABLE, STRENGTH)
                state = State(np.stack([units, units]))
                more = brighter(light, luminance(REFERENCE) / luminance(tone))
                for lit, shone in zip(LIT, (light, more), strict=True):
                    pixels = world.render(person, state, Pose(), shone, SIDE, window).rgb()
                    yield Rendered(name, place, label, lit, pixels)


def luminance(lightness: float) -> float:
    """Return Y, 0-1, of a lightness L* above 8 (CIELAB)."""
    return ((lightness + 16) / 116) ** 3


def brighter(light: Light, factor: float) -> Light:
    """Return a light of which so many times as much arrives."""

    def scaled(colour: tuple[float, float, float]) -> tuple[float, float, float]:
        red, green, blue = (factor * part for part in colour)
        return red, green, blue

    lamps = tuple(Lamp(lamp.azimuth, lamp.elevation, scaled(lamp.colour)) for lamp in light.lamps)
    return Light(scaled(light.ambient), lamps)


def toned(person: Person, lightness: float) -> Person:
    """Return a person with another lightness of the skin, and everything else alike."""
    return replace(person, looks=replace(person.looks, lightness=lightness))


def _window(world: FaceWorld, person: Person) -> Window:
    """Return a window about the face that leaves room for a detector."""
    crop = world.crop(person, Pose())
    rim = (ROOM - 1) / 2 * crop.width
    return Window(crop.left - rim, crop.top - rim, ROOM * crop.width)
