"""Time and memory of a search among a million faces: prints figures, and writes none.

The faces are made up: embeddings of random directions, as wide as the default model's, and random scores. Each search
runs in a process of its own, which reports its largest memory, the mapped files among it; `private` is what it held
without them. The first search of a process also reads the files' pages into it, so that the median of the others
stands beside it.

    python benchmarks/search.py [--faces 1000000] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from kaoiro.core import modelfile
from kaoiro.inference.classifier import Classifier
from kaoiro.inference.search import store
from kaoiro.inference.words.asked import measured

PART = 65_536  # faces that are made up at a time
SEARCHES = {
    "like a face": (None, True),
    "smile": ("smile", False),
    "big smile, not eyes wide": ("big smile, not eyes wide", False),
    "looks relieved (ranges of valence and arousal)": ("looks relieved", False),
    "big smile, and like a face": ("big smile", True),
}
_SEARCH = """
import json, statistics, sys, time
from pathlib import Path
import numpy as np
from kaoiro.inference.search import Index
folder, text, like, threads = json.loads(sys.argv[1])
start = time.perf_counter()
index = Index.open(folder)
opened = time.perf_counter() - start
query = None if text is None else index.query(text)
face = np.random.default_rng(1).normal(size=index.about.width).astype(np.float32) if like else None
times = []
for _ in range(6):
    start = time.perf_counter()
    found = index.search(query, 20, like=face, threads=threads)
    times.append(time.perf_counter() - start)
assert len(found) == 20
status = Path("/proc/self/status").read_text()
size = lambda name: int(status.split(name + ":")[1].split()[0]) / 1024
print(json.dumps([opened, times[0], statistics.median(times[1:]), size("VmHWM"), size("RssAnon")]))
"""


def make(folder: Path, faces: int) -> store.About:
    """Write an index of made-up faces, one for each file, as one part."""
    model, random = modelfile.load(), np.random.default_rng(0)
    columns, width = measured(model), Classifier(model).width
    about = store.About(model=model.name, digest=model.digest, width=width, columns=columns, every=1.0)
    for start in range(0, faces, PART):
        count = min(PART, faces - start)
        embeddings = random.normal(size=(count, width)).astype(np.float32)
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        scores = random.uniform(size=(count, len(columns))).astype(np.float32)
        names = [f"{number:07d}.jpg" for number in range(start, start + count)]
        place = dict.fromkeys(("box_left", "box_top", "box_width", "box_height", "face_size"), 100.0)
        rows = [{"source": name, "frame": 0, "time_s": 0.0, **place} for name in names]
        files = [{"name": name, "size": 1, "stamp": 1, "rows": 1, "note": ""} for name in names]
        about = store.append(folder, about, store.Content(embeddings, scores, rows, files))
    parts = [store.Part(folder / name, about) for name in about.parts]
    return store.merged(folder, about, parts, [np.ones(len(part.files), bool) for part in parts])


def measure(folder: Path, text: str | None, like: bool, threads: int) -> list[float]:
    """Return seconds to open, of the first and of the median later search, peak and private memory in MiB."""
    command = [sys.executable, "-c", _SEARCH, json.dumps([str(folder), text, like, threads])]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--folder", help="keep the index here, and take it if it is there; default: a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.folder or temporary) / "index"
        about = store.read_about(folder) if (folder / store.ABOUT).exists() else make(folder, arguments.faces)
        print(f"faces {arguments.faces}, embedding of {about.width} numbers, {len(about.columns)} scores each")
        print("search; threads; opened s; first s; median s; peak MiB; private MiB; one thread / this")
        for name, (text, like) in SEARCHES.items():
            alone = 0.0
            for threads in (1, 2):
                found = measure(folder, text, like, threads)
                alone = alone or found[2]
                seconds = "; ".join(f"{value:.2f}" for value in found[:3])
                print(f"{name}; {threads}; {seconds}; {found[3]:.0f}; {found[4]:.0f}; {alone / found[2]:.2f}")


if __name__ == "__main__":
    main()
