"""What adaptation is worth: runs made, and their figures put together."""

from __future__ import annotations

from typing import Any

from kaoiro.core.errors import InputError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.evaluation import adapt_claims, adapt_figures
from kaoiro.evaluation.adapt_figures import ADAPTED
from kaoiro.training.transfer.adapt_runs import Order, Runs, Tell
from kaoiro.training.transfer.targets import NAMES


def measure(model: ModelFolder, order: Order, tell: Tell, draws: int | None = None) -> dict[str, Any]:
    """Measure adaptation on the targets asked for.

    Args:
        model: that is adapted.
        order: what is measured.
        tell: says what was done.
        draws: of people, for intervals; None is 10,000.

    Raises:
        DataError: a folder is missing or not in the documented layout.
        InputError: a model that cannot be adapted, or nothing is finished.
        KeyboardInterrupt: stopped; the same call goes on with the next run.
    """
    runs = Runs(model, order)
    if order.training:
        runs.make(tell)
    targets = {name: adapt_figures.figures(one, draws) for name, one in runs.finished()}
    if not targets:
        raise InputError(f"--out {order.out}: no run is finished; leave out --finished")
    gaps = {name: _gained(one) for name, one in targets.items()}
    return {
        "model": model.name,
        "pictures": order.pictures,
        "seeds": order.seeds,
        "claims": adapt_claims.claims(gaps, NAMES),
        "promises": adapt_figures.promises(targets),
        "targets": targets,
        "curve": _curve(runs, order, draws),
    }


def _gained(target: dict[str, Any]) -> dict[str, Any]:
    """Return the gains of accuracy over each other arm."""
    return {pair.removeprefix(f"{ADAPTED} − "): one["accuracy"] for pair, one in target["gaps"].items()}


def _curve(runs: Runs, order: Order, draws: int | None) -> dict[str, Any]:
    """Return accuracy by number of pictures; empty where none but the usual one was asked for."""
    counts, first = sorted({*order.curve, order.pictures}), order.targets[0]
    if len(counts) < 2:
        return {}
    found = [(name, one.first_seed()) for count in counts for name, one in runs.finished(count)]
    return {"target": first, "points": [adapt_figures.point(one, draws) for name, one in found if name == first]}
