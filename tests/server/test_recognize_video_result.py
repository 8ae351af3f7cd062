"""The document that a finished operation of the Emotion API carries: ticks, fragments, events, scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kaoiro import Analyzer
from server.pictures import (
    IN_VIDEOS,
    crowd,
    document,
    events,
    film,
    portrait,
    scene,
    small_film,
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a film of 1.6 s that shows two people."""
    return small_film(tmp_path_factory.mktemp("film") / "clip.mp4", 40)


@pytest.fixture(scope="module")
def aggregate(url: str, clip: Path) -> dict[str, Any]:
    """Return the document of the film, aggregated."""
    return document(url, clip)


@pytest.fixture(scope="module")
def per_frame(url: str, clip: Path) -> dict[str, Any]:
    """Return the document of the film, frame by frame."""
    return document(url, clip, "?outputStyle=perFrame")


# -------------------------------------------------------------------------------------------------------- envelope


def test_both_styles_have_the_same_envelope(aggregate: dict[str, Any], per_frame: dict[str, Any]):
    names = ["version", "timescale", "offset", "framerate", "width", "height", "rotation", "facesDetected", "fragments"]
    for found in (aggregate, per_frame):
        assert list(found) == names
        assert [found[name] for name in ("version", "offset", "width", "height", "rotation")] == [1, 0, 640, 360, 0]
        assert found["framerate"] == pytest.approx(25, abs=1e-3)
        assert type(found["timescale"]) is int
        assert len(found["facesDetected"]) == 2


def test_fragments_follow_each_other_from_zero(aggregate: dict[str, Any], per_frame: dict[str, Any]):
    for found in (aggregate, per_frame):
        end = 0
        for fragment in found["fragments"]:
            assert list(fragment) == ["start", "duration", "interval", "events"]
            assert fragment["start"] == end
            assert fragment["duration"] == fragment["interval"] * len(fragment["events"])
            assert all(type(value) is int for value in list(fragment.values())[:3])
            end += fragment["duration"]
        assert 1.6 <= end / found["timescale"] < 1.6 + 0.5


def test_times_of_the_documented_example_are_kept(url: str, tmp_path: Path):
    picture, rate = scene((160, 120), (150, 0, 0)), 30000 / 1001
    found = document(url, film(tmp_path / "a.mp4", [picture] * 61, rate))
    assert (found["timescale"], found["framerate"]) == (30000, pytest.approx(29.97, abs=0.001))
    assert [fragment["interval"] for fragment in found["fragments"]] == [15015, 15015]
    assert (found["fragments"][0]["start"], found["fragments"][0]["duration"]) == (0, 60060)
    frames = document(url, film(tmp_path / "b.mp4", [picture] * 4, rate), "?outputStyle=perFrame")
    assert frames["timescale"] == 30000 and {part["interval"] for part in frames["fragments"]} == {1001}


@pytest.mark.parametrize("style", ["aggregate", "perFrame"])
def test_a_stretch_without_faces_is_a_fragment_without_events(url: str, tmp_path: Path, style: str):
    face, blank = scene((160, 120), (150, 0, 0)), Image.new("RGB", (160, 120))
    path = film(tmp_path / "a.mp4", [face] * 5 + [blank] * 25 + [face] * 5, rate=5)
    found = document(url, path, f"?outputStyle={style}")
    empty = [fragment for fragment in found["fragments"] if "events" not in fragment]
    assert empty and all(list(fragment) == ["start", "duration"] for fragment in empty)
    ends = [0, *(fragment["start"] + fragment["duration"] for fragment in found["fragments"])]
    assert [fragment["start"] for fragment in found["fragments"]] == ends[:-1]
    assert 7.0 <= ends[-1] / found["timescale"] < 8
    for fragment in found["fragments"]:
        for number, inside in enumerate(fragment.get("events", [])):
            middle = (fragment["start"] + (number + 0.5) * fragment["interval"]) / found["timescale"]
            assert bool(inside) == (middle < 1.05 or middle > 5.95), middle


# ------------------------------------------------------------------------------------------------------- aggregate


def test_a_window_tells_shares_and_means_in_the_order_of_videos(aggregate: dict[str, Any]):
    for event in events(aggregate):
        (window,) = event
        assert list(window) == ["windowFaceDistribution", "windowMeanScores"]
        for values in window.values():
            assert list(values) == IN_VIDEOS
            assert sum(values.values()) == pytest.approx(1, abs=1e-5)


def test_windows_follow_each_other_by_half_a_second(aggregate: dict[str, Any]):
    for fragment in aggregate["fragments"]:
        assert 0.45 <= fragment["interval"] / aggregate["timescale"] <= 0.55


def test_shares_and_means_are_those_of_the_smoothed_records(aggregate: dict[str, Any], clip: Path, analyzer: Analyzer):
    found = events(aggregate)
    frames = round(aggregate["fragments"][0]["interval"] / aggregate["timescale"] * 25)
    expected = _windows(clip, analyzer, frames)
    assert len(found) == len(expected) == -(-40 // frames)
    for (window,), (shares, means) in zip(found, expected, strict=True):
        assert list(window["windowFaceDistribution"].values()) == pytest.approx(shares, abs=0.03)
        assert list(window["windowMeanScores"].values()) == pytest.approx(means, abs=2e-3)


def _windows(clip: Path, analyzer: Analyzer, frames: int) -> list[tuple[list[float], list[float]]]:
    """Return the shares and the means of all faces in windows of so many frames, from the records of a film."""
    rows: dict[int, list[list[float]]] = {}
    for record in analyzer.video(clip):
        row = record.row()
        scores = [row[f"expression_{label}_smooth"] for label in IN_VIDEOS]
        rows.setdefault(record.frame // frames, []).append(scores)
    answer = []
    for _, scores in sorted(rows.items()):
        tops = [values.index(max(values)) for values in scores]
        shares = [tops.count(number) / len(tops) for number in range(len(IN_VIDEOS))]
        answer.append((shares, np.mean(scores, axis=0).tolist()))
    return answer


# -------------------------------------------------------------------------------------------------------- perFrame


def test_each_face_of_each_frame_is_an_event(per_frame: dict[str, Any]):
    assert [len(event) for event in events(per_frame)] == [2] * 40
    for event in events(per_frame):
        for face in event:
            assert list(face) == ["id", "x", "y", "width", "height", "scores"]
            assert list(face["scores"]) == IN_VIDEOS
            assert sum(face["scores"].values()) == pytest.approx(1, abs=1e-5)


def test_a_frame_lasts_one_interval(per_frame: dict[str, Any]):
    assert {fragment["interval"] / per_frame["timescale"] for fragment in per_frame["fragments"]} == {1 / 25}


def test_faces_have_the_numbers_places_and_smoothed_scores_of_the_records(
    per_frame: dict[str, Any], clip: Path, analyzer: Analyzer
):
    records = {(record.frame, record.track): record for record in analyzer.video(clip)}
    found = {(number, face["id"]): face for number, event in enumerate(events(per_frame)) for face in event}
    assert found.keys() == records.keys() and len({identity for _, identity in found}) == 2
    for key, face in found.items():
        box = records[key].box
        assert box is not None
        expected = [box.left / 640, box.top / 360, box.width / 640, box.height / 360]
        assert [face[name] for name in ("x", "y", "width", "height")] == pytest.approx(expected, abs=5e-3)
        scores = [records[key].row()[f"expression_{label}_smooth"] for label in IN_VIDEOS]
        assert list(face["scores"].values()) == pytest.approx(scores, abs=2e-3)


def test_places_are_shares_of_the_picture_even_at_its_edge(url: str, tmp_path: Path, analyzer: Analyzer):
    path = film(tmp_path / "a.mp4", [scene((480, 360), (900, -360, -135))] * 3)
    assert all(record.box is not None and record.box.left < -1 for record in analyzer.video(path))
    found = events(document(url, path, "?outputStyle=perFrame"))
    assert [len(event) for event in found] == [1, 1, 1]
    for ((face),) in found:
        assert 0 <= face["x"] < face["x"] + face["width"] <= 1
        assert 0 <= face["y"] < face["y"] + face["height"] <= 1


def test_faces_under_24_pixels_are_left_out(url: str, tmp_path: Path, analyzer: Analyzer):
    picture = scene((480, 360), (300, 0, 0), (160, 305, 0), (110, 310, 200))
    sizes = [(record.box.width, record.box.height) for record in analyzer.image(picture) if record.box]
    assert [min(size) > 24 for size in sizes] == [True, True, False] and max(sizes[1]) < 36
    found = document(url, film(tmp_path / "a.mp4", [picture] * 3), "?outputStyle=perFrame")
    assert [len(event) for event in events(found)] == [2, 2, 2]


def test_a_face_over_2048_pixels_is_left_out_and_nothing_else_remains(url: str, tmp_path: Path, analyzer: Analyzer):
    head = portrait().crop((170, 45, 280, 190)).resize((110 * 18, 145 * 18))
    (record,) = analyzer.image(head)
    assert record.box is not None and record.box.height > 2048
    found = document(url, film(tmp_path / "a.mp4", [head] * 2))
    assert found["facesDetected"] == []
    assert [list(fragment) for fragment in found["fragments"]] == [["start", "duration"]]


def test_at_most_64_faces_of_a_video_are_told(url: str, tmp_path: Path, analyzer: Analyzer):
    picture = crowd(70)
    assert len(analyzer.image(picture)) > 64
    found = document(url, film(tmp_path / "a.mp4", [picture] * 2), "?outputStyle=perFrame")
    assert [len(event) for event in events(found)] == [64, 64]
    assert len(found["facesDetected"]) == 64
