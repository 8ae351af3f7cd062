"""`kaoiro generate`: faces of nobody that show what you ask for."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import count
from kaoiro.core.errors import InputError, OutputError

_PEOPLE, _FACES = 4, 16
_SHEET = 400  # faces, or people; beyond, pictures grow too large to open


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "generate",
        help="make faces that show what you ask for, of people who do not exist",
        description="Make faces that show what you ask for. They were learned from rendered faces and show nobody, "
        "which their metadata say. What you do not say is as usual with what you say; if you say nothing, every "
        "person shows each of the seven expressions. Expressions act most; a unit that does not belong to the "
        "expression hardly acts. The same seed gives the same people.",
    )
    parser.add_argument("--expression", metavar="LABEL", help="such as happiness")
    parser.add_argument("--valence", type=float, metavar="V", help="-1 (unpleasant) to 1 (pleasant)")
    parser.add_argument("--arousal", type=float, metavar="A", help="-1 (calm) to 1 (excited)")
    parser.add_argument(
        "--au",
        type=_unit,
        action="append",
        default=[],
        metavar="N=I",
        help="intensity 0-1 of an action unit, such as 12=1; may be given several times",
    )
    parser.add_argument(
        "--n", type=count, metavar="N", help=f"faces (default: {_FACES}), or people where nothing is asked ({_PEOPLE})"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="other seeds give other people (default: 0)")
    parser.add_argument("--out", metavar="FILE", help="a PNG (default: faces.png); with --each a folder (faces)")
    parser.add_argument("--each", action="store_true", help="every face as a picture of its own")
    parser.add_argument("--model", metavar="NAME|FOLDER", help="a generator that ships, or the folder of one")
    parser.set_defaults(run=run)


def _unit(text: str) -> tuple[str, float]:
    """Return name and intensity of '12=0.8'."""
    number, _, intensity = text.partition("=")
    with contextlib.suppress(ValueError):
        return f"au_{int(number.strip().lower().removeprefix('au')):02d}", float(intensity)
    raise argparse.ArgumentTypeError(f"must be an action unit and its intensity such as 12=0.8, not {text}")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    target = Path(arguments.out or ("faces" if arguments.each else "faces.png"))
    if not arguments.each and target.suffix.lower() != ".png":
        raise OutputError(f"--out {target}: the name must end in .png; for a folder of single pictures add --each")
    if not 0 <= arguments.seed < 2**32:
        raise InputError(f"--seed must be 0 or more and below 2 to the 32nd, not {arguments.seed}")
    from kaoiro.inference.portraits import Portraits

    said, many = _said(arguments), arguments.n or 0
    if not arguments.each and many > _SHEET:
        raise InputError(f"--n {many}: a sheet has at most {_SHEET} faces; for more add --each")
    if arguments.each and target.exists() and not target.is_dir():
        raise OutputError(f"--out {target} is a file; with --each name a folder")
    portraits = Portraits(arguments.model)
    if portraits.conditional and not said:
        written = _everybody(portraits, arguments, target)
    else:
        written = _alike(portraits, arguments, target, said)
    print(f"kaoiro: {written}; they show nobody", file=sys.stderr)
    return 0


def _said(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what faces are asked to show."""
    names = ("expression", "valence", "arousal")
    said = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    names = [name for name, _ in arguments.au]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"--au {int(twice.removeprefix('au_'))} is given several times; say it once")
    return said | ({"units": dict(arguments.au)} if arguments.au else {})


def _everybody(portraits: Any, arguments: argparse.Namespace, target: Path) -> str:
    """Write people through the seven expressions."""
    from kaoiro.core.labels import FER2013
    from kaoiro.inference import portraits as pictures

    people = portraits.everybody(arguments.n or _PEOPLE, arguments.seed)
    about = _about(portraits, arguments)
    if not arguments.each:
        pictures.save(pictures.sheet(people, FER2013.labels), target, about)
        return f"{len(people)} people with {len(FER2013)} expressions each in {target}"
    for person, faces in enumerate(people):
        for label, face in zip(FER2013.labels, faces, strict=True):
            pictures.save(pictures.single(face), target / f"{person:04d}-{label}.png", about | {"expression": label})
    return f"{len(people)} people with {len(FER2013)} expressions each in {target}"


def _alike(portraits: Any, arguments: argparse.Namespace, target: Path, said: dict[str, Any]) -> str:
    """Write faces that show one thing, or anything where the generator takes no condition."""
    from kaoiro.inference import portraits as pictures

    wished = portraits.condition(**said) if said else None
    faces = portraits.draw(portraits.noise(arguments.n or _FACES, arguments.seed), wished)
    about = _about(portraits, arguments) | portraits.named(wished)
    if not arguments.each:
        pictures.save(pictures.sheet(pictures.in_rows(faces)), target, about)
    else:
        for number, face in enumerate(faces):
            pictures.save(pictures.single(face), target / f"{number:04d}.png", about)
    return f"{len(faces)} face{'s' * (len(faces) > 1)} in {target}"


def _about(portraits: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    return {"generator": portraits.digest, "seed": arguments.seed}
