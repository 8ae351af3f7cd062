"""Work on a stream of items in parallel threads, answers in order, memory bounded."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MOST_WORKERS = 8
"""More are taken only if asked for: each holds decoded frames, and few disks and decoders keep up with so many."""


def processors() -> int:
    """Return how many processors this process may use."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def workers(asked: int | None, cost: int, budget: int) -> int:
    """Return how many workers to start, at least one.

    Args:
        asked: what the user asked for; None takes the processors there are, up to `MOST_WORKERS`.
        cost: what one worker holds.
        budget: what all may hold, in the same unit.
    """
    return max(1, min(asked or min(processors(), MOST_WORKERS), budget // max(1, cost)))


def in_order(
    task: Callable[[Item], Answer], items: Iterable[Item], workers: int
) -> Generator[tuple[Item, Answer], None, None]:
    """Yield (item, task(item)) in the order of the items.

    At most three items a worker are held. An error of the iterator is raised after the items before it
    were yielded; an error of the task is raised in its item's place. When the caller stops early, tasks that
    have not begun never do: a task must not wait for another one to begin.
    """
    waiting: deque[tuple[Item, Future[Answer]]] = deque()
    failure: Exception | None = None
    pool = ThreadPoolExecutor(workers, thread_name_prefix="kaoiro")
    try:
        source = iter(items)
        while True:
            try:
                item = next(source)
            except StopIteration:
                break
            except Exception as error:  # raised again below, once the items before it are out
                failure = error
                break
            waiting.append((item, pool.submit(task, item)))
            if len(waiting) >= 3 * workers:
                done, answer = waiting.popleft()
                yield done, answer.result()
        while waiting:
            done, answer = waiting.popleft()
            yield done, answer.result()
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(cancel_futures=True)
