"""Heads beside the expression: what a model may answer, and the columns in which it is written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from kaoiro.core import modelfile
from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.labels import AFFECT, AFFECT_HEAD, MEASURED_UNITS, OWN_HEAD, SPREAD_HEAD, UNITS_HEAD, Vocabulary
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.spec import Head, Specification
from kaoiro.core.types import spread_column, word_column
from kaoiro.inference.words.naming import column_name

_KNOWN: Mapping[str, tuple[str, Vocabulary]] = {
    AFFECT_HEAD: ("tanh", AFFECT),
    SPREAD_HEAD: ("exponential", AFFECT),
    UNITS_HEAD: ("sigmoid", MEASURED_UNITS),
}


def check_heads(model: ModelFolder) -> None:
    """Refuse a model whose answers have no column, or another meaning than the column's.

    Raises:
        ModelError: valence, arousal or action units with another activation, or labels that records do not have.
    """
    for head in model.specification.heads:
        if head.name in _KNOWN:
            _check(model.name, head, *_KNOWN[head.name])
        elif head.name == OWN_HEAD:
            _check_own(model.name, head)


def _check(model: str, head: Head, activation: str, vocabulary: Vocabulary) -> None:
    unknown = [label for label in head.labels if label not in vocabulary.labels]
    if unknown:
        raise ModelError(
            f"head '{head.name}' of model '{model}' answers {', '.join(unknown)}, for which records have no column; "
            f"they have: {', '.join(vocabulary.labels)}"
        )
    if head.activation != activation:
        raise ModelError(f"head '{head.name}' of model '{model}' must be {activation}, not {head.activation}")


def _check_own(model: str, head: Head) -> None:
    if head.activation != "softmax":
        raise ModelError(f"head '{head.name}' of model '{model}' must be softmax, not {head.activation}")
    try:
        own_columns(head.labels)
    except InputError as error:
        raise ModelError(f"head '{head.name}' of model '{model}': {error}") from error


def own_columns(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a user's own labels.

    Raises:
        InputError: a label that cannot be the name of a column, or two that would have the same.
    """
    found: dict[str, str] = {}
    for label in labels:
        name = word_column(_named(label))
        if name in found:
            raise InputError(f"labels '{found[name]}' and '{label}' would have the same column, {name}; rename one")
        found[name] = label
    return tuple(found)


def _named(label: str) -> str:
    try:
        return column_name(label)
    except InputError as error:
        raise InputError(f"label {error}") from error


def columns(answers: Mapping[str, np.ndarray], specification: Specification) -> list[dict[str, float]]:
    """Return what further heads say of N faces by column; what is not finite is left out, as all that is missing.

    Args:
        answers: by head, (N, K), calibrated.
        specification: names the K labels of each.
    """
    found: list[dict[str, float]] = [{} for _ in next(iter(answers.values()))]
    for head in specification.heads:
        if head.name not in (*_KNOWN, OWN_HEAD):
            continue
        names = _names(head)
        for face, row in zip(found, answers[head.name].tolist(), strict=True):
            face |= {name: value for name, value in zip(names, row, strict=True) if math.isfinite(value)}
    return found


def _names(head: Head) -> Sequence[str]:
    if head.name == OWN_HEAD:
        return own_columns(head.labels)
    return tuple(map(spread_column, head.labels)) if head.name == SPREAD_HEAD else head.labels


def visible_from(specification: Specification) -> dict[str, float]:
    """Return the probability from which each action unit counts as visible; empty where a model answers none."""
    return specification.head(UNITS_HEAD).present_from if measures(specification, UNITS_HEAD) else {}


def measures(specification: Specification, name: str) -> bool:
    """Whether a model has a head of that name."""
    return any(head.name == name for head in specification.heads)


def shipped_with(name: str) -> list[str]:
    """Return the names of the models that ship and have a head."""
    return [model for model in modelfile.shipped() if measures(modelfile.load(model).specification, name)]
