"""`kaoiro adapt FOLDER|TABLE`: a model for your own camera, people and labels, from 50 to 1,000 labelled pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import count
from kaoiro.core.errors import MissingExtra, OutputError


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "adapt",
        help="fit a model to your own labelled pictures, and tell what that is worth",
        description="Choose by cross-validation between leaving a model alone, new last layers and tuning its network; "
        "write the winner as a model folder. It is never one that is worse than before on your pictures.",
    )
    parser.add_argument("root", metavar="FOLDER|TABLE", help="FOLDER/LABEL/picture, or a table: path,label[,person]")
    parser.add_argument("--labels", metavar="FILE", help="table of the pictures in FOLDER: path,label[,person]")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the new model")
    parser.add_argument("--model", metavar="NAME|FOLDER", help="what to begin with (default: the default model)")
    parser.add_argument("--name", help="of the new model (default: the folder's name)")
    text = "cut the largest face out of each picture (detect, default), or take pictures as crops (whole)"
    parser.add_argument("--cut", choices=("detect", "whole"), default="detect", help=text)
    text = "what to try, with commas: shift, head, last, all (default: all of them)"
    parser.add_argument("--methods", metavar="NAME,...", help=text)
    parser.add_argument("--folds", type=count, default=5, metavar="N", help="of the cross-validation (default: 5)")
    text = "tell what N more pictures would bring (default: 200)"
    parser.add_argument("--more", type=count, default=200, metavar="N", help=text)
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="of folds and training (default: 0)")
    parser.add_argument("--json", metavar="FILE", help="write all figures to this file")
    parser.add_argument("--plot", metavar="FILE.png", help="draw confusion before and after")
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads")
    parser.set_defaults(run=run)


def _seed(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) < 2**32:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number of 0 or more and below 2 to the 32nd, not {text}")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    _check(arguments)
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtra("kaoiro adapt", "train") from error
    from kaoiro.core import modelfile
    from kaoiro.core.files import write_text
    from kaoiro.data.datasets import own_labels
    from kaoiro.evaluation import confusion_picture
    from kaoiro.training.adapting import told
    from kaoiro.training.adapting.adapt import AdaptConfig, adapt, method_names
    from kaoiro.training.adapting.candidates import NAMES

    model, own = modelfile.load(arguments.model), own_labels.read(arguments.root, arguments.labels)
    methods = NAMES if arguments.methods is None else tuple(method_names(arguments.methods))
    values = (arguments.folds, arguments.more, arguments.seed, arguments.threads)
    found = adapt(own, model, Path(arguments.out), AdaptConfig(arguments.cut, methods, *values), arguments.name)
    for line in told.warnings(found):
        print(f"kaoiro: {line}", file=sys.stderr)
    if arguments.json is not None:
        write_text(arguments.json, told.as_json(found))
    if arguments.plot is not None:
        confusion_picture.save(told.picture(found), Path(arguments.plot))
    print(told.text(found))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.plot is not None and Path(arguments.plot).suffix.lower() != ".png":
        raise OutputError(f"--plot {arguments.plot}: the name must end in .png")
    out = Path(arguments.out)
    if (out / "model.json").is_file():
        raise OutputError(f"--out {out}: there is a model already; name another folder, or delete it")
