"""`kaoiro analyze`: photos, videos, folders and archives to records."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import count, positive
from kaoiro.core.codec import FORMATS, text_writer
from kaoiro.core.dialects import DIALECTS
from kaoiro.core.errors import InputError, KaoiroError, OutputError, TruncatedVideo
from kaoiro.core.labels import AFFECT, EXPRESSIONS, MEASURED_UNITS, unit_number
from kaoiro.core.types import expression_column
from kaoiro.timeline.steady import MODES

_EXPRESSIONS = tuple(map(expression_column, EXPRESSIONS.labels))
DONE, BAD_INPUT, BROKE_OFF = 0, 2, 3
BLUR_HELP = (
    "hide the people in overlays, those beyond --max-faces too; a face that the detector misses is not hidden, so look "
    "at the overlay before you show it"
)


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "analyze", help="photos, videos, folders, archives -> records", description=__doc__
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="photo, video, folder, or zip/tar of them")
    parser.add_argument("--out", metavar="DIR", help="folder for the results; without it records go to standard output")
    parser.add_argument("--format", choices=FORMATS, help="of the records (default: csv)")
    parser.add_argument("--dialect", choices=DIALECTS, default="kaoiro", help="columns of another tool")
    parser.add_argument("--every", type=positive, metavar="SECONDS", help="measure one frame each SECONDS of a video")
    parser.add_argument(
        "--smooth",
        choices=MODES,
        default="centred",
        help="measurements of videos smoothed over time too: centred looks 0.24 s ahead and does not lag (default), "
        "causal looks back only",
    )
    parser.add_argument("--overlay", action="store_true", help="write annotated pictures and videos")
    parser.add_argument("--blur-faces", action="store_true", help=BLUR_HELP)
    parser.add_argument("--plot", action="store_true", help="write a figure of the scores over time for each video")
    parser.add_argument("--model", metavar="NAME|FOLDER", help="a model that ships (see 'kaoiro models') or a folder")
    parser.add_argument("--max-faces", type=count, metavar="N", help="keep only the N largest faces of a frame")
    parser.add_argument("--min-face", type=positive, metavar="PIXELS", help="find faces down to this size (slower)")
    parser.add_argument("--detector", metavar="FILE", help="a face detector in YuNet's ONNX format")
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads for the networks")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.inference.media import discover

    if arguments.blur_faces and not arguments.overlay:
        raise InputError("--blur-faces hides people in overlays and changes nothing else; add --overlay")
    if arguments.out is None:
        _refuse_files(arguments)
    analyzer = _analyzer(arguments)
    media = list(discover(arguments.paths, skip=None if arguments.out is None else Path(arguments.out)))
    return _to_stdout(arguments, analyzer, media) if arguments.out is None else _to_folder(arguments, analyzer, media)


def _refuse_files(arguments: argparse.Namespace) -> None:
    for flag, used in (
        ("--overlay", arguments.overlay),
        ("--plot", arguments.plot),
        ("--format parquet", arguments.format == "parquet"),
        (f"--dialect {arguments.dialect}", arguments.dialect != "kaoiro"),
    ):
        if used:
            raise OutputError(f"{flag} writes files; add --out DIR")


def _analyzer(arguments: argparse.Namespace) -> Any:
    from kaoiro.faces.detect import Resolution, YuNet
    from kaoiro.inference.analyzer import Analyzer

    resolution = Resolution(min_face=arguments.min_face)
    detector = None
    if arguments.detector:
        detector = YuNet(arguments.detector, resolution=resolution, threads=arguments.threads)
    return Analyzer(
        arguments.model,
        detector=detector,
        max_faces=arguments.max_faces,
        min_face=arguments.min_face,
        threads=arguments.threads,
    )


def _to_stdout(arguments: argparse.Namespace, analyzer: Any, media: list[Any]) -> int:
    readable = sys.stdout.isatty() and arguments.format is None
    with (
        contextlib.nullcontext(_Readable())
        if readable
        else text_writer(arguments.format or "csv", sys.stdout) as writer
    ):
        return _report([_streamed(item, analyzer, arguments, writer) for item in media])


def _streamed(item: Any, analyzer: Any, arguments: argparse.Namespace, writer: Any) -> tuple[int, str]:
    from kaoiro.inference.job import measure_records
    from kaoiro.inference.media import Unusable

    if isinstance(item, Unusable):
        return BAD_INPUT, _named(item.name, item.reason)
    try:
        for record in measure_records(analyzer, item, arguments.every, arguments.smooth):
            writer.write(record.row())
    except TruncatedVideo as error:
        return BROKE_OFF, str(error)
    except KaoiroError as error:
        return BAD_INPUT, _named(item.name, str(error))
    return DONE, ""


class _Readable:
    """Lines for people, where standard output is a terminal."""

    def write(self, row: dict[str, Any]) -> None:
        place = f"{row['source']}  {row['time_s']:.3f} s"
        if row["expression"] is None:
            print(f"{place}  no face")
            return
        track = "" if row["track"] is None else f"#{row['track']} "
        ranked = sorted(((row[name], name[11:]) for name in _EXPRESSIONS), reverse=True)
        scores = ", ".join(f"{label} {value:.2f}" for value, label in ranked[:3])
        box = "x".join(f"{row[name]:.0f}" for name in ("box_width", "box_height"))
        further = "".join(f"; {words}" for words in _further(row))
        print(f"{place}  {track}{scores}{further}  (face {box} at {row['box_left']:.0f}, {row['box_top']:.0f})")


def _further(row: dict[str, Any]) -> Iterator[str]:
    """Yield valence and arousal, and the visible action units, as far as they were measured."""
    affect = [f"{name} {row[name]:+.2f}" for name in AFFECT.labels if row[name] is not None]
    if affect:
        yield ", ".join(affect)
    visible = [str(unit_number(unit)) for unit in MEASURED_UNITS.labels if (row[unit] or 0) >= 0.5]
    if visible:
        yield f"AU {', '.join(visible)}"


def _to_folder(arguments: argparse.Namespace, analyzer: Any, media: list[Any]) -> int:
    from kaoiro.inference.job import Job, Options

    options = Options(
        format=arguments.format or "csv",
        dialect=arguments.dialect,
        every=arguments.every,
        overlay=arguments.overlay,
        plot=arguments.plot,
        blur_faces=arguments.blur_faces,
        smooth=arguments.smooth,
    )
    settings = {"max_faces": arguments.max_faces, "min_face": arguments.min_face, "detector": arguments.detector}
    job = Job(analyzer, arguments.out, options, settings)
    outcomes, progress = [], _Progress(len(media))
    try:
        for medium in media:
            progress.begin(medium.name)
            outcomes.append(job.run(medium, progress.advance))
            progress.done()
    except KeyboardInterrupt:
        progress.close()
        job.combine()
        print(f"kaoiro: interrupted after {len(outcomes)} of {len(media)}; run again to go on", file=sys.stderr)
        return 130
    progress.close()
    codes = {"failed": BAD_INPUT, "partial": BROKE_OFF}
    results = [(codes.get(o.status, DONE), _named(o.name, o.message)) for o in outcomes]
    try:
        job.combine()
    except OutputError as error:
        results.append((BAD_INPUT, str(error)))
    _summarise(outcomes, arguments.out)
    return _report(results)


class _Progress:
    """Two bars on a terminal: files, and seconds of the video in work; silent elsewhere."""

    def __init__(self, count: int) -> None:
        from tqdm import tqdm

        self._quiet = not sys.stderr.isatty()
        self._files = tqdm(total=count, unit="file", disable=self._quiet or count < 2, dynamic_ncols=True)
        self._video: Any = None
        self._name = ""

    def begin(self, name: str) -> None:
        """A medium is taken up."""
        self._name = Path(name).name

    def advance(self, done_s: float, length_s: float | None) -> None:
        """So many seconds of the medium in work, whose length may be unknown, are done."""
        from tqdm import tqdm

        if self._video is None:
            total = None if length_s is None else round(length_s, 1)
            self._video = tqdm(
                total=total, unit="s", desc=self._name, disable=self._quiet, dynamic_ncols=True, leave=False
            )
        self._video.update(max(0.0, round(done_s, 1) - self._video.n))

    def done(self) -> None:
        """The medium is finished."""
        if self._video is not None:
            self._video.close()
            self._video = None
        self._files.update()

    def close(self) -> None:
        """Leave the terminal tidy."""
        if self._video is not None:
            self._video.close()
        self._files.close()


def _summarise(outcomes: Iterable[Any], out: str) -> None:
    outcomes = list(outcomes)
    good = [o for o in outcomes if o.status != "failed"]
    skipped = sum(o.status == "skipped" for o in outcomes)
    faces, rows = sum(o.faces for o in good), sum(o.rows for o in good)
    note = f", {skipped} already done" if skipped else ""
    print(
        f"kaoiro: {len(good)} of {len(outcomes)} inputs measured{note}: {rows} rows with {faces} faces in {out}",
        file=sys.stderr,
    )


def _named(name: str, message: str) -> str:
    return message if message.startswith(name) or not message else f"{name}: {message}"


def _report(results: list[tuple[int, str]]) -> int:
    """Print one line for each input that failed or broke off; return the exit code."""
    for code, message in results:
        if code != DONE:
            print(f"kaoiro: {' '.join(message.split())}", file=sys.stderr)
    bad, broken = (sum(code == kind for code, _ in results) for kind in (BAD_INPUT, BROKE_OFF))
    if (bad or broken) and len(results) > 1:
        print(f"kaoiro: {bad} inputs failed, {broken} broke off, of {len(results)}", file=sys.stderr)
    return BAD_INPUT if bad else BROKE_OFF if broken else DONE
