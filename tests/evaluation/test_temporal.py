from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FER2013, FERPLUS
from kaoiro.data.datasets import wandering
from kaoiro.evaluation import temporal
from kaoiro.evaluation.temporal import Known


@pytest.fixture(scope="module")
def data() -> Known:
    streams = wandering.streams(14)
    number = np.array([int(clip[-3:]) for clip in streams.clips])
    raw = streams.logits[:, :]
    target = number % 7
    # the course of the drawn clips is not told; a long centred mean of the target stands for it
    intensity = np.concatenate(
        [
            np.clip(np.convolve(raw[part, target[part.start]], np.ones(9) / 9, "same") / 4, 0, 1)
            for _, part in streams.each()
        ]
    )
    level = np.where(number % 2, "high", "low")
    return Known(streams, streams.probabilities, intensity, target, level)


def test_a_single_frame_is_the_answer_itself(data) -> None:
    assert temporal.smoothed(data, temporal.SINGLE) is data.probabilities


def test_clips_do_not_flow_into_each_other(data) -> None:
    answer = temporal.smoothed(data, "moving average", 11)
    for part in data.clips():
        assert answer[part.start] == pytest.approx(data.probabilities[part.start])


def test_levels_are_measured_apart(data) -> None:
    answer = temporal.smoothed(data, "parabolic")
    assert len(temporal.measured(data, answer).moments) == 14
    assert len(temporal.measured(data, answer, level="high").moments) == 7
    with pytest.raises(DataError, match=r"no clips of level dark; there are: high, low"):
        temporal.measured(data, answer, level="dark")


def test_a_table_has_every_measure_with_its_interval(data) -> None:
    courses = {name: temporal.measured(data, temporal.smoothed(data, name)) for name in ("single frame", "parabolic")}
    table = temporal.table(courses, 200)
    assert set(table) == {"single frame", "parabolic"}
    for row in table.values():
        for measure in ("jitter", "flips", "accuracy", "fidelity", "lag", "attenuation"):
            low, high = row[f"{measure}, interval"]
            assert low <= row[measure] <= high
    assert table["parabolic"]["jitter"] < 0.1 * table["single frame"]["jitter"]
    assert table["parabolic"]["lag"] > table["single frame"]["lag"] + 2


@pytest.fixture(scope="module")
def parabolas(data) -> dict:
    return temporal.pareto(data, ["parabolic"], lengths=temporal.FINE)["parabolic"]


AT_EQUAL_JITTER = "(c) fidelity - that of a parabola of equal jitter"
LATCHING = "latching: longest frozen run, frames"


def test_claims_of_a_parabola_against_itself(data, parabolas) -> None:
    average = temporal.measured(data, temporal.smoothed(data, "moving average"))
    found = temporal.claims(parabolas[11], average, parabolas, 300)
    assert found[AT_EQUAL_JITTER]["found"] == pytest.approx(0)
    assert found[AT_EQUAL_JITTER]["interval"] == pytest.approx([0, 0])
    assert found[AT_EQUAL_JITTER]["verdict"] == found[LATCHING]["verdict"] == "holds"


def test_claims_of_something_that_latches_do_not_hold(data, parabolas) -> None:
    stuck = data.probabilities.copy()
    for part in data.clips():
        stuck[part] = stuck[part.start]
    average = temporal.measured(data, temporal.smoothed(data, "moving average"))
    found = temporal.claims(temporal.measured(data, stuck), average, parabolas, 300)
    assert found["(b) fidelity - that of the moving average"]["verdict"] == "does not hold"
    assert found[LATCHING]["verdict"] == "does not hold"
    assert found[AT_EQUAL_JITTER]["verdict"] == "undecided"  # no parabola is that calm
    assert found[AT_EQUAL_JITTER]["found"] is None


@pytest.mark.parametrize(
    ("interval", "below", "verdict"),
    [
        ((0.3, 0.5), True, "holds"),
        ((0.5, 0.7), True, "undecided"),
        ((0.7, 0.8), True, "does not hold"),
        ((0.7, 0.8), False, "holds"),
        ((0.3, 0.5), False, "does not hold"),
        ((float("nan"), float("nan")), True, "undecided"),
    ],
)
def test_a_verdict_is_that_of_the_whole_interval(interval, below: bool, verdict: str) -> None:
    assert temporal._row((0.5, *interval), 0.6, below)["verdict"] == verdict


def test_longer_windows_are_calmer_on_the_same_frames(data) -> None:
    curve = temporal.pareto(data, ["moving average"])["moving average"]
    jitter = [float(one.figure("jitter")) for one in curve.values()]
    assert list(curve) == list(temporal.LENGTHS)
    assert jitter == sorted(jitter, reverse=True)
    assert len({float(one.shares["accuracy"][:, 1].sum()) for one in curve.values()}) == 1


def test_other_labels_are_brought_to_the_seven() -> None:
    eight = np.full((2, 8), 0.125)
    eight[1] = np.nan
    seven = temporal.seven(eight, FERPLUS.labels)
    assert seven[0] == pytest.approx(np.full(7, 1 / 7))
    assert np.isnan(seven[1]).all()
    assert temporal.seven(seven, FER2013.labels) is seven
