from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake import numbered
from media import regular, write_video

from kaoiro.core.errors import InputError
from kaoiro.core.types import Box
from kaoiro.data.labelled_set import LabelledSet, LeftOut, Row, Span, gathered
from kaoiro.evaluation.pictures import cut, pixels


def one(path: Path, **known: object) -> LabelledSet:
    return gathered("folders", path.parent, [Row("a", "fear", path, **known)])  # pyright: ignore[reportArgumentType]


def test_a_box_that_reaches_beyond_the_picture_gives_what_is_within() -> None:
    picture = np.arange(10 * 8 * 3, dtype=np.uint8).reshape(10, 8, 3)
    np.testing.assert_array_equal(cut(picture, Box(-2, 4, 6, 100), "a"), picture[4:, :4])
    for box in (Box(-9, 0, 5, 5), Box(20, 0, 5, 5), Box(0, 0, 0.2, 5)):
        with pytest.raises(InputError, match="a: nothing of the face's box"):
            cut(picture, box, "a")


def test_a_frame_of_a_video_that_lies_as_a_picture_is_read_as_one(tmp_path: Path) -> None:
    path = numbered.picture(tmp_path / "00001.png", 5)
    assert abs(pixels(one(path, span=Span(tmp_path, 1, 1)), 0).mean() - numbered.level(5)) < 2


def test_a_video_of_unknown_length_shows_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.h264"
    write_video(
        path, regular(3), numbered.VIDEO, muxer="h264", picture=lambda frame: np.full((32, 32, 3), 90 * frame, np.uint8)
    )
    assert pixels(one(path, span=Span(path)), 0).mean() < 40


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    path.write_bytes(b"no video")
    with pytest.raises(InputError, match=r"a\.avi"):
        pixels(one(path, span=Span(path)), 0)
    with pytest.raises(InputError, match=r"a\.avi"):
        pixels(one(path), 0)


def test_what_was_left_out_is_told_largest_first(tmp_path: Path) -> None:
    found = [LeftOut("calm", 2), Row("a", "fear", tmp_path), LeftOut("sound alone", 3), LeftOut("calm")]
    assert gathered("ravdess", tmp_path, found).told() == "3 calm, 3 sound alone"
