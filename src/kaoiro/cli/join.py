"""`kaoiro join MODEL MODEL ...`: one model folder that answers the heads of several."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kaoiro.core.errors import MissingExtra


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "join",
        help="make one model of several",
        description="Write a model folder that answers the expressions of the first model and the other heads of all.",
    )
    parser.add_argument("models", nargs="+", metavar="MODEL", help="name or folder; expressions are those of the first")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the new model")
    parser.add_argument("--name", help="of the new model (default: the folder's name)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingExtra("kaoiro join", "train") from error
    from kaoiro.core import modelfile
    from kaoiro.training.join import join

    out = Path(arguments.out)
    model = join([modelfile.load(name) for name in arguments.models], out, arguments.name or out.name)
    print(f"{model.path}: {', '.join(head.name for head in model.specification.heads)}")
    return 0
