"""Valence, arousal and action units, from the graph to the record."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import Further, write_affect_model, write_model
from jobs import Middle
from media import bar_code, regular, write_video

from kaoiro import Analyzer
from kaoiro.core.errors import ModelError
from kaoiro.core.labels import AFFECT, MEASURED_UNITS
from kaoiro.core.types import SUPPORT
from kaoiro.inference.heads import columns
from kaoiro.timeline.steady import weight

WHITE = np.full((64, 64, 3), 255, np.uint8)


def analyzer(path: Path) -> Analyzer:
    return Analyzer(path, detector=Middle(), threads=1)


def test_a_face_has_valence_arousal_their_spreads_and_units(tmp_path: Path) -> None:
    model = write_affect_model(tmp_path / "model", -0.25, {"au_12": 0.75, "au_26": 0.5})
    (face,) = analyzer(model.path).image(WHITE)
    scores = {name: value for name, value in face.scores.items() if not name.startswith("expression")}
    expected = {"valence": -0.25, "arousal": 0.25, "valence_sd": 0.1, "arousal_sd": 0.2}
    units = dict.fromkeys(MEASURED_UNITS.labels, 0.125) | {"au_12": 0.75, "au_26": 0.5}
    assert scores == pytest.approx(expected | units, abs=1e-6)


def test_answers_are_those_of_the_pixels(tmp_path: Path) -> None:
    model = write_affect_model(tmp_path / "model", 0.0, brighter=1.0)
    (face,) = analyzer(model.path).image(WHITE // 2)
    assert face.scores["valence"] == pytest.approx(math.tanh(127 / 255), abs=0.01)


def test_a_model_without_these_heads_leaves_them_out(constant_model: Path) -> None:
    (face,) = analyzer(constant_model).image(WHITE)
    assert set(face.scores) == {name for name in face.scores if name.startswith("expression_")}
    row = face.row()
    assert all(row[name] is None for name in (*AFFECT.labels, "valence_sd", *MEASURED_UNITS.labels))


def test_a_model_may_answer_some_of_the_units(tmp_path: Path) -> None:
    some = Further("units", "sigmoid", ("au_26", "au_04"), [0.0, math.log(3)])
    (face,) = analyzer(write_model(tmp_path / "model", [0.0] * 8, further=[some]).path).image(WHITE)
    assert {name: face.scores[name] for name in face.scores if name.startswith("au_")} == pytest.approx(
        {"au_26": 0.5, "au_04": 0.75}
    )


def test_what_is_not_finite_is_left_out(tmp_path: Path) -> None:
    specification = write_affect_model(tmp_path / "model").specification
    answers = {"expression": np.zeros((2, 8)), "affect": np.array([[0.5, np.nan], [0.25, 0.75]])}
    answers |= {"affect_spread": np.array([[np.inf, 0.1], [0.1, 0.2]]), "units": np.full((2, 12), 0.5)}
    units = dict.fromkeys(MEASURED_UNITS.labels, 0.5)
    spreads = {"valence_sd": 0.1, "arousal_sd": 0.2}
    first = {"valence": 0.5, "arousal_sd": 0.1} | units
    assert columns(answers, specification) == [first, {"valence": 0.25, "arousal": 0.75} | spreads | units]
    nobody = {name: answer[:0] for name, answer in answers.items()}
    assert columns(nobody, specification) == []


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (
            Further("units", "sigmoid", ("au_12", "au_07", "au_43"), [0.0] * 3),
            "head 'units' of model 'model' answers au_07, au_43, for which records have no column; they have: au_01, ",
        ),
        (
            Further("units", "identity", ("au_12",), [0.0]),
            "head 'units' of model 'model' must be sigmoid, not identity",
        ),
        (Further("affect", "tanh", ("valence", "dominance"), [0.0] * 2), "answers dominance"),
        (Further("affect", "identity", AFFECT.labels, [0.0] * 2), "must be tanh, not identity"),
        (Further("affect_spread", "tanh", AFFECT.labels, [0.0] * 2), "must be exponential, not tanh"),
    ],
)
def test_answers_that_records_cannot_hold_are_refused_when_the_model_is_opened(
    tmp_path: Path, head: Any, reason: str
) -> None:
    path = write_model(tmp_path / "model", [0.0] * 8, further=[head]).path
    with pytest.raises(ModelError, match=reason) as caught:
        Analyzer(path)
    assert "\n" not in str(caught.value)


def test_a_head_of_another_name_may_answer_anything(tmp_path: Path) -> None:
    other = Further("intensity", "identity", ("au_07",), [0.0])
    (face,) = analyzer(write_model(tmp_path / "model", [0.0] * 8, further=[other]).path).image(WHITE)
    assert "au_07" not in face.scores


@pytest.mark.parametrize("mode", ["causal", "centred"])
def test_they_are_smoothed_over_time_as_the_expressions_are(tmp_path: Path, mode: Any) -> None:
    model = write_affect_model(tmp_path / "model", 0.0, {"au_12": 0.75}, brighter=2.0)
    video = write_video(tmp_path / "v.mp4", regular(12), (64, 48), picture=lambda number: bar_code(number, (64, 48)))
    records = [record for record in analyzer(model.path).video(video, smooth=mode) if record.has_face]
    times = np.array([record.time_s for record in records])
    raw = np.array([record.scores["valence"] for record in records])
    shares = np.array([[weight(round(other - time_s, 6), mode) for other in times] for time_s in times])
    assert np.ptp(raw) > 0.05, "frames must differ for this to tell anything"
    assert [r.scores["valence_smooth"] for r in records] == pytest.approx(shares @ raw / shares.sum(axis=1))
    assert all(r.scores["au_12_smooth"] == pytest.approx(0.75, abs=1e-6) for r in records)
    assert not any("sd_smooth" in name for name in records[0].scores)


def test_smoothing_adds_nothing_that_was_not_measured(constant_model: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", regular(3), (64, 48), picture=lambda number: bar_code(number, (64, 48)))
    (record, *_) = [record for record in analyzer(constant_model).video(video) if record.has_face]
    assert {name for name in record.scores if "smooth" in name and not name.startswith("expression")} == {SUPPORT}
