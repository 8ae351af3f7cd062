"""`kaoiro explain`: where the model looks, and which action units carry what it says."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from kaoiro.core.errors import InputError, OutputError

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
KINDS = ("attention", "aus")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "explain", help="where the model looks in a photo, and which action units speak", description=__doc__
    )
    parser.add_argument("photo", metavar="PHOTO", help="a picture with faces")
    parser.add_argument(
        "--show",
        type=_kinds,
        default=("attention",),
        metavar="attention,aus",
        help="of the eight largest faces, attention (default): masks and activation; aus: action units, beside what "
        "two prototype tables expect of the expression; or both",
    )
    parser.add_argument("--out", metavar="FILE", help="default: attention.png, aus.png or attention-aus.png")
    parser.add_argument(
        "--json",
        action="store_true",
        help="action units machine-readable, to standard output; a picture only with --out",
    )
    parser.add_argument("--model", metavar="NAME|FOLDER", help="a model that ships (see 'kaoiro models') or a folder")
    parser.set_defaults(run=run)


def _kinds(text: str) -> tuple[str, ...]:
    """Return what is to be shown, in a fixed order."""
    asked = text.split(",")
    if not set(asked) <= set(KINDS):
        raise argparse.ArgumentTypeError(f"must be some of {', '.join(KINDS)}, joined by commas, not {text}")
    return tuple(kind for kind in KINDS if kind in asked)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.core.files import replacing, writing
    from kaoiro.inference.analyzer import Analyzer
    from kaoiro.inference.explain import attention, stacked
    from kaoiro.inference.unit_sheet import units

    told = arguments.json and arguments.out is None
    target = Path(arguments.out or f"{'-'.join(arguments.show)}.png")
    kind = FORMATS.get(target.suffix.lower())
    if kind is None:
        raise OutputError(f"--out {target}: the name must end in {', '.join(FORMATS)}")
    if arguments.json and "aus" not in arguments.show:
        raise InputError("--json tells action units; add --show aus")
    explained: list[Any] = []
    analyzer, photo = Analyzer(arguments.model), arguments.photo
    if "attention" in arguments.show:
        explained.append(attention(analyzer, photo, photo))
    if "aus" in arguments.show:
        explained.append(units(analyzer, photo, photo))
        print(_document(explained[-1], photo, analyzer.model.name) if arguments.json else explained[-1].text())
    if told:
        return 0
    with replacing(target) as partial, writing(target):
        stacked([one.sheet() for one in explained]).save(partial, kind)
    _summarise(explained[0], target)
    return 0


def _document(found: Any, photo: str, model: str) -> str:
    return json.dumps(
        {"photo": photo, "model": model, "found": found.found, "faces": found.values()}, ensure_ascii=False, indent=2
    )


def _summarise(explained: Any, target: Path) -> None:
    shown, found = len(explained.records), explained.found
    faces = "1 face" if found == 1 else f"{found} faces"
    print(f"kaoiro: {faces if shown == found else f'the {shown} largest of {faces}'} in {target}", file=sys.stderr)
