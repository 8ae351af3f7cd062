"""`kaoiro report`: what a face showed over long recordings, as one file that opens anywhere."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kaoiro.cli.analyze import BROKE_OFF, DONE
from kaoiro.cli.measuring import INPUT, Advance, add_measuring, check_page, measuring, tell
from kaoiro.cli.progress import Progress
from kaoiro.cli.recognising import add_recognising, chosen_words, recognising

BLUR_HELP = (
    "hide the people in pictures, as far as they are found, and play no video; look at the report before you show it"
)


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "report", help="shares, episodes and a timeline of long recordings -> one HTML file", description=__doc__
    )
    text = "a video, or the records (.csv, .parquet, .jsonl) that 'kaoiro analyze' wrote; several make a section each"
    parser.add_argument("inputs", nargs="+", metavar=INPUT, help=text)
    text = "the report; records of videos are kept beside it, in FILE-records"
    parser.add_argument("--out", metavar="FILE", default="report.html", help=f"{text} (default: report.html)")
    text = "what was said (.srt or .vtt); once for each recording"
    parser.add_argument("--transcript", action="append", default=[], metavar="FILE", help=text)
    text = "what happened: a CSV with the columns start_s, label and perhaps end_s; once for each recording"
    parser.add_argument("--events", action="append", default=[], metavar="FILE", help=text)
    parser.add_argument("--blur-faces", action="store_true", help=BLUR_HELP)
    text = "also write tables of shares and episodes, subtitles of episodes, and the transcript joined with shares"
    parser.add_argument("--export", metavar="DIR", help=text)
    add_measuring(parser, longest_s=10)
    add_recognising(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.inference.report.making import report

    check_page(arguments.out)
    progress = Progress(len(arguments.inputs) * (2 if arguments.speaker else 1))  # who is who takes time, too
    try:
        made = report(
            arguments.inputs,
            transcripts=arguments.transcript,
            events=arguments.events,
            blur_faces=arguments.blur_faces,
            out=arguments.out,
            advance=Advance(progress),
            **measuring(arguments),
            **recognising(arguments),
        )
    finally:
        progress.close()
    files = [Path(arguments.out), *(made.export(arguments.export) if arguments.export else [])]
    _tell(made, files)
    return BROKE_OFF if any(one.recorded.note for one in made.recordings) else DONE


def _tell(made: Any, files: list[Path]) -> None:
    from kaoiro.inference.report.notes import in_words

    count = len(made.recordings)
    tell(f"{count} recording{'' if count == 1 else 's'}")
    for one in made.recordings:
        lane, name = one.speaker.lane, one.recorded.name
        whose = "largest face" if lane.name == "largest" else f"track {lane.name}"
        episodes = len(one.speaker.episodes)
        counted = f"{episodes} episode{'' if episodes == 1 else 's'}"
        tell(f"{name}: {whose} seen {100 * lane.coverage:.0f} % of the time, {counted}")
        if one.choice is not None:
            tell(f"{name}: track {lane.name} {chosen_words(one.choice)}")
        for note in one.told:
            tell(f"{name}: {in_words(note)}")
    if made.mixed_models:
        tell("the recordings were measured by different or unknown models; do not compare")
    tell(", ".join(map(str, files)))
