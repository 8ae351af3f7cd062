"""`kaoiro report`: what a face showed over long recordings, as one file that opens anywhere."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.analyze import BROKE_OFF, DONE
from kaoiro.cli.measuring import INPUT, Advance, add_measuring, check_page
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
    add_measuring(parser)
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
            track=arguments.track,
            largest=arguments.largest,
            every=arguments.every,
            baseline=arguments.baseline,
            transcripts=arguments.transcript,
            events=arguments.events,
            noise_floor=arguments.noise_floor,
            blur_faces=arguments.blur_faces,
            language=arguments.lang,
            model=arguments.model,
            out=arguments.out,
            advance=Advance(progress),
            **recognising(arguments),
        )
    finally:
        progress.close()
    files = [Path(arguments.out), *(made.export(arguments.export) if arguments.export else [])]
    _tell(made, files)
    return BROKE_OFF if any(one.recorded.note for one in made.recordings) else DONE


def _tell(made: Any, files: list[Path]) -> None:
    count = len(made.recordings)
    print(f"kaoiro: {count} recording{'' if count == 1 else 's'}", file=sys.stderr)
    for one in made.recordings:
        lane = one.speaker.lane
        whose = "largest face" if lane.name == "largest" else f"track {lane.name}"
        seen = f"{whose} seen {100 * lane.coverage:.0f} % of the time"
        print(f"kaoiro: {one.recorded.name}: {seen}, {len(one.speaker.episodes)} episodes", file=sys.stderr)
        if one.choice is not None:
            print(f"kaoiro: {one.recorded.name}: track {lane.name} {chosen_words(one.choice)}", file=sys.stderr)
        if one.recorded.note:
            print(f"kaoiro: {one.recorded.name}: {' '.join(one.recorded.note.split())}", file=sys.stderr)
    if made.mixed_models:
        print("kaoiro: the recordings were measured by different or unknown models; do not compare", file=sys.stderr)
    print(f"kaoiro: {', '.join(map(str, files))}", file=sys.stderr)
