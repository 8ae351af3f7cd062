from __future__ import annotations

import threading

import numpy as np

from kaoiro import Analyzer
from kaoiro.core.parallel import in_order
from kaoiro.core.types import Box
from kaoiro.faces.detect import CenterFace, Detection, shareable
from kaoiro.inference import analyzer as analyzers
from kaoiro.inference.engine import Engine


def test_frames_that_are_looked_at_in_large_are_measured_by_fewer_workers(counting, given, monkeypatch):
    counts = []

    def counted(task, items, count):
        counts.append(count)
        return in_order(task, items, count)

    monkeypatch.setattr(analyzers, "in_order", counted)
    analyzer = Analyzer(counting.model.path, detector=Blocking(), threads=4)
    list(analyzer.video(given / "m.mp4"))
    monkeypatch.setattr(Blocking, "working_size", lambda self, width, height, face=None: (4096, 3072))
    list(analyzer.video(given / "m.mp4"))
    assert counts == [4, 1]


class Blocking:
    """Notes how many threads ask it at once."""

    def __init__(self) -> None:
        self.now, self.most = 0, 0

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        return 64, 64

    def detect(self, image: np.ndarray) -> list[Detection]:
        self.now += 1
        self.most = max(self.most, self.now)
        threading.Event().wait(0.005)
        self.now -= 1
        return [Detection(Box(16, 16, 32, 32), 0.5)]


def test_a_detector_is_asked_by_one_thread_at_a_time(counting, given):
    detector = Blocking()
    records = list(Analyzer(counting.model.path, detector=detector, threads=4).video(given / "m.mp4"))
    assert (len(records), detector.most) == (10, 1)


def test_a_detector_that_says_so_is_asked_by_several_threads_at_once(counting, given):
    detector = Blocking()
    detector.thread_safe = True  # type: ignore[attr-defined]
    list(Analyzer(counting.model.path, detector=detector, threads=4).video(given / "m.mp4"))
    assert detector.most > 1
    assert shareable(detector) is detector
    assert CenterFace.thread_safe


def test_the_detector_is_opened_once_however_many_threads_ask_for_it(counting):
    opened = []

    def slowly() -> Blocking:
        opened.append(1)
        threading.Event().wait(0.05)
        return Blocking()

    engine = Engine(counting.model, slowly, None, 1)
    list(in_order(lambda _: engine.detector, range(8), 8))
    assert len(opened) == 1
