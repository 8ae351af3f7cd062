from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.evaluation import carried
from kaoiro.metrics import probes


def coded(labels: np.ndarray, noise: float, seed: int) -> np.ndarray:
    centres = np.random.default_rng(9).normal(size=(7, 16))
    return centres[labels] + np.random.default_rng(seed).normal(0, noise, (len(labels), 16))


def test_a_linear_reader_is_asked_about_other_faces():
    labels, tested = np.arange(700) % 7, np.arange(210) % 7
    found = carried.linear_reading(coded(labels, 0.3, 0), labels, coded(tested, 0.3, 1), tested)
    assert found["accuracy"] > 0.97 and found["n"] == 210
    assert found["interval"][0] <= found["accuracy"] <= found["interval"][1]
    assert found["chance"] == pytest.approx(1 / 7)
    assert carried.reading_claim(found)["FER2013 linear reader"]["verdict"] == "holds"
    none = carried.linear_reading(coded(labels, 0.3, 0)[::-1], np.roll(labels, 1), coded(tested, 30, 1), tested)
    assert carried.reading_claim(none)["FER2013 linear reader"]["verdict"] == "does not hold"
    assert carried.reading_claim(None)["FER2013 linear reader"]["verdict"] == "not measured yet"


def test_faces_without_label_are_left_out():
    labels = np.where(np.arange(700) % 3, np.arange(700) % 7, -1)
    found = carried.linear_reading(coded(labels, 0.3, 0), labels, coded(labels, 0.3, 1), labels)
    assert found["n"] == (labels >= 0).sum()


def test_held_out_faces_choose_and_teach_nothing():
    """With labels that say nothing on the faces that choose, readers learn as well from the others."""
    rng = np.random.default_rng(0)
    labels, tested = np.arange(700) % 7, np.arange(210) % 7
    choosing = np.arange(700) >= 600
    told = np.where(choosing, rng.integers(0, 7, 700), labels)
    found = carried.linear_reading(coded(labels, 0.3, 0), told, coded(tested, 0.3, 1), tested, choosing)
    assert found["accuracy"] > 0.97
    with pytest.raises(InputError, match="too few"):
        carried.linear_reading(coded(labels, 0.3, 0), told, coded(tested, 0.3, 1), tested, labels >= 0)


def test_the_quick_reader_is_the_exact_one():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(600, 12)), rng.integers(0, 4, 600)
    x[:, :4] += 1.5 * np.eye(4)[y]
    quick = probes.logistic_path(x[:400], y[:400], 4, (0.01, 0.1))
    assert list(quick) == [0.1, 0.01]
    for ridge, reader in quick.items():
        exact = probes.logistic(x[:400], y[:400], 4, ridge)
        assert np.abs(reader(x[400:]) - exact(x[400:])).max() < 0.02


def test_codes_are_taken_from_the_same_persons_rest():
    codes = np.array([[1.0, 2], [3, 2], [5, 5], [9, 9], [8, 8]])
    people, smiling = np.array(["a", "a", "a", "b", "c"]), np.array([False, False, True, True, False])
    found, kept = carried.from_rest(codes, smiling, people)
    assert kept.tolist() == [True, True, True, False, True]
    assert found.tolist() == [[-1, 0], [1, 0], [3, 3], [0, 0]]


def london(identity: float, smile: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    person, smiling = np.repeat(np.arange(30), 2), np.tile([False, True], 30)
    codes = identity * rng.normal(size=(30, 8))[person] + rng.normal(0, 0.3, (60, 8))
    codes[:, 0] += smile * smiling
    return codes, smiling, np.array([f"p{k:02d}" for k in person])


def test_smiles_are_told_from_rest_across_people():
    separated = carried.smiles(*london(0, 3))
    assert separated["smile AUC"] > 0.97 and separated["interval"][0] > 0.9
    assert separated["identity"] < 0.2 and separated["identity chance"] == pytest.approx(1 / 30)
    mixed = carried.smiles(*london(3, 0))
    assert mixed["identity"] > 0.9 and mixed["smile AUC"] < 0.75


def test_unfit_tables_are_refused():
    codes, labels = np.zeros((5, 4)), np.zeros(5, int)
    with pytest.raises(InputError, match="too few"):
        carried.linear_reading(codes, labels, codes, labels)
    with pytest.raises(InputError, match="one method"):
        carried.linear_reading(np.zeros((50, 4)), np.arange(50) % 2, np.zeros((5, 3)), labels)
    with pytest.raises(InputError, match="not finite"):
        carried.linear_reading(np.full((50, 4), np.nan), np.arange(50) % 2, codes, labels)
    many, smiling, people = london(1, 1)
    with pytest.raises(InputError, match="nobody"):
        carried._recognised(many[smiling], smiling[smiling], people[smiling])
