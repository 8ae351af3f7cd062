from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from kaoiro.core.errors import InputError
from kaoiro.metrics import descent, probes

CLIPS = 7


def people(count: int = 20, each: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Names of subjects and clips, and the expression of each clip, which is another one for each subject's clip-0."""
    person, rest = np.divmod(np.arange(count * CLIPS * each), CLIPS * each)
    clip = rest // each
    subjects = np.array([f"p{k:02d}" for k in person])
    clips = np.array([f"{name}/c{k}" for name, k in zip(subjects, clip, strict=True)])
    return subjects, clips, (clip + person) % CLIPS


def codes_of(labels: np.ndarray, noise: float, seed: int = 0, width: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(labels.max() + 1, width)) * 2
    return centres[labels] + rng.normal(0, noise, (len(labels), width))


def test_folds_divide_no_group_and_test_every_row_once():
    subjects, _, _ = people()
    parts = probes.folds(subjects, 5)
    assert sorted(np.concatenate([one.testing for one in parts])) == list(range(len(subjects)))
    for one in parts:
        rows = [set(subjects[part]) for part in (one.training, one.choosing, one.testing)]
        assert not rows[0] & rows[1] and not rows[0] & rows[2] and not rows[1] & rows[2]
        assert sum(map(len, rows)) == 20


def test_turns_hold_one_clip_of_every_subject_and_all_expressions():
    subjects, clips, expression = people()
    groups = probes.turns(subjects, clips)
    for group in range(CLIPS):
        rows = groups == group
        assert len(set(clips[rows])) == len(set(subjects)) == 20
    assert min(len(set(expression[groups == k])) for k in range(CLIPS)) >= 3


def test_logistic_regression_is_that_of_scikit_learn():
    expression = people(30)[2]
    x = codes_of(expression, 3.0)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    for ridge in (1e-3, 1e-1):
        ours = probes.logistic(x, expression, 7, ridge)(x)
        theirs = LogisticRegression(C=1 / (ridge * len(x)), tol=1e-9, max_iter=10_000).fit(x, expression)
        shares = np.exp(ours - ours.max(axis=1, keepdims=True))
        assert shares / shares.sum(axis=1, keepdims=True) == pytest.approx(theirs.predict_proba(x), abs=2e-3)


def test_lbfgs_finds_the_end_of_a_crooked_valley():
    def valley(at: np.ndarray) -> tuple[float, np.ndarray]:
        x, y = at
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2, np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])

    assert descent.minimised(valley, np.array([-1.2, 1.0])) == pytest.approx(np.ones(2), abs=1e-3)


@pytest.mark.parametrize("probe", [probes.linear_probe, probes.hidden_probe])
def test_what_is_there_is_read_and_what_is_not_is_chance(probe):
    subjects, clips, expression = people()
    by_people = probes.folds(subjects, 3)
    nothing = np.random.default_rng(1).normal(size=(len(subjects), 12))
    found = probe(nothing, expression, by_people, (1e-2,))
    assert found.accuracy == pytest.approx(1 / 7, abs=0.07)
    assert len(found.rows) == len(found.right) == len(subjects)
    assert probe(codes_of(expression, 0.5), expression, by_people[:1], (1e-2,)).accuracy > 0.97
    person = np.unique(subjects, return_inverse=True)[1]
    by_clips = probes.folds(probes.turns(subjects, clips), CLIPS)
    assert probe(codes_of(person, 0.5), person, by_clips[:1], (1e-2,)).accuracy > 0.97
    assert probe(codes_of(expression, 0.5), person, by_clips[:1], (1e-2,)).accuracy < 0.2


def test_a_hidden_layer_reads_what_no_plane_divides():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (800, 2))
    truth = (x[:, 0] * x[:, 1] > 0).astype(int)
    split = probes.folds(np.arange(800), 4)[:1]
    assert probes.linear_probe(x, truth, split).accuracy < 0.65
    assert probes.hidden_probe(x, truth, split).accuracy > 0.93


def test_a_reader_sees_no_more_than_its_training_rows():
    subjects, _, expression = people()
    codes = codes_of(expression, 0.5)
    split = probes.folds(subjects, 5)[0]
    before = probes.linear_probe(codes, expression, [split])
    changed = codes.copy()
    changed[split.testing[0]] = 1e6
    after = probes.linear_probe(changed, expression, [split])
    assert (before.right[1:] == after.right[1:]).all() and before.ridges == after.ridges


def test_ridge_regression_is_that_of_scikit_learn():
    subjects, _, expression = people()
    codes = codes_of(expression, 1.0)
    rng = np.random.default_rng(2)
    truth = codes @ rng.normal(size=(12, 3)) + rng.normal(0, 1, (len(codes), 3))
    split = probes.folds(subjects, 5)[0]
    rows, answer = probes.ridge_probe(codes, truth, [split], (0.1,))
    x = (codes - codes[split.training].mean(axis=0)) / codes[split.training].std(axis=0)
    theirs = Ridge(alpha=0.1 * len(split.training)).fit(x[split.training], truth[split.training])
    assert answer == pytest.approx(theirs.predict(x[split.testing]))
    assert (rows == split.testing).all()


def test_r2_by_hand():
    truth = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    found = probes.explained(truth, np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 1.0]]))
    assert found[0] == pytest.approx(1 - 1 / 2)
    assert np.isnan(found[1])


def test_variance_of_two_groupings_by_hand():
    # people differ by 10, expressions by 2: squares 100 and 4, nothing is left
    codes = np.array([[0.0], [2.0], [10.0], [12.0]])
    found = probes.variance_shares(codes, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert found == pytest.approx((100 / 104, 4 / 104))
    # a disturbance of 1 that neither explains: squares 4 of one degree of freedom, which chance gives both, too
    codes[:, 0] += [1, -1, -1, 1]
    found = probes.variance_shares(codes, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert found == pytest.approx((96 / 108, 0), abs=1e-9)


def test_variance_that_chance_gives_many_groups_is_taken_off():
    rng = np.random.default_rng(0)
    groups = np.arange(400) % 100, rng.integers(0, 7, 400)
    many = np.array([probes.variance_shares(rng.normal(size=(400, 3)), *groups) for _ in range(30)])
    assert many.mean(axis=0) == pytest.approx(np.zeros(2), abs=0.01)
    strong = rng.normal(size=(400, 3)) + 10 * np.eye(7, 3)[groups[1]]
    first, second = probes.variance_shares(strong, *groups)
    assert first == pytest.approx(0, abs=0.02) and second > 0.6
    assert np.isnan(probes.variance_shares(np.ones((400, 2)), *groups)).all()


def test_neighbours_are_those_of_other_people():
    codes = np.array([[0.0], [0.1], [0.2], [5.0], [5.1]])
    subjects, truth = np.array(["a", "a", "b", "b", "a"]), np.array([0, 1, 0, 1, 1])
    # a0 -> b2 same; a1 -> b2 other; b2 -> a1 other; b3 -> a4 same; a4 -> b3 same
    assert probes.shared_neighbours(codes, truth, subjects).tolist() == [True, False, False, True, True]
    big, names, expression = codes_of(people(100)[2], 0.1), *people(100)[::2]
    assert probes.shared_neighbours(big, expression, names).mean() > 0.99


def test_units_that_do_not_vary_are_not_active():
    codes = np.random.default_rng(0).normal(0, [1, 0.5, 0.05, 0], (1000, 4))
    assert probes.active_units(codes) == 2
    assert probes.active_units(np.zeros((5, 0))) == 0


def test_unfit_tables_are_refused():
    subjects, _, expression = people()
    codes, parts = codes_of(expression, 1.0), probes.folds(subjects, 5)
    with pytest.raises(InputError, match="folds must be 3"):
        probes.folds(subjects, 2)
    with pytest.raises(InputError, match="25 folds need as many groups"):
        probes.folds(subjects, 25)
    with pytest.raises(InputError, match="labels for"):
        probes.linear_probe(codes, expression[:-1], parts)
    with pytest.raises(InputError, match="from 0"):
        probes.linear_probe(codes, expression - 1, parts)
    with pytest.raises(InputError, match="finite"):
        probes.linear_probe(np.full_like(codes, np.inf), expression, parts)
    with pytest.raises(InputError, match="shape"):
        probes.linear_probe(codes[:, :0], expression, parts)
    with pytest.raises(InputError, match="no rows"):
        probes.linear_probe(codes, expression, [probes.Fold(np.arange(3), np.arange(0), np.arange(3, 5))])
    with pytest.raises(InputError, match="intensities"):
        probes.ridge_probe(codes, np.full((len(codes), 2), np.nan), parts)
    with pytest.raises(InputError, match="there is one only"):
        probes.variance_shares(codes, np.zeros(len(codes)), expression)
    with pytest.raises(InputError, match="two subjects"):
        probes.shared_neighbours(codes, expression, np.zeros(len(codes)))
    with pytest.raises(InputError, match="hidden units"):
        probes.hidden_probe(codes, expression, parts, hidden=0)
