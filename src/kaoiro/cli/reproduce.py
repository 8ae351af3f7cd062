"""`kaoiro reproduce SYSTEM`: train and measure a published system again, from the official files to the claims."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.evaluate import CURVES, draw_temporal
from kaoiro.cli.numbers import count, positive
from kaoiro.cli.synth import need_numba
from kaoiro.core.errors import InputError, MissingExtra


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "reproduce",
        help="train and measure a published system again: claim, found, wished, verdict",
        description=f"{__doc__} It takes hours to days. Repeat an interrupted call: finished "
        "trainings stay, and an unfinished one goes on.",
    )
    parser.add_argument("system", choices=("A",), metavar="SYSTEM", help="A: residual attention, temporal attention")
    parser.add_argument("--fer2013", metavar="DIR", help="folder of fer2013.csv and fer2013new.csv, for stills")
    parser.add_argument("--assets", metavar="DIR", help="the rendered head (default: variable KAOIRO_ICT_FACE)")
    parser.add_argument("--sets", metavar="DIR", help="rendered sets; those that lack are made (default: OUT/sets)")
    parser.add_argument("--out", default="runs/A", metavar="DIR", help="runs, sets and figures (default: runs/A)")
    parser.add_argument("--seeds", type=count, default=3, metavar="N", help="of every recipe (default: 3)")
    parser.add_argument("--budget", type=positive, metavar="HOURS", help="scale every still run to this time")
    parser.add_argument(
        "--scale", type=positive, default=1.0, metavar="S", help="share of the rendered people, at most 1"
    )
    parser.add_argument("--only", choices=("stills", "video"), help="one half of the system")
    parser.add_argument("--results", metavar="DIR", help="write system-a and temporal, .md and .json, here")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    _need_training()
    from kaoiro.core import modelfile
    from kaoiro.evaluation import report
    from kaoiro.training.reproduce import Order, merged, system_a

    parts = {"stills": arguments.only != "video", "video": arguments.only != "stills"}
    out = Path(arguments.out)
    sets = Path(arguments.sets) if arguments.sets else out / "sets"
    order = Order(arguments.fer2013, out, sets, arguments.seeds, arguments.budget, **parts)
    if order.video:
        _render(sets, arguments)
    figures = system_a(order, modelfile.load(None), _tell)
    temporal = figures.pop("temporal", None)
    curves = {} if temporal is None else temporal.pop(CURVES)
    if arguments.results:
        folder = Path(arguments.results)
        figures = merged(figures, _stored(folder / "system-a.json"))
        report.write(folder, "system-a", figures)
        if temporal is not None:
            report.write(folder, "temporal", temporal)
            draw_temporal(temporal, curves, folder)
    print(report.text(figures))
    return 0


def _stored(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        stored = None
    if not isinstance(stored, dict):
        raise InputError(f"{file} is damaged; remove it or name another folder by --results")
    return stored


def _render(sets: Path, arguments: argparse.Namespace) -> None:
    """Make the rendered sets that are not there yet."""
    from kaoiro.training.reproduce import SETS, finished

    missing = [name for name in SETS if not finished(sets / name)]
    if not missing:
        return
    need_numba("kaoiro reproduce")
    from kaoiro.synthesis.generate import Order, generate
    from kaoiro.synthesis.world import FaceWorld

    orders = [Order(name, scale=arguments.scale) for name in missing]
    world = FaceWorld(arguments.assets)
    for order in orders:
        generate(order, sets / order.name, world, tell=_tell)


def _need_training() -> None:
    try:
        import lightning  # noqa: F401
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingExtra("kaoiro reproduce", "train") from error


def _tell(line: str) -> None:
    print(f"kaoiro: {line}", file=sys.stderr, flush=True)
