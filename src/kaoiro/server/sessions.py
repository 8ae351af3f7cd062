"""Live views: each has tracks and curves of its own, and is forgotten when nothing comes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from kaoiro.inference.sequence import PictureSequence
from kaoiro.server.refusals import too_many

SILENT_S = 60.0
MOST = 64


@dataclass
class Session:
    """One live view; its pictures are added one at a time.

    Attributes:
        sequence: of its pictures.
        words: columns of the words that are scored.
        used: when, on the monotonic clock.
        lock: to be held while a picture is added.
    """

    sequence: PictureSequence
    words: tuple[str, ...]
    used: float
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """Live views by the names that clients chose."""

    def __init__(self) -> None:
        self._lock, self._open = threading.Lock(), dict[str, Session]()

    def get(self, name: str, words: tuple[str, ...] = ()) -> Session:
        """Return a live view, a new one if there is none of that name, or if it scores other words.

        Args:
            name: as the client chose it.
            words: columns of the words that are scored.

        Raises:
            Refused: too many are open.
        """
        now = time.monotonic()
        with self._lock:
            self._open = {key: value for key, value in self._open.items() if now - value.used < SILENT_S}
            if name not in self._open and len(self._open) >= MOST:
                raise too_many(int(SILENT_S))
            session = self._open.get(name)
            if session is None or session.words != words:
                session = Session(PictureSequence(name), words, now)
            self._open[name] = session
            session.used = now
            return session
