"""Updates of stages: equally many for all conditions, all faces equally often."""

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import EXPRESSION, Vocabulary
from kaoiro.data.source import LearningData
from kaoiro.training.transfer.schedule import Schedule, course


def data(count):
    pixels = np.arange(count, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    faces = Faces(pixels, {EXPRESSION: np.eye(2, dtype=np.float32)[np.arange(count) % 2]})
    return LearningData(faces, faces, {EXPRESSION: Vocabulary("v", ("a", "b"))}, "", "", ())


@pytest.mark.parametrize(("count", "updates", "epochs"), [(10, 300, 20), (100, 60, 4), (200, 10, 1), (3, 2, 2)])
def test_a_course_has_the_updates_asked_for(count, updates, epochs):
    found = course(data(count), updates, 16, 0, judged=True)
    assert found.epochs == epochs
    assert found.epochs * len(found.data.training) == 16 * updates


def test_all_faces_come_equally_often_but_for_one():
    found = course(data(100), 60, 16, 0, judged=False)
    counts = np.bincount(found.data.training.pixels[:, 0, 0])
    assert (counts.min(), counts.max()) == (2, 3)
    assert len(found.data.validation) == 100
    assert found.patience == 0


def test_patience_is_a_quarter_of_the_epochs():
    assert course(data(10), 300, 16, 0, judged=True).patience == 5
    assert course(data(200), 10, 16, 0, judged=True).patience == 1


def test_a_share_shortens_stages_zero_and_one():
    found = Schedule(1000, 3000, 300, 64).scaled(0.1)
    assert (found.zero, found.first, found.second, found.single) == (100, 300, 300, 600)


def test_no_updates_are_refused():
    with pytest.raises(InputError, match="second"):
        Schedule(1, 1, 0, 64)
