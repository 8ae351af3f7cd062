"""`kaoiro report`: what a face showed over long recordings, as one file that opens anywhere."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.analyze import BROKE_OFF, DONE
from kaoiro.cli.numbers import positive
from kaoiro.cli.progress import Progress
from kaoiro.core.errors import OutputError

EVERY_FRAME = "frame"
BLUR_HELP = (
    "hide the people in pictures, as far as they are found, and play no video; look at the report before you show it"
)


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "report", help="shares, episodes and a timeline of long recordings -> one HTML file", description=__doc__
    )
    text = "a video, or the records (.csv, .parquet, .jsonl) that 'kaoiro analyze' wrote; several make a section each"
    parser.add_argument("inputs", nargs="+", metavar="VIDEO|RECORDS", help=text)
    text = "the report; records of videos are kept beside it, in FILE-records"
    parser.add_argument("--out", metavar="FILE", default="report.html", help=f"{text} (default: report.html)")
    text = "the speaker's: auto takes the face that is seen longest; join several by commas (default: auto)"
    parser.add_argument("--track", default="auto", metavar="ID|auto", help=text)
    text = "take the largest face of each sample, whoever it is, as the source of the method does"
    parser.add_argument("--largest", action="store_true", help=text)
    text = "seconds between samples, or 'frame' for every one (default: 0.5)"
    parser.add_argument("--every", type=_step, default=0.5, metavar="SECONDS|frame", help=text)
    text = "the speaker's resting face: a photo, a video or records of it; auto estimates it; adds changes from it"
    parser.add_argument("--baseline", metavar="FILE|auto", help=text)
    text = "what was said (.srt or .vtt); once for each recording"
    parser.add_argument("--transcript", action="append", default=[], metavar="FILE", help=text)
    text = "what happened: a CSV with the columns start_s, label and perhaps end_s; once for each recording"
    parser.add_argument("--events", action="append", default=[], metavar="FILE", help=text)
    text = "noise floors of the model (JSON); without them no line is called a signal"
    parser.add_argument("--noise-floor", metavar="FILE", help=text)
    parser.add_argument("--blur-faces", action="store_true", help=BLUR_HELP)
    parser.add_argument("--lang", choices=("en", "ja"), default="en", help="shown first; the page has both")
    text = "also write tables of shares and episodes, subtitles of episodes, and the transcript joined with shares"
    parser.add_argument("--export", metavar="DIR", help=text)
    parser.add_argument("--model", metavar="NAME|FOLDER", help="measures videos and --baseline (see 'kaoiro models')")
    parser.set_defaults(run=run)


def _step(text: str) -> float | None:
    return None if text == EVERY_FRAME else positive(text)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.inference.report.making import report

    if Path(arguments.out).suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"--out {arguments.out}: the name must end in .html")
    progress = Progress(len(arguments.inputs))
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
            advance=_Advance(progress),
        )
    finally:
        progress.close()
    files = [Path(arguments.out), *(made.export(arguments.export) if arguments.export else [])]
    _tell(made, files)
    return BROKE_OFF if any(one.recorded.note for one in made.recordings) else DONE


class _Advance:
    """Shows the progress of one video after the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._name = progress, ""

    def __call__(self, name: str, done_s: float, length_s: float | None) -> None:
        if name != self._name:
            if self._name:
                self._progress.done()
            self._progress.begin(name)
            self._name = name
        self._progress.advance(done_s, length_s)


def _tell(made: Any, files: list[Path]) -> None:
    count = len(made.recordings)
    print(f"kaoiro: {count} recording{'' if count == 1 else 's'}", file=sys.stderr)
    for one in made.recordings:
        lane = one.speaker.lane
        whose = "largest face" if lane.name == "largest" else f"track {lane.name}"
        seen = f"{whose} seen {100 * lane.coverage:.0f} % of the time"
        print(f"kaoiro: {one.recorded.name}: {seen}, {len(one.speaker.episodes)} episodes", file=sys.stderr)
        if one.recorded.note:
            print(f"kaoiro: {one.recorded.name}: {' '.join(one.recorded.note.split())}", file=sys.stderr)
    if made.mixed_models:
        print("kaoiro: the recordings were measured by different or unknown models; do not compare", file=sys.stderr)
    print(f"kaoiro: {', '.join(map(str, files))}", file=sys.stderr)
