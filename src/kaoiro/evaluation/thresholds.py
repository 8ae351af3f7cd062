"""From which probability on an action unit counts as visible: chosen for each unit on validation data of two kinds.

Photographs: the tenth of FER2013 Training that networks do not learn from, of which prototype tables say by the voted
expression which units are shown. They are real faces in real light, but nobody coded them, and an average says little
of a single face. Rendered people: those of 'val', whose every intensity is known, but whose skin and folds are not
real. Neither is reality coded by FACS, and their errors differ; so the threshold of a unit is the one of the highest
mean of both F1, and where the two alone would choose quite others, the table says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FERPLUS, UNITS_HEAD, unit_number, unit_title
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.spec import EVEN
from kaoiro.data.datasets import fer2013, synthetic
from kaoiro.data.splits import stratified_holdout
from kaoiro.evaluation import crops, prototypes
from kaoiro.evaluation.answers import answers, asked, units_of
from kaoiro.evaluation.fer2013 import truth_of
from kaoiro.evaluation.scores import f1

OPTIONS = np.arange(1, 100) / 100
"""Thresholds that are tried."""
APART = 0.2
"""Difference of what the two kinds would choose alone from which on they are said to disagree."""
FEW = 30
"""Photographs of a unit below which what they would choose is hardly known."""
KINDS = ("photographs", "rendered")


class Kind(NamedTuple):
    """Faces of one kind.

    Attributes:
        scores: of each unit, (N,) probabilities.
        truth: of each unit, (N,) 1 or 0, NaN where unknown.
    """

    scores: Mapping[str, np.ndarray]
    truth: Mapping[str, np.ndarray]

    def of(self, unit: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Return scores (M,) and truth (M,) bool of a unit where it is known; None without both kinds of faces."""
        known = ~np.isnan(self.truth[unit])
        there = self.truth[unit][known] == 1
        return (self.scores[unit][known], there) if there.any() and not there.all() else None


def choose(model: ModelFolder, root: str, rendered: str, threads: int | None = None) -> dict[str, Any]:
    """Choose the threshold of every action unit that a model answers.

    Args:
        model: with the head 'units'.
        root: folder of the official files of FER2013; its training-val is looked at.
        rendered: folder of a set of the FACS world with people of 'val'.
        threads: of ONNX Runtime.

    Returns:
        Figures; the table 'thresholds' has a row for each unit.

    Raises:
        DataError: files or people are missing, or a unit has no faces of both kinds anywhere.
        ModelError: the model has no such head.
    """
    asked(model, (UNITS_HEAD,))
    data = synthetic.read(rendered)
    kinds = photographs(model, root, threads), people(model, data, threads)
    units = model.specification.head(UNITS_HEAD).labels
    table = {unit_title(unit): row(unit, *kinds) for unit in units}
    apart = [unit for unit in units if _apart(table[unit_title(unit)])]
    few = [unit for unit in units if 0 < (table[unit_title(unit)]["photographs: shown"] or 0) < FEW]
    means = {
        f"mean F1 of {kind} {when}": _mean([one[f"{kind}: F1 {when}"] for one in table.values()])
        for kind in KINDS
        for when in ("at 0.5", "at the threshold")
    }
    return {
        "model": model.name,
        "model_sha256": model.digest,
        "choice": "of each unit, the highest mean of F1 on both kinds; no FACS coder scored either",
        "photographs": "training-val of FER2013; shown or not is what two prototype tables say of the majority of FER+",
        "rendered": "all frames of the people of 'val', shown from the set's own intensity on (0.2)",
        "set": data.settings.get("set"),
        "set sha256": data.settings.get("finished", {}).get("sha256"),
        "photographs of training-val": len(next(iter(kinds[0].truth.values()))),
        "rendered frames of 'val'": len(next(iter(kinds[1].truth.values()))),
        **means,
        f"each kind alone would choose {APART:g} or more apart": _named(apart),
        f"fewer than {FEW} photographs show": _named(few),
        "thresholds": table,
    }


def photographs(model: ModelFolder, root: str, threads: int | None = None) -> Kind:
    """Return what a model says of training-val, and what prototype tables say by the majority of FER+."""
    training = fer2013.read(root).part("Training")
    held = training.rows(stratified_holdout(training.image_keys(), training.labels))
    classes, _ = truth_of(held, "ferplus")
    if not (classes >= 0).any():
        raise DataError(f"{root}: no image of training-val has a majority for an expression")
    names = np.array(FERPLUS.labels)[classes[classes >= 0]]
    scores = units_of(model, answers(model, held.images[classes >= 0], threads))
    return Kind(scores, {unit: prototypes.truth(unit, names) for unit in scores})


def _named(units: Sequence[str]) -> str:
    return f"AU {', '.join(str(unit_number(unit)) for unit in units)}" if units else "none"


def people(model: ModelFolder, data: synthetic.Synthetic, threads: int | None = None) -> Kind:
    """Return what a model says of all frames of the people of 'val', and what is true."""
    faces = crops.rendered(data, data.select("val"), model.specification.size)
    scores = units_of(model, answers(model, faces.pixels, threads))
    shown = crops.truth(data, faces)
    return Kind(scores, {unit: shown[unit] for unit in scores})


def row(unit: str, *kinds: Kind) -> dict[str, Any]:
    """Return the threshold of one unit and what it gives.

    Args:
        unit: its column.
        kinds: photographs and rendered people.

    Raises:
        DataError: no kind has faces with and without the unit.
    """
    known = {name: kind.of(unit) for name, kind in zip(KINDS, kinds, strict=True)}
    curves = {name: curve(*one) for name, one in known.items() if one is not None}
    if not curves:
        raise DataError(f"no face is known to show {unit_title(unit)}, or none not to; name larger sets")
    threshold = best(np.mean(list(curves.values()), axis=0))
    found: dict[str, Any] = {"threshold": threshold}
    for name, one in known.items():
        counts = (None, None) if one is None else (int(one[1].sum()), int((~one[1]).sum()))
        found |= {f"{name}: shown": counts[0], f"{name}: not shown": counts[1]}
        for when, least in (("at 0.5", EVEN), ("at the threshold", threshold)):
            found[f"{name}: F1 {when}"] = None if one is None else f1(one[1], one[0] >= least)
        found[f"{name} alone: threshold"] = best(curves[name]) if name in curves else None
    return found


def curve(scores: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Return F1 at each of `OPTIONS`: scores (N,) and truth (N,) bool -> (99,)."""
    return np.array([f1(there, scores >= least) for least in OPTIONS])


def best(values: np.ndarray) -> float:
    """Return the option with the highest value, the middle one of those that are equally high."""
    equal = np.flatnonzero(values >= values.max() - 1e-9)
    return float(OPTIONS[equal[len(equal) // 2]])


def _apart(found: Mapping[str, Any]) -> bool:
    alone = [found[f"{name} alone: threshold"] for name in KINDS]
    return None not in alone and abs(alone[0] - alone[1]) >= APART - 1e-9


def _mean(values: list[float | None]) -> float:
    return float(np.mean([value for value in values if value is not None]))


def present_from(model: ModelFolder, figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the chosen thresholds by unit, as `modelfile.set_thresholds` takes them."""
    units = model.specification.head(UNITS_HEAD).labels
    return {unit: figures["thresholds"][unit_title(unit)]["threshold"] for unit in units}


def card_numbers(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return what of a choice belongs into the model's card: mean F1 on both kinds, on which the choice was made."""
    names = {"training_val_prototypes": "photographs", "rendered_val": "rendered"}
    return {
        f"{name}_units_f1": round(figures[f"mean F1 of {kind} at the threshold"], 4) for name, kind in names.items()
    }
