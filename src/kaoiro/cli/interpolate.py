"""`kaoiro interpolate A B`: the face of A on its way from its own expression to that of B."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.choosing import pair
from kaoiro.cli.numbers import count, positive, strength
from kaoiro.cli.swap import FACE_HELP, MODEL_HELP, STRENGTH_HELP, two_faces
from kaoiro.core.errors import InputError, OutputError

_RATE = 10.0  # steps a second of a video


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "interpolate",
        help="a face on its way to the expression of another",
        description="Draw the face of A with expressions between its own and that of B, in equal steps of the "
        "expression code; where the strength is above 1, beyond that of B. The picture or video says in its metadata "
        "that it is generated.",
    )
    parser.add_argument("a", metavar="A", help="photo of the person, with the expression to begin with")
    parser.add_argument("b", metavar="B", help="photo with the expression to end with, of anybody")
    parser.add_argument("--steps", type=int, default=11, metavar="N", help="both ends included (default: 11)")
    parser.add_argument("--strength", type=strength, metavar="N", help=f"of the last step; {STRENGTH_HELP}")
    parser.add_argument("--out", default="strip.png", metavar="FILE", help="a PNG or MP4 (default: strip.png)")
    parser.add_argument("--rate", type=positive, metavar="N", help=f"steps a second of an MP4 (default: {_RATE:g})")
    parser.add_argument("--face", type=pair, metavar="N[,M]", help=FACE_HELP)
    parser.add_argument("--model", metavar="NAME|FOLDER", help=MODEL_HELP)
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads for the networks")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    target = Path(arguments.out)
    kind = target.suffix.lower()
    _check(arguments, target, kind)
    from kaoiro.inference.exchange import Exchanger
    from kaoiro.inference.generated import save_picture, save_video, strip

    exchanger = Exchanger(arguments.model, threads=arguments.threads)
    how = exchanger.description.strength if arguments.strength is None else arguments.strength
    first, last = two_faces(exchanger, arguments.a, arguments.b, arguments.face)
    faces = exchanger.interpolate(first, last, arguments.steps, how)
    about = {"model": exchanger.title, "steps": arguments.steps, "strength": how}
    if kind == ".mp4":
        save_video(faces, target, arguments.rate or _RATE, "interpolate", about)
    else:
        save_picture(strip(faces, how), target, "interpolate", about)
    print(f"kaoiro: {len(faces)} steps in {target}; they are generated", file=sys.stderr)
    return 0


def _check(arguments: argparse.Namespace, target: Path, kind: str) -> None:
    """Refuse what cannot be written, before anything is opened.

    Raises:
        KaoiroError: names the argument.
    """
    from kaoiro.inference.generated import MOST_STEPS

    if kind not in (".png", ".mp4"):
        raise OutputError(f"--out {target}: the name must end in .png or .mp4")
    if arguments.steps < 2:
        raise InputError(f"--steps must be 2 or more, not {arguments.steps}")
    if kind == ".png" and arguments.steps > MOST_STEPS:
        raise InputError(f"--steps must be {MOST_STEPS} or less in a PNG, not {arguments.steps}; an MP4 takes more")
    if kind == ".png" and arguments.rate is not None:
        raise InputError("--rate is for videos; let --out end in .mp4")
