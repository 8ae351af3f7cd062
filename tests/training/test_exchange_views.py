from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fake import fer2013

from kaoiro.cli.main import main
from kaoiro.core.errors import DataError, InputError, ModelError
from kaoiro.data.subjects import People
from kaoiro.evaluation.people import read
from kaoiro.faces import gradients
from kaoiro.faces.align import to_luma
from kaoiro.families.identity_expression.config import NetworkConfig, RunConfig, ViewsConfig
from kaoiro.families.identity_expression.recipe import RECIPES
from kaoiro.inference.exchange import Exchanger
from kaoiro.training import exchange, latents, snapshots, stages
from kaoiro.training.exchange import fit
from kaoiro.training.exchange_export import export
from kaoiro.training.exchange_views import ViewSteps

SMALL = replace(
    RECIPES["tiny"],
    data=replace(RECIPES["tiny"].data, count=8, pictures=7),
    network=NetworkConfig(side=16, width=8, identity=5, expression=4),
    run=RunConfig(epochs=1, batch=16),
    views=ViewsConfig(
        contrast=1.0, gradients=1.0, epochs=2, batch=16, known=0.5, people=2, hidden=8, numbers=4, components=6
    ),
)


def silent(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fer")
    fer2013.write(folder, {"Training": 36}, votes=False)
    return folder


@pytest.fixture(scope="module")
def people(root: Path) -> People:
    return read(replace(SMALL.data, unlabelled=str(root)), 16)


# Faces of a step


def test_a_step_sees_unlabelled_and_known_faces_and_what_shall_be_read_of_them(people: People) -> None:
    steps = ViewSteps(people, SMALL)
    assert steps.steps == 32 // 8
    seen = steps(0, 1)
    assert (seen.unlabelled.shape, seen.known.shape) == ((8, 48, 48), (8, 16, 16, 3))
    assert (seen.unlabelled.dtype, seen.known.dtype) == (torch.uint8, torch.uint8)
    assert seen.gradients.shape == (16, 6)
    assert seen.groups[:8].tolist() == [0] * 8
    assert len(set(seen.groups[8:].tolist())) == 2
    again = ViewSteps(people, SMALL)
    again(1, 0)
    for one, other in zip(seen, again(0, 1), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(seen.unlabelled, again(1, 1).unlabelled)


def test_histograms_are_those_of_the_unaltered_face_and_of_its_mirror_image(people: People) -> None:
    """Components are found on the unlabelled faces, and have mean 0 and deviation 1 there."""
    seen = ViewSteps(people, SMALL)(0, 0)
    assert people.unlabelled is not None
    found = gradients.symmetrical(gradients.histograms(people.unlabelled))
    shown = gradients.symmetrical(gradients.histograms(seen.unlabelled.numpy()))
    mean, axes = found.mean(axis=0), np.linalg.svd(found - found.mean(axis=0), full_matrices=False)[2][:6]
    wished = np.abs((shown - mean) @ axes.T) / ((found - mean) @ axes.T).std(axis=0)
    assert np.abs(seen.gradients[:8].abs().numpy() - wished).max() < 1e-3
    whole = replace(SMALL, views=replace(SMALL.views, augmentation=replace(SMALL.views.augmentation, flip=0.0)))
    assert not np.allclose(ViewSteps(people, whole)(0, 0).gradients, seen.gradients, atol=1e-3)


def test_known_faces_are_read_in_grey(people: People) -> None:
    steps = ViewSteps(replace(people, unlabelled=None), SMALL)
    seen = steps(0, 0)
    assert (len(seen.unlabelled), len(seen.known)) == (0, 14)  # two people with seven pictures each
    grey = np.stack([to_luma(face) for face in people.training.pixels])
    found = gradients.symmetrical(gradients.histograms(grey))
    first = np.linalg.svd(found - found.mean(axis=0), full_matrices=False)[2][0]
    places = [
        int(np.flatnonzero((people.training.pixels == face).all(axis=(1, 2, 3)))[0]) for face in seen.known.numpy()
    ]
    both = np.corrcoef((found @ first)[places], seen.gradients.numpy()[:, 0])
    assert abs(both[0, 1]) > 0.999


def test_without_gradients_nothing_is_computed_of_them(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "histograms", None)
    recipe = replace(SMALL, views=replace(SMALL.views, gradients=0.0))
    assert ViewSteps(people, recipe)(0, 0).gradients.shape == (16, 0)


def test_faces_that_are_all_alike_are_refused(people: People) -> None:
    with pytest.raises(DataError, match="all alike"):
        ViewSteps(replace(people, unlabelled=np.full((9, 48, 48), 7, np.uint8)), SMALL)


# Stages


def test_the_stage_of_views_comes_once_and_first() -> None:
    recipe = replace(SMALL, run=replace(SMALL.run, iterations=2, epochs=3))
    plan = stages.schedule(recipe, 20, views=5).stages
    assert [stage.kind for stage in plan] == ["views", "identity", "expression", "identity", "expression"]
    assert [stage.number for stage in plan] == list(range(5))
    assert [stage.iteration for stage in plan] == [0, 0, 0, 1, 1]
    assert [(stage.epochs, stage.steps, stage.passes) for stage in plan[:2]] == [(2, 5, 2), (3, 20, 3)]
    alone = replace(recipe, run=replace(recipe.run, iterations=0))
    assert [stage.name for stage in stages.schedule(alone, 20, views=5).stages] == ["00-views"]


def test_a_budget_scales_views_as_everything_else() -> None:
    recipe = replace(RECIPES["contrastive"], run=replace(RECIPES["contrastive"].run, budget=1.0))
    seconds = {"views": 0.5, "identity": 1.0, "expression": 3.0}
    plan = stages.schedule(recipe, 200, seconds, views=250)
    whole = stages.OVERHEAD * (60 * 250 * 0.5 + 20 * 200 * 4) / 3600
    assert plan.scale == pytest.approx(1 / whole)
    assert plan.hours == pytest.approx(1, rel=0.01)
    assert plan.stages[0].passes == 60


# Runs


@pytest.fixture(scope="module")
def whole(people: People, tmp_path_factory: pytest.TempPathFactory) -> tuple[exchange.Trained, Path]:
    folder = tmp_path_factory.mktemp("whole")
    return fit(SMALL, folder, silent, people), folder


def test_a_run_begins_with_views_and_goes_on_with_them(whole: tuple[exchange.Trained, Path]) -> None:
    history, folder = whole[0].history, whole[1]
    assert [one["kind"] for one in history["stages"]] == ["views", "identity", "expression"]
    assert [one["kind"] for one in history["epochs"]] == ["views", "views", "identity", "expression"]
    first, *_, last = history["epochs"]
    assert {"contrast", "gradients", "divergence"} <= set(first)
    assert "squared_error" not in first
    assert {"contrast", "gradients", "squared_error", "switch_expression"} <= set(last)
    assert "cycle_identity" not in history["stages"][0]
    assert sorted(path.name for path in (folder / "samples").iterdir()) == ["01-identity.png", "02-expression.png"]
    kept = [snapshots.reopen(path) for path in snapshots.kept(folder)]
    faces = whole[0].people.training.pixels[:4]
    views, identity, expression = (one.encode(faces).expression for one in kept)
    assert np.array_equal(views, identity)
    assert not np.array_equal(identity, expression)


@pytest.mark.parametrize("breaks", [(2, 5), (4, 6)])
def test_a_resumed_run_ends_where_an_unbroken_one_does(
    breaks: tuple[int, ...],
    whole: tuple[exchange.Trained, Path],
    people: People,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Broken off within the first epoch of views, right after it, and later."""
    step = exchange.Objective.training_step
    for most in breaks:
        steps: list[int] = []

        def counted(self: exchange.Objective, batch: object, number: int, at: int = most, of: list = steps) -> None:
            of.append(number)
            if len(of) > at:
                raise KeyboardInterrupt
            step(self, batch, number)  # pyright: ignore

        monkeypatch.setattr(exchange.Objective, "training_step", counted)
        with pytest.raises(KeyboardInterrupt):
            fit(SMALL, tmp_path, silent, people)
    monkeypatch.undo()
    again = fit(SMALL, tmp_path, silent, people).objective.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in whole[0].objective.state_dict().items())


def test_another_folder_of_unlabelled_faces_is_another_run(
    whole: tuple[exchange.Trained, Path], people: People
) -> None:
    assert people.unlabelled is not None
    with pytest.raises(DataError, match="training on other faces"):
        fit(SMALL, whole[1], silent, replace(people, unlabelled=people.unlabelled // 2))


def test_settings_that_were_added_since_are_as_their_defaults(people: People, tmp_path: Path) -> None:
    """A run that was begun before there were views goes on."""
    old = replace(SMALL, views=ViewsConfig(), run=replace(SMALL.run, epochs=1))
    plain = replace(people, unlabelled=None)
    done = fit(old, tmp_path, silent, plain)
    file = tmp_path / "recipe.json"
    stored = json.loads(file.read_text())
    del stored["asked"]["views"], stored["asked"]["data"]["unlabelled"]
    file.write_text(json.dumps(stored))
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    state["of"] = json.dumps([stored["asked"], *json.loads(state["of"])[1:]])
    torch.save(state, tmp_path / "last.pt")
    assert fit(old, tmp_path, silent, plain).history == done.history
    with pytest.raises(InputError, match="holds a run with other settings"):
        fit(replace(old, run=replace(old.run, seed=3)), tmp_path, silent, plain)


def test_a_run_begins_with_the_encoder_of_another(
    whole: tuple[exchange.Trained, Path], people: People, tmp_path: Path
) -> None:
    export(whole[0], "contrastive", tmp_path / "first" / "model", "first")
    begun = replace(SMALL, views=replace(SMALL.views, epochs=0, start=str(tmp_path / "first")))
    fresh = exchange._Run(begun, tmp_path / "next", people, silent).objective.network
    for name, value in whole[0].objective.network.expression.state_dict().items():
        assert torch.equal(fresh.expression.state_dict()[name], value)
    wider = replace(begun, network=replace(begun.network, expression=7))
    with pytest.raises(InputError, match=r"views\.start: the encoder .* is another one \(side 16, width 8"):
        fit(wider, tmp_path / "wider", silent, people)
    with pytest.raises(ModelError, match="no model that exchanges expressions"):
        fit(replace(begun, views=replace(begun.views, start=str(tmp_path / "none"))), tmp_path / "n", silent, people)


def test_untrained_networks_are_always_the_same(whole: tuple[exchange.Trained, Path]) -> None:
    network, faces = whole[0].objective.network, whole[0].people.training.pixels[:4]
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, again = (snapshots.untrained(network).encode(faces).expression for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(one, again)
    assert not np.array_equal(one, latents.Learned(network).encode(faces).expression)


# The door

CALL = [
    *("--network.side", "16", "--network.width", "8", "--network.expression", "6", "--views.batch", "16"),
    *("--views.epochs", "1", "--network.groups", "0"),
]


def test_views_alone_need_no_people(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["train", "identity_expression", "views", "--out", str(tmp_path), "--data.unlabelled", str(root), *CALL]
    assert main([*call, "--budget", "0.001"]) == 0
    said = capsys.readouterr()
    assert "stage 1 of 1 (views), epoch 1" in said.err
    assert "contrast" in said.err
    opened = Exchanger(tmp_path)
    assert opened.encode(np.zeros((2, 16, 16, 3), np.uint8)).expression.shape == (2, 6)
    description = opened.description
    assert description.identity == 0
    assert "no way back" in description.card.summary
    assert "research" in description.card.licence
    settings = description.provenance.settings
    assert settings["data"]["unlabelled"] is None
    assert str(root) not in description.model_dump_json()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "name a folder of faces without labels"),
        (["--data.unlabelled", "nowhere"], "data.unlabelled: nowhere: no such file or folder"),
        (["--views.contrast", "0", "--views.gradients", "0"], "views.epochs must be 0 where both weights"),
        (["--views.epochs", "0"], "run.iterations must be 1 or more where views.epochs is 0"),
        (["--run.iterations", "1"], "run.iterations must be 0 where only faces of unknown people"),
        (["--views.augmentation.flip", "7"], "views.augmentation.flip must be between 0 and 1"),
    ],
)
def test_the_command_refuses_in_one_line(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "identity_expression", "views", *options, "--out", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "run").exists()
