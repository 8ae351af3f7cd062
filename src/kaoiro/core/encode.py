"""Write videos whose frames keep their presentation times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from kaoiro.core.errors import OutputError

TICKS = 60_000
"""Units of time a second: whole for all usual rates, 29.97 too; MPEG-4 Part 2 cannot count beyond 65 535."""


class VideoWriter:
    """Encode RGB frames with their times to MP4 (H.264 where FFmpeg has it, else MPEG-4 Part 2).

    Args:
        path: file to write.
        width, height: of the frames, pixels; odd sides lose their last row or column.
        rate: nominal frames per second, for players that ask.
        name: what errors call the file; default: its path.
        threads: of the encoder; None lets it take the processors there are, and the bytes then depend on their number.
        notes: metadata of the file, such as 'comment'.

    Raises:
        OutputError: the place cannot be written.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        rate: float,
        name: str | Path | None = None,
        threads: int | None = None,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        self._name = name or path
        self._width, self._height = max(2, width - width % 2), max(2, height - height % 2)
        self._last = -1
        self._start: float | None = None
        with self._writing():
            self._open(path, rate, threads, notes or {})

    def _open(self, path: Path, rate: float, threads: int | None, notes: Mapping[str, str]) -> None:
        import av

        self._container: Any = av.open(str(path), "w", format="mp4")
        try:
            codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
            self._stream: Any = self._container.add_stream(codec, rate=max(1, round(rate) or 25))
            self._stream.width, self._stream.height = self._width, self._height
            self._stream.pix_fmt = "yuv420p"
            self._stream.codec_context.time_base = Fraction(1, TICKS)
            if threads is not None:
                self._stream.codec_context.thread_count = threads
            self._container.metadata.update(notes)
            self._container.start_encoding()  # opens the file, so that a place that cannot be written is noticed here
        except BaseException:
            self._abandon()
            raise

    def __enter__(self) -> Self:
        return self

    def write(self, pixels: np.ndarray, time_s: float) -> None:
        """Add a frame (H, W, 3) uint8 shown from `time_s` seconds on; the first one starts the file.

        Raises:
            OutputError: the file cannot be written on.
        """
        import av

        self._start = time_s if self._start is None else self._start
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[: self._height, : self._width]), format="rgb24")
        frame.pts = max(self._last + 1, round((time_s - self._start) * TICKS))
        frame.time_base = Fraction(1, TICKS)
        self._last = frame.pts
        with self._writing():
            self._container.mux(self._stream.encode(frame))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._abandon()
            return
        with self._writing():
            try:
                self._container.mux(self._stream.encode(None))
            except BaseException:
                self._abandon()
                raise
            self._container.close()

    def _abandon(self) -> None:
        """Close the file, whatever state it is in; the error on the way says more than one from closing."""
        from av.error import FFmpegError

        with suppress(OSError, FFmpegError):
            self._container.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        from av.error import FFmpegError

        try:
            yield
        except (OSError, FFmpegError) as error:
            raise OutputError(f"cannot write {self._name}: {error.strerror or error}") from error
