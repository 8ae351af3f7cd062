"""Train a generator of faces, write its folder, and measure what it makes."""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import importlib.util
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kaoiro.core import modelfile
from kaoiro.core.condition import CONDITION, PARTS, columns
from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.files import writing
from kaoiro.core.labels import (
    ACTION_UNITS,
    AFFECT,
    AFFECT_CENTRES,
    AFFECT_HEAD,
    EXPRESSION,
    FER2013,
    MULTITASK_UNITS,
    UNITS_HEAD,
)
from kaoiro.core.modelfile import Card, Provenance
from kaoiro.core.revision import commit
from kaoiro.data.datasets import drawn, synthetic
from kaoiro.families.multitask_affect.adversarial import Adversarial
from kaoiro.families.multitask_affect.generation import GenerationData, GenerationRecipe
from kaoiro.inference import portraits
from kaoiro.inference.classifier import Classifier, prepare_crops
from kaoiro.inference.portraits import GRAPH, GeneratorDescription, Portraits
from kaoiro.metrics import generation as metrics
from kaoiro.synthesis import prototypes
from kaoiro.training.export import halved
from kaoiro.training.signal import aligned

COMPARING = "stills"
FEATURES = f"features of {COMPARING}"
"""In which real and generated faces are compared: those of the model that knows expressions alone."""
LIMITS = (
    "Learned from rendered faces: generated ones look rendered, and prove nothing about people.",
    "Valence, arousal and action units follow the condition as far as the card's figures say.",
)
_PEOPLE = 8  # of a sheet of samples


@dataclasses.dataclass(frozen=True)
class Part:
    """Learning faces, faces of other people to compare with, and what they are."""

    training: Faces
    unseen: Faces
    description: str


def generators(family: str) -> dict[str, GenerationRecipe]:
    """Return the named recipes of generators of a family; most families have none."""
    name = f"kaoiro.families.{family}.generation"
    found = importlib.util.find_spec(f"kaoiro.families.{family}") and importlib.util.find_spec(name)
    return importlib.import_module(name).GENERATORS if found else {}


def load(config: GenerationData, side: int) -> Part:
    """Read the faces of a recipe as grey crops with the targets 'affect', 'expression' and 'units'.

    Args:
        config: what to read.
        side: of the crops, pixels.

    Raises:
        DataError: no root, or no finished set with training frames under it.
    """
    if config.dataset == "drawn":
        faces = _drawn(config.count, side)
        held = np.arange(len(faces)) % 4 == 0
        return Part(faces.rows(~held), faces.rows(held), f"{config.count} drawn faces")
    if config.root is None:
        raise DataError("name the folder of a rendered set by --data.root (kaoiro synth syn-id)")
    data = synthetic.read(config.root)
    learned = data.select("train", "training")
    other = unseen_rows(data)
    training = _hidden(_rendered(data, learned, config, side), config.labelled)
    made = data.settings
    description = f"{len(training)} frames of {made.get('set')}, seed {made.get('seed')}"
    unseen = _rendered(data, other, dataclasses.replace(config, labels="true"), side)
    return Part(training, unseen, description)


def unseen_rows(data: synthetic.Synthetic) -> np.ndarray:
    """Return the rows of faces for evaluation of people who are not in the training split: (K,) int64."""
    return np.flatnonzero((data.table["split"] != "train").to_numpy() & data.table["evaluation"].to_numpy(bool))


def _rendered(data: synthetic.Synthetic, rows: np.ndarray, config: GenerationData, side: int) -> Faces:
    frames, table = aligned(data, rows, side=side), data.table.iloc[rows]
    everything = config.labels == "true"
    has_units, has_expression = (
        (table[name].to_numpy(bool) | everything)[:, None] for name in ("has_units", "has_expression")
    )
    shares = frames.targets(np.arange(len(rows)), config.full)
    targets = {
        AFFECT_HEAD: table[list(AFFECT.labels)].to_numpy(np.float32),
        EXPRESSION: np.where(has_expression, shares, np.float32(np.nan)),
        UNITS_HEAD: np.where(has_units, frames.units, np.float32(np.nan)),
    }
    return Faces(frames.pixels, targets, {EXPRESSION: frames.expression}, frames.subjects, frames.clips)


def _hidden(faces: Faces, share: float) -> Faces:
    """Return faces of which the labels of some people are hidden: a share of these keeps them, at least one person."""
    assert faces.subjects is not None
    people = np.random.default_rng(0).permutation(np.unique(faces.subjects))
    keep = np.isin(faces.subjects, people[: max(1, round(share * len(people)))])[:, None]
    targets = {name: np.where(keep, values, np.float32(np.nan)) for name, values in faces.targets.items()}
    return dataclasses.replace(faces, targets=targets)


def _drawn(count: int, side: int) -> Faces:
    """Return drawings of seven expressions, valence, arousal and units as they are defined for these."""
    faces = drawn.faces(count * 8 // 7 + 8, seed=0, side=side)
    names = [drawn.VOCABULARY.labels[label] for label in faces.labels["expression"]]
    rows = np.flatnonzero([name in FER2013.labels for name in names])[:count]
    names = [names[row] for row in rows]
    units = [prototypes.mean(name, "facs", 1.0)[ACTION_UNITS.indices(MULTITASK_UNITS.labels)] for name in names]
    targets = {
        AFFECT_HEAD: np.array([AFFECT_CENTRES[name] for name in names], np.float32),
        EXPRESSION: np.eye(len(FER2013), dtype=np.float32)[FER2013.indices(names)],
        UNITS_HEAD: np.array(units, np.float32),
    }
    return Faces(faces.pixels[rows], targets, {EXPRESSION: np.array(FER2013.indices(names))})


def fit(recipe: GenerationRecipe, out: Path, tick: Callable[[str], None] = print) -> tuple[Portraits, dict[str, float]]:
    """Train a generator, or go on with what `out` holds, write its folder `out/model` and measure it.

    Args:
        recipe: what to train.
        out: receives last.pt, samples after every epoch, and the folder.
        tick: told of every epoch.

    Raises:
        DataError: the faces cannot be read, or `out` belongs to another training.
        InputError: a setting that cannot be, or losses that are no numbers any more.
    """
    recipe.check()
    part = load(recipe.data, recipe.run.generator.side)
    trained = Adversarial(recipe.run).fit(part.training, out, tick, lambda one, epoch: samples(one, out, epoch))
    budget = f"{recipe.run.steps} steps of {recipe.run.batch} faces for each of both networks"
    folder = export(trained, recipe, out / "model", part.description, budget)
    tick("measuring the generator")
    made = Portraits(folder)
    judge = control(recipe, part, out, tick)
    numbers = measure(made, part, judge, recipe.run.seed + 1)
    card = made.description.card.model_copy(update={"numbers": {k: round(v, 4) for k, v in numbers.items()}})
    portraits.write(folder, made.description.model_copy(update={"card": card}))
    return Portraits(folder), numbers


def control(recipe: GenerationRecipe, part: Part, out: Path, tick: Callable[[str], None]) -> Adversarial:
    """Return the discriminator's network trained on the real faces by the supervised losses alone."""
    run = dataclasses.replace(recipe.run, adversarial=False, seed=recipe.run.seed + 1)
    return Adversarial(run).fit(part.training, out / "control", lambda line: tick(f"control: {line}"))


def samples(trained: Adversarial, out: Path, epoch: int) -> None:
    """Write a sheet of faces of the averaged generator: the same people after every epoch."""
    row, seed = trained.typical, trained.config.seed
    if len(row):
        made = np.stack([trained.generate(np.repeat(one[None], _PEOPLE, axis=0), seed) for one in row], axis=1)
    else:
        made = portraits.in_rows(trained.generate(None, seed, _PEOPLE**2))
    about = {"epoch": epoch, "seed": seed}
    captions = FER2013.labels if len(row) else ()
    portraits.save(portraits.sheet(made, captions), out / f"samples-{epoch:03d}.png", about)


class Exported(nn.Module):
    """A generator that answers uint8 pictures (B, C, side, side)."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return pictures."""
        made = self.generator(noise, condition)
        return ((made + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def export_graph(trained: Adversarial, path: Path) -> None:
    """Write the averaged generator as ONNX: noise (B, noise), condition (B, 17) -> faces (B, C, side, side) uint8."""
    import onnx

    config = trained.config.generator
    names = ["noise", "condition"] if config.conditional else ["noise"]
    example = (torch.zeros(2, config.noise), torch.zeros(2, len(CONDITION)))[: len(names)]
    module = Exported(trained.averaged["generator"]).eval()
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        raw = str(Path(folder) / GRAPH)
        axes = {name: {0: "faces"} for name in [*names, "faces"]}
        torch.onnx.export(
            module,
            example,
            raw,
            input_names=names,
            output_names=["faces"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        model = onnx.load(raw)
    path.write_bytes(halved(model).SerializeToString())


def export(trained: Adversarial, recipe: GenerationRecipe, folder: Path, data: str, budget: str) -> Path:
    """Write a generator's folder: generator.onnx (weights in half precision) and generator.json; returns it.

    Raises:
        OutputError: the folder cannot be written.
    """
    config = trained.config.generator
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        export_graph(trained, folder / GRAPH)
    settings = dataclasses.asdict(recipe)
    settings["data"]["root"] = None
    history = {name: tuple(round(one[name], 4) for one in trained.history) for name in trained.history[0]}
    provenance = Provenance(
        recipe="multitask_affect/generator",
        settings=settings,
        data=data,
        seed=trained.config.seed,
        budget=budget,
        commit=commit(),
        created=datetime.date.today().isoformat(),
        history=dict(history),
    )
    kind = "of a given expression, valence, arousal and action units" if config.conditional else ""
    card = Card(
        summary=" ".join(f"{config.side}x{config.side} faces of nobody {kind}".split()),
        limits=LIMITS,
        licence="MIT as the code; learned from faces rendered or drawn by this project.",
    )
    typical = {label: tuple(map(float, row)) for label, row in zip(FER2013.labels, trained.typical, strict=False)}
    description = GeneratorDescription(
        name="generator",
        side=config.side,
        channels=1 if trained.channels == 1 else 3,
        noise=config.noise,
        condition=CONDITION.labels if config.conditional else (),
        typical=typical if config.conditional else {},
        files={},
        provenance=provenance,
        card=card,
    )
    portraits.write(folder, description)
    return folder


def labelled(made: Portraits, wished: np.ndarray, seed: int) -> Faces:
    """Return generated faces with their conditions as labels, to learn from: one for each condition (N, 17)."""
    pixels = made.draw(made.noise(len(wished), seed), wished)
    return Faces(pixels, {name: wished[:, place].astype(np.float32) for name, place in columns().items()})


def wishes(faces: Faces, count: int, seed: int) -> np.ndarray:
    """Return conditions as real faces show them together: (count, 17), of the faces whose labels are all known."""
    table = np.concatenate([faces.targets[name] for name in PARTS], axis=1)
    table = table[~np.isnan(table).any(axis=1)]
    return table[np.random.default_rng((seed, 4)).integers(0, len(table), count)]


def measure(made: Portraits, part: Part, judge: Adversarial, seed: int, count: int = 1024) -> dict[str, float]:
    """Return the figures of a conditional generator (SPEC 5.5).

    Args:
        made: the generator.
        part: what it learned from, and real faces of other people with all labels.
        judge: trained on real faces, by another seed than the generator's own discriminator.
        seed: of the noise and of the conditions, which are those of the unseen faces.
        count: of generated faces; at most as many unseen ones are compared with them.
    """
    rng = np.random.default_rng((seed, 5))
    real = part.unseen.rows(rng.permutation(len(part.unseen))[:count])
    learned = part.training.pixels[rng.permutation(len(part.training))[: 8 * count]]
    wished = wishes(part.unseen, len(real), seed)
    faces = made.draw(made.noise(len(wished), seed), wished)
    shown, seen, known = featured(faces), featured(real.pixels), featured(learned)
    ceiling = np.concatenate([real.targets[name] for name in PARTS], axis=1)
    people = made.everybody(64, seed)
    found = _nearness(shown, seen, known) | {
        "diversity_of_people": metrics.diversity(
            np.stack([featured(people[:, place]) for place in range(people.shape[1])]), seen
        )
    }
    for prefix, told, answers in (("", wished, judge.answer(faces)), ("real_", ceiling, judge.answer(real.pixels))):
        agreed = metrics.condition_agreement(answers, told)
        found |= {f"condition_{prefix}{name}": value for name, value in agreed.items()}
    return found


def featured(pixels: np.ndarray) -> np.ndarray:
    """Return the features of crops (N, H, W) uint8 by the model for expressions that ships: (N, F)."""
    network = Classifier(modelfile.load(COMPARING))
    size, channels = network.specification.size, network.specification.channels
    return network.predict(prepare_crops(pixels, size, channels)).features


def _nearness(made: np.ndarray, unseen: np.ndarray, known: np.ndarray) -> dict[str, float]:
    """Compare features of generated faces with those of unseen and of learned ones; real ones against each other."""
    precision, recall = metrics.precision_recall(unseen, made)
    half = metrics.precision_recall(unseen[::2], unseen[1::2][: len(unseen[::2])])
    copies = metrics.copies(known, made, unseen)
    return {
        "frechet_in_features_of_stills": metrics.frechet_distance(unseen, made),
        "frechet_of_training_faces": metrics.frechet_distance(unseen, known),
        "precision": precision,
        "recall": recall,
        "precision_of_real_halves": half[0],
        "nearest_training_face": copies.made,
        "nearest_training_face_of_unseen": copies.unseen,
        "copied": copies.copied,
    }
