"""Progress bars of commands that work through many files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from kaoiro.core.plain import printable


class Progress:
    """Two bars on a terminal: files, and seconds of the video in work; silent elsewhere."""

    def __init__(self, count: int) -> None:
        from tqdm import tqdm

        self._quiet = not sys.stderr.isatty()
        self._files = tqdm(total=count, unit="file", disable=self._quiet or count < 2, dynamic_ncols=True)
        self._video: Any = None
        self._name = ""

    def begin(self, name: str) -> None:
        """A medium is taken up."""
        self._name = printable(Path(name).name)

    def advance(self, done_s: float, length_s: float | None) -> None:
        """So many seconds of the medium in work, whose length may be unknown, are done."""
        from tqdm import tqdm

        if self._video is None:
            total = None if length_s is None else round(length_s, 1)
            self._video = tqdm(
                total=total, unit="s", desc=self._name, disable=self._quiet, dynamic_ncols=True, leave=False
            )
        self._video.update(max(0.0, round(done_s, 1) - self._video.n))

    def done(self) -> None:
        """The medium is finished."""
        if self._video is not None:
            self._video.close()
            self._video = None
        self._files.update()

    def say(self, line: str) -> None:
        """Print a line to standard error without breaking the bars."""
        self._files.write(line, file=sys.stderr)

    def close(self) -> None:
        """Leave the terminal tidy."""
        if self._video is not None:
            self._video.close()
        self._files.close()
