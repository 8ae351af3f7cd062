"""Is expression apart from identity? What two codes of faces hold, by clusters, readers and variances (SPEC 3.6, 3.7).

Only faces whose expression and person are known can answer. Legend: N faces, P people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kaoiro.core.checks import at_least
from kaoiro.core.codes import EXPRESSION_CODE, IDENTITY, Codes, Exchange
from kaoiro.core.errors import InputError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import ACTION_UNITS, EXPRESSION, FER2013, UNITS_HEAD
from kaoiro.evaluation.measured import Measured, per_person
from kaoiro.metrics import clustering, probes

CLUSTERING, WITH_NEUTRAL = "clustering", "clustering with neutral"
"""Accuracy of clusters of the expression code, faces at rest left out: the source's figure; and with them."""
NEIGHBOURS = "neighbours"
"""Share of faces whose nearest code of another person shows the same expression."""
LEAKAGE = f"{IDENTITY} from {EXPRESSION_CODE}"
"""Share of faces whose person is read from the expression code; `LAYERED` of it by a reader with a hidden layer."""
LAYERED = ", hidden layer"
_BATCH = 256
_NEUTRAL = FER2013.index("neutral")


@dataclass(frozen=True)
class SeparationConfig:
    """How codes are looked at.

    Attributes:
        clusters: k of the source.
        sizes: further k.
        runs: of the source's k, each with first centres of its own.
        further: runs of the other k.
        folds: of people, for readers of expressions and action units.
        turns: how many clips of every person the readers of identity are asked about, one after another.
        hidden: width of the readers' hidden layer; 0 leaves these readers out.
        seed: of clusters, folds and readers.
    """

    clusters: int = 9
    sizes: tuple[int, ...] = (6, 7, 9, 12, 20)
    runs: int = 100
    further: int = 20
    folds: int = 5
    turns: int = 3
    hidden: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("clusters", 1), ("runs", 1), ("further", 1), ("folds", 3), ("turns", 1), ("hidden", 0)):
            at_least(name, least, getattr(self, name))


def encoded(exchange: Exchange, pixels: np.ndarray) -> Codes:
    """Return the codes of faces (N, side, side, 3) uint8, some at a time.

    Raises:
        InputError: no faces, crops of another size, or codes that are no finite numbers.
    """
    wanted = (exchange.side, exchange.side, 3)
    if not len(pixels) or pixels.shape[1:] != wanted:
        raise InputError(f"faces must be (N, {exchange.side}, {exchange.side}, 3), not {pixels.shape}")
    parts = [exchange.encode(pixels[start : start + _BATCH]) for start in range(0, len(pixels), _BATCH)]
    codes = Codes(np.concatenate([one.identity for one in parts]), np.concatenate([one.expression for one in parts]))
    if not (np.isfinite(codes.identity).all() and np.isfinite(codes.expression).all()):
        raise InputError("the method gives codes that are no finite numbers: it has not learned")
    return codes


def decoded(exchange: Exchange, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
    """Return the faces (N, side, side, 3) uint8 of codes, some at a time."""
    starts = range(0, len(expression), _BATCH)
    return np.concatenate([exchange.decode(identity[k : k + _BATCH], expression[k : k + _BATCH]) for k in starts])


def separation(codes: Codes, faces: Faces, config: SeparationConfig | None = None) -> Measured:
    """Measure what codes of faces hold; people who trained the method and people it never saw go apart.

    For the source's baseline 'VAE - subject mean', hand over codes that `core.codes.deviations` made.

    Args:
        codes: of N faces.
        faces: these faces, with labels 'expression' in the order of FER2013 (-1 where unknown), subjects and clips;
            targets 'units' (N, 20) where known. Several clips of every person are needed.
        config: None takes the source's settings.

    Returns:
        Sums: `CLUSTERING`, `WITH_NEUTRAL`, `NEIGHBOURS` and 'WHAT from CODE' of expression and identity from
        both codes, each also with `LAYERED`. Tables: 'clustering' (by set of labels and k), 'codes' (width, active
        units, variance that lies between people and between expressions), 'action units' (R² by ridge regression),
        'chance' (by measure).

    Raises:
        InputError: faces without people, clips or expressions, or codes of another number of faces.
    """
    config = config or SeparationConfig()
    codes, faces, truth = _known(codes, faces)
    subjects, clips = np.asarray(faces.subjects), np.asarray(faces.clips)
    people = tuple(np.unique(subjects).tolist())
    shown = truth != _NEUTRAL
    names = {IDENTITY: np.unique(subjects, return_inverse=True)[1], EXPRESSION_CODE: truth}
    groupings = _groupings(codes.expression, truth, {CLUSTERING: shown, WITH_NEUTRAL: shown | True}, config)
    sums = {
        CLUSTERING: _clustered(groupings[CLUSTERING, config.clusters], shown, subjects),
        WITH_NEUTRAL: _clustered(groupings[WITH_NEUTRAL, config.clusters], shown | True, subjects),
        NEIGHBOURS: _neighbours(codes.expression, truth, subjects, shown),
    }
    splits = {
        EXPRESSION_CODE: probes.folds(subjects, config.folds, config.seed),
        IDENTITY: _by_clips(subjects, clips, config),
    }
    for name, code in _kept(codes).items():
        for what, split in splits.items():
            sums |= _probed(f"{what} from {name}", code, names[what], split, subjects, config)
    tables = {
        "clustering": {
            f"{'six expressions' if name == CLUSTERING else 'with neutral'}, k = {k}": _summary(found)
            for (name, k), found in groupings.items()
        },
        "codes": {name: _code(code, subjects, truth) for name, code in _kept(codes).items()},
        "action units": _units(codes, faces, splits[EXPRESSION_CODE]),
        "chance": {"chance": _chances(truth, shown, len(people))},
    }
    return Measured(people, sums, {name: table for name, table in tables.items() if table})


def _known(codes: Codes, faces: Faces) -> tuple[Codes, Faces, np.ndarray]:
    """Return what has a known expression; refuse what cannot be measured."""
    if len(codes) != len(faces):
        raise InputError(f"{len(codes)} codes for {len(faces)} faces")
    if faces.subjects is None or faces.clips is None or EXPRESSION not in faces.labels:
        raise InputError("separation can be measured on faces whose person, clip and expression are known")
    keep = np.flatnonzero(faces.labels[EXPRESSION] >= 0)
    if len(np.unique(faces.labels[EXPRESSION][keep])) < 2:
        raise InputError("separation can be measured on faces of two expressions or more; name the column `label`")
    return codes.rows(keep), faces.rows(keep), faces.labels[EXPRESSION][keep]


def _kept(codes: Codes) -> dict[str, np.ndarray]:
    both = {EXPRESSION_CODE: codes.expression, IDENTITY: codes.identity}
    return {name: code for name, code in both.items() if code.shape[1]}


def _groupings(
    code: np.ndarray, truth: np.ndarray, kinds: Mapping[str, np.ndarray], config: SeparationConfig
) -> dict[tuple[str, int], clustering.Agreement]:
    """Return how clusters agree with expressions, by kind of faces and k; k beyond the number of faces are left out."""
    sizes = dict.fromkeys((*config.sizes, config.clusters))
    return {
        (name, k): clustering.agreement(code[rows], truth[rows], k, _runs(k, config), config.seed)
        for name, rows in kinds.items()
        for k in sizes
        if k <= rows.sum() or k == config.clusters
    }


def _runs(k: int, config: SeparationConfig) -> int:
    return config.runs if k == config.clusters else config.further


def _clustered(found: clustering.Agreement, rows: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Return how often faces of each person are in a cluster of their expression, mean over runs: (P, 2)."""
    values = np.full(len(rows), np.nan)
    values[rows] = found.right
    return per_person(values, subjects)


def _summary(found: clustering.Agreement) -> dict[str, float]:
    names = {"majority": found.majority, "Hungarian": found.hungarian, "NMI": found.nmi, "ARI": found.ari}
    spread = float(found.nearest.std(ddof=1)) if len(found.nearest) > 1 else 0.0
    row = {"nearest image": float(found.nearest.mean()), "sd": spread}
    return row | {name: float(values.mean()) for name, values in names.items()} | {"chance": found.chance}


def _neighbours(code: np.ndarray, truth: np.ndarray, subjects: np.ndarray, rows: np.ndarray) -> np.ndarray:
    values = np.full(len(code), np.nan)
    values[rows] = probes.shared_neighbours(code[rows], truth[rows], subjects[rows])
    return per_person(values, subjects)


def _by_clips(subjects: np.ndarray, clips: np.ndarray, config: SeparationConfig) -> list[probes.Fold]:
    groups = probes.turns(subjects, clips, config.seed)
    return probes.folds(groups, len(np.unique(groups)), config.seed)[: config.turns]


def _probed(
    name: str,
    code: np.ndarray,
    truth: np.ndarray,
    splits: list[probes.Fold],
    subjects: np.ndarray,
    config: SeparationConfig,
) -> dict[str, np.ndarray]:
    readings = {name: probes.linear_probe(code, truth, splits)}
    if config.hidden:
        readings[name + LAYERED] = probes.hidden_probe(code, truth, splits, hidden=config.hidden, seed=config.seed)
    result = {}
    for measure, read in readings.items():
        values = np.full(len(code), np.nan)
        values[read.rows] = read.right
        result[measure] = per_person(values, subjects)
    return result


def leakage(codes: Codes, subjects: np.ndarray, clips: np.ndarray, config: SeparationConfig | None = None) -> Measured:
    """Read identity from both codes of many more faces than those of an evaluation, which makes readers stronger.

    Args:
        codes: of N faces, such as every tenth training frame.
        subjects: (N,) names.
        clips: (N,) names; readers are asked about clips that they did not learn from.
        config: None takes the usual settings.

    Returns:
        Sums as of `separation`: 'identity from CODE' and the same with `LAYERED`; table 'chance'.

    Raises:
        InputError: people with too few clips, or other numbers of faces.
    """
    config = config or SeparationConfig()
    if not len(codes) == len(subjects) == len(clips):
        raise InputError(f"{len(codes)} codes, {len(subjects)} subjects and {len(clips)} clips")
    names, truth = np.unique(subjects, return_inverse=True)
    splits, sums = _by_clips(subjects, clips, config), {}
    for name, code in _kept(codes).items():
        sums |= _probed(f"{IDENTITY} from {name}", code, truth, splits, subjects, config)
    return Measured(tuple(names.tolist()), sums, {"chance": {"chance": {IDENTITY: 1 / len(names)}}})


def _code(code: np.ndarray, subjects: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return width, active units, and how much of the variance lies between people and between expressions."""
    people, expressions = probes.variance_shares(code, subjects, truth)
    row = {"width": float(code.shape[1]), "active units": float(probes.active_units(code))}
    row |= {"between people": people, "between expressions": expressions}
    ratio = people / expressions if expressions > 0 else float("nan")
    return {name: value for name, value in (row | {"people / expressions": ratio}).items() if not np.isnan(value)}


def collapsed(measured: Measured) -> tuple[str, ...]:
    """Return the codes that tell faces apart by nothing: no unit of theirs is active."""
    return tuple(name for name, row in measured.tables["codes"].items() if row["active units"] == 0)


def _units(codes: Codes, faces: Faces, splits: list[probes.Fold]) -> dict[str, dict[str, float]]:
    if UNITS_HEAD not in faces.targets or not np.isfinite(faces.targets[UNITS_HEAD]).all():
        return {}
    truth, result = faces.targets[UNITS_HEAD], {}
    names = ACTION_UNITS.labels if truth.shape[1] == len(ACTION_UNITS) else tuple(map(str, range(truth.shape[1])))
    for name, code in _kept(codes).items():
        rows, answer = probes.ridge_probe(code, truth, splits)
        found = probes.explained(truth[rows], answer)
        row = {unit: float(value) for unit, value in zip(names, found, strict=True) if not np.isnan(value)}
        result[name] = {"mean": float(np.mean(list(row.values())))} | row if row else {}
    return {name: row for name, row in result.items() if row}


def _chances(truth: np.ndarray, shown: np.ndarray, people: int) -> Mapping[str, float]:
    return {
        CLUSTERING: clustering.chance(truth[shown]),
        WITH_NEUTRAL: clustering.chance(truth),
        NEIGHBOURS: clustering.chance(truth[shown]),
        EXPRESSION: float(np.bincount(truth).max() / len(truth)),
        IDENTITY: 1 / people,
    }
