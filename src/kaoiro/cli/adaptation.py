"""`kaoiro evaluate adapt`: adaptation to a few pictures, measured on people that nothing was learned from."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import count, whole
from kaoiro.core.errors import InputError, MissingExtra

TEXT = "adaptation to a few pictures of each of several targets, beside training on everything together"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `kaoiro evaluate adapt`."""
    text = "official files: PublicTest made worse is a target; rivals learn from Training"
    parser.add_argument("--fer2013", metavar="DIR", help=text)
    text = "a rendered syn-ward set; with --choose a syn-id set"
    parser.add_argument("--rendered", metavar="DIR", help=text)
    parser.add_argument("--generated", metavar="DIR", help="DiffusionFER: the half on which nothing was chosen")
    parser.add_argument("--london", metavar="DIR", help="the London set: smiling and neutral portraits")
    text = "rendered, degraded, generated, london, with commas (default: those whose folders are named)"
    parser.add_argument("--targets", metavar="NAME,...", help=text)
    text = "to learn from (default: 200, or all that there are)"
    parser.add_argument("--pictures", type=count, default=200, metavar="N", help=text)
    parser.add_argument("--seeds", type=count, default=3, metavar="N", help="draws of pictures (default: 3)")
    text = "of these, how many are also given to training on everything together (default: all)"
    parser.add_argument("--rival-seeds", type=whole, metavar="N", help=text)
    text = "further numbers of pictures, of the first target, with one draw"
    parser.add_argument("--curve", nargs="+", type=count, default=[], metavar="N", help=text)
    text = "keeps what is finished, which is not done again (default: runs/adapt)"
    parser.add_argument("--out", default="runs/adapt", metavar="DIR", help=text)
    parser.add_argument("--finished", action="store_true", help="train nothing: report the runs that are finished")
    text = "compare settings of tuning on people of --rendered and half of --generated instead"
    parser.add_argument("--choose", action="store_true", help=text)


def measure(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure, and write the page where --results asks for it.

    Raises:
        DataError: a folder is missing or not in the documented layout.
        InputError: no target, or an unknown one.
    """
    try:
        import onnx  # noqa: F401
        import torch
    except ImportError as error:
        raise MissingExtra("kaoiro evaluate adapt", "train") from error
    from kaoiro.evaluation import adapt_page
    from kaoiro.training.transfer.adapt_measure import measure as measured
    from kaoiro.training.transfer.adapt_runs import Order
    from kaoiro.training.transfer.targets import Roots

    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    if arguments.choose:
        return _choose(model, arguments)
    roots = Roots(arguments.rendered, arguments.fer2013, arguments.generated, arguments.london)
    seeds, rivals = arguments.seeds, arguments.rival_seeds
    order = Order(
        roots,
        Path(arguments.out),
        _targets(arguments),
        arguments.pictures,
        seeds,
        seeds if rivals is None else rivals,
        tuple(arguments.curve),
        arguments.threads,
        training=not arguments.finished,
    )
    figures = measured(model, order, _tell)
    if arguments.results:
        figures = adapt_page.write(arguments.results, figures)
        arguments.results = None  # its page is its own
    return figures


def _targets(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the targets asked for, or all whose folders are named.

    Raises:
        InputError: none, or an unknown one.
    """
    from kaoiro.training.transfer.targets import NAMES

    if arguments.targets is None:
        folders = {"degraded": arguments.fer2013} | {name: vars(arguments).get(name) for name in NAMES[:1] + NAMES[2:]}
        found = tuple(name for name in NAMES if folders[name] is not None)
    else:
        found = tuple(dict.fromkeys(name.strip() for name in arguments.targets.split(",") if name.strip()))
    unknown = [name for name in found if name not in NAMES]
    if unknown or not found:
        told = f"no target '{', '.join(unknown)}'" if unknown else "no target"
        raise InputError(f"{told}; there are: {', '.join(NAMES)}, each with the folder of its data")
    return found


def _choose(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.training.transfer.settings import compare

    if arguments.rendered is None or arguments.generated is None:
        raise InputError("--choose compares on --rendered, a syn-id set, and --generated, DiffusionFER: name both")
    arguments.what += "-choice"  # the name of its results
    return compare(model, arguments.rendered, arguments.generated, Path(arguments.out), _tell)


def _tell(line: str) -> None:
    print(f"kaoiro: {line}", file=sys.stderr, flush=True)
