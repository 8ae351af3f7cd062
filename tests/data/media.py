"""Write videos that are hard on the time axis, with PyAV and NumPy alone.

    python tests/data/media.py FOLDER

writes them all, with expected.json: what must be read from each file. Every frame shows its own number as a bar
code, so that a test can tell which picture has which time.
"""

from __future__ import annotations

import argparse
import json
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np

TICKS = 90_000
SIZE = (160, 120)
BITS = 8

Picture = Callable[[int], np.ndarray]
"""Draws frame number N as RGB (H, W, 3) uint8."""


def bar_code(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Draw a picture that shows a number 0–255 and looks different in each orientation.

    The upper third is a white block, eight bits (highest first) and a black block; below are a ramp that
    brightens to the right, and a dark and a light half.
    """
    width, height = size
    blocks = [255, *(230 if number >> bit & 1 else 25 for bit in reversed(range(BITS))), 0]
    grey = np.empty((height, width))
    column = np.arange(width)
    grey[: height // 3] = np.array(blocks)[column * len(blocks) // width]
    grey[height // 3 : 2 * height // 3] = 40 + 170 * column / width
    grey[2 * height // 3 :] = np.where(column < width // 2, 60, 200)
    return np.repeat(grey.round().astype(np.uint8)[:, :, None], 3, axis=2)


def read_code(pixels: np.ndarray) -> int | None:
    """Return the number that a picture (H, W) or (H, W, 3) shows; None if it is not upright."""
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    height, width = grey.shape
    count = BITS + 2
    rows = slice(height // 12, height // 4)
    middles = [int((block + 0.5) * width / count) for block in range(count)]
    levels = [grey[rows, middle - 2 : middle + 3].mean() for middle in middles]
    ramp = grey[height // 2]
    if levels[0] < 200 or levels[-1] > 55 or ramp[-8:].mean() - ramp[:8].mean() < 100:
        return None
    return sum(1 << bit for bit, level in zip(reversed(range(BITS)), levels[1:-1], strict=True) if level > 128)


def write_video(
    path: Path,
    times_s: Sequence[float],
    size: tuple[int, int] = SIZE,
    *,
    codec: str = "libx264",
    b_frames: int = 0,
    key_every: int = 12,
    first: int = 0,
    picture: Picture | None = None,
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    muxer: str | None = None,
    last_s: float | None = None,
    audio_s: float = 0.0,
    aspect: tuple[int, int] = (1, 1),
) -> Path:
    """Encode one frame for each presentation time.

    Args:
        path: file to write; its suffix names the container unless `muxer` does.
        times_s: presentation times, seconds, increasing; exact to 1/90000 s (MKV: to 1 ms).
        size: (width, height), pixels.
        codec: of FFmpeg.
        b_frames: bidirectional frames between two others.
        key_every: frames from one key frame to the next.
        first: number that the first picture shows.
        picture: draws frame number N; default: its bar code.
        pixel_format: of FFmpeg.
        options: of the muxer.
        muxer: of FFmpeg.
        last_s: how long the last frame is shown, seconds.
        audio_s: length of a silent sound track, seconds; 0 is none.
        aspect: width and height of a pixel.
    """
    draw = picture or (lambda number: bar_code(number, size))
    with av.open(str(path), "w", format=muxer, options=options or {}) as container:
        stream = _video_stream(container, codec, size, b_frames, key_every, pixel_format)
        stream.codec_context.sample_aspect_ratio = Fraction(*aspect)
        sound = container.add_stream("aac", rate=48_000) if audio_s else None
        for number, time_s in enumerate(times_s):
            frame = av.VideoFrame.from_ndarray(draw(first + number), format="rgb24")
            frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        _finish(container, stream, last_s)
        if sound is not None:
            _write_silence(container, sound, audio_s)
    return path


def _video_stream(
    container: Any, codec: str, size: tuple[int, int], b_frames: int, key_every: int, pixel_format: str
) -> Any:
    options = {"bf": str(b_frames), "g": str(key_every)}
    if codec == "libx264":
        options |= {"preset": "veryfast", "crf": "20", "x264-params": "b-adapt=0:scenecut=0"}
    elif codec == "mpeg4":
        options |= {"qmin": "2", "qmax": "4"}
    stream = container.add_stream(codec, rate=25, options=options)
    stream.width, stream.height = size
    stream.pix_fmt = pixel_format
    if codec != "mpeg4":  # which cannot count finer than 1/65535 s
        stream.codec_context.time_base = Fraction(1, TICKS)
    stream.codec_context.thread_count = 1
    return stream


def _finish(container: Any, stream: Any, last_s: float | None) -> None:
    packets = stream.encode(None)
    if last_s is not None and packets:
        packets[-1].duration = round(last_s / packets[-1].time_base)
    container.mux(packets)


def _write_silence(container: Any, stream: Any, seconds: float) -> None:
    block = 1024
    for start in range(0, round(seconds * 48_000), block):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, block), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_sound(path: Path, seconds: float = 0.5) -> Path:
    """Write a file with a silent sound track and nothing else."""
    with av.open(str(path), "w") as container:
        _write_silence(container, container.add_stream("aac", rate=48_000, layout="mono"), seconds)
    return path


def rotate(path: Path, degrees: int) -> Path:
    """Tell players of an MP4 file to turn its picture clockwise by 90, 180 or 270 degrees."""
    one = 1 << 16
    cos, sin = {0: (one, 0), 90: (0, one), 180: (-one, 0), 270: (0, -one)}[degrees]
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4
    matrix = start + (52 if data[start] else 40)
    struct.pack_into(">9i", data, matrix, cos, sin, 0, -sin, cos, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def mirror(path: Path, degrees: int = 0) -> Path:
    """Tell players of an MP4 file to mirror its picture (left to right) and then to turn it clockwise."""
    rotate(path, degrees)
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4
    matrix = start + (52 if data[start] else 40)
    for place in (matrix, matrix + 4):
        struct.pack_into(">i", data, place, -struct.unpack_from(">i", data, place)[0])
    path.write_bytes(data)
    return path


def write_turned(path: Path, times_s: Sequence[float], degrees: int, size: tuple[int, int] = SIZE) -> Path:
    """Write a video whose stored frames lie on their side, as phones do; upright they have the given size."""
    stored = size if degrees % 180 == 0 else size[::-1]
    write_video(path, times_s, stored, picture=lambda number: np.rot90(bar_code(number, size), degrees // 90))
    return rotate(path, degrees)


def edit(path: Path, skip_s: float, shown_s: float) -> Path:
    """Let the edit list of an MP4 file show only `shown_s` seconds after the first `skip_s` seconds."""
    data = bytearray(path.read_bytes())
    scale = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    entry = data.index(b"elst") + 12
    begin = struct.unpack_from(">i", data, entry + 4)[0]
    struct.pack_into(">Ii", data, entry, round(shown_s * scale), begin + round(skip_s * TICKS))
    path.write_bytes(data)
    return path


def cut_file(path: Path, share: float, target: Path) -> Path:
    """Copy the first `share` (0–1) of a file's bytes."""
    data = path.read_bytes()
    target.write_bytes(data[: int(share * len(data))])
    return target


def cut_before_index(path: Path, target: Path) -> Path:
    """Copy an MP4 file up to where its index (moov) begins, which is what a crashed recorder leaves."""
    data = path.read_bytes()
    target.write_bytes(data[: data.index(b"moov") - 4])
    return target


def join_files(paths: Sequence[Path], target: Path) -> Path:
    """Concatenate files byte by byte."""
    target.write_bytes(b"".join(path.read_bytes() for path in paths))
    return target


def regular(count: int, rate: float = 25.0, start_s: float = 0.0) -> tuple[float, ...]:
    """Return evenly spaced times, rounded to milliseconds."""
    return tuple(round(start_s + number / rate, 3) for number in range(count))


VARIABLE = (0.0, 0.033, 0.067, 0.2, 0.24, 0.28, 0.7, 0.71, 0.72, 1.0, 1.5, 1.52, 1.9, 2.0)
"""Times of a variable frame rate, seconds."""


@dataclass(frozen=True)
class TortureCase:
    """A file and what must be read from it.

    Attributes:
        path: where it is.
        times_s: presentation times of the readable frames, seconds; empty if it must be refused.
        codes: numbers that those frames show.
        ending: 'complete', 'truncated' (an error after the readable frames) or 'refused' (no frame at all).
        note: what is hard about it.
    """

    path: Path
    times_s: tuple[float, ...]
    codes: tuple[int, ...]
    ending: Literal["complete", "truncated", "refused"]
    note: str

    @property
    def frames(self) -> int:
        """Number of readable frames."""
        return len(self.times_s)


def torture_set(folder: Path) -> dict[str, TortureCase]:
    """Write all cases into a folder; returns them by name."""
    folder.mkdir(parents=True, exist_ok=True)
    return {case.path.stem: case for case in (*_awkward(folder), *_joined(folder), *_truncated(folder), *_bad(folder))}


def _case(path: Path, times_s: Sequence[float], note: str, first: int = 0) -> TortureCase:
    return TortureCase(path, tuple(times_s), tuple(range(first, first + len(times_s))), "complete", note)


def _awkward(folder: Path) -> list[TortureCase]:
    even = regular(20)
    late = regular(20, start_s=7.0)
    gap = (*regular(10), *regular(10, start_s=5.0))

    def written(name: str, times_s: Sequence[float], **how: Any) -> Path:
        return write_video(folder / name, times_s, **how)

    long = regular(125)
    return [
        _case(written("b_frames.mp4", even, b_frames=3), even, "decoded in another order than shown; edit list"),
        _case(
            written("negative_decode_times.ts", even, b_frames=3, options=_RAW_TS),
            even,
            "the first packets are to be decoded before time zero",
        ),
        _case(edit(written("hidden_start.mp4", even), 0.2, 0.6), even[:15], "the edit list hides five frames", first=5),
        _case(edit(written("long_hidden_start.mp4", long), 4, 1), long[:25], "the edit list hides 4 s", first=100),
        _case(edit(written("hidden_end.mp4", long), 0, 2), long[:50], "the edit list hides the last 3 s"),
        _case(written("delayed_start.mp4", regular(20, start_s=0.5)), regular(20, start_s=0.5), "begins with nothing"),
        _case(written("variable_rate.mp4", VARIABLE, b_frames=2), VARIABLE, "variable frame rate with B-frames"),
        _case(written("variable_rate_ms.mkv", VARIABLE), VARIABLE, "variable frame rate, ticks of 1 ms"),
        *(
            _case(write_turned(folder / f"rotated_{degrees}.mp4", even, degrees), even, f"turned {degrees} degrees")
            for degrees in (90, 180, 270)
        ),
        _case(written("gap.mkv", gap), gap, "no frame for 4.6 s"),
        _case(written("late_start.ts", late, options=_RAW_TS), late, "begins at 7 s"),
        _case(written("late_start_ms.mkv", late), late, "begins at 7 s"),
        _case(written("long_last_frame.mp4", even, last_s=5.0), even, "the last frame is shown for 5 s"),
        _case(written("longer_sound.mkv", even, audio_s=4.0), even, "the sound goes on for 3 s after the last frame"),
        _case(written("no_timestamps.h264", even, muxer="h264"), even, "raw stream without timestamps"),
        _case(written("late_b_frames.ts", late, b_frames=3, options=_RAW_TS), late, "late start and B-frames"),
    ]


_RAW_TS = {"mpegts_copyts": "1", "avoid_negative_ts": "disabled"}


def _joined(folder: Path) -> list[TortureCase]:
    def part(name: str, start_s: float, first: int) -> Path:
        return write_video(folder / name, regular(12, start_s=start_s), first=first, options=_RAW_TS)

    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    one, later, earlier = part("parts/one.ts", 10, 0), part("parts/later.ts", 14, 12), part("parts/earlier.ts", 2, 12)
    codes = tuple(range(24))
    cases = []
    for name, second, start_s in (("jump_forward", later, 14), ("jump_back", earlier, 2)):
        path = join_files((one, second), folder / f"{name}.ts")
        times = regular(12, start_s=10) + regular(12, start_s=start_s)
        cases.append(TortureCase(path, times, codes, "complete", f"two streams joined, {name.replace('_', ' ')}"))
    return cases


def _truncated(folder: Path) -> list[TortureCase]:
    cases = []
    for name, how in {
        "truncated.mp4": {"options": {"movflags": "faststart"}},
        "truncated_ms.mkv": {},
        "truncated_sound.mkv": {"audio_s": 4.0},
    }.items():
        times = regular(100)
        whole = write_video(folder / "parts" / name, times, key_every=10, **how)
        path = cut_file(whole, 0.6, folder / name)
        kept = _packets_within(whole, path.stat().st_size)
        cases.append(TortureCase(path, times[:kept], tuple(range(kept)), "truncated", "the last 40 % are missing"))
    return cases


def _packets_within(path: Path, size: int) -> int:
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    return sum(packet.pos + packet.size <= size for packet in packets)


def _bad(folder: Path) -> list[TortureCase]:
    def made(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    whole = write_video(folder / "parts" / "whole.mp4", regular(10))
    noise = np.random.default_rng(0).integers(0, 256, 20_000, dtype=np.uint8).tobytes()
    broken = {
        write_sound(folder / "sound_only.mp4"): "no video stream",
        made("zero_bytes.mp4", b""): "empty",
        made("garbage.mp4", noise): "random bytes",
        cut_before_index(whole, folder / "no_index.mp4"): "cut before moov",
    }
    return [TortureCase(path, (), (), "refused", note) for path, note in broken.items()]


EXPECTED = "expected.json"


def write_expected(cases: Iterable[TortureCase], file: Path) -> None:
    """Write what must be read from each file: times in seconds, codes, ending and what is hard about it."""
    rows = [
        {
            "file": case.path.name,
            "ending": case.ending,
            "frames": case.frames,
            "times_s": case.times_s,
            "codes": case.codes,
            "note": case.note,
        }
        for case in cases
    ]
    text = ",\n".join(json.dumps(row) for row in rows)
    file.write_text(f"[\n{text}\n]\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the files and what must be read from them."""
    parser = argparse.ArgumentParser(description="Write videos that are hard on the time axis.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=f"receives the videos and {EXPECTED}")
    folder = parser.parse_args(argv).folder
    cases = torture_set(folder)
    write_expected(cases.values(), folder / EXPECTED)
    print(f"{folder}: {len(cases)} files, and {EXPECTED} with what must be read from them")


if __name__ == "__main__":
    main()
