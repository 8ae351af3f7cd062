from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from kaoiro.evaluation.audit import changes, twins


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """Six unlike pictures with coarse and fine detail, (6, 48, 48)."""
    rng = np.random.default_rng(0)
    coarse = np.kron(rng.normal(0, 40, (6, 8, 8)), np.ones((1, 6, 6)))
    return (128 + coarse + rng.normal(0, 6, (6, 48, 48))).clip(0, 255).astype(np.uint8)


def digests(pictures: np.ndarray) -> np.ndarray:
    return np.array([str(hash(one.tobytes())) for one in pictures])


def halved(picture: np.ndarray) -> np.ndarray:
    small = Image.fromarray(picture).resize((24, 24), Image.Resampling.BOX)
    return np.asarray(small.resize((48, 48), Image.Resampling.BILINEAR))


CHANGES = {
    "darker": lambda one: (one * 0.6 + 10).astype(np.uint8),
    "smaller": halved,
    "mirrored": lambda one: one[:, ::-1],
    "mirrored and brighter": lambda one: np.minimum(one[:, ::-1].astype(int) + 10, 255).astype(np.uint8),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_changed_copy_is_found_and_nothing_else(faces: np.ndarray, change: object) -> None:
    pictures = np.concatenate([faces, change(faces[2])[None]])  # pyright: ignore[reportCallIssue]
    pairs = twins.near(pictures, digests(pictures), np.arange(7))
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([2], [6])
    assert pairs.mirrored.tolist() == [change in (CHANGES["mirrored"], CHANGES["mirrored and brighter"])]
    assert twins.NEAR <= pairs.likeness[0] <= 1


def test_another_picture_a_moved_one_and_an_identical_one_are_no_near_copies(faces: np.ndarray) -> None:
    pictures = np.concatenate([faces, np.roll(faces[:1], 6, axis=2), faces[3:4]])
    assert len(twins.near(pictures, digests(pictures), np.arange(8))) == 0


def test_flat_pictures_and_rows_that_were_not_asked_about_are_left_out(faces: np.ndarray) -> None:
    flat = np.full((2, 48, 48), 100, np.uint8)
    flat[1, 0, 0] = 101
    pictures = np.concatenate([faces, flat, CHANGES["darker"](faces[0])[None]])
    assert len(twins.near(pictures, digests(pictures), np.arange(8))) == 0
    assert len(twins.near(pictures, digests(pictures), np.arange(9))) == 1
    assert len(twins.near(pictures, digests(pictures), np.arange(0))) == 0


def test_frames_of_a_video_are_paired_with_few_others_and_still_belong_together(
    faces: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twins, "_AT_ONCE", 16)
    monkeypatch.setattr(twins, "_PAIRS_AT_ONCE", 50)
    noise = np.random.default_rng(1).normal(0, 3, (40, 48, 48))
    frames = (faces[:1] + noise).clip(0, 255).astype(np.uint8)
    pairs = twins.near(frames, digests(frames), np.arange(40))
    assert np.bincount(pairs.first, minlength=40).tolist() == [twins.MOST] * 30 + list(range(9, -1, -1))
    assert (np.diff(pairs.likeness) <= 0).all() and not pairs.mirrored.any()
    assert not twins.joined(40, (pairs.first, pairs.second)).any()


def test_identical_pictures_are_grouped_in_the_order_of_their_first_row() -> None:
    names = np.array(["c", "a", "b", "a", "c", "c", "d"])
    assert [group.tolist() for group in twins.identical(names)] == [[0, 4, 5], [1, 3]]
    assert [group.tolist() for group in twins.identical(names, np.array([0, 1, 2, 4]))] == [[0, 4]]
    assert twins.identical(np.empty(0, "U4")) == []


def test_links_join_rows_through_others() -> None:
    links = np.array([4, 3, 1]), np.array([3, 1, 6])
    people = twins.alike(np.array(["", "", "ann", "", "", "ann", ""]))
    assert twins.joined(7, links).tolist() == [0, 1, 2, 1, 1, 5, 1]
    assert twins.joined(7, links, people).tolist() == [0, 1, 2, 1, 1, 2, 1]


def test_cells_are_means_of_squares() -> None:
    picture = np.arange(48 * 48, dtype=np.uint16).reshape(1, 48, 48) % 251
    assert twins.cells(picture, 16)[0, 1, 2] == pytest.approx(picture[0, 3:6, 6:9].mean())
    assert np.linalg.norm(twins.unit(twins.cells(picture, 24))[0]) == pytest.approx(1)


def test_copies_are_found_after_what_leaves_pixels_in_place_and_not_after_moves(faces: np.ndarray) -> None:
    told = changes.found(faces)
    kept = [name for name, row in told.items() if row["found"] == 1]
    assert {"half the size and back", "0.6 times the contrast", "JPEG of quality 30", "noise of deviation 10"} <= {
        *kept
    }
    assert told["moved by two pixels"]["found"] == 0
    assert told["0.6 times the contrast"]["of half"] == pytest.approx(1, abs=1e-3)
    assert changes.found(faces[:0]) == {}
