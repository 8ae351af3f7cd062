"""Measure how long the report of a 60-minute recording takes from its records, and how much memory.

    python benchmarks/long_report.py [--minutes 60] [--rate 30] [--keep DIR]

Prints one JSON object: seconds and peak memory for the whole recording, for a quarter of it, and for the whole one with
its video (1280 x 720, H.264, a key frame every 8 s) beside the records, from which pictures come; in processes of their
own, and their ratios, which say more than seconds on a machine that is busy with other things.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kaoiro.core.codec import NAMES, schema
from kaoiro.core.labels import AFFECT, EXPRESSIONS, MEASURED_UNITS
from kaoiro.core.types import LANDMARKS, expression_column, smoothed

ROWS = 18_000
"""Frames that are written at a time."""
_GAP_S, _EVERY_S = 4.0, 300.0  # the speaker is away for so long, every so often, and comes back as another track


def write_records(path: Path, minutes: float, rate: float, source: str = "conference.mp4", seed: int = 0) -> int:
    """Write records of a speaker, and of somebody beside who is seen half of the time; return the number of rows."""
    rng, count = np.random.default_rng(seed), int(60 * minutes * rate)
    rows = 0
    with pq.ParquetWriter(path, schema(), compression="zstd") as writer:
        for first in range(0, count, ROWS):
            frames = np.arange(first, min(count, first + ROWS))
            for part in _faces(frames, rate, source, rng):
                rows += part.num_rows
                writer.write_table(part)
    return rows


def _faces(frames: np.ndarray, rate: float, source: str, rng: np.random.Generator) -> Iterator[pa.Table]:
    times = frames / rate
    there = times % _EVERY_S < _EVERY_S - _GAP_S
    beside = times % 120 < 60
    tables = [
        _rows(frames[there], times[there], (times[there] // _EVERY_S).astype(int) * (times[there] > 2700), 180, rng),
        _rows(frames[beside], times[beside], np.full(beside.sum(), 9000), 90, rng),
        _rows(frames[~there & ~beside], times[~there & ~beside], None, 0, rng),
    ]
    named = [table.append_column("source", pa.array([source] * len(table), pa.string())) for table in tables]
    joined = pa.concat_tables([table.select(NAMES).cast(schema()) for table in named])
    yield joined.sort_by([("frame", "ascending")])


def _rows(
    frames: np.ndarray, times: np.ndarray, tracks: np.ndarray | None, size: float, rng: np.random.Generator
) -> pa.Table:
    empty = pa.nulls(len(frames))
    columns = dict.fromkeys((name for name in NAMES if name != "source"), empty)
    columns |= {"frame": pa.array(frames), "time_s": pa.array(times)}
    if tracks is not None:
        columns |= {"track": pa.array(tracks)} | _measured(times, size, rng)
    return pa.table(columns)


def _measured(times: np.ndarray, size: float, rng: np.random.Generator) -> dict[str, pa.Array]:
    raw = np.zeros((len(times), len(EXPRESSIONS)))
    raw[:, EXPRESSIONS.index("neutral")] = 4
    for place, label in enumerate(EXPRESSIONS.labels):
        phase = 37 * place + 5
        raw[:, place] += 2.2 * np.sin(times / (11 + 3 * place) + phase) + 2.2 * np.sin(times / (61 + phase))
        raw[:, place] -= 0 if label in ("neutral", "happiness", "sadness") else 1.5
    single = _softmax(raw + 0.6 * rng.standard_normal(raw.shape))
    found = {expression_column(label): single[:, place] for place, label in enumerate(EXPRESSIONS.labels)}
    calm = _softmax(raw)
    found |= {smoothed(expression_column(label)): calm[:, place] for place, label in enumerate(EXPRESSIONS.labels)}
    for place, name in enumerate((*AFFECT.labels, *MEASURED_UNITS.labels)):
        wave = np.sin(times / (7 + 2 * place) + place)
        found[name] = 0.5 * wave + 0.1 * rng.standard_normal(len(times)) if place < 2 else 0.5 + 0.5 * wave
        found[smoothed(name)] = 0.5 * wave if place < 2 else 0.5 + 0.5 * wave
    sway = size + 0.05 * size * np.sin(times / 3)
    found |= {"face_size": sway, "sharpness": 0.3 + 0.05 * np.sin(times), "roll": 4 * np.sin(times / 9)}
    found |= {"box_left": 500 + sway, "box_top": 200 + 0 * times, "box_width": sway, "box_height": sway}
    for place, name in enumerate(LANDMARKS):
        found |= {f"{name}_x": 520 + 40 * place + sway / 9, f"{name}_y": 260 + 10 * place + 0 * times}
    return {name: pa.array(values) for name, values in found.items()}


def _softmax(raw: np.ndarray) -> np.ndarray:
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def write_video(path: Path, minutes: float, rate: float, clip_s: int = 8) -> None:
    """Write a video of moving patterns: one clip is encoded, and repeated up to the length."""
    clip = path.with_name("clip.mp4")
    frames = round(clip_s * rate)
    with av.open(str(clip), "w") as target:
        stream = target.add_stream("libx264", rate=Fraction(rate), options={"g": str(frames), "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        down, across = np.mgrid[:720, :1280]
        for number in range(frames):
            grey = 128 + 60 * np.sin((across + 4 * number) / 37) + 60 * np.sin((down - 3 * number) / 53)
            picture = np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        target.mux(stream.encode(None))
    _repeat(clip, path, math.ceil(60 * minutes / clip_s))
    clip.unlink()


def _repeat(clip: Path, path: Path, count: int) -> None:
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        packets = [packet for packet in source.demux(video=0) if packet.dts is not None]
        stream = target.add_stream_from_template(source.streams.video[0])
        length = sum(packet.duration for packet in packets)
        for _ in range(count):
            for packet in packets:
                packet.stream = stream
                target.mux(packet)
                packet.pts, packet.dts = packet.pts + length, packet.dts + length


def build(records: Path, out: Path) -> None:
    """Build a report in this process and print what it took."""
    from kaoiro import report

    start = time.perf_counter()
    report(records, out, baseline="auto")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu = sum(os.times()[:2])
    found = {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak, "html_mb": out.stat().st_size / 1e6}
    print(json.dumps(found))


def measured(records: Path, out: Path) -> dict[str, float]:
    """Build a report in a process of its own, on one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--build", str(records), str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=30)
    parser.add_argument("--keep", metavar="DIR", help="keep the records and reports here")
    parser.add_argument("--build", nargs=2, type=Path, metavar=("RECORDS", "OUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.build:
        build(*given.build)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(given.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        found: dict[str, object] = {"minutes": given.minutes, "rows_per_second": given.rate}
        parts = {"whole": given.minutes, "quarter": given.minutes / 4}
        for name, minutes in parts.items():
            rows = write_records(folder / f"{name}.parquet", minutes, given.rate)
            took = measured(folder / f"{name}.parquet", folder / f"{name}.html")
            found |= {f"{name}_{key}": round(value, 2) for key, value in took.items()} | {f"{name}_rows": rows}
        write_video(folder / "conference.mp4", given.minutes, given.rate)
        took = measured(folder / "whole.parquet", folder / "video.html")
        found |= {f"video_{key}": round(value, 2) for key, value in took.items()}
        for key in ("seconds", "peak_mb"):
            whole, quarter, video = (float(str(found[f"{name}_{key}"])) for name in ("whole", "quarter", "video"))
            found |= {f"{key}_ratio": round(whole / quarter, 2), f"{key}_ratio_with_video": round(video / whole, 2)}
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
