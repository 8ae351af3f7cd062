"""Read videos frame by frame with their presentation times, in bounded memory.

PyAV gives FFmpeg's demuxers and decoders. The time of a frame is its presentation timestamp times the
stream's time base, edit lists applied by the demuxer; nothing is computed from a frame counter
unless a stream carries no timestamps at all (raw H.264, for instance).
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from kaoiro.core.errors import InputError, TruncatedVideo
from kaoiro.faces.frame import Converters, Frame, Pose, Shape, pose_of
from kaoiro.faces.jumping import shown_at

SUFFIXES = frozenset(
    (
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".wmv",
        ".asf",
        ".flv",
        ".mpg",
        ".mpeg",
        ".ts",
        ".mts",
        ".m2ts",
        ".vob",
        ".3gp",
        ".3g2",
        ".ogv",
        ".mxf",
        ".y4m",
        ".h264",
        ".h265",
        ".hevc",
        ".264",
        ".265",
        ".dv",
        ".rm",
        ".rmvb",
        ".f4v",
        ".divx",
        ".nut",
    )
)
"""File names that are taken for videos in folders and archives."""

_PICTURE_DEMUXERS = ("image2", "png_pipe", "jpeg_pipe", "bmp_pipe", "webp_pipe", "gif", "tty", "subtitle")
_PLAYLIST_DEMUXERS = frozenset(
    ("concat", "dash", "hls", "hls,applehttp", "imf", "lavfi", "rtsp", "sap", "sdp", "vobsub")
)
_PLAYLIST_MARKS = (b"ffconcat", b"#EXTM3U", b"<MPD", b"<AssetMap", b"<CompositionPlaylist", b"v=0")


@dataclass(frozen=True)
class VideoInfo:
    """What the file says of itself.

    Attributes:
        width, height: of the upright picture with square pixels.
        rate: average frames per second, 0 if unknown.
        start_s: declared time of the first frame, seconds.
        duration_s: declared duration in seconds, None if unknown.
        rotation: degrees counter-clockwise by which stored frames are turned upright.
        mirrored: whether stored frames are mirrored (left and right exchanged) before they are turned.
    """

    width: int
    height: int
    rate: float
    start_s: float
    duration_s: float | None
    rotation: int
    mirrored: bool = False

    @property
    def end_s(self) -> float | None:
        """Declared end in seconds, None if unknown."""
        return None if self.duration_s is None else self.start_s + self.duration_s


class VideoFile:
    """A video on disk.

    Args:
        path: file that FFmpeg can read.
        name: how messages call it (default: the path).

    Raises:
        InputError: not readable, not a video, without a video stream, or a playlist that names other files.
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        self.path = Path(path)
        self.name = name or str(path)
        if self.path.is_dir():
            raise InputError(f"{self.name}: is a folder; give a video")
        with self._open() as container:
            self.info = _describe(container, _stream(container, self.name))

    def _open(self) -> Any:
        import av
        from av.error import FFmpegError

        try:
            if not self.path.stat().st_size:
                raise InputError(f"{self.name}: empty (zero bytes)")
            container = av.open(str(self.path), options={"format_whitelist": _formats()}, **_lenient())
        except OSError as error:
            raise InputError(f"{self.name}: cannot be read: {error.strerror or error}") from error
        except FFmpegError as error:
            if _is_playlist(self.path):
                raise InputError(f"{self.name}: a playlist, which names other files; give those instead") from error
            raise InputError(f"{self.name}: not a video that FFmpeg can read ({error.strerror})") from error
        except ValueError as error:
            raise InputError(f"{self.name}: not a video that FFmpeg can read ({error})") from error
        return container

    def frames(self) -> Iterator[Frame]:
        """Yield all frames in presentation order.

        Raises:
            TruncatedVideo: after the last readable frame, if the file broke off or parts were damaged.
            InputError: not one frame could be decoded.
        """
        with self._open() as container:
            stream = _stream(container, self.name)
            stream.thread_type = "AUTO"
            clock, damage, converters, shape = _Clock(stream), _Damage(), Converters(), Shape.of(stream)
            count = 0
            for picture in self._pictures(container, stream, clock, damage):
                yield Frame(picture, count, clock.time_of(picture), shape, converters)
                count += 1
            self._check_end(count, clock, damage)

    def near(self, times_s: Iterable[float], exact: bool = True) -> Iterator[Frame | None]:
        """Yield the frame shown at each time, by jumping there; None where there is none to be had.

        Args:
            times_s: presentation times, seconds.
            exact: else the key frame before it, which is found many times faster; `index` of frames means nothing.
        """
        with self._open() as container:
            stream = _stream(container, self.name)
            stream.thread_type = "AUTO"
            clock, converters, shape = _Clock(stream), Converters(), Shape.of(stream)
            for time_s in times_s:
                picture = shown_at(container, stream, time_s, exact)
                yield None if picture is None else Frame(picture, 0, clock.time_of(picture), shape, converters)

    def _pictures(self, container: Any, stream: Any, clock: _Clock, damage: _Damage) -> Iterator[Any]:
        keys = _Keys()
        count, last = 0, None
        for picture in _decode(_packets(container, stream, clock, keys, damage), stream, damage):
            yield picture
            count, last = count + 1, picture.pts
        if count < keys.packets and (last is not None or count == 0):
            yield from self._tail(keys.before(last), last, damage)

    def _tail(self, key: int, last: int | None, damage: _Damage) -> Iterator[Any]:
        """Yield the pictures after timestamp `last` that decoding in threads lost.

        When a packet fails at the very end, FFmpeg's threads drop the pictures beside it; decoded one by
        one, from packet number `key` on, they come out.
        """
        with self._open() as container:
            stream = _stream(container, self.name)
            stream.codec_context.thread_count = 1
            again = _Damage()
            packets = _packets(container, stream, _Clock(stream), _Keys(), again)
            for picture in _decode(itertools.islice(packets, key, None), stream, again):
                if last is None or (picture.pts is not None and picture.pts > last):
                    yield picture
        damage.adopt(again)

    def _check_end(self, count: int, clock: _Clock, damage: _Damage) -> None:
        if count == 0:
            raise InputError(f"{self.name}: no frame could be decoded{damage.detail()}")
        end, reached = clock.declared_end, clock.reached
        if end is not None and reached < end - max(1.0, 0.02 * (end - clock.start)):
            raise TruncatedVideo(
                f"{self.name}: breaks off at {reached:.2f} s of {end:.2f} s; the {count} readable frames were kept"
            )
        if damage.packets:
            raise TruncatedVideo(
                f"{self.name}: damaged ({damage.packets} unreadable packets{damage.detail()}); "
                f"the {count} readable frames were kept"
            )


@dataclass
class _Damage:
    packets: int = 0
    first: str = ""

    def note(self, error: Exception) -> None:
        self.packets += 1
        self.first = self.first or str(getattr(error, "strerror", None) or error)

    def adopt(self, other: _Damage) -> None:
        """Take over what another pass over the same packets met, if this one missed it."""
        self.packets, self.first = max(self.packets, other.packets), self.first or other.first

    def detail(self) -> str:
        return f": {self.first}" if self.first else ""


class _Keys:
    """Where decoding may begin anew.

    Attributes:
        packets: number of packets of shown pictures so far.
    """

    def __init__(self) -> None:
        self.packets, self._index = 0, 0
        self._recent: deque[tuple[int, int]] = deque(maxlen=256)

    def note(self, packet: Any) -> None:
        if packet.is_keyframe and packet.pts is not None:
            self._recent.append((self._index, packet.pts))
        self._index += 1
        self.packets += not packet.is_discard

    def before(self, pts: int | None) -> int:
        """Return the number of the last key packet shown no later than a timestamp."""
        return next((index for index, key in reversed(self._recent) if pts is not None and key <= pts), 0)


def _packets(container: Any, stream: Any, clock: _Clock, keys: _Keys, damage: _Damage) -> Iterator[Any]:
    """Yield the packets of one stream up to where the container ends or breaks off."""
    from av.error import FFmpegError

    packets = container.demux()
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except FFmpegError as error:
            damage.note(error)
            return
        if not packet.size:
            continue
        clock.pass_over(packet)
        if packet.stream.index == stream.index:
            keys.note(packet)
            yield packet


def _decode(packets: Iterator[Any], stream: Any, damage: _Damage) -> Iterator[Any]:
    """Yield decoded pictures; unreadable packets are counted and passed over."""
    from av.error import EOFError as EndOfFile
    from av.error import FFmpegError

    for packet in itertools.chain(packets, [None]):  # None asks for the pictures still held back
        try:
            yield from stream.codec_context.decode(packet)
        except EndOfFile:
            return
        except FFmpegError as error:
            damage.note(error)


class _Clock:
    """Presentation times of a stream's frames, and how far the file goes.

    Attributes:
        start: first time of the stream, seconds.
        declared_end: where the stream should end; where only the file as a whole declares its length, where
            the longest of its streams should; None if neither is known.
        reached: the latest end of what was read, seconds.
    """

    def __init__(self, stream: Any) -> None:
        self._base, self._index = stream.time_base, stream.index
        rate = stream.average_rate or stream.guessed_rate
        self._step = 1 / Fraction(rate) if rate else Fraction(1, 25)
        self._next = Fraction(0)
        self.start = float(stream.start_time * self._base) if stream.start_time is not None else 0.0
        self.reached = self.start
        self.declared_end: float | None = None
        if stream.duration:
            self.declared_end = self.start + float(stream.duration * self._base)
        elif stream.container.duration:
            self._index = None  # any stream may be the longest
            # Matroska counts from zero, others from the first frame: the earlier end accuses no whole file.
            self.declared_end = stream.container.duration / 1_000_000

    def pass_over(self, packet: Any) -> None:
        """Take note of a packet of any stream."""
        begin = packet.dts if packet.pts is None else packet.pts
        if begin is not None and self._index in (None, packet.stream.index):
            self.reached = max(self.reached, float((begin + (packet.duration or 0)) * packet.time_base))

    def time_of(self, picture: Any) -> float:
        """Return the presentation time of a frame, seconds."""
        base = picture.time_base or self._base
        shown = self._next if picture.pts is None else picture.pts * base
        self._next = shown + self._step
        self.reached = max(self.reached, float(self._next))
        return float(shown)


def _stream(container: Any, name: str) -> Any:
    streams = [s for s in container.streams.video if not _is_cover(s)]
    if container.format.name.split(",")[0] in _PICTURE_DEMUXERS:
        raise InputError(f"{name}: not a video ({container.format.long_name})")
    if not streams:
        kinds = sorted({stream.type for stream in container.streams}) or ["nothing"]
        raise InputError(f"{name}: has no video stream (contains: {', '.join(kinds)})")
    best = max(streams, key=lambda s: (s.codec_context.width or 0) * (s.codec_context.height or 0))
    if not best.codec_context.width:
        raise InputError(f"{name}: the video stream cannot be decoded (damaged, or an unknown codec)")
    return best


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _describe(container: Any, stream: Any) -> VideoInfo:
    pose = _pose(container, stream)
    width, height = Shape.of(stream).size(stream.codec_context.width, stream.codec_context.height, pose)
    rate = stream.average_rate or stream.guessed_rate
    clock = _Clock(stream)
    duration = 0.0 if clock.declared_end is None else clock.declared_end - clock.start
    length = duration if duration > 0 else None
    return VideoInfo(
        width, height, float(rate) if rate else 0.0, clock.start, length, 90 * pose.turns, mirrored=pose.mirrored
    )


def _pose(container: Any, stream: Any) -> Pose:
    """Return the pose of the first frame, which is where PyAV hands out the display matrix."""
    from av.error import FFmpegError

    try:
        first = next(iter(container.decode(stream)), None)
    except FFmpegError:
        return Pose()
    return Pose() if first is None else pose_of(first)


@cache
def _lenient() -> dict[str, Any]:
    """Return options with which titles in unknown encodings are no error; from PyAV 19 on they never are."""
    import av

    return {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}


@cache
def _formats() -> str:
    """Return the demuxers that may be used: all but those whose files name other files to be read."""
    import av

    return ",".join(sorted(av.formats_available - _PLAYLIST_DEMUXERS))


def _is_playlist(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(_PLAYLIST_MARKS) or (head.startswith(b"<") and any(mark in head for mark in _PLAYLIST_MARKS))
