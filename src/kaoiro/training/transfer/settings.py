"""How layers are best tuned in `kaoiro adapt`: a few settings compared on development domains, beside the usual ones.

Nothing of the people and pictures on which adaptation is measured is looked at. The development domains are people of
a rendered syn-id set and the 'development' half of DiffusionFER.
Legend: N faces, K labels, S settings.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from kaoiro.core.labels import FER2013
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import synthetic
from kaoiro.data.splits import part_of
from kaoiro.metrics.resampling import mean_interval
from kaoiro.metrics.selection import Candidates
from kaoiro.training.adapting import start, trials
from kaoiro.training.adapting.candidates import FIRST, TUNED, Bench
from kaoiro.training.adapting.material import Material
from kaoiro.training.adapting.start import Start, look
from kaoiro.training.adapting.tuning import TuningConfig, answers
from kaoiro.training.transfer import framing, kept, targets
from kaoiro.training.transfer.lots import material_of, selected
from kaoiro.training.transfer.targets import TRAIN, Roots, Target, first_people

Tell = Callable[[str], None]
LEARNED, JUDGED, SEEDS = 200, 400, 2
"""Faces learned from and judged by, and draws of them."""
_ALL, _LAST = TUNED["all layers"], TUNED["last layers"]
SETTINGS: Mapping[str, TuningConfig] = MappingProxyType(
    {
        "all layers": _ALL,
        "all layers, a third of the rate": replace(_ALL, learning_rate=_ALL.learning_rate / 3),
        "all layers, three times the rate": replace(_ALL, learning_rate=_ALL.learning_rate * 3),
        "all layers, twice the passes": replace(_ALL, passes=_ALL.passes * 2),
        "all layers, four times the passes": replace(_ALL, passes=_ALL.passes * 4),
        "all layers, twice the passes, three times the rate": replace(
            _ALL, passes=_ALL.passes * 2, learning_rate=_ALL.learning_rate * 3
        ),
        "last layers": _LAST,
        "last layers, a third of the rate": replace(_LAST, learning_rate=_LAST.learning_rate / 3),
        "last layers, three times the rate": replace(_LAST, learning_rate=_LAST.learning_rate * 3),
    }
)
"""What is compared; each is held against the usual one of its depth."""


@dataclass(frozen=True, eq=False)
class Told:
    """What all settings say of faces that nothing was learned from.

    Attributes:
        truth: (N,) classes.
        groups: (N,) what is never divided.
        scores: (N, K) raw outputs by setting.
        seconds: of the processor, by setting.
    """

    truth: np.ndarray
    groups: np.ndarray
    scores: Mapping[str, np.ndarray]
    seconds: Mapping[str, float]


def compare(
    model: ModelFolder, rendered: str | Path, generated: str | Path, out: Path, tell: Tell, seeds: int = SEEDS
) -> dict[str, Any]:
    """Return how each setting does on the development domains; what is done is kept in `out`.

    Args:
        model: that is adapted.
        rendered: a syn-id set.
        generated: DiffusionFER.
        out: folder that keeps crops and answers.
        tell: says what was done.
        seeds: draws of faces.

    Raises:
        DataError: a set is missing or not in the documented layout.
    """
    begun = start.opened(model)
    size = begun.part.specification.size
    domains = {"rendered (syn-id)": _people_of(rendered, size), "generated": _half(generated, size, out)}
    found: dict[str, list[Told]] = {}
    for name, target in domains.items():
        found[name] = [_told(begun, target, seed, out, tell) for seed in range(seeds)]
    return {
        "of model": model.name,
        "pictures learned from": LEARNED,
        "seeds": seeds,
        "rule": "another setting becomes the usual one if on both domains it is right more often and its log loss is "
        "lower; one that surely gains on one of them and surely loses on neither may be a method of its own",
        "domains": {
            name: {"pictures": len(one), "groups": len(np.unique(one.groups)), "judged by": len(found[name][0].truth)}
            for name, one in domains.items()
        },
        "settings": {
            name: {"layers": one.depth, "rate": one.learning_rate, "passes": one.passes}
            for name, one in SETTINGS.items()
        },
        **{name: _figures(told) for name, told in found.items()},
    }


def _people_of(root: str | Path, size: int) -> Target:
    """Return people of a rendered set: each clip at its height, and as many as are needed."""
    data = synthetic.read(root)
    table = data.table[(data.table["split"] == "train").to_numpy()]
    heights = table.loc[table.groupby(["subject", "clip"])["intensity"].idxmax()]
    order = np.random.default_rng(0).permutation(np.unique(heights["subject"].to_numpy(str)))
    rows = np.concatenate([np.sort(heights.index[heights["subject"] == one].to_numpy(np.int64)) for one in order])
    rows = rows[: LEARNED + JUDGED]
    crops, seen = framing.cut_out((data.pixels(rows[at : at + 1])[0] for at in range(len(rows))), len(rows), size)
    truth = np.array(FER2013.indices(data.table["clip_expression"].iloc[rows[seen]]), np.int64)
    groups, parts = data.table["subject"].to_numpy(str)[rows[seen]], np.full(len(truth), TRAIN)
    return Target("rendered", "", FER2013.labels, crops, truth, groups, parts, len(np.unique(groups)))


def _half(root: str | Path, size: int, out: Path) -> Target:
    """Return the 'development' half of DiffusionFER."""
    whole = targets.load("generated", Roots(generated=root), size, out / "targets")
    half = selected(whole, np.array([part_of(group) == "development" for group in whole.groups.tolist()]))
    return replace(half, part=np.full(len(half), TRAIN))


def _told(begun: Start, target: Target, seed: int, out: Path, tell: Tell) -> Told:
    """Return what all settings say after one draw of faces; what is on disk already is not done again."""
    learned = first_people(target, LEARNED, seed)
    asked = np.setdiff1d(np.arange(len(target)), learned)[:JUDGED]
    material = material_of(target, begun.part.specification, np.arange(len(target)))
    bench = Bench(begun, material, look(begun, material.crops, material.labels), seed)
    scores, seconds = {"nothing": bench.scores("nothing", learned, asked)}, {"nothing": 0.0}
    for name, config in SETTINGS.items():
        path = out / "settings" / f"{target.name}-{seed}-{_key(bench, config, learned, asked)}.npz"
        found = kept.read(path)
        if found is None:
            found = _tried(bench, config, learned, asked)
            kept.write(path, *found)
            tell(f"{target.name}, seed {seed}, {name}: {found[1]['seconds']:.0f} s of the processor")
        scores[name], seconds[name] = found[0]["scores"], found[1]["seconds"]
    return Told(material.truth[asked], material.groups[asked], scores, seconds)


def _tried(
    bench: Bench, config: TuningConfig, learned: np.ndarray, asked: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    began = time.process_time()
    scores = answers(bench.tuned(learned, config), bench.material.crops[asked])
    return {"scores": scores}, {"seconds": time.process_time() - began}


def _key(bench: Bench, config: TuningConfig, learned: np.ndarray, asked: np.ndarray) -> str:
    told = repr([bench.start.part.digest, FIRST, asdict(config), bench.seed])
    found = hashlib.blake2b(told.encode(), digest_size=12)
    for rows in (learned, asked):
        found.update(bench.material.crops[rows].tobytes() + bench.material.truth[rows].tobytes())
    return found.hexdigest()


def _figures(told: Sequence[Told]) -> dict[str, Any]:
    """Return accuracy and log loss of each setting, and what it gains over the usual one of its depth."""
    judged = [trials.judged(one.scores, Material(np.empty(0), one.truth, (), one.groups)) for one in told]
    names = list(told[0].scores)
    return {name: _row(name, names, told, judged) for name in names}


def _row(name: str, names: list[str], told: Sequence[Told], judged: Sequence[Candidates]) -> dict[str, Any]:
    place, usual = names.index(name), names.index(name.split(",")[0])
    gained = [_gained(one.hits[place], one.hits[usual], one.groups) for one in judged]
    lost = [_gained(one.losses[place], one.losses[usual], one.groups) for one in judged]
    return {
        "accuracy": float(np.mean([one.hits[place].mean() for one in judged])),
        "log loss": float(np.mean([one.losses[place].mean() for one in judged])),
        "accuracy beside the usual": float(np.mean([value for value, _ in gained])),
        "half its interval": float(np.mean([half for _, half in gained])),
        "log loss beside the usual": float(np.mean([value for value, _ in lost])),
        "half of that interval": float(np.mean([half for _, half in lost])),
        "seconds": float(np.mean([one.seconds[name] for one in told])),
    }


def _gained(ours: np.ndarray, theirs: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Return how much more one has than another, and half of the 95 % interval over groups."""
    difference = ours.astype(np.float64) - theirs
    low, high = mean_interval(difference, groups)
    return float(difference.mean()), (high - low) / 2
