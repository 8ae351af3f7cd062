"""`kaoiro calibrate-floor`: what a face that does nothing makes recordings differ by."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import positive
from kaoiro.core.errors import InputError

LEVELS = ("low", "medium", "high")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "calibrate-floor",
        help="noise floor of recordings: what a face that does nothing shows",
        description="Write by how much recordings of an unchanged face differ, for each score and length of recording: "
        "from neutral stretches of your own recordings (--own), a bank of rendered ones (--bank), or as it ships.",
    )
    text = "records of two or more neutral recordings of one person, as `kaoiro analyze` wrote them"
    parser.add_argument("--own", nargs="+", default=[], metavar="RECORDS", help=text)
    parser.add_argument("--bank", metavar="FILE", help="bank of scored sessions, as `kaoiro evaluate bank` writes")
    parser.add_argument("--model", metavar="NAME|DIGEST", help="whose scores in the bank (default: its first)")
    parser.add_argument("--level", choices=LEVELS, help="of nuisance (default: all, and 'own' with --own)")
    text = "lengths of recordings to answer (default: 1 5 15 60)"
    parser.add_argument("--minutes", nargs="+", type=positive, metavar="MINUTES", help=text)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of everything that is drawn")
    text = "floor.json, for `kaoiro report --noise-floor` and `kaoiro compare --noise-floor`"
    parser.add_argument("--out", required=True, metavar="FILE", help=text)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.inference import floor
    from kaoiro.timeline.floors import MINUTES

    if arguments.seed < 0:
        raise InputError(f"--seed must be 0 or more, not {arguments.seed}")
    if arguments.model and not arguments.bank:
        raise InputError("--model chooses among the scores of a bank: name it by --bank")
    minutes = tuple(sorted(set(arguments.minutes or MINUTES)))
    own = _own(arguments, minutes) if arguments.own else None
    if arguments.bank:
        from kaoiro.evaluation import bank_floor

        table = bank_floor.floors_of(arguments.bank, arguments.model, arguments.level, minutes, arguments.seed)
    elif own is None or arguments.level or _ships_for(own.digest):
        table = _shipped(arguments, minutes, own)
    else:
        table = own
    if own is not None and table is not own:
        table = floor.joined(table, own)
    table.save(arguments.out)
    _show(table, arguments.out)
    return 0


def _own(arguments: argparse.Namespace, minutes: tuple[float, ...]) -> Any:
    from kaoiro.inference import floor
    from kaoiro.inference.recording import read_recordings

    recorded = [one for path in arguments.own for one in read_recordings(Path(path))]
    return floor.of_recordings(recorded, minutes, arguments.seed)


def _ships_for(digest: str) -> bool:
    from kaoiro.inference import floor

    return floor.load().digest == digest


def _shipped(arguments: argparse.Namespace, minutes: tuple[float, ...], own: Any) -> Any:
    """Return the table that ships, of the levels and lengths asked for."""
    from kaoiro.inference import floor

    table = floor.load(model=None if own is None else own.digest)
    levels = [arguments.level] if arguments.level else list(table.levels)
    return floor.part(table, levels, minutes if arguments.minutes else None)


def _show(table: Any, out: str) -> None:
    """Print the floors of every score by length."""
    from kaoiro.inference.floor import shown

    print(shown(table))
    print(f"kaoiro: wrote {out}", file=sys.stderr)
