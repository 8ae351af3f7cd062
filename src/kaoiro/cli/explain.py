"""`kaoiro explain`: where the model looks."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.core.errors import OutputError

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "explain", help="where the model looks in a photo", description=__doc__
    )
    parser.add_argument("photo", metavar="PHOTO", help="a picture with faces")
    parser.add_argument(
        "--show", choices=("attention",), default="attention", help="masks and activation of the eight largest faces"
    )
    parser.add_argument("--out", default="attention.png", metavar="FILE", help="default: attention.png")
    parser.add_argument("--model", metavar="NAME|FOLDER", help="a model that ships (see 'kaoiro models') or a folder")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.core.files import replacing, writing
    from kaoiro.inference.analyzer import Analyzer
    from kaoiro.inference.explain import attention

    target = Path(arguments.out)
    kind = FORMATS.get(target.suffix.lower())
    if kind is None:
        raise OutputError(f"--out {target}: the name must end in {', '.join(FORMATS)}")
    found = attention(Analyzer(arguments.model), arguments.photo, arguments.photo)
    with replacing(target) as partial, writing(target):
        found.sheet().save(partial, kind)
    shown = len(found.records)
    faces = "1 face" if found.found == 1 else f"{found.found} faces"
    print(
        f"kaoiro: {faces if shown == found.found else f'the {shown} largest of {faces}'} in {target}", file=sys.stderr
    )
    return 0
