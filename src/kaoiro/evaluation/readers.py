"""What the readers of `kaoiro.inference.words.readers` learn from, and how well they tell what faces show.

Sizes were chosen by the people of 'val' of a syn-acts set, figures are of those of 'test'. Photographs of people who
neither close their eyes nor yawn nor smirk tell how often readers are wrong there, and nothing else: nobody in them
does it.
Legend: N faces, K signs.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.files import write_text
from kaoiro.core.labels import ACTION_UNITS
from kaoiro.core.modelfile import Card, Provenance
from kaoiro.core.revision import commit
from kaoiro.data.datasets import fer2013, synthetic
from kaoiro.data.splits import Part, part_of
from kaoiro.evaluation import crops, report
from kaoiro.evaluation.scores import shown
from kaoiro.inference.words import readers
from kaoiro.inference.words.readers import COLUMNS, ONE_SIDE, SIGNS, Description, Readers, answers
from kaoiro.metrics.agreement import area_under_curve
from kaoiro.metrics.resampling import area_interval, mean_interval

NAME = "readers"
VISIBLE, CLOSED, AJAR = 0.2, 0.65, 0.3
"""Intensity from which an action is there; from which an eye is closed, and below which it is open."""
CLEAR = {"eye closed": (0.4, 0.75)}
"""Intensities of a sign up to which it is clearly absent and from which clearly present; none is learned between."""
_UNITS = {"eye closed": "au_43", "lip corner up": "au_12", "lip corner tightened": "au_14"}
_HEAD = """# Readers of single sides

Models answer action units of both sides together, and neither AU 27 nor AU 43. A small network beside them reads what
one side of a face does ([words](words.md) are made of its answers). It learned from the people of 'train' of a
`syn-acts` set; its sizes and passes were chosen by those of 'val', and these figures are of those of 'test'.

`near` is against faces that show something like it: both sides for one, a half-closed eye or a wink for closed eyes, a
dropped jaw for a stretched mouth. An action is there from intensity 0.2 on, of one side if that goes 0.2 beyond twice
the other; an eye is closed from 0.65 on and open below 0.3. The last columns are by level of nuisance (light, pose,
noise, blur). Intervals: 95 %, bootstrap over people.

The portraits (London) have open eyes, and nobody in them yawns, winks or smirks: whatever scores 0.5 or more is wrong.
Half of them smile. Photographs from the web (FER2013, PublicTest, not placed by points) are labelled by nobody in this
respect; some people in them do close their eyes or shout, so their shares are no error rates but their upper ends.
Nothing here tells how many closed eyes, yawns and smirks of real people are missed.
Written by `kaoiro evaluate readers --root SYN-ACTS --london DIR --fer2013 DIR --write --results docs/results`.
"""


@dataclass(frozen=True, eq=False)
class Seen:
    """Rendered faces, as readers see them.

    Attributes:
        pixels: (N, 48, 48) uint8.
        intensities: (N, K, 2) 0-1 of every sign on the subject's left and right.
        jaw: (N,) intensity of AU 26.
        people: (N,) names.
        levels: (N,) of nuisance.
    """

    pixels: np.ndarray
    intensities: np.ndarray
    jaw: np.ndarray
    people: np.ndarray
    levels: np.ndarray


def seen(root: str | Path, split: str) -> Seen:
    """Read the people of a split of a syn-acts set.

    Raises:
        DataError: files are missing, or there are no such people.
    """
    data = synthetic.read(root)
    rows = data.select(split)
    table = data.table.iloc[rows]
    return Seen(
        crops.rendered(data, rows, readers.SIDE).pixels,
        intensities(data.sides[rows], table["au_27"].to_numpy(np.float32)),
        table["au_26"].to_numpy(np.float32),
        table["subject"].to_numpy(str),
        table["level"].to_numpy(str),
    )


def intensities(sides: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    """Return how strong every sign is on either side: (N, K, 2).

    Args:
        sides: (N, 2, 20) intensities of action units, as sets have them.
        stretch: (N,) of the mouth.
    """
    found = [sides[:, :, ACTION_UNITS.index(unit)] for unit in _UNITS.values()]
    return np.stack([*found, np.stack([stretch, stretch], axis=1)], axis=1)


def read(data: synthetic.Synthetic, rows: np.ndarray, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the readers that ship answer for rows of a set, of which there are crops (N, S, S), by column."""
    found = readers.shipped()
    if found is None:
        return {}
    fits = pixels.shape[1] == readers.SIDE
    return found.read(pixels if fits else crops.rendered(data, rows, readers.SIDE).pixels)


def clear(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which sides show each sign, and which clearly do or do not: (N, K, 2) bool each."""
    ends = np.array([CLEAR.get(sign, (crops.ABSENT, crops.PRESENT)) for sign in SIGNS])
    absent, present = (found <= ends[:, :1]), (found >= ends[:, 1:])
    return present, present | absent


def truth(found: np.ndarray, jaw: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return which faces show what each of `COLUMNS` says, and which show something like it: (N,) bool each.

    Args:
        found: (N, K, 2) intensities.
        jaw: (N,) intensity of AU 26: a dropped jaw is like a stretched mouth.
    """
    weak, strong = found.min(axis=2), found.max(axis=2)
    alone, ajar = strong - 2 * weak >= VISIBLE, strong[:, 0] >= AJAR
    wide, shut = strong[:, -1] >= VISIBLE, weak[:, 0] >= CLOSED
    shows = {"au_27": wide, "au_43": shut, "au_46": (strong[:, 0] >= CLOSED) & (weak[:, 0] < AJAR)}
    alike = {"au_27": (strong[:, -1] > 0) | (jaw >= VISIBLE), "au_43": ajar, "au_46": ajar}
    for place, unit in enumerate(_UNITS.values()):
        if unit != "au_43":
            shows[f"{unit}{ONE_SIDE}"], alike[f"{unit}{ONE_SIDE}"] = alone[:, place], strong[:, place] >= VISIBLE
    return shows, {name: alike[name] & ~shows[name] for name in COLUMNS}


def measure(found: Readers, root: str | Path, split: str = "test") -> dict[str, dict[str, Any]]:
    """Return how well readers tell what rendered faces show, by column.

    Raises:
        DataError: the set has no such people.
    """
    faces = seen(root, split)
    said, (shows, alike) = answers(found.sides(faces.pixels)), truth(faces.intensities, faces.jaw)
    return {name: _figures(said[name], shows[name], alike[name], faces) for name in COLUMNS}


def half_closed(found: Readers, root: str | Path, split: str = "test") -> float | None:
    """Return the area under the curve of AU 43 for half-closed against open eyes: 0.5 tells nothing."""
    faces = seen(root, split)
    eyes = faces.intensities[:, 0]
    half = (eyes.min(axis=1) >= AJAR) & (eyes.max(axis=1) < CLOSED)
    rows = half | (eyes.max(axis=1) < crops.ABSENT)
    return _area(half[rows], found.read(faces.pixels[rows])["au_43"])


def _area(there: np.ndarray, said: np.ndarray) -> float | None:
    """Return the area under the curve; None where all faces are of one kind."""
    return area_under_curve(there, said) if 0 < there.sum() < len(there) else None


def _interval(there: np.ndarray, said: np.ndarray, people: np.ndarray) -> list[float] | None:
    return shown(area_interval(there, said, people), people) if 0 < there.sum() < len(there) else None


def _figures(said: np.ndarray, there: np.ndarray, alike: np.ndarray, faces: Seen) -> dict[str, Any]:
    near, people = there | alike, faces.people
    row: dict[str, Any] = {
        "faces": int(there.sum()),
        "people": len(np.unique(people[there])),
        "AUC": _area(there, said),
        "interval": _interval(there, said, people),
        "near: faces": int(alike.sum()),
        "near: AUC": _area(there[near], said[near]),
        "near: interval": _interval(there[near], said[near], people[near]),
        "found at 0.5": float((said[there] >= 0.5).mean()) if there.any() else None,
        "wrong at 0.5": float((said[~there] >= 0.5).mean()) if not there.all() else None,
    }
    for level in dict.fromkeys(faces.levels.tolist()):
        rows = faces.levels == level
        row[f"AUC, {level}"] = _area(there[rows], said[rows])
    return row


def alarms(said: np.ndarray, people: np.ndarray) -> dict[str, Any]:
    """Return how often scores (N,) are a half or more among faces that do nothing of the kind."""
    high = (said >= 0.5).astype(np.float64)
    return {
        "faces": len(said),
        "people": len(np.unique(people)),
        "share": float(high.mean()),
        "interval": shown(mean_interval(high, people), people),
        "mean": float(said.mean()),
    }


def portrayed(root: str | Path, part: Part) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return crops (N, 48, 48), people (N,) of a part of the London set, and which of the faces smile.

    Raises:
        DataError: files are missing.
    """
    faces = crops.portraits(root, readers.SIDE)
    rows = np.array([part_of(person) == part for person in faces.people])
    return faces.pixels[rows], faces.people[rows], faces.smiling[rows]


def photographed(root: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the photographs (N, 48, 48) of FER2013's PublicTest, and numbers of people: of each somebody else.

    Raises:
        DataError: files are missing.
    """
    pixels = fer2013.read(root).part("PublicTest").images
    return pixels, np.arange(len(pixels))


def portraits(found: Readers, root: str | Path, part: Part = "report") -> dict[str, dict[str, dict[str, Any]]]:
    """Return the alarms of every column on neutral and on smiling portraits of the London set.

    Raises:
        DataError: files are missing.
    """
    pixels, people, smiling = portrayed(root, part)
    said, kinds = found.read(pixels), {"neutral": ~smiling, "smiling": smiling}
    return {
        f"{kind} portraits (London)": {name: alarms(said[name][rows], people[rows]) for name in COLUMNS}
        for kind, rows in kinds.items()
    }


def photographs(found: Readers, root: str | Path) -> dict[str, dict[str, Any]]:
    """Return the same of photographs from the web, FER2013's PublicTest.

    Raises:
        DataError: files are missing.
    """
    pixels, people = photographed(root)
    return {name: alarms(values, people) for name, values in found.read(pixels).items()}


def keep(graph: bytes, settings: Mapping[str, Any], root: str | Path) -> Readers:
    """Write a graph into the package, with its card; returns it opened.

    Args:
        graph: ONNX.
        settings: of its learning.
        root: of the set that it learned from.
    """
    about = synthetic.read(root).settings
    digest = about.get("finished", {}).get("sha256", "unknown")
    description = Description(
        signs=SIGNS,
        provenance=Provenance(
            recipe="training/readers",
            settings=dict(settings),
            data=f"{about.get('set')}, people of 'train'; SHA-256 of its shards {digest}",
            seed=int(settings["seed"]),
            budget=f"{settings['epochs']} epochs, minutes on one processor core",
            commit=commit(),
            created=datetime.date.today().isoformat(),
        ),
        card=Card(summary=_SUMMARY, limits=_LIMITS, licence="MIT, as the code; learned from rendered faces alone"),
    )
    readers.write(readers.folder(), graph, description)
    return readers.load(readers.folder())


def add_numbers(figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the figures of `measure` into the card of the readers that ship."""
    place = readers.folder()
    about = Description.model_validate_json((place / readers.DESCRIPTION).read_text(encoding="utf-8"))
    names = {"AUC": "auc", "near: AUC": "near_auc", "found at 0.5": "found", "wrong at 0.5": "wrong"}
    told = {f"{unit}_{short}": row[key] for unit, row in figures.items() for key, short in names.items()}
    numbers = {name: round(value, 4) for name, value in told.items() if value is not None}
    card = about.card.model_copy(update={"numbers": numbers})
    readers.write(place, (place / readers.GRAPH).read_bytes(), about.model_copy(update={"card": card}))


def write(folder: Path, figures: Mapping[str, Any]) -> None:
    """Write readers.md and readers.json."""
    stamped = {
        "measured": datetime.date.today().isoformat(),
        "commit": commit(),
        "machine": report.machine(),
        **figures,
    }
    write_text(folder / f"{NAME}.json", json.dumps(stamped, indent=2, ensure_ascii=False))
    write_text(folder / f"{NAME}.md", f"{_HEAD}\n{report.text(stamped)}")


_SUMMARY = "what single sides of a 48x48 face do: closed eyes, winks, a stretched mouth, smiles and dimples of one side"
_LIMITS = (
    "Learned from rendered people alone. Nobody labelled these actions on photographs, so only false alarms are known "
    "there: how many closed eyes, yawns and smirks of real people are missed is not.",
    "Half-closed eyes are no class of their own: some pass for open, some for closed.",
    "A head turned far, hair, glasses, hands and shadows on one side of the face can pass for an action of one side.",
    "Faces smaller than about 30 pixels have too few pixels about the eyes.",
)
