import json
import time
from pathlib import Path

import pytest

from kaoiro.core import codec
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import Box, Record, expression_column, smooth_column
from kaoiro.server.fragments import ORDER, result

VIDEO = {"width": 400, "height": 200, "rate": 25.0, "start_s": 0.0, "duration_s": 1.0, "rotation": 0}


def face(
    frame: int, time_s: float, label: str, track: int = 0, smooth: str | None = None, left: float = 40.0
) -> Record:
    scores = {expression_column(name): float(name == label) for name in EXPRESSIONS.labels}
    if smooth is not None:
        scores |= {smooth_column(name): float(name == smooth) for name in EXPRESSIONS.labels}
    return Record("x", frame, time_s, track, 0.9, Box(left, 20.0, 80.0, 40.0), scores=scores)


def written(path: Path, records: list[Record]) -> Path:
    with codec.opened(path / "records.parquet") as writer:
        for record in records:
            writer.write(record.row())
    return path / "records.parquet"


def document(path: Path, records: list[Record], style: str, **video: object) -> dict:
    return json.loads(result(written(path, records), VIDEO | video, style))


def test_each_frame_has_its_slot_and_its_faces(tmp_path):
    records = [face(0, 0.0, "fear"), Record("x", 1, 0.04), face(2, 0.08, "fear"), face(2, 0.08, "anger", track=1)]
    found = document(tmp_path, records, "perFrame")
    assert (found["timescale"], found["framerate"], found["width"]) == (25000, 25, 400)
    assert found["facesDetected"] == [{"faceId": 0}, {"faceId": 1}]
    (fragment,) = found["fragments"]
    assert (fragment["start"], fragment["interval"], fragment["duration"]) == (0, 1000, 3000)
    assert [len(events) for events in fragment["events"]] == [1, 0, 2]
    first = fragment["events"][0][0]
    assert (first["x"], first["y"], first["width"], first["height"]) == (0.1, 0.1, 0.2, 0.2)
    assert list(first["scores"]) == list(ORDER)
    assert first["scores"]["fear"] == 1


def test_a_window_holds_the_means_of_half_a_second_and_two_seconds_make_a_fragment(tmp_path):
    records = [face(n, n / 25, "fear" if n < 3 else "neutral") for n in range(12)]
    records += [Record("x", n, n / 25) for n in range(12, 120)]
    found = document(tmp_path, records, "aggregate")
    first, second, third = found["fragments"]
    assert (first["interval"], first["duration"], len(first["events"])) == (12000, 48000, 4)
    (window,) = first["events"][0]
    assert window["windowMeanScores"]["fear"] == window["windowFaceDistribution"]["fear"] == 0.25
    assert first["events"][1:] == [[], [], []]
    assert second == {"start": 48000, "duration": 48000}
    assert third == {"start": 96000, "duration": 24000}


def test_smoothed_scores_are_told_where_there_are_any(tmp_path):
    found = document(tmp_path, [face(0, 0.0, "fear", smooth="anger")], "perFrame")
    assert found["fragments"][0]["events"][0][0]["scores"]["anger"] == 1


def test_places_end_at_the_edge_of_the_picture(tmp_path):
    found = document(tmp_path, [face(0, 0.0, "fear", left=-40.0)], "perFrame")
    assert found["fragments"][0]["events"][0][0]["x"] == 0
    assert found["fragments"][0]["events"][0][0]["width"] == 0.1


def test_a_recording_without_a_face_has_fragments_without_events(tmp_path):
    found = document(tmp_path, [Record("x", n, n / 25) for n in range(25)], "aggregate")
    assert found["facesDetected"] == []
    assert all(set(fragment) == {"start", "duration"} for fragment in found["fragments"])


@pytest.mark.parametrize("style", ["aggregate", "perFrame"])
def test_one_wrong_time_stamp_makes_no_endless_answer(tmp_path, style):
    begun = time.monotonic()
    found = document(tmp_path, [face(0, 0.0, "fear"), face(1, 1e9, "fear")], style, rate=1.0)
    assert time.monotonic() - begun < 20
    assert found["fragments"][-1]["start"] <= 24 * 3600 * found["timescale"]
