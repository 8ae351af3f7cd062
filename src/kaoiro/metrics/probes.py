"""What can be read from codes: small readers that are trained on some of them and asked about others.

Alain and Bengio, "Understanding intermediate layers using linear classifier probes", arXiv 1610.01644. A reader that
finds nothing proves little if it is weak: codes are standardised, how strongly weights are held back is chosen on
groups of their own, and beside the linear one there is one with a hidden layer.
Legend: N codes, F features, K classes, U action units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kaoiro.core.checks import at_least
from kaoiro.core.errors import InputError
from kaoiro.metrics.descent import Loss, minimised

RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Weights of the squared weights, in units of the mean loss, among which a reader chooses."""
_PASSES, _STEPS = 30, 500  # over the training rows, and at least so many steps, of the reader with a hidden layer
_SAME = 1e-9  # variance below which a feature is constant
Reader = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows that a reader learns from, chooses on, and is asked about; indices into N codes, apart from each other."""

    training: np.ndarray
    choosing: np.ndarray
    testing: np.ndarray


def folds(groups: np.ndarray, count: int, seed: int = 0) -> list[Fold]:
    """Split rows into folds without dividing a group; each fold is tested once, the following one is chosen on.

    Args:
        groups: (N,) of subjects, or of `turns`.
        count: of folds, 3 or more.
        seed: of the order of groups.

    Raises:
        InputError: fewer folds than 3, or groups than folds.
    """
    at_least("folds", 3, count)
    names, index = np.unique(groups, return_inverse=True)
    if len(names) < count:
        raise InputError(f"{count} folds need as many groups (subjects, clips) or more, not {len(names)}")
    place = np.random.default_rng(seed).permutation(len(names))[index] % count
    rows = [np.flatnonzero(place == one) for one in range(count)]
    following = [(one + 1) % count for one in range(count)]
    rest = [np.flatnonzero((place != one) & (place != after)) for one, after in enumerate(following)]
    return [Fold(rest[one], rows[after], rows[one]) for one, after in enumerate(following)]


def turns(subjects: np.ndarray, clips: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return groups that hold one clip of every subject: (N,) numbers, for `folds` of readers of identity.

    Which clip is drawn for each subject anew, so that no group shows one expression.

    Args:
        subjects: (N,) names.
        clips: (N,) names.
        seed: of the draws.
    """
    rng, result = np.random.default_rng(seed), np.empty(len(subjects), np.int64)
    for subject in np.unique(subjects):
        rows = subjects == subject
        names, index = np.unique(clips[rows], return_inverse=True)
        result[rows] = rng.permutation(len(names))[index]
    return result


@dataclass(frozen=True, eq=False)
class Read:
    """What a reader answered about codes that it had not seen.

    Attributes:
        rows: (M,) indices of the codes that were asked about.
        right: (M,) bool.
        ridges: chosen, one for each fold.
    """

    rows: np.ndarray
    right: np.ndarray
    ridges: tuple[float, ...]

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(self.right.mean())


def linear_probe(
    codes: np.ndarray, truth: np.ndarray, splits: Sequence[Fold], ridges: Sequence[float] = RIDGES
) -> Read:
    """Read classes from codes by multinomial logistic regression.

    Args:
        codes: (N, F).
        truth: (N,) classes from 0.
        splits: of the rows; answers of all testing parts are put together.
        ridges: to choose among.

    Raises:
        InputError: codes and classes of other numbers, codes that are not finite, or a part without rows.
    """

    def fit(x: np.ndarray, y: np.ndarray, classes: int, ridge: float) -> Reader:
        return logistic(x, y, classes, ridge)

    return _read(codes, truth, splits, ridges, fit)


def hidden_probe(
    codes: np.ndarray,
    truth: np.ndarray,
    splits: Sequence[Fold],
    ridges: Sequence[float] = RIDGES[1:4],
    hidden: int = 128,
    seed: int = 0,
) -> Read:
    """Read classes from codes by a network with one hidden layer of rectified units, as `linear_probe` does.

    Args:
        codes: (N, F).
        truth: (N,) classes from 0.
        splits: of the rows.
        ridges: to choose among.
        hidden: width of the layer.
        seed: of weights and batches.

    Raises:
        InputError: as `linear_probe`.
    """
    at_least("hidden units", 1, hidden)

    def fit(x: np.ndarray, y: np.ndarray, classes: int, ridge: float) -> Reader:
        return _layered(x, y, classes, ridge, hidden, np.random.default_rng(seed))

    return _read(codes, truth, splits, ridges, fit)


def _read(
    codes: np.ndarray,
    truth: np.ndarray,
    splits: Sequence[Fold],
    ridges: Sequence[float],
    fit: Callable[[np.ndarray, np.ndarray, int, float], Reader],
) -> Read:
    codes, truth = _checked(codes, truth), np.asarray(truth, np.int64)
    if (truth < 0).any():
        raise InputError("classes must be whole numbers from 0; leave out faces without a label")
    classes = int(truth.max()) + 1
    right, chosen = [], []
    for split in splits:
        _check_parts(split)
        x = _standardised(codes, split.training)
        best = None
        for ridge in ridges:
            reader = fit(x[split.training], truth[split.training], classes, ridge)
            score = (reader(x[split.choosing]).argmax(axis=1) == truth[split.choosing]).mean()
            if best is None or score >= best[0]:  # of equals the one held back most
                best = (score, ridge, reader)
        assert best is not None
        right.append(best[2](x[split.testing]).argmax(axis=1) == truth[split.testing])
        chosen.append(best[1])
    return Read(np.concatenate([one.testing for one in splits]), np.concatenate(right), tuple(chosen))


def _checked(codes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or not codes.shape[1] or not np.isfinite(codes).all():
        raise InputError(f"codes must be a table (N, F) of finite numbers, not one of shape {codes.shape}")
    if len(truth) != len(codes):
        raise InputError(f"{len(truth)} labels for {len(codes)} codes")
    return codes


def _check_parts(split: Fold) -> None:
    if not (len(split.training) and len(split.choosing) and len(split.testing)):
        raise InputError("a fold has no rows to learn from, to choose on or to be asked about")


def _standardised(codes: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Return codes with mean 0 and deviation 1 over the training rows; constant features stay 0 there."""
    mean, variance = codes[training].mean(axis=0), codes[training].var(axis=0)
    return (codes - mean) / np.sqrt(np.where(variance > _SAME, variance, 1))


def logistic(x: np.ndarray, y: np.ndarray, classes: int, ridge: float) -> Reader:
    """Fit mean cross-entropy + ridge/2 ‖W‖², biases free, and return what gives scores (M, K) of codes (M, F).

    Args:
        x: (N, F), standardised.
        y: (N,) classes.
        classes: K.
        ridge: weight of the squared weights.
    """
    features = np.column_stack([x, np.ones(len(x))]).astype(np.float64)
    loss = _logistic_loss(features, y, classes, ridge)
    weights = minimised(loss, np.zeros(features.shape[1] * classes)).reshape(-1, classes)
    return _scores(weights)


def shifted_logistic(x: np.ndarray, y: np.ndarray, offset: np.ndarray, ridge: float, free: float = 0.01) -> np.ndarray:
    """Return weights (F + 1, K) to add to known scores: cross-entropy + ridge/2 ‖W‖², so that little is changed.

    Args:
        x: (N, F), standardised.
        y: (N,) classes.
        offset: (N, K) scores that are known; zero where nothing is.
        ridge: weight of the squared weights.
        free: weight of the squared biases, the last row, which a class without rows needs.
    """
    classes = offset.shape[1]
    loss = _logistic_loss(_with_one(x), y, classes, ridge, offset, free)
    return minimised(loss, np.zeros((x.shape[1] + 1) * classes), 200).reshape(-1, classes)


def logistic_path(
    x: np.ndarray, y: np.ndarray, classes: int, ridges: Sequence[float] = RIDGES, rounds: int = 60
) -> dict[float, Reader]:
    """Fit what `logistic` fits for several ridges, in a fraction of the time: for many codes.

    The heaviest ridge comes first, and each fit begins with the weights of the one before; sums over codes are in
    single precision, and each fit has at most so many rounds.

    Args:
        x: (N, F), standardised.
        y: (N,) classes.
        classes: K.
        ridges: weights of the squared weights.
        rounds: of each fit.

    Returns:
        Readers by ridge, the heaviest first.
    """
    features = _with_one(x)
    flat, found = np.zeros(features.shape[1] * classes), {}
    for ridge in sorted(ridges, reverse=True):
        flat = minimised(_logistic_loss(features, y, classes, ridge), flat, rounds)
        found[ridge] = _scores(flat.reshape(-1, classes))
    return found


def _scores(weights: np.ndarray) -> Reader:
    return lambda asked: asked @ weights[:-1] + weights[-1]


def _logistic_loss(
    features: np.ndarray,
    y: np.ndarray,
    classes: int,
    ridge: float,
    offset: np.ndarray | float = 0.0,
    free: float | None = None,
) -> Loss:
    """Return the loss of a logistic reader of features (N, F + 1), whose last one is 1, by its weights."""
    told = np.zeros((len(features), classes), features.dtype)
    told[np.arange(len(features)), y] = 1
    bias = 1e-9 * ridge if free is None else free  # one bias is free of all
    held = np.append(np.full(features.shape[1] - 1, ridge), bias)[:, None]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(len(held), classes)
        shares, logs = _softmax(features @ weights.astype(features.dtype) + offset)
        value = -(told * logs).sum(dtype=np.float64) / len(features) + 0.5 * (held * weights**2).sum()
        return float(value), (features.T @ ((shares - told) / len(features)) + held * weights).ravel()

    return loss


def _softmax(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shares and their logarithms, rows summing to 1."""
    scores = scores - scores.max(axis=1, keepdims=True)
    shares = np.exp(scores)
    total = shares.sum(axis=1, keepdims=True)
    return shares / total, scores - np.log(total)


def _layered(x: np.ndarray, y: np.ndarray, classes: int, ridge: float, hidden: int, rng: np.random.Generator) -> Reader:
    """Fit a network of one hidden layer by Adam (Kingma and Ba, 2015), its rate falling to 0 in a straight line."""
    shapes = ((x.shape[1] + 1, hidden), (hidden + 1, classes))
    weights = [rng.normal(0, np.sqrt(2 / shape[0]), shape).astype(np.float32) for shape in shapes]
    first, second = [np.zeros_like(one) for one in weights], [np.zeros_like(one) for one in weights]
    x, batch = _with_one(x), min(256, len(x))
    total = max(_STEPS, _PASSES * len(x) // batch)
    for step in range(1, total + 1):
        rows = rng.choice(len(x), batch, replace=False)
        for place, slope in enumerate(_slopes(x[rows], y[rows], weights)):
            slope = slope + ridge * weights[place]
            first[place] += 0.1 * (slope - first[place])
            second[place] += 0.001 * (slope**2 - second[place])
            mean, square = first[place] / (1 - 0.9**step), second[place] / (1 - 0.999**step)
            weights[place] -= 5e-3 * (1 - step / total) * mean / (np.sqrt(square) + 1e-8)

    return lambda asked: _with_one(np.maximum(_with_one(asked) @ weights[0], 0)) @ weights[1]


def _with_one(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x, np.ones(len(x))]).astype(np.float32)


def _slopes(x: np.ndarray, y: np.ndarray, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Return the gradient of the mean cross-entropy by both layers."""
    seen = np.maximum(x @ weights[0], 0)
    shown = _with_one(seen)
    error, _ = _softmax(shown @ weights[1])
    error[np.arange(len(x)), y] -= 1
    error /= len(x)
    back = (error @ weights[1][:-1].T) * (seen > 0)
    return [x.T @ back, shown.T @ error]


def ridge_probe(
    codes: np.ndarray, truth: np.ndarray, splits: Sequence[Fold], ridges: Sequence[float] = RIDGES
) -> tuple[np.ndarray, np.ndarray]:
    """Read intensities from codes by ridge regression (Hoerl and Kennard, 1970).

    Args:
        codes: (N, F).
        truth: (N, U).
        splits: of the rows.
        ridges: in units of the number of training rows, to choose among by the squared error.

    Returns:
        Rows that were asked about (M,), and what was answered (M, U).

    Raises:
        InputError: as `linear_probe`, or intensities that are not known.
    """
    codes, truth = _checked(codes, truth), np.asarray(truth, np.float64)
    if truth.ndim != 2 or not np.isfinite(truth).all():
        raise InputError(f"intensities must be a table (N, U) of finite numbers, not one of shape {truth.shape}")
    answers = []
    for split in splits:
        _check_parts(split)
        x = _standardised(codes, split.training)
        middle = truth[split.training].mean(axis=0)
        values, vectors = np.linalg.eigh(x[split.training].T @ x[split.training] / len(split.training))
        turned = vectors.T @ (x[split.training].T @ (truth[split.training] - middle)) / len(split.training)
        options = [vectors @ (turned / (values.clip(min=0) + ridge)[:, None]) for ridge in ridges]
        errors = [((x[split.choosing] @ one + middle - truth[split.choosing]) ** 2).mean() for one in options]
        answers.append(x[split.testing] @ options[int(np.argmin(errors))] + middle)
    return np.concatenate([one.testing for one in splits]), np.concatenate(answers)


def explained(truth: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Return R² = 1 - Σ(y - ŷ)² / Σ(y - ȳ)² of columns: (M, U) -> (U,); NaN where the truth is constant."""
    spread = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    left = ((truth - answer) ** 2).sum(axis=0)
    return np.where(spread > _SAME, 1 - left / np.where(spread > _SAME, spread, 1), np.nan)


def variance_shares(codes: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return the shares of the variance of codes that two groupings explain beside each other, less what chance gives.

    ε² = (SS - df MS_residual) / SS_total (Kelley, PNAS 21, 1935) of an analysis of variance with two additive factors,
    SS what a factor explains beyond the other one (type II), sums over all features; about 0 where a grouping does not
    matter, however many groups it has.

    Args:
        codes: (N, F).
        first: (N,), such as subjects.
        second: (N,), such as expressions.

    Returns:
        The shares of both; NaN where all codes are equal.

    Raises:
        InputError: fewer than two groups, or as many groups as rows.
    """
    codes = _checked(codes, first)
    factors = [np.unique(groups, return_inverse=True)[1] for groups in (first, second)]
    counts = [int(index.max()) + 1 for index in factors]
    spare = len(codes) - sum(counts) + 1
    if min(counts) < 2 or spare < 1:
        raise InputError(f"{len(codes)} codes are too few for {counts[0]} and {counts[1]} groups, or there is one only")
    total = float(((codes - codes.mean(axis=0)) ** 2).sum())
    left = _left(codes, factors)
    alone = [_left(codes, [index]) for index in reversed(factors)]
    if total <= _SAME:
        return float("nan"), float("nan")
    one, two = ((other - left - (count - 1) * left / spare) / total for other, count in zip(alone, counts, strict=True))
    return one, two


def _left(codes: np.ndarray, factors: Sequence[np.ndarray]) -> float:
    """Return the squares that groupings leave unexplained: means of groups are taken off until nothing changes."""
    rest, before = codes - codes.mean(axis=0), np.inf
    while (now := float((rest**2).sum())) < before * (1 - 1e-9):
        before = now
        for index in factors:
            sums = np.zeros((int(index.max()) + 1, codes.shape[1]))
            np.add.at(sums, index, rest)
            rest = rest - (sums / np.bincount(index)[:, None])[index]
    return now


def shared_neighbours(codes: np.ndarray, truth: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Tell whether the nearest code of another subject is of the same class: (N,) bool.

    Args:
        codes: (N, F).
        truth: (N,) classes.
        subjects: (N,) names.

    Raises:
        InputError: one subject only, or codes that are not finite.
    """
    codes = _checked(codes, truth)
    if len(np.unique(subjects)) < 2:
        raise InputError("neighbours of other people need two subjects or more")
    norms, found = (codes**2).sum(axis=1), np.empty(len(codes), np.int64)
    for start in range(0, len(codes), 512):
        rows = slice(start, start + 512)
        apart = norms[None] - 2 * codes[rows] @ codes.T
        apart[subjects[rows][:, None] == subjects[None]] = np.inf
        found[rows] = apart.argmin(axis=1)
    return truth[found] == truth


def active_units(codes: np.ndarray, least: float = 0.01) -> int:
    """Return how many features vary by more than `least` over faces (Burda et al., ICLR 2016, section 5.2).

    Args:
        codes: (N, F) means of the posterior.
        least: variance from which a feature counts.
    """
    return int((np.asarray(codes, np.float64).var(axis=0) > least).sum()) if codes.size else 0
