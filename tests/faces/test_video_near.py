from __future__ import annotations

from pathlib import Path

import pytest
from media import TortureCase, read_code, regular, torture_set, write_video

from kaoiro.faces.video import VideoFile


@pytest.mark.parametrize("b_frames", [0, 2])
def test_jumping_finds_the_picture_that_is_shown_at_a_time(tmp_path: Path, b_frames: int) -> None:
    file = VideoFile(write_video(tmp_path / "clip.mp4", regular(60, 25), b_frames=b_frames))
    times = [0.0, 0.04, 0.05, 1.0, 0.52, 2.36, 99.0]
    found = [None if frame is None else read_code(frame.rgb()) for frame in file.near(times)]
    assert found == [0, 1, 1, 25, 13, 59, 59]


def test_a_key_picture_before_the_time_is_enough_where_nothing_exact_is_asked_for(tmp_path: Path) -> None:
    file = VideoFile(write_video(tmp_path / "clip.mp4", regular(60, 25), key_every=12))
    found = [(frame.time_s, read_code(frame.rgb())) for frame in file.near([0.2, 0.5, 1.9], exact=False) if frame]
    assert found == [(0.0, 0), (pytest.approx(0.48), 12), (pytest.approx(1.44), 36)]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TortureCase]:
    return torture_set(tmp_path_factory.mktemp("torture"))


@pytest.mark.parametrize("name", ["b_frames", "delayed_start", "variable_rate", "rotated_90", "gap", "late_start"])
def test_jumping_gives_the_times_that_reading_gives(cases: dict[str, TortureCase], name: str) -> None:
    file = VideoFile(cases[name].path)
    times = [frame.time_s for frame in file.frames()]
    assert [frame.time_s for frame in file.near(times) if frame is not None] == pytest.approx(times)


@pytest.mark.parametrize("name", ["no_timestamps", "truncated", "jump_back"])
def test_jumping_in_odd_files_raises_nothing(cases: dict[str, TortureCase], name: str) -> None:
    assert len(list(VideoFile(cases[name].path).near([0.0, 1.0, 50.0]))) == 3
