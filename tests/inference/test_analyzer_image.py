from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from graphs import write_model
from PIL import Image

import kaoiro
from kaoiro import Analyzer
from kaoiro.core.codec import read_rows
from kaoiro.core.errors import InputError, OutputError
from kaoiro.core.types import CHANGED, COLUMNS, SMOOTHED, Box, Record, changed
from kaoiro.faces.detect import Detection
from kaoiro.inference.results import html_table

NAMES = [column.name for column in COLUMNS]
EXPRESSIONS = [name for name in NAMES if name.startswith("expression_") and not name.endswith(("_smooth", "_change"))]
FACELESS = {"source": "picture", "frame": 0, "time_s": 0.0}
ASTRONAUT = Box(180, 60, 90, 118)


def numbers(records: Any) -> np.ndarray:
    """Return all measurements of the faces as an array."""
    rows = [record.row() for record in records]
    return np.array([[row[name] for name in NAMES if isinstance(row[name], float)] for row in rows])


def png(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def photograph(astronaut: Path) -> Image.Image:
    return Image.open(astronaut).convert("RGB")


@pytest.fixture(scope="module")
def faces(analyzer, astronaut):
    return analyzer.image(astronaut)


def test_a_face_is_measured_completely(faces, astronaut):
    (face,) = faces
    assert isinstance(face, Record)
    row = face.row()
    assert list(row) == NAMES
    empty = {name for name, value in row.items() if value is None and "smooth" not in name}
    further = {"valence_sd", "arousal_sd", *SMOOTHED[8:], *map(changed, CHANGED)}  # not of every model, or no baseline
    assert empty - further == {"track"}
    assert {value for name, value in row.items() if "smooth" in name} == {None}  # nothing to smooth in a photo
    assert (face.source, face.frame, face.time_s) == (str(astronaut), 0, 0.0)
    assert face.box is not None and face.box.overlap(ASTRONAUT) > 0.8
    assert face.face_size == pytest.approx((face.box.width * face.box.height) ** 0.5)
    assert face.roll == pytest.approx(3.7, abs=2)  # her right eye is a little higher
    assert 0 < face.sharpness < 1
    values = [row[name] for name in EXPRESSIONS]
    assert sum(values) == pytest.approx(1)
    assert face.confidence == max(values) == row[f"expression_{face.expression}"]
    assert face.expression == "happiness"


def test_landmarks_lie_in_the_face(faces):
    (left_eye, right_eye, nose, mouth_left, mouth_right) = faces[0].landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert mouth_left[0] < nose[0] < mouth_right[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(mouth_left[1], mouth_right[1])


@pytest.mark.parametrize(
    "form",
    [
        lambda path, image: str(path),
        lambda path, image: path.read_bytes(),
        lambda path, image: image,
        lambda path, image: np.asarray(image),
    ],
    ids=["text", "bytes", "image", "array"],
)
def test_every_form_of_a_picture_gives_the_same_records(analyzer, astronaut, photograph, faces, form):
    again = analyzer.image(form(astronaut, photograph))
    assert np.array_equal(numbers(again), numbers(faces))
    assert again[0].expression == faces[0].expression


def test_records_are_named_after_the_path_or_as_asked(analyzer, astronaut, photograph):
    assert analyzer.image(photograph)[0].source == "picture"
    assert analyzer.image(photograph, name="scan 7")[0].source == "scan 7"
    assert analyzer.image(astronaut, name="täglich/1.png")[0].source == "täglich/1.png"


def test_the_largest_face_comes_first(analyzer, two_faces):
    first, second = analyzer.image(two_faces)
    assert first.face_size == pytest.approx(2 * second.face_size, rel=0.1)
    assert first.box.left < 300 < 512 < second.box.left
    assert first.expression == second.expression == "happiness"


def test_max_faces_keeps_the_largest(two_faces):
    (only,) = Analyzer(max_faces=1, threads=1).image(two_faces)
    assert only.box.left < 300
    assert len(Analyzer(max_faces=5, threads=1).image(two_faces)) == 2


@pytest.mark.parametrize("options", [{"max_faces": 0}, {"max_faces": -1}, {"min_face": 0}, {"min_face": float("nan")}])
def test_settings_that_make_no_sense_are_refused(options):
    with pytest.raises(InputError, match=next(iter(options))):
        Analyzer(**options)


def test_boxes_of_the_caller_are_measured_in_their_order(analyzer, two_faces):
    boxes = [(512 + 90, 128 + 30, 45, 59), (180, 60, 90, 118), (10, 300, 60, 60)]
    result = analyzer.image(two_faces, boxes=boxes)
    assert [(f.box.left, f.box.top, f.box.width, f.box.height) for f in result] == boxes
    for face in result:
        assert (face.face_score, face.landmarks, face.roll, face.track) == (None, None, None, None)
        assert sum(face.row()[name] for name in EXPRESSIONS) == pytest.approx(1)
    assert result[1].expression == "happiness"


def test_boxes_are_placed_as_the_model_says(tmp_path):
    canvas = np.zeros((100, 100, 3), np.uint8)
    canvas[17:83, 17:83] = 204  # the crop of the box, which spans 20 to 80, and three pixels more: brightness 0.8
    analyzer = Analyzer(write_model(tmp_path / "model", [0.0] * 8, [0.0] * 7 + [5.0]).path, threads=1)
    left, top, width, height = analyzer.specification.crop.box
    box = (20 + 60 * left, 20 + 60 * top, 60 * width, 60 * height)
    (face,) = analyzer.image(canvas, boxes=[box])
    expected = np.exp([0.0] * 7 + [4.0])
    assert face.scores["expression_contempt"] == pytest.approx(float(expected[7] / expected.sum()), abs=0.005)


def test_no_boxes_are_no_faces(analyzer, photograph):
    result = analyzer.image(photograph, boxes=[])
    assert (len(result), [record.has_face for record in result.rows()]) == (0, [False])


@pytest.mark.parametrize(
    "boxes", [[(1, 2, 3)], [(1, 2, 3, float("nan"))], [(0, 0, 0, 5)], "all", [(600, 10, 50, 50)], [(0, 0, 1e9, 1e9)]]
)
def test_bad_boxes_are_refused_in_one_line(analyzer, photograph, boxes):
    with pytest.raises(InputError, match="box") as caught:
        analyzer.image(photograph, boxes=boxes)
    assert "\n" not in str(caught.value)


def test_a_box_across_the_border_is_measured(analyzer, photograph):
    (face,) = analyzer.image(photograph, boxes=[(-60, -40, 200, 200)])
    assert face.confidence == max(face.scores.values())


def test_another_detector_can_be_put_in(tmp_path):
    class Corner:
        def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
            return (width // 2, height // 2)

        def detect(self, image: np.ndarray) -> list[Detection]:
            assert image.shape == (30, 40, 3)
            return [Detection(Box(1, 2, 10, 12), 0.5)]

    analyzer = Analyzer(write_model(tmp_path / "model", [0.0] * 8).path, detector=Corner(), threads=1)
    (face,) = analyzer.image(np.zeros((60, 80, 3), np.uint8))
    assert (face.box, face.face_score) == (Box(2, 4, 20, 24), 0.5)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_boxes_are_those_of_the_upright_picture(analyzer, photograph, faces, orientation):
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = analyzer.image(png(photograph.transpose(turn), exif=exif))
    assert np.array_equal(numbers(turned), numbers(faces))


def test_a_picture_without_a_face_has_one_row_without_a_face(analyzer):
    result = analyzer.image(np.full((200, 300, 3), 90, np.uint8))
    assert (len(result), list(result), repr(result)) == (0, [], "<no face>")
    (record,) = result.rows()
    assert {name: value for name, value in record.row().items() if value is not None} == FACELESS
    assert len(result.to_pandas()) == 1
    assert "<img" in result._repr_html_()


def test_a_mirrored_picture_has_mirrored_boxes(analyzer, two_faces):
    straight = analyzer.image(two_faces)
    mirrored = analyzer.image(np.ascontiguousarray(two_faces[:, ::-1]))
    assert len(straight) == len(mirrored) == 2
    for one, other in zip(straight, mirrored, strict=True):
        image = Box(768 - one.box.left - one.box.width, one.box.top, one.box.width, one.box.height)
        assert image.overlap(other.box) > 0.85
        assert other.roll == pytest.approx(-one.roll, abs=3)


def test_a_path_may_have_any_name(analyzer, photograph, tmp_path):
    path = tmp_path / "größe 写真 'x'; #1.jpg"
    photograph.save(path, quality=95)
    (face,) = analyzer.image(path)
    assert face.source == str(path)
    assert face.box.overlap(ASTRONAUT) > 0.8


def test_it_is_a_sequence(faces):
    assert (len(faces), faces[0], faces[-1], faces[:5]) == (1, *list(faces) * 2, list(faces))
    with pytest.raises(IndexError):
        faces[1]
    assert re.fullmatch(r"<1 face: happiness [01]\.\d\d>", repr(faces))


def test_the_notebook_shows_the_picture_and_a_table(analyzer, photograph):
    text = analyzer.image(photograph)._repr_html_()
    assert text.startswith('<img alt="')
    assert "<td>happiness</td>" in text
    assert text.count("<tr>") == 2


def test_a_label_cannot_bring_markup_into_the_notebook(make_record):
    record = dataclasses.replace(make_record(), expression="<script>")
    assert "<td>&lt;script&gt;</td>" in html_table([record])


def test_a_long_table_is_cut_and_says_so(make_record):
    text = html_table([make_record()] * 20, limit=3)
    assert (text.count("<tr>"), "20 rows in all" in text) == (4, True)


def test_show_opens_the_annotated_picture(faces, photograph, monkeypatch):
    shown = []
    monkeypatch.setattr(Image.Image, "show", lambda image: shown.append(np.asarray(image)))
    faces.show()
    assert shown[0].shape == (512, 512, 3)
    assert not np.array_equal(shown[0], np.asarray(photograph))


def test_the_table_has_the_columns_and_values_of_the_records(analyzer, two_faces):
    result = analyzer.image(two_faces)
    arrow, frame = result.to_arrow(), result.to_pandas()
    assert arrow.column_names == list(frame.columns) == NAMES
    assert arrow.to_pylist() == [face.row() for face in result]
    assert frame["expression_happiness"].tolist() == [face.scores["expression_happiness"] for face in result]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_records_are_written_and_read_again(analyzer, two_faces, tmp_path, suffix):
    result = analyzer.image(two_faces, name="zwei, 'Gesichter'.png")
    path = tmp_path / "größe" / f"faces.{suffix}"
    assert result.write(path) == 2
    for row, face in zip(read_rows(path), result, strict=True):
        expected = face.row()
        for column in COLUMNS:
            value = expected[column.name]
            if isinstance(value, float):
                value = pytest.approx(value, abs=0.51 * 10.0 ** -(column.digits or 12))
            assert row[column.name] == value


def test_records_are_written_in_other_dialects(faces, tmp_path):
    assert faces.write(tmp_path / "fex.csv", "py-feat") == 1
    row = pd.read_csv(tmp_path / "fex.csv").iloc[0]
    assert row["FaceRectX"] == pytest.approx(faces[0].box.left, abs=0.01)
    assert row[["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]].sum() == pytest.approx(1)


@pytest.mark.parametrize(("name", "dialect"), [("faces.xlsx", "kaoiro"), ("faces", "kaoiro"), ("faces.csv", "excel")])
def test_unknown_formats_and_dialects_are_refused(faces, tmp_path, name, dialect):
    with pytest.raises(OutputError):
        faces.write(tmp_path / name, dialect)
    assert list(tmp_path.iterdir()) == []


def test_the_package_offers_its_nouns():
    assert kaoiro.Analyzer is Analyzer
    assert kaoiro.Record is Record
    assert issubclass(InputError, kaoiro.KaoiroError)
    with pytest.raises(AttributeError, match="nosuch"):
        kaoiro.nosuch  # noqa: B018
