import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.core.types import Box
from kaoiro.faces.detect import Detection
from kaoiro.inference.engine import MeasuredFace, MeasuredPicture
from kaoiro.inference.sequence import PictureSequence


def picture(*lefts: float, anger: float = 0.0) -> MeasuredPicture:
    scores = np.zeros(8)
    scores[0], scores[5] = anger, 1 - anger
    faces = [MeasuredFace(Detection(Box(left, 0, 50, 50), 0.9), 0.5, scores) for left in lefts]
    return MeasuredPicture(faces, [])


def test_faces_keep_their_tracks_and_every_picture_answers_at_once():
    sequence = PictureSequence("camera")
    first = sequence.add(picture(0, 200), 0.0)
    second = sequence.add(picture(205, 2), 0.1)
    assert [record.track for record in first] == [0, 1]
    assert [record.track for record in second] == [1, 0]
    assert [record.frame for record in second] == [1, 1]


def test_the_curve_looks_back_only():
    sequence = PictureSequence("camera")
    rising = [sequence.add(picture(0, anger=float(n > 2)), n / 25)[0] for n in range(6)]
    smooth = [record.scores["expression_anger_smooth"] for record in rising]
    assert smooth[:3] == [0, 0, 0]
    assert 0 < smooth[3] < smooth[4] < smooth[5] < 1


def test_a_picture_without_a_face_is_a_record_too():
    (record,) = PictureSequence("camera").add(picture(), 1.5)
    assert not record.has_face
    assert record.time_s == 1.5


def test_without_smoothing_records_are_plain():
    (record,) = PictureSequence("camera", smooth="none").add(picture(0), 0.0)
    assert "expression_anger_smooth" not in record.scores


def test_a_curve_that_looks_ahead_is_refused():
    with pytest.raises(InputError, match="causal"):
        PictureSequence("camera", smooth="centred")
