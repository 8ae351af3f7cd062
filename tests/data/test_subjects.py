from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import DataError
from kaoiro.data.datasets import drawn_people
from kaoiro.data.subjects import Draws, SubjectsConfig, folds, held_out, others

SUBJECTS = np.repeat([f"s{number}" for number in range(10)], np.arange(3, 13))


def test_folds_part_people_evenly_and_depend_on_the_people_alone() -> None:
    places = folds(SUBJECTS, 5)
    assert sorted(np.bincount(list(places.values()))) == [2] * 5
    assert places == folds(SUBJECTS[::-1], 5)
    assert places != folds(SUBJECTS, 5, seed=1)


def test_every_face_is_held_out_in_one_fold() -> None:
    held = [held_out(SUBJECTS, SubjectsConfig(fold=fold, folds=5)) for fold in range(5)]
    assert np.sum(held, axis=0).tolist() == [1] * len(SUBJECTS)
    for one in held:
        assert not set(SUBJECTS[one]) & set(SUBJECTS[~one])
    assert not held_out(SUBJECTS, SubjectsConfig()).any()


def test_fewer_people_than_folds_are_refused() -> None:
    with pytest.raises(DataError, match="20 folds of 10 people cannot be"):
        folds(SUBJECTS, 20)


def test_a_pass_sees_every_face_once_and_the_next_in_another_order() -> None:
    even = np.repeat(np.arange(8), 8)
    draws = Draws(even, 16, (0, 0))
    assert draws.steps == 4
    first, second = (np.concatenate([draws(step).rows for step in part]) for part in (range(4), range(4, 8)))
    assert sorted(first) == sorted(second) == list(range(64))
    assert not np.array_equal(first, second)


def test_partners_are_drawn_from_the_same_subject_uniformly() -> None:
    draws, seen = Draws(SUBJECTS, 16, (3, 1), partners=2), np.zeros(len(SUBJECTS))
    for step in range(400):
        draw = draws(step)
        assert draw.partners.shape == (16, 2)
        assert (SUBJECTS[draw.partners] == SUBJECTS[draw.rows][:, None]).all()
        first = draw.partners[SUBJECTS[draw.rows] == "s0"]
        np.add.at(seen, first.ravel(), 1)
    counts = seen[SUBJECTS == "s0"]
    assert len(counts) == 3
    assert counts.min() > 0.8 * counts.mean()


def test_swaps_are_permutations_between_subjects() -> None:
    draws = Draws(SUBJECTS, 16, (0, 0))
    for step in range(50):
        draw = draws(step)
        assert sorted(draw.swapped) == list(range(16))
        assert (SUBJECTS[draw.rows] != SUBJECTS[draw.rows][draw.swapped]).all()


@pytest.mark.parametrize("sizes", [(1, 60), (30, 2), (3, 3, 50), (1, 1)])
@pytest.mark.parametrize("batch", [2, 3, 16])
def test_swaps_are_found_where_one_subject_has_nearly_all_faces(sizes: tuple[int, ...], batch: int) -> None:
    subjects = np.repeat(np.arange(len(sizes)), sizes)
    draws = Draws(subjects, batch, (1, 0))
    for step in range(2 * draws.steps):
        rows, _, swapped = draws(step)
        assert (subjects[rows] != subjects[rows][swapped]).all()


def test_all_pairs_of_subjects_are_exchanged() -> None:
    rng, numbers = np.random.default_rng(0), np.repeat(np.arange(4), 2)
    pairs = {(int(a), int(b)) for _ in range(200) for a, b in zip(numbers, numbers[others(numbers, rng)], strict=True)}
    assert len(pairs) == 12


def test_a_step_depends_on_its_number_and_the_seed_alone() -> None:
    one, other = Draws(SUBJECTS, 16, (0, 0)), Draws(SUBJECTS, 16, (0, 0))
    for step in (7, 0, 3):
        other(step)
    for a, b in zip(one(5), other(5), strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(one(5).rows, Draws(SUBJECTS, 16, (0, 1))(5).rows)


def test_one_subject_is_not_enough() -> None:
    with pytest.raises(DataError, match="two or more subjects"):
        Draws(np.zeros(9), 4, (0, 0))


def test_drawn_people_are_told_apart_by_person_and_by_expression() -> None:
    faces = drawn_people.people(6, 14, side=32)
    assert faces.pixels.shape == (84, 32, 32, 3)
    assert faces.subjects is not None
    assert len(np.unique(faces.subjects)) == 6
    assert np.array_equal(faces.pixels, drawn_people.people(6, 14, side=32).pixels)
    x = faces.pixels.reshape(6, 2, 7, -1).astype(float)
    person, expression = x.mean(axis=(1, 2)), x.mean(axis=1) - x.mean(axis=(1, 2))[:, None]
    shown = expression.mean(axis=0)
    nearest = ((expression[:, :, None] - shown) ** 2).sum(axis=-1).argmin(axis=-1)
    assert (nearest == np.arange(7)).mean() > 0.9
    apart = ((person[:, None] - person) ** 2).sum(axis=-1)[np.triu_indices(6, 1)]
    assert np.median(apart) > 4 * (expression**2).sum(axis=-1).mean()
