"""Measure the service: load, overload, memory, kill -9, fuzz; write docs/results/service.{md,json}.

    python benchmarks/service.py [--only PART …] [--requests N] [--videos N] [--rounds N] [--out DIR]

The parts that are not run are taken from the report that is there. Clients are a process of their own
(`service_clients.py`) on the same processors. Machines are noisy: the loop that the service is compared with runs
before and after the clients of each round, and the ratio is taken within the round.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from service_lasting import kill, memory
from service_process import ROOT, Running, clients, photo

from kaoiro import Analyzer
from kaoiro.core.revision import commit
from kaoiro.evaluation import report

CROWDS = (1, 8, 32)
WAITING = 64
"""Requests that may wait in the service as it is set when nothing is said."""


def load(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Compare requests a second with the same work in a loop: loop, 1, 8, 32 clients, the old interface, loop, …."""
    picture, busy = folder / "photo.jpg", os.getloadavg()[0]  # processes that others ran before
    picture.write_bytes(photo())
    analyzer = Analyzer()
    assert len(analyzer.image(photo())) == 1
    kinds = {f"{count} client{'s' * (count > 1)}": ("--clients", str(count)) for count in CROWDS}
    kinds["8 clients, /emotion/v1.0/recognize"] = ("--clients", "8", "--path", "/emotion/v1.0/recognize")
    seen: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    with Running(folder / "data") as service:
        clients(service.port, picture, "--clients", "8", "--seconds", "2")
        loops = [_loop(analyzer, picture.read_bytes(), given.seconds)]
        for turn in range(given.rounds):
            for kind, options in kinds.items():
                seen[kind].append(clients(service.port, picture, *options, "--seconds", str(given.seconds)))
            loops.append(_loop(analyzer, picture.read_bytes(), given.seconds))
            print(f"load: round {turn + 1} of {given.rounds}", file=sys.stderr)
    return {
        "load_machine_was_busy": busy,
        "load_picture_bytes": len(photo()),
        "load_rounds": given.rounds,
        "load_seconds_per_measurement": given.seconds,
        "load_loop_per_second": statistics.median(loops),
        "load_loop_spread": [min(loops), max(loops)],
        "load_lost": sum(sum(run["lost"].values()) for runs in seen.values() for run in runs),
        "load_by_clients": {kind: _row(runs, loops) for kind, runs in seen.items()},
    }


def _loop(analyzer: Analyzer, picture: bytes, seconds: float) -> float:
    """Return pictures a second of a loop in this process, on the default threads."""
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        analyzer.image(picture)
        count += 1
    return count / (time.perf_counter() - begin)


def _row(runs: list[dict[str, Any]], loops: list[float]) -> dict[str, Any]:
    """Return rates and latencies of some rounds; each ratio is to the loops before and after its round."""
    rates = [run["statuses"].get("200", 0) / run["seconds"] for run in runs]
    beside = [(before + after) / 2 for before, after in itertools.pairwise(loops)]
    ratios = [rate / loop for rate, loop in zip(rates, beside, strict=True)]
    latencies = np.concatenate([run["latencies_ms"] for run in runs])
    answered = sum(sum(run["statuses"].values()) for run in runs)
    return {
        "per_second": statistics.median(rates),
        "ratio_to_loop": statistics.median(ratios),
        "ratio_spread": [min(ratios), max(ratios)],
        **{f"p{share}_ms": float(np.percentile(latencies, share)) for share in (50, 95, 99)},
        "client_ms_per_request": 1000 * sum(run["own_seconds"] for run in runs) / answered,
        "answers": _added([run["statuses"] for run in runs]),
    }


def _added(counts: list[dict[str, int]]) -> dict[str, int]:
    return {
        key: sum(count.get(key, 0) for count in counts) for key in sorted({key for count in counts for key in count})
    }


def overload(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Let ten times as many clients ask at once as may wait, without pause; then look whether all is as before."""
    picture = folder / "photo.jpg"
    picture.write_bytes(photo())
    with Running(folder / "data") as service:
        calm = clients(service.port, picture, "--clients", "8", "--seconds", "5")
        options = ("--clients", str(10 * WAITING), "--seconds", str(given.overload_seconds))
        flood = clients(service.port, picture, *options)
        begin = time.perf_counter()
        status, body = service.ask("POST", "/v1/analyze", photo())
        first = 1000 * (time.perf_counter() - begin)
        after = clients(service.port, picture, "--clients", "8", "--seconds", "5")
        left = json.loads(service.ask("GET", "/healthz")[1])
    assert status == 200, body
    statuses = flood["statuses"]
    others = {key: count for key, count in statuses.items() if key not in ("200", "429")}
    carried = calm["statuses"].get("200", 0) / calm["seconds"]
    offered = (sum(statuses.values()) + sum(flood["lost"].values())) / flood["seconds"]
    return {
        "overload_clients": 10 * WAITING,
        "overload_seconds": flood["seconds"],
        "overload_carried_before_per_second": carried,
        "overload_offered_per_second": offered,
        "overload_offered_to_carried": offered / carried,
        "overload_200": statuses.get("200", 0),
        "overload_200_per_second": statuses.get("200", 0) / flood["seconds"],
        "overload_429": statuses.get("429", 0),
        "overload_429_without_retry_after": flood["429_without_retry_after"],
        "overload_other_answers": others or "none",
        "overload_lost": flood["lost"] or "none",
        "overload_200_p95_ms": _share(flood["latencies_ms"], 95),
        "overload_429_p95_ms": _share(flood["refused_ms"], 95),
        "overload_first_request_after_ms": first,
        "overload_after_per_second": after["statuses"].get("200", 0) / after["seconds"],
        "overload_after_answers": after["statuses"],
        "overload_after_waiting": left["waiting"],
    }


def _share(values: list[float], share: float) -> float | None:
    return float(np.percentile(values, share)) if values else None


def fuzz(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Run the fuzz test and take its counts."""
    tally = folder / "tally.json"
    command = [sys.executable, "-m", "pytest", "-m", "fuzz", "tests/server/test_fuzz.py"]
    variables = {"KAOIRO_FUZZ_MINUTES": str(given.fuzz_minutes), "KAOIRO_FUZZ_TALLY": str(tally)}
    environment = {**os.environ, **variables}
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    print(done.stdout[-20_000:], file=sys.stderr)
    seen = json.loads(tally.read_text())
    kinds = sorted({kind for group in seen["groups"].values() for kind in group} - {"sent"})
    table = {
        name: {"sent": group["sent"], **{kind: group.get(kind, 0) for kind in kinds}}
        for name, group in seen["groups"].items()
    }
    return {
        "fuzz_passed": done.returncode == 0,
        "fuzz_minutes": (time.perf_counter() - begin) / 60,
        "fuzz_seed": seen["seed"],
        "fuzz_sent": sum(group["sent"] for group in table.values()),
        "fuzz_5xx": sum(count for group in table.values() for kind, count in group.items() if kind.startswith("5")),
        "fuzz_hung": sum(group.get("hung", 0) for group in table.values()),
        "fuzz_lost": sum(group.get("lost", 0) for group in table.values()),
        "fuzz_peak_memory_mb": seen["peak_mb"],
        "fuzz_answers": table,
    }


PARTS: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "load": load,
    "overload": overload,
    "memory": memory,
    "kill": kill,
    "fuzz": fuzz,
}


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS), help="parts to run; default: all")
    parser.add_argument("--requests", type=int, default=10_000, help="of the memory part")
    parser.add_argument("--videos", type=int, default=20, help="of the memory part")
    parser.add_argument("--rounds", type=int, default=6, help="of the load part")
    parser.add_argument("--seconds", type=float, default=8.0, help="of one measurement of the load part")
    parser.add_argument("--overload-seconds", type=float, default=20.0)
    parser.add_argument("--kill-repeats", type=int, default=6, help="length of the video that is killed, in 8.3 s")
    parser.add_argument("--fuzz-minutes", type=float, default=3.0)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/results", metavar="DIR")
    return parser.parse_args()


def stored(folder: Path) -> dict[str, Any]:
    """Return the figures of an earlier run, without the head that is written anew."""
    file = folder / "service.json"
    figures = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return {key: value for key, value in figures.items() if key not in ("measured", "commit", "machine")}


def merged(old: dict[str, Any], part: str, figures: dict[str, Any]) -> dict[str, Any]:
    """Replace the figures of one part, and note when and of what they were measured."""
    kept = {key: value for key, value in old.items() if not key.startswith(f"{part}_") and key != "parts"}
    stamp = {"measured": datetime.date.today().isoformat(), "commit": commit()}
    parts = {**old.get("parts", {}), part: stamp}
    together = {**kept, **figures}
    ordered = [(key, value) for name in PARTS for key, value in together.items() if key.startswith(f"{name}_")]
    return {"parts": {name: parts[name] for name in PARTS if name in parts}, **dict(ordered)}


def main() -> None:
    """Run the chosen parts and write the report after each."""
    given = arguments()
    for part in given.only:
        with tempfile.TemporaryDirectory() as folder:
            figures = PARTS[part](Path(folder), given)
        given.out.mkdir(parents=True, exist_ok=True)
        report.write(given.out, "service", merged(stored(given.out), part, figures))
        print(f"{part} done", file=sys.stderr)
    print((given.out / "service.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
