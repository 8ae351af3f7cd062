"""Videos of a syn-mt set to learn from: which frames, which labels, in which batches."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fake import synthetic as fake

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, UNITS_HEAD
from kaoiro.training import videos
from kaoiro.training.videos import HEADS, batches, labelled, read, thinned


def write(folder: Path, **changes) -> Path:
    """Write a finished fake set."""
    fake.write(folder, **changes)
    file = folder / "set.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"finished": {"sha256": "ab"}}))
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("set"))


def made(units: int = 20, expressions: int = 40, neither: int = 60, each: int = 10) -> Faces:
    """Return faces of videos of each kind, without pictures worth looking at."""
    kinds = np.repeat(np.array([1, 2, 0]), [units, expressions, neither])
    kind, clip = np.repeat(kinds, each), np.repeat(np.arange(len(kinds)), each)
    rng, count = np.random.default_rng(0), len(kind)
    classes = np.where(kind == 2, rng.integers(0, 7, count), -1)
    one_hot = np.where((kind == 2)[:, None], np.eye(7)[classes], np.nan).astype(np.float32)
    present = np.where((kind == 1)[:, None], rng.random((count, 8)) < 0.3, np.nan).astype(np.float32)
    targets = {AFFECT_HEAD: rng.uniform(-1, 1, (count, 2)).astype(np.float32)}
    targets |= {EXPRESSION: one_hot, UNITS_HEAD: present}
    names = np.char.add("v", clip.astype(str))
    return Faces(np.zeros((count, 4, 4), np.uint8), targets, {EXPRESSION: classes}, names, names)


def known(faces: Faces, head: str) -> np.ndarray:
    return ~np.isnan(faces.targets[head]).any(axis=1)


def test_training_people_have_given_labels_and_test_people_all(root: Path) -> None:
    data = read(root, 16, every=2)
    units, expressions = known(data.training, UNITS_HEAD), known(data.training, EXPRESSION)
    assert units.sum() == expressions.sum() == len(data.training) // 2
    assert not (units & expressions).any()
    assert known(data.training, AFFECT_HEAD).all()
    assert all(known(data.test, head).all() for head in HEADS)
    assert (data.test.labels[EXPRESSION] >= 0).all()
    assert (data.training.labels[EXPRESSION] >= 0).tolist() == expressions.tolist()
    assert data.about["train people"] == 3 and data.about["train frames"] == 18
    assert data.training.pixels.shape == (18, 16, 16)
    assert len(data.test) == len(read(root, 16, every=1).test)  # measured on every frame
    assert data.statistics == pytest.approx(
        (data.training.pixels.mean() / 255, data.training.pixels.std() / 255), abs=1e-4
    )


def test_units_are_present_from_the_intensity_that_the_set_names(root: Path) -> None:
    table = videos.synthetic.read(root).table
    data = read(root, 16, every=1)
    own = table[table["split"] == "test"]
    wanted = own["au_12"].to_numpy() >= 0.2
    assert (videos.truth(data.test).units[:, 4] == wanted).all()  # pyright: ignore


def test_every_so_many_frames_of_each_clip_are_kept_in_order() -> None:
    clips = np.array(["b", "a", "a", "a", "b", "a"])
    frames = np.array([5, 3, 1, 2, 4, 0])
    rows = thinned(clips, frames, np.arange(6), 2)
    assert rows.tolist() == [4, 5, 3]
    assert thinned(clips, frames, np.array([1, 2]), 1).tolist() == [2, 1]


@pytest.mark.parametrize(("fraction", "count"), [(1.0, (20, 40, 60)), (0.2, (4, 8, 12)), (0.1, (2, 4, 6))])
def test_a_fraction_is_one_of_the_videos_of_each_kind(fraction: float, count: tuple) -> None:
    faces = labelled(made(), HEADS, fraction)
    units, expressions = known(faces, UNITS_HEAD), known(faces, EXPRESSION)
    neither = known(faces, AFFECT_HEAD) & ~units & ~expressions
    assert faces.clips is not None
    assert tuple(len(np.unique(faces.clips[rows])) for rows in (units, expressions, neither)) == count
    assert units.sum() == 10 * count[0]
    assert not (units & expressions).any()


def test_smaller_fractions_are_within_larger_ones() -> None:
    kept = [known(labelled(made(), HEADS, fraction, seed=3), AFFECT_HEAD) for fraction in (0.01, 0.05, 0.2, 1.0)]
    for smaller, larger in pairwise(kept):
        assert (larger | ~smaller).all() and larger.sum() > smaller.sum()


def test_other_seeds_choose_other_videos() -> None:
    one, other = (known(labelled(made(), HEADS, 0.2, seed), AFFECT_HEAD) for seed in (0, 1))
    assert (one != other).any() and one.sum() == other.sum()


def test_one_percent_is_two_videos_of_each_kind_and_few_of_their_frames() -> None:
    # 1 % of 20, 40 and 60 videos of 10 frames: 2, 4 and 6 frames, of two videos each
    faces = labelled(made(), HEADS, 0.01)
    assert faces.clips is not None
    rows = known(faces, UNITS_HEAD), known(faces, EXPRESSION)
    assert [row.sum() for row in rows] == [2, 4]
    assert [len(np.unique(faces.clips[row])) for row in rows] == [2, 2]
    assert known(faces, AFFECT_HEAD).sum() == 2 + 4 + 6


def test_tasks_that_are_not_learned_leave_no_labels() -> None:
    faces = labelled(made(), (EXPRESSION,))
    assert list(faces.targets) == [EXPRESSION]
    assert faces.domains is not None
    assert (faces.domains >= 0).tolist() == known(faces, EXPRESSION).tolist()
    affect = labelled(made(), (AFFECT_HEAD,))
    assert affect.labels == {} and set(affect.domains.tolist()) == {0}  # pyright: ignore


def test_batches_have_as_many_faces_of_each_kind_of_label() -> None:
    faces = labelled(made(), HEADS, 0.2)
    assert faces.domains is not None
    rows = batches(faces.domains, 32, 50, 0)
    assert rows.shape == (50, 32)
    counts = np.stack([(faces.domains[rows] == part).sum(axis=1) for part in range(3)])
    assert {tuple(column) for column in counts.T} == {(11, 11, 10)}
    # each part is gone through before any of it comes again
    units = rows[np.isin(rows, np.flatnonzero(known(faces, UNITS_HEAD)))]
    _, often = np.unique(units, return_counts=True)
    assert often.max() - often.min() <= 1
    np.testing.assert_array_equal(rows, batches(faces.domains, 32, 50, 0))
    assert (rows != batches(faces.domains, 32, 50, 1)).any()


@pytest.mark.parametrize(
    ("heads", "fraction", "message"),
    [(("mood",), 1.0, "heads must be some of"), ((), 1.0, "heads must be"), (HEADS, 0.0, "fraction must be above 0")],
)
def test_impossible_choices_are_refused(heads: tuple, fraction: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        labelled(made(), heads, fraction)
    with pytest.raises(InputError, match="labels must be"):
        batches(np.full(4, -1), 2, 1, 0)


def test_other_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not found"):
        read(tmp_path / "none", 16)
    unfinished = tmp_path / "unfinished"
    fake.write(unfinished)
    with pytest.raises(DataError, match="not a finished set"):
        read(unfinished, 16)
    other = write(tmp_path / "other")
    settings = json.loads((other / "set.json").read_text())
    (other / "set.json").write_text(json.dumps(settings | {"set": "syn-vid"}))
    with pytest.raises(DataError, match="is a set of syn-vid; name one made by `kaoiro synth syn-mt`"):
        read(other, 16)
    with pytest.raises(InputError, match="every must be 1 or more"):
        read(other, 16, every=0)


def test_too_few_people_are_refused(tmp_path: Path) -> None:
    def alone(rows: list) -> None:
        rows[:] = [row for row in rows if row["subject"] not in ("train-1", "train-2")]

    def no_units(rows: list) -> None:
        for row in rows:
            row["has_units"] = row["has_units"] and row["subject"] == "train-0"

    with pytest.raises(DataError, match="has 1 people of the split train, fewer than 2"):
        read(write(tmp_path / "alone", change=alone), 16)
    with pytest.raises(DataError, match="fewer than 2 training videos with labels of action units"):
        read(write(tmp_path / "no units", change=no_units), 16)
