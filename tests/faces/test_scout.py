from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kaoiro.core.parallel import in_order
from kaoiro.core.types import Box
from kaoiro.faces.detect import Detection
from kaoiro.faces.scout import find, sightings

LIMIT_S = 60


class Scene:
    """Stands for a frame of 400x400 pixels with faces of some sizes, all at one place."""

    size = (400, 400)

    def __init__(self, time_s: float, *faces: int) -> None:
        self.time_s, self.faces = time_s, faces

    def rgb(self, size: tuple[int, int]) -> np.ndarray:
        """Return a picture whose first pixels tell the faces."""
        picture = np.zeros((size[1], size[0], 3), np.uint8)
        picture[0, : len(self.faces), 0] = self.faces
        return picture


class Reader:
    """Reads what a scene tells; faces below a tenth of its working size are missed."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        return (width, height) if face is None else (width // 2, height // 2)

    def detect(self, image: np.ndarray) -> list[Detection]:
        self.sizes.append(image.shape[1])
        scale = image.shape[1] / 400
        sides = [side * scale for side in sorted(image[0, :, 0].tolist(), reverse=True) if side * scale >= 20]
        return [Detection(Box(0, 0, side, side), 1.0) for side in sides]


def sides(found: list[Detection]) -> list[float]:
    return [face.box.width for face in found]


def test_the_first_frame_of_each_second_is_looked_at_closely():
    scenes = [Scene(time_s, 100) for time_s in (0.5, 0.9, 1.0, 1.5, 7.2)]
    reader = Reader()
    assert [sides(find(sighting, reader)) for sighting in sightings(iter(scenes))] == [[100]] * 5
    assert reader.sizes == [400, 200, 200, 400, 200, 200, 400, 200]


def test_a_frame_that_shows_fewer_faces_than_the_first_is_looked_at_closely():
    scenes = [Scene(0.0, 100, 30), Scene(0.1, 100, 30), Scene(0.2, 100)]
    reader = Reader()
    assert [sides(find(sighting, reader)) for sighting in sightings(iter(scenes))] == [[100, 30], [100, 30], [100]]


def test_frames_may_be_taken_up_in_any_order():
    scenes = [Scene(number / 10, 100, 30) for number in range(10)]
    for order in ([*range(9, -1, -1)], [5, 0, 3]):
        given = list(sightings(iter(scenes)))
        assert [sides(find(given[index], Reader())) for index in order] == [[100, 30]] * len(order)


def test_frames_taken_up_at_once_ask_the_first_one_a_single_time():
    (_, *others) = sightings(iter([Scene(number / 10, 100) for number in range(9)]))
    reader = Reader()
    with ThreadPoolExecutor(8) as pool:
        assert [sides(found) for found in pool.map(lambda sighting: find(sighting, reader), others)] == [[100]] * 8
    assert sorted(reader.sizes) == [200] * 8 + [400]


def test_a_detector_that_fails_fails_for_every_frame():
    class Broken(Reader):
        def detect(self, image: np.ndarray) -> list[Detection]:
            raise ZeroDivisionError

    for sighting in sightings(iter([Scene(0.0, 100), Scene(0.1, 100)])):
        with pytest.raises(ZeroDivisionError):
            find(sighting, Broken())


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads take turns as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_a_video_that_is_left_early_leaves_no_thread_waiting():
    def leave_early() -> None:
        for turn in range(150):
            scenes = (Scene(number / 3, 100) for number in range(60))
            reader = Reader()
            measured = in_order(lambda sighting: find(sighting, reader), sightings(scenes), 4)  # noqa: B023
            for _ in range(turn % 7):
                next(measured)
            measured.close()

    worker = threading.Thread(target=leave_early, daemon=True)
    worker.start()
    worker.join(LIMIT_S)
    assert not worker.is_alive()
