"""`kaoiro compare`: did what faces showed change after an event, and is the change more than noise?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kaoiro.cli.analyze import BROKE_OFF, DONE
from kaoiro.cli.measuring import INPUT, Advance, add_measuring, check_page, measuring, tell
from kaoiro.cli.progress import Progress
from kaoiro.cli.recognising import add_recognising, chosen_words, recognising


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "compare",
        help="recordings before and after an event: is a change a signal? -> one HTML file",
        description=__doc__,
    )
    text = "videos, or the records (.csv, .parquet, .jsonl) that 'kaoiro analyze' wrote; a table may hold several"
    parser.add_argument("--before", nargs="+", required=True, metavar=INPUT, help=f"before the event: {text}")
    parser.add_argument("--after", nargs="+", required=True, metavar=INPUT, help="after it, likewise")
    text = "the page; records of videos are kept beside it, in FILE-records"
    parser.add_argument("--out", metavar="FILE", default="compare.html", help=f"{text} (default: compare.html)")
    text = "compare each person with nobody but themselves; without it, all recordings count as one person's"
    parser.add_argument("--by", choices=("person",), help=text)
    text = "who is who: a CSV with the columns recording, person and perhaps track and event; else folders name people"
    parser.add_argument("--people", metavar="FILE", help=text)
    parser.add_argument("--export", metavar="DIR", help="also write tables of changes, recordings and what is left out")
    add_measuring(parser, longest_s=60)
    add_recognising(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.inference.comparison.making import compare

    check_page(arguments.out)
    progress = Progress(len(arguments.before) + len(arguments.after))
    try:
        made = compare(
            arguments.before,
            arguments.after,
            arguments.out,
            by=arguments.by,
            people=arguments.people,
            advance=Advance(progress),
            **measuring(arguments),
            **recognising(arguments),
        )
    finally:
        progress.close()
    files = [Path(arguments.out), *(made.export(arguments.export) if arguments.export else [])]
    for line in (*_told(made), ", ".join(map(str, files))):
        tell(line)
    return BROKE_OFF if any(one.recorded.note for one in made.everything) else DONE


def _told(made: Any) -> Iterator[str]:
    """Yield the lines of the summary, the number of recordings first."""
    from kaoiro.inference.comparison.document import in_words

    yield f"{_count(made)}; {_least(made)}"
    yield from (f"{one.name}: {chosen_words(one.choice)}" for one in made.everything if one.choice is not None)
    changes = made.changes()
    signals = changes[changes["verdict"] == "signal"]
    for line in signals.to_dict("records"):
        yield f"signal: {_change(line)}"
    if not len(signals):
        yield "no change is a signal"
    yield from (in_words(note) for note in made.notes if note.key != "one_person")  # which the first line says


def _count(made: Any) -> str:
    people = f"{len(made.people)} people" if len(made.people) > 1 else "one person"
    return f"{_number(made.before)} before, {made.after} after, of {people}"


def _number(count: int) -> str:
    return f"{count} recording{'' if count == 1 else 's'}"


def _least(made: Any) -> str:
    if made.single:
        return "one against one tells only whether the difference is larger than light and camera make"
    found = f"the smallest p that this many can give is {made.least:.2g}"
    return found if made.possible else f"{found}: no change can be called a signal"


def _change(line: dict[str, Any]) -> str:
    name = {"raw": line["label"], "change": f"{line['label']} against rest"}.get(line["kind"], line["label"])
    if line["kind"] == "signal":
        values = [f"{line[part]:+.3f}" for part in ("difference", "low", "high")]
        floor = f"{line['floor']:.3f}"
    else:
        values = [f"{100 * line[part]:+.2f}" for part in ("difference", "low", "high")]
        floor = f"{100 * line['floor']:.2f} points"
    return f"{name} {values[0]} ({values[1]} to {values[2]}), noise floor {floor}, adjusted p {line['adjusted_p']:.2g}"
