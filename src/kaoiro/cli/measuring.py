"""What `kaoiro report` and `kaoiro compare` ask alike: whose face, measured how, on which page; and their progress."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import positive
from kaoiro.cli.progress import Progress
from kaoiro.core.errors import OutputError
from kaoiro.core.plain import printable

EVERY_FRAME = "frame"
INPUT = "VIDEO|RECORDS"
LEVELS = ("low", "medium", "high", "own")


def add_measuring(parser: argparse.ArgumentParser, longest_s: float) -> None:
    """Add the options to a parser; `longest_s` is the usual longest block of intervals, seconds."""
    text = "the speaker's: auto takes the face that is seen longest; join several by commas (default: auto)"
    parser.add_argument("--track", default="auto", metavar="ID|auto", help=text)
    text = "take the largest face of each sample, whoever it is, as the source of the method does"
    parser.add_argument("--largest", action="store_true", help=text)
    text = "seconds between samples, or 'frame' for every one (default: 0.5)"
    parser.add_argument("--every", type=_step, default=0.5, metavar="SECONDS|frame", help=text)
    text = "the speaker's resting face: a photo, a video or records of it; auto estimates it; adds changes from it"
    parser.add_argument("--baseline", metavar="FILE|auto", help=text)
    text = "noise floors of the model (JSON); without them nothing is called a signal"
    parser.add_argument("--noise-floor", metavar="FILE", help=text)
    text = "of the noise floor (default: own if the table has it, else medium)"
    parser.add_argument("--level", choices=LEVELS, help=text)
    text = f"longest block of which intervals are drawn, as far as a recording has ten of them (default: {longest_s:g})"
    parser.add_argument("--longest-block", type=positive, default=longest_s, metavar="SECONDS", help=text)
    parser.add_argument("--lang", choices=("en", "ja"), default="en", help="shown first; the page has both")
    parser.add_argument("--model", metavar="NAME|FOLDER", help="measures videos and --baseline (see 'kaoiro models')")


def _step(text: str) -> float | None:
    return None if text == EVERY_FRAME else positive(text)


def measuring(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options as the functions in Python take them."""
    from kaoiro.inference.report.measured import Settings
    from kaoiro.timeline.intervals import Blocks

    names = "track", "largest", "every", "baseline", "noise_floor", "level", "model"
    settings = Settings(blocks=Blocks(longest_s=arguments.longest_block))
    return {name: getattr(arguments, name) for name in names} | {"language": arguments.lang, "settings": settings}


def tell(line: str) -> None:
    """Print a line to standard error, without what names and texts of others could do to a terminal."""
    print(f"kaoiro: {printable(line)}", file=sys.stderr)


def check_page(out: str) -> None:
    """Refuse a page that no browser would open, before minutes are spent on a video.

    Raises:
        OutputError: the name does not end in .html.
    """
    if Path(out).suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"--out {out}: the name must end in .html")


class Advance:
    """Shows the progress of one video after the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._name = progress, ""

    def __call__(self, name: str, done_s: float, length_s: float | None) -> None:
        """So much of a video is done."""
        if name != self._name:
            if self._name:
                self._progress.done()
            self._progress.begin(name)
            self._name = name
        self._progress.advance(done_s, length_s)
