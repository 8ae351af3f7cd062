"""Sources that do not wait: cameras, streams, and files played at their own pace. Only the newest frame counts."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kaoiro.core.errors import InputError
from kaoiro.faces.frame import Converters, Frame, Shape
from kaoiro.faces.video import VideoFile

_SILENT_S = 15.0  # seconds that a source may take to open, or to send something
_WISH = "name a camera (0, 1, … or its device), a URL or a file"
_DAMAGED = 250  # unreadable packets in a row after which a stream is given up
_SLICE_S = 0.5  # of waiting, after which Ctrl-C is looked for


class Fresh(NamedTuple):
    """The newest frame, and how many were passed over since the one before."""

    frame: Frame
    dropped: int


def frames_of(source: str) -> Iterator[Frame]:
    """Yield the frames of a source as they come.

    Args:
        source: number or device of a camera ('0', '/dev/video1'), a URL ('rtsp://…'), or a file, which is played at
            the pace of its presentation times.

    Raises:
        InputError: nothing can be opened there.
        TruncatedVideo: after its last frame, if a file broke off.
    """
    if Path(source).is_file():
        return _played(VideoFile(source))
    name, kind = _device(source)
    return _streamed(name, kind, source)


def _played(file: VideoFile) -> Iterator[Frame]:
    """Yield the frames of a file when they are due."""
    begun: float | None = None
    for frame in file.frames():
        now = time.monotonic()
        begun = now - frame.time_s if begun is None else begun
        time.sleep(max(0.0, begun + frame.time_s - now))
        yield frame


def _device(source: str, platform: str = sys.platform) -> tuple[str, str | None]:
    """Return what FFmpeg opens, and its format (None: by itself)."""
    if "://" in source:
        return source, None
    if platform == "darwin":
        return source, "avfoundation"
    if platform == "win32":
        return (source if source.startswith("video=") else f"video={source}"), "dshow"
    return (f"/dev/video{source}" if source.isdigit() else source), "v4l2"


def _streamed(name: str, kind: str | None, said: str) -> Iterator[Frame]:
    """Yield the frames of a camera or stream; the first one's time is 0. Damaged packets are passed over."""
    import av
    from av.error import FFmpegError

    options = {"framerate": "30"} if kind == "avfoundation" else {}  # built-in cameras refuse FFmpeg's 29.97
    try:
        container: Any = av.open(name, format=kind, timeout=_SILENT_S, options=options)
    except (FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{said}: cannot be opened ({_reason(error)}); {_WISH}") from error
    with container:
        if not container.streams.video:
            raise InputError(f"{said}: has no picture; {_WISH}")
        stream = container.streams.video[0]
        shape, converters = Shape.of(stream), Converters()
        begun, first, last = time.monotonic(), None, 0.0
        for index, picture in enumerate(_pictures(container, stream, said)):
            now = time.monotonic() - begun if picture.time is None else float(picture.time)
            first = now if first is None else first
            last = max(last, now - first)
            yield Frame(picture, index, last, shape, converters)


def _pictures(container: Any, stream: Any, said: str) -> Iterator[Any]:
    from av.error import BlockingIOError as NotYet
    from av.error import EOFError as EndOfStream
    from av.error import FFmpegError, InvalidDataError

    packets, damaged = container.demux(stream), 0
    while damaged < _DAMAGED:
        try:
            yield from next(packets).decode()
            damaged = 0
        except (StopIteration, EndOfStream):
            return
        except InvalidDataError:
            packets, damaged = container.demux(stream), damaged + 1
        except NotYet:
            time.sleep(0.005)
            packets = container.demux(stream)
        except FFmpegError as error:
            raise InputError(f"{said}: broke off ({_reason(error)})") from error
    raise InputError(f"{said}: {_DAMAGED} unreadable packets in a row")


def _reason(error: Exception) -> str:
    """Return why FFmpeg gave up, in words; its word for a timeout is that somebody asked it to leave."""
    text = str(getattr(error, "strerror", None) or error)
    return f"sent nothing for {_SILENT_S:.0f} seconds" if "exit requested" in text else text


class Newest:
    """Reads frames in a thread of its own, and hands out the newest whenever somebody is ready for it.

    Args:
        frames: of the source.
        patience_s: seconds after which a source that sends nothing is given up; paced files may rest longer.

    Attributes:
        seen: frames that came so far.
        dropped: of these, those that nobody took.
    """

    def __init__(self, frames: Iterator[Frame], patience_s: float = 2 * _SILENT_S) -> None:
        self._patience = patience_s
        self._frames, self._ready = frames, threading.Condition()
        self._waiting: Frame | None = None
        self._ended, self._failure = False, None
        self.seen = self.dropped = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        failure: BaseException | None = None
        try:
            for frame in self._frames:
                with self._ready:
                    self.seen += 1
                    self.dropped += self._waiting is not None
                    self._waiting = frame
                    self._ready.notify()
                    if self._ended:
                        return
        except BaseException as error:  # handed to whoever reads
            failure = error
        finally:
            with self._ready:
                self._failure, self._ended = failure, True
                self._ready.notify()

    def __iter__(self) -> Iterator[Fresh]:
        """Yield the newest frame, again and again, until the source ends; then raise what ended it, if anything."""
        told = 0
        while True:
            with self._ready:
                self._wait()
                frame, self._waiting = self._waiting, None
                dropped, failure = self.dropped, self._failure
            if frame is None:
                if failure is not None:
                    raise failure
                return
            yield Fresh(frame, dropped - told)
            told = dropped

    def _wait(self) -> None:
        """Wait for a frame or the end, in slices: on some systems Ctrl-C interrupts no longer wait."""
        until = time.monotonic() + self._patience
        while not self._ready.wait_for(lambda: self._waiting is not None or self._ended, _SLICE_S):
            if time.monotonic() > until:
                raise InputError(f"the source sent nothing for {self._patience:.0f} seconds")

    def stop(self) -> None:
        """Let the thread end after the frame that it is waiting for, and whoever waits for a frame."""
        with self._ready:
            self._ended = True
            self._ready.notify_all()
