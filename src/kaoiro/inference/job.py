"""Analyse many media into a folder: each result atomic, finished ones skipped the next time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from kaoiro.core import codec
from kaoiro.core.dialects import check_dialect, write_dialect
from kaoiro.core.errors import KaoiroError, OutputError, TruncatedVideo
from kaoiro.core.files import replacing
from kaoiro.core.types import Record
from kaoiro.faces import draw
from kaoiro.faces.encode import VideoWriter
from kaoiro.inference.analyzer import Analyzer
from kaoiro.inference.media import Medium, Unusable
from kaoiro.inference.plot import save
from kaoiro.inference.results import PhotoResult, Recording

MANIFEST = "manifest.jsonl"
COMBINED = "all"
Status = Literal["complete", "partial", "failed", "skipped"]
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
    """

    format: str = "csv"
    dialect: str = "kaoiro"
    every: float | None = None
    overlay: bool = False
    plot: bool = False
    blur_faces: bool = False


@dataclass
class Outcome:
    """What became of one medium."""

    name: str
    status: Status
    rows: int = 0
    faces: int = 0
    outputs: list[str] = field(default_factory=list)
    message: str = ""


class Job:
    """An analysis of many media into one folder.

    Args:
        analyzer: measures.
        folder: receives `<relative>.<format>` for each medium, overlays, plots, and `manifest.jsonl`.
        options: what is written.
        settings: everything that changes results beyond `options` and the model; part of the fingerprint that
            decides whether a finished result still holds.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(
        self, analyzer: Analyzer, folder: str | Path, options: Options, settings: dict[str, Any] | None = None
    ) -> None:
        codec.check_format(options.format)
        check_dialect(options.dialect)
        self.analyzer, self.folder, self.options = analyzer, Path(folder), options
        fingerprint = asdict(options) | (settings or {}) | {"model": analyzer.model.digest}
        self._settings = json.dumps(fingerprint, sort_keys=True, default=str)
        self._taken = {COMBINED: 1, Path(MANIFEST).stem: 1}  # names that the job itself writes to
        self._tables: list[Path] = []
        _require_writable(self.folder)
        self._done = {_base(entry): entry for entry in read_manifest(self.folder / MANIFEST) if entry["outputs"]}

    def run(self, medium: Medium | Unusable, advance: Advance = lambda time_s, end_s: None) -> Outcome:
        """Measure one medium, or find it already done.

        Args:
            medium: from `media.discover`.
            advance: called with the presentation time reached and the declared end (None if unknown), seconds.

        Raises:
            OutputError: the folder cannot be written; an unusable medium is an Outcome, not an error.
        """
        if isinstance(medium, Unusable):
            return Outcome(medium.name, "failed", message=medium.reason)
        base = self._unique(medium.relative)
        earlier = self._done.get(base)
        if earlier is not None and self._still_holds(earlier, medium, base):
            self._tables.append(self.folder / earlier["outputs"][0])
            status = "skipped" if earlier["status"] == "complete" else "partial"
            counts = (earlier["rows"], earlier["faces"])
            return Outcome(medium.name, status, *counts, earlier["outputs"], earlier["message"])
        outcome = self._measure(medium, base, advance)
        if outcome.status != "failed":
            self._tables.append(self.folder / outcome.outputs[0])
        self._note(medium, outcome)
        return outcome

    def combine(self) -> Path | None:
        """Join the tables of all media into `all.<format>`, in order; None if there is only one, or another dialect."""
        if len(self._tables) < 2 or self.options.dialect != "kaoiro":
            return None
        target = self.folder / f"{COMBINED}.{self.options.format}"
        with codec.opened(target) as writer:
            for table in self._tables:
                for row in codec.read_rows(table):
                    writer.write(row)
        return target

    def _unique(self, relative: str) -> str:
        """Return a place below the folder that no other medium of this job has, whatever a system makes of case."""
        safe = "/".join("".join("_" if c in '<>:"|?*\\' else c for c in part) for part in relative.split("/"))
        key = safe.casefold()
        count = self._taken[key] = self._taken.get(key, 0) + 1
        return safe if count == 1 else f"{safe}~{count}"

    def _still_holds(self, entry: dict[str, Any], medium: Medium, base: str) -> bool:
        return (
            entry["name"] == medium.name
            and entry["status"] in ("complete", "partial")
            and tuple(entry["stamp"]) == medium.stamp
            and entry["settings"] == self._settings
            and entry["outputs"][0] == self._place(base, self.options.format)
            and all((self.folder / output).is_file() for output in entry["outputs"])
        )

    @staticmethod
    def _place(base: str, ending: str) -> str:
        return f"{base}.{ending}"

    def _measure(self, medium: Medium, base: str, advance: Advance) -> Outcome:
        try:
            with medium.open() as path:
                if medium.kind == "photo":
                    return self._photo(medium, path, base)
                return self._video(medium, path, base, advance)
        except OutputError:
            raise
        except KaoiroError as error:
            return Outcome(medium.name, "failed", message=str(error))
        except OSError as error:
            return Outcome(medium.name, "failed", message=f"{medium.name}: cannot be read: {error.strerror or error}")

    def _photo(self, medium: Medium, path: Path, base: str) -> Outcome:
        result = self.analyzer.image(path, name=medium.name)
        outputs = [self._place(base, self.options.format)]
        if self.options.overlay:
            outputs.append(self._place(base, "overlay.jpg"))
            with replacing(self.folder / outputs[-1]) as partial:
                result.picture(blur=self.options.blur_faces).save(partial, quality=90)
        rows = self._write(result.rows(), self.folder / outputs[0])
        return Outcome(medium.name, "complete", rows, len(result), outputs)

    def _video(self, medium: Medium, path: Path, base: str, advance: Advance) -> Outcome:
        recording = self.analyzer.video(path, every=self.options.every, name=medium.name)
        outputs = [self._place(base, self.options.format)]
        tally = _Tally(lambda time_s: advance(time_s, recording.info.end_s), keep=self.options.plot)
        with ExitStack() as stack:
            records: Iterable[Record] = recording.rows()
            if self.options.overlay:
                outputs.append(self._place(base, "overlay.mp4"))
                partial = stack.enter_context(replacing(self.folder / outputs[-1]))
                records = _drawn(recording, partial, self.options.blur_faces)
            rows = self._write(tally.count(records), self.folder / outputs[0])
        if self.options.plot:
            outputs.append(self._place(base, "plot.png"))
            with replacing(self.folder / outputs[-1]) as partial:
                save(tally.kept, Path(medium.relative).name, partial)
        status: Status = "partial" if tally.failure else "complete"
        return Outcome(medium.name, status, rows, tally.faces, outputs, tally.failure)

    def _write(self, records: Iterable[Record], path: Path) -> int:
        if self.options.dialect == "kaoiro":
            return codec.write(records, path)
        return write_dialect((record.row() for record in records), path, self.options.dialect)

    def _note(self, medium: Medium, outcome: Outcome) -> None:
        entry = asdict(outcome) | {"stamp": medium.stamp, "settings": self._settings}
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        manifest = self.folder / MANIFEST
        try:
            with manifest.open("a+b") as file:
                file.write(("\n" if _cut_off(file) else "").encode() + line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"cannot write {manifest}: {error.strerror or error}") from error


class _Tally:
    """Counts records on their way into a file and turns a broken-off end into a message."""

    def __init__(self, advance: Callable[[float], None], keep: bool) -> None:
        self._advance, self._keep = advance, keep
        self.faces, self.failure = 0, ""
        self.kept: list[Record] = []

    def count(self, records: Iterable[Record]) -> Iterator[Record]:
        try:
            for record in records:
                self.faces += record.has_face
                self._advance(record.time_s)
                if self._keep:
                    self.kept.append(record)
                yield record
        except TruncatedVideo as error:
            self.failure = str(error)


def _drawn(recording: Recording, path: Path, blur: bool) -> Iterator[Record]:
    """Yield the records while writing the annotated video."""
    info = recording.info
    failure: TruncatedVideo | None = None
    with VideoWriter(path, info.width, info.height, info.rate) as writer:
        try:
            for frame, records in recording.frames():
                assert frame is not None
                picture = draw.annotate(frame.rgb(), [r for r in records if r.has_face], blur=blur)
                writer.write(np.asarray(picture), frame.time_s)
                yield from records
        except TruncatedVideo as error:
            failure = error
    if failure is not None:
        raise failure


def _base(entry: dict[str, Any]) -> str:
    """Return the place below the folder that an entry's outputs share."""
    return entry["outputs"][0].rpartition(".")[0]


def _cut_off(file: IO[bytes]) -> bool:
    """Whether a file's last line lacks its end, as a crash leaves it."""
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def read_manifest(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a manifest; a line cut short by a crash is passed over."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(entry, dict) and {"name", "status", "stamp", "settings", "outputs"} <= entry.keys():
                yield entry


def _require_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"--out {folder}: cannot be written: {error.strerror or error}") from error


def measure_records(analyzer: Analyzer, medium: Medium, every: float | None) -> Iterator[Record]:
    """Yield the records of one medium without writing anything.

    Raises:
        KaoiroError: the medium cannot be used, or (after its last record) broke off.
    """
    with medium.open() as path:
        if medium.kind == "photo":
            result: PhotoResult | Recording = analyzer.image(path, name=medium.name)
        else:
            result = analyzer.video(path, every=every, name=medium.name)
        yield from result.rows()
