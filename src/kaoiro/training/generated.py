"""Generated faces beside real ones of people whom the generator never saw: as pictures, and to learn from.

Source: the measures of SPEC 5.5; to learn from generated faces and be tested on real ones as in Ravuri and Vinyals,
        "Classification Accuracy Score for Conditional Generative Models", NeurIPS 2019.
Note:   'real' are rendered faces here. The world has turned heads and many lights, but nothing that hides a face, so
        nothing is said of occlusion. A condition names no pose and no light: both can only come with the noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from kaoiro.core.condition import PARTS
from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, FER2013, UNITS_HEAD
from kaoiro.data.datasets import synthetic
from kaoiro.data.datasets.synthetic import Synthetic
from kaoiro.evaluation import multitask
from kaoiro.evaluation.multitask import DRAWS, Answers, Sums, difference, summed, verdict
from kaoiro.evaluation.progress import followed
from kaoiro.families.multitask_affect.adversarial import Adversarial
from kaoiro.families.multitask_affect.generation import GENERATORS, AdversarialConfig, GenerationRecipe
from kaoiro.inference.portraits import Portraits, sheet
from kaoiro.metrics.generation import precision_recall, within
from kaoiro.metrics.temporal import draws
from kaoiro.training import generation
from kaoiro.training.generation import FEATURES, Part, featured, labelled, wishes
from kaoiro.training.signal import aligned

STEPS, SEEDS = 1000, 3
"""Of the networks that learn from real or from generated faces."""
SHOWN = 1024
"""Faces that are compared by their features."""
PRESENT = 0.2
"""Intensity from which an action unit counts as shown, in what is learned and in what is tested, as in syn-mt."""
REAL, HALF, GENERATED, BOTH = "real faces", "real faces, half the steps", "generated faces", "both"
"""What networks learn from. Of both kinds, half of a step's faces are real: no more than in half the steps."""
PAIRS = ((GENERATED, REAL), (BOTH, REAL), (BOTH, HALF))
COMPARED = ("CCC valence", "CCC arousal", "accuracy", "F1w", "AU F1", "TA_bal", "P")
_COLUMNS = 8  # of a picture of nuisances
_PEOPLE = 6  # of a picture of people
_TITLE = 18  # pixels above two rows of a picture of nuisances
_RIDGE = 1e-3  # of the variance of a pixel
_READ = 0.5
"""Correlation with the truth below which a nuisance is not read at all."""
NUISANCES: dict[str, tuple[str, str]] = {
    "turn of the head": ("yaw", "degrees"),
    "light from the side": ("light_azimuth", "degrees"),
    "contrast of the light": ("light_contrast", ""),
}
"""What generated faces may or may not go along with: column of the set, and unit."""


@dataclass(frozen=True)
class Measured:
    """Figures for the page of system D, and its pictures."""

    figures: dict[str, Any]
    people: Image.Image
    nuisances: Image.Image


def measure(
    made: Portraits, root: str, judge: Path, tell: Callable[[str], None] = print, seeds: int = SEEDS, steps: int = STEPS
) -> Measured:
    """Measure a conditional generator on a rendered set.

    Args:
        made: the generator.
        root: folder of a syn-id set; its unseen people are those of no 'train' split.
        judge: folder of the network that says what generated faces show; trained where it is not there yet.
        tell: told what is being done.
        seeds: of the networks that learn from generated faces.
        steps: of these.

    Raises:
        DataError: no such set, or the judge is of another training.
        InputError: the generator takes no condition.
    """
    made.typical  # noqa: B018  raises where there is no condition
    recipe = GENERATORS["generator"]
    part = generation.load(replace(recipe.data, root=root), made.description.side)
    trained = generation.control(recipe, part, judge, tell)
    tell("comparing features")
    numbers = generation.measure(made, part, trained, recipe.run.seed + 1)
    people = part.unseen.subjects
    assert people is not None
    tell("learning from generated faces")
    found = learned_from(made, part, recipe, seeds, steps, tell)
    tell("turned heads and lights")
    data = synthetic.read(root)
    drawn = draw(made, part, data, recipe.run.seed + 2)
    read = readings(drawn.faces, part, data)
    figures = {
        "generator": made.description.name,
        "sha256": made.digest,
        "learned": f"{made.description.provenance.data}; {made.description.provenance.budget}",
        "unseen people": len(np.unique(people)),
        "unseen faces": len(part.unseen),
        "faces compared": min(SHOWN, len(part.unseen)),
        "compared by": FEATURES,
        "seed": recipe.run.seed,
        "faces to learn from": len(part.training),
        "steps": steps,
        "batch": recipe.run.batch,
        "draws": DRAWS,
        "claims": _claims(found),
        "pictures": {name: {"value": value} for name, value in (numbers | _fair(drawn)).items()},
        "to learn from": multitask.table(found),
        "differences": differences(found),
        "share of unseen faces among the generated, by nuisance": nuisances(drawn, data),
        "nuisances read from the pixels": spread(read),
    }
    return Measured(figures, sheet(made.everybody(_PEOPLE, 0), FER2013.labels), by_nuisance(read, drawn, part))


def learned_from(
    made: Portraits, part: Part, recipe: GenerationRecipe, seeds: int, steps: int, tell: Callable[[str], None]
) -> dict[str, list[Sums]]:
    """Return what networks answer of unseen people that learned from real faces, generated ones or both, by seeds."""
    found: dict[str, list[Sums]] = {}
    runs = list(product(range(seeds), (REAL, HALF, GENERATED, BOTH)))
    for seed, kind in followed(runs, len(runs), "networks"):
        parts = [part.training] if kind != GENERATED else []
        if kind in (GENERATED, BOTH):
            parts.append(labelled(made, wishes(part.training, len(part.training), seed), seed))
        run = replace(recipe.run, adversarial=False, steps=-(-steps // 2) if kind == HALF else steps, seed=seed)
        found.setdefault(kind, []).append(_tested(run, _joined(parts), part.unseen))
        tell(f"learned from {kind}, seed {seed}: P {float(found[kind][-1].figure('P')):.3f}")
    return found


def _joined(parts: Sequence[Faces]) -> Faces:
    """Return the faces of all parts, whose action units are shown or not."""
    targets = {name: np.concatenate([one.targets[name] for one in parts]) for name in PARTS}
    targets[UNITS_HEAD] = (targets[UNITS_HEAD] >= PRESENT).astype(np.float32)
    return Faces(np.concatenate([one.pixels for one in parts]), targets)


def _tested(run: AdversarialConfig, faces: Faces, unseen: Faces) -> Sums:
    said = Adversarial(run).fit(faces, tick=lambda _: None).answer(unseen.pixels)
    answer = Answers(said[AFFECT_HEAD], said[EXPRESSION].argmax(axis=1), said[UNITS_HEAD] > 0.5)
    shown = Answers(unseen.targets[AFFECT_HEAD], unseen.labels[EXPRESSION], unseen.targets[UNITS_HEAD] >= PRESENT)
    assert unseen.subjects is not None
    return summed(shown, answer, unseen.subjects)


def differences(found: Mapping[str, list[Sums]]) -> dict[str, dict[str, Any]]:
    """Return how much more of each measure networks have than others that learned from real faces alone."""
    rows = _drawn_people(found)
    result: dict[str, dict[str, Any]] = {}
    for (kind, against), measure in product(PAIRS, COMPARED):
        value, *ends = difference(found[kind], found[against], measure, rows)
        result[f"{measure}: {kind} - {against}"] = {"found": value, "interval": ends}
    return result


def _claims(found: Mapping[str, list[Sums]]) -> dict[str, dict[str, Any]]:
    apart = difference(found[BOTH], found[REAL], "P", _drawn_people(found))
    return {"P, real and generated - real": verdict(apart, 0.0)}


def _drawn_people(found: Mapping[str, list[Sums]]) -> np.ndarray:
    return draws(len(found[REAL][0].tables[AFFECT_HEAD]), DRAWS)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Generated faces, and what they are compared by.

    Attributes:
        faces: (N, side, side) uint8, generated for the conditions of unseen faces.
        shown: (N, F) their features.
        unseen: (M, F) features of the unseen faces.
        others: (K, F) features of rendered faces of training people, at the same moments of expressions as the unseen
            ones; K is N, or as many as there are.
    """

    faces: np.ndarray
    shown: np.ndarray
    unseen: np.ndarray
    others: np.ndarray


def draw(made: Portraits, part: Part, data: Synthetic, seed: int) -> Drawn:
    """Generate faces for conditions of unseen ones, and take features of all that they are compared with."""
    count = min(SHOWN, len(part.unseen))
    faces = made.draw(made.noise(count, seed), wishes(part.unseen, count, seed))
    known = np.random.default_rng((seed, 6)).permutation(data.select("train", "evaluation"))[:count]
    others = aligned(data, known, side=made.description.side).pixels
    return Drawn(faces, featured(faces), featured(part.unseen.pixels), featured(others))


def _fair(drawn: Drawn) -> dict[str, float]:
    """Return precision and recall of rendered faces of other people, which generated ones need not surpass."""
    precision, recall = precision_recall(drawn.unseen, drawn.others)
    return {"precision_of_other_people": precision, "recall_of_other_people": recall}


def nuisances(drawn: Drawn, data: Synthetic) -> dict[str, dict[str, Any]]:
    """Return by nuisance how many unseen faces with little, some and much of it lie among generated ones."""
    table, rows = data.table.iloc[generation.unseen_rows(data)], {}
    for name, (column, unit) in NUISANCES.items():
        amount = np.abs(table[column].to_numpy(np.float64))
        order = np.argsort(amount, kind="stable")
        for third, own in zip(("little", "some", "much"), np.array_split(order, 3), strict=True):
            rows[f"{name}, {third}"] = {
                "from": round(float(amount[own].min()), 2),
                "to": round(float(amount[own].max()), 2),
                "unit": f"{unit} to either side" if unit else "share",
                "faces": len(own),
                "among generated faces": within(drawn.unseen[own], drawn.shown),
                "among other people's faces": within(drawn.unseen[own], drawn.others),
            }
    return rows


@dataclass(frozen=True, eq=False)
class Reading:
    """What a linear regression reads from pixels of a nuisance.

    Attributes:
        truth: (M,) of the unseen faces.
        unseen: (M,) read from these.
        generated: (N,) read from generated faces.
    """

    truth: np.ndarray
    unseen: np.ndarray
    generated: np.ndarray

    @property
    def right(self) -> float:
        """Correlation with the truth."""
        return float(np.corrcoef(self.unseen, self.truth)[0, 1])


def readings(faces: np.ndarray, part: Part, data: Synthetic) -> dict[str, Reading]:
    """Read nuisances of unseen and generated faces by a ridge regression that learned from the training faces.

    Args:
        faces: (N, side, side) uint8 generated ones.
        part: of which the faces for training and the unseen ones are.
        data: the set with their truth.
    """
    learned, unseen = (
        data.table.iloc[rows] for rows in (data.select("train", "training"), generation.unseen_rows(data))
    )
    inputs, seen, made = (_inputs(one) for one in (part.training.pixels, part.unseen.pixels, faces))
    mean = inputs.mean(axis=0)
    inputs = inputs - mean
    square = inputs.T @ inputs + _RIDGE * len(inputs) * np.eye(inputs.shape[1])
    result = {}
    for name, (column, _) in NUISANCES.items():
        truth = learned[column].to_numpy(np.float64)
        slope = np.linalg.solve(square, inputs.T @ (truth - truth.mean()))
        read = (truth.mean() + (one - mean) @ slope for one in (seen, made))
        result[name] = Reading(unseen[column].to_numpy(np.float64), *read)
    return result


def _inputs(pixels: np.ndarray) -> np.ndarray:
    """Return pictures (N, side, side) uint8 as rows of means over 2 by 2 pixels, 0-1."""
    count, side, _ = pixels.shape
    small = pixels.reshape(count, side // 2, 2, side // 2, 2).mean(axis=(2, 4), dtype=np.float64)
    return small.reshape(count, -1) / 255


def spread(read: Mapping[str, Reading]) -> dict[str, dict[str, Any]]:
    """Return how much nuisances vary in generated and in unseen faces; what is hardly read is left out.

    The regression draws readings of both kinds of faces towards the mean alike.
    """
    result: dict[str, dict[str, Any]] = {}
    for name, one in read.items():
        figures = (one.unseen.std(), one.generated.std(), one.generated.std() / one.unseen.std())
        shown = [float(value) if one.right >= _READ else None for value in figures]
        names = ("sd of unseen faces", "sd of generated faces", "generated / unseen")
        result[name] = {"correlation with the truth": one.right, **dict(zip(names, shown, strict=True))}
    return result


def by_nuisance(read: Mapping[str, Reading], drawn: Drawn, part: Part) -> Image.Image:
    """Draw unseen faces from one end of a nuisance to the other, and below them generated ones likewise.

    Unseen faces go by what is true of them, generated ones by what is read; nuisances that are hardly read are left
    out, unless all are.
    """
    shown = {name: one for name, one in read.items() if one.right >= _READ} or read
    blocks = {}
    for name, one in shown.items():
        low, high, unit = one.truth.min(), one.truth.max(), NUISANCES[name][1]
        title = " ".join(f"{name}, {low:.3g} to {high:.3g} {unit}".split())
        rows = [part.unseen.pixels[_along(one.truth)], drawn.faces[_along(one.generated)]]
        blocks[f"{title}: unseen faces; below, generated ones as it is read from them"] = np.stack(rows)
    return _titled(blocks)


def _along(values: np.ndarray) -> np.ndarray:
    """Return rows at equal distances in the order of values, ends included."""
    return np.argsort(values, kind="stable")[np.linspace(0, len(values) - 1, _COLUMNS).astype(int)]


def _titled(blocks: Mapping[str, np.ndarray]) -> Image.Image:
    """Draw rows of faces below their titles, block after block."""
    sheets = [sheet(rows) for rows in blocks.values()]
    high = sheets[0].height + _TITLE
    result = Image.new("L", (sheets[0].width, high * len(sheets)), "white")
    pen = ImageDraw.Draw(result)
    for place, (title, one) in enumerate(zip(blocks, sheets, strict=True)):
        pen.text((3, place * high + 2), title, fill="black", font_size=_TITLE - 6)
        result.paste(one.convert("L"), (0, place * high + _TITLE))
    return result
