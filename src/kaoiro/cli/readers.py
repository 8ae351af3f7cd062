"""`kaoiro evaluate readers`: what words need beside the model, learned and measured on rendered people."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import count
from kaoiro.core.errors import InputError, MissingExtra

TEXT = "closed eyes, winks, yawns, actions of one side, which words need: --root is a rendered syn-acts set"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `kaoiro evaluate readers`."""
    parser.add_argument("--london", metavar="DIR", help="the London set: how often readers are wrong on portraits")
    parser.add_argument("--fer2013", metavar="DIR", help="official files: how often they say yes to photographs")
    text = "learn them anew from the people of 'train' (minutes), and keep them in the package"
    parser.add_argument("--write", action="store_true", help=text)
    parser.add_argument("--epochs", type=count, metavar="N", help="with --write: passes over the faces (default: 60)")
    parser.add_argument("--choose", action="store_true", help="measure on the people of 'val', nothing of 'test'")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Learn the readers where --write asks for it, and measure them.

    Raises:
        InputError: no readers are in the package; --choose beside --results; --epochs without --write.
    """
    from kaoiro.evaluation import readers as sides
    from kaoiro.inference.words import readers

    if arguments.choose and arguments.results:
        raise InputError("--choose is for choices: what it measures belongs into no --results")
    if arguments.epochs is not None and not arguments.write:
        raise InputError("--epochs says how long to learn: give it together with --write")
    if arguments.write:
        _learn(arguments)
    found, split = readers.shipped(), "val" if arguments.choose else "test"
    if found is None:
        raise InputError(f"no readers are in the package; learn them: {readers.TRAIN}")
    figures: dict[str, Any] = {
        "readers_sha256": found.digest,
        "people": split,
        "half-closed against open eyes: AUC of AU 43": sides.half_closed(found, arguments.root, split),
        "rendered people": sides.measure(found, arguments.root, split),
    }
    part = "development" if arguments.choose else "report"
    figures |= {} if arguments.london is None else sides.portraits(found, arguments.london, part)
    if arguments.fer2013 is not None:
        figures["photographs from the web (FER2013, PublicTest)"] = sides.photographs(found, arguments.fer2013)
    if arguments.write and not arguments.choose:
        sides.add_numbers(figures["rendered people"])
    if arguments.results:
        sides.write(Path(arguments.results), figures)
        arguments.results = None  # its page is its own
    return figures


def _learn(arguments: argparse.Namespace) -> None:
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtra("kaoiro evaluate readers --write", "train") from error
    from kaoiro.evaluation import readers as sides
    from kaoiro.training import readers

    config = readers.ReaderConfig() if arguments.epochs is None else readers.ReaderConfig(epochs=arguments.epochs)
    seen = sides.seen(arguments.root, "train")
    network = readers.fit(seen, config, lambda line: print(line, file=sys.stderr, flush=True), arguments.threads)
    sides.keep(readers.graph(network), readers.settings(config), arguments.root)
