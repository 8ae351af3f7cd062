"""`kaoiro evaluate verification`: does an encoder tell who somebody is?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kaoiro.cli.swap import MODEL_HELP

TEXT = "does an encoder of identity, or a face recogniser, tell who somebody is: two photographs of each person"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this measurement."""
    parser.add_argument("--london", required=True, metavar="DIR", help="folder of the London set")
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--model", dest="exchange", metavar="NAME|FOLDER", help=MODEL_HELP)
    text = "a face recogniser instead: an ONNX file, as of 'kaoiro report --recogniser'"
    whose.add_argument("--recogniser", metavar="FILE", help=text)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure, and write the results where --results asks for them.

    Raises:
        InputError: a model without a code of identity.
    """
    from kaoiro.evaluation import verification
    from kaoiro.inference.exchange import Exchanger, shipped
    from kaoiro.inference.identity import IdentityEncoder
    from kaoiro.inference.recogniser import Recogniser

    if arguments.recogniser:
        encoder: Any = Recogniser(arguments.recogniser, arguments.threads)
        name = f"{verification.NAME}-{encoder.path.stem}"
    else:
        encoder = IdentityEncoder(Exchanger(arguments.exchange, threads=arguments.threads))
        ships = encoder.exchanger.folder in shipped().values()
        name = verification.NAME if ships else f"{verification.NAME}-{encoder.exchanger.description.name}"
    figures = verification.measure(encoder, arguments.london, threads=arguments.threads)
    if arguments.results:
        verification.write(Path(arguments.results), name, figures)
        arguments.results = None  # its page is its own
    return figures
