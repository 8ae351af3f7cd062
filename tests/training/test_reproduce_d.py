"""System D again, end to end on a small fake set: every run for real, with networks of a second."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from fake import synthetic as fake

from kaoiro.cli.main import main
from kaoiro.core.errors import DataError, InputError
from kaoiro.evaluation import claims
from kaoiro.evaluation import multitask as multitask_figures
from kaoiro.families.multitask_affect.config import NetworkConfig
from kaoiro.training import multitask, reproduce_d, trials
from kaoiro.training.multitask import Budget, Trial
from kaoiro.training.readings import LENGTHS
from kaoiro.training.reproduce_d import Order, system_d
from kaoiro.training.trials import stages

TINY = Budget(1, 6, NetworkConfig(stem=8, widths=(8, 8, 8), mask=0, placed=8))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    fake.write(folder / "syn-mt")
    file = folder / "syn-mt" / "set.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"finished": {"sha256": "ab"}}))
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce_d, "DRAWS", 50)


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """Return the trials that are learned."""
    found: list[Trial] = []

    def noted(learner: Any) -> Any:
        def learn(trial: Trial, *rest: Any) -> Any:
            found.append(trial)
            return learner(trial, *rest)

        return learn

    for name, learner in trials.LEARNERS.items():
        monkeypatch.setitem(trials.LEARNERS, name, noted(learner))
    return found


def order(sets: Path, out: Path, **changes: Any) -> Order:
    return Order(sets / "syn-mt", out, **{"seeds": 1, "every": 2, "fixed": TINY, **changes})


def kept(reports: dict[str, Any]) -> Any:
    """Return what takes reports: the last one of each section is kept."""

    def keep(section: str, figures: dict[str, Any], complete: bool) -> None:
        reports[section] = figures | {"complete": complete}

    return keep


def test_what_carries_the_claims_comes_first_and_what_is_compared_has_fewer_seeds() -> None:
    planned = stages(5)
    assert list(planned)[:3] == ["claims, seed 0", "claims, seed 1", "claims, seed 2"]
    assert list(planned)[-3:] == ["claims, seed 3", "claims, seed 4", "the chosen weight"]
    assert len(planned["the chosen weight"]) == 2 * 5 - 3  # all labels of three seeds are among the settings
    assert len(planned["claims, seed 1"]) == 6 * 2
    assert {(trial.fraction, trial.seed) for trial in planned["claims, seed 1"]} == {(0.05, 1), (1.0, 1)}
    every = [trial for stage in planned.values() for trial in stage]
    assert len(set(every)) == len(every)
    assert len({trials._slug(trial) for trial in every}) == len(every)
    assert {trial.alpha for trial in planned["settings"]} == {0.1, 0.3, 0.5, 0.7, 0.9}
    assert {trial.seed for trial in planned["settings"]} == {0, 1, 2}
    assert all(stage for stage in stages(1).values())


@pytest.fixture(scope="module")
def runs(sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the runs of three seeds are finished."""
    folder = tmp_path_factory.mktemp("runs")
    system_d(order(sets, folder, seeds=3), kept({}), lambda _: None)
    return folder


def test_every_claim_and_every_table_is_reported(sets: Path, runs: Path, learned: list[Trial]) -> None:
    found: dict[str, Any] = {}
    system_d(order(sets, runs, seeds=3), kept(found), lambda _: None)
    assert learned == []
    figures, planned = found["rendered"], [trial for stage in stages(3).values() for trial in stage]
    assert figures["complete"] and figures["runs"] == f"{len(planned)} of {len(planned)}"
    assert set(figures["claims"]) == {one.row for one in claims.load()[0] if one.table == "rendered/claims"}
    assert {row["verdict"] for row in figures["claims"].values()} <= {"holds", "does not hold", "undecided"}
    assert {row["seeds"] for row in figures["claims"].values()} == {3}
    table = figures["configurations"]
    expected = {"all three, 100 %", "valence-arousal, 5 %", "expressions, 1 %", "all three, coupled, smoothed, 100 %"}
    assert expected <= table.keys()
    assert table["all three, 100 %"]["seeds"] == 3 and table["all three, 20 %"]["seeds"] == 1
    assert table["valence-arousal, 5 %"]["F1w"] is None
    assert table["neutral, everything absent"]["CCC valence"]["mean"] == 0
    sweep = figures["weight of valence and arousal (all three, 100 %)"]
    assert [row["seeds"] for row in sweep.values()] == [3] * 5
    windows = figures["windows of smoothing"]["all three, smoothed, 100 %"]["frames, seed by seed"].split(", ")
    assert len(windows) == 3 and {int(one) for one in windows} <= set(LENGTHS)
    assert figures["steps"] == "1 of 6 faces, strided network: 1 of 6" and len(figures["scaled down"]) == 5


def test_every_run_is_told(sets: Path, tmp_path: Path) -> None:
    told: list[str] = []
    system_d(order(sets, tmp_path), kept({}), told.append)
    assert any(line.startswith("all three, 100 %, seed 0: CCC valence") for line in told)


def test_nothing_is_judged_by_less_than_three_seeds(sets: Path, tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    system_d(order(sets, tmp_path), kept(found), lambda _: None)
    rows = found["rendered"]["claims"]
    row = rows["CCC valence, all three - alone, 5 %"]
    assert row["found"] is not None and (row["seeds"], row["verdict"]) == (1, "too few seeds")
    assert rows["P, α 0.5 - the best α"]["verdict"] == "not measured yet"  # one seed has no spread


def test_seeds_that_disagree_widen_the_interval() -> None:
    people = np.random.default_rng(0).normal(0, 0.01, 4000)
    agreeing, apart = (np.stack([shift + people for shift in shifts]) for shifts in ((0, 0, 0), (-0.1, 0, 0.1)))
    assert np.std(multitask_figures.seeded(agreeing, 4000)) == pytest.approx(0.01, rel=0.1)
    wanted = np.hypot(0.01, 0.1 / np.sqrt(3))  # variance of people, and that of a mean of three seeds
    assert np.std(multitask_figures.seeded(apart, 4000)) == pytest.approx(wanted, rel=0.1)
    assert (multitask_figures.seeded(apart[:1], 4000) == apart[0]).all()


def test_judges_of_generated_faces_are_compared_with_themselves_alone(sets: Path, runs: Path) -> None:
    found: dict[str, Any] = {}
    system_d(order(sets, runs, seeds=3), kept(found), lambda _: None)
    figures, planned = found["generator"], trials.adversarial(3)
    assert {trial.learner for trial in planned} == {trials.ADVERSARIAL, trials.STRIDED}
    assert figures["runs"] == f"{len(planned)} of {len(planned)}"
    assert set(figures["claims"]) == {one.row for one in claims.load()[0] if one.table == "generator/claims"}
    verdicts = {name: row["verdict"] for name, row in figures["claims"].items()}
    assert set(verdicts.values()) <= {"holds", "does not hold", "undecided"}
    assert "all three, adversarial, 5 %" in figures["configurations"]
    assert figures["configurations"]["valence-arousal + action units, adversarial, 100 %"]["F1w"] is None
    assert figures["parameters of the strided network"] > 0


def test_an_interrupted_call_goes_on_and_ends_as_the_unbroken_one(
    sets: Path, tmp_path: Path, learned: list[Trial]
) -> None:
    whole: dict[str, Any] = {}
    system_d(order(sets, tmp_path / "whole"), kept(whole), lambda _: None)
    every, broken = len(learned), {}
    learned.clear()

    def stop(line: str) -> None:
        if len(learned) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        system_d(order(sets, tmp_path / "broken"), kept(broken), stop)
    assert broken == {} and len(learned) == 3
    system_d(order(sets, tmp_path / "broken"), kept(broken), lambda _: None)
    assert len(learned) == every
    for key in ("claims", "configurations", "F1 of action units"):
        assert broken["rendered"][key] == whole["rendered"][key]
    learned.clear()
    system_d(order(sets, tmp_path / "whole"), kept(whole), lambda _: None)
    assert learned == []


def test_claims_whose_runs_are_not_finished_say_so(sets: Path, tmp_path: Path) -> None:
    seen: list[tuple[dict[str, Any], bool]] = []
    report = lambda _, figures, complete: seen.append((figures["claims"], complete))  # noqa: E731
    system_d(order(sets, tmp_path), report, lambda _: None)
    first = {name: row["found"] for name, row in seen[0][0].items()}
    assert first["mean CCC, loss of concordance - of squares"] is None
    assert first["CCC valence, all three - alone, 5 %"] is not None
    assert [complete for _, complete in seen] == [False] * (len(stages(1)) - 1) + [True, True]


def test_what_is_finished_is_reported_without_training(sets: Path, tmp_path: Path, learned: list[Trial]) -> None:
    data = reproduce_d.videos.read(sets / "syn-mt", 32, 2)
    trials.settle(tmp_path / "trials", data, None, TINY)
    trials.run(stages(1)["claims, seed 0"][:2], tmp_path / "trials", data, TINY, lambda _: None)
    learned.clear()
    found: dict[str, Any] = {}
    system_d(order(sets, tmp_path, training=False, steps=99), kept(found), lambda _: None)
    assert learned == []
    assert found["rendered"]["runs"].startswith("2 of ") and found["generator"]["runs"].startswith("1 of ")
    assert not found["rendered"]["complete"] and found["rendered"]["steps"].startswith("1 of 6 faces")
    rows = found["rendered"]["claims"]
    assert rows["CCC valence, all three - alone, 100 %"]["found"] is not None
    assert rows["F1w, all three - alone, 100 %"]["verdict"] == "not measured yet"


def test_where_nothing_is_finished_there_is_nothing_to_report(sets: Path, tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    with pytest.raises(InputError, match="holds no runs"):
        system_d(order(sets, tmp_path, training=False), kept(found), lambda _: None)
    assert found == {} and list(tmp_path.iterdir()) == []
    data = reproduce_d.videos.read(sets / "syn-mt", 32, 2)
    trials.settle(tmp_path / "trials", data, None, TINY)
    with pytest.raises(InputError, match="holds no finished runs"):
        system_d(order(sets, tmp_path, training=False), kept(found), lambda _: None)
    with pytest.raises(InputError, match="with another set"):
        system_d(order(sets, tmp_path, training=False, every=3), kept(found), lambda _: None)
    assert found == {}


def test_a_folder_of_other_runs_is_refused(sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = reproduce_d.videos.read(sets / "syn-mt", 48, 2)
    monkeypatch.setattr(trials, "steps_within", lambda *_: 17)
    told: list[str] = []
    assert trials.settle(tmp_path, data, 0.5, TINY, told.append).steps == 17
    assert told == ["17 steps of 6 faces for each run"]
    monkeypatch.setattr(trials, "steps_within", lambda *_: 99)
    assert trials.settle(tmp_path, data, 0.5, TINY).steps == 17
    for change in ({"hours": 0.6}, {"budget": replace(TINY, batch=4)}):
        with pytest.raises(InputError, match="another set or budget"):
            trials.settle(tmp_path, data, **{"hours": 0.5, "budget": TINY, **change})
    (tmp_path / "settings.json").write_text("nothing")
    with pytest.raises(DataError, match=r"settings\.json is damaged"):
        trials.settle(tmp_path, data, 0.5, TINY)


def test_a_damaged_run_is_one_clear_error(sets: Path, tmp_path: Path) -> None:
    data = reproduce_d.videos.read(sets / "syn-mt", 48, 2)
    trials.run([Trial()], tmp_path, data, TINY, lambda _: None)
    file = next(tmp_path.glob("strided-*.npz"))
    whole = file.read_bytes()
    for content in (b"nothing", whole[: len(whole) // 2]):
        file.write_bytes(content)
        with pytest.raises(DataError, match="is damaged; remove it to do this run again"):
            trials.finished([Trial()], tmp_path, data)


def test_a_run_names_the_code_that_learned_it(sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = reproduce_d.videos.read(sets / "syn-mt", 32, 2)
    for name, trial in (("abc", Trial()), ("def", Trial(seed=1))):
        monkeypatch.setattr(trials, "commit", lambda name=name: name)
        trials.run([trial], tmp_path / "trials", data, TINY, lambda _: None)
    trials.settle(tmp_path / "trials", data, None, TINY)
    found: dict[str, Any] = {}
    system_d(order(sets, tmp_path, seeds=2, training=False), kept(found), lambda _: None)
    assert found["rendered"]["learned by commit"] == "abc, def"


@pytest.mark.parametrize("change", [{"seeds": 0}, {"budget": -1.0}, {"budget": 1.0, "steps": 7}])
def test_impossible_orders_are_refused(change: dict, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        Order(tmp_path, tmp_path, **change)


def test_the_command_writes_figures_and_a_page(
    sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(multitask, "NETWORK", TINY.network)
    pages = tmp_path / "pages"
    arguments = ["reproduce", "D", "--sets", str(sets), "--out", str(tmp_path / "out"), "--seeds", "1", "--every", "3"]
    arguments += ["--steps", "1"]
    assert main([*arguments, "--results", str(pages)]) == 0
    assert (tmp_path / "out" / "system-d.md").is_file()
    page = (pages / "system-d.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == page
    assert "**configurations**" in page and "**scaled down**" in page
    stored = json.loads((pages / "system-d.json").read_text(encoding="utf-8"))
    assert list(stored) == ["rendered", "generator"]
    stored["real"] = {"claims": {one.row: ROW for one in claims.load()[0] if one.table == "real/claims"}}
    (pages / "system-d.json").write_text(json.dumps(stored))
    assert main([*arguments, "--results", str(pages)]) == 0
    assert json.loads((pages / "system-d.json").read_text(encoding="utf-8"))["real"] == stored["real"]
    (pages / "system-d.json").write_text("nothing")
    assert main([*arguments, "--results", str(pages)]) == 2
    assert "system-d.json is damaged" in capsys.readouterr().err


ROW = {"found": 0.1, "interval": None, "wished": "at least 0", "verdict": "holds"}


def test_the_command_refuses_sets_of_another_kind(
    sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.write(tmp_path / "syn-mt")
    file = tmp_path / "syn-mt" / "set.json"
    settings = {"set": "syn-id", "finished": {"sha256": "ab"}}
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    assert main(["reproduce", "D", "--sets", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "is a set of syn-id" in capsys.readouterr().err


def test_the_command_asks_for_the_head_where_the_set_is_to_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KAOIRO_ICT_FACE", raising=False)
    assert main(["reproduce", "D", "--out", str(tmp_path / "out")]) == 2
    assert "KAOIRO_ICT_FACE" in capsys.readouterr().err
