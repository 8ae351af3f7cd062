"""Analyse many media into a folder: each result atomic, finished ones skipped the next time."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from PIL import Image

from kaoiro.core import codec
from kaoiro.core.dialects import check_dialect, write_dialect
from kaoiro.core.encode import VideoWriter
from kaoiro.core.errors import KaoiroError, OutputError, TruncatedVideo
from kaoiro.core.files import replacing, sweep, writing
from kaoiro.core.types import Record
from kaoiro.inference.analyzer import Analyzer
from kaoiro.inference.change import Baseline, Rest, changes
from kaoiro.inference.curves import Curves
from kaoiro.inference.manifest import MANIFEST, append, fingerprint, read_manifest
from kaoiro.inference.media import Medium, Unusable
from kaoiro.inference.places import Places
from kaoiro.inference.plot import figure
from kaoiro.inference.results import Recording
from kaoiro.timeline.steady import Mode

COMBINED = "all"
_PICTURE, _VIDEO, _PLOT = "overlay.jpg", "overlay.mp4", "plot.png"
_ENDINGS = (*codec.FORMATS, _PICTURE, _VIDEO, _PLOT)
Status = Literal["complete", "partial", "failed", "skipped"]
Item = TypeVar("Item")
Advance = Callable[[float, float | None], None]


@dataclass(frozen=True)
class Options:
    """What `analyze` writes.

    Attributes:
        format: csv, parquet or jsonl.
        dialect: columns of kaoiro or of another tool.
        every: seconds between measured frames; None measures every frame.
        overlay: annotated pictures and videos.
        plot: figures of the scores over time (videos).
        blur_faces: hide the people in overlays.
        smooth: how videos are smoothed over time: none, causal or centred.
    """

    format: str = "csv"
    dialect: str = "kaoiro"
    every: float | None = None
    overlay: bool = False
    plot: bool = False
    blur_faces: bool = False
    smooth: Mode = "centred"


@dataclass
class Outcome:
    """What became of one medium."""

    name: str
    status: Status
    rows: int = 0
    faces: int = 0
    outputs: list[str] = field(default_factory=list)
    message: str = ""
    note: str = ""


class Job:
    """An analysis of many media into one folder, which one machine writes at a time.

    What killed runs left half written is removed first.

    Args:
        analyzer: measures.
        folder: receives `<relative>.<format>` for each medium, overlays, plots, and `manifest.jsonl`.
        options: what is written.
        settings: everything that changes results beyond `options` and the model; part of the fingerprint that
            decides whether a finished result still holds. 'detector' is the path of a detector's file.
        baseline: a resting face, or 'auto' (of videos), from which changes are written.

    Raises:
        OutputError: the folder cannot be written.
        InputError: the detector's file cannot be read.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        folder: str | Path,
        options: Options,
        settings: dict[str, Any] | None = None,
        baseline: Baseline | None = None,
    ) -> None:
        codec.check_format(options.format)
        check_dialect(options.dialect)
        self.analyzer, self.folder, self.options = analyzer, Path(folder), options
        self._baseline: Baseline | None = baseline
        known = dict(baseline.scores) if isinstance(baseline, Rest) else baseline
        self._settings = fingerprint(analyzer, asdict(options), {**(settings or {}), "baseline": known})
        _require_writable(self.folder)
        sweep(self.folder)
        self._tables: list[Path] = []
        self._done = {entry["place"]: entry for entry in read_manifest(self.folder / MANIFEST)}
        earlier = ((place, entry["name"]) for place, entry in self._done.items())
        self._places = Places((COMBINED, Path(MANIFEST).stem), earlier)

    def run(self, medium: Medium | Unusable, advance: Advance = lambda time_s, end_s: None) -> Outcome:
        """Measure one medium, or find it already done.

        Args:
            medium: from `media.discover`.
            advance: called with the presentation time since the start and the duration (None if unknown), seconds.

        Raises:
            OutputError: the folder or its manifest cannot be written. An unusable medium is an Outcome, not an
                error, and so is one whose own result cannot be written.
        """
        if isinstance(medium, Unusable):
            return Outcome(medium.name, "failed", message=medium.reason)
        place = self._places.take(medium.name, medium.relative)
        earlier = self._done.get(place)
        if earlier is not None and self._still_holds(earlier, medium):
            outcome = _found(earlier)
        else:
            outcome = self._measure(medium, place, advance)
            self._remove_outdated(earlier, medium, place, outcome)
            entry = {**asdict(outcome), "place": place, "stamp": medium.stamp, "settings": self._settings}
            append(self.folder / MANIFEST, entry)
        if outcome.status != "failed":
            self._tables.append(self.folder / outcome.outputs[0])
        return outcome

    def combine(self) -> Path | None:
        """Join the tables of all media into `all.<format>`, in order; None if there is only one, or another dialect.

        Joined tables of earlier runs are removed.

        Raises:
            OutputError: the joined table cannot be written, or an earlier one not be removed.
        """
        target = None
        if len(self._tables) > 1 and self.options.dialect == "kaoiro":
            target = self.folder / f"{COMBINED}.{self.options.format}"
            self._join(target)
        for path in (self.folder / f"{COMBINED}.{kind}" for kind in codec.FORMATS):
            if path != target:
                with writing(path):
                    path.unlink(missing_ok=True)
        return target

    def _join(self, target: Path) -> None:
        words = self.analyzer.words.columns
        with codec.opened_with(target, words) as writer:
            for table in self._tables:
                for row in codec.read_rows(table):
                    writer.write(dict.fromkeys(words) | row)

    def _still_holds(self, entry: dict[str, Any], medium: Medium) -> bool:
        return (
            entry["name"] == medium.name
            and entry["status"] in ("complete", "partial")
            and tuple(entry["stamp"]) == medium.stamp
            and entry["settings"] == self._settings
            and all((self.folder / output).is_file() for output in entry["outputs"])
        )

    def _remove_outdated(self, earlier: dict[str, Any] | None, medium: Medium, place: str, outcome: Outcome) -> None:
        """Remove results of a medium that failed or has changed, as far as they were not written anew."""
        if outcome.status != "failed" and (earlier is None or tuple(earlier["stamp"]) == medium.stamp):
            return
        for path in (self.folder / f"{place}.{ending}" for ending in _ENDINGS):
            if path.relative_to(self.folder).as_posix() not in outcome.outputs:
                _remove(path)

    def _measure(self, medium: Medium, place: str, advance: Advance) -> Outcome:
        try:
            with medium.open() as path:
                if medium.kind == "photo":
                    return self._photo(medium, path, place)
                return self._video(medium, path, place, advance)
        except OutputError as error:
            _require_writable(self.folder)
            return Outcome(medium.name, "failed", message=str(error))
        except KaoiroError as error:
            return Outcome(medium.name, "failed", message=str(error))
        except OSError as error:
            return Outcome(medium.name, "failed", message=f"{medium.name}: cannot be read: {error.strerror or error}")

    def _photo(self, medium: Medium, path: Path, place: str) -> Outcome:
        result = self.analyzer.image(path, name=medium.name)
        outputs = [f"{place}.{self.options.format}"]
        if self.options.overlay:
            outputs.append(f"{place}.{_PICTURE}")
            self._save(result.picture(blur=self.options.blur_faces), outputs[-1], quality=90)
        rest = self._baseline if isinstance(self._baseline, Rest) else None
        rows = self._write(changes(result.rows(), rest), outputs[0])
        return Outcome(medium.name, "complete", rows, len(result), outputs)

    def _video(self, medium: Medium, path: Path, place: str, advance: Advance) -> Outcome:
        recording = self.analyzer.video(path, every=self.options.every, name=medium.name, smooth=self.options.smooth)
        outputs = [f"{place}.{self.options.format}"]
        start_s, duration_s = recording.info.start_s, recording.info.duration_s
        curves = Curves(self._baseline is not None, self.analyzer.words.names) if self.options.plot else None
        tally, notes = _Tally(lambda time_s: advance(time_s - start_s, duration_s)), list[str]()
        with ExitStack() as stack:
            records = recording.rows()
            if self.options.overlay:
                outputs.append(f"{place}.{_VIDEO}")
                target = self.folder / outputs[-1]
                partial = stack.enter_context(replacing(target))
                records = _drawn(recording, partial, target, self.options.blur_faces)
            records = changes(tally.count(stack.enter_context(_closing(records))), self._baseline, notes)
            if curves is not None:
                records = _followed(stack.enter_context(_closing(records)), curves)
            rows = self._write(stack.enter_context(_closing(records)), outputs[0])
        if curves is not None:
            outputs.append(f"{place}.{_PLOT}")
            self._save(figure(curves, Path(medium.relative).name), outputs[-1])
        status: Status = "partial" if tally.failure else "complete"
        return Outcome(medium.name, status, rows, tally.faces, outputs, tally.failure, "; ".join(notes))

    def _save(self, picture: Image.Image, output: str, **settings: Any) -> None:
        target = self.folder / output
        with replacing(target) as partial, writing(target):
            picture.save(partial, **settings)

    def _write(self, records: Iterable[Record], output: str) -> int:
        target = self.folder / output
        if self.options.dialect == "kaoiro":
            return codec.write(records, target, self.analyzer.words.columns)
        return write_dialect((record.row() for record in records), target, self.options.dialect)


class _Tally:
    """Counts records on their way into a file and turns a broken-off end into a message."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        self._advance = advance
        self.faces, self.failure = 0, ""

    def count(self, records: Iterable[Record]) -> Iterator[Record]:
        try:
            for record in records:
                self.faces += record.has_face
                self._advance(record.time_s)
                yield record
        except TruncatedVideo as error:
            self.failure = str(error)


def _followed(records: Iterable[Record], curves: Curves) -> Iterator[Record]:
    for record in records:
        curves.add(record)
        yield record


def _drawn(recording: Recording, path: Path, name: Path, blur: bool) -> Iterator[Record]:
    """Yield the records while writing the annotated video; errors call the file `name`."""
    info = recording.info
    failure: TruncatedVideo | None = None
    with VideoWriter(path, info.width, info.height, info.rate, name) as writer:
        try:
            with _closing(recording.pictures(blur)) as pictures:
                for picture, records in pictures:
                    writer.write(np.asarray(picture), records[0].time_s)
                    yield from records
        except TruncatedVideo as error:
            failure = error
    if failure is not None:
        raise failure


@contextmanager
def _closing(items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """Close a generator when the block ends: Windows removes no file that a suspended one has open."""
    try:
        yield items
    finally:
        if isinstance(items, Generator):
            items.close()


def _found(entry: dict[str, Any]) -> Outcome:
    """Return the outcome of a medium whose earlier result still holds."""
    status: Status = "skipped" if entry["status"] == "complete" else "partial"
    told = entry["message"], entry.get("note", "")
    return Outcome(entry["name"], status, entry["rows"], entry["faces"], entry["outputs"], *told)


def _remove(path: Path) -> None:
    """Remove a file, if there is one and the system lets us."""
    with suppress(OSError):
        path.unlink()


def _require_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable.part{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"--out {folder}: cannot be written: {error.strerror or error}") from error


def measure_records(
    analyzer: Analyzer,
    medium: Medium,
    every: float | None,
    smooth: Mode = "centred",
    baseline: Baseline | None = None,
    notes: list[str] | None = None,
) -> Iterator[Record]:
    """Yield the records of one medium without writing anything.

    Args:
        analyzer: measures.
        medium: from `media.discover`.
        every: seconds between measured frames of a video; None measures every frame.
        smooth: of videos over time.
        baseline: a resting face, or 'auto' (of videos).
        notes: receives what could not be said of changes.

    Raises:
        KaoiroError: the medium cannot be used, or (after its last record) broke off.
    """
    with medium.open() as path:
        if medium.kind == "photo":
            rest = baseline if isinstance(baseline, Rest) else None
            yield from changes(analyzer.image(path, name=medium.name).rows(), rest)
        else:
            recording = analyzer.video(path, every=every, name=medium.name, smooth=smooth)
            yield from changes(recording.rows(), baseline, notes)
