"""What an expression code that was learned without labels is worth on real faces: FER2013, FER+ and London."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FER2013, FERPLUS, Vocabulary
from kaoiro.core.spec import CropGeometry
from kaoiro.data.datasets import fer2013, london
from kaoiro.data.splits import Part, holdout, part_of
from kaoiro.evaluation import carried, smile_swaps, unlabelled
from kaoiro.evaluation.exchange_figures import swap_grid
from kaoiro.evaluation.exchange_tables import PUBLISHED
from kaoiro.evaluation.fer2013 import truth_of
from kaoiro.evaluation.progress import followed
from kaoiro.evaluation.smile_swaps import Pairs, Read
from kaoiro.faces import gradients, photo
from kaoiro.faces.align import cut, placement, to_luma
from kaoiro.faces.detect import detect_in
from kaoiro.faces.surroundings import WIDE, wide_side
from kaoiro.inference.classifier import prepare_crops
from kaoiro.inference.exchange import Exchanger
from kaoiro.metrics.accuracy import bootstrap_interval
from kaoiro.metrics.components import principal

CHOICE = "training-val"
PARTS = {CHOICE: "Training, a tenth held out", "val": "PublicTest", "test": "PrivateTest"}
"""By split, which images a reader is asked about."""
CODE = "expression code"
OTHERS, FREQUENT = "without images of Training", "most frequent"
PHOTOGRAPHS, RENDERED = "photographs of London", "rendered people"
"""Whose smiles are carried over."""
EDGES = "oriented gradients"
COMPONENTS = (64, 256)
"""Principal components of plain features that readers are given, to compare with."""
CREDIT = "Face Research Lab London Set (DeBruine and Jones, 2017), CC BY 4.0, changed"
_AT_ONCE = 1024  # faces that are encoded between two steps of the progress bar
_TURNED_BY = 6000  # images, at least, by which principal components are found
_CONTRAST = 0.05  # added to that of a face, 0-1, so that black images stay finite
_DRAWN = 8  # people of a picture
Encode = Callable[[np.ndarray], np.ndarray]
"""Crops (N, side, side, 3) uint8 -> codes (N, E)."""


class Lesson(NamedTuple):
    """Images of FER2013: those a reader learns from, those it chooses on, and those it is asked about.

    Attributes:
        images: (N, 48, 48) uint8.
        labels: by annotation (N,) classes, -1 where there is none.
        learned: (N,) bool.
        choosing: (N,) bool; none where a reader shall draw its own from those that it learns from.
        asked: (N,) bool.
        seen: (N,) bool, what is asked about and occurs pixel-identical in what is learned from.
    """

    images: np.ndarray
    labels: Mapping[str, np.ndarray]
    learned: np.ndarray
    choosing: np.ndarray
    asked: np.ndarray
    seen: np.ndarray


def lesson(root: str | Path, split: str) -> Lesson:
    """Read FER2013. What is held out of Training is what no code learned from without labels, either.

    Args:
        root: folder of the official files.
        split: one of `PARTS`; what is held out is asked about for choices, and otherwise chosen on by the reader.

    Raises:
        DataError: files or rows are missing.
    """
    data = fer2013.read(root)
    training = data.usage == fer2013.LEARNED
    if not training.any():
        data.part(fer2013.LEARNED)  # raises
    keys, held = data.image_keys(), np.zeros(len(data), bool)
    held[training] = holdout(keys[training])
    choice = split == CHOICE
    asked = held if choice else data.usage == PARTS[split]
    if not asked.any():
        data.part(PARTS[split])  # raises
    annotations: dict[str, Vocabulary] = {"FER2013": FER2013} | ({} if data.votes is None else {"FER+": FERPLUS})
    labels = {name: truth_of(data, _SETS[name])[0] for name in annotations}
    learned = training & ~held
    seen = asked & np.isin(keys, keys[learned])
    return Lesson(data.images, labels, learned, held & ~asked, asked, seen)


_SETS: dict[str, Any] = {"FER2013": "fer2013", "FER+": "ferplus"}


def readings(encoders: Mapping[str, Encode], side: int, crop: CropGeometry, data: Lesson) -> dict[str, dict[str, Any]]:
    """Return what linear readers find: a row for each code and each plain feature, and the published figures.

    Args:
        encoders: by the name of the row.
        side: of the crops that they take, pixels.
        crop: where a face lies in them.
        data: images.
    """
    seen = unlabelled.recut(data.images, crop)
    rows = {name: _row(_encoded(encode, seen, side), data) for name, encode in encoders.items()}
    edges = gradients.histograms(data.images)
    rows[EDGES] = _row(edges, data)
    for name, features, counts in ((EDGES, edges, COMPONENTS[1:]), ("pixels", _contrasted(data.images), COMPONENTS)):
        learned = features[data.learned]
        found = principal(learned[:: max(1, len(learned) // _TURNED_BY)], max(counts))(features)
        rows |= {f"{name}, {count} components": _row(found[:, :count], data) for count in counts}
    names = list(rows[next(iter(rows))])
    for name, accuracy in PUBLISHED.items():
        rows[f"{name} (published)"] = dict.fromkeys(names) | {"FER2013": accuracy}
    return rows


def _encoded(encode: Encode, images: np.ndarray, side: int) -> np.ndarray:
    starts = range(0, len(images), _AT_ONCE)
    crops = (prepare_crops(images[start : start + _AT_ONCE], side, 1) for start in starts)
    steps = followed(crops, len(starts), f"x {_AT_ONCE} photographs")
    return np.concatenate([encode(np.repeat(part[..., None], 3, axis=3)) for part in steps])


def _contrasted(images: np.ndarray) -> np.ndarray:
    """Return pixels (N, P) of images with mean 0 and contrast 1 each."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / (flat.std(axis=1, keepdims=True) + _CONTRAST)


def _row(codes: np.ndarray, data: Lesson) -> dict[str, Any]:
    """Return the accuracies of readers of one code, by annotation."""
    row: dict[str, Any] = {"numbers": codes.shape[1]}
    taught = data.learned | data.choosing
    choosing = data.choosing[taught] if data.choosing.any() else None
    for name, labels in data.labels.items():
        asked = labels[data.asked]
        right, _ = carried.answered(codes[taught], labels[taught], codes[data.asked], asked, choosing)
        others = right[~data.seen[data.asked][asked >= 0]]
        row |= {name: float(right.mean()), f"{name}: interval": list(bootstrap_interval(right))}
        row |= {f"{name}: {OTHERS}": float(others.mean()) if len(others) else None, f"{name}: faces": len(right)}
        row |= {f"{name}: {FREQUENT}": float(np.bincount(asked[asked >= 0]).max() / len(right))}
    return row


class Portraits(NamedTuple):
    """Faces of the London set in colour.

    Attributes:
        pixels: (N, side, side, 3) uint8.
        wide: (N, wide, wide, 3) uint8, the same faces placed as `WIDE`.
        crop: where a face lies in `pixels`.
        smiling: (N,) bool.
        people: (N,) names.
        missed: pictures in which no face was found.
    """

    pixels: np.ndarray
    wide: np.ndarray
    crop: CropGeometry
    smiling: np.ndarray
    people: np.ndarray
    missed: int

    @property
    def pairs(self) -> Pairs:
        """People who are there both at rest and smiling."""
        rows = [(np.flatnonzero((self.people == name) & ~self.smiling), name) for name in np.unique(self.people)]
        both = [
            (rest[0], smile[0], name)
            for rest, name in rows
            for smile in [np.flatnonzero((self.people == name) & self.smiling)]
            if len(rest) and len(smile)
        ]
        first, second = ([one[place] for one in both] for place in (0, 1))
        faces = [pixels[rows] for pixels in (self.pixels, self.wide) for rows in (first, second)]
        return Pairs(np.array([name for *_, name in both]), *faces, crop=self.crop)


def portraits(exchanger: Exchanger, root: str | Path, part: Part) -> Portraits:
    """Read one part of the London set, placed as a model eats it and as `WIDE`.

    Raises:
        DataError: files are missing, or no face was found.
    """
    chosen = [one for one in london.read(root) if part_of(one.subject) == part]
    crop = exchanger.description.crop
    crops, wide, found, size = [], [], [], wide_side(exchanger.side, crop)
    for one in followed(chosen, len(chosen), "portraits"):
        pixels = photo.read(one.data, f"{root}, {one.file}")
        for face in detect_in(pixels, exchanger.detector)[:1]:
            crops.append(exchanger.crops(pixels, [face])[0])
            wide.append(crops[-1] if crop == WIDE else cut(pixels, placement(face, WIDE), size))
            found.append(one)
    if not found:
        raise DataError(f"{root}: no face was found in any of {len(chosen)} portraits of the {part} part")
    smiling, people = np.array([one.smiling for one in found]), np.array([one.subject for one in found])
    return Portraits(np.stack(crops), np.stack(wide), crop, smiling, people, len(chosen) - len(found))


def smiles(exchanger: Exchanger, faces: Portraits) -> dict[str, dict[str, Any]]:
    """Return whether codes tell smiles from faces at rest across people, and whether they tell who somebody is.

    Raises:
        InputError: too few people, or faces of one kind only.
    """
    codes = exchanger.encode(faces.pixels)
    grey = np.stack([to_luma(face) for face in prepare_crops(faces.pixels, fer2013.SIDE, 3)])
    kinds = {CODE: codes.expression, "identity code": codes.identity, EDGES: gradients.histograms(grey)}
    rows: dict[str, dict[str, Any]] = {}
    for name, found in kinds.items():
        if found.shape[1]:
            rows[name] = carried.smiles(found, faces.smiling, faces.people)
    changes, kept = carried.from_rest(codes.expression, faces.smiling, faces.people)
    less = carried.smile_reading(changes, faces.smiling[kept], faces.people[kept])
    rows[f"{CODE}, less the person's rest"] = dict.fromkeys(rows[CODE]) | less  # all rests are alike: nobody is told
    return rows


def grid(title: str, exchanger: Exchanger, pairs: Pairs) -> Image.Image:
    """Draw people at rest, others' smiles, and what the model makes of both."""
    count = min(_DRAWN, len(pairs.people))
    return swap_grid({title: exchanger}, pairs.resting[:count], np.roll(pairs.smiling[:count], 1, axis=0))


class Found(NamedTuple):
    """What was measured.

    Attributes:
        figures: of a section of `exchange_report`.
        rendered: picture of swaps of rendered faces, which show nobody.
        people: picture of swaps of photographs, for the user's eyes.
    """

    figures: dict[str, Any]
    rendered: Image.Image | None
    people: Image.Image | None


def measure(
    exchanger: Exchanger,
    root: str | Path,
    split: str = "val",
    london_root: str | Path | None = None,
    swaps: str | Path | None = None,
    read: Read | None = None,
    untrained: Encode | None = None,
) -> Found:
    """Measure a model on all real faces that are named.

    Args:
        exchanger: the model.
        root: folder of the official files of FER2013.
        split: one of `PARTS`; 'training-val' is for choices, which also takes the other half of London's people.
        london_root: the London set.
        swaps: a syn-swap set, whose people show whether smiles come over at all.
        read: of smiles, for swaps; None leaves these out.
        untrained: the same encoder as it was before it learned, to compare with.

    Raises:
        DataError: files are missing.
        InputError: too few people.
    """
    encoders = {CODE: lambda crops: exchanger.encode(crops).expression}
    encoders |= {} if untrained is None else {"the same network, untrained": untrained}
    table = readings(encoders, exchanger.side, exchanger.description.crop, lesson(root, split))
    own = table[CODE]
    figures: dict[str, Any] = {"model": exchanger.title, "learned from": exchanger.description.provenance.data}
    figures |= {"claims": carried.reading_claim({"accuracy": own["FER2013"], "interval": own["FER2013: interval"]})}
    figures[f"linear readers, {PARTS[split]}"] = table
    part: Part = "development" if split == CHOICE else "report"
    pairs: dict[str, Pairs] = {}
    if london_root is not None:
        faces = portraits(exchanger, london_root, part)
        people = len(np.unique(faces.people))
        figures["London"] = f"{len(faces.people)} faces of {people} people, {faces.missed} more not found, {part} part"
        figures[f"London, {part} part"] = told = smiles(exchanger, faces)
        figures["claims"] |= carried.smile_claims(told[CODE])
        pairs[PHOTOGRAPHS] = faces.pairs
    if swaps is not None:
        pairs[RENDERED] = smile_swaps.of_renders(swaps, exchanger.side, exchanger.description.crop)
    drawn: dict[str, Image.Image] = {}
    if read is not None and exchanger.description.identity:
        for whose, one in pairs.items():
            figures[f"smiles carried over, {whose}"] = smile_swaps.measure(exchanger, one, read)
            drawn[whose] = grid(exchanger.description.name, exchanger, one)
    return Found(figures, drawn.get(RENDERED), drawn.get(PHOTOGRAPHS))
