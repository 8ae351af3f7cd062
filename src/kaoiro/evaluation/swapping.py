"""Expressions carried over to other people, against the true render; the course between two expressions (SPEC 3.7).

The faces are those of syn-swap: every person with every expression in equal pose and light, so that what a swap should
look like is known. Legend: P people, E expressions, S swaps, T steps, U the eight units of multi-task networks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kaoiro.core.codes import EXPRESSION_CODE, IDENTITY, Codes, Exchange
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import MULTITASK_UNITS
from kaoiro.core.rendered import POINTS
from kaoiro.evaluation.measured import Measured, per_person
from kaoiro.evaluation.renders import Plan, Renders, SwapConfig, plan, renders
from kaoiro.evaluation.separation import decoded, encoded
from kaoiro.metrics import pictures, wrinkles
from kaoiro.metrics.generation import frechet_distance

SWAP, OWN, SOURCE, UPPER = "swap", "identity's own picture", "expression source", "autoencoded truth"
"""What is held against the true render: the swap; both pictures that it is made of, copied; the truth, coded and
decoded, better than which no swap of the method can be expected to be."""
ERRORS = ("landmark error", "unit error", "PSNR", "SSIM")
"""Measures of each of them, as 'MEASURE, METHOD': the first two as shares of the distance of the outer eye corners and
in intensities, smaller is better; the others larger."""
FADED = "cross-fade"
MONOTONE, STRAIGHT, JUMP = "monotone courses", "R² to a straight line", "largest jump"
_OUTER = 36, 45
_MOVED = 0.5  # difference of true intensities from which a unit's course is looked at


class Judge(Protocol):
    """Who tells landmarks and action units of faces (N, side, side, 3) uint8; name it beside the figures."""

    def landmarks(self, pixels: np.ndarray) -> np.ndarray:
        """Return (N, 68, 2) places in the crop, -1 to 1 across and down."""
        ...

    def units(self, pixels: np.ndarray) -> np.ndarray:
        """Return (N, 8) intensities of `MULTITASK_UNITS`, 0-1."""
        ...


@dataclass(frozen=True, eq=False)
class Swapped:
    """What was made of a plan, and what it is held against.

    Attributes:
        true: (P E, side, side, 3) uint8 renders, person by person.
        again: the same, coded and decoded.
        made: (S, side, side, 3) uint8 swaps.
        truth, own, source: (S,) places in `true` of what a swap should look like, and of what it is made of.
        rest: (S,) places in `made` of the swap between the same people that should be neutral.
        codes: (P E) of `true`.
    """

    true: np.ndarray
    again: np.ndarray
    made: np.ndarray
    truth: np.ndarray
    own: np.ndarray
    source: np.ndarray
    rest: np.ndarray
    codes: Codes

    def methods(self, made: np.ndarray, true: np.ndarray, again: np.ndarray) -> dict[str, np.ndarray]:
        """Return anything about the pictures of every method: (S, ...), of what is about `made`, `true` and `again`."""
        return {SWAP: made, OWN: true[self.own], SOURCE: true[self.source], UPPER: again[self.truth]}


def swap(exchange: Exchange, data: Renders, chosen: Plan) -> Swapped:
    """Make the swaps of a plan, and code and decode all renders."""
    true, count = data.flat(data.pixels), len(data.expressions)
    codes = encoded(exchange, true)
    own, source = chosen.identity * count + chosen.own, chosen.source * count + chosen.wanted
    truth = chosen.identity * count + chosen.wanted
    made = decoded(exchange, codes.identity[own], codes.expression[source])
    rest = np.arange(len(chosen)) // count * count + data.resting
    again = decoded(exchange, codes.identity, codes.expression)
    return Swapped(true, again, made, truth, own, source, rest, codes)


def swapping(
    exchange: Exchange,
    faces: Faces,
    judge: Judge,
    config: SwapConfig | None = None,
    features: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Measured:
    """Measure swaps against true renders, and the courses between neutral and each expression.

    Args:
        exchange: what was trained; it must never have seen these people.
        faces: of syn-swap, crops of the exchange's size.
        judge: of landmarks and units.
        config: None takes the usual number of swaps.
        features: of a fixed network, (N, F) of pictures, for a distance between sets of pictures; None leaves it out.

    Returns:
        Sums: each of `ERRORS` for `SWAP`, `OWN`, `SOURCE` and `UPPER` as 'MEASURE, METHOD'; 'identity kept' (landmarks
        nearer to the person's true render than to the source's) and 'identity found' (among all people); 'sharpness'
        of swaps and `UPPER` (energy of the Laplacian through that of true renders); 'wrinkles' (correlation of what
        changes from neutral in the fine structure of five regions with what truly does) of `SWAP` and `UPPER`;
        `MONOTONE`, `STRAIGHT` and `JUMP`, each also of `FADED`. Tables: 'wrinkles' by region, 'what codes do',
        'distance between sets of pictures'.

    Raises:
        DataError: the faces are not those of syn-swap.
        InputError: crops of another size, or a judge that answers something else.
    """
    config, data = config or SwapConfig(), renders(faces)
    chosen = plan(len(data.people), len(data.expressions), config)
    found = swap(exchange, data, chosen)
    subjects = data.people[chosen.identity]
    true, made = _judged(judge, found.true), _judged(judge, found.made)
    sums = _errors(found, [made, true, _judged(judge, found.again)], subjects)
    sums |= _identity(made[0], true[0].reshape(*data.pixels.shape[:2], POINTS, 2), chosen, subjects)
    wrinkled, table = _wrinkles(found, true[0], subjects)
    sums |= wrinkled | _sharpness(found, subjects) | _courses(exchange, data, found.codes, judge, config)
    tables = {"what codes do": _reliance(found), "wrinkles": table}
    if features is not None:
        tables["distance between sets of pictures"] = _distances(found, features)
    return Measured(tuple(data.people.tolist()), sums, tables)


def _judged(judge: Judge, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    marks, units = judge.landmarks(pixels), judge.units(pixels)
    if marks.shape != (len(pixels), POINTS, 2) or units.shape != (len(pixels), len(MULTITASK_UNITS)):
        raise InputError(f"the judge answers landmarks {marks.shape} and units {units.shape} of {len(pixels)} faces")
    return marks, units


def _apart(marks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the mean distance of landmarks (S, 68, 2) through that of the true outer eye corners: (S,)."""
    outer = np.linalg.norm(truth[:, _OUTER[0]] - truth[:, _OUTER[1]], axis=1)
    return np.linalg.norm(marks - truth, axis=2).mean(axis=1) / np.maximum(outer, 1e-6)


def _errors(
    found: Swapped, answers: list[tuple[np.ndarray, np.ndarray]], subjects: np.ndarray
) -> dict[str, np.ndarray]:
    """Return all errors of all methods; the answers of the judge are those about `made`, `true` and `again`."""
    marks, units = (found.methods(*(one[place] for one in answers)) for place in (0, 1))
    wanted, sums = (answers[1][0][found.truth], answers[1][1][found.truth], found.true[found.truth]), {}
    for name, made in found.methods(found.made, found.true, found.again).items():
        values = (
            _apart(marks[name], wanted[0]),
            np.abs(units[name] - wanted[1]).mean(axis=1),
            pictures.psnr(wanted[2], made),
            pictures.ssim(wanted[2], made),
        )
        sums |= {f"{what}, {name}": per_person(one, subjects) for what, one in zip(ERRORS, values, strict=True)}
    return sums


def _reliance(found: Swapped) -> dict[str, dict[str, float]]:
    """Return how much a picture changes when one of its codes is exchanged, beside how much the true one does."""

    def change(first: np.ndarray, second: np.ndarray) -> float:
        return float(np.abs(first.astype(np.float64) - second.astype(np.float64)).mean())

    truth, rows = found.true[found.truth], {}
    for name, other in ((IDENTITY, found.source), (EXPRESSION_CODE, found.own)):
        made, true = change(found.made, found.again[other]), change(truth, found.true[other])
        rows[f"another {name} code"] = {"levels": made, "true": true, "share": made / max(true, 1e-9)}
    return rows


def _identity(marks: np.ndarray, truth: np.ndarray, chosen: Plan, subjects: np.ndarray) -> dict[str, np.ndarray]:
    """Return how often the landmarks of swaps (S, 68, 2) are those of the person, of (P, E, 68, 2) of true renders."""
    options = truth[:, chosen.wanted]  # (P, S, 68, 2)
    apart = np.linalg.norm(options - marks[None], axis=3).mean(axis=2)
    mine = apart[chosen.identity, np.arange(len(chosen))]
    kept = mine < apart[chosen.source, np.arange(len(chosen))]
    return {
        "identity kept": per_person(kept, subjects),
        "identity found": per_person(apart.argmin(axis=0) == chosen.identity, subjects),
    }


def _sharpness(found: Swapped, subjects: np.ndarray) -> dict[str, np.ndarray]:
    true, again, made = (pictures.laplacian_energy(one) for one in (found.true, found.again, found.made))
    both = {SWAP: made, UPPER: again[found.truth]}
    return {f"sharpness, {name}": per_person(one, subjects, true[found.truth]) for name, one in both.items()}


def _wrinkles(
    found: Swapped, marks: np.ndarray, subjects: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, float]]]:
    """Compare what changes from neutral in the fine structure of the five regions in which faces wrinkle.

    Regions are those of the true render; hair and brows at rest are in both pictures, and cancel.
    """
    keep = np.flatnonzero(found.rest != np.arange(len(found.made)))
    rest, truth = found.rest[keep], found.truth[keep]
    true, again, made = (pictures.fine(one) for one in (found.true, found.again, found.made))
    wanted, resting = true[truth] - true[found.truth[rest]], found.truth[rest]
    changes = {SWAP: made[keep] - made[rest], UPPER: again[truth] - again[resting]}
    masks = wrinkles.regions(marks[truth], found.true.shape[1])
    table: dict[str, dict[str, float]] = {name: {} for name in masks}
    sums = {}
    for method, change in changes.items():
        patterns = [pictures.correlation_within(wanted, change, mask) for mask in masks.values()]
        sums[f"wrinkles, {method}"] = per_person(_mean_of_known(np.array(patterns)), subjects[keep])
        for name, mask in masks.items():
            true_energy, energy = (pictures.energy_within(one, mask) for one in (wanted, change))
            share = float(np.nansum(energy) / max(1e-9, np.nansum(true_energy)))
            table[name] |= {
                f"energy / true, {method}": share,
                f"correlation of energy, {method}": _correlation(energy, true_energy),
            }
    return sums, table


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the mean over the first axis of what is a number; NaN where nothing is."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return the correlation of two columns; 0 where one of them is constant."""
    known = ~np.isnan(first) & ~np.isnan(second)
    x, y = first[known], second[known]
    return float(np.corrcoef(x, y)[0, 1]) if len(x) > 2 and x.std() > 1e-9 and y.std() > 1e-9 else 0.0


def _distances(found: Swapped, features: Callable[[np.ndarray], np.ndarray]) -> dict[str, dict[str, float]]:
    true, again, made = (features(one) for one in (found.true, found.again, found.made))
    methods = found.methods(made, true, again)
    return {
        name: {"Fréchet distance": frechet_distance(true[found.truth], methods[name])} for name in (SWAP, UPPER, SOURCE)
    }


def between(exchange: Exchange, first: Codes, second: Codes, steps: int) -> np.ndarray:
    """Return the faces between two expressions, identity fixed: z_e(t) = (1 - t) first + t second.

    Args:
        exchange: what decodes.
        first: of N faces, whose identity codes are kept.
        second: of N faces, which lend their expression codes.
        steps: T, both ends included.

    Returns:
        (N, T, side, side, 3) uint8.
    """
    t = np.linspace(0, 1, steps, dtype=np.float32)[None, :, None]
    mixed = (1 - t) * first.expression[:, None] + t * second.expression[:, None]
    identity = np.repeat(first.identity, steps, axis=0)
    made = decoded(exchange, identity, mixed.reshape(-1, mixed.shape[2]))
    return made.reshape(len(first), steps, *made.shape[1:])


def _courses(
    exchange: Exchange, data: Renders, codes: Codes, judge: Judge, config: SwapConfig
) -> dict[str, np.ndarray]:
    """Judge the way from a person's neutral face to an expression that another person shows.

    Beside it stands what needs no method: one picture fading into the other (`FADED`).
    """
    chosen = plan(len(data.people), len(data.expressions), SwapConfig(sources=1, seed=config.seed + 1))
    keep, count = chosen.wanted != data.resting, len(data.expressions)
    identity, source, wanted = chosen.identity[keep], chosen.source[keep], chosen.wanted[keep]
    change = data.units[source, wanted] - data.units[identity, data.resting]
    pair, unit = np.nonzero(np.abs(change) >= _MOVED)
    if not len(pair):
        raise DataError("no action unit of the judge moves between neutral and the expressions of these faces")
    first, second = identity * count + data.resting, source * count + wanted
    flat, result = data.flat(data.pixels), {}
    paths = {
        "": between(exchange, codes.rows(first), codes.rows(second), config.steps),
        f", {FADED}": faded(flat[first], flat[second], config.steps),
    }
    for name, path in paths.items():
        units = judge.units(path.reshape(-1, *path.shape[2:])).reshape(len(path), config.steps, -1)
        lines = units[pair, :, unit] * np.sign(change[pair, unit])[:, None]
        for measure, values in course_figures(lines, config).items():
            result[measure + name] = _summed(values, data.people[identity[pair]], data.people)
    return result


def faded(first: np.ndarray, second: np.ndarray, steps: int) -> np.ndarray:
    """Return pictures (N, side, side, 3) uint8 that fade into others: (N, T, side, side, 3) uint8."""
    t = np.linspace(0, 1, steps, dtype=np.float32)[None, :, None, None, None]
    return ((1 - t) * first[:, None] + t * second[:, None]).round().astype(np.uint8)


def _summed(values: np.ndarray, subjects: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Return sums for all people, also for those without a row."""
    result = np.zeros((len(people), 2))
    result[np.searchsorted(people, np.unique(subjects))] = per_person(values, subjects)
    return result


def course_figures(lines: np.ndarray, config: SwapConfig | None = None) -> dict[str, np.ndarray]:
    """Judge courses that should rise steadily.

    Args:
        lines: (C, T) intensities, turned so that they should rise.
        config: tolerance and least rise.

    Returns:
        `MONOTONE` (C,) bool; `STRAIGHT` (C,) R² of a line by least squares, 0 of a constant; `JUMP` (C,) the largest
        step through the whole range, 1 of a constant, 1 / (T - 1) of a straight line.
    """
    config = config or SwapConfig()
    steps, t = np.diff(lines, axis=1), np.linspace(-1, 1, lines.shape[1])
    forward = lines[:, -1] - lines[:, 0] >= config.least
    reach = lines.max(axis=1) - lines.min(axis=1)
    moves = reach > 1e-6
    centred = lines - lines.mean(axis=1, keepdims=True)
    spread = (centred**2).sum(axis=1) * (t**2).sum()
    straight = (centred @ t) ** 2 / np.where(moves, spread, 1)
    jump = np.abs(steps).max(axis=1) / np.where(moves, reach, 1)
    return {
        MONOTONE: forward & (steps.min(axis=1) >= -config.tolerance),
        STRAIGHT: np.where(moves, straight, 0.0),
        JUMP: np.where(moves, jump, 1.0),
    }
