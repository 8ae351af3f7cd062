"""Work on a stream of items in parallel threads, answers in order, memory bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_order(
    task: Callable[[Item], Answer], items: Iterable[Item], workers: int
) -> Generator[tuple[Item, Answer], None, None]:
    """Yield (item, task(item)) in the order of the items.

    At most three items a worker are held. An error of the iterator is raised after the items before it
    were yielded; an error of the task is raised in its item's place.
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
