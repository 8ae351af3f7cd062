from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake.bank import NULL, PLANTED, write_bank
from scipy.stats import binomtest, false_discovery_control

from kaoiro.core.errors import InputError
from kaoiro.evaluation import banked, recordings, recordings_page, replicates
from kaoiro.evaluation.banked import Sitting
from kaoiro.evaluation.recordings import ANGER, FLOOR_INTERVAL, FLOOR_NOISE, FLOOR_P, Design, RecordingsConfig
from kaoiro.evaluation.replicates import Pool, Setting
from kaoiro.evaluation.sensitivity import sensitivity, sharpened
from kaoiro.timeline.intervals import Blocks, intervals

QUICK = RecordingsConfig(minutes=(60.0,), counts=(1, 4), replicates=40, takes=1, gains=(1.0,))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> banked.Bank:
    path = tmp_path_factory.mktemp("bank") / "bank.parquet"
    return banked.read(write_bank(path, people=6, sessions=10, levels=("medium",)))


def _sitting(null: np.ndarray, planted: np.ndarray) -> Sitting:
    return Sitting("a", 0, "low", null, {"weak": planted})


def test_a_bank_is_read_by_person_session_and_level(tmp_path: Path) -> None:
    models = (("affect", "a" * 64), ("other", "b" * 64))
    path = write_bank(tmp_path / "bank.parquet", people=2, sessions=3, models=models)
    found = banked.read(path)
    assert (found.model, found.digest, found.people) == ("affect", "a" * 64, ["bank-000", "bank-001"])
    assert banked.models(path) == ["affect", "other"]
    assert banked.read(path, "b" * 64).model == "other"
    assert found.columns[:2] == ("expression_anger", "expression_contempt")
    assert found.columns[8:] == ("valence",)
    assert found.levels == ["low", "medium", "high"]
    assert len(found.sittings) == 2 * 3 * 3
    assert [one.session for one in found.some("low", ["bank-001"])] == [0, 1, 2]
    one = found.sittings[0]
    assert one.null.shape == (NULL, 9)
    assert {name: len(rows) for name, rows in one.planted.items()} == {"weak": PLANTED, "strong": PLANTED}
    assert found.about["minutes of sessions"] == pytest.approx(2 * 3 * 3 * (NULL + PLANTED) / 120, abs=0.05)


def test_recordings_hold_the_planted_share_exactly() -> None:
    sitting = _sitting(np.zeros((14, 2)), np.ones((5, 2)))
    for share, minutes in ((0.008, 60), (0.003, 60), (0.001, 5), (0.2, 5)):
        values, visible = replicates.series(sitting, [0], Setting(minutes, share), np.random.default_rng(0))
        assert values.shape == (120 * minutes, 1)
        assert visible.sum() == round(share * 120 * minutes)
        assert (values[:, 0] == visible).all()


def test_planted_seconds_come_in_episodes() -> None:
    sitting = _sitting(np.zeros((14, 1)), np.ones((5, 1)))
    _, visible = replicates.series(sitting, [0], Setting(60, 0.05), np.random.default_rng(0))
    starts = (np.diff(visible.astype(int), prepend=0) == 1).sum()
    assert starts <= 72  # 360 samples in runs of 5


def test_the_bootstrap_sd_is_that_of_the_intervals() -> None:
    rng = np.random.default_rng(3)
    values = np.repeat(rng.standard_normal((120, 2)), 5, axis=0) + 0.3 * rng.standard_normal((600, 2))
    fixed = Blocks(shortest_s=5, longest_s=5, draws=20_000)
    expected = intervals(values, 0.5 * np.arange(600), blocks=fixed).sd
    assert replicates.bootstrap_sd(values) == pytest.approx(expected, rel=0.02)


def test_readers_add_what_is_missing_where_anger_is_visible() -> None:
    values, visible = np.array([[0.2, 0.5], [0.2, 0.5]]), np.array([False, True])
    found = replicates.with_readers(values, visible, 0, [0.5, 1.0])
    assert found == pytest.approx(np.array([[0.2, 0.5, 0.2, 0.2], [0.2, 0.5, 0.6, 1.0]]))


def test_a_replicate_takes_sessions_of_one_person_and_each_once() -> None:
    people = np.repeat(["a", "b"], 6)
    means = np.arange(12.0)[:, None, None]
    null = Pool(people, means, np.zeros_like(means))
    after = Pool(people, means + 100, np.zeros_like(means))
    for seed in range(20):
        found = replicates.draw((null, null, after), 2, np.random.default_rng(seed))
        used = [*found.shares[:2, 0], *(found.shares[2:, 0] - 100), *found.others[:, 0]]
        assert len(set(used)) == 6
        assert len({int(number) // 6 for number in used}) == 1
    shared = replicates.draw((null, null, after), 3, np.random.default_rng(0), shared=True)
    assert len(set(shared.shares[:3, 0])) == len(set(shared.shares[3:, 0])) == 1
    with pytest.raises(InputError, match="nobody has 8 sessions"):
        replicates.draw((null, null, after), 4, np.random.default_rng(0))


def test_a_familys_p_is_adjusted_with_the_reader_in_the_place_of_anger() -> None:
    p = np.array([0.01, 0.2, 0.04, 0.0001])
    assert replicates.family(p, [0, 1, 2], 0, 0) == pytest.approx(false_discovery_control(p[:3]))
    assert replicates.family(p, [0, 1, 2], 0, 3) == pytest.approx(false_discovery_control(p[[3, 1, 2]]))


@pytest.mark.parametrize(("hits", "trials"), [(0, 500), (25, 500), (500, 500), (3, 7)])
def test_intervals_of_rates_are_wilsons(hits: int, trials: int) -> None:
    expected = binomtest(hits, trials).proportion_ci(method="wilson")
    assert replicates.binomial(hits, trials) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_where_sessions_scatter_evenly_false_alarms_are_nominal_or_fewer(bank: banked.Bank) -> None:
    config = RecordingsConfig(minutes=(60.0,), counts=(1, 4), replicates=400, takes=1, gains=())
    rows = {row["design"]: row for row in recordings.Experiments(bank, config).null()}
    assert rows["1 vs 1"]["p"][0] < 0.05  # few people set the floor: its upper end counts
    assert rows["4 vs 4"]["p"][0] == pytest.approx(0.05, abs=0.03)
    assert rows["1 vs 1"]["p without noise"][0] > 0.5
    for row in rows.values():
        assert row[FLOOR_NOISE][0] <= row[FLOOR_INTERVAL][0] <= row[FLOOR_P][0] <= row["p"][0]
        assert row["replicates"] == 400


def test_one_camera_a_side_fools_the_test_but_seldom_the_floor(bank: banked.Bank) -> None:
    config = RecordingsConfig(minutes=(60.0,), counts=(4,), replicates=200, takes=1, gains=())
    row = next(row for row in recordings.Experiments(bank, config).null() if "camera" in row["design"])
    assert row["p"][0] > 0.5
    assert row[FLOOR_P][0] < 0.2


def test_a_change_that_is_seen_is_found_and_one_that_is_not_is_not(tmp_path: Path) -> None:
    path = write_bank(tmp_path / "bank.parquet", sessions=6, levels=("low",), between=2e-4, within=1e-3)
    config = RecordingsConfig(minutes=(60.0,), counts=(1,), replicates=40, takes=1, gains=(1.0,))
    rows = recordings.Experiments(banked.read(path), config).power()
    found = {
        (row["minutes"], row["design"], row["reader"], row["from"]): row for row in rows if row["strength"] == "weak"
    }
    sure, blind = found[60.0, "1 vs 1", "reader_1", 0.001], found[60.0, "1 vs 1", ANGER, 0.001]
    assert sure["p"][0] > 0.95
    assert sure[FLOOR_P][0] > 0.5  # few episodes do not convince beside seven other labels
    assert blind[FLOOR_P][0] < 0.2
    assert sure["change of the share, points"] == pytest.approx(0.7 * 0.9, rel=0.05)  # 0.1 at rest is there already
    assert any(row["design"] == "1 vs 1, own floor" for row in rows)


def test_designs_are_those_for_which_there_are_sessions(bank: banked.Bank) -> None:
    found = recordings.Experiments(bank, QUICK).designs("medium")
    assert found == [Design(1), Design(4), Design(1, own=True), Design(4, shared=True)]


def test_too_few_people_or_sessions_are_refused(tmp_path: Path) -> None:
    few = banked.read(write_bank(tmp_path / "few.parquet", people=3))
    with pytest.raises(InputError, match="four people or more, two to set floors and two to test, not 3"):
        recordings.Experiments(few, QUICK)
    once = banked.read(write_bank(tmp_path / "once.parquet", sessions=1))
    with pytest.raises(InputError, match="two sessions of everybody at level low, not 1"):
        recordings.Experiments(once, QUICK).designs("low")


def test_the_shortest_design_with_the_wanted_power_is_named() -> None:
    case = {"level": "low", "strength": "weak", "from": 0.001, "to": 0.008, "reader": ANGER}
    tried = [(5.0, 1, 0.3), (60.0, 1, 0.85), (15.0, 2, 0.9), (60.0, 2, 1.0)]
    rows = [
        case | {"minutes": m, "per side": n, "design": f"{n} vs {n}", FLOOR_P: [power, 0, 1]} for m, n, power in tried
    ]
    found = recordings.needed(rows, FLOOR_P)
    assert [(row["design"], row["best power"], row["floor"]) for row in found] == [
        ("2 x 15 min a side", 1.0, "of others")
    ]
    assert recordings.needed(rows[:1], FLOOR_P)[0]["design"] is None


def test_a_temperature_of_one_changes_nothing_and_others_do_as_by_hand() -> None:
    p = np.array([[0.2, 0.8], [0.5, 0.5]])
    assert sharpened(p, 1.0) == pytest.approx(p)
    assert sharpened(p, 0.5)[0] == pytest.approx([0.04 / 0.68, 0.64 / 0.68])
    assert sharpened(np.array([[0.0, 1.0]]), 1.25) == pytest.approx(np.array([[0.0, 1.0]]))


def test_what_temperature_and_model_move_stands_beside_half_a_point(tmp_path: Path) -> None:
    models = (("affect", "a" * 64), ("same", "b" * 64))
    path = write_bank(tmp_path / "bank.parquet", levels=("low",), between=0, within=0, models=models)
    rows = {row["what"]: row for row in sensitivity(banked.read(path), [banked.read(path, "same")])}
    assert rows["model same"]["moved, points"] == pytest.approx(0)
    powers = np.array([0.1, *[0.9 / 7] * 7]) ** (1 / 1.25)
    expected = 100 * (powers[0] / powers.sum() - 0.1)
    assert rows["temperature x 1.25"]["moved, points"] == pytest.approx(expected)
    assert rows["temperature x 1.25"]["of a 0.5-point change"] == pytest.approx(expected / 0.5)


def test_the_page_has_verdicts_tables_and_pictures(tmp_path: Path) -> None:
    bank = banked.read(write_bank(tmp_path / "bank.parquet", people=4, sessions=2, levels=("medium",)))
    figures = recordings.measure(bank, [bank], QUICK)
    recordings_page.write(tmp_path, figures)
    text = (tmp_path / "recordings.md").read_text("utf-8")
    for part in (
        "## Claims",
        "does not hold",
        "![Power](recordings-power.png)",
        "| level | design |",
        "temperature x 0.8",
    ):
        assert part in text
    assert json.loads((tmp_path / "recordings.json").read_text("utf-8"))["bank"]["people"] == 4
    assert (tmp_path / "recordings-power.png").stat().st_size > 5000
    assert (tmp_path / "recordings-false-alarms.png").is_file()
    rows = {row["claim"]: row for row in recordings_page.verdicts(figures)}
    assert rows[next(name for name in rows if "as the model reads it" in name)]["verdict"] == "does not hold"
