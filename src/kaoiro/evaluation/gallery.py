"""Where a model of valence, arousal and action units errs most, as a sheet of faces that may be shown.

Only faces that show nobody: generated ones (DiffusionFER, CC0) and rendered ones (made by this project).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT, AFFECT_HEAD, UNITS_HEAD, unit_number
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import synthetic
from kaoiro.data.splits import Part
from kaoiro.evaluation import crops
from kaoiro.inference.classifier import Classifier, prepare_crops

SHOWN, SIDE, CAPTION = 10, 112, 30
"""Faces in a row, their side and the height of what stands below, pixels."""


@dataclass(frozen=True)
class Failure:
    """One face and what was wrong.

    Attributes:
        pixels: (H, W) uint8.
        lines: below the face.
    """

    pixels: np.ndarray
    lines: tuple[str, str]


def affect_failures(model: ModelFolder, root: str, part: Part, name: str) -> list[Failure]:
    """Return the generated faces whose valence (or arousal) is missed most.

    Args:
        model: asked.
        root: folder of DiffusionFER.
        part: of it.
        name: 'valence' or 'arousal'.
    """
    faces = crops.generated(root, SIDE)
    faces = crops.generated_part(faces, part)
    column = AFFECT.index(name)
    truth, answer = faces.targets[AFFECT_HEAD][:, column], _asked(model, faces)[AFFECT_HEAD][:, column]
    worst = np.argsort(-np.abs(answer - truth))[:SHOWN]
    return [Failure(faces.pixels[k], (f"{name} {answer[k]:+.2f}", f"annotated {truth[k]:+.2f}")) for k in worst]


def unit_failures(model: ModelFolder, root: str) -> list[Failure]:
    """Return rendered faces, one of each person at most, in which action units are missed or invented most."""
    data = synthetic.read(root)
    rows = data.select("test", "evaluation")
    faces = crops.rendered(data, rows[:: max(1, len(rows) // 2_000)], SIDE)
    truth, answer = faces.targets[UNITS_HEAD], _asked(model, faces)[UNITS_HEAD]
    assert faces.subjects is not None
    error = np.abs(answer - truth)
    found: list[Failure] = []
    seen: set[str] = set()
    for k in np.argsort(-error.max(axis=1)):
        person = str(faces.subjects[k])
        if person not in seen and len(found) < SHOWN:
            seen.add(person)
            unit = int(error[k].argmax())
            number = unit_number(model.specification.head(UNITS_HEAD).labels[unit])
            told = f"AU {number}: {answer[k, unit]:.2f}"
            found.append(Failure(faces.pixels[k], (told, "is there" if truth[k, unit] > 0.5 else "is not there")))
    return found


def _asked(model: ModelFolder, faces: Faces) -> dict[str, np.ndarray]:
    spec = model.specification
    return Classifier(model).predict(prepare_crops(faces.pixels, spec.size, spec.channels)).heads


def sheet(rows: Sequence[tuple[str, Sequence[Failure]]]) -> Image.Image:
    """Draw rows of failures under their titles.

    Args:
        rows: title and failures of each row.
    """
    title, high = 22, SIDE + CAPTION
    picture = Image.new("RGB", (SHOWN * SIDE, len(rows) * (title + high)), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    for number, (text, failures) in enumerate(rows):
        top = number * (title + high)
        pen.text((4, top + 4), text, fill="black", font=font)
        for place, failure in enumerate(failures):
            face = Image.fromarray(failure.pixels).resize((SIDE - 2, SIDE - 2))
            picture.paste(face, (place * SIDE, top + title))
            for line, words in enumerate(failure.lines):
                pen.text((place * SIDE + 3, top + title + SIDE + 13 * line), words, fill="black", font=font)
    return picture
