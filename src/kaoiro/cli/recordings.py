"""`kaoiro evaluate bank` and `kaoiro evaluate recordings`: is a change between long recordings a signal at all?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import count, positive

BANK = "render and score the sessions that noise floors and `evaluate recordings` are measured on"
TEXT = "long recordings of a bank: false alarms, power, and what temperature or model alone change"


def add_bank_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the bank."""
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the bank; goes on where it was left")
    parser.add_argument("--assets", metavar="DIR", help="assets of the rendered world (default: KAOIRO_ICT_FACE)")
    parser.add_argument("--identities", type=count, default=20, metavar="N", help="people (default: 20)")
    parser.add_argument("--sessions", type=count, default=12, metavar="N", help="of each at a level (default: 12)")
    text = "draw sessions of this level alone now; others that are there stay"
    parser.add_argument("--level", choices=("low", "medium", "high"), help=text)
    parser.add_argument("--seconds", type=positive, default=10.0, metavar="S", help="of a session (default: 10)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of everything that is drawn")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the experiments."""
    parser.add_argument("--bank", required=True, metavar="FILE", help="Parquet file of `kaoiro evaluate bank`")
    text = "replicates of each figure (default: 500)"
    parser.add_argument("--replicates", type=count, default=500, metavar="N", help=text)
    text = "lengths of recordings (default: 5 15 30 60 120)"
    parser.add_argument("--minutes", nargs="+", type=positive, default=[5.0, 15.0, 30.0, 60.0, 120.0], help=text)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of everything that is drawn")


def bank(arguments: argparse.Namespace) -> dict[str, Any]:
    """Make a bank, and return what it consists of."""
    from kaoiro.cli.synth import need_numba

    need_numba("kaoiro evaluate bank")
    from kaoiro.evaluation import bank as banks
    from kaoiro.evaluation import banked

    numbers = arguments.identities, arguments.sessions, arguments.seconds
    config = banks.BankConfig(*numbers, seed=arguments.seed)
    path = banks.make(arguments.out, config, arguments.assets, arguments.threads or 1, _tell, arguments.level)
    made = banked.read(path)
    return {"bank": str(path), "scored by": made.model, "levels": made.levels, **made.about}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the experiments; with --results, write page, figures and pictures."""
    from kaoiro.evaluation import banked, recordings, recordings_page

    config = recordings.RecordingsConfig(
        minutes=tuple(sorted(set(arguments.minutes))), replicates=arguments.replicates, seed=arguments.seed
    )
    chosen = banked.read(arguments.bank)
    others = [banked.read(arguments.bank, name) for name in banked.models(arguments.bank)[1:]]
    figures = recordings.measure(chosen, others, config, _tell)
    if arguments.results:
        recordings_page.write(Path(arguments.results), figures)
        arguments.results = None  # its page is its own
    return recordings_page.summary(figures)


def _tell(line: str) -> None:
    print(f"kaoiro: {line}", file=sys.stderr, flush=True)
