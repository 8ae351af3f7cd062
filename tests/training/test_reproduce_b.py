"""System B again, end to end on small fake sets: every run for real, with networks of a second."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import noted
import numpy as np
import pytest
from fake import identities
from PIL import Image

from kaoiro.cli.main import main
from kaoiro.core.codes import EXPRESSION_CODE, IDENTITY, Codes, deviations
from kaoiro.core.crops import FER2013_CROP, INNER_CROP
from kaoiro.core.errors import DataError, InputError
from kaoiro.data.datasets import synthetic
from kaoiro.evaluation import claims, exchange_report, separation
from kaoiro.evaluation.exchange_tables import MEANLESS
from kaoiro.evaluation.measured import Measured
from kaoiro.evaluation.renders import SwapConfig
from kaoiro.evaluation.separation import CLUSTERING, SeparationConfig
from kaoiro.families.identity_expression.recipe import ADDED, RECIPES, Recipe
from kaoiro.families.residual_attention.config import NetworkConfig
from kaoiro.training import exchange, exchange_measures, exchange_runs, exchange_summary, judging, reproduce_b
from kaoiro.training.exchange_measures import MEASURES, SEPARATION, SWAP
from kaoiro.training.exchange_runs import KNOWN, ROWS, Alike, Outcome, Run
from kaoiro.training.recogniser import RecogniserConfig
from kaoiro.training.reproduce_b import Order, system_b
from kaoiro.training.signal import Signal, SignalConfig, aligned

JUDGING = SignalConfig(epochs=1, batch=16, network=NetworkConfig(8, (8, 12, 16), 0, 0.0))
QUICK = SeparationConfig(runs=3, sizes=(), further=1, folds=3, turns=1, hidden=0)
FEW = SwapConfig(sources=1, steps=4)
SOME = ("conventional", "iterated", "vae", "cvae")


def small(recipe: Recipe) -> Recipe:
    network = replace(recipe.network, side=recipe.network.side // 4, width=8, identity=5, expression=4)
    network = replace(network, patches=min(8, network.patches), painted=min(2, network.painted))
    run = replace(recipe.run, epochs=1, iterations=min(2, recipe.run.iterations), batch=64)
    return replace(recipe, network=replace(network, groups=2 if network.groups else 0), run=run)


ALIKE = Alike(separation=QUICK, swapping=FEW, recipes={name: small(RECIPES[name]) for name in KNOWN})


@dataclass
class Told:
    """What was reported and said."""

    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    pictures: dict[str, Image.Image] = field(default_factory=dict)
    reports: list[tuple[str, bool]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def report(self, section: str, figures: Any, pictures: Mapping[str, Image.Image], complete: bool) -> None:
        self.sections[section] = figures
        self.pictures |= pictures
        self.reports.append((section, complete))


def reproduced(order: Order) -> Told:
    told = Told()
    system_b(order, told.report, told.lines.append)
    return told


def order(sets: Path, out: Path, **changes: Any) -> Order:
    settings = {"seeds": 1, "folds": 2, "rows": SOME, "alike": ALIKE, "judging": JUDGING, "judge": sets / "signal.pt"}
    return Order(sets, out, **(settings | changes))


def baseline(sets: Path, out: Path, **changes: Any) -> Order:
    """Return an order without swaps, which is quick."""
    return order(sets, out, **({"rows": ("vae",), "judge": None} | changes))


def changed(**changes: Any) -> Alike:
    return replace(ALIKE, **changes)


@pytest.fixture(scope="module", autouse=True)
def no_sheets() -> Iterator[None]:
    """Draw no samples of runs, which took half of the time here; tests of runs look at them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "save_picture", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return all sets, and beside them a judge that learned from other people."""
    folder = tmp_path_factory.mktemp("sets")
    identities.write(folder)
    identities.write_identities(folder / "syn-posed", name="syn-posed")
    identities.write_videos(folder / "syn-mt")
    judging.judge(folder / "other", None, JUDGING, folder / "syn-mt", lambda _: None)
    shutil.copy(folder / "other" / "signal.pt", folder / "signal.pt")
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def whole(sets: Path, out: Path) -> Told:
    return reproduced(order(sets, out))


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the folders of the runs that are trained."""
    found: list[str] = []
    fit = exchange_runs.fit

    def noted(recipe: Recipe, folder: Path, *rest: Any) -> Any:
        found.append(Path(folder).name)
        return fit(recipe, folder, *rest)

    monkeypatch.setattr(exchange_runs, "fit", noted)
    return found


def stored(out: Path, run: str, measure: str = SEPARATION) -> dict[str, Any]:
    return json.loads((out / "runs" / run / f"{measure}.json").read_text())


# What is run


def test_all_rows_are_run_seed_by_seed_and_fold_by_fold(tmp_path: Path) -> None:
    groups = Order(tmp_path, tmp_path).groups
    places = [{(run.seed, run.fold) for run in group} for group in groups]
    assert places == [{(seed, fold)} for seed in range(3) for fold in range(5)]
    assert [run.recipe for run in groups[7]] == list(ROWS)
    assert set(KNOWN) <= set(RECIPES)
    Order(tmp_path, tmp_path, rows=("conventional", *ADDED))  # all of them can be
    assert ROWS.index("conventional") < ROWS.index("iterated") < ROWS.index("adversarial") < ROWS.index("iterated-128")
    assert len({run.slug for group in groups for run in group}) == 3 * 5 * len(ROWS)
    some = Order(tmp_path, tmp_path, rows=("cvae", "conventional"), seeds=1, folds=1).planned
    assert [run.recipe for run in some] == ["conventional", "cvae"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seeds": 0}, "--seeds must be 1 or more"),
        ({"folds": 6}, "--folds must be from 1 to 5, not 6"),
        ({"folds": 0}, "--folds must be from 1 to 5"),
        ({"rows": ("vae", "tiny")}, "--rows must be some of conventional, .*, not tiny"),
        ({"rows": ()}, "--rows must be some of"),
        ({"rows": ("vae", "with-images")}, "--rows must be additions to 'conventional' and it alone, or none of them"),
        ({"alike": Alike(hours=-1.0)}, "--budget must be a positive, finite number of hours"),
        ({"alike": Alike(batch=1)}, "--batch must be 2 or more"),
        ({"alike": Alike(proportional=True)}, "--proportional must be given together with --budget"),
        ({"alike": Alike(iterations=1)}, "--iterations must be 2 or more"),
        ({"alike": Alike(side=48)}, "--side must be one of 16, 32, 64, not 48"),
        ({"alike": Alike(side=128)}, "--side must be one of 16, 32, 64, not 128"),  # of row 5
        ({"alike": Alike(side=48), "rows": ("vae",)}, "--side must be one of 16, 32, 64, 128, not 48"),
        ({"alike": Alike(width=12)}, "network.width must be a multiple of 8"),
        ({"people": "syn-vid"}, "--people must be one of syn-id, syn-posed, not syn-vid"),
    ],
)
def test_impossible_orders_are_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        Order(tmp_path, tmp_path, **change)


def test_a_side_is_that_of_all_rows_and_twice_that_of_row_5(tmp_path: Path) -> None:
    for side in (16, 32, 64):
        found = {name: Alike(side=side).recipe(name).network for name in ROWS}
        assert found.pop("iterated-128") == replace(RECIPES["iterated-128"].network, side=2 * side)
        assert found == {name: replace(RECIPES[name].network, side=side) for name in found}
    large = Order(tmp_path, tmp_path, rows=("vae", "iterated"), alike=Alike(side=128))  # without row 5
    assert large.alike.recipe("iterated").network.side == 128


def test_a_width_is_that_of_all_rows_and_nothing_else_changes() -> None:
    for name in ROWS:
        recipe = RECIPES[name]
        assert Alike().recipe(name) == recipe
        assert Alike(width=16).recipe(name) == replace(recipe, network=replace(recipe.network, width=16))


def test_iterations_are_those_of_rows_that_iterate_and_the_control_keeps_up() -> None:
    alike = Alike(iterations=4)
    found = {name: alike.recipe(name) for name in ROWS}
    for name in ("iterated", "iterated-128", "advanced"):
        assert found[name] == replace(RECIPES[name], run=replace(RECIPES[name].run, iterations=4))
    for name in ("conventional", "adversarial", "switched", "vae", "cvae", "improved"):
        assert found[name] == RECIPES[name]
    control, reference = found["switched-matched"], found["iterated"].run
    assert (control.run.epochs, control.run.iterations) == (reference.epochs * reference.iterations, 1) == (200, 1)
    assert control.objective.decay == pytest.approx(0.95**0.5)  # half as far each epoch as ③ falls, twice as long
    assert control.objective.decay**200 == pytest.approx(RECIPES["switched-matched"].objective.decay ** 500)
    again = Alike(iterations=10).recipe("switched-matched")
    assert again.run == RECIPES["switched-matched"].run
    assert again.objective.decay == pytest.approx(RECIPES["switched-matched"].objective.decay)


def test_every_run_is_the_recipe_with_its_fold_and_seed(sets: Path, whole: Told, out: Path) -> None:
    del whole
    asked = json.loads((out / "runs" / "iterated-seed0-fold1" / "recipe.json").read_text())["asked"]
    data = asked["data"]
    assert (data["fold"], data["folds"], data["dataset"], data["root"]) == (1, 5, "rendered", str(sets / "syn-id"))
    assert asked["objective"]["switch"] == 10 and asked["run"]["iterations"] == 2
    assert asked["run"]["snapshots"]
    plain = json.loads((out / "runs" / "vae-seed0-fold0" / "recipe.json").read_text())["asked"]
    assert plain["network"]["form"] == "vae" and not plain["run"]["snapshots"]
    about = json.loads((out / "runs" / "vae-seed0-fold0" / "run.json").read_text())
    assert "12 people (fold 0 of 5 kept back)" in about["learned from"]
    assert about["updates"] == 168 // 64 and about["share"] == 1


# What is reported


def test_every_claim_of_the_sections_is_reported(whole: Told) -> None:
    assert list(whole.sections) == ["table3", "separation", "swap"]
    for section, figures in whole.sections.items():
        named = {one.row for one in claims.load()[0] if one.table == f"{section}/claims" and one.result == "system-b"}
        assert named and named <= set(figures["claims"])
        assert figures["runs"] == "8 of 8" and figures["failed"] == "none"
    verdicts = {name: row["verdict"] for name, row in whole.sections["table3"]["claims"].items()}
    for gap in ("⑦ - ⑥", "① - ⑦"):
        assert all(verdicts[f"{gap}, {part}"] != "not measured yet" for part in ("train", "test"))
    assert verdicts["① - ②, train"] == verdicts["③ - ①, test"] == "not measured yet"
    assert verdicts["④ on unseen people"] != "not measured yet"
    for name in ("landmark error / expression source, iterated", "monotone courses, iterated"):
        assert whole.sections["swap"]["claims"][name]["verdict"] != "not measured yet"


def test_the_conditional_autoencoder_is_told_who_it_sees_and_has_no_test(sets: Path, whole: Told, out: Path) -> None:
    rows = whole.sections["table3"]["table 3"]
    assert rows["⑧ conditional autoencoder"]["ours, train"] is not None
    assert rows["⑧ conditional autoencoder"]["ours, test"] is None
    assert rows["⑥ plain autoencoder"]["ours, test"] is not None
    parts = stored(out, "cvae-seed0-fold0")["cvae"]
    assert list(parts) == ["train"]
    assert f"{IDENTITY} from {IDENTITY}" not in parts["train"]["sums"]  # its one-hot is no code that it learned
    faces = reproduce_b.Sets(sets, out / "crops").people(0, 16).seen
    network = exchange_runs.snapshots.reopen(out / "runs/cvae-seed0-fold0/model/weights.safetensors")
    told, blind = network.encode(faces.pixels, faces.subjects), network.encode(faces.pixels)
    assert np.abs(told.expression - blind.expression).max() > 1e-3
    wanted = separation.separation(Codes(told.identity[:, :0], told.expression), faces, QUICK)
    assert np.allclose(parts["train"]["sums"][CLUSTERING], wanted.sums[CLUSTERING])


def test_row_7_is_the_plain_autoencoder_less_the_mean_of_each_person(sets: Path, whole: Told, out: Path) -> None:
    found = stored(out, "vae-seed0-fold1")
    assert list(found) == ["vae", MEANLESS] and list(found[MEANLESS]) == ["train", "test"]
    people = reproduce_b.Sets(sets, out / "crops").people(1, 16)
    network = exchange_runs.snapshots.reopen(out / "runs/vae-seed0-fold1/model/weights.safetensors")
    for part, faces in (("train", people.seen), ("test", people.unseen)):
        assert faces.subjects is not None
        codes = network.encode(faces.pixels)
        less = Codes(codes.identity, deviations(codes.expression, faces.subjects))
        for row, own in (("vae", codes), (MEANLESS, less)):
            wanted = separation.separation(own, faces, QUICK)
            assert np.allclose(found[row][part]["sums"][CLUSTERING], wanted.sums[CLUSTERING])
    row = whole.sections["table3"]["table 3"]["⑦ ⑥ less the person's mean"]
    assert row["source, test"] is None and row["ours, test"] is not None
    assert MEANLESS in whole.sections["separation"]["readers, test"]


def test_folds_are_put_together_by_people(whole: Told, out: Path) -> None:
    kept = [stored(out, f"conventional-seed0-fold{fold}")["conventional"]["test"] for fold in (0, 1)]
    assert not set(kept[0]["people"]) & set(kept[1]["people"])
    total = np.concatenate([np.array(one["sums"][CLUSTERING]) for one in kept]).sum(axis=0)
    cell = whole.sections["table3"]["table 3"]["① conventional"]["ours, test"]
    assert cell.startswith(f"{total[0] / total[1]:.4f} ± ")
    assert whole.sections["table3"]["folds"].startswith("2 of 5")


def test_figures_3_to_5_are_drawn(sets: Path, whole: Told, out: Path) -> None:
    grids = [f"system-b-{name}.jpg" for name in ("train", "test", "strips")]
    assert set(whole.pictures) == {"system-b-course-iterated.png", *grids}
    beside = [name for figures in whole.sections.values() for name in figures.get("pictures below", {})]
    assert sorted(beside) == sorted(whole.pictures)
    assert [whole.pictures[name].height // 98 for name in grids] == [2 + 2, 3 + 2, 2 * 2]
    assert whole.pictures["system-b-test.jpg"].width == 150 + 6 * 98
    parts = stored(out, "iterated-seed0-fold0", "iterations")["iterated"]
    assert sorted(parts) == ["test, 1", "test, 2", "train, 1", "train, 2"]
    assert stored(out, "conventional-seed0-fold0", "iterations") == {}
    faces = reproduce_b.Sets(sets, out / "crops").people(0, 16).seen
    for part, stage in (("train, 1", "01-expression"), ("train, 2", "03-expression")):
        then = exchange_runs.snapshots.reopen(out / f"runs/iterated-seed0-fold0/stages/{stage}.safetensors")
        wanted = separation.separation(then.encode(faces.pixels), faces, QUICK).sums[CLUSTERING]
        assert np.allclose(parts[part]["sums"][CLUSTERING], wanted)
        assert wanted[:, 1].sum() == 12 * 6 * 2


def test_the_true_render_of_a_grid_is_that_of_the_person_with_the_expression(sets: Path, out: Path) -> None:
    data = reproduce_b.Sets(sets, out / "crops").swaps
    chosen = reproduce_b.exchange_pictures._pairs(data, np.arange(len(data)), ("anger", "happiness"))
    first, second, third = (data.table.iloc[rows] for rows in chosen)
    assert first["expression"].tolist() == ["neutral"] * 2
    assert second["expression"].tolist() == third["expression"].tolist() == ["anger", "happiness"]
    assert first["subject"].tolist() == third["subject"].tolist() != second["subject"].tolist()


def test_swaps_are_measured_of_networks_with_two_codes(sets: Path, whole: Told, out: Path) -> None:
    assert stored(out, "vae-seed0-fold0", SWAP) == stored(out, "cvae-seed0-fold0", SWAP) == {}
    (found,) = stored(out, "iterated-seed0-fold0", SWAP)["iterated"].values()
    assert found["people"] == [f"id-further-{number:03d}" for number in range(identities.SWAPPED)]
    assert "distance between sets of pictures" in found["tables"]
    section = whole.sections["swap"]
    assert section["judge learned from"] == "a checkpoint that was given"
    assert section["judge sha256"] == judging.sha256(sets / "signal.pt")
    assert 0 < section["judge's error of action units on true renders"] < 1


def test_what_is_smaller_than_in_the_source_is_said(whole: Told, sets: Path) -> None:
    notes = whole.sections["table3"]["scaled down"]
    missing = ", ".join(name for name in ROWS if name not in SOME)
    assert notes == ["1 of 3 seeds, 2 of 5 folds", f"rows that were not run: {missing}", "0.1 of the rendered people"]
    rows = whole.sections["table3"]["runs of each row"]
    assert rows["iterated"]["runs"] == "2 of 2" and rows["iterated"]["updates"] == 2 * rows["conventional"]["updates"]
    asked = {"batch": 32, "recipes": {"a": {"network": {"side": 128}}, "b": {"network": {"side": 64}}}}
    smaller = exchange_summary._smaller(asked, {"scale": 1.0, "size": 96}, ["a", "b"])  # of runs before there was more
    assert smaller[0].startswith("steps of 32 pictures instead of 128")
    assert smaller[1] == "pictures of the set have 96 pixels: a sees them enlarged"
    recipes = {"a": {"network": {"side": 32}}}
    asked = {"batch": None, "side": 32, "width": 16, "iterations": 4, "recipes": recipes}
    assert exchange_summary._smaller(asked, {"scale": 1.0, "size": 96}, ["a"]) == [
        "4 iterations instead of 10, and a control with as many updates",
        "16 channels after the first convolution instead of 32",
        "pictures of 32 pixels instead of 64",
    ]


def test_collapsed_codes_are_named(whole: Told, out: Path) -> None:
    figures = whole.sections["separation"]
    for run in (f"{name}-seed0-fold{fold}" for name in SOME for fold in (0, 1)):
        tables = [part["tables"]["codes"] for parts in stored(out, run).values() for part in parts.values()]
        broken = {name for table in tables for name, row in table.items() if row["active units"] == 0}
        name = run.replace("-seed", ", seed ").replace("-fold", ", fold ")
        (said,) = [one for one in figures["collapsed"] if one.startswith(name)] or [""]
        assert broken == {code for code in (IDENTITY, EXPRESSION_CODE) if f"code of {code}" in said}
        assert bool(broken) == any(line.startswith(f"warning: {name}: the code of") for line in whole.lines)


def test_what_counts_as_collapsed() -> None:
    def one(expression: float, identity: float) -> Measured:
        codes = {EXPRESSION_CODE: {"active units": expression}, IDENTITY: {"active units": identity}}
        return Measured(("a",), {}, {"codes": codes})

    assert exchange_measures.collapsed({"iterated": {"train": one(3, 1), "test": one(2, 1)}}) == []
    found = exchange_measures.collapsed({"iterated": {"train": one(3, 0), "test": one(0, 0)}})
    assert found == ["code of identity", "code of expression"]


def test_seeds_that_lack_folds_wait_until_they_have_them() -> None:
    def outcome(row: str, person: str) -> Outcome:
        return Outcome({}, {SEPARATION: {row: {"test": Measured((person,), {CLUSTERING: np.array([[1.0, 2.0]])})}}})

    found = {Run("vae", seed, fold): outcome("vae", f"p{fold}") for seed in (0, 1) for fold in (0, 1)}
    both = exchange_summary.by_row(found, SEPARATION)["test"]["vae"]
    assert [one.people for one in both] == [("p0", "p1")] * 2
    del found[Run("vae", 1, 1)]
    assert [one.people for one in exchange_summary.by_row(found, SEPARATION)["test"]["vae"]] == [("p0", "p1")]
    del found[Run("vae", 0, 1)]
    assert len(exchange_summary.by_row(found, SEPARATION)["test"]["vae"]) == 2


# Going on


def test_pages_are_written_again_after_every_group(whole: Told) -> None:
    written = [("table3", "separation", "swap")] * 5  # four runs of the first group, and the second group
    assert [section for section, _ in whole.reports] == [section for group in written for section in group]
    assert [complete for _, complete in whole.reports] == [False] * 12 + [True] * 3


def test_a_second_call_trains_and_measures_nothing(
    sets: Path, whole: Told, out: Path, learned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MEASURES, SEPARATION, pytest.fail)
    again = reproduced(order(sets, out))
    assert learned == [] and again.lines == []
    assert again.reports == [("table3", True), ("separation", True), ("swap", True)]
    assert again.sections == whole.sections


def test_what_is_finished_is_reported_without_training(
    sets: Path, whole: Told, out: Path, learned: list[str], tmp_path: Path
) -> None:
    shutil.copytree(out, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "runs" / "vae-seed0-fold1")
    (tmp_path / "out" / "runs" / "cvae-seed0-fold0" / "run.json").unlink()
    other = changed(hours=3.0)  # what runs were given is read from their folder
    found = reproduced(order(sets, tmp_path / "out", training=False, judge=None, rows=ROWS, seeds=3, alike=other))
    assert learned == []
    figures = found.sections["table3"]
    assert not any(complete for _, complete in found.reports)
    assert figures["runs"] == f"6 of {6 * len(ROWS)}" and figures["budget_hours"] is None
    assert figures["runs of each row"]["vae"]["runs"] == "1 of 6"
    assert figures["runs of each row"]["improved"]["updates"] is None
    assert figures["scaled down"][1].startswith(f"6 of {6 * len(ROWS)} runs are finished")
    assert figures["claims"]["⑦ - ⑥, test"]["verdict"] != "not measured yet"
    assert found.sections["swap"]["claims"] == whole.sections["swap"]["claims"]
    with pytest.raises(DataError, match="holds no runs of system B; leave --finished out"):
        reproduced(order(sets, tmp_path / "nothing", training=False))


def test_an_interrupted_call_goes_on(sets: Path, tmp_path: Path, learned: list[str]) -> None:
    def stop(line: str) -> None:
        if line.startswith("vae, seed 0, fold 1: stage"):
            raise KeyboardInterrupt

    told = Told()
    with pytest.raises(KeyboardInterrupt):
        system_b(baseline(sets, tmp_path), told.report, stop)
    assert learned == ["vae-seed0-fold0", "vae-seed0-fold1"]
    assert told.sections["table3"]["runs"] == "1 of 2"
    learned.clear()
    again = reproduced(baseline(sets, tmp_path))
    assert learned == ["vae-seed0-fold1"]
    assert again.sections["table3"]["runs"] == "2 of 2"
    unbroken = reproduced(baseline(sets, tmp_path / "unbroken"))
    assert again.sections["table3"]["table 3"] == unbroken.sections["table3"]["table 3"]


def test_a_measurement_that_lacks_is_made_without_training(
    sets: Path, whole: Told, out: Path, learned: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(out, tmp_path / "out")
    monkeypatch.setitem(MEASURES, SWAP, pytest.fail)
    file = tmp_path / "out" / "runs" / "iterated-seed0-fold1" / "separation.json"
    file.unlink()
    again = reproduced(order(sets, tmp_path / "out"))
    assert learned == []
    assert again.sections["table3"]["claims"] == whole.sections["table3"]["claims"]
    file.write_text("[]")
    with pytest.raises(DataError, match=r"separation\.json is damaged; remove it"):
        reproduced(order(sets, tmp_path / "out"))
    file.write_text(json.dumps({"iterated": {"train": {"people": 1}}}))
    with pytest.raises(DataError, match=r"separation\.json is damaged; remove it to measure this run again"):
        reproduced(order(sets, tmp_path / "out"))


def test_recipes_that_came_later_do_not_make_runs_those_of_other_settings(
    sets: Path, out: Path, whole: Told, tmp_path: Path
) -> None:
    del whole
    content = json.loads((out / "settings.json").read_text())
    del content["asked"]["recipes"]["with-images"]
    content["shares"] = {"iterated": 0.5}
    (tmp_path / "settings.json").write_text(json.dumps(content))
    asked = baseline(sets, tmp_path, folds=1)
    reproduce_b._runs(asked, print).settle()
    after = json.loads((tmp_path / "settings.json").read_text())
    assert "with-images" in after["asked"]["recipes"]
    assert after["shares"] == {"iterated": 0.5}


def test_what_parts_add_to_row_1_is_reported_alone(sets: Path, tmp_path: Path) -> None:
    told = reproduced(order(sets, tmp_path, rows=("conventional", "with-images"), folds=1))
    assert list(told.sections) == ["additions"]
    figures = told.sections["additions"]
    assert list(figures["runs of each row"]) == ["conventional", "with-images"]
    table = figures["additions"]
    assert table["conventional"]["clusters, unseen"] and table["with-images"]["landmark error / own picture"]
    assert table["with-groups"]["clusters, unseen"] is None
    assert figures["claims"]["clusters, with-images - conventional"]["verdict"] != "not measured yet"
    assert figures["claims"]["clusters, with-groups - conventional"]["verdict"] == "not measured yet"
    assert "additions" in exchange_report.SECTIONS and "additions, syn-posed" in exchange_report.SECTIONS


def test_folders_of_other_runs_are_refused(sets: Path, out: Path, whole: Told, tmp_path: Path) -> None:
    del whole
    longer = ALIKE.recipes | {"vae": replace(ALIKE.recipes["vae"], run=replace(ALIKE.recipes["vae"].run, epochs=2))}
    for alike, what in (
        (changed(batch=16), "batch, recipes"),
        (changed(side=32), "side, recipes"),
        (changed(width=16), "width, recipes"),
        (changed(iterations=3), "iterations, recipes"),
        (changed(hours=1.0), "budget"),
        (changed(separation=replace(QUICK, runs=4)), "clusters"),
        (changed(recipes=longer), "recipes"),
    ):
        with pytest.raises(InputError, match=f"holds runs with other {what}; choose another --out or delete it"):
            reproduced(order(sets, out, alike=alike))
    other = tmp_path / "sets"
    identities.write(other, seed=2)
    with pytest.raises(InputError, match="holds runs with other sets"):
        reproduced(order(other, out))
    with pytest.raises(InputError, match="holds runs with other sets"):
        reproduced(order(sets, out, people="syn-posed"))
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(DataError, match=r"settings\.json is damaged"):
        reproduced(order(sets, tmp_path))


def test_what_runs_have_alike_is_kept_beside_them(sets: Path, whole: Told, out: Path) -> None:
    asked = json.loads((out / "settings.json").read_text())["asked"]
    assert asked["sets"]["crop"] == "inner"
    assert all(figures["crop"] == "inner" for figures in whole.sections.values())
    assert {asked[name] for name in ("budget", "batch", "side", "width", "iterations")} == {None}
    other = Alike(side=32, width=16, iterations=4).stored()
    assert (other["side"], other["width"], other["iterations"]) == (32, 16, 4)
    assert other["recipes"]["iterated-128"]["network"]["side"] == 64
    assert other["recipes"]["switched-matched"]["run"]["epochs"] == 200


def test_runs_on_faces_that_were_placed_otherwise_are_not_gone_on_with(
    sets: Path, whole: Told, out: Path, tmp_path: Path, learned: list[str]
) -> None:
    """As those of an earlier version were, whose settings name no crop."""
    del whole
    content = json.loads((out / "settings.json").read_text())
    del content["asked"]["sets"]["crop"]
    (tmp_path / "settings.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="holds runs with other sets; choose another --out or delete it"):
        reproduced(order(sets, tmp_path))
    assert learned == []


def test_a_run_that_diverges_is_reported_and_left(sets: Path, tmp_path: Path, learned: list[str]) -> None:
    wild = replace(ALIKE.recipes["cvae"].objective, learning_rate=1e30)
    recipes = ALIKE.recipes | {"cvae": replace(ALIKE.recipes["cvae"], objective=wild)}
    asked = baseline(sets, tmp_path, rows=("vae", "cvae"), folds=1, alike=changed(recipes=recipes))
    figures = reproduced(asked).sections["table3"]
    assert learned == ["vae-seed0-fold0", "cvae-seed0-fold0"]
    (said,) = figures["failed"]
    assert said.startswith("cvae, seed 0, fold 0: ")
    assert figures["runs of each row"]["cvae"]["failed"] == 1 and figures["runs of each row"]["vae"]["failed"] == 0
    assert figures["table 3"]["⑧ conditional autoencoder"]["ours, train"] is None
    learned.clear()
    assert reproduced(asked).sections["table3"]["failed"] == figures["failed"]
    assert learned == []


# Budget


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a step of a stage take a time by what is learned; return which recipes are timed, by their forms."""
    timed: list[str] = []

    def step_seconds(recipe: Recipe, *_: Any) -> dict[str, float]:
        timed.append(recipe.network.form)
        return {"identity": 1.0, "expression": 4.0, "whole": 2.0}

    monkeypatch.setattr(exchange_runs, "step_seconds", step_seconds)
    return timed


def shares(sets: Path, out: Path, alike: Alike) -> dict[str, float]:
    runs = reproduce_b._runs(order(sets, out, alike=alike), lambda _: None)
    runs.settle()
    return {name: runs.share(name, lambda _: None) for name in (*SOME, "switched-matched")}


def test_every_row_gets_the_hours_and_the_control_the_share_of_row_4(
    sets: Path, tmp_path: Path, seconds: list[str]
) -> None:
    long = {name: replace(one, run=replace(one.run, epochs=100)) for name, one in ALIKE.recipes.items()}
    alike = changed(hours=0.1, recipes=long)
    found = shares(sets, tmp_path, alike)
    hours = {name: exchange_runs.stages.OVERHEAD * 2 * 100 * each / 3600 for name, each in (("vae", 2), ("cvae", 2))}
    assert found["vae"] == pytest.approx(0.1 / hours["vae"])
    assert found["conventional"] == pytest.approx(found["vae"] * 2 / 5)
    assert found["iterated"] == pytest.approx(found["conventional"] / 2) == found["switched-matched"]
    assert len(seconds) == 4
    assert shares(sets, tmp_path, alike) == found and len(seconds) == 4  # as an earlier call found them
    equal = shares(sets, tmp_path / "equal", changed(hours=0.1, recipes=long, proportional=True))
    assert set(equal.values()) == {found["iterated"]} and len(seconds) == 5
    notes = exchange_summary._shares({"vae": {"share of the schedule": 0.5}}, {"proportional": False})
    assert "vae 50.00%" in notes[0] and "the same hours for each run" in notes[0]
    assert exchange_summary._shares({"vae": {"share of the schedule": 1.0}}, {"proportional": False}) == []


def test_a_share_of_the_schedule_is_done(sets: Path, tmp_path: Path, seconds: list[str]) -> None:
    recipe = ALIKE.recipes["vae"]
    long = {"vae": replace(recipe, run=replace(recipe.run, epochs=50))}
    asked = baseline(sets, tmp_path, folds=1, alike=changed(hours=0.0116, batch=32, recipes=ALIKE.recipes | long))
    figures = reproduced(asked).sections["table3"]
    row = figures["runs of each row"]["vae"]
    assert seconds == ["vae"] and figures["budget_hours"] == 0.0116
    assert row["share of the schedule"] == pytest.approx(0.0116 * 3600 / (1.05 * 50 * 5 * 2))
    assert row["updates"] == pytest.approx(0.0116 * 3600 / 1.05 / 2, abs=1)
    assert any("of the source's epochs" in note for note in figures["scaled down"])


# The judge


def test_a_judge_learns_from_other_people_once(sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = order(sets, tmp_path, judge=None)
    assert reproduce_b.needs_people(asked)
    assert not reproduce_b.needs_people(replace(asked, judge=sets / "signal.pt"))
    assert not reproduce_b.needs_people(replace(asked, rows=("vae", "cvae")))
    assert not reproduce_b.needs_people(replace(asked, training=False))
    lines: list[str] = []
    first = judging.judge(tmp_path / "judge", None, JUDGING, sets / "syn-mt", lines.append)
    assert lines[0] == "the judge of swaps learns from 70 frames of other people"  # every second one of 10 people's 14
    assert lines[1].startswith("judge: epoch 1 of 1")
    assert not reproduce_b.needs_people(asked)
    monkeypatch.setattr(judging, "_train", pytest.fail)
    again = judging.judge(tmp_path / "judge", None, JUDGING, tmp_path / "nowhere", lines.append)
    pixels = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3)).astype(np.uint8)
    assert np.array_equal(first.units(pixels), again.units(pixels))
    about = judging.read(tmp_path / "judge")
    assert about is not None and about["learned from"] == "70 frames of 10 other people of syn-mt, seed 0"


def test_a_judge_learns_from_every_second_frame_in_the_crop_of_the_runs(
    sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[int], Any]] = []

    def noted(data: Any, rows: np.ndarray, *rest: Any, **named: Any) -> Any:
        seen.append((data.table["frame"].iloc[rows].tolist(), named["crop"]))
        return aligned(data, rows, *rest, **named)

    monkeypatch.setattr(judging, "aligned", noted)
    found = judging.judge(tmp_path, None, JUDGING, sets / "syn-mt", lambda _: None)
    assert seen == [(10 * [1, 5, 9, 13, 17, 21, 25], INNER_CROP)]
    assert found.knows(INNER_CROP) and not found.knows(FER2013_CROP)


def test_people_whom_no_judge_can_learn_from_are_refused(sets: Path, tmp_path: Path, learned: list[str]) -> None:
    with pytest.raises(DataError, match="must be a set of syn-mt: a judge has seen nobody who is swapped"):
        judging.judge(tmp_path / "judge", None, JUDGING, sets / "syn-id")
    with pytest.raises(DataError, match="has 70 frames to train on, fewer than a batch of 500"):
        judging.judge(tmp_path / "judge", None, replace(JUDGING, batch=500), sets / "syn-mt")
    identities.write(tmp_path / "few")
    with pytest.raises(DataError, match=r"syn-mt.set\.json not found"):
        reproduced(order(tmp_path / "few", tmp_path, judge=None))
    assert learned == []
    (tmp_path / "judge").mkdir(exist_ok=True)
    (tmp_path / "judge" / "judge.json").write_text("{}")
    with pytest.raises(DataError, match=r"judge\.json is damaged"):
        reproduced(order(sets, tmp_path, judge=None))


def test_another_judge_than_before_is_refused(sets: Path, whole: Told, out: Path, tmp_path: Path) -> None:
    del whole
    other = tmp_path / "other.pt"
    shutil.copy(sets / "signal.pt", other)
    reproduced(order(sets, out, judge=other))  # the same
    identities.write_videos(tmp_path / "syn-mt", seed=5)
    judging.judge(tmp_path, None, JUDGING, tmp_path / "syn-mt", lambda _: None)
    with pytest.raises(InputError, match=r"were judged by another network than .*signal\.pt; leave --judge out"):
        reproduced(order(sets, out, judge=tmp_path / "signal.pt"))
    other.write_bytes(b"none")
    with pytest.raises(DataError, match="no checkpoint of the network that judges"):
        reproduced(order(sets, tmp_path / "new", judge=other))
    assert not (tmp_path / "new" / "runs").exists()


@pytest.fixture(scope="module")
def otherwise(sets: Path) -> Path:
    """Return a checkpoint that learned from faces with what is around them, as `kaoiro evaluate synthesis` makes."""
    data = synthetic.read(sets / "syn-mt")
    frames = aligned(data, data.select("train", "training"))
    Signal(JUDGING, sorted(set(frames.subjects.tolist()))).fit(frames, sets / "otherwise.pt", lambda _: None)
    return sets / "otherwise.pt"


def test_a_judge_of_another_crop_is_refused(sets: Path, otherwise: Path, tmp_path: Path, learned: list[str]) -> None:
    asked = order(sets, tmp_path, judge=otherwise)
    for call in (reproduced, reproduce_b.needs_people):
        with pytest.raises(
            DataError, match=r"otherwise\.pt learned from faces that lie otherwise than in crops 'inner'"
        ):
            call(asked)
    assert learned == [] and not (tmp_path / "judge").exists()


# Sets


def test_sets_that_cannot_be_used_are_refused(sets: Path, tmp_path: Path) -> None:
    shutil.copytree(sets / "syn-id", tmp_path / "syn-id")
    shutil.copytree(sets / "syn-id", tmp_path / "syn-swap")
    with pytest.raises(DataError, match="is a set of syn-id; name one made by `kaoiro synth syn-swap`"):
        reproduced(order(tmp_path, tmp_path / "out"))
    file = tmp_path / "syn-id" / "set.json"
    settings = json.loads(file.read_text())
    del settings["finished"]
    file.write_text(json.dumps(settings))
    with pytest.raises(DataError, match="is not a finished set; repeat `kaoiro synth syn-id"):
        reproduced(order(tmp_path, tmp_path / "out"))
    with pytest.raises(DataError, match=r"set\.json not found"):
        reproduced(order(tmp_path / "nowhere", tmp_path / "out"))


def test_sets_that_are_too_small_are_refused_before_hours_are_spent(
    sets: Path, tmp_path: Path, learned: list[str]
) -> None:
    with pytest.raises(DataError, match=r"too small to be measured on in 5 folds: 4 folds need .* larger --scale"):
        reproduced(order(sets, tmp_path, alike=changed(separation=replace(QUICK, folds=4))))
    assert learned == []


# The door


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command measure little of small networks."""
    given = {"separation": QUICK, "swapping": FEW, "recipes": ALIKE.recipes}
    monkeypatch.setattr(exchange_runs, "Alike", partial(Alike, **given))
    monkeypatch.setattr(reproduce_b, "Order", partial(Order, judging=JUDGING))


DRAWN = ("system-b-course-iterated.png", *(f"system-b-{name}.jpg" for name in ("train", "test", "strips")))


def drawn(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.suffix in (".png", ".jpg")]


def call(sets: Path, out: Path, *further: str) -> list[str]:
    return ["reproduce", "B", "--sets", str(sets), "--out", str(out), "--judge", str(sets / "signal.pt"), *further]


def test_the_command_writes_a_page_and_pictures(
    sets: Path, tmp_path: Path, quick: None, learned: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pages = tmp_path / "pages"
    asked = call(sets, tmp_path / "out", "--seeds", "1", "--folds", "1", "--rows", "vae,iterated", "--batch", "32")
    assert main([*asked, "--results", str(pages)]) == 0
    assert learned == ["iterated-seed0-fold0", "vae-seed0-fold0"]
    page = (pages / "system-b.md").read_text(encoding="utf-8")
    said = capsys.readouterr()
    assert said.out == page
    assert "kaoiro: iterated, seed 0, fold 0: stage 4 of 4 (expression)" in said.err
    for name in DRAWN:
        assert f"]({name})" in page
        assert "generated" in noted.of(pages / name)["Comment"]
    assert "* steps of 32 pictures instead of 128" in page
    assert (tmp_path / "out" / "system-b.md").read_text(encoding="utf-8") == page
    elsewhere = tmp_path / "elsewhere"
    assert main([*asked, "--seeds", "2", "--finished", "--results", str(elsewhere)]) == 0
    assert len(learned) == 2
    assert "| runs | 2 of 4 |" in (elsewhere / "system-b.md").read_text(encoding="utf-8")


def test_a_page_names_both_sets_of_people(
    sets: Path, tmp_path: Path, quick: None, learned: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Sections and pictures of one set leave those of the other alone; runs need a folder of their own."""
    rows, pages = ["--seeds", "1", "--folds", "1", "--rows", "iterated"], ["--results", str(tmp_path)]
    assert main([*call(sets, tmp_path / "own", *rows), *pages]) == 0
    before = json.loads((tmp_path / "system-b.json").read_text(encoding="utf-8"))
    kept = {file.name: file.read_bytes() for file in drawn(tmp_path)}
    assert kept.keys() == set(DRAWN)
    capsys.readouterr()
    assert main(call(sets, tmp_path / "own", *rows, "--people", "syn-posed")) == 2
    assert "holds runs with other sets; choose another --out" in capsys.readouterr().err
    assert main([*call(sets, tmp_path / "posed", *rows, "--people", "syn-posed"), *pages]) == 0
    assert learned == ["iterated-seed0-fold0"] * 2
    content = json.loads((tmp_path / "system-b.json").read_text(encoding="utf-8"))
    sections = ("table3", "separation", "swap")
    assert list(content) == [*sections, *(f"{name}, syn-posed" for name in sections)]
    assert {name: content[name] for name in sections} == before
    assert content["table3, syn-posed"]["set"]["set"] == "syn-posed"
    assert {file.name for file in drawn(tmp_path)} == kept.keys() | {
        name.replace("system-b-", "system-b-syn-posed-") for name in kept
    }
    assert all((tmp_path / name).read_bytes() == picture for name, picture in kept.items())
    assert "syn-posed and syn-swap" in noted.of(tmp_path / "system-b-syn-posed-test.jpg")["Description"]
    page = (tmp_path / "system-b.md").read_text(encoding="utf-8")
    first, second = (page.index(f"## Table 3 of the source{end}") for end in ("\n", ": one session\n"))
    assert first < page.index("](system-b-test.jpg)") < second < page.index("](system-b-syn-posed-test.jpg)")
    asked = json.loads((tmp_path / "posed/runs/iterated-seed0-fold0/recipe.json").read_text())["asked"]
    assert asked["data"]["root"] == str(sets / "syn-posed") and asked["data"]["crop"] == "inner"


def test_the_command_takes_sizes(sets: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--side", "32", "--width", "16", "--iterations", "3"]
    assert main(call(sets, tmp_path, "--seeds", "1", "--folds", "1", "--rows", "vae", *sizes)) == 0
    asked = json.loads((tmp_path / "settings.json").read_text())["asked"]
    assert (asked["side"], asked["width"], asked["iterations"]) == (32, 16, 3)
    network = json.loads((tmp_path / "runs/vae-seed0-fold0/recipe.json").read_text())["asked"]["network"]
    assert (network["side"], network["width"]) == (32, 16)
    page = capsys.readouterr().out
    for note in ("3 iterations instead of 10", "16 channels after", "pictures of 32 pixels instead of 64"):
        assert f"* {note}" in page


@pytest.mark.parametrize(
    ("further", "said"),
    [
        (["--rows", "vae,nothing"], "--rows must be some of conventional, .*, not nothing"),
        (["--folds", "6"], "--folds must be from 1 to 5, not 6"),
        (["--proportional"], "--proportional must be given together with --budget"),
        (["--people", "syn-mt"], "--people must be one of syn-id, syn-posed, not syn-mt"),
        (["--side", "48"], "--side must be one of 16, 32, 64, not 48"),
        (["--width", "12"], "network.width must be a multiple of 8"),
        (["--iterations", "1"], "--iterations must be 2 or more"),
        (["--side", "128"], "--side must be one of 16, 32, 64, not 128"),
        (["--judge", "nowhere.pt"], "nowhere.pt is no checkpoint of the network that judges"),
        (["--judge", "nowhere.pt"], "name OUT/judge/signal.pt of another reproduction"),
        (["--finished"], "holds no runs of system B"),
    ],
)
def test_the_command_refuses_in_one_line(
    further: list[str], said: str, sets: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    assert main(call(sets, tmp_path / "out", *further)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said, line)
    assert not (tmp_path / "out" / "runs").exists()


def test_the_command_refuses_a_judge_of_another_crop_in_one_line(
    sets: Path, otherwise: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(call(sets, tmp_path / "out", "--judge", str(otherwise))) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "otherwise.pt learned from faces that lie otherwise than in crops 'inner'; leave --judge out" in line
    assert not (tmp_path / "out" / "runs").exists()


def test_the_command_refuses_damaged_results_before_hours_are_spent(
    sets: Path, tmp_path: Path, quick: None, learned: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "system-b.json").write_text("nothing")
    assert main(call(sets, tmp_path)) == 2
    assert "system-b.json is damaged" in capsys.readouterr().err
    assert learned == []


def test_the_command_makes_the_sets_and_the_judges_people_that_lack(
    sets: Path, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KAOIRO_ICT_FACE", raising=False)
    assert main(["reproduce", "B", "--out", str(tmp_path / "none")]) == 2
    assert "KAOIRO_ICT_FACE" in capsys.readouterr().err
    made: list[tuple[str, int, float, Path]] = []

    def generate(order: Any, out: Path, *_: Any, **__: Any) -> None:
        made.append((order.name, order.seed, order.scale, out))
        write = {"syn-mt": identities.write_videos, "syn-posed": partial(identities.write_identities, name="syn-posed")}
        write[order.name](out, order.seed)

    monkeypatch.setattr("kaoiro.synthesis.generate.generate", generate)
    monkeypatch.setattr("kaoiro.synthesis.world.FaceWorld", lambda _: None)
    monkeypatch.setattr(reproduce_b, "system_b", lambda *_: (tmp_path / "system-b.md").write_text("done"))
    own = tmp_path / "own"
    for name in ("syn-id", "syn-swap"):
        shutil.copytree(sets / name, own / name)
    asked = ["reproduce", "B", "--sets", str(own), "--out", str(tmp_path), "--scale", "0.5"]
    assert main([*asked, "--rows", "vae,cvae"]) == 0 and made == []
    assert main([*asked, "--judge", str(sets / "signal.pt")]) == 0 and made == []
    assert main(asked) == 0
    assert made == [("syn-mt", 0, 0.5, own / "syn-mt")]
    assert main(asked) == 0 and len(made) == 1
    assert main([*asked, "--people", "syn-posed"]) == 0
    assert made[1:] == [("syn-posed", 0, 0.5, own / "syn-posed")]


# The improved mode


def test_what_makes_the_improved_mode_and_what_recognisers_are_worth_is_measured(sets: Path, tmp_path: Path) -> None:
    recognising = RecogniserConfig(steps=2, batch=8, fractions=(1.0,), rates=(1e-3,), seeds=1)
    asked = order(sets, tmp_path, folds=1, rows=("improved",), recognising=recognising)
    told = reproduced(asked)
    assert {"improved", "recogniser"} <= set(told.sections)
    assert told.sections["improved"]["claims"]["patches, freed of identity: unseen people"]["found"] is not None
    assert told.sections["recogniser"]["claims"]["frozen - pixels, 100 %, improved"]["found"] is not None
    assert told.sections["table3"]["runs of each row"]["improved"]["share of the schedule"] == 1
    again = reproduced(asked)
    assert again.lines == []
    assert again.sections["improved"] == told.sections["improved"]
