from __future__ import annotations

import os
import threading

import pytest

from kaoiro.core import parallel
from kaoiro.core.parallel import in_order, processors, workers


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
