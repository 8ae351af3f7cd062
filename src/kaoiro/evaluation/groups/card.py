"""What a model's card says of groups: figures, and a statement with its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaoiro.core import modelfile
from kaoiro.core.modelfile import ModelFolder
from kaoiro.evaluation.groups import tones
from kaoiro.evaluation.groups.comparing import DOING, Audit, Figure, Largest
from kaoiro.evaluation.groups.measures import ERROR, NO_FACE
from kaoiro.evaluation.groups.portraits import London
from kaoiro.evaluation.groups.smiles import ADJUSTED
from kaoiro.metrics.groups import ENOUGH, LEVEL

BEGINS = "By group: "
UNMEASURED = "; differences between ages, skin tones and cultures are not measured"
"""What cards of models say before anybody has measured."""


def write(model: ModelFolder, london: London, rendered: Mapping[str, Audit]) -> None:
    """Write figures and statement into the card of a model, in the place of earlier ones."""
    modelfile.add_numbers(model, numbers(london, rendered))
    limits = [limit.replace(UNMEASURED, "") for limit in model.description.card.limits]
    limits = [limit for limit in limits if not limit.startswith(BEGINS)]
    modelfile.set_limits(model, (*limits, statement(london, rendered)))


def numbers(london: London, rendered: Mapping[str, Audit]) -> dict[str, float]:
    """Return the errors of groups of enough people, of tones the darkest and the lightest."""
    same, exposed = (rendered[lit] for lit in tones.LIT)
    parts = {"london": london.audit, "rendered": same, "rendered_exposed": exposed}
    found = {}
    for name, audit in parts.items():
        found[f"{name}_error"] = round(audit.overall[ERROR], 4)
        errors = _errors(audit)
        for one in errors if audit is london.audit else (errors[0], errors[-1]):
            column = "skin" if one.column == tones.COLUMN else _key(one.column)
            found[f"{name}_error_{column}_{_key(one.group)}"] = round(one.value or 0.0, 4)
    return found


def _key(text: str) -> str:
    return "_".join(text.replace("*", "").lower().split())


def _errors(audit: Audit) -> list[Figure]:
    return [one for one in audit.figures if one.measure == ERROR and one.people >= ENOUGH and one.value is not None]


def statement(london: London, rendered: Mapping[str, Audit]) -> str:
    """Return what was found and what it cannot tell, as a few sentences."""
    faces = london.audit.faces
    missed = int(london.audit.overall[NO_FACE] * len(faces))
    gaps = "; ".join(_gap(one) for one in london.audit.gaps if one.measure == ERROR and one.family == DOING)
    lips = "" if london.lips is None else _alike(london.lips)
    lit = "; ".join(f"{name}, {_toned(one)}" for name, one in rendered.items())
    return (
        f"{BEGINS}London set, {len(faces)} portraits of {faces.persons} adults asked to be neutral or to smile, "
        f"{missed} without a face found. Largest gaps in error: {gaps}. How people smiled is not controlled{lips}. "
        f"Rendered people, skin alone changed: error {lit}; that is of the renderer's skin, and most expressions there "
        "are misread at any tone. Smaller differences, other expressions, light and cameras, and groups of fewer than "
        f"{ENOUGH} people are not told; nothing here shows that groups are treated alike. See docs/results/groups.md."
    )


def _alike(lips: Mapping[str, Any]) -> str:
    """Return the gap in recall among smiles of one kind."""
    name, gaps = next(one for one in lips.items() if one[0] != "groups")
    gap, (low, high) = gaps[ADJUSTED]["gap"], gaps[ADJUSTED]["interval"]
    size = f"{_points(gap)} [{_points(low)}, {_points(high)}]"
    return f": among smiles with lips alike, {name} is {size} points of recall"


def _gap(one: Largest) -> str:
    gap = one.gap
    size = f"{_points(gap.value)} points [{_points(gap.low)}, {_points(gap.high)}]"
    what = f"{one.column}, {one.most} above {one.least} by {size}"
    return (
        f"{what}, {'a difference' if one.adjusted <= LEVEL else 'not told from chance'} (adjusted p {_p(one.adjusted)})"
    )


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.2g}"


def _points(value: float) -> str:
    return f"{100 * value:.0f}"


def _toned(audit: Audit) -> str:
    figures = [one for one in _errors(audit) if one.column == tones.COLUMN]
    first, last = (f"{_points(one.value or 0.0)} % ({one.group})" for one in (figures[0], figures[-1]))
    return f"{first} to {last}"
