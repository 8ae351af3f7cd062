from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from kaoiro.core.errors import InputError, MissingExtra
from kaoiro.core.labels import FER2013, FERPLUS_VOTES
from kaoiro.evaluation.audit import doubts, trial

pytest.importorskip("cleanlab")
EACH = 40


def clouds(seed: int = 0, apart: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of 40 points in the plane, and their labels 0, 2 and 5."""
    rng = np.random.default_rng(seed)
    truth = np.repeat([0, 2, 5], EACH)
    centres = np.repeat([[0, 0], [apart, 0], [0, apart]], EACH, axis=0)
    return centres + rng.normal(0, 1, (3 * EACH, 2)), truth


def test_labels_in_a_foreign_cloud_are_flagged_and_their_own_is_suggested() -> None:
    features, truth = clouds()
    given = truth.copy()
    given[[3, 50]] = 5, 0
    found = doubts.doubted(features, given, np.arange(120), np.ones(120, bool))
    assert sorted(np.argsort(found.quality)[:2].tolist()) == [3, 50]
    assert len(found.rows) and set(found.rows.tolist()) <= {3, 50}
    assert found.suggested[[3, 50]].tolist() == [0, 2]
    assert found.classes.tolist() == [0, 2, 5]
    assert found.quality[[3, 50]].max() < 0.2 < np.median(found.quality)
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(120))


def test_no_label_is_read_by_a_reader_that_saw_a_copy_of_its_picture() -> None:
    """Features that tell nothing but which group a picture is of: whoever sees one copy knows the others' label."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(30), 4)
    truth, features = np.repeat(rng.permutation(np.arange(30) % 2), 4), np.eye(30)[group]
    apart = doubts.out_of_sample(features, truth, np.arange(120), 5, 0)
    together = doubts.out_of_sample(features, truth, group, 5, 0)
    assert (apart.argmax(axis=1) == truth).mean() == 1
    assert abs(together[:, 1] - 0.5).max() < 0.1


@pytest.mark.parametrize("seed", range(8))
def test_five_people_with_many_labels_each_are_asked_about_in_a_fold_each(seed: int) -> None:
    features, truth = clouds(seed)
    people = np.arange(120) % 5
    place = doubts._folds(truth, people, 5, seed)
    assert sorted(place[:5].tolist()) == [0, 1, 2, 3, 4] and (place == place[people]).all()
    told = doubts.doubted(features, truth, people, np.ones(120, bool), seed=seed)
    assert np.isfinite(told.probabilities).all() and (told.probabilities.argmax(axis=1) == truth // 2).mean() > 0.9


def test_labels_with_too_few_pictures_and_unusable_rows_are_not_judged() -> None:
    features, truth = clouds()
    truth[EACH + 4 : 2 * EACH] = 0  # label 2 keeps four pictures
    usable = np.ones(120, bool)
    usable[[0, 119]] = False
    found = doubts.doubted(features, truth, np.arange(120), usable)
    assert found.classes.tolist() == [0, 5]
    assert not found.judged[[0, 119, EACH, EACH + 3]].any() and found.judged.sum() == 114
    assert found.suggested[0] == -1 and np.isnan(found.quality[EACH]) and np.isnan(found.probabilities[119]).all()


def test_one_label_alone_is_refused() -> None:
    features, truth = clouds()
    with pytest.raises(InputError, match=r"two labels with 5 pictures each or more, no two .* --skip errors leaves"):
        doubts.doubted(features, np.zeros_like(truth), np.arange(120), np.ones(120, bool))


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"--skip errors needs the extra \[audit\]"):
        doubts.need_cleanlab()


def test_a_share_of_labels_is_flipped_to_others_that_occur() -> None:
    truth = np.repeat([0, 2, 5], [100, 60, 40])
    given = trial.flipped(truth, 0.1)
    assert (given != truth).sum() == 20
    assert set(given.tolist()) == {0, 2, 5}
    assert (trial.flipped(truth, 0.1) == given).all() and (trial.flipped(truth, 0.1, 1) != given).any()


def test_flips_in_clouds_far_apart_fit_worst_and_nothing_else_is_flagged() -> None:
    features, truth = clouds(apart=12)
    found = trial.tried(features, truth, np.arange(120))
    assert (found["n"], found["flipped"], found["precision"]) == (120, 6, 1)
    assert 0.5 <= found["recall"] == found["flagged"] / 6  # the confident joint counts too few, never too many
    assert found["interval of precision"] == [1, 1] and found["the right label suggested"] == 1
    assert found["interval of recall"][0] <= found["recall"] <= found["interval of recall"][1]
    assert found["precision among as many as were flipped"] == 1


def test_flips_in_one_cloud_are_not_found() -> None:
    features, truth = clouds(apart=0)
    assert trial.tried(features, truth, np.arange(120))["precision"] < 0.4


def test_unanimous_are_labels_that_all_voters_share() -> None:
    votes = np.zeros((3, 10), np.int64)
    votes[:2, FERPLUS_VOTES.index("anger")] = 10, 9
    votes[1, FERPLUS_VOTES.index("fear")] = 1
    assert trial.unanimous(np.zeros(3, int), votes, FER2013).tolist() == [True, False, False]
    assert not trial.enough(np.repeat([0, 1], [60, 49]), np.arange(109))
    assert trial.enough(np.repeat([0, 1], 50), np.arange(100))
    assert not trial.enough(np.repeat([0, 1], 60), np.arange(120) // 2)
