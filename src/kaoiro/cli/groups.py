"""`kaoiro audit groups` and `kaoiro evaluate groups`: does a model err more often on some groups of people?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import count
from kaoiro.core.errors import InputError, OutputError

TEXT = "error, calibration and abstention by group (age, gender, …), with intervals and tests"
MEASURED = "the same of the London set by age, gender and ethnicity, and of rendered people by skin tone"
_FEWEST = 200
"""Draws by which ends of an interval of 95 % hang on more than a few."""
_ENOUGH = 10  # metrics.groups.ENOUGH, which is not imported where only options are read


def add_parser(kinds: Any) -> None:
    """Add `kaoiro audit groups`."""
    parser: argparse.ArgumentParser = kinds.add_parser("groups", help=TEXT, description=f"Compare {TEXT}.")
    parser.add_argument("records", nargs="+", metavar="RECORDS", help="tables that `kaoiro analyze` wrote")
    text = "CSV or Parquet: source (or path, file), perhaps person, perhaps expression (the true one), groups"
    parser.add_argument("--groups", required=True, metavar="FILE", help=text)
    text = "columns that make groups (default: all that can); numbers in bands: age:25/40, or age:q4 for quarters"
    parser.add_argument("--by", metavar="COLUMN,...", help=text)
    text = "column of the true expressions (default: truth, expression or label); without one, scores are compared"
    parser.add_argument("--truth", metavar="COLUMN", help=text)
    text = "confidence below which an answer counts as none (default: 0.5)"
    parser.add_argument("--least", type=_share, default=0.5, metavar="PROBABILITY", help=text)
    parser.add_argument("--json", metavar="FILE", help="write all figures to this file")
    parser.add_argument("--csv", metavar="FILE", help="write all figures to this file, one a row")
    parser.add_argument("--plot", metavar="FILE.png", help="draw figures with their intervals")
    parser.add_argument("--results", metavar="DIR", help="write groups-NAME.md, .json and .png here, by --groups' name")
    _add_draws(parser)
    parser.set_defaults(run=run)


def _add_draws(parser: argparse.ArgumentParser) -> None:
    text = "of people for intervals, and as many rearrangements for p (default: 10000)"
    parser.add_argument("--draws", type=_draws, default=10_000, metavar="N", help=text)
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="of draws (default: 0)")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `kaoiro evaluate groups`."""
    parser.add_argument("--london", required=True, metavar="DIR", help="folder of the London set")
    text = "assets of the rendered world (`kaoiro synth prepare`)"
    parser.add_argument("--face", required=True, metavar="DIR", help=text)
    text = f"rendered people, {_ENOUGH} or more (default: 40)"
    parser.add_argument("--people", type=_people, default=40, metavar="N", help=text)
    parser.add_argument("--card", action="store_true", help="write figures and a statement into the model's card, too")
    _add_draws(parser)


def _share(text: str) -> float:
    try:
        if 0 <= (value := float(text)) <= 1:
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not {text}")


def _draws(text: str) -> int:
    if (number := count(text)) >= _FEWEST:
        return number
    raise argparse.ArgumentTypeError(f"must be {_FEWEST} or more: fewer draws tell no ends of an interval; not {text}")


def _people(text: str) -> int:
    if (number := count(text)) >= _ENOUGH:
        return number
    raise argparse.ArgumentTypeError(f"must be {_ENOUGH} or more: of fewer people nothing is said; not {text}")


def _seed(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) < 2**32:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number of 0 or more and below 2 to the 32nd, not {text}")


def run(arguments: argparse.Namespace) -> int:
    """Run `kaoiro audit groups`."""
    from kaoiro.core.files import write_text
    from kaoiro.evaluation.groups import documents, page, picture
    from kaoiro.evaluation.groups.making import audited, write

    _check_endings(arguments)
    by = () if arguments.by is None else _columns(arguments.by)
    settings = arguments.least, arguments.draws, arguments.seed
    made = audited(list(map(Path, arguments.records)), Path(arguments.groups), by, arguments.truth, *settings)
    if arguments.json is not None:
        write_text(arguments.json, documents.as_json(made.plain()))
    if arguments.csv is not None:
        documents.write_csv(arguments.csv, made.audit)
    if arguments.plot is not None:
        picture.write(arguments.plot, picture.figure(made.title, made.audit))
    if arguments.results is not None:
        write(Path(arguments.results), made)
    for note in made.notes:
        print(f"kaoiro: {note}", file=sys.stderr)
    print(f"{page.text(made.audit)}\n\n{page.EXPLAINED}")
    return 0


def _columns(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise InputError("--by names no column; leave it out to take all that make groups")
    columns = [name.rpartition(":")[0] or name for name in names]
    twice = [name for place, name in enumerate(columns) if name in columns[:place]]
    if twice:
        raise InputError(f"--by names a column twice: {twice[0]}")
    return names


def _check_endings(arguments: argparse.Namespace) -> None:
    for flag, name, suffix in (("--csv", arguments.csv, ".csv"), ("--plot", arguments.plot, ".png")):
        if name is not None and Path(name).suffix.lower() != suffix:
            raise OutputError(f"{flag} {name}: the name must end in {suffix}")


def measure(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure the London set and rendered skin tones, for `kaoiro evaluate groups`."""
    from kaoiro.cli.synth import need_numba

    need_numba("kaoiro evaluate groups")
    from kaoiro.evaluation.groups import card, portraits, published, tones
    from kaoiro.synthesis import assets
    from kaoiro.synthesis.world import FaceWorld

    world = FaceWorld(assets.load(arguments.face))
    options = {"draws": arguments.draws, "seed": arguments.seed}
    london = portraits.audited(model, arguments.london, threads=arguments.threads, **options)
    rendered = tones.audited(model, world, arguments.people, threads=arguments.threads, **options)
    if arguments.results:
        published.write(Path(arguments.results), model, london, rendered)
        arguments.results = None  # its page is its own
    if arguments.card:
        card.write(model, london, rendered)
    return published.summary(model, london, rendered)
