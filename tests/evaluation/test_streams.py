from __future__ import annotations

import numpy as np
import pytest
from fake import model, synthetic

from kaoiro.data.datasets import synthetic as reader
from kaoiro.evaluation import streams


def placed(rows: list[dict]) -> None:
    """Put the five points of every frame where an upright face of 20 pixels would have them."""
    for row in rows:
        for name, (x, y) in zip(
            ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right"), model.CROP.points, strict=True
        ):
            row[f"{name}_x"], row[f"{name}_y"] = 6 + 20 * x, 6 + 20 * y
        row["box_width"], row["box_height"] = 16.0, 25.0


@pytest.fixture
def data(tmp_path) -> reader.Synthetic:
    synthetic.write(tmp_path / "set", placed)
    return reader.read(tmp_path / "set")


def test_a_frame_is_placed_by_its_points_but_for_the_detectors_error(data) -> None:
    rows = np.arange(len(data))
    matrices = streams.placements(data, rows, np.asarray(model.CROP.points))
    exact = np.array([[20.0, 0, 6], [0, 20, 6]])
    assert np.abs(matrices - exact).max() < 20 * 0.04 * 5  # five standard deviations at level high
    assert np.abs(matrices - exact).max() > 0.01
    turned = matrices[:, :, :2]
    assert turned[:, 0, 1] == pytest.approx(np.zeros(len(rows)), abs=1e-9)  # scaled and moved, not turned
    assert turned[:, 0, 0] == pytest.approx(turned[:, 1, 1])


def test_errors_are_those_of_the_level_and_the_same_every_time(data) -> None:
    rows = np.arange(len(data))
    geometry = np.asarray(model.CROP.points)
    once, again = (streams.placements(data, rows, geometry) for _ in range(2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, streams.placements(data, rows, geometry, seed=1))
    error = np.abs(once[:, :, 2] - 6).mean(axis=1)
    level = data.table["level"].to_numpy(str)
    assert error[level == "high"].mean() > 2 * error[level == "low"].mean()


def test_moving_and_scaling_by_hand() -> None:
    moved = streams._moved(np.array([[10.0, 0, 1], [0, 10, 2]]), 0.1, -0.2, 0.5)
    assert moved @ (0.5, 0.5, 1) == pytest.approx((1 + 5 + 1, 2 + 5 - 2))
    assert moved[:, :2] == pytest.approx(15 * np.eye(2))


def test_what_the_model_says_of_every_frame(data, tmp_path) -> None:
    rows = np.arange(len(data))
    one = model.write(tmp_path / "linear", temperature=2.0)
    read = streams.rendered(data, rows, one)
    assert len(read) == len(rows)
    assert read.features.shape == (len(rows), model.SIZE**2)
    assert read.labels == one.specification.head("expression").labels
    assert read.probabilities.sum(axis=1) == pytest.approx(np.ones(len(rows)))
    assert read.logits == pytest.approx(read.features @ model.weights(model.FERPLUS) / 2, abs=1e-3)
    assert read.cues[:, 0] == pytest.approx(np.full(len(rows), (np.log2(20) - 4) / 6))
    assert read.seen.all()
    assert len(read.bounds()) == len(set(data.clips))
