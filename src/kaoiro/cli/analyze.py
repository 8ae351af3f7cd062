"""`kaoiro analyze`: photos, videos, folders and archives to records."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import count, positive
from kaoiro.cli.progress import Progress
from kaoiro.core.codec import FORMATS, NAMES, row_of, text_writer
from kaoiro.core.dialects import DIALECTS
from kaoiro.core.errors import InputError, KaoiroError, OutputError, TruncatedVideo
from kaoiro.core.labels import AFFECT, EXPRESSIONS, MEASURED_UNITS, unit_number
from kaoiro.core.types import WORD, changed, expression_column
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
    parser.add_argument(
        "--baseline",
        metavar="FILE|auto",
        help="adds how far every score is from the person's resting face (columns …_change): FILE shows it (a photo, a "
        "video, a folder of them, or a table that this command wrote); auto estimates it for each track of a video, "
        "whose rows then come when all of it was measured",
    )
    parser.add_argument(
        "--classes",
        metavar="WORDS",
        help='words of your own, English or Japanese: "smile, jaw drop" adds the columns word_smile and word_jaw_drop; '
        "'kaoiro words' lists them",
    )
    parser.add_argument("--glossary", metavar="FILE", help="entries of your own, which say what your words stand for")
    parser.add_argument("--clip", metavar="FOLDER", help="words compiled with weights of CLIP ('kaoiro words --clip')")
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
    elif arguments.baseline and arguments.dialect != "kaoiro" and not arguments.plot:
        raise InputError(
            f"--dialect {arguments.dialect} has no columns for changes from --baseline; leave one of them out"
        )
    elif arguments.classes and arguments.dialect != "kaoiro":
        raise InputError(f"--dialect {arguments.dialect} has no columns for words of --classes; leave one of them out")
    analyzer = _analyzer(arguments)
    _tell(analyzer.words.remarks)
    baseline = _baseline(arguments.baseline, analyzer)
    media = list(discover(arguments.paths, skip=None if arguments.out is None else Path(arguments.out)))
    if baseline == "auto":
        _check_auto([item for item in media if hasattr(item, "kind")])
    if arguments.out is None:
        return _to_stdout(arguments, analyzer, media, baseline)
    return _to_folder(arguments, analyzer, media, baseline)


def _baseline(given: str | None, analyzer: Any) -> Any:
    """Return the resting face that changes are told from, 'auto' or None."""
    from kaoiro.inference.change import AUTO

    if given is None or given == AUTO:
        return given
    rest = analyzer.rest(given)
    _tell(rest.notes)
    return rest


def _check_auto(media: list[Any]) -> None:
    """Say what 'auto' means for photos, which have no rest of their own."""
    photos = sum(item.kind == "photo" for item in media)
    if photos and photos == len(media):
        raise InputError("--baseline auto estimates a resting face from a video, and these are photos; give a FILE")
    if photos:
        _tell(["--baseline auto is for videos; photos get no changes"])


def _tell(notes: Iterable[str]) -> None:
    for note in notes:
        print(f"kaoiro: {note}", file=sys.stderr)


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
        classes=arguments.classes,
        glossary=arguments.glossary,
        clip=arguments.clip,
    )


def _to_stdout(arguments: argparse.Namespace, analyzer: Any, media: list[Any], baseline: Any) -> int:
    from kaoiro.inference.heads import visible_from

    readable, words = sys.stdout.isatty() and arguments.format is None, analyzer.words
    with (
        contextlib.nullcontext(_Readable(visible_from(analyzer.specification), words.names))
        if readable
        else text_writer(arguments.format or "csv", sys.stdout, (*NAMES, *words.columns)) as writer
    ):
        return _report([_streamed(item, analyzer, arguments, writer, baseline) for item in media])


def _streamed(item: Any, analyzer: Any, arguments: argparse.Namespace, writer: Any, baseline: Any) -> tuple[int, str]:
    from kaoiro.inference.job import measure_records
    from kaoiro.inference.media import Unusable

    if isinstance(item, Unusable):
        return BAD_INPUT, _named(item.name, item.reason)
    notes: list[str] = []
    try:
        for record in measure_records(analyzer, item, arguments.every, arguments.smooth, baseline, notes):
            writer.write(row_of(record, analyzer.words.columns))
    except TruncatedVideo as error:
        return BROKE_OFF, str(error)
    except KaoiroError as error:
        return BAD_INPUT, _named(item.name, str(error))
    finally:
        _tell(_named(item.name, note) for note in notes)
    return DONE, ""


class _Readable:
    """Lines for people, where standard output is a terminal.

    Args:
        visible_from: tells which action units they name.
        words: columns whose scores they name.
    """

    def __init__(self, visible_from: Mapping[str, float], words: Sequence[str] = ()) -> None:
        self._visible_from, self._words = visible_from, words

    def write(self, row: dict[str, Any]) -> None:
        place = f"{row['source']}  {row['time_s']:.3f} s"
        if row["expression"] is None:
            print(f"{place}  no face")
            return
        track = "" if row["track"] is None else f"#{row['track']} "
        ranked = sorted(((row[name], name[11:]) for name in _EXPRESSIONS), reverse=True)
        scores = ", ".join(f"{label} {value:.2f}" for value, label in ranked[:3])
        box = "x".join(f"{row[name]:.0f}" for name in ("box_width", "box_height"))
        told = [f"{name.removeprefix(WORD)} {row[name]:.2f}" for name in self._words if row[name] is not None]
        said = [*_further(row, self._visible_from), *([", ".join(told)] if told else [])]
        further = "".join(f"; {words}" for words in said)
        print(f"{place}  {track}{scores}{further}  (face {box} at {row['box_left']:.0f}, {row['box_top']:.0f})")


def _further(row: dict[str, Any], visible_from: Mapping[str, float]) -> Iterator[str]:
    """Yield valence and arousal, and the visible action units, as far as they were measured."""
    affect = [f"{name} {row[name]:+.2f}" for name in AFFECT.labels if row[name] is not None]
    if affect:
        yield ", ".join(affect)
    measured = (unit for unit in MEASURED_UNITS.labels if row[unit] is not None)
    visible = [str(unit_number(unit)) for unit in measured if row[unit] >= visible_from[unit]]
    if visible:
        yield f"AU {', '.join(visible)}"
    changes = [(row[changed(name)], name[11:]) for name in _EXPRESSIONS if row[changed(name)] is not None]
    if changes:
        value, label = max(changes, key=lambda change: abs(change[0]))
        yield f"from rest: {label} {value:+.2f}"


def _to_folder(arguments: argparse.Namespace, analyzer: Any, media: list[Any], baseline: Any) -> int:
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
    job = Job(analyzer, arguments.out, options, settings, baseline)
    outcomes, progress = [], Progress(len(media))
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
    _tell(_named(o.name, o.note) for o in outcomes if o.note)
    results = [(codes.get(o.status, DONE), _named(o.name, o.message)) for o in outcomes]
    try:
        job.combine()
    except OutputError as error:
        results.append((BAD_INPUT, str(error)))
    _summarise(outcomes, arguments.out)
    return _report(results)


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
