from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, FER2013, FERPLUS
from kaoiro.data.source import ROOT_VARIABLE, DataConfig, load

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from fake.fer2013 import VOTE_HEADER, write, write_votes


def test_only_training_rows_are_learned_from(tmp_path: Path) -> None:
    written = write(tmp_path)
    data = load(DataConfig(root=str(tmp_path)))
    learned = np.concatenate([data.training.pixels, data.validation.pixels])
    training = written.images[written.usage == "Training"]
    assert sorted(image.tobytes() for image in learned) == sorted(image.tobytes() for image in training)
    assert len(data.validation) > 0


def test_ferplus_targets_are_vote_shares_in_the_training_order(tmp_path: Path) -> None:
    write(tmp_path)
    data = load(DataConfig(root=str(tmp_path), labels="ferplus"))
    targets, labels = data.training.targets["expression"], data.training.labels["expression"]
    assert data.vocabularies == {"expression": FERPLUS}
    np.testing.assert_allclose(targets.sum(axis=1), 1)
    np.testing.assert_array_equal(targets.argmax(axis=1), labels)


def test_fer2013_targets_are_its_labels(tmp_path: Path) -> None:
    written = write(tmp_path, votes=False)
    data = load(DataConfig(root=str(tmp_path), labels="fer2013"))
    assert data.vocabularies == {"expression": FER2013}
    place = {image.tobytes(): label for image, label in zip(written.images, written.labels, strict=True)}
    expected = [place[image.tobytes()] for image in data.training.pixels]
    assert data.training.labels["expression"].tolist() == expected
    assert data.training.targets["expression"].argmax(axis=1).tolist() == expected


def test_faces_without_usable_votes_are_not_learned_from(tmp_path: Path) -> None:
    written = write(tmp_path)
    votes = written.votes.copy()
    votes[written.expressions == "fear"] = 0
    votes[written.expressions == "fear", VOTE_HEADER.split(",").index("NF") - 2] = 10
    write_votes(tmp_path / "fer2013new.csv", zip(written.usage, votes, strict=True))
    data = load(DataConfig(root=str(tmp_path)))
    assert not np.isnan(data.training.targets["expression"]).any()
    assert FERPLUS.index("fear") not in data.training.labels["expression"]
    assert (data.validation.labels["expression"] == -1).any()


def test_ferplus_without_the_vote_table_names_the_file(tmp_path: Path) -> None:
    write(tmp_path, votes=False)
    with pytest.raises(DataError, match=r"FER\+ labels need fer2013new\.csv"):
        load(DataConfig(root=str(tmp_path)))


def test_without_a_root_the_option_and_the_variable_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    with pytest.raises(DataError, match=rf"--data\.root or the variable {ROOT_VARIABLE}"):
        load(DataConfig())


def test_the_variable_names_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"Training": 16})
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    data = load(DataConfig())
    assert len(data.training) + len(data.validation) == 16


def test_drawn_faces_hold_out_a_quarter_of_each_expression() -> None:
    data = load(DataConfig(dataset="drawn", count=64))
    assert data.vocabularies == {"expression": EXPRESSIONS}
    assert np.bincount(data.training.labels["expression"]).tolist() == [6] * 8
    assert np.bincount(data.validation.labels["expression"]).tolist() == [2] * 8
