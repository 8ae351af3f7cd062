"""System A from the official files to the table of claims, in one call that can be interrupted and goes on."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro import __version__
from kaoiro.core import modelfile
from kaoiro.core.checks import at_least, positive
from kaoiro.core.errors import DataError
from kaoiro.core.files import write_text
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.revision import commit
from kaoiro.data.datasets import synthetic
from kaoiro.evaluation.fer2013 import Labels, evaluate
from kaoiro.training import arm_data, cost, rendered, steadiness
from kaoiro.training.export import export
from kaoiro.training.families import recipes
from kaoiro.training.fit import fit
from kaoiro.training.signal import SignalConfig

FAMILY = "residual_attention"
SETS = ("syn-id", "syn-vid", "syn-flicker")
"""Rendered sets that the half on video needs."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What a recipe is to reach on PublicTest.

    The accuracies on FER2013's labels are those that SPEC 2.6 wishes for PrivateTest, which is kept apart; macro recall
    and FER+ accuracy are wishes of this project.

    Attributes:
        recipe: of `residual_attention`.
        labels: whose.
        measure: of the evaluation's figures.
        least: value wished.
        about: the claim in words.
    """

    recipe: str
    labels: Labels
    measure: str
    least: float
    about: str

    @property
    def name(self) -> str:
        """Return what the row of the table is called."""
        return f"{self.recipe}: {self.measure} with {self.labels} labels"


WISHES = (
    Wish("fer2013-fidelity", "fer2013", "accuracy", 0.70, "Attention-56 as published classifies FER2013"),
    Wish("both", "fer2013", "accuracy", 0.725, "one small network, FER2013's labels"),
    Wish("both", "fer2013", "macro_recall", 0.70, "the same, mean over classes"),
    Wish("both", "ferplus", "accuracy", 0.895, "the same network, FER+ majority"),
)


@dataclass(frozen=True)
class Order:
    """What is reproduced, from what and where.

    Attributes:
        fer2013: folder of the official files; not needed without the stills.
        out: folder of runs and figures. Finished trainings in it are not done again, nor is a finished measurement over
            time; one that was interrupted begins anew.
        sets: folder with the rendered sets syn-id, syn-vid and syn-flicker.
        seeds: of each recipe.
        budget: hours for each run of a still recipe, to which its schedule is scaled; None takes the recipe's epochs.
        stills: whether the still recipes are trained and measured.
        video: whether smoothing over time is.
    """

    fer2013: str | None
    out: Path
    sets: Path
    seeds: int = 3
    budget: float | None = None
    stills: bool = True
    video: bool = True

    def __post_init__(self) -> None:
        at_least("--seeds", 1, self.seeds)
        if self.budget is not None:
            positive("--budget", self.budget, "hours")
        if self.stills:
            check(self.fer2013)


def check(root: str | None) -> None:
    """Refuse official files that lack something, before hours are spent.

    Raises:
        DataError: no folder, or no Training, PublicTest or votes in it.
    """
    if root is None:
        raise DataError("the still recipes need the official files: --fer2013 DIR")
    arm_data.read(root)


def system_a(order: Order, model: ModelFolder, tell: Tell = print) -> dict[str, Any]:
    """Train and measure all that is said of system A and return the figures.

    Args:
        order: what, from what and where.
        model: that ships; its figures stand beside those of the recipes.
        tell: receives what a person should know on the way.

    Returns:
        `halves`: when, and at which commit; `claims`: found, interval, wished, verdict of each; `networks`: every still
        run; `temporal`: as `kaoiro evaluate temporal` returns it.

    Raises:
        DataError: sets are missing.
        InputError: `out` holds runs with other settings.
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on.
    """
    figures: dict[str, Any] = {"halves": {}, "claims": {}}
    about = {"measured": datetime.date.today().isoformat(), "commit": commit(), "seeds": order.seeds}
    if order.stills:
        runs = stills(order, model, tell)
        figures["halves"]["stills"] = about | {"budget_hours": order.budget}
        figures["claims"] |= {wish.name: claim(wish, runs, order.seeds) for wish in WISHES}
        figures["networks"] = _columns(runs)
    if order.video:
        figures["temporal"] = video(order, model, tell)
        figures["halves"]["video"] = about | {"budget_hours": None}
        figures["claims"] |= _over_time(figures["temporal"])
    return figures


def merged(figures: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """Return figures with those of the other half of the system, if an earlier call stored them."""
    result = {**figures}
    for name in ("halves", "claims", "networks"):
        if stored.get(name) or figures.get(name):
            result[name] = stored.get(name, {}) | figures.get(name, {})
    return result


def stills(order: Order, model: ModelFolder, tell: Tell) -> dict[str, Any]:
    """Train every still recipe with every seed and return the figures of each, the shipped model's among them."""
    runs = {f"{model.name} (shipped)": _measured(model, order, ("fer2013", "ferplus"))}
    for recipe in dict.fromkeys(wish.recipe for wish in WISHES):
        labels: tuple[Labels, ...] = tuple(dict.fromkeys(wish.labels for wish in WISHES if wish.recipe == recipe))
        for seed in range(order.seeds):
            tell(f"{recipe}, seed {seed}")
            runs[f"{recipe}, seed {seed}"] = _measured(_trained(recipe, seed, order), order, labels)
    return runs


def _trained(name: str, seed: int, order: Order) -> ModelFolder:
    recipe = recipes(FAMILY)[name]
    run = replace(recipe.run, seed=seed, budget=order.budget)
    recipe = replace(recipe, data=replace(recipe.data, root=order.fer2013), run=run)
    folder = order.out / "stills" / f"{name}-seed{seed}"
    fitted = fit(FAMILY, recipe, folder)
    spent = cost.read(folder).text(fitted.recipe.run.epochs)
    return export(fitted, FAMILY, name, folder / "model", name, spent)


def _measured(model: ModelFolder, order: Order, labels: tuple[Labels, ...]) -> dict[str, Any]:
    """Return the figures on PublicTest, by annotation, and what the network cost."""
    assert order.fer2013 is not None
    found: dict[str, Any] = {"budget": model.description.provenance.budget}
    return found | {one: evaluate(model, order.fer2013, "val", one) for one in labels}


def claim(wish: Wish, runs: dict[str, dict[str, Any]], seeds: int) -> dict[str, Any]:
    """Return a row of the table: the mean over seeds, an interval, and the verdict.

    The interval of accuracies is that over images of the first seed, moved to the mean over seeds and widened to hold
    every seed; other measures have the range of the seeds, and no verdict from one seed.
    """
    tables = [runs[f"{wish.recipe}, seed {seed}"][wish.labels] for seed in range(seeds)]
    values = np.array([table[wish.measure] for table in tables], float)
    low, high = float(values.min()), float(values.max())
    if wish.measure == "accuracy":
        ends = np.array(tables[0]["accuracy_interval_95"]) - values[0] + values.mean()
        low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    alone = seeds == 1 and wish.measure != "accuracy"
    verdict = "holds" if low >= wish.least else "does not hold" if high < wish.least else "undecided"
    return {
        "claim": wish.about,
        "found": float(values.mean()),
        "interval": [low, high],
        "wished": f"at least {wish.least:g}",
        "verdict": "undecided" if alone else verdict,
    }


def _columns(runs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return one row for each network and annotation, with the same columns."""
    measures = (
        "part",
        "n",
        "model_sha256",
        "accuracy",
        "accuracy_dedup",
        "flips_accuracy",
        "macro_recall",
        "NEG",
        "NEG2",
        "ece",
    )
    return {
        f"{name}, {labels}": {measure: found[labels][measure] for measure in measures} | {"cost": found["budget"]}
        for name, found in runs.items()
        for labels in ("fer2013", "ferplus")
        if labels in found
    }


def _over_time(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the claims of every learned mode, as rows of one table."""
    tables = {name.removesuffix(": claims"): rows for name, rows in figures.items() if name.endswith(": claims")}
    keys = ("found", "interval", "wished", "verdict")
    return {
        f"{mode}, {name}": {"claim": f"smoothing over time, {mode}", **{key: row[key] for key in keys}}
        for mode, rows in tables.items()
        for name, row in rows.items()
    }


def finished(path: Path) -> bool:
    """Tell whether a rendered set is there, complete."""
    return (path / synthetic.SETTINGS).is_file() and "finished" in synthetic.read(path).settings


def video(order: Order, model: ModelFolder, tell: Tell) -> dict[str, Any]:
    """Teach a still network on rendered faces, and measure smoothing over time through it."""
    sets = {name: order.sets / name for name in SETS}
    still = _rendered_network(order, model, tell)
    recipe_texts = [repr(recipe) for recipe in recipes("temporal_attention").values()]
    of = [
        still.digest,
        order.seeds,
        __version__,
        *recipe_texts,
        *(synthetic.read(path).settings.get("finished", {}).get("sha256") for path in sets.values()),
    ]
    file = order.out / "temporal.json"
    stored = _stored(file)
    if stored.get("of") == of:
        return stored["figures"]
    figures = steadiness.measure(sets["syn-vid"], still, order.seeds, tick=tell, flicker=sets["syn-flicker"])
    write_text(file, json.dumps({"of": of, "figures": figures}))
    return figures


def _stored(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        return {"of": stored["of"], "figures": stored["figures"]}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is damaged; remove it to measure anew") from error


def _rendered_network(order: Order, model: ModelFolder, tell: Tell) -> ModelFolder:
    folder, state = order.out / "rendered", order.out / "signal.pt"
    rendered.measure(order.sets / "syn-id", model, config=SignalConfig(), checkpoint=state, tick=tell, keep=folder)
    return modelfile.load(folder)
