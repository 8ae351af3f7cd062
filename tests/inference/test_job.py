from __future__ import annotations

import contextlib
import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest
from jobs import files, run, statuses
from media import bar_code, cut_file, regular, write_video
from PIL import Image

from kaoiro.core import codec
from kaoiro.core.codec import read_rows
from kaoiro.core.encode import VideoWriter
from kaoiro.core.errors import InputError, OutputError
from kaoiro.inference import job
from kaoiro.inference.job import Job, Options, measure_records
from kaoiro.inference.manifest import MANIFEST
from kaoiro.inference.media import Medium, Unusable, discover
from kaoiro.inference.results import Recording


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_each_medium_has_its_table_and_all_are_joined(counting, given, out, suffix):
    outcomes = run(counting, given, out, format=suffix)
    tables = [f"a.png.{suffix}", f"deep/täglich.jpg.{suffix}", f"m.mp4.{suffix}"]
    assert files(out) == {*tables, f"all.{suffix}", MANIFEST}
    assert [(o.status, o.rows, o.faces) for o in outcomes] == [
        ("complete", 1, 1),
        ("complete", 1, 0),
        ("complete", 10, 10),
    ]
    assert [o.outputs for o in outcomes] == [[table] for table in tables]
    rows = [row for table in tables for row in read_rows(out / table)]
    assert list(read_rows(out / f"all.{suffix}")) == rows
    sources = [str(given / name) for name in ("a.png", "deep/täglich.jpg", "m.mp4")]
    assert [row["source"] for row in rows] == sources[:2] + sources[2:] * 10
    assert [row["time_s"] for row in rows[2:]] == list(regular(10))
    assert [row["expression"] for row in rows[:2]] == ["contempt", None]


def test_one_table_alone_is_not_joined(counting, given, out):
    run(counting, given / "a.png", out)
    assert files(out) == {"a.png.csv", MANIFEST}


def test_only_every_so_many_seconds_are_measured_if_asked(counting, given, out):
    (outcome,) = run(counting, given / "m.mp4", out, every=0.1)
    assert [row["time_s"] for row in read_rows(out / outcome.outputs[0])] == [0.0, 0.12, 0.2, 0.32]


def test_a_broken_file_does_not_stop_the_others(counting, given, out):
    (given / "b.jpg").write_bytes(b"nothing")
    (given / "c.mp4").write_bytes(b"")
    (given / "d.zip").write_bytes(b"PK")
    outcomes = run(counting, given, out)
    assert statuses(outcomes) == ["complete", "failed", "failed", "failed", "complete", "complete"]
    for outcome in outcomes[1:4]:
        assert outcome.message and "\n" not in outcome.message
        assert outcome.outputs == []
    assert files(out) == {"a.png.csv", "deep/täglich.jpg.csv", "m.mp4.csv", "all.csv", MANIFEST}
    assert statuses(run(counting, given, out))[1:4] == ["failed"] * 3


def test_what_could_be_read_of_a_broken_video_is_kept(counting, out, tmp_path):
    whole = write_video(tmp_path / "whole.mkv", regular(100), picture=lambda number: bar_code(number))
    path = cut_file(whole, 0.6, tmp_path / "cut.mkv")
    for again in (False, True):
        (outcome,) = run(counting, path, out, overlay=True, plot=True)
        assert outcome.status == "partial"
        assert "breaks off" in outcome.message
        assert 20 < outcome.rows == len(list(read_rows(out / "cut.mkv.csv"))) < 90
        assert files(out) == {"cut.mkv.csv", "cut.mkv.overlay.mp4", "cut.mkv.plot.png", MANIFEST}
        assert len(counting.asked) == 1, f"measured again: {again}"


def test_overlays_and_plots_can_be_opened(counting, given, out):
    run(counting, given, out, overlay=True, plot=True)
    with Image.open(out / "a.png.overlay.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (64, 48))
    with av.open(str(out / "m.mp4.overlay.mp4")) as container:
        frames = list(container.decode(video=0))
    assert [round(frame.time, 6) for frame in frames] == list(regular(10))
    assert (frames[0].width, frames[0].height) == (64, 48)
    with Image.open(out / "m.mp4.plot.png") as figure:
        assert figure.size[0] == 1200
        assert len(figure.convert("RGB").getcolors(1 << 24)) > 10
    assert not (out / "a.png.plot.png").exists()


def test_overlays_hide_the_people_if_asked(counting, given, out, tmp_path):
    def middle(folder: Path) -> np.ndarray:
        with Image.open(folder / "a.png.overlay.jpg") as picture:
            return np.asarray(picture)[18:30, 24:40].astype(int)

    run(counting, given / "a.png", out, overlay=True)
    run(counting, given / "a.png", tmp_path / "hidden", overlay=True, blur_faces=True)
    assert middle(out).std() > 2 * middle(tmp_path / "hidden").std()


@pytest.mark.parametrize("ending", ["csv", "overlay.jpg"])
def test_a_target_that_cannot_be_written_does_not_stop_the_others(counting, given, out, ending):
    (out / f"a.png.{ending}").mkdir(parents=True)
    outcomes = run(counting, given, out, overlay=True)
    assert statuses(outcomes) == ["failed", "complete", "complete"]
    assert "cannot write" in outcomes[0].message and f"a.png.{ending}" in outcomes[0].message
    assert not any(name.startswith("a.png") for name in files(out))


def test_a_folder_that_can_no_longer_be_written_stops_the_job(counting, given, out, monkeypatch):
    items = list(discover([str(given)]))
    made = Job(counting, out, Options())
    (out / "a.png.csv").mkdir()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refused)
    with pytest.raises(OutputError, match=r"--out .*cannot be written"):
        made.run(items[0])


def test_a_manifest_that_cannot_be_written_stops_the_job(counting, given, out):
    (out / MANIFEST).mkdir(parents=True)
    with pytest.raises(OutputError, match=rf"cannot write .*{MANIFEST}"):
        run(counting, given, out)


def test_an_overlay_that_fails_is_not_blamed_on_the_table(counting, given, out, monkeypatch):
    def full(self: VideoWriter, pixels: np.ndarray, time_s: float) -> None:
        raise OutputError(f"cannot write {self._name}: No space left on device")

    monkeypatch.setattr(VideoWriter, "write", full)
    (outcome,) = run(counting, given / "m.mp4", out, overlay=True)
    assert (outcome.status, outcome.message) == (
        "failed",
        f"cannot write {out / 'm.mp4.overlay.mp4'}: No space left on device",
    )
    assert files(out) == {MANIFEST}


def test_everything_is_closed_before_files_are_removed(counting, given, out, monkeypatch):
    """As Windows demands, where an open file cannot be removed."""
    order: list[str] = []
    closed, replaced = VideoWriter.__exit__, job.replacing

    def full(self: codec.CsvWriter, row: object) -> None:
        raise OSError(28, "No space left on device")

    def noted(self: VideoWriter, *error: Any) -> None:
        closed(self, *error)
        order.append("video closed")

    @contextlib.contextmanager
    def replacing(path: Path) -> Iterator[Path]:
        with replaced(path) as partial:
            try:
                yield partial
            finally:
                order.append("video removed")

    monkeypatch.setattr(codec.CsvWriter, "write", full)
    monkeypatch.setattr(VideoWriter, "__exit__", noted)
    monkeypatch.setattr(job, "replacing", replacing)
    (outcome,) = run(counting, given / "m.mp4", out, overlay=True)
    assert "m.mp4.csv: No space left" in outcome.message
    assert order == ["video closed", "video removed"]
    assert files(out) == {MANIFEST}


def test_records_are_closed_before_an_archive_member_is_removed(counting, given, out, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.write(given / "m.mp4", "m.mp4")
    seen: list[Any] = []
    rows = Recording.rows

    def kept(self: Recording) -> Iterator[Any]:
        seen.append(rows(self))
        return seen[-1]

    def full(self: codec.CsvWriter, row: object) -> None:
        seen.append(seen[0].gi_frame is not None)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recording, "rows", kept)
    monkeypatch.setattr(codec.CsvWriter, "write", full)
    assert statuses(run(counting, tmp_path / "m.zip", out)) == ["failed"]
    assert seen[1] and seen[0].gi_frame is None


@pytest.mark.parametrize("dialect", ["py-feat", "fer"])
def test_tables_of_other_tools_are_not_joined(counting, given, out, dialect):
    run(counting, given, out, dialect=dialect)
    assert "all.csv" not in files(out)
    assert len(pd.read_csv(out / "m.mp4.csv")) == 10


def test_media_of_one_name_do_not_overwrite_each_other(counting, given, out, tmp_path):
    shutil.copytree(given, tmp_path / "more")
    Image.new("RGB", (30, 30), "white").save(tmp_path / "all.png")
    made = Job(counting, out, Options())
    paths = [str(path) for path in (given / "a.png", tmp_path / "more" / "a.png", tmp_path / "all.png")]
    outcomes = [made.run(item) for item in discover(paths)]
    assert len({o.outputs[0] for o in outcomes}) == 3
    assert [next(read_rows(out / o.outputs[0]))["source"] for o in outcomes] == paths


def test_media_of_one_name_do_not_overwrite_each_other_in_later_calls(counting, given, out, tmp_path):
    shutil.copytree(given, tmp_path / "more")
    first = run(counting, given, out)
    second = run(counting, tmp_path / "more", out)
    again = run(counting, tmp_path / "more", out) + run(counting, given, out)
    assert len({outcome.outputs[0] for outcome in first + second}) == 6
    assert [outcome.outputs for outcome in again] == [outcome.outputs for outcome in second + first]
    assert statuses(again) == ["skipped"] * 6
    assert [next(read_rows(out / o.outputs[0]))["source"] for o in again] == [o.name for o in again]


def test_names_that_windows_reserves_are_replaced(counting, out, tmp_path):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        picture = io.BytesIO()
        Image.new("RGB", (20, 20)).save(picture, "PNG")
        archive.writestr("con/aux.png", picture.getvalue())
    (outcome,) = run(counting, tmp_path / "m.zip", out)
    assert outcome.outputs == ["m.zip/_con/_aux.png.csv"]


def test_names_that_differ_in_case_do_not_overwrite_each_other_on_any_system(counting, out, tmp_path):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        for name, side in (("A.png", 20), ("a.png", 30)):
            picture = io.BytesIO()
            Image.new("RGB", (side, side)).save(picture, "PNG")
            archive.writestr(name, picture.getvalue())
    outcomes = run(counting, tmp_path / "m.zip", out)
    assert len({o.outputs[0].lower() for o in outcomes}) == 2


def test_progress_reaches_the_end(counting, given, out):
    reached: list[tuple[float, float | None]] = []
    (medium,) = discover([str(given / "m.mp4")])
    Job(counting, out, Options()).run(medium, lambda time_s, end_s: reached.append((time_s, end_s)))
    assert [time_s for time_s, _ in reached] == list(regular(10))
    assert [end_s for _, end_s in reached] == [pytest.approx(0.4, abs=0.05)] * 10


def test_progress_of_a_video_that_starts_late_begins_at_nothing(counting, out, tmp_path):
    write_video(tmp_path / "late.mkv", regular(10, start_s=3600.0), (64, 48))
    reached: list[tuple[float, float | None]] = []
    (medium,) = discover([str(tmp_path / "late.mkv")])
    Job(counting, out, Options()).run(medium, lambda done_s, length_s: reached.append((done_s, length_s)))
    assert [done_s for done_s, _ in reached] == pytest.approx(list(regular(10)))
    assert all(length_s == pytest.approx(0.4, abs=0.05) for _, length_s in reached)


def test_a_folder_that_cannot_be_written_is_refused_at_once(counting, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(OutputError, match=r"--out .*file.*cannot be written"):
            Job(counting, place, Options())


@pytest.mark.parametrize("options", [Options(format="xlsx"), Options(dialect="excel")])
def test_unknown_formats_and_dialects_are_refused_at_once(counting, out, options):
    with pytest.raises(OutputError, match="choose one of"):
        Job(counting, out, options)
    assert not out.exists()


def test_an_unusable_path_is_an_outcome(counting, out):
    outcome = Job(counting, out, Options()).run(Unusable("nosuch", "no such file"))
    assert (outcome.name, outcome.status, outcome.message) == ("nosuch", "failed", "no such file")


def test_a_file_that_vanishes_is_an_outcome(counting, given, out):
    items = list(discover([str(given)]))
    for path in (given / "a.png", given / "m.mp4"):
        path.unlink()
    made = Job(counting, out, Options())
    outcomes = [made.run(item) for item in items]
    assert statuses(outcomes) == ["failed", "complete", "failed"]
    assert all("cannot be read" in o.message for o in outcomes if o.status == "failed")


def test_records_can_be_had_without_writing(counting, given):
    media = [item for item in discover([str(given)]) if isinstance(item, Medium)]
    assert [len(list(measure_records(counting, medium, 0.2))) for medium in media] == [1, 1, 2]
    (given / "a.png").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"a\.png"):
        list(measure_records(counting, media[0], None))
