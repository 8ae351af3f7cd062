"""System A on video, measured: fixed smoothing, learned attention, and what each of its parts is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kaoiro.core.checks import at_least
from kaoiro.core.errors import DataError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.streams import Streams
from kaoiro.data.datasets import synthetic
from kaoiro.evaluation import course, streams, temporal
from kaoiro.evaluation.temporal import FINE, SINGLE, Known
from kaoiro.families.temporal_attention.objective import Objective
from kaoiro.families.temporal_attention.recipe import RECIPES, Recipe
from kaoiro.metrics.temporal import MEASURES, Course
from kaoiro.timeline.smoothing import LENGTH, METHODS
from kaoiro.training.temporal import Part, answers, fit

AVERAGE, PARABOLA = "moving average", "parabolic"
WEIGHTS_OF_FIDELITY = (0.0, 0.01, 0.1)
"""Among which the improved mode's is chosen, on the clips of 'val'."""
_ORDER = ("none", "low", "medium", "high")


def measure(
    root: str | Path,
    model: ModelFolder,
    seeds: int = 3,
    epochs: int | None = None,
    tick: Callable[[str], None] = print,
    choosing: bool = False,
    threads: int | None = None,
    flicker: str | Path | None = None,
) -> dict[str, Any]:
    """Read the clips of a syn-vid set through a still model, learn weights on its training people, and compare.

    Args:
        root: folder of the set.
        model: of stills, frozen.
        seeds: of the learned weights; tables show the first, one table has the main figures of all.
        epochs: instead of those of the recipes.
        tick: told of every step.
        choosing: report what settings are chosen by, on the clips of 'val', and nothing of 'test'.
        threads: of the processor for the still model; None leaves it to the runtime.
        flicker: folder of a syn-flicker set: the same clips in bad light, as a level of its own.

    Raises:
        DataError: no finished syn-vid (or syn-flicker) set.
        ModelError: the model has no expression head.
    """
    at_least("seeds", 1, seeds)
    data, lamps = _set(root, "syn-vid"), None if flicker is None else _set(flicker, "syn-flicker")
    truth, split = _through(data, model, threads, tick)
    learn = _Learning(Part(truth.streams, split), truth, epochs, tick)
    about = _about(data, model, split)
    if lamps is not None:
        _check_same_clips(data, lamps)
        learn.flickering = _through(lamps, model, threads, tick)[0]
        about |= {"flicker_set_sha256": lamps.settings["finished"]["sha256"]}
    if choosing:
        return about | _choice(learn)
    return about | _fixed(learn) | _learned(learn, seeds) | _ablation(learn)


def _set(root: str | Path, name: str) -> synthetic.Synthetic:
    data = synthetic.read(root)
    if data.settings.get("set") != name:
        raise DataError(f"{root} is a set of {data.settings.get('set')}; name one made by `kaoiro synth {name}`")
    return data


def _check_same_clips(data: synthetic.Synthetic, lamps: synthetic.Synthetic) -> None:
    """Refuse a set in other light that is not of the clips of 'test'."""
    tested = set(data.clips[data.table["split"].to_numpy(str) == "test"].tolist())
    settings = [{key: one.settings.get(key) for key in ("seed", "scale", "size")} for one in (data, lamps)]
    if tested != set(lamps.clips.tolist()) or settings[0] != settings[1] or "finished" not in lamps.settings:
        raise DataError(f"{lamps.root} does not hold the test clips of {data.root}; make both with the same options")


def _through(
    data: synthetic.Synthetic, model: ModelFolder, threads: int | None, tick: Callable[[str], None]
) -> tuple[Known, np.ndarray]:
    """Return what a model says of all clips, with the truth, and the split (F,) of the frames."""
    rows = _in_order(data)
    read = streams.rendered(data, rows, model, threads)
    tick(f"read {len(read)} frames of {len(read.bounds())} clips through {model.name}")
    return temporal.known(data, rows, read), data.table["split"].to_numpy(str)[rows]


class _Learning:
    """Clips, and recipes that are learned on them; `flickering` are the clips of 'test' in bad light, if there are."""

    flickering: Known | None = None

    def __init__(self, part: Part, truth: Known, epochs: int | None, tick: Callable[[str], None]) -> None:
        self.part, self.truth, self._epochs, self._tick = part, truth, epochs, tick

    def answer(self, recipe: Recipe, name: str, seed: int = 0) -> np.ndarray:
        """Learn and return the answers (F, 7) of all frames."""
        return _seven(self.learned(recipe, name, seed), self.part.streams)

    def learned(self, recipe: Recipe, name: str, seed: int = 0) -> Objective:
        """Learn a recipe."""
        run = replace(recipe.run, seed=seed, epochs=self._epochs or recipe.run.epochs)
        objective = fit(replace(recipe, run=run), self.part)
        self._tick(f"learned {name}, seed {seed}")
        return objective

    def of(self, split: str) -> Known:
        """Return the clips of one split."""
        keep = self.part.split == split
        whole, read = self.truth, self.part.streams
        chosen = replace(
            read,
            features=read.features[keep],
            logits=read.logits[keep],
            cues=read.cues[keep],
            clips=read.clips[keep],
        )
        return Known(chosen, whole.probabilities[keep], whole.intensity[keep], whole.target[keep], whole.level[keep])

    def course(self, answer: np.ndarray, split: str, recipe: Recipe, level: str | None = None) -> Course:
        """Measure answers on the clips of a split."""
        own = answer[self.part.split == split]
        return temporal.measured(self.of(split), own, recipe.network.centred, level)


def _seven(objective: Objective, read: Streams) -> np.ndarray:
    return temporal.seven(answers(objective, read)[0], read.labels)


def _fixed(learn: _Learning) -> dict[str, Any]:
    """Return what fixed methods do with the clips of 'test', and how that depends on the window."""
    test, result = learn.of("test"), {}
    for centred in (False, True):
        courses = {
            name: temporal.measured(test, temporal.smoothed(test, name, LENGTH, centred), centred)
            for name in (SINGLE, *METHODS)
        }
        result[f"fixed methods, {_kind(centred)}"] = temporal.table(courses)
        curves = temporal.pareto(test, tuple(METHODS), centred)
        result[f"by length of the window, {_kind(centred)}"] = {
            f"{name}, {length}": {measure: float(one.figure(measure)) for measure in ("jitter", "fidelity", "lag")}
            for name, lengths in curves.items()
            for length, one in lengths.items()
        }
    return result


def _learned(learn: _Learning, seeds: int) -> dict[str, Any]:
    """Return the learned weights of every recipe beside a moving average and a parabola, and the verdicts."""
    result: dict[str, Any] = {}
    main: dict[str, dict[str, Any]] = {}
    for name in ("fidelity", "causal", "centred"):
        recipe = RECIPES[name]
        objectives = [learn.learned(recipe, name, seed) for seed in range(seeds)]
        found = [_seven(one, learn.part.streams) for one in objectives]
        courses = [learn.course(answer, "test", recipe) for answer in found]
        if name == "fidelity":
            result["one clip"] = _example(learn, found[0])
        rivals = _rivals(learn.of("test"), recipe.network.centred)
        result[f"{name}: beside fixed windows"] = temporal.table({name: courses[0], **rivals})
        for level in sorted(set(learn.of("test").level), key=_ORDER.index):
            ours = learn.course(found[0], "test", recipe, level)
            result[f"{name}: level {level}"] = temporal.table(
                {name: ours, **_rivals(learn.of("test"), recipe.network.centred, level)}
            )
        if learn.flickering is not None:
            lamps = learn.flickering
            ours = temporal.measured(lamps, _seven(objectives[0], lamps.streams), recipe.network.centred)
            rows = {name: ours, **_rivals(lamps, recipe.network.centred)}
            result[f"{name}: flickering light"] = temporal.table(rows)
        parabolas = _parabolas(learn, recipe.network.centred)
        result[f"{name}: claims"] = temporal.claims(courses[0], rivals[AVERAGE], parabolas)
        for seed, one in enumerate(courses):
            main[f"{name}, seed {seed}"] = {measure: float(one.figure(measure)) for measure in MEASURES}
    return result | {"seeds": main}


def _example(learn: _Learning, answer: np.ndarray) -> dict[str, Any]:
    """Return the curves of one clip, as in the source's figure, with the fixed window that it lacks."""
    test = learn.of("test")
    shown = {
        SINGLE: test.probabilities,
        AVERAGE: temporal.smoothed(test, AVERAGE),
        "learned weights": answer[learn.part.split == "test"],
        PARABOLA: temporal.smoothed(test, PARABOLA),
    }
    return course.example(test, shown)


def _rivals(test: Known, centred: bool, level: str | None = None) -> dict[str, Course]:
    return {
        name: temporal.measured(test, temporal.smoothed(test, name, LENGTH, centred), centred, level)
        for name in (SINGLE, AVERAGE, PARABOLA)
    }


def _parabolas(learn: _Learning, centred: bool) -> Mapping[int, Course]:
    """Return parabolas of all lengths."""
    return temporal.pareto(learn.of("test"), (PARABOLA,), centred, FINE)[PARABOLA]


def variants(recipe: Recipe) -> dict[str, Recipe]:
    """Return the improved mode, each of its parts left out, and the control."""
    network, objective = recipe.network, recipe.objective
    return {
        "improved": recipe,
        "without cues": replace(recipe, network=replace(network, cues=False)),
        "without projection": replace(recipe, network=replace(network, projection=0)),
        "without the parabola to start from": replace(recipe, network=replace(network, parabolic=False)),
        "without fidelity": replace(recipe, objective=replace(objective, fidelity=0.0)),
        "with a price of lag": replace(recipe, objective=replace(objective, lag=0.001)),
        "knows valence, arousal and how far answers are apart": replace(recipe, network=replace(network, affect=True)),
        "weighs logits": replace(recipe, network=replace(network, weighs="logits")),
        "reads logits": replace(recipe, network=replace(network, reads="logits", projection=8)),
        "agreement of logits": replace(recipe, objective=replace(objective, compare="logits")),
        "shuffled frames (control)": replace(recipe, objective=replace(objective, shuffled=True)),
    }


def _ablation(learn: _Learning) -> dict[str, Any]:
    """Return what each part of the improved causal mode is worth, on the clips of 'test'."""
    courses = {
        name: learn.course(learn.answer(one, name), "test", one) for name, one in variants(RECIPES["causal"]).items()
    }
    return {"parts of the improved mode, causal": temporal.table(courses)}


def _choice(learn: _Learning) -> dict[str, Any]:
    """Return the figures by the weight of fidelity and by what is weighed, on the clips of 'val'."""
    result, validation = {}, learn.of("val")
    for name in ("causal", "centred"):
        recipe, courses, above = RECIPES[name], {}, {}
        centred = recipe.network.centred
        fixed = {
            method: temporal.measured(validation, temporal.smoothed(validation, method, LENGTH, centred), centred)
            for method in (AVERAGE, PARABOLA)
        }
        parabolas = temporal.pareto(validation, (PARABOLA,), centred, FINE)[PARABOLA]
        for key, one in _choices(recipe).items():
            courses[key] = learn.course(learn.answer(one, f"{name}, {key}"), "val", one)
            rows = temporal.claims(courses[key], fixed[AVERAGE], parabolas)
            above[key] = rows["(c) fidelity - that of a parabola of equal jitter"]
        result[f"{name}: clips of 'val'"] = temporal.table(courses | fixed)
        result[f"{name}: fidelity - that of a parabola of equal jitter"] = above
    return result


def _choices(recipe: Recipe) -> dict[str, Recipe]:
    """Return an improved mode with each weight of fidelity, laid on logits and on probabilities."""
    kinds: tuple[Literal["logits", "probabilities"], ...] = ("logits", "probabilities")
    return {
        f"weighs {weighs}, fidelity × {weight:g}": replace(
            recipe,
            network=replace(recipe.network, weighs=weighs),
            objective=replace(recipe.objective, fidelity=weight),
        )
        for weighs in kinds
        for weight in WEIGHTS_OF_FIDELITY
    }


def _in_order(data: synthetic.Synthetic) -> np.ndarray:
    """Return all rows, the frames of a clip together and in order."""
    return np.lexsort((data.table["frame"].to_numpy(), data.clips))


def _about(data: synthetic.Synthetic, model: ModelFolder, split: np.ndarray) -> dict[str, Any]:
    settings = data.settings
    try:
        identity = {"set_sha256": settings["finished"]["sha256"], "difficulty_sha256": settings["difficulty"]}
    except (KeyError, TypeError) as error:
        raise DataError(f"{data.root / synthetic.SETTINGS} is not that of a finished set; make the set anew") from error
    frames = {name: int((split == name).sum()) for name in ("train", "val", "test")}
    return {
        "set": {key: settings[key] for key in ("set", "scale", "size", "version")},
        **identity,
        "still model": model.name,
        "still model sha256": model.digest,
        "frames": frames,
    }


def _kind(centred: bool) -> str:
    return "centred" if centred else "causal"
