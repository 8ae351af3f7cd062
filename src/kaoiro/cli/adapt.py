"""`kaoiro adapt FOLDER|TABLE`: a model for your own camera, people and labels, from 50 to 1,000 labelled pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import count
from kaoiro.core.errors import OutputError
from kaoiro.core.files import check_file, write_text


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
    from kaoiro.training.adapting import making

    found = making.adapt(
        arguments.root,
        arguments.out,
        labels=arguments.labels,
        model=arguments.model,
        name=arguments.name,
        cut=arguments.cut,
        methods=arguments.methods,
        folds=arguments.folds,
        more=arguments.more,
        seed=arguments.seed,
        threads=arguments.threads,
        tell=lambda line: print(f"kaoiro: {line}", file=sys.stderr),
    )
    from kaoiro.evaluation import confusion_picture
    from kaoiro.training.adapting import told

    if arguments.json is not None:
        write_text(arguments.json, told.as_json(found))
    if arguments.plot is not None:
        confusion_picture.save(told.picture(found), Path(arguments.plot))
    print(told.text(found))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse before the work, not after it, files that cannot be written."""
    if arguments.plot is not None and Path(arguments.plot).suffix.lower() != ".png":
        raise OutputError(f"--plot {arguments.plot}: the name must end in .png")
    for file in (arguments.json, arguments.plot):
        if file is not None:
            check_file(file)
