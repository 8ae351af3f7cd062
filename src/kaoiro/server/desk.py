"""Where pictures are measured: a bounded queue before a few threads, and one network for all of them."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from kaoiro.core.parallel import processors
from kaoiro.inference.analyzer import Analyzer
from kaoiro.server.decoder import Decoders
from kaoiro.server.refusals import Refused, too_many
from kaoiro.server.settings import MOST_PIXELS, Settings

Answer = TypeVar("Answer")
_MEMORY = 0.9  # share of the old mean that is kept with each picture


class Desk:
    """Measures pictures for many clients.

    One picture alone is measured with all processors; several at once with one thread each, which wastes less. The
    weights are small, so both ways stand ready.
    """

    def __init__(self, settings: Settings) -> None:
        self.threads = settings.jobs or processors()
        self._alone = Analyzer(settings.model, threads=settings.jobs)
        self._beside = Analyzer(settings.model, threads=1) if self.threads > 1 else self._alone
        self.model = self._alone.model
        self._decoders = Decoders(self.threads, MOST_PIXELS)
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="kaoiro-desk")
        self._most = self.threads + settings.waiting
        self._lock = threading.Lock()
        self._taken, self._mean_s = 0, 0.05
        for analyzer in (self._alone, self._beside):
            analyzer.image(np.zeros((480, 640, 3), np.uint8))  # what is opened late is opened now

    @property
    def waiting(self) -> int:
        """Pictures that nobody is measuring yet."""
        return max(0, self._taken - self.threads)

    async def measure(
        self, data: bytes, ask: Callable[[Analyzer, np.ndarray], Answer], left: Coroutine[Any, Any, None]
    ) -> Answer:
        """Decode a picture and return what `ask` makes of it.

        Args:
            data: a file.
            ask: gets an analyzer and RGB pixels (H, W, 3).
            left: ends when nobody waits for the answer any more; what has not begun is not done then.

        Raises:
            Refused: too many wait.
            InputError: the picture cannot be used.
        """
        watch = asyncio.ensure_future(left)
        try:
            return await self._measured(data, ask, watch)
        finally:
            watch.cancel()

    async def _measured(
        self, data: bytes, ask: Callable[[Analyzer, np.ndarray], Answer], left: asyncio.Future[None]
    ) -> Answer:
        self._take()
        try:
            work = self._pool.submit(self._work, data, ask)
        except BaseException:
            self._give_back(None)
            raise
        answer = asyncio.wrap_future(work)
        await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done() and work.cancel():
            self._give_back(None)
            raise Refused(400, "BadArgument", "The client left before its picture was measured.")
        return await answer

    def check(self) -> None:
        """Refuse a picture that could not be measured now, before its bytes are read.

        Raises:
            Refused: too many wait.
        """
        if self._taken >= self._most:
            raise too_many(max(1, math.ceil(self._taken * self._mean_s / self.threads)))

    def _take(self) -> None:
        with self._lock:
            self.check()
            self._taken += 1

    def _give_back(self, seconds: float | None) -> None:
        with self._lock:
            self._taken -= 1
            if seconds is not None:
                self._mean_s = _MEMORY * self._mean_s + (1 - _MEMORY) * seconds

    def _work(self, data: bytes, ask: Callable[[Analyzer, np.ndarray], Answer]) -> Answer:
        begun = time.monotonic()
        try:
            pixels = self._decoders.decode(data)
            return ask(self._alone if self._taken == 1 else self._beside, pixels)
        finally:
            self._give_back(time.monotonic() - begun)

    def close(self) -> None:
        """Finish what was accepted."""
        self._pool.shutdown(wait=True)
        self._decoders.close()
