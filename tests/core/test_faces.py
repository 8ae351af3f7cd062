from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.faces import Faces


def faces(**changes: np.ndarray | None) -> Faces:
    number = np.arange(5)
    return Faces(
        pixels=np.broadcast_to(number[:, None, None], (5, 4, 4)).astype(np.uint8),
        targets={"expression": np.eye(5, dtype=np.float32), "valence": number[:, None] / 4},
        labels={"expression": number},
        **{"subjects": number * 10, "clips": number * 100, **changes},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("keep", [np.array([3, 1]), np.array([False, True, False, True, False])])
def test_selected_rows_keep_pixels_targets_labels_and_ids_together(keep: np.ndarray) -> None:
    chosen = faces().rows(keep)
    number = chosen.pixels[:, 0, 0].tolist()
    assert number == np.arange(5)[keep].tolist()
    assert chosen.labels["expression"].tolist() == number
    assert chosen.targets["expression"].argmax(axis=1).tolist() == number
    assert (4 * chosen.targets["valence"][:, 0]).tolist() == number
    assert chosen.subjects is not None
    assert chosen.clips is not None
    assert (chosen.subjects // 10).tolist() == (chosen.clips // 100).tolist() == number


def test_the_length_is_the_number_of_faces() -> None:
    assert len(faces()) == 5
    assert len(faces().rows(np.zeros(5, bool))) == 0


def test_unknown_ids_stay_unknown() -> None:
    chosen = faces(subjects=None, clips=None).rows(np.array([0]))
    assert chosen.subjects is None
    assert chosen.clips is None


def test_choosing_rows_leaves_the_original_alone() -> None:
    original = faces()
    original.rows(np.array([0])).targets["expression"][:] = 7
    assert original.targets["expression"].max() == 1


def test_labels_are_optional() -> None:
    chosen = Faces(np.zeros((3, 4, 4), np.uint8), {"expression": np.zeros((3, 2))}).rows(np.array([2]))
    assert chosen.labels == {}
