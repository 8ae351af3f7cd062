from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from kaoiro.core.errors import InputError
from kaoiro.timeline.floors import TAILS, Session, Tails, blocks, floors, of_one, recordings, tails


def _sessions(between: float, within: float = 0.0, people: int = 8, each: int = 12, samples: int = 40) -> list[Session]:
    rng = np.random.default_rng(0)
    return [
        Session(str(person), between * rng.standard_normal(1) + within * rng.standard_normal((samples, 1)))
        for person in range(people)
        for _ in range(each)
    ]


def test_sessions_without_movement_differ_by_their_means_at_every_length() -> None:
    values = {"a": (0.1, 0.4), "b": (0.2, 0.2)}
    sessions = [Session(name, np.full((20, 1), value)) for name, pair in values.items() for value in pair]
    found = floors(sessions, ["x"], [1, 60], draws=50)["x"]
    assert [row.minutes for row in found] == [1, 60]
    for row in found:
        assert row.floor == pytest.approx(0.3)  # the greater of the two differences, 0.3 and 0
        assert row.sd == pytest.approx(np.sqrt(0.3**2 / 2 / 2))
        assert row.excess == pytest.approx(0)


def test_short_recordings_differ_by_more_than_long_ones() -> None:
    rows = floors(_sessions(0.01, 0.4, samples=4000), ["x"], [1, 5, 60], draws=50)["x"]
    assert rows[0].sd > rows[1].sd > rows[2].sd
    assert rows[0].low <= rows[0].estimate <= rows[0].floor <= rows[0].rare


def test_the_floor_of_long_recordings_is_what_sessions_differ_by() -> None:
    row = floors(_sessions(0.05, people=30), ["x"], [60], draws=50)["x"][0]
    assert row.sd == pytest.approx(0.05, rel=0.1)
    assert row.estimate == pytest.approx(1.96 * np.sqrt(2) * 0.05, rel=0.12)


def test_how_much_short_sessions_add_is_said() -> None:
    still, moving = (floors(_sessions(0.01, within), ["x"], [120], draws=10)["x"][0] for within in (1e-4, 0.3))
    assert still.excess < 0.01
    assert moving.excess > 0.5
    assert moving.sd == pytest.approx(0.3 / np.sqrt(40), rel=0.15)  # nothing but what 40 samples leave open


def test_a_recording_has_the_mean_of_its_session() -> None:
    ramp = np.arange(30.0)[:, None]
    found = recordings([Session("a", ramp), Session("b", ramp + 100)], minutes=600)
    assert found[:, 0] == pytest.approx([14.5, 114.5], abs=0.5)


def test_missing_samples_are_left_out() -> None:
    values = np.array([[1.0], [np.nan], [3.0]])
    assert recordings([Session("a", values)], minutes=300)[0, 0] == pytest.approx(2, abs=0.05)


def test_blocks_follow_each_other_on_the_circle() -> None:
    places = blocks(np.zeros((7, 1)), 23, 5, np.random.default_rng(1))
    assert places.shape == (23,)
    steps = np.diff(places.reshape(-1)[:20].reshape(4, 5), axis=1) % 7
    assert (steps == 1).all()


def test_blocks_are_no_longer_than_what_there_is() -> None:
    places = blocks(np.zeros((3, 1)), 9, 10, np.random.default_rng(1))
    assert sorted(places[:3].tolist()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("sessions", "columns", "minutes", "part"),
    [
        ([], ["x"], [5], "two or more"),
        ([Session("a", np.zeros((5, 1)))] * 2, ["x", "y"], [5], "columns"),
        ([Session("a", np.zeros((5, 1)))] * 2, ["x"], [0], "length"),
        ([Session("a", np.zeros((5, 1)))] * 2, ["x"], [], "lengths"),
        ([Session("a", np.zeros((5, 1))), Session("b", np.zeros((5, 1)))], ["x"], [5], "nobody"),
        ([Session("a", np.full((5, 1), np.nan))] * 2, ["x"], [5], "without a single sample"),
    ],
)
def test_bad_input_is_refused(sessions: list[Session], columns: list[str], minutes: list[float], part: str) -> None:
    with pytest.raises(InputError, match=part):
        floors(sessions, columns, minutes)


def test_few_recordings_of_one_person_are_taken_as_students_t() -> None:
    means = np.array([[0.1], [0.2], [0.6]])
    floor, sd, rare = of_one(means, Tails(1.5, 2))
    assert sd == pytest.approx(np.std([0.1, 0.2, 0.6], ddof=1))
    assert floor == pytest.approx(1.5 * np.sqrt(2) * sd * t.ppf(0.975, 2))
    assert rare == pytest.approx(2 * np.sqrt(2) * sd * t.ppf(1 - 0.05 / 16, 2))
    floor, sd, rare = of_one(means)
    row = floors([Session("a", np.full((20, 1), value)) for value in means[:, 0]], ["x"], [60], draws=5)["x"][0]
    assert (row.floor, row.sd, row.rare) == pytest.approx((floor[0], sd[0], rare[0]))
    with pytest.raises(InputError, match="null recordings of a person must be 2 or more"):
        of_one(means[:1])


def test_normal_scatter_has_the_tails_of_students_t_and_long_ones_more() -> None:
    rng = np.random.default_rng(0)

    def sessions(values: np.ndarray) -> list[Session]:
        return [Session(str(place // 12), np.full((4, 8), value)) for place, value in enumerate(values)]

    assert tails(sessions(rng.normal(size=(1200, 8))), draws=1000) == pytest.approx((1, 1), abs=0.1)
    long = tails(sessions(rng.standard_t(2, size=(1200, 8))), draws=1000)
    assert 1.1 < long.floor < long.rare
    with pytest.raises(InputError, match="nobody has 6 null recordings"):
        tails(sessions(np.ones((5, 8))))


def test_tails_are_those_of_the_results() -> None:
    path = Path(__file__).parents[2] / "docs" / "results" / "recordings.json"
    found = json.loads(path.read_text(encoding="utf-8"))["tails"]
    assert pytest.approx((found["floor"], found["rare"]), abs=0.01) == TAILS


def test_of_normal_scatter_one_persons_floor_keeps_its_rate_of_false_alarms_however_few_recordings() -> None:
    rng = np.random.default_rng(0)
    for count in (3, 6):
        hits = []
        for _ in range(1500):
            means = rng.standard_normal((count + 2, 1))
            hits.append(abs(means[0, 0] - means[1, 0]) > of_one(means[2:], Tails())[0][0])
        assert np.mean(hits) == pytest.approx(0.05, abs=0.02)
