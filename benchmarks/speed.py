"""Measure speed, sameness, memory, cold start and the size of an installation; write docs/results/speed.{md,json}.

    python benchmarks/speed.py [--skip install memory …] [--results DIR]

Times are medians on the machine at hand, and machines are noisy: each figure stands beside the others of
the same run, and ratios within a run say more than seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kaoiro import Analyzer
from kaoiro.core import modelfile
from kaoiro.core.encode import VideoWriter
from kaoiro.data.datasets import drawn
from kaoiro.evaluation import report
from kaoiro.faces.align import cut, placement
from kaoiro.faces.video import VideoFile
from kaoiro.inference.classifier import Classifier, prepare_crops
from kaoiro.timeline.steady import MODES, Mode, steady

ROOT = Path(__file__).parent.parent
PHOTO = ROOT / "src/kaoiro/assets/astronaut.png"
PARTS = ("classifier", "invariance", "video", "smoothing", "timestamps", "start", "memory", "install")


def median_ms(action: Callable[[], Any], repeats: int) -> float:
    """Return the median time of an action in milliseconds, after two runs for warming up."""
    seconds = []
    for turn in range(repeats + 2):
        start = time.perf_counter()
        action()
        if turn >= 2:
            seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


def classifier(folder: Path) -> dict[str, float]:
    """Time the default model on two threads."""
    del folder
    model = Classifier(modelfile.load(), threads=2)
    side = model.specification.size
    crops = np.random.default_rng(0).integers(0, 256, (32, side, side), dtype=np.uint8)
    return {
        "classifier_batch_1_ms_per_face": median_ms(lambda: model.predict(crops[:1]), 200),
        "classifier_batch_32_ms_per_face": median_ms(lambda: model.predict(crops), 40) / 32,
    }


def invariance(folder: Path) -> dict[str, float]:
    """Compare the probabilities of 224 drawn faces alone and in batches of 2, 7 and 32: the largest difference."""
    del folder
    model = Classifier(modelfile.load(), threads=2)
    spec = model.specification
    crops = prepare_crops(drawn.faces(224, seed=0).pixels, spec.size, spec.channels)

    def scores(batch: int) -> np.ndarray:
        parts = [model.predict(crops[start : start + batch]) for start in range(0, len(crops), batch)]
        return np.concatenate([part.heads["expression"] for part in parts])

    alone = scores(1)
    return {f"batch_of_{size}_largest_difference": float(np.abs(scores(size) - alone).max()) for size in (2, 7, 32)}


def write_clip(path: Path, seconds: float, size: tuple[int, int] = (1280, 720), rate: int = 25) -> None:
    """Write a clip that moves over a real portrait (NASA, public domain), with the noise of a camera."""
    width, height = size
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 3, (height, width, 1))
    portrait = Image.open(PHOTO).convert("RGB")
    with VideoWriter(path, width, height, rate) as writer:
        for index in range(round(seconds * rate)):
            phase = 2 * np.pi * index / rate / 8
            left, top = 20 + 20 * np.sin(phase), 10 + 10 * np.cos(phase)
            window = (left, top, left + 460, top + 460 * height / width)
            shown = portrait.resize(size, Image.Resampling.BILINEAR, box=window) + np.roll(noise, 37 * index, axis=1)
            writer.write(shown.clip(0, 255).astype(np.uint8), index / rate)


def video(folder: Path) -> dict[str, Any]:
    """Time a 1280x720 clip with one face from decoding to records, every frame, and each stage alone."""
    clip = folder / "clip.mp4"
    write_clip(clip, 16)
    analyzer, file = Analyzer(), VideoFile(clip)
    next(iter(analyzer.video(clip)))
    start = time.perf_counter()
    records = list(analyzer.video(clip))
    seconds = time.perf_counter() - start
    engine = analyzer._frames
    frames = [frame for frame, _ in zip(file.frames(), range(64), strict=False)]
    face = records[0].face_size
    size = engine.detector.working_size(file.info.width, file.info.height, face)
    small, luma = [frame.rgb(size) for frame in frames], [frame.luma() for frame in frames]
    x, y = file.info.width / size[0], file.info.height / size[1]
    faces = [[face.scaled(x, y) for face in engine.detector.detect(image)] for image in small]
    spec = analyzer.specification
    pairs = [(image, face) for image, found in zip(luma, faces, strict=True) for face in found]
    crops = [cut(image, placement(face, spec.crop), spec.size) for image, face in pairs]
    count = len(records)
    stages = {
        "decode": median_ms(lambda: sum(1 for _ in file.frames()), 3) / count,
        "convert": median_ms(lambda: [(frame.rgb(size), frame.luma()) for frame in frames], 3) / len(frames),
        "detect": median_ms(lambda: [engine.detector.detect(image) for image in small], 3) / len(frames),
        "align": median_ms(lambda: [cut(i, placement(f, spec.crop), spec.size) for i, f in pairs], 3) / len(frames),
        "classify": median_ms(lambda: [engine.classifier.predict(crop[None]) for crop in crops], 3) / len(frames),
    }
    figures = {"video_720p_frames_per_second": count / seconds, "video_720p_faces_per_frame": len(pairs) / len(frames)}
    total = sum(stages.values())
    table = {name: {"ms_per_frame": value, "share": value / total} for name, value in stages.items()}
    return figures | {"video_720p_stages": table}


def smoothing(folder: Path) -> dict[str, float]:
    """Compare a clip's analysis without and with smoothing, in turns, and time the smoothing alone."""
    clip, rounds = folder / "clip.mp4", 6
    write_clip(clip, 8)
    analyzer = Analyzer()
    records = list(analyzer.video(clip))
    seconds: dict[Mode, list[float]] = {mode: [] for mode in MODES}
    for turn in range(rounds):
        for mode in MODES if turn % 2 else reversed(MODES):
            begin = time.perf_counter()
            for _ in analyzer.video(clip, smooth=mode):
                pass
            seconds[mode].append(time.perf_counter() - begin)
    ratios = [smooth / plain for plain, smooth in zip(seconds["none"], seconds["centred"], strict=True)]
    faces = [(one.time_s, one, [(one.track, (0.125,) * 8)]) for one in records if one.track is not None]
    alone = median_ms(lambda: sum(1 for _ in steady(faces, "centred")), 20) / len(records)
    whole = 1000 * statistics.median(seconds["none"]) / len(records)
    return {
        "smoothing_time_with_over_without": statistics.median(ratios),
        "smoothing_ms_per_frame_with_one_face": alone,
        "smoothing_alone_over_analysis": alone / whole,
    }


def timestamps(folder: Path) -> dict[str, float]:
    """Compare the times of records with those of the packets, on a clip with a variable frame rate and B-frames."""
    import av

    clip = folder / "variable.mp4"
    write_variable(clip, 600)
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.pts is not None and packet.size]
        wanted = np.sort([float(packet.pts * stream.time_base) for packet in packets])
    found = np.array([record.time_s for record in Analyzer().video(clip)])
    if len(found) != len(wanted):
        raise RuntimeError(f"{len(found)} records without a face for {len(wanted)} packets")
    return {"timestamps_frames": len(found), "timestamps_largest_difference_s": float(np.abs(found - wanted).max())}


def write_variable(path: Path, count: int, size: tuple[int, int] = (160, 120)) -> None:
    """Write a clip of grey noise whose frames are 1 to 400 ms apart."""
    import av

    rng = np.random.default_rng(0)
    ticks = np.cumsum(rng.integers(90, 36_000, count))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "2", "preset": "veryfast"})
        stream.width, stream.height = size
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 90_000)
        for tick in ticks - ticks[0]:
            pixels = rng.integers(118, 138, (size[1], size[0], 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = int(tick), Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def start(folder: Path) -> dict[str, float]:
    """Time `kaoiro analyze photo` as a whole process."""
    command = [sys.executable, "-m", "kaoiro", "analyze", str(PHOTO), "--out", str(folder / "start")]

    def run() -> None:
        shutil.rmtree(folder / "start", ignore_errors=True)
        subprocess.run(command, check=True, capture_output=True)

    return {"cold_start_photo_s": median_ms(run, 5) / 1000}


_MEASURE = """
import sys
from pathlib import Path
from kaoiro.cli.main import main
code = main(["analyze", sys.argv[1], "--out", sys.argv[2]])
status = Path("/proc/self/status")
if status.is_file():  # Linux, where getrusage also counts the process that started this one
    print(1024 * int(status.read_text().split("VmHWM:")[1].split()[0]))
else:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


def memory(folder: Path) -> dict[str, float]:
    """Compare peak memory on clips of 1 and 60 minutes (320x240, 10 frames a second); not on Windows."""
    if sys.platform == "win32":
        print("memory is not measured: Python has no module 'resource' on Windows", file=sys.stderr)
        return {}
    peaks = {}
    minute = folder / "minute.mp4"
    write_clip(minute, 60, (320, 240), rate=10)
    hour = folder / "hour.mp4"
    repeat(minute, hour, 60)
    for name, clip in (("1_minute", minute), ("60_minutes", hour)):
        command = [sys.executable, "-c", _MEASURE, str(clip), str(folder / name)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks[name] = int(done.stdout.split()[-1]) / 1e6
    ratio = peaks["60_minutes"] / peaks["1_minute"]
    return {f"peak_memory_{name}_mb": value for name, value in peaks.items()} | {"peak_memory_ratio": ratio}


def repeat(source: Path, target: Path, times: int) -> None:
    """Write a clip several times in a row, without encoding anew."""
    import av

    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = given.streams.video[0]
        copy = made.add_stream_from_template(stream)
        packets = [packet for packet in given.demux(stream) if packet.dts is not None]
        first = min(packet.dts for packet in packets)
        length = max(packet.pts + (packet.duration or 0) for packet in packets) - first
        content = [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in packets]
        for turn in range(times):
            for data, pts, dts, duration, key in content:
                packet = av.Packet(data)
                packet.pts, packet.dts = pts + turn * length, dts + turn * length
                packet.duration, packet.time_base, packet.stream = duration, stream.time_base, copy
                packet.is_keyframe = key
                made.mux(packet)


def install(folder: Path) -> dict[str, float]:
    """Install a copy of the checkout into an empty virtual environment: seconds and megabytes."""
    copy = folder / "checkout"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(copy)], check=True)
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    empty = _megabytes(environment)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    begin = time.perf_counter()
    subprocess.run([str(python), "-m", "pip", "install", "-q", str(copy)], check=True, capture_output=True)
    seconds = time.perf_counter() - begin
    return {"install_s": seconds, "install_mb": _megabytes(environment) - empty, "empty_environment_mb": empty}


def _megabytes(folder: Path) -> float:
    return sum(item.stat().st_size for item in folder.rglob("*") if item.is_file() and not item.is_symlink()) / 1e6


def main() -> None:
    """Run the chosen parts and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skip", nargs="*", default=[], choices=PARTS, help="parts to leave out")
    parser.add_argument("--results", default=str(ROOT / "docs/results"), metavar="DIR")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"model": modelfile.load().name}
    for part in PARTS:
        if part not in arguments.skip:
            with tempfile.TemporaryDirectory() as folder:
                figures |= globals()[part](Path(folder))
            print(f"{part} done", file=sys.stderr)
    print(report.text(figures))
    report.write(Path(arguments.results), "speed", figures)


if __name__ == "__main__":
    main()
