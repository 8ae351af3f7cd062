"""`kaoiro swap IDENTITY EXPRESSION`: the face of one photo with the expression of another."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.choosing import chosen, pair
from kaoiro.cli.numbers import count, strength
from kaoiro.core.errors import OutputError

MODEL_HELP = "a model that exchanges expressions: one that ships, or the folder that training wrote"
STRENGTH_HELP = (
    "how much of the expression: 0 the person's own, 1 that of the other photo, up to 3 (default: the model's own)"
)
FACE_HELP = "which face of each picture, from 0, the largest (default); or one number for each picture, such as 0,2"


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "swap",
        help="the face of one photo with the expression of another",
        description="Draw the face of IDENTITY with the expression of EXPRESSION, as far as a small network can. The "
        "picture says in its metadata that it is generated.",
    )
    parser.add_argument("identity", metavar="IDENTITY", help="photo of the person")
    parser.add_argument("expression", metavar="EXPRESSION", help="photo with the expression, of anybody")
    parser.add_argument("--out", default="swap.png", metavar="FILE", help="a PNG (default: swap.png)")
    parser.add_argument("--beside", action="store_true", help="draw both faces, as the model sees them, beside it")
    parser.add_argument("--strength", type=strength, metavar="N", help=STRENGTH_HELP)
    parser.add_argument("--face", type=pair, metavar="N[,M]", help=FACE_HELP)
    parser.add_argument("--model", metavar="NAME|FOLDER", help=MODEL_HELP)
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads for the networks")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    target = Path(arguments.out)
    if target.suffix.lower() != ".png":
        raise OutputError(f"--out {target}: the name must end in .png")
    from kaoiro.inference.exchange import Exchanger
    from kaoiro.inference.generated import beside, save_picture
    from kaoiro.inference.portraits import single

    exchanger = Exchanger(arguments.model, threads=arguments.threads)
    identity, expression = two_faces(exchanger, arguments.identity, arguments.expression, arguments.face)
    how = exchanger.description.strength if arguments.strength is None else arguments.strength
    (made,) = exchanger.swap(identity, expression, how)
    picture = beside(identity, expression, made) if arguments.beside else single(made)
    save_picture(picture, target, "swap", {"model": exchanger.title, "strength": how})
    print(f"kaoiro: {target}; it is generated", file=sys.stderr)
    return 0


def two_faces(exchanger: Any, first: str, second: str, asked: tuple[int, int] | None) -> tuple[Any, Any]:
    """Return the crops of one face of each of two photos.

    Raises:
        InputError: a photo cannot be read or shows no such face.
    """
    which = asked or (0, 0)
    found = exchanger.faces(first), exchanger.faces(second)
    one, other = (chosen(*each, asked is not None) for each in zip(found, which, strict=True))
    return one, other
