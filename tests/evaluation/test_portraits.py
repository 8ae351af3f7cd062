"""Smiling against resting portraits, by hand and from files of the set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake import london
from graphs import write_bright_model
from jobs import Middle

from kaoiro.core.errors import DataError
from kaoiro.data.splits import part_of
from kaoiro.evaluation import crops
from kaoiro.evaluation.portraits import separation, smiles

PEOPLE = np.array(["a", "a", "b", "b", "c"])
SMILING = np.array([False, True, False, True, True])
SUBJECTS = [f"{number:03d}" for number in range(1, 9)]


def test_people_are_compared_with_themselves_and_with_each_other():
    score = np.array([0.1, 0.3, 0.5, 0.6, 0.9])  # b at rest scores more than a smiling
    found = separation(score, SMILING, PEOPLE)
    assert found["AUC"] == pytest.approx(5 / 6)
    assert (found["pairs"], found["pairs in order"]) == (2, 2)  # c was never seen at rest
    assert found["paired effect"] == pytest.approx(0.15 / np.std([0.2, 0.1], ddof=1))
    assert found["mean smiling"] == pytest.approx(0.6) and found["mean neutral"] == pytest.approx(0.3)


def test_a_pair_that_does_not_differ_is_not_in_order():
    found = separation(np.array([0.2, 0.2, 0.5, 0.4, 0.9]), SMILING, PEOPLE)
    assert (found["pairs"], found["pairs in order"]) == (2, 0)


def test_an_effect_has_an_interval_over_people():
    rng = np.random.default_rng(0)
    people, smiling = np.repeat(np.arange(40), 2), np.tile([False, True], 40)
    score = np.where(smiling, 0.5, 0.0) + rng.normal(0, 0.2, 80)
    found = separation(score, smiling, people)
    low, high = found["interval of effect"]
    assert 0.5 < low < found["paired effect"] < high < 4
    assert found["interval"][0] < found["AUC"] <= found["interval"][1]


@pytest.mark.parametrize("part", ["report", "development"])
def test_portraits_of_one_part_of_the_people_are_measured(part, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(crops, "CenterFace", Middle)
    london.write(tmp_path / "london", SUBJECTS)
    model = write_bright_model(tmp_path / "model")
    found = smiles(model, str(tmp_path / "london"), part, threads=1)
    count = sum(part_of(subject) == part for subject in SUBJECTS)
    assert 1 < count < len(SUBJECTS)
    assert (found["part"], found["people"], found["faces"], found["not found"]) == (part, count, 2 * count, 0)
    table = found["smiling against neutral"]
    for name in ("valence", "AU 12 (lip corner puller)", "happiness (expression, to compare with)"):
        assert (table[name]["AUC"], table[name]["pairs in order"]) == (1, count), name
        assert table[name]["interval"] == pytest.approx([1, 1])
    assert table["AU 4 (brow lowerer)"]["AUC"] == 0
    assert table["arousal"]["AUC"] == 0.5
    assert table["arousal"]["paired effect"] is None, "nothing varies"


def test_people_without_a_face_of_one_kind_are_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(crops, "CenterFace", Middle)
    dark = {london.name(subject, "smiling"): london.flat(0) for subject in SUBJECTS}
    london.write(tmp_path / "london", SUBJECTS, own=dark)
    with pytest.raises(DataError, match="of 16 portraits, faces were found in 0 smiling and 8 neutral ones"):
        smiles(write_bright_model(tmp_path / "model"), str(tmp_path / "london"), "report")
