from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kaoiro import Analyzer
from kaoiro.core.errors import InputError, TruncatedVideo, TruncatedVideoWarning
from kaoiro.core.labels import EXPRESSIONS as LABELS
from kaoiro.core.types import (
    CHANGED,
    COLUMNS,
    LANDMARKS,
    SMOOTHED,
    SUPPORT,
    Box,
    Record,
    changed,
    expression_column,
    smooth_column,
    smoothed,
)
from kaoiro.faces.detect import Detection
from kaoiro.faces.track import TrackerConfig
from kaoiro.faces.video import Frame, VideoFile
from kaoiro.inference.results import Recording

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from media import VARIABLE, cut_file, join_files, regular, rotate, write_video

SIZE = (192, 128)
EXPRESSIONS = [expression_column(label) for label in LABELS.labels]
FURTHER = {"valence_sd", "arousal_sd", *SMOOTHED[8:], *map(smoothed, SMOOTHED[8:])}  # not of every model
FURTHER |= set(map(changed, CHANGED))  # not without a baseline
MARKS = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)])


class BrightSquares:
    """Takes each bright square that no other shares columns with for a face."""

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        return (width, height) if face is None else (width // 2, height // 2)

    def detect(self, image: np.ndarray) -> list[Detection]:
        bright = image.mean(axis=2) > 140
        columns = np.flatnonzero(bright.any(axis=0))
        found = []
        for run in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
            if run.size > 3:
                rows = np.flatnonzero(bright[:, run].any(axis=1))
                box = Box(float(run[0]), float(rows[0]), float(run.size), float(rows[-1] - rows[0] + 1))
                points = MARKS * (box.width, box.height) + (box.left, box.top)
                found.append(Detection(box, 0.9, points))
        return sorted(found, key=lambda face: -face.box.area)


def draw(*squares: tuple[int, int, int], size: tuple[int, int] = SIZE) -> np.ndarray:
    """Draw bright squares (left, top, side), each with two eyes and a mouth."""
    canvas = np.full((size[1], size[0], 3), 30, np.uint8)
    for left, top, side in squares:
        canvas[top : top + side, left : left + side] = 220
        for x, y, wide in ((0.25, 0.36, 0.1), (0.65, 0.36, 0.1), (0.33, 0.78, 0.34)):
            rows = slice(top + round(y * side), top + round((y + 0.08) * side))
            canvas[rows, left + round(x * side) : left + round((x + wide) * side)] = 60
    return canvas


def walk(number: int) -> np.ndarray:
    """Draw frame `number` of a clip: a face walks right; frames 4 and 5 are empty."""
    return draw() if number in (4, 5) else draw((20 + 4 * number, 40, 40))


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(detector=BrightSquares(), threads=2)


def clip(path: Path, times_s, **how) -> Path:
    return write_video(path, times_s, SIZE, **{"picture": walk, **how})


def assert_same(some: list[Record], others: list[Record], apart_from: tuple[str, ...] = ("source", "frame", "track")):
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        for name, value in one.row().items():
            if name not in apart_from:
                expected = other.row()[name]
                assert value == (pytest.approx(expected, abs=1e-4) if isinstance(expected, float) else expected), name


def test_every_frame_has_a_row_and_those_without_a_face_are_empty(analyzer, tmp_path):
    records = list(analyzer.video(clip(tmp_path / "clip.mp4", regular(10), b_frames=2)))
    assert [record.frame for record in records] == list(range(10))
    assert [record.time_s for record in records] == list(regular(10))
    assert [record.frame for record in records if not record.has_face] == [4, 5]
    for record in records:
        row = record.row()
        empty = {name for name, value in row.items() if value is None}
        if record.has_face:
            empty -= FURTHER
        assert empty == (set() if record.has_face else set(row) - {"source", "frame", "time_s"})


def test_rows_tell_where_the_face_is_and_what_it_shows(analyzer, tmp_path):
    records = [record for record in analyzer.video(clip(tmp_path / "clip.mp4", regular(10))) if record.has_face]
    for record in records:
        box = record.box
        assert box is not None
        expected = (20 + 4 * record.frame, 40, 40, 40)
        assert (box.left, box.top, box.width, box.height) == pytest.approx(expected, abs=3)
        assert record.landmarks is not None
        assert np.allclose(record.landmarks, MARKS * (box.width, box.height) + (box.left, box.top))
        assert record.face_score == 0.9
        assert record.roll == pytest.approx(0)
        row = record.row()
        assert sum(row[name] for name in EXPRESSIONS) == pytest.approx(1, abs=1e-5)
        assert record.confidence == max(row[name] for name in EXPRESSIONS)
        assert record.confidence == row[f"expression_{record.expression}"]
    assert {record.track for record in records} == {0}


def test_a_frame_with_several_faces_has_a_row_for_each(analyzer, tmp_path):
    path = clip(tmp_path / "pair.mp4", regular(4), picture=lambda _: draw((10, 20, 36), (100, 40, 60)))
    records = list(analyzer.video(path))
    assert [record.frame for record in records] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [record.track for record in records] == [0, 1] * 4
    assert [record.face_size for record in records] == pytest.approx([60, 36] * 4, abs=3)


def test_max_faces_keeps_the_largest(tmp_path):
    path = clip(tmp_path / "three.mp4", regular(4), picture=lambda _: draw((4, 20, 30), (50, 40, 60), (130, 40, 44)))
    for count, sides in ((1, [60]), (2, [60, 44]), (5, [60, 44, 30])):
        records = list(Analyzer(detector=BrightSquares(), max_faces=count, threads=1).video(path))
        assert [record.face_size for record in records] == pytest.approx(sides * 4, abs=3)
    with pytest.raises(InputError, match="max_faces"):
        Analyzer(max_faces=0)


def test_a_face_that_comes_back_late_gets_a_new_number(tmp_path):
    path = clip(tmp_path / "clip.mp4", (0.0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.9, 0.94))
    for limit_s, after in ((1.0, 0), (0.5, 1)):
        configured = Analyzer(detector=BrightSquares(), tracker=TrackerConfig(max_gap_s=limit_s), threads=1)
        tracks = [record.track for record in configured.video(path)]
        assert tracks == [0, 0, 0, 0, None, None, after, after]


@pytest.mark.parametrize(("rate", "every"), [(2.0, 1.5), (4.0, 1.25), (0.4, None)])
def test_a_face_that_stays_keeps_its_number_however_far_apart_frames_are(analyzer, tmp_path, rate, every):
    path = clip(tmp_path / "still.mp4", regular(24, rate), picture=lambda _: draw((60, 40, 40)))
    records = list(analyzer.video(path, every=every))
    assert len(records) >= 4
    assert {record.track for record in records} == {0}


def crowd(_: int) -> np.ndarray:
    return draw((4, 70, 24), (50, 40, 60), (130, 40, 44))


def test_blurred_pictures_of_a_video_hide_those_beyond_max_faces_too(tmp_path):
    path = clip(tmp_path / "crowd.mp4", regular(4), picture=crowd)
    recording = Analyzer("stills", detector=BrightSquares(), max_faces=1, threads=2).video(path)
    for picture, records in recording.pictures(blur=True):
        assert len(records) == 1
        shown = np.asarray(picture).astype(int)
        for left, top, side in ((4, 70, 24), (130, 40, 44)):  # the eyes are gone
            assert shown[top + 4 : top + side - 4, left + 4 : left + side - 4].min() > 100
    assert all(np.asarray(picture)[40:84, 130:174].min() < 90 for picture, _ in recording.pictures())


def test_a_blurred_photo_hides_those_beyond_max_faces_too():
    result = Analyzer(detector=BrightSquares(), max_faces=1, threads=1).image(crowd(0))
    hidden, plain = (np.asarray(result.picture(blur=blur)).astype(int) for blur in (True, False))
    assert len(result) == 1
    assert hidden[44:80, 134:170].std() < 0.5 * plain[44:80, 134:170].std()


def test_max_faces_changes_no_record_that_it_keeps(tmp_path):
    path = clip(tmp_path / "crowd.mp4", regular(30), picture=crowd)
    every = list(Analyzer(detector=BrightSquares(), threads=1).video(path))
    largest = list(Analyzer(detector=BrightSquares(), max_faces=1, threads=1).video(path))
    assert_same(largest, every[::3])


def test_squeezed_videos_have_boxes_of_square_pixels(analyzer, tmp_path):
    def squeezed(_: int) -> np.ndarray:
        return draw((60, 40, 50))[:, ::2]

    path = write_video(tmp_path / "squeezed.mp4", regular(2), (96, 128), picture=squeezed, aspect=(2, 1))
    for record in analyzer.video(path):
        assert record.box is not None
        assert (record.box.left, record.box.width, record.box.height) == pytest.approx((60, 50, 50), abs=3)


def test_turned_videos_have_boxes_of_the_upright_picture(analyzer, tmp_path):
    def stored(_: int) -> np.ndarray:
        return np.rot90(draw((120, 10, 50)))

    path = rotate(write_video(tmp_path / "turned.mp4", regular(2), (SIZE[1], SIZE[0]), picture=stored), 90)
    for record in analyzer.video(path):
        box = record.box
        assert (box.left, box.top, box.width, box.height) == pytest.approx((120, 10, 50, 50), abs=3)


def test_joining_two_videos_joins_their_records(analyzer, tmp_path):
    options = {"mpegts_copyts": "1"}
    one = clip(tmp_path / "one.ts", regular(8), options=options)
    two = clip(tmp_path / "two.ts", regular(8, start_s=3.0), options=options, first=8)
    both = list(analyzer.video(join_files((one, two), tmp_path / "both.ts")))
    parts = [list(analyzer.video(one)), list(analyzer.video(two))]
    assert_same(both, parts[0] + parts[1])
    assert [record.frame for record in both] == list(range(16))
    assert {record.track for record in both[:8]} == {0, None}
    assert {record.track for record in both[8:]} == {1}


def test_joining_a_video_that_begins_earlier_ends_the_tracks(analyzer, tmp_path):
    options = {"mpegts_copyts": "1"}
    parts = [clip(tmp_path / f"{start}.ts", regular(3, start_s=start), options=options) for start in (6.0, 2.0)]
    records = list(analyzer.video(join_files(parts, tmp_path / "both.ts")))
    assert [record.time_s for record in records] == [*regular(3, start_s=6.0), *regular(3, start_s=2.0)]
    assert [record.track for record in records] == [0, 0, 0, 1, 1, 1]


def copied(path: Path, target: Path, begin: int, end: int) -> Path:
    """Copy some packets, as they are, to another file."""
    with av.open(str(path)) as source, av.open(str(target), "w", options={"avoid_negative_ts": "disabled"}) as sink:
        stream = sink.add_stream_from_template(source.streams.video[0])
        for packet in [packet for packet in source.demux(video=0) if packet.size][begin:end]:
            packet.stream = stream
            sink.mux(packet)
    return target


def test_splitting_a_video_changes_nothing_but_frame_and_track_numbers(analyzer, tmp_path):
    whole = clip(tmp_path / "whole.mkv", regular(16, start_s=0.68), key_every=8)  # the second half begins at 1 s
    halves = [copied(whole, tmp_path / f"half_{begin}.mkv", begin, begin + 8) for begin in (0, 8)]
    records = list(analyzer.video(whole, smooth="none"))
    parts = [record for half in halves for record in analyzer.video(half, smooth="none")]
    assert_same(records, parts)
    assert [record.frame for record in parts] == [*range(8), *range(8)]
    assert {record.track for record in records} == {0, None}


@pytest.mark.parametrize("smooth", ["causal", "centred"])
def test_expressions_are_smoothed_within_each_track(analyzer, tmp_path, smooth):
    video = clip(tmp_path / "clip.mkv", regular(30))
    plain, steady = (list(analyzer.video(video, smooth=how)) for how in ("none", smooth))
    assert_same(plain, steady, ("source", SUPPORT, *map(smoothed, SMOOTHED)))
    faces = [record for record in steady if record.has_face]
    for record in faces:
        assert sum(record.scores[smooth_column(label)] for label in LABELS.labels) == pytest.approx(1, abs=1e-5)
        assert 0 < record.scores[SUPPORT] <= 1
    assert not any(name.endswith("_smooth") for record in steady if not record.has_face for name in record.scores)
    happy = smooth_column("happiness"), expression_column("happiness")
    rough, calm = (np.array([record.scores[name] for record in faces]) for name in reversed(happy))
    assert np.abs(np.diff(calm)).sum() < np.abs(np.diff(rough)).sum()


def test_another_kind_of_smoothing_is_refused(analyzer, tmp_path):
    with pytest.raises(InputError, match="smooth must be one of none, causal, centred, not much"):
        analyzer.video(clip(tmp_path / "clip.mkv", regular(2)), smooth="much")


@pytest.mark.parametrize("every", [0.5, 0.2, 0.04])
def test_sampling_goes_by_presentation_time(analyzer, tmp_path, every):
    path = clip(tmp_path / "uneven.mp4", VARIABLE, b_frames=2)
    expected = {0.5: [0.0, 0.7, 1.0, 1.5, 2.0], 0.2: [0.0, 0.2, 0.7, 1.0, 1.5, 1.9, 2.0]}
    expected[0.04] = [0.0, 0.067, 0.2, 0.24, 0.28, 0.7, 0.72, 1.0, 1.5, 1.52, 1.9, 2.0]
    records = list(analyzer.video(path, every=every))
    assert [record.time_s for record in records] == expected[every]
    assert [record.frame for record in records] == [VARIABLE.index(time_s) for time_s in expected[every]]


@pytest.mark.parametrize("every", [0, -1.0, float("nan")])
def test_sampling_needs_a_positive_time(analyzer, tmp_path, every):
    with pytest.raises(InputError, match="every must be a positive number"):
        analyzer.video(clip(tmp_path / "clip.mp4", regular(2)), every=every)


def test_records_come_while_the_video_is_read(analyzer, tmp_path, monkeypatch):
    decoded = []
    frames = VideoFile.frames

    def counted(self: VideoFile) -> Iterator[Frame]:
        for frame in frames(self):
            decoded.append(frame.index)
            yield frame

    monkeypatch.setattr(VideoFile, "frames", counted)
    recording = analyzer.video(clip(tmp_path / "long.mp4", regular(400)))
    assert decoded == []
    taken = list(itertools.islice(recording, 3))
    assert [record.frame for record in taken] == [0, 1, 2]
    assert 3 <= len(decoded) < 40


def test_a_recording_can_be_iterated_again(analyzer, tmp_path):
    recording = analyzer.video(clip(tmp_path / "clip.mp4", regular(6)))
    first = list(recording)
    assert_same(first, list(recording), apart_from=())


def test_frames_come_with_their_records(analyzer, tmp_path):
    for frame, records in analyzer.video(clip(tmp_path / "clip.mp4", regular(6))).frames():
        assert frame.rgb().shape == (SIZE[1], SIZE[0], 3)
        assert {record.time_s for record in records} == {frame.time_s}


def read_table(path: Path) -> list[dict]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in table.to_dict("records")
    ]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_written_records_are_read_back(analyzer, tmp_path, suffix):
    recording = analyzer.video(clip(tmp_path / "clip.mp4", VARIABLE), name="Überblick, täglich.mp4")
    path = tmp_path / f"records.{suffix}"
    assert recording.write(path) == len(VARIABLE)
    rows = read_table(path)
    assert len(rows) == len(VARIABLE)
    for row, record in zip(rows, recording, strict=True):
        assert list(row) == [column.name for column in COLUMNS]
        for column in COLUMNS:
            value, expected = row[column.name], record.row()[column.name]
            if column.kind == "number" and expected is not None:
                tolerance = 0 if suffix == "parquet" or column.digits is None else 0.51 * 10**-column.digits
                assert value == pytest.approx(expected, rel=0, abs=tolerance + 1e-6), column.name
            else:
                assert value == expected, column.name


def test_a_video_that_breaks_off_gives_its_records_then_the_error(analyzer, tmp_path):
    times = regular(100)
    whole = clip(tmp_path / "whole.mkv", times, picture=lambda number: draw((10 + number % 90, 40, 40)))
    path = cut_file(whole, 0.6, tmp_path / "cut.mkv")
    decoded, records = [], []
    with pytest.raises(TruncatedVideo, match="breaks off"):
        for frame in VideoFile(path).frames():
            decoded.append(frame.time_s)
    with pytest.raises(TruncatedVideo, match="breaks off"):
        for record in analyzer.video(path):
            records.append(record)
    assert 20 < len(records) < 90
    assert [record.time_s for record in records] == list(times[: len(records)])
    assert all(record.has_face for record in records)
    assert decoded == [record.time_s for record in records]


@pytest.fixture
def broken(analyzer, tmp_path) -> Recording:
    """Return a recording that breaks off."""
    return analyzer.video(cut_file(clip(tmp_path / "whole.mkv", regular(100)), 0.6, tmp_path / "cut.mkv"))


@pytest.mark.parametrize(
    "take",
    [
        lambda recording: len(recording.to_pandas()),
        lambda recording: len(recording.to_arrow()),
        lambda recording: len(recording.records()),
        lambda recording: recording.figure() and len(recording.records()),
        lambda recording: recording.show() or len(recording.records()),
    ],
    ids=["pandas", "arrow", "records", "figure", "show"],
)
def test_tables_and_figures_hold_what_was_readable_and_warn(broken, monkeypatch, take):
    monkeypatch.setattr(Image.Image, "show", lambda image: None)
    assert broken.failure is None
    with pytest.warns(TruncatedVideoWarning, match="breaks off at"):
        count = take(broken)
    assert 20 < count < 90
    assert f"the {count} readable frames were kept" in str(broken.failure)
    records = []
    with pytest.raises(TruncatedVideo, match="breaks off"):
        for record in broken:
            records.append(record)
    assert len(records) == count


@pytest.mark.parametrize(("name", "dialect"), [("a.csv", "kaoiro"), ("a.parquet", "kaoiro"), ("a.csv", "py-feat")])
def test_a_file_holds_what_was_readable_and_a_warning_follows(broken, tmp_path, name, dialect):
    with pytest.warns(TruncatedVideoWarning, match="breaks off at"):
        count = broken.write(tmp_path / name, dialect)
    assert count == len(read_table(tmp_path / name)) > 20


def test_a_notebook_shows_what_was_readable_and_what_is_missing(broken):
    text = broken._repr_html_()
    assert "<img" in text
    assert "<p>" in text and "breaks off at" in text


def test_a_whole_video_has_no_failure(analyzer, tmp_path):
    recording = analyzer.video(clip(tmp_path / "clip.mp4", regular(6)))
    assert len(recording.to_pandas()) == 6
    assert recording.failure is None
    assert "breaks off" not in recording._repr_html_()


def assert_mirrored(faces: list[Record], mirrored: list[Record], width: int, tolerance: float) -> None:
    assert len(faces) == len(mirrored) > 0
    swapped = [LANDMARKS.index(name) for name in ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")]
    for face, other in zip(faces, mirrored, strict=True):
        box, image = face.box, other.box
        near = tolerance * face.face_size
        assert (width - box.left - box.width, box.top) == pytest.approx((image.left, image.top), abs=near)
        assert (box.width, box.height) == pytest.approx((image.width, image.height), abs=near)
        points = np.array(face.landmarks)[swapped] * (-1, 1) + (width, 0)
        assert np.abs(points - np.array(other.landmarks)).max() <= near + 1e-9


def test_mirroring_a_picture_mirrors_its_boxes(analyzer):
    picture = draw((10, 20, 36), (100, 40, 60))
    assert_mirrored(list(analyzer.image(picture)), list(analyzer.image(picture[:, ::-1])), SIZE[0], 0.0)


@pytest.mark.skipif(
    not (Path(str(resources.files("kaoiro"))) / "assets" / "centerface.onnx").is_file(),
    reason="the detector is not built in",
)
def test_mirroring_a_photograph_mirrors_what_the_detector_finds():
    photograph = Path(str(resources.files("kaoiro"))) / "assets" / "astronaut.png"
    pixels = np.asarray(Image.open(photograph).convert("RGB"))
    real = Analyzer(threads=1)
    faces, mirrored = list(real.image(pixels)), list(real.image(np.ascontiguousarray(pixels[:, ::-1])))
    assert_mirrored(faces, mirrored, pixels.shape[1], 0.08)
    assert faces[0].expression == mirrored[0].expression
