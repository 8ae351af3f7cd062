from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import DataError
from kaoiro.core.streams import Streams, cues_of


def streams(clips: list[str], logits: np.ndarray | None = None) -> Streams:
    count = len(clips)
    raw = np.zeros((count, 2), np.float32) if logits is None else logits
    return Streams(np.arange(3 * count, dtype=np.float32).reshape(count, 3), raw, np.zeros((count, 4), np.float32),
                   np.array(clips), ("a", "b"))  # fmt: skip


def test_windows_end_with_their_frame_and_stay_within_the_clip() -> None:
    windows = streams(["x", "x", "x", "y", "y"]).windows(3)
    assert windows.tolist() == [[-1, -1, 0], [-1, 0, 1], [0, 1, 2], [-1, -1, 3], [-1, 3, 4]]


def test_centred_windows_reach_to_both_sides() -> None:
    assert streams(["x", "x", "x", "y"]).windows(3, True).tolist() == [[-1, 0, 1], [0, 1, 2], [1, 2, -1], [-1, 3, -1]]


def test_the_frames_of_each_clip() -> None:
    assert [(name, part.start, part.stop) for name, part in streams(["x", "x", "y"]).each()] == [
        ("x", 0, 2),
        ("y", 2, 3),
    ]


def test_probabilities_are_the_softmax_of_the_logits() -> None:
    one = streams(["x"], np.array([[np.log(3), 0.0]], np.float32))
    assert one.probabilities == pytest.approx(np.array([[0.75, 0.25]]))


def test_a_frame_without_a_face_is_not_seen() -> None:
    one = streams(["x", "x"])
    one.features[1, 0] = np.nan
    assert one.seen.tolist() == [True, False]


def test_cues_by_hand() -> None:
    found = cues_of(np.array([16, 128, 4096]), np.array([1, 0.5, 0]), np.array([0.2, 0.4, 0.6]), np.array([0, -45, 90]))
    assert found == pytest.approx(np.array([[0, 1, 0.2, 0], [0.5, 0.5, 0.4, 0.5], [1, 0, 0.6, 1]]))


@pytest.mark.parametrize("clips", [[], ["x", "y", "x"]])
def test_frames_that_make_no_clips_are_refused(clips: list[str]) -> None:
    with pytest.raises(DataError):
        streams(clips)


def test_tables_of_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="one row for each frame"):
        Streams(np.zeros((2, 3)), np.zeros((1, 2)), np.zeros((2, 4)), np.array(["x", "x"]), ("a", "b"))
