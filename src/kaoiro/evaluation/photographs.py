"""What photographs with voted expressions tell of action units, valence and arousal, and of a model's expressions.

Nobody scored action units on them: prototype tables say which units an expression should show more often than others.
Every figure stands with and without the images that occur in Training (SPEC 1.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kaoiro.core.labels import AFFECT, AFFECT_CENTRES, AFFECT_HEAD, FERPLUS, UNITS_HEAD
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import fer2013
from kaoiro.evaluation import prototypes
from kaoiro.evaluation.answers import answers, units_of
from kaoiro.evaluation.fer2013 import SPLITS, predict, seen_in_training, truth_of
from kaoiro.evaluation.scores import shown, unit_table
from kaoiro.metrics.agreement import area_under_curve
from kaoiro.metrics.paired import mcnemar
from kaoiro.metrics.ranks import mean_order, mean_order_interval, most
from kaoiro.metrics.resampling import area_interval, mean_interval

ALL, OTHERS = "all images", "without images that occur in Training"


@dataclass(frozen=True)
class Photographs:
    """Images of a part of FER2013 with a majority among the eight emotions of FER+.

    Attributes:
        part: official name.
        images: (N, 48, 48) uint8.
        expressions: (N,) names.
        keys: (N,) digests; identical images are drawn together.
        seen: (N,) bool, also in Training; None if Training is not in the file.
    """

    part: str
    images: np.ndarray
    expressions: np.ndarray
    keys: np.ndarray
    seen: np.ndarray | None

    @property
    def parts(self) -> dict[str, np.ndarray]:
        """Masks of all images and, if that is known, of those that do not occur in Training."""
        everything = {ALL: np.ones(len(self.images), bool)}
        return everything if self.seen is None else {**everything, OTHERS: ~self.seen}


def read(root: str, split: str) -> Photographs:
    """Read a part of FER2013.

    Args:
        root: folder of the official files.
        split: 'val' (PublicTest) or 'test'.

    Raises:
        DataError: files or rows are missing.
    """
    everything = fer2013.read(root)
    data = everything.part(SPLITS[split])
    truth, _ = truth_of(data, "ferplus")
    seen = seen_in_training(everything, data)
    names = np.array(FERPLUS.labels)[truth]
    kept = truth >= 0
    keys = data.image_keys()[kept]
    return Photographs(SPLITS[split], data.images[kept], names[kept], keys, None if seen is None else seen[kept])


def measure(
    model: ModelFolder, against: ModelFolder, photographs: Photographs, threads: int | None = None
) -> dict[str, Any]:
    """Return units and affect beside the expressions, and a model's expressions beside another's on the same faces.

    Args:
        model: with the heads 'affect' and 'units'.
        against: the best model of expressions.
        photographs: all of them with a known expression.
        threads: of ONNX Runtime.
    """
    found = answers(model, photographs.images, threads)
    units, affect = units_of(model, found), found.heads[AFFECT_HEAD]
    names, parts = photographs.expressions, photographs.parts
    truth = {unit: prototypes.truth(unit, names) for unit in units}
    present_from = model.specification.head(UNITS_HEAD).present_from
    return {
        "part": photographs.part,
        "photographs": len(names),
        OTHERS: None if photographs.seen is None else int((~photographs.seen).sum()),
        "valence and arousal by expression": _affect_means(affect, photographs),
        "order on the circumplex": order(affect, photographs),
        **{f"units by expression, {part}": _unit_means(units, names, rows) for part, rows in parts.items()},
        "prototypes": evidence(units, photographs),
        **{
            f"units as prototypes say, {part}": unit_table(
                {unit: score[rows] for unit, score in units.items()},
                {unit: told[rows] for unit, told in truth.items()},
                present_from,
                photographs.keys[rows],
            )
            for part, rows in parts.items()
        },
        "expressions": compare(model, against, photographs, threads),
    }


def _affect_means(affect: np.ndarray, photographs: Photographs) -> dict[str, dict[str, Any]]:
    """Return mean valence and arousal of each expression with their intervals."""
    table = {}
    for label in FERPLUS.labels:
        rows = photographs.expressions == label
        if not rows.any():
            continue
        table[label] = {"n": int(rows.sum())}
        for k, name in enumerate(AFFECT.labels):
            values, keys = affect[rows, k], photographs.keys[rows]
            table[label][name] = float(values.mean())
            table[label][f"interval of {name}"] = shown(mean_interval(values, keys), keys)
            others = rows & photographs.parts.get(OTHERS, False)
            table[label][f"{name}, without copies"] = float(affect[others, k].mean()) if others.any() else None
    return table


def order(affect: np.ndarray, photographs: Photographs) -> dict[str, dict[str, Any]]:
    """Return how well the expressions' means keep the order of their places on the circumplex (`AFFECT_CENTRES`).

    Spearman's correlation of the means with the places; some places are equal, so that it cannot be quite 1.

    Args:
        affect: (N, 2) valence and arousal of the photographs.
        photographs: of all seven expressions that have a place; contempt has none.
    """
    labels = [label for label in AFFECT_CENTRES if (photographs.expressions == label).any()]
    table = {}
    for k, name in enumerate(AFFECT.labels):
        places = np.array([AFFECT_CENTRES[label][k] for label in labels])
        row: dict[str, Any] = {"expressions": len(labels), "at most": most(places) if len(labels) > 2 else None}
        for part, rows in photographs.parts.items():
            rows = rows & np.isin(photographs.expressions, labels)
            classes = np.array([labels.index(one) for one in photographs.expressions[rows].tolist()], np.int64)
            found = mean_order(affect[rows, k], classes, places) if len(labels) > 2 else float("nan")
            row[f"rank correlation, {part}"] = None if np.isnan(found) else found
            if part == ALL:
                keys = photographs.keys[rows]
                interval = mean_order_interval(affect[rows, k], classes, places, keys) if len(labels) > 2 else None
                row["interval"] = interval and shown(interval, keys)
        table[name] = row
    return table


def _unit_means(units: Mapping[str, np.ndarray], names: np.ndarray, part: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return the mean probability of each unit on each expression, in a part (N,) of the photographs."""
    table = {}
    for label in FERPLUS.labels:
        rows = part & (names == label)
        if rows.any():
            table[label] = {"n": int(rows.sum()), **{unit: float(v[rows].mean()) for unit, v in units.items()}}
    return table


def evidence(units: Mapping[str, np.ndarray], photographs: Photographs) -> dict[str, dict[str, Any]]:
    """Test every always-unit of both tables: does its expression show it more than those for which no table names it?

    Args:
        units: (N,) probabilities by unit.
        photographs: the N faces.
    """
    table, names = {}, photographs.expressions
    for pair in prototypes.pairs(list(units)):
        there, rows = names == pair.expression, np.isin(names, (pair.expression, *pair.without))
        if not there.any() or there[rows].all():
            continue
        score, keys = units[pair.unit], photographs.keys[rows]
        row = {"tables": " and ".join(pair.tables), "n": int(there.sum()), "against": int((rows & ~there).sum())}
        row |= {"AUC": area_under_curve(there[rows], score[rows])}
        row |= {"interval": shown(area_interval(there[rows], score[rows], keys), keys)}
        fewer = rows & photographs.parts.get(OTHERS, False)
        both = there[fewer].any() and not there[fewer].all()
        row |= {"AUC without copies": area_under_curve(there[fewer], score[fewer]) if both else None}
        table[pair.title] = row
    return table


def compare(
    model: ModelFolder, against: ModelFolder, photographs: Photographs, threads: int | None = None
) -> dict[str, dict[str, Any]]:
    """Return accuracies of two models on the same faces and what the first loses, in points, with its paired interval.

    Args:
        model: asked.
        against: what it is compared with.
        photographs: with and without images that occur in Training, a row each.
        threads: of ONNX Runtime.
    """
    truth = np.array(FERPLUS.indices(photographs.expressions.tolist()))
    told = [predict(one, photographs.images, FERPLUS, threads, any_head=True)[0] for one in (model, against)]
    first, second = (one.argmax(axis=1) == truth for one in told)
    return {
        part: {"model": model.name, "against": against.name, **_loss(first[rows], second[rows], photographs.keys[rows])}
        for part, rows in photographs.parts.items()
        if rows.any()
    }


def _loss(first: np.ndarray, second: np.ndarray, keys: np.ndarray) -> dict[str, Any]:
    """Return the figures of two classifiers, whose answers (N,) are right or not, on images with these digests (N,)."""
    loss = 100.0 * (second.astype(float) - first)
    alone = int((first & ~second).sum()), int((second & ~first).sum())
    return {
        "n": len(first),
        "accuracy": float(first.mean()),
        "accuracy of that": float(second.mean()),
        "loss in points": float(loss.mean()),
        "interval of the loss": shown(mean_interval(loss, keys), keys),
        "right alone": list(alone),
        "p (McNemar)": mcnemar(*alone),
    }
