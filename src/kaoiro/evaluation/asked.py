"""Do generated faces show what is asked of them, when it is asked by itself? Read by a model of real faces.

Conditions of a training set hold what occurs together: a unit that is asked for with everything that goes with it may
be shown because of its company. Here each unit is asked for alone, and against the expression beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kaoiro.core.labels import AFFECT_HEAD, FER2013, MULTITASK_UNITS, UNITS_HEAD, unit_title
from kaoiro.core.modelfile import ModelFolder
from kaoiro.inference.classifier import Answers, Classifier, prepare_crops
from kaoiro.inference.portraits import Portraits

PEOPLE = 64
"""Faces of each condition; the same people with each."""
VISIBLE = 0.6
"""From this intensity in an expression's usual condition, a unit belongs to it and is taken away from it."""
_DEGREES = (-0.6, -0.3, 0.0, 0.3, 0.6)


def measure(made: Portraits, reader: ModelFolder, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return tables of what is read off generated faces, by what was asked for.

    Args:
        made: a generator that takes conditions.
        reader: model with the heads 'affect' and 'units'.
        seed: of the people.

    Returns:
        'units asked alone': the reader's mean probability of each unit at rest, where only the unit is said
        ('asked for'), where it is said of a neutral face ('added to neutral'), in the expression that shows it most,
        and there with it set to 0 ('taken away'). 'valence' and 'arousal' asked alone: means read. Expressions are
        left to a judge of rendered faces: models of real ones read few of these.

    Raises:
        InputError: the generator takes no condition.
        ModelError: the reader lacks a head.
    """
    classifier, noise = Classifier(reader), made.noise(PEOPLE, seed)

    def read(**said: Any) -> Answers:
        faces = made.draw(noise, made.condition(**said))
        return classifier.predict(prepare_crops(faces, reader.specification.size, reader.specification.channels))

    plain = {label: read(expression=label) for label in FER2013.labels}
    named = reader.specification.head(UNITS_HEAD).labels
    known = [unit for unit in MULTITASK_UNITS.labels if unit in named]
    units = {unit_title(unit): _unit(made, unit, named.index(unit), plain, read) for unit in known}
    return {
        "units asked alone": units,
        **{f"{name} asked alone": _affect(name, place, read) for place, name in enumerate(("valence", "arousal"))},
    }


def _unit(made: Portraits, unit: str, place: int, plain: dict[str, Answers], read: Any) -> dict[str, Any]:
    def mean(answers: Answers) -> float:
        return float(answers.heads[UNITS_HEAD][:, place].mean())

    usual = {label: made.named(made.condition(expression=label))[unit] for label in plain}
    most = max(usual, key=lambda label: usual[label])
    with_it = usual[most] >= VISIBLE
    return {
        "at rest": mean(plain["neutral"]),
        "asked for": mean(read(units={unit: 1.0})),
        "added to neutral": mean(read(expression="neutral", units={unit: 1.0})),
        "shown most in": most if with_it else None,
        "there": mean(plain[most]) if with_it else None,
        "taken away": mean(read(expression=most, units={unit: 0.0})) if with_it else None,
    }


def _affect(name: str, place: int, read: Any) -> dict[str, dict[str, float]]:
    return {
        f"{degree:+.1f}": {"read": float(np.mean(read(**{name: degree}).heads[AFFECT_HEAD][:, place]))}
        for degree in _DEGREES
    }
