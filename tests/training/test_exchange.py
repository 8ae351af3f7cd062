from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from kaoiro.cli.main import main
from kaoiro.core.codes import deviations
from kaoiro.core.crops import INNER_CROP
from kaoiro.core.errors import DataError, InputError, ModelError
from kaoiro.data.subjects import People
from kaoiro.evaluation.people import read
from kaoiro.families.identity_expression.config import NetworkConfig, ObjectiveConfig, RunConfig
from kaoiro.families.identity_expression.recipe import RECIPES, Recipe
from kaoiro.inference.exchange import Exchanger
from kaoiro.training import exchange, exchange_export, latents, snapshots, stages
from kaoiro.training.exchange import Trained, fit, improves_no_more
from kaoiro.training.exchange_export import export

TINY = RECIPES["tiny"]
SMALL = replace(
    TINY,
    data=replace(TINY.data, count=8, pictures=7),
    network=NetworkConfig(side=16, width=8, identity=5, expression=4),
    run=RunConfig(epochs=2, iterations=2, batch=16),
)
FORMS = {name: replace(SMALL, network=replace(SMALL.network, form=name)) for name in ("vae", "cvae")}


def silent(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def people() -> People:
    return read(SMALL.data, 16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("unbroken")


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module")
def trained(folder: Path, people: People, lines: list[str]) -> Trained:
    return fit(SMALL, folder, lines.append, people)


# Stages


def test_stages_go_by_turns_and_end_with_expression() -> None:
    plan = stages.schedule(RECIPES["iterated"], 227).stages
    assert len(plan) == 20
    assert [stage.kind for stage in plan] == ["identity", "expression"] * 10
    assert [stage.iteration for stage in plan[:5]] == [0, 0, 1, 1, 2]
    assert all((stage.epochs, stage.steps, stage.passes) == (50, 227, 50) for stage in plan)
    (whole,) = stages.schedule(RECIPES["vae"], 227).stages
    assert (whole.kind, whole.epochs) == ("whole", 100)


@pytest.mark.parametrize(("scale", "epochs", "steps"), [(0.5, 50, 200), (0.011, 2, 110), (0.001, 1, 20), (1e-6, 1, 1)])
def test_a_share_of_a_schedule_is_that_of_its_steps(scale: float, epochs: int, steps: int) -> None:
    run = replace(RECIPES["switched"].run, scale=scale)
    for stage in stages.schedule(replace(RECIPES["switched"], run=run), 200).stages:
        assert (stage.epochs, stage.steps, stage.passes) == (epochs, steps, 100)


def test_a_budget_scales_all_stages_alike_by_what_a_step_takes() -> None:
    recipe = replace(RECIPES["switched"], run=replace(RECIPES["switched"].run, budget=10.0))
    seconds = {"identity": 1.0, "expression": 4.0}
    plan = stages.schedule(recipe, 200, seconds)
    assert plan.scale == pytest.approx(10 * 3600 / (stages.OVERHEAD * 200 * 100 * 5))
    assert plan.hours == pytest.approx(10, rel=0.01)
    identity, expression = plan.stages
    assert identity.total == pytest.approx(expression.total, rel=0.01)
    assert expression.steps * 4.0 <= 600
    assert stages.read(json.loads(json.dumps(plan.asdict()))) == plan
    assert stages.schedule(replace(recipe, run=replace(recipe.run, budget=1e6)), 200, seconds).scale == 1


@pytest.mark.parametrize("scale", [1.0, 0.3, 0.004])
def test_the_rate_falls_as_far_in_a_share_as_in_the_whole(scale: float) -> None:
    recipe = replace(SMALL, run=RunConfig(epochs=100, scale=scale), objective=ObjectiveConfig())
    stage = stages.schedule(recipe, 250).stages[0]
    progress = stage.progress()
    objective = exchange.Objective(recipe, 4)
    objective.begin(progress)
    assert objective.rate == 5e-4
    progress.done = progress.steps - 1
    assert objective.rate == pytest.approx(5e-4 * 0.95**99, rel=0.06)


def test_iterating_ends_where_nothing_improves() -> None:
    def noted(*leakages: float) -> list[dict]:
        ends = [{"kind": "expression", "leakage": value, "cycle_expression": 0.5} for value in leakages]
        return [one for end in ends for one in ({"kind": "identity", "leakage": 0.0}, end)]

    assert not improves_no_more(noted(0.5, 0.5, 0.5), patience=0)
    assert improves_no_more(noted(0.5, 0.499, 0.51), patience=2)
    assert not improves_no_more(noted(0.5, 0.4, 0.41), patience=2)
    assert not improves_no_more(noted(0.5, 0.4), patience=2)
    better = noted(0.5, 0.5, 0.5)
    better[-1]["cycle_expression"] = 0.4
    assert not improves_no_more(better, patience=2)


# Codes without labels


def test_deviations_are_from_the_subjects_mean() -> None:
    """(6): f_ij = x_ij - 1/n Σ_k x_ik."""
    codes = np.array([[1.0, 2], [3, 2], [10, 0]], np.float32)
    found = deviations(codes, np.array(["a", "a", "b"]))
    assert found.tolist() == [[-1, 0], [1, 0], [0, 0]]
    assert found.dtype == np.float32


def test_variance_between_subjects() -> None:
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(20), 10)
    noise = rng.normal(size=(200, 3))
    assert latents.between(np.eye(20)[groups], groups) == pytest.approx(1)
    assert latents.between(noise, groups) < 0.05
    mixed = noise + 2 * rng.normal(size=(20, 3))[groups]
    assert latents.between(mixed, groups) == pytest.approx(0.8, abs=0.1)
    assert latents.between(np.zeros((200, 3)), groups) == 0
    assert latents.between(noise, np.arange(200)) == 0


def test_collapse_is_said_of_the_code_that_learns() -> None:
    figures = {"identity_active_units": 3.0, "expression_active_units": 0.0}
    assert latents.collapsed(figures, "identity") is None
    warning = latents.collapsed(figures, "expression")
    assert warning is not None
    assert "the code of expression has collapsed" in warning


def test_a_network_that_ignores_codes_loses_what_is_exchanged(people: People) -> None:
    torch.manual_seed(0)
    network = exchange.Objective(SMALL, 6).network
    torch.nn.init.zeros_(network.decoder.first.weight)
    found = latents.cycle(latents.Learned(network), people.training)
    assert found["cycle_identity"] > 0.99
    assert found["cycle_expression"] > 0.99


def test_the_distance_of_one_person_parts_pairs(trained: Trained) -> None:
    distance = latents.same_person(trained.learned, trained.people.unseen)
    assert distance is not None
    assert distance > 0
    nobody = trained.people.unseen.rows(np.zeros(len(trained.people.unseen), bool))
    assert latents.same_person(trained.learned, nobody) is None


# Runs


def test_a_run_notes_every_epoch_and_stage(trained: Trained, folder: Path, lines: list[str]) -> None:
    history = json.loads((folder / "history.json").read_text())
    assert history == trained.history
    assert [(one["stage"], one["epoch"]) for one in history["epochs"]] == [(s, e) for s in range(4) for e in (1, 2)]
    assert [one["kind"] for one in history["stages"]] == ["identity", "expression"] * 2
    for one in history["epochs"]:
        assert {"loss", "divergence", "squared_error", "leakage", "expression_kl_per_unit"} <= set(one)
        assert all(math.isfinite(value) for value in one.values() if not isinstance(value, str))
    for one in history["stages"]:
        assert {"leakage", "cycle_identity", "unseen_leakage", "expression_active_units"} <= set(one)
    assert "switch_expression" in history["epochs"][2]
    assert "switch_expression" not in history["epochs"][0]
    assert len([line for line in lines if line.startswith("stage ")]) == 8
    assert sum(stage["epochs"] for stage in history["schedule"]["stages"]) == 8


def test_samples_say_that_they_are_generated(trained: Trained, folder: Path) -> None:
    del trained
    names = ["00-identity.png", "01-expression.png", "02-identity.png", "03-expression.png"]
    assert sorted(path.name for path in (folder / "samples").iterdir()) == names
    with Image.open(folder / "samples" / names[-1]) as picture:
        assert "generated" in picture.info["Comment"]
        assert json.loads(picture.info["Description"])["stage"] == 3


def test_networks_of_every_stage_are_kept(trained: Trained, folder: Path) -> None:
    kept = snapshots.kept(folder)
    assert [path.stem for path in kept] == ["00-identity", "01-expression", "02-identity", "03-expression"]
    faces = trained.people.training.pixels[:4]
    own = trained.learned.encode(faces)
    again = snapshots.reopen(kept[-1]).encode(faces)
    assert np.abs(own.expression - again.expression).max() < 0.05
    first, second = (snapshots.reopen(path).encode(faces) for path in kept[1:3])
    assert np.array_equal(first.expression, second.expression)  # the stage of identity leaves it alone
    assert not np.array_equal(first.identity, second.identity)


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no network of this family"):
        snapshots.reopen(tmp_path / "none.safetensors")
    (tmp_path / "a.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="holds no network of this family"):
        snapshots.reopen(tmp_path / "a.safetensors")


def test_networks_that_saw_pictures_as_they_are_are_refused(trained: Trained, tmp_path: Path) -> None:
    """Weights of before pictures were standardised would be opened and mean nothing."""
    file = tmp_path / "a.safetensors"
    snapshots.save(trained.objective.network, trained.learned.people, file)
    assert snapshots.reopen(file).people == trained.learned.people
    with safe_open(file, "pt") as content:
        about, weights = content.metadata(), {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118

    def earlier(name: str) -> str:
        coder, part, *rest = name.split(".")
        return ".".join([coder, part, str(int(rest[0]) - 1), *rest[1:]]) if part == "trunk" else name

    save_file({earlier(name): value for name, value in weights.items()}, file, about)
    with pytest.raises(ModelError, match="holds no network of this family"):
        snapshots.reopen(file)


def test_a_resumed_run_ends_where_an_unbroken_one_does(
    trained: Trained, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off in the middle of an epoch, and right after one, in stages of both kinds."""
    whole = exchange.Objective.training_step
    for breaks in (1, 5, 2):  # two steps an epoch, two epochs a stage
        steps = []

        def counted(self: exchange.Objective, batch: object, number: int, at: int = breaks, of: list = steps) -> None:
            of.append(number)
            if len(of) > at:
                raise KeyboardInterrupt
            whole(self, batch, number)  # pyright: ignore

        monkeypatch.setattr(exchange.Objective, "training_step", counted)
        with pytest.raises(KeyboardInterrupt):
            fit(SMALL, tmp_path, silent, people)
    monkeypatch.undo()
    again = fit(SMALL, tmp_path, silent, people)
    weights = again.objective.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in trained.objective.state_dict().items())

    def timeless(history: dict) -> list[dict]:
        return [{name: value for name, value in one.items() if name != "seconds"} for one in history["epochs"]]

    assert timeless(again.history) == timeless(trained.history)
    assert again.history["stages"] == trained.history["stages"]


def test_a_finished_run_is_not_trained_again(trained: Trained, folder: Path, people: People) -> None:
    said: list[str] = []
    assert fit(SMALL, folder, said.append, people).history == trained.history
    assert said == []


def test_another_seed_learns_otherwise(trained: Trained, people: People, tmp_path: Path) -> None:
    short = replace(SMALL, run=replace(SMALL.run, iterations=1, epochs=1, snapshots=False))
    one, again = (fit(short, tmp_path / str(number), silent, people).history["epochs"] for number in range(2))
    other = fit(replace(short, run=replace(short.run, seed=1)), tmp_path / "other", silent, people).history["epochs"]
    assert one[0]["loss"] == again[0]["loss"] != other[0]["loss"]
    assert not (tmp_path / "0" / "stages").exists()


def test_folders_of_other_runs_are_refused(trained: Trained, folder: Path, people: People) -> None:
    del trained
    with pytest.raises(InputError, match="holds a run with other settings"):
        fit(replace(SMALL, run=replace(SMALL.run, seed=5)), folder, silent, people)
    with pytest.raises(InputError, match="holds a run with other settings"):
        fit(replace(SMALL, data=replace(SMALL.data, crop="fer2013")), folder, silent, people)
    darker = replace(people, training=replace(people.training, pixels=people.training.pixels // 2))
    with pytest.raises(DataError, match="training on other faces"):
        fit(SMALL, folder, silent, darker)


def test_a_damaged_checkpoint_is_refused(people: People, tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"none")
    with pytest.raises(DataError, match="no checkpoint of this training"):
        fit(SMALL, tmp_path, silent, people)


def test_a_budget_is_kept_by_fewer_steps(people: People, tmp_path: Path) -> None:
    recipe = replace(SMALL, run=RunConfig(epochs=500, batch=16, budget=1e-3))
    lines: list[str] = []
    done = fit(recipe, tmp_path, lines.append, people)
    assert done.schedule.scale < 1
    assert done.hours < 5e-3
    assert [stage.passes for stage in done.schedule.stages] == [500, 500]
    assert any("of the whole schedule" in line for line in lines)
    assert fit(recipe, tmp_path, silent, people).schedule == done.schedule


def test_iterating_can_end_early(people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "criteria", lambda *_: {"leakage": 0.5})
    recipe = replace(SMALL, run=replace(SMALL.run, epochs=1, iterations=4, patience=1))
    lines: list[str] = []
    done = fit(recipe, tmp_path, lines.append, people)
    assert len(done.history["stages"]) == 4
    assert done.history["stopped"] == "nothing improved for 1 iterations"
    assert "stopped" in lines[-1]
    assert len(fit(recipe, tmp_path, silent, people).history["stages"]) == 4


@pytest.mark.parametrize("form", ["vae", "cvae"])
def test_baselines_have_one_code_and_open_without_pytorch(form: str, people: People, tmp_path: Path) -> None:
    recipe = replace(FORMS[form], run=RunConfig(epochs=2, batch=16))
    done = fit(recipe, tmp_path, silent, people)
    assert [one["kind"] for one in done.history["stages"]] == ["whole"]
    description = export(done, form, tmp_path / "model", form)
    faces, subjects = people.training.pixels[:7], people.training.subjects
    assert subjects is not None
    opened = Exchanger(tmp_path / "model")
    codes = opened.encode(faces)
    assert codes.expression.shape == (7, 4)
    width = 0 if form == "vae" else 6
    assert codes.identity.shape == (7, width)
    assert description.identity == width
    assert opened.decode(codes.identity, codes.expression).shape == (7, 16, 16, 3)
    told = snapshots.reopen(tmp_path / "model" / "weights.safetensors").encode(faces, subjects[:7])
    assert told.identity.sum() == (0 if form == "vae" else 7)


# Export


@pytest.fixture(scope="module")
def opened(trained: Trained, folder: Path) -> Exchanger:
    export(trained, "tiny", folder / "model", "drawing")
    return Exchanger(folder / "model")


def test_graphs_answer_what_the_network_answers(opened: Exchanger, trained: Trained) -> None:
    faces = trained.people.training.pixels
    found = exchange_export.compared(trained.learned, opened, faces)
    assert found["graph_codes"] > 0.999
    assert found["graph_pictures_psnr"] > 40
    one = opened.encode(faces[:1])
    assert np.allclose(one.expression, opened.encode(faces[:9]).expression[:1], atol=1e-5)


def test_the_description_says_where_it_came_from(opened: Exchanger) -> None:
    description = opened.description
    assert (description.side, description.identity, description.expression) == (16, 5, 4)
    assert description.same_person is not None
    assert description.provenance.recipe == "identity_expression/tiny"
    assert description.provenance.settings["schedule"]["scale"] == 1.0
    assert description.provenance.settings["data"]["root"] is None
    assert description.crop == INNER_CROP
    assert description.provenance.settings["crop"]["name"] == description.provenance.settings["data"]["crop"] == "inner"
    assert {"leakage", "cycle_expression", "graph_codes", "unseen_leakage"} <= set(description.card.numbers)
    assert len(description.provenance.history["leakage"]) == 4


@pytest.mark.parametrize(("side", "groups"), [(64, 0), (64, 8)])
def test_what_ships_is_small_and_near_to_the_network(side: int, groups: int, tmp_path: Path) -> None:
    import onnxruntime as ort

    torch.manual_seed(0)
    network = exchange.Objective(Recipe(network=NetworkConfig(side=side, groups=groups)), 4).network.eval()
    exchange_export.export_graphs(network, tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 4e6
    faces = read(replace(TINY.data, count=16, pictures=4, fold=None), side).training.pixels
    learned = latents.Learned(network)
    own = learned.encode(faces)
    session = ort.InferenceSession(str(tmp_path / "encoder.onnx"), providers=["CPUExecutionProvider"])
    given = faces.transpose(0, 3, 1, 2).astype(np.float32) / 255
    theirs = dict(
        zip(("identity", "expression"), session.run(["identity", "expression"], {"pixels": given}), strict=True)
    )
    for name, codes in theirs.items():
        assert np.corrcoef(codes.ravel(), getattr(own, name).ravel())[0, 1] > 0.999
    session = ort.InferenceSession(str(tmp_path / "decoder.onnx"), providers=["CPUExecutionProvider"])
    made = session.run(["pixels"], {"identity": own.identity, "expression": own.expression})[0]
    error = np.square(made.transpose(0, 2, 3, 1) - learned.decode(own.identity, own.expression) / 255).mean()
    assert -10 * np.log10(error) > 40


@pytest.mark.parametrize("axis", [0, 1])
def test_rounded_weights_have_a_scale_for_each_channel(axis: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 4, 3, 3)).astype(np.float32)
    values *= np.moveaxis(np.geomspace(1e-3, 10, values.shape[axis]).reshape(-1, 1, 1, 1), 0, axis)
    whole, scale = exchange_export.rounded(values, axis)
    assert whole.dtype == np.int8
    assert scale.shape == (values.shape[axis],)
    again = whole * np.moveaxis(scale.reshape(-1, 1, 1, 1), 0, axis)
    channels = tuple(place for place in range(4) if place != axis)
    assert (np.square(again - values).mean(axis=channels) / np.square(values).mean(axis=channels)).max() < 1e-4
    assert np.array_equal(exchange_export.rounded(np.zeros((2, 3), np.float32), 0)[0], np.zeros((2, 3)))


# The door


def test_the_command_trains_exports_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["train", "identity_expression", "tiny", "--out", str(tmp_path), "--name", "mine", "--run.epochs", "1"]
    call += ["--data.count", "8", "--data.pictures", "7", "--network.width", "8"]
    assert main(call) == 0
    said = capsys.readouterr()
    assert "leakage" in said.out
    assert "stage 2 of 2 (expression), epoch 1 of 1" in said.err
    assert Exchanger(tmp_path).description.name == "mine"
    assert main(call) == 0
    assert "stage" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["switched"], r"name a rendered set \(kaoiro synth syn-id\) by --data.root"),
        (["switched", "--data.root", "nowhere"], "nowhere"),
        (["tiny", "--data.fold", "9"], "data.fold must be none, or from 0 to 3"),
        (["tiny", "--network.side", "50"], "network.side must be one of"),
        (
            ["tiny", "--network.patches", "8", "--network.places"],
            "network.patches must be 0 where network.places is on",
        ),
        (["tiny", "--network.patches", "8", "--network.form", "cvae"], "network.patches must be 0 where .* is cvae"),
        (["improved"], r"name a rendered set \(kaoiro synth syn-id\) by --data.root"),
        (["tiny", "--data.crop", "outer"], "data.crop"),
        (["tiny", "--run.nothing", "1"], "--recipe-help"),
        (["tiny", "--budget", "-1"], "run.budget must be a positive, finite number of hours"),
        (["nothing"], "no recipe 'nothing' in identity_expression; there are: conventional"),
    ],
)
def test_the_command_refuses_in_one_line(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    assert main(["train", "identity_expression", *options, "--out", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said, line)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_tiny_recipe_tells_expression_from_identity(tmp_path: Path) -> None:
    """Of people whom it has not seen: expressions make most of the code, and those of other people are the nearest."""
    done = fit(TINY, tmp_path, silent)
    faces = done.people.unseen
    assert faces.subjects is not None
    codes, labels = done.learned.encode(faces.pixels), faces.labels["expression"]
    assert latents.between(codes.expression, labels) > 1.5 * latents.between(codes.expression, faces.subjects)
    assert latents.between(codes.identity, faces.subjects) > 0.9
    apart = ((codes.expression[:, None] - codes.expression) ** 2).sum(axis=-1)
    apart[faces.subjects[:, None] == faces.subjects] = np.inf
    assert (labels[apart.argmin(axis=1)] == labels).mean() > 0.25  # chance: 1/7
