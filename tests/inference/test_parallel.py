from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from kaoiro import Analyzer
from kaoiro.core.types import Box
from kaoiro.faces.detect import CenterFace, Detection, shareable
from kaoiro.inference import analyzer as analyzers
from kaoiro.inference import parallel
from kaoiro.inference.engine import Engine
from kaoiro.inference.parallel import in_order, processors, workers


def test_answers_come_in_order_whatever_ends_first():
    gates = [threading.Event() for _ in range(4)]

    def task(number: int) -> int:
        if number < 3:
            assert gates[number + 1].wait(10)
        gates[number].set()
        return number * number

    assert list(in_order(task, range(4), 4)) == [(0, 0), (1, 1), (2, 4), (3, 9)]


def test_no_more_than_three_items_a_worker_are_held():
    taken = []
    answers = in_order(lambda item: item, (taken.append(number) or number for number in range(100)), 2)
    assert next(answers) == (0, 0)
    assert len(taken) == 6
    answers.close()


def test_an_error_of_the_items_comes_after_what_was_before_it():
    def items():
        yield from range(3)
        raise KeyError("end")

    answers = in_order(lambda item: item, items(), 2)
    assert [next(answers)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError, match="end"):
        next(answers)


def test_processors_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "process_cpu_count", lambda: 3, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 4, 7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert processors() == 3


@pytest.mark.parametrize(
    ("asked", "there", "cost", "expected"),
    [(None, 2, 1, 2), (None, 64, 1, 8), (12, 2, 1, 12), (None, 64, 30, 3), (12, 64, 30, 3), (None, 4, 1000, 1)],
)
def test_workers_follow_the_processors_and_what_they_may_hold(monkeypatch, asked, there, cost, expected):
    monkeypatch.setattr(parallel, "processors", lambda: there)
    assert workers(asked, cost, budget=100) == expected


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
