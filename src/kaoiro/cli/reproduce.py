"""`kaoiro reproduce SYSTEM`: train and measure a published system again, from the official files to the claims."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kaoiro.cli.evaluate import CURVES, draw_temporal
from kaoiro.cli.numbers import count, positive
from kaoiro.cli.synth import need_numba
from kaoiro.cli.train import changed
from kaoiro.core.errors import InputError, MissingExtra


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    again = "Repeat an interrupted call: what is finished stays."
    parser: argparse.ArgumentParser = commands.add_parser(
        "reproduce",
        help="train and measure a published system again: claim, found, wished, verdict",
        description=f"{__doc__} It takes hours to days. {again}",
    )
    systems = parser.add_subparsers(dest="system", required=True, metavar="SYSTEM")
    first = _add(systems, "A", _system_a, "residual attention on stills, temporal attention on video")
    first.add_argument("--fer2013", metavar="DIR", help="folder of fer2013.csv and fer2013new.csv, for stills")
    first.add_argument("--only", choices=("stills", "video"), help="one half of the system")
    second = _add(
        systems, "B", _system_b, "expression apart from identity, learned without labels: all rows of Table 3"
    )
    _add_system_b(second)
    _add_system_c(systems)
    _add_system_e1(systems)
    fourth = _add(systems, "D", _system_d, "valence-arousal, action units and expressions, together and alone")
    fourth.add_argument("--steps", type=count, metavar="N", help="of every training run, without a budget")
    fourth.add_argument("--finished", action="store_true", help="train nothing: report the runs that are finished")
    fourth.add_argument("--every", type=count, default=4, metavar="N", help="frames of a video: each Nth (default: 4)")


def _add_system_b(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--people",
        default="syn-id",
        metavar="SET",
        help="that is learned from: syn-id (default), or syn-posed, where all clips of a person are of one session",
    )
    parser.add_argument(
        "--rows",
        metavar="NAME,...",
        help="recipes of the table, such as vae,iterated (default: all), or conventional,with-switch,… alone",
    )
    parser.add_argument("--folds", type=count, default=5, metavar="N", help="of five parts of people (default: 5)")
    parser.add_argument("--batch", type=count, metavar="N", help="pictures a step (default: 128); few for more updates")
    text = "of the pictures, pixels: 16, 32 or 64 (default), twice as many in row 5 (iterated-128)"
    parser.add_argument("--side", type=count, metavar="N", help=text)
    parser.add_argument("--width", type=count, metavar="N", help="channels after the first convolution (default: 32)")
    text = "of rows that iterate, at least 2 (default: 10); the control makes as many updates"
    parser.add_argument("--iterations", type=count, metavar="N", help=text)
    parser.add_argument(
        "--proportional",
        action="store_true",
        help="--budget is for row 4 (iterated); all rows do the same share of their schedules",
    )
    text = "of swaps: OUT/judge/signal.pt of another reproduction (default: learned first, from syn-mt)"
    parser.add_argument(
        "--recognisers",
        type=count,
        metavar="STEPS",
        help="also learn recognisers on the codes of rows 4 and 'improved', beside pixels, in so many steps each",
    )
    parser.add_argument(
        "--recogniser-seeds", type=count, default=3, metavar="N", help="of every recogniser (default: 3)"
    )
    parser.add_argument("--judge", metavar="FILE", help=text)
    parser.add_argument("--finished", action="store_true", help="train nothing: report the runs that are finished")


def _add_system_c(systems: Any) -> None:
    text = "classes as words: arms that differ in language alone, and cheap remedies for rare classes"
    alike = "Further options change all arms alike: --SECTION.FIELD VALUE, such as --run.epochs 12."
    parser: argparse.ArgumentParser = systems.add_parser("C", help=text, description=f"{text}. {alike}")
    parser.add_argument("--fer2013", required=True, metavar="DIR", help="folder of fer2013.csv and fer2013new.csv")
    text = "of system C, or 'scratch', 'continued', 'pretrained', 'unseen' for all of a section (default: scratch)"
    parser.add_argument("--arms", nargs="+", default=[], metavar="ARM", help=text)
    parser.add_argument("--seeds", type=count, default=3, metavar="N", help="of every arm (default: 3)")
    text = "of all runs together: decides once how many epochs every run has"
    parser.add_argument("--budget", type=positive, metavar="HOURS", help=text)
    text = "arms that are also cross-validated in five folds of Training, for fear, disgust and contempt"
    parser.add_argument("--folds", nargs="+", default=[], metavar="ARM", help=text)
    parser.add_argument("--clip", metavar="FILE", help="weights of CLIP, for the arms that begin with them")
    parser.add_argument("--merges", metavar="FILE", help="tokenizer file that belongs to them")
    parser.add_argument("--out", default="runs/C", metavar="DIR", help="runs and figures (default: runs/C)")
    parser.add_argument("--results", metavar="DIR", help="write page and figures for the documentation here")
    parser.add_argument("--finished", action="store_true", help="train nothing: report the runs that are finished")
    parser.set_defaults(run=run, reproduce=_system_c, takes_rest=True, sets=None)


def _add_system_e1(systems: Any) -> None:
    text = "transfer in two stages, from many faces to the few that are wanted: all chains on four small target sets"
    more = "Further options change the network of all stages: --network.FIELD VALUE, such as --network.dropout 0.5."
    parser: argparse.ArgumentParser = systems.add_parser("E1", help=text, description=f"{text}. {more}")
    parser.add_argument("--fer2013", required=True, metavar="DIR", help="folder of fer2013.csv and fer2013new.csv")
    parser.add_argument("--assets", metavar="DIR", help="the rendered head (default: variable KAOIRO_ICT_FACE)")
    parser.add_argument("--sets", metavar="DIR", help="rendered sets; what lacks is made (default: OUT/sets)")
    parser.add_argument("--generated", metavar="DIR", help="folder of DiffusionFER; without it that target is left out")
    parser.add_argument("--london", metavar="DIR", help="folder of the London set; without it that target is left out")
    parser.add_argument("--targets", nargs="+", default=[], metavar="NAME", help="target sets (default: all given)")
    parser.add_argument("--conditions", nargs="+", default=[], metavar="NAME", help="such as T2 T4 (default: all)")
    parser.add_argument("--no-curves", action="store_true", help="leave the learning curves out")
    parser.add_argument("--seeds", type=count, default=3, metavar="N", help="of every condition (default: 3)")
    text = "of all runs together: shortens stages 0 and 1, once for a folder"
    parser.add_argument("--budget", type=positive, metavar="HOURS", help=text)
    text = "network: compact (default, for a CPU), or the source's alexnet and vgg-m"
    parser.add_argument("--form", choices=("compact", "alexnet", "vgg-m"), default="compact", help=text)
    text = "of ImageNet for alexnet or vgg-m, in place of self-supervised learning on unlabelled faces"
    parser.add_argument("--weights", metavar="FILE", help=text)
    parser.add_argument("--out", default="runs/E1", metavar="DIR", help="runs and figures (default: runs/E1)")
    parser.add_argument("--results", metavar="DIR", help="write page and figures for the documentation here")
    parser.add_argument("--finished", action="store_true", help="train nothing: report the runs that are finished")
    parser.set_defaults(run=run, reproduce=_system_e1, takes_rest=True, scale=1.0)


def _add(systems: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = systems.add_parser(name, help=text, description=text)
    parser.add_argument("--assets", metavar="DIR", help="the rendered head (default: variable KAOIRO_ICT_FACE)")
    parser.add_argument("--sets", metavar="DIR", help="rendered sets; those that lack are made (default: OUT/sets)")
    parser.add_argument(
        "--out", default=f"runs/{name}", metavar="DIR", help=f"runs, sets and figures (default: runs/{name})"
    )
    parser.add_argument("--seeds", type=count, default=3, metavar="N", help="of every recipe (default: 3)")
    parser.add_argument("--budget", type=positive, metavar="HOURS", help="scale every training run to this time")
    parser.add_argument(
        "--scale", type=positive, default=1.0, metavar="S", help="share of the rendered people, at most 1"
    )
    parser.add_argument("--results", metavar="DIR", help="write pages and figures for the documentation here")
    parser.set_defaults(run=run, reproduce=function)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    _need_training()
    out = Path(arguments.out)
    sets = Path(arguments.sets) if arguments.sets else out / "sets"
    arguments.reproduce(arguments, out, sets)
    return 0


def _system_a(arguments: argparse.Namespace, out: Path, sets: Path) -> None:
    from kaoiro.core import modelfile
    from kaoiro.evaluation import report
    from kaoiro.training.reproduce import SETS, Order, merged, system_a

    parts = {"stills": arguments.only != "video", "video": arguments.only != "stills"}
    order = Order(arguments.fer2013, out, sets, arguments.seeds, arguments.budget, **parts)
    if order.video:
        _render(SETS, sets, arguments)
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


def _system_b(arguments: argparse.Namespace, out: Path, sets: Path) -> None:
    from kaoiro.evaluation import exchange_figures
    from kaoiro.evaluation import exchange_report as results
    from kaoiro.training import judging, reproduce_b
    from kaoiro.training.exchange_runs import ROWS, Alike
    from kaoiro.training.exchange_sets import SWAPS
    from kaoiro.training.recogniser import RecogniserConfig

    recognising = None
    if arguments.recognisers is not None:
        recognising = RecogniserConfig(arguments.recognisers, seeds=arguments.recogniser_seeds)
    rows = ROWS if arguments.rows is None else tuple(name.strip() for name in arguments.rows.split(","))
    order = reproduce_b.Order(
        sets,
        out,
        arguments.seeds,
        arguments.folds,
        rows,
        Path(arguments.judge) if arguments.judge else None,
        Alike(
            arguments.budget,
            arguments.proportional,
            arguments.batch,
            arguments.side,
            arguments.width,
            arguments.iterations,
        ),
        training=not arguments.finished,
        people=arguments.people,
        recognising=recognising,
    )
    folders = [out, *([Path(arguments.results)] if arguments.results else [])]
    for folder in folders:
        results.page(results.stored(folder / f"{results.NAME}.json"))  # refuses a damaged file before hours are spent
    if order.training:
        _render((order.people, SWAPS), sets, arguments)
        if reproduce_b.needs_people(order):
            _render([judging.PEOPLE], sets, arguments)

    def write(section: str, figures: dict[str, Any], pictures: Any, complete: bool) -> None:
        """Write what there is into OUT; the documentation gets what is complete, or what `--finished` asked for."""
        for folder in folders if complete or not order.training else folders[:1]:
            exchange_figures.write(folder, pictures, f"rendered people of {order.people} and {SWAPS}")
            results.write(folder, section, figures)

    reproduce_b.system_b(order, write, _tell)
    print((out / f"{results.NAME}.md").read_text(encoding="utf-8"), end="")


def _system_c(arguments: argparse.Namespace, out: Path, sets: Path) -> None:
    from kaoiro.evaluation import system_c as results
    from kaoiro.training.arms import Published, asked
    from kaoiro.training.reproduce_c import Order, system_c

    del sets
    if (arguments.clip is None) != (arguments.merges is None):
        raise InputError("--clip and --merges belong together: weights of CLIP and their tokenizer file")
    order = Order(
        arguments.fer2013,
        out,
        _names(arguments.arms),
        arguments.seeds,
        _names(arguments.folds),
        arguments.budget,
        None if arguments.clip is None else Published(arguments.clip, arguments.merges),
        asked(arguments.rest, partial(changed, listed="kaoiro train language_contrast linear --recipe-help")),
        training=not arguments.finished,
    )
    folders = [out, *([Path(arguments.results)] if arguments.results else [])]
    for folder in folders:
        results.stored(folder)  # refuses a damaged file before hours are spent

    def write(figures: dict[str, Any], complete: bool) -> None:
        """Write what there is into OUT; the documentation gets what is complete, or what `--finished` asked for."""
        for folder in folders if complete or not order.training else folders[:1]:
            results.write(folder, figures)

    system_c(order, write, _tell)
    print((out / f"{results.NAME}.md").read_text(encoding="utf-8"), end="")


def _system_e1(arguments: argparse.Namespace, out: Path, sets: Path) -> None:
    from kaoiro.evaluation import system_e1 as results
    from kaoiro.training.reproduce_e1 import RENDERED, SET, Order, Roots, changes, system_e1, wanted

    roots = Roots(sets / SET, arguments.fer2013, arguments.generated, arguments.london)
    change = partial(changed, listed="kaoiro train staged_transfer compact-fer2013 --recipe-help")
    order = Order(
        roots,
        out,
        wanted(_names(arguments.targets), roots),
        _names(arguments.conditions),
        arguments.seeds,
        not arguments.no_curves,
        arguments.budget,
        arguments.form,
        arguments.weights,
        changes(arguments.form, arguments.rest, change),
        training=not arguments.finished,
    )
    folders = [out, *([Path(arguments.results)] if arguments.results else [])]
    for folder in folders:
        results.stored(folder)  # refuses a damaged file before hours are spent
    if RENDERED in order.targets:
        _render((SET,), sets, arguments)

    def write(figures: dict[str, Any], complete: bool) -> None:
        """Write what there is into OUT; the documentation gets what is complete, or what `--finished` asked for."""
        for folder in folders if complete or not order.training else folders[:1]:
            results.write(folder, figures)

    system_e1(order, write, _tell)
    print((out / f"{results.NAME}.md").read_text(encoding="utf-8"), end="")


def _names(given: Sequence[str]) -> tuple[str, ...]:
    """Return names that were given one by one or with commas between them."""
    return tuple(name.strip() for text in given for name in text.split(",") if name.strip())


def _system_d(arguments: argparse.Namespace, out: Path, sets: Path) -> None:
    from kaoiro.evaluation import system_d as results
    from kaoiro.training.reproduce_d import SET, Order, system_d

    budget = arguments.budget, arguments.every, arguments.steps
    order = Order(sets / SET, out, arguments.seeds, *budget, training=not arguments.finished)
    folders = [out, *([Path(arguments.results)] if arguments.results else [])]
    for folder in folders:
        results.stored(folder / f"{results.NAME}.json")  # refuses a damaged file before hours are spent
    if order.training:
        _render((SET,), sets, arguments)

    def write(section: str, figures: dict[str, Any], complete: bool) -> None:
        """Write what there is into OUT; the documentation gets what is complete, or what `--finished` asked for."""
        for folder in folders if complete or not order.training else folders[:1]:
            results.write(folder, section, figures)

    system_d(order, write, _tell)
    print((out / f"{results.NAME}.md").read_text(encoding="utf-8"), end="")


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


def _render(names: Sequence[str], sets: Path, arguments: argparse.Namespace) -> None:
    """Make the rendered sets that are not there yet."""
    from kaoiro.training.reproduce import finished

    missing = [name for name in names if not finished(sets / name)]
    if not missing:
        return
    need_numba("kaoiro reproduce")
    from kaoiro.synthesis.generate import Order, generate
    from kaoiro.synthesis.world import FaceWorld

    orders = [Order(name, 0, arguments.scale) for name in missing]
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
