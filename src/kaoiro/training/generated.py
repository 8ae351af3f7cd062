"""Generated faces beside real ones of people whom the generator never saw: as pictures, and to learn from.

Source: the measures of SPEC 5.5; to learn from generated faces and be tested on real ones as in Ravuri and Vinyals,
        "Classification Accuracy Score for Conditional Generative Models", NeurIPS 2019.
Note:   'real' are rendered faces here. The world has turned heads and many lights, but nothing that hides a face, so
        nothing is said of occlusion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, FER2013, UNITS_HEAD
from kaoiro.data.datasets import synthetic
from kaoiro.evaluation import multitask
from kaoiro.evaluation.multitask import DRAWS, Answers, Sums, difference, summed, verdict
from kaoiro.evaluation.progress import followed
from kaoiro.families.multitask_affect.adversarial import Adversarial
from kaoiro.families.multitask_affect.generation import GENERATORS, AdversarialConfig, GenerationRecipe
from kaoiro.inference.portraits import Portraits, sheet
from kaoiro.metrics.generation import within
from kaoiro.metrics.temporal import draws
from kaoiro.training import generation
from kaoiro.training.generation import FEATURES, Part, featured, labelled, wishes

STEPS, SEEDS = 1500, 3
"""Of the networks that learn from real or from generated faces."""
SHOWN = 1024
"""Faces that are compared by their features."""
PRESENT = 0.2
"""Intensity from which an action unit counts as shown."""
_COLUMNS = 8  # of a picture of nuisances
_PEOPLE = 6  # of a picture of people
NUISANCES: dict[str, tuple[str, str]] = {
    "turn of the head": ("yaw", "degrees to either side"),
    "light from the side": ("light_azimuth", "degrees to either side"),
    "contrast of the light": ("light_contrast", "share"),
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
    rows, picture = nuisances(made, part, root, recipe.run.seed + 2)
    figures = {
        "generator": made.description.name,
        "sha256": made.digest,
        "learned": f"{made.description.provenance.data}; {made.description.provenance.budget}",
        "unseen people": len(np.unique(people)),
        "unseen faces": len(part.unseen),
        "compared by": FEATURES,
        "draws": DRAWS,
        "claims": _claims(found),
        "pictures": {name: round(value, 4) for name, value in numbers.items()},
        "to learn from": multitask.table(found),
        "share of unseen faces among the generated, by nuisance": rows,
    }
    return Measured(figures, sheet(made.everybody(_PEOPLE, 0), FER2013.labels), picture)


def learned_from(
    made: Portraits, part: Part, recipe: GenerationRecipe, seeds: int, steps: int, tell: Callable[[str], None]
) -> dict[str, list[Sums]]:
    """Return what networks answer of unseen people that learned from real faces, from generated ones, and from both."""
    found: dict[str, list[Sums]] = {}
    for seed in range(seeds):
        wished = wishes(part.training, len(part.training), seed)
        drawn = labelled(made, wished, seed)
        kinds = {"real faces": _bare(part.training), "generated faces": drawn, "both": _joined(part.training, drawn)}
        for name, faces in kinds.items():
            run = replace(recipe.run, adversarial=False, steps=steps, seed=seed)
            found.setdefault(name, []).append(_tested(run, faces, part.unseen))
            tell(f"learned from {name}, seed {seed}: P {float(found[name][-1].figure('P')):.3f}")
    return found


def _bare(faces: Faces) -> Faces:
    return Faces(faces.pixels, faces.targets)


def _joined(first: Faces, second: Faces) -> Faces:
    targets = {name: np.concatenate([first.targets[name], second.targets[name]]) for name in second.targets}
    return Faces(np.concatenate([first.pixels, second.pixels]), targets)


def _tested(run: AdversarialConfig, faces: Faces, unseen: Faces) -> Sums:
    said = Adversarial(run).fit(faces, tick=lambda _: None).answer(unseen.pixels)
    answer = Answers(said[AFFECT_HEAD], said[EXPRESSION].argmax(axis=1), said[UNITS_HEAD] > PRESENT)
    shown = Answers(unseen.targets[AFFECT_HEAD], unseen.labels[EXPRESSION], unseen.targets[UNITS_HEAD] > PRESENT)
    assert unseen.subjects is not None
    return summed(shown, answer, unseen.subjects)


def _claims(found: Mapping[str, list[Sums]]) -> dict[str, dict[str, Any]]:
    people = len(next(iter(found["both"][0].tables.values())))
    rows = draws(people, DRAWS)
    apart = difference(found["both"], found["real faces"], "P", rows)
    return {"P, real and generated - real": verdict(apart, 0.0)}


def nuisances(made: Portraits, part: Part, root: str, seed: int) -> tuple[dict[str, dict[str, Any]], Image.Image]:
    """Return by nuisance how many unseen faces lie among generated ones, and a picture of the nearest ones.

    The picture has two rows for each nuisance: unseen faces from little to much of it, and below each the generated
    face that is nearest to it.
    """
    unseen = part.unseen
    faces = made.draw(made.noise(SHOWN, seed), wishes(unseen, SHOWN, seed))
    known = part.training.pixels[np.random.default_rng((seed, 6)).permutation(len(part.training))[:SHOWN]]
    shown, real, usual = featured(faces), featured(unseen.pixels), featured(known)
    table, rows, lines = _nuisances_of(root), {}, []
    for name, (column, unit) in followed(NUISANCES.items(), len(NUISANCES), "nuisances"):
        amount = np.abs(table[column])
        order = np.argsort(amount, kind="stable")
        for third, own in zip(("little", "some", "much"), np.array_split(order, 3), strict=True):
            rows[f"{name}, {third}"] = {
                "from": round(float(amount[own].min()), 2),
                "to": round(float(amount[own].max()), 2),
                "unit": unit,
                "faces": len(own),
                "among generated faces": within(real[own], shown),
                "among other real faces": within(real[own], usual),
            }
        picked = order[np.linspace(0, len(order) - 1, _COLUMNS).astype(int)]
        near = [int(((shown - real[one]) ** 2).sum(axis=1).argmin()) for one in picked]
        lines += [unseen.pixels[picked], faces[near]]
    return rows, sheet(np.stack(lines))


def _nuisances_of(root: str) -> dict[str, np.ndarray]:
    """Return the nuisances of the unseen faces, in the order in which `generation.load` reads these."""
    data = synthetic.read(root)
    table = data.table.iloc[generation.unseen_rows(data)]
    return {column: table[column].to_numpy(np.float64) for column, _ in NUISANCES.values()}
