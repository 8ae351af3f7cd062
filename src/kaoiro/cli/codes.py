"""`kaoiro evaluate codes`: what an expression code is worth on real faces."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kaoiro.cli.swap import MODEL_HELP
from kaoiro.core.errors import InputError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this measurement."""
    parser.add_argument("--model", dest="exchange", metavar="NAME|FOLDER", help=MODEL_HELP)
    text = "val = PublicTest, test = PrivateTest; training-val, a tenth of Training, for choices"
    parser.add_argument("--split", choices=("training-val", "val", "test"), default="val", help=text)
    parser.add_argument("--london", metavar="DIR", help="the London set: smiles across people, and carried over")
    parser.add_argument("--swaps", metavar="DIR", help="a syn-swap set: smiles carried over between rendered people")
    text = "reads smiles off faces (default: the default model)"
    parser.add_argument("--reader", metavar="NAME|FOLDER", help=text)
    text = "draw what is made of London's people here; never among results, for these are pictures of people"
    parser.add_argument("--pictures", metavar="DIR", help=text)


def measure(arguments: argparse.Namespace, untrained: Callable[[Any], Any]) -> dict[str, Any]:
    """Measure, and write the section of system B's results where --results asks for it.

    Args:
        arguments: of the command.
        untrained: returns the encoder of an exchanger's network as it was before it learned, or None.

    Raises:
        InputError: options that do not go together.
    """
    from kaoiro.core import modelfile
    from kaoiro.evaluation import exchange_report, real_faces, smile_swaps
    from kaoiro.inference.exchange import Exchanger

    _check(arguments, real_faces.CHOICE)
    if arguments.results:  # refuses a damaged file before minutes are spent
        exchange_report.stored(Path(arguments.results) / f"{exchange_report.NAME}.json")
    exchanger = Exchanger(arguments.exchange, threads=arguments.threads)
    sets = arguments.split, arguments.london, arguments.swaps
    read = smile_swaps.reader(modelfile.load(arguments.reader), arguments.threads) if any(sets[1:]) else None
    found = real_faces.measure(exchanger, arguments.root, *sets, read, untrained(exchanger))
    below = _draw(found, exchanger, arguments)
    if arguments.results:
        exchange_report.write(arguments.results, "real", found.figures | below)
        arguments.results = None  # it has its place on the page of system B
    return found.figures


DRAWN = "real-swaps"
"""Picture beside the results; London's people are drawn where the user says, under the second name."""
PEOPLE = "london-swaps.png"


def _check(arguments: argparse.Namespace, choice: str) -> None:
    if arguments.results and arguments.split == choice:
        raise InputError(f"--results has no meaning beside --split {choice}, on which choices are made")
    if arguments.pictures and not arguments.london:
        raise InputError("--pictures shows people of the London set: name its folder by --london")


def _draw(found: Any, exchanger: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Write pictures; returns what the section says of those that stand below it."""
    from kaoiro.evaluation import real_faces
    from kaoiro.evaluation.exchange_figures import FACES
    from kaoiro.inference.generated import save_picture

    command, about = "evaluate codes", {"model": exchanger.title}
    if arguments.pictures and found.people is not None:
        place = Path(arguments.pictures) / PEOPLE
        save_picture(found.people, place, command, about | {"made of": real_faces.CREDIT})
    if not arguments.results or found.rendered is None:
        return {}
    place = Path(arguments.results) / f"{DRAWN}{FACES}"
    save_picture(found.rendered, place, command, about | {"made of": "rendered people of syn-swap"})
    return {"pictures below": {place.name: "Rendered people at rest, and with the smiles of others."}}
