from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import DataError
from kaoiro.data.views import ViewDraws

PEOPLE = np.repeat([f"p{number}" for number in range(6)], 10)
NOBODY = np.empty(0, str)


def test_unlabelled_faces_are_seen_once_a_pass_and_the_next_in_another_order() -> None:
    draws = ViewDraws(48, PEOPLE, 16, 0.25, 2, (0, 0))
    assert draws.steps == 4
    first, second = (np.concatenate([draws(step).unlabelled for step in part]) for part in (range(4), range(4, 8)))
    assert sorted(first) == sorted(second) == list(range(48))
    assert not np.array_equal(first, second)


def test_known_faces_are_of_few_people_and_each_person_is_a_group() -> None:
    draws = ViewDraws(48, PEOPLE, 16, 0.5, 2, (0, 0))
    seen = set()
    for step in range(30):
        draw = draws(step)
        assert (len(draw.unlabelled), len(draw.known)) == (8, 8)
        assert len(set(draw.known)) == 8
        own = PEOPLE[draw.known]
        assert len(set(own)) == 2
        seen |= set(own)
        assert (draw.groups[:8] == 0).all()
        for name in set(own):
            (group,) = set(draw.groups[8:][own == name])
            assert group > 0
        assert len(set(draw.groups[8:])) == 2
    assert len(seen) == 6


def test_known_faces_of_anybody_are_one_group() -> None:
    draw = ViewDraws(48, PEOPLE, 16, 0.5, 0, (0, 0))(0)
    assert draw.groups.tolist() == [0] * 8 + [1] * 8
    assert len(set(PEOPLE[draw.known])) > 2


def test_faces_of_one_kind_fill_the_batch() -> None:
    alone = ViewDraws(48, NOBODY, 16, 0.25, 2, (0, 0))
    assert (len(alone(0).unlabelled), len(alone(0).known)) == (16, 0)
    known = ViewDraws(0, PEOPLE, 16, 0.25, 4, (0, 0))
    assert (len(known(0).unlabelled), len(known(0).known), known.steps) == (0, 16, 3)
    few = ViewDraws(5, NOBODY, 16, 0.25, 2, (0, 0))
    assert (few.steps, sorted(few(3).unlabelled)) == (1, [0, 1, 2, 3, 4])


def test_a_step_depends_on_its_number_and_the_seed_alone() -> None:
    one, other = (ViewDraws(48, PEOPLE, 16, 0.25, 2, (0, 0)) for _ in range(2))
    for step in (7, 0, 3):
        other(step)
    for a, b in zip(one(5), other(5), strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(one(5).unlabelled, ViewDraws(48, PEOPLE, 16, 0.25, 2, (0, 1))(5).unlabelled)


def test_one_face_is_not_enough() -> None:
    with pytest.raises(DataError, match="two faces or more"):
        ViewDraws(1, NOBODY, 16, 0.25, 2, (0, 0))
