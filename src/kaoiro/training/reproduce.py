"""System A from the official files to the table of claims, in one call that can be interrupted and goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core import modelfile
from kaoiro.core.checks import at_least, positive
from kaoiro.core.files import write_text
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import fer2013, synthetic
from kaoiro.evaluation.fer2013 import Labels, evaluate
from kaoiro.training import cost, rendered, steadiness
from kaoiro.training.export import export
from kaoiro.training.fit import fit, recipes
from kaoiro.training.signal import SignalConfig

FAMILY = "residual_attention"
SETS = ("syn-id", "syn-vid", "syn-flicker")
"""Rendered sets that the half on video needs."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What a recipe is to reach on PublicTest (SPEC 2.6).

    Attributes:
        recipe: of `residual_attention`.
        labels: whose.
        measure: of the evaluation's figures.
        least: value wished.
        source: what the claim says.
    """

    recipe: str
    labels: Labels
    measure: str
    least: float
    source: str

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
        fer2013: folder of the official files.
        out: folder of runs and figures; what is there already is not done again.
        sets: folder with the rendered sets syn-id, syn-vid and syn-flicker.
        seeds: of each recipe.
        budget: hours for each run of a still recipe, of which its whole schedule is scaled; None takes the recipe's.
        stills: whether the still recipes are trained and measured.
        video: whether smoothing over time is.
    """

    fer2013: str
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


def system_a(order: Order, model: ModelFolder, tell: Tell = print) -> dict[str, Any]:
    """Train and measure all that is said of system A and return the figures.

    Args:
        order: what, from what and where.
        model: that ships; its figures stand beside those of the recipes.
        tell: receives what a person should know on the way.

    Returns:
        `claims`: found, interval, wished, verdict of each; `networks`: every still run; `temporal`: as
        `kaoiro evaluate temporal` returns it.

    Raises:
        DataError: files or sets are missing.
        InputError: `out` holds runs with other settings.
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on.
    """
    fer2013.read(order.fer2013)  # refuses missing files before hours are spent
    figures: dict[str, Any] = {"seeds": order.seeds, "budget_hours": order.budget, "claims": {}}
    if order.stills:
        runs = stills(order, model, tell)
        figures["claims"] |= {wish.name: claim(wish, runs, order.seeds) for wish in WISHES}
        figures["networks"] = _columns(runs)
    if order.video:
        figures["temporal"] = video(order, model, tell)
        figures["claims"] |= _over_time(figures["temporal"])
    return figures


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
    found: dict[str, Any] = {"budget": model.description.provenance.budget}
    return found | {one: evaluate(model, order.fer2013, "val", one) for one in labels}


def claim(wish: Wish, runs: dict[str, dict[str, Any]], seeds: int) -> dict[str, Any]:
    """Return a row of the table: the mean over seeds, an interval, and the verdict.

    The interval of accuracies is that over images of the first seed, moved to the mean over seeds and widened to hold
    every seed; other measures have the range of the seeds.
    """
    tables = [runs[f"{wish.recipe}, seed {seed}"][wish.labels] for seed in range(seeds)]
    values = np.array([table[wish.measure] for table in tables], float)
    low, high = float(values.min()), float(values.max())
    if wish.measure == "accuracy":
        ends = np.array(tables[0]["accuracy_interval_95"]) - values[0] + values.mean()
        low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    verdict = "holds" if low >= wish.least else "does not hold" if high < wish.least else "undecided"
    return {
        "source": wish.source,
        "found": float(values.mean()),
        "interval": [low, high],
        "wished": f"at least {wish.least:g}",
        "verdict": verdict,
    }


def _columns(runs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return one row for each network and annotation, with the same columns."""
    measures = ("accuracy", "accuracy_dedup", "flips_accuracy", "macro_recall", "NEG", "NEG2", "ece")
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
        f"{mode}, {name}": {"source": name, **{key: row[key] for key in keys}}
        for mode, rows in tables.items()
        for name, row in rows.items()
    }


def video(order: Order, model: ModelFolder, tell: Tell) -> dict[str, Any]:
    """Teach a still network on rendered faces, and measure smoothing over time through it."""
    sets = {name: order.sets / name for name in SETS}
    still = _rendered_network(order, model, tell)
    of = [
        still.digest,
        order.seeds,
        *(synthetic.read(path).settings.get("finished", {}).get("sha256") for path in sets.values()),
    ]
    file = order.out / "temporal.json"
    if file.is_file() and (stored := json.loads(file.read_text(encoding="utf-8")))["of"] == of:
        return stored["figures"]
    figures = steadiness.measure(sets["syn-vid"], still, order.seeds, tick=tell, flicker=sets["syn-flicker"])
    write_text(file, json.dumps({"of": of, "figures": figures}))
    return figures


def _rendered_network(order: Order, model: ModelFolder, tell: Tell) -> ModelFolder:
    folder, state = order.out / "rendered", order.out / "signal.pt"
    rendered.measure(order.sets / "syn-id", model, config=SignalConfig(), checkpoint=state, tick=tell, keep=folder)
    return modelfile.load(folder)
