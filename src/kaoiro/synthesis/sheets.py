"""Contact sheets: what the world looks like, for people who would rather look than read."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from kaoiro.core.checks import require
from kaoiro.core.errors import InputError
from kaoiro.core.files import replacing, writing
from kaoiro.core.labels import ACTION_UNITS, FER2013
from kaoiro.synthesis import prototypes
from kaoiro.synthesis.action_units import UNITS, vector
from kaoiro.synthesis.difficulty import Difficulty, load
from kaoiro.synthesis.film import Film
from kaoiro.synthesis.light import Lamp, Light
from kaoiro.synthesis.person import Person
from kaoiro.synthesis.script import expression_clip
from kaoiro.synthesis.sensor import jpeg
from kaoiro.synthesis.world import FaceWorld, Pose, State

LIGHTS = {
    "soft": Light(),
    "flat": Light((0.9, 0.9, 0.9), (Lamp(0, 20, (0.15, 0.15, 0.15)),)),
    "from the left": Light((0.2, 0.2, 0.2), (Lamp(-70, 15, (0.95, 0.95, 0.95)),)),
    "from the right": Light((0.2, 0.2, 0.2), (Lamp(70, 15, (0.95, 0.95, 0.95)),)),
    "from above": Light((0.25, 0.25, 0.25), (Lamp(0, 70, (0.95, 0.95, 0.95)),)),
    "from below": Light((0.25, 0.25, 0.25), (Lamp(0, -50, (0.9, 0.9, 0.9)),)),
    "warm and cold": Light((0.3, 0.3, 0.35), (Lamp(-50, 25, (0.9, 0.6, 0.4)), Lamp(60, 10, (0.15, 0.25, 0.5)))),
}
Cell = tuple[str, np.ndarray]


def write_all(
    world: FaceWorld, folder: Path, side: int = 96, tick: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Write every sheet as a JPEG; returns their paths.

    Raises:
        OutputError: the folder cannot be written.
    """
    sheets: dict[str, Callable[[FaceWorld, int], list[list[Cell]]]] = {
        "strip": strip,
        "expressions-facs": lambda w, s: expressions(w, s, "facs"),
        "expressions-probabilistic": lambda w, s: expressions(w, s, "probabilistic"),
        "action-units": lambda w, s: action_units(w, s * 4 // 3),
        "lights": lights,
        "skin-tones": skin_tones,
        "nuisance-levels": levels,
    }
    written = []
    for name, make in sheets.items():
        tick(name)
        written.append(write(folder / f"{name}.jpg", make(world, side)))
    return written


def write(path: Path, rows: Sequence[Sequence[Cell]]) -> Path:
    """Write rows of captioned pictures as one JPEG."""
    with replacing(path) as partial, writing(path):
        compose(rows).save(partial, "JPEG", quality=88)
    return path


def compose(rows: Sequence[Sequence[Cell]], caption: int = 13) -> Image.Image:
    """Lay captioned pictures (H, W, 3) uint8 of one size out in rows."""
    height, width = rows[0][0][1].shape[:2]
    sheet = Image.new("RGB", (width * max(map(len, rows)), (height + caption) * len(rows)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, cells in enumerate(rows):
        for column, (text, picture) in enumerate(cells):
            left, top = column * width, row * (height + caption)
            pen.text((left + 2, top), text, fill="black", font_size=caption - 3)
            sheet.paste(Image.fromarray(picture), (left, top + caption))
    return sheet


def strip(world: FaceWorld, side: int) -> list[list[Cell]]:
    """Seven people, each with another expression, under the drawn light of a clip at the lowest level."""
    difficulty, row = load(), []
    for number, label in enumerate(FER2013.labels):
        subject = f"strip-{number}"
        script = expression_clip(subject, "strip", label, "low", (1.0, 1.0), 9, difficulty)
        film = Film(world, script, world.person(subject), difficulty, side * 4 // 3)
        row.append((label, _stored(film, len(film) // 2)))
    return [row]


def expressions(world: FaceWorld, side: int, table: str, people: int = 12) -> list[list[Cell]]:
    """Twelve unfamiliar people, one a row, through the seven expressions at full intensity."""
    return [
        [
            (label, portrait(world, world.person(f"sheet-{number:02d}"), prototypes.mean(label, table, 1.0), side))
            for label in FER2013.labels
        ]
        for number in range(people)
    ]


def action_units(world: FaceWorld, side: int) -> list[list[Cell]]:
    """Every action unit at 0, 0.5 and 1, two units a row."""
    person = world.person("sheet-units")
    cells = []
    for name in ACTION_UNITS.labels:
        number = int(name[3:])
        for intensity in (0.0, 0.5, 1.0):
            picture = portrait(world, person, vector({number: intensity}), side)
            cells.append((f"AU{number} {UNITS[number].name}" if intensity == 0 else f"{intensity:g}", picture))
    return [cells[start : start + 6] for start in range(0, len(cells), 6)]


def lights(world: FaceWorld, side: int) -> list[list[Cell]]:
    """Four people under different light, smiling, so that creases show."""
    smile = prototypes.mean("happiness", "facs", 1.0)
    people = [world.person(f"sheet-{number:02d}") for number in range(4)]
    return [[(n, portrait(world, person, smile, side, light)) for n, light in LIGHTS.items()] for person in people]


def skin_tones(world: FaceWorld, side: int) -> list[list[Cell]]:
    """One shape with skin from L* 30 to 76, and below it people as they are drawn, sorted by skin."""
    person = world.person("sheet-03")
    tones = [
        (f"L* {tone:.0f}", replace(person, looks=replace(person.looks, lightness=tone)))
        for tone in np.linspace(30, 76, 8)
    ]
    drawn = sorted((world.person(f"tone-{number}") for number in range(24)), key=lambda one: one.looks.lightness)
    tones += [(f"L* {one.looks.lightness:.0f}", one) for one in drawn]
    cells = [(text, portrait(world, one, np.zeros(len(ACTION_UNITS)), side)) for text, one in tones]
    return [cells[start : start + 8] for start in range(0, len(cells), 8)]


def levels(world: FaceWorld, side: int, difficulty: Difficulty | None = None) -> list[list[Cell]]:
    """Frames of clips at each level of nuisance, as sets store them."""
    difficulty = difficulty or load()
    rows = []
    for level in ("low", "medium", "high", "flicker"):
        cells = []
        for number, label in enumerate((*FER2013.labels, "surprise")):
            subject = f"sheet-{level}-{number}"
            script = expression_clip(subject, "sheet", label, level, (0.6, 1.0), 0, difficulty)
            film = Film(world, script, world.person(subject), difficulty, side)
            cells.append((f"{level}: {label}", _stored(film, len(film) // 2)))
        rows.append(cells)
    return rows


def _stored(film: Film, index: int) -> np.ndarray:
    data = jpeg(film.shot(index).pixels, film.script.jpeg)
    return np.asarray(Image.open(io.BytesIO(data)))


def portrait(
    world: FaceWorld, person: Person, units: np.ndarray, side: int, light: Light | None = None, pose: Pose | None = None
) -> np.ndarray:
    """Draw a face without nuisance: (20,) intensities -> (side, side, 3) uint8."""
    return world.render(person, State(np.stack([units, units])), pose, light, side).rgb()


def write_face(
    world: FaceWorld,
    path: Path,
    *,
    units: str = "",
    expression: str | None = None,
    subject: str = "ann",
    pose: Pose | None = None,
    size: int = 256,
    seed: int = 0,
) -> Path:
    """Draw one face into a PNG or JPEG.

    Args:
        world: that draws.
        path: of the picture; its ending says the format.
        units: 'AU=INTENSITY,...', intensities 0-1.
        expression: a whole expression instead, by the investigator's table.
        subject: who; the same name and seed are the same person.
        pose: of the head.
        size: side, pixels.
        seed: other seeds give other people.

    Raises:
        InputError: an action unit, intensity, expression, size or ending that cannot be, or units and an expression.
        OutputError: the place cannot be written.
    """
    require(path.suffix.lower() in (".png", ".jpg", ".jpeg"), "--out", "a file that ends in .png or .jpg", path)
    require(not (units and expression), "a face", "given by units or by an expression, not by both", units)
    row = prototypes.mean(expression, "facs", 1.0) if expression else vector(parsed(units))
    picture = portrait(world, world.person(subject, seed), row, size, pose=pose)
    with replacing(path) as partial, writing(path):
        Image.fromarray(picture).save(partial)
    return path


def parsed(units: str) -> dict[int, float]:
    """Return intensities by action unit: '6=0.8,12=1' -> {6: 0.8, 12: 1.0}.

    Raises:
        InputError: a part that is no number, equals sign and number.
    """
    found = {}
    for part in filter(None, (one.strip() for one in units.split(","))):
        number, _, intensity = part.partition("=")
        try:
            found[int(number.strip().lower().removeprefix("au"))] = float(intensity)
        except ValueError as error:
            raise InputError(f"--units must be action units and intensities such as 6=0.8,12=1, not {part}") from error
    return found
