"""Speed, determinism and memory of the rendered world: writes docs/results/synthesis-speed.{md,json}.

Needs the head's assets (`kaoiro synth prepare`): --assets or the variable KAOIRO_ICT_FACE. Ratios count more than
rates, which differ between machines and moments.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kaoiro.core.parallel import in_order, processors
from kaoiro.evaluation import report
from kaoiro.synthesis.difficulty import load
from kaoiro.synthesis.film import Film
from kaoiro.synthesis.generate import Order, generate
from kaoiro.synthesis.script import expression_clip
from kaoiro.synthesis.world import FaceWorld

ROOT = Path(__file__).parent.parent
PARTS = ("rendering", "determinism", "memory")
ROUNDS = 5
_PEAK = """
import sys
from kaoiro.synthesis.generate import Order, generate
generate(Order("syn-id", scale=float(sys.argv[2]), size=48), sys.argv[3], sys.argv[1] or None)
from pathlib import Path
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) * 1024)
"""


def rendering(assets: str | None, folder: Path) -> dict[str, Any]:
    """Time finished frames, camera included, of one clip: with all processors and with one."""
    del folder
    world, difficulty = FaceWorld(assets), load()
    script = expression_clip("bench", "clip", "fear", "low", (1.0, 1.0), 0, difficulty)
    figures: dict[str, Any] = {"processors": processors()}
    for side in (96, 256):
        film = Film(world, script, world.person("bench"), difficulty, side)
        film.shot(0)
        alone, together = [], []
        for _ in range(ROUNDS):  # in turns, so that a slow moment of the machine falls on both
            alone.append(_rate(film, 1))
            together.append(_rate(film, processors()))
        figures[f"frames_per_second_{side}"] = statistics.median(together)
        figures[f"frames_per_second_{side}_one_thread"] = statistics.median(alone)
        figures[f"speed_up_{side}"] = statistics.median(t / a for t, a in zip(together, alone, strict=True))
    start = time.perf_counter()
    for number in range(5):
        Film(world, script, world.person(f"sitter {number}"), difficulty, 32).shot(0)
    figures["seconds_to_make_a_person_ready"] = (time.perf_counter() - start) / 5
    return figures


def _rate(film: Film, jobs: int) -> float:
    count = 40
    start = time.perf_counter()
    for _ in in_order(film.shot, range(count), jobs):
        pass
    return count / (time.perf_counter() - start)


def determinism(assets: str | None, folder: Path) -> dict[str, Any]:
    """Make a part of each set twice, with one thread and with three, and compare the hashes."""
    world, table = FaceWorld(assets), {}
    names = ("syn-id", "syn-vid", "syn-flicker", "syn-mt", "syn-swap")
    orders = {name: Order(name, scale=0.01, size=48) for name in names}
    orders["conference"] = Order("conference", scale=0.01, size=32)
    orders["syn-vid, videos of variable rate"] = Order("syn-vid", scale=0.01, size=64, video=True, variable_rate=True)
    for name, order in orders.items():
        made = [generate(order, folder / f"{name}-{jobs}", world, jobs) for jobs in (1, 3)]
        table[name] = {
            "frames": made[0].frames,
            "equal with one job and with three": made[0].sha256 == made[1].sha256,
            "sha256": made[0].sha256[:16],
        }
    return {"the same bytes": table}


def memory(assets: str | None, folder: Path) -> dict[str, float]:
    """Compare the peak memory of making a little and eight times as much (Linux)."""
    peaks = {}
    for scale in (0.01, 0.08):
        command = [sys.executable, "-c", _PEAK, assets or "", str(scale), str(folder / str(scale))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks[scale] = int(done.stdout.split()[-1]) / 1e6
    return {
        "peak_memory_scale_0.01_mb": peaks[0.01],
        "peak_memory_scale_0.08_mb": peaks[0.08],
        "peak_memory_ratio": peaks[0.08] / peaks[0.01],
    }


def main() -> None:
    """Run the chosen parts and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", metavar="DIR", help="default: the variable KAOIRO_ICT_FACE")
    parser.add_argument("--skip", nargs="*", default=[], choices=PARTS, help="parts to leave out")
    parser.add_argument("--results", default=str(ROOT / "docs/results"), metavar="DIR")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"difficulty_sha256": load().sha256}
    for part in PARTS:
        if part not in arguments.skip:
            with tempfile.TemporaryDirectory() as folder:
                figures |= globals()[part](arguments.assets, Path(folder))
            print(f"{part} done", file=sys.stderr)
    print(report.text(figures))
    report.write(Path(arguments.results), "synthesis-speed", figures)


if __name__ == "__main__":
    main()
