from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from kaoiro.cli.main import main
from kaoiro.core.errors import DataError, InputError
from kaoiro.data.datasets import wandering
from kaoiro.families.temporal_attention.config import NetworkConfig
from kaoiro.families.temporal_attention.network import Network
from kaoiro.families.temporal_attention.objective import Objective, affect, with_distance
from kaoiro.families.temporal_attention.recipe import RECIPES, Recipe
from kaoiro.timeline.smoothing import moving_average, moving_average_of_logits, parabolic
from kaoiro.training import temporal
from kaoiro.training.temporal import Part

TINY = RECIPES["tiny"]
NAMED = pytest.mark.parametrize("name", RECIPES)


@pytest.fixture(scope="module")
def part() -> Part:
    streams = wandering.streams(16)
    split = np.array(["train", "train", "val", "test"])[np.array([int(clip[-3:]) % 4 for clip in streams.clips])]
    return Part(streams, split)


@pytest.fixture(scope="module")
def trained(part: Part) -> Objective:
    return temporal.fit(RECIPES["tiny"], part)


def network(name: str) -> Network:
    torch.manual_seed(0)
    return Network(RECIPES[name].network, 12, 4).eval()


def given(name: str, batch: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    length = RECIPES[name].network.length
    generator = torch.Generator().manual_seed(1)
    values, cues = (torch.randn(batch, length, width, generator=generator) for width in (12, 4))
    return values, cues, torch.ones(batch, length, dtype=torch.bool)


@NAMED
def test_weights_add_up_to_one_and_differ_between_windows(name: str) -> None:
    weights = network(name)(*given(name))
    assert weights.shape == (5, RECIPES[name].network.length)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(5))
    assert (weights > 0).all()
    assert (weights[0] - weights[1]).abs().max() > 1e-5


@NAMED
def test_frames_that_were_not_seen_get_no_weight_and_change_nothing(name: str) -> None:
    values, cues, seen = given(name)
    seen[:, 1] = False
    weights = network(name)(values, cues, seen)
    assert (weights[:, 1] == 0).all()
    values[:, 1], cues[:, 1] = float("nan"), 1e9
    torch.testing.assert_close(network(name)(values, cues, seen), weights)


def test_a_reversed_window_gets_the_reversed_weights_where_it_is_centred() -> None:
    values, cues, seen = given("centred")
    seen[2, 3] = False
    one = network("centred")
    there = one(values, cues, seen)
    back = one(values.flip(1), cues.flip(1), seen.flip(1)).flip(1)
    # on some processors a row of a matrix product depends on its place by the last bit
    torch.testing.assert_close(back, there, rtol=1e-5, atol=1e-7)


def test_the_improved_mode_begins_with_a_parabola() -> None:
    one = network("causal")
    for parameter in one.layers[-1].parameters():
        torch.nn.init.zeros_(parameter)
    assert one(*given("causal"))[0].detach().numpy() == pytest.approx(parabolic(11), abs=1e-6)


@NAMED
def test_one_step_reaches_every_parameter(name: str, part: Part) -> None:
    recipe = RECIPES[name]
    torch.manual_seed(0)
    objective = Objective(recipe, part.streams)
    rows = temporal.pairs(part, "train", recipe.network.length, recipe.network.centred)[::7][:64]
    objective.loss(torch.from_numpy(rows)).backward()
    still = [key for key, value in objective.named_parameters() if value.grad is None or not value.grad.abs().sum()]
    assert still == []


def equal_weights(objective: Objective) -> Objective:
    for parameter in objective.network.layers[-1].parameters():
        torch.nn.init.zeros_(parameter)
    return objective


def test_equal_weights_are_a_moving_average_of_logits(part: Part) -> None:
    objective = equal_weights(Objective(RECIPES["tiny"], part.streams))
    found, weights = temporal.answers(objective, part.streams)
    assert weights == pytest.approx(np.full_like(weights, 0.2))
    first = slice(0, 60)
    expected = moving_average_of_logits(part.streams.probabilities[first], 5)
    assert found[first][4:] == pytest.approx(expected[4:], abs=1e-4)


def test_equal_weights_over_probabilities_are_a_moving_average_of_them(part: Part) -> None:
    recipe = dataclasses.replace(TINY, network=dataclasses.replace(TINY.network, weighs="probabilities"))
    found, _ = temporal.answers(equal_weights(Objective(recipe, part.streams)), part.streams)
    expected = moving_average(part.streams.probabilities[:60], 5)
    assert found[:60][4:] == pytest.approx(expected[4:], abs=1e-4)


def test_answers_are_of_the_streams_asked_for_whatever_was_learned_from(part: Part) -> None:
    other = wandering.streams(4, seed=9)
    objective = Objective(TINY, part.streams).eval()
    fresh = Objective(TINY, other).eval()
    fresh.network.load_state_dict(objective.network.state_dict())
    before, _ = temporal.answers(objective, part.streams)
    np.testing.assert_array_equal(temporal.answers(objective, other)[0], temporal.answers(fresh, other)[0])
    np.testing.assert_array_equal(temporal.answers(objective, part.streams)[0], before)


def test_affect_is_the_mean_of_the_centres_and_contempt_counts_as_neutral(part: Part) -> None:
    labels, raw = ("happiness", "sadness", "contempt"), np.log([[0.5, 0.3, 0.2]]).astype(np.float32)
    one = dataclasses.replace(
        part.streams,
        features=np.zeros((1, 2), np.float32),
        logits=raw,
        cues=part.streams.cues[:1],
        clips=part.streams.clips[:1],
        labels=labels,
    )
    assert affect(one) == pytest.approx(np.array([[0.5 * 0.8 - 0.3 * 0.65, 0.5 * 0.45 - 0.3 * 0.35]]), abs=1e-6)


def test_distance_is_from_the_mean_of_the_frames_that_were_seen() -> None:
    points = torch.tensor([[[0.0, 0.0], [0.6, 0.8], [9.0, 9.0]]])
    found = with_distance(points, torch.tensor([[True, True, False]]))
    assert found[0, :2, 2].tolist() == pytest.approx([0.5, 0.5])
    assert torch.equal(found[..., :2], points)


def test_the_network_with_affect_learns_and_is_written(part: Part, tmp_path: Path) -> None:
    recipe = dataclasses.replace(TINY, network=dataclasses.replace(TINY.network, affect=True))
    objective = temporal.fit(dataclasses.replace(recipe, run=dataclasses.replace(recipe.run, epochs=1)), part)
    temporal.save(objective, tmp_path / "model", part.streams, {})
    session = ort.InferenceSession(str(tmp_path / "model" / "model.onnx"))
    assert {value.name: value.shape[2] for value in session.get_inputs() if value.name != "seen"}["cues"] == 4 + 3
    described = json.loads((tmp_path / "model" / "temporal.json").read_text())
    assert described["cues"] == ["face_size", "face_score", "sharpness", "roll", "valence", "arousal", "distance"]
    objective.watch(part.streams)
    changed = objective._tables["affect"].clone()
    objective._tables["affect"] = changed + torch.randn(changed.shape)
    windows = torch.from_numpy(part.streams.windows(5, False)[:40])
    shaken = objective.answer(windows)[1]
    objective.watch(part.streams)
    assert not torch.allclose(shaken, objective.answer(windows)[1])


def test_the_loss_by_hand(part: Part) -> None:
    objective = equal_weights(Objective(RECIPES["tiny"], part.streams))
    rows = temporal.pairs(part, "train", 5, False)[20:24]
    raw = part.streams.logits.astype(np.float64)

    def answer(windows: np.ndarray) -> np.ndarray:
        mean = raw[windows].mean(axis=1)
        powers = np.exp(mean)
        return powers / powers.sum(axis=1, keepdims=True)

    expected = ((answer(rows[:, 0]) - answer(rows[:, 1])) ** 2).mean()
    assert objective.loss(torch.from_numpy(rows)).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("change", [{"fidelity": 0.5}, {"lag": 0.5}, {"compare": "logits"}])
def test_what_the_improved_mode_adds_is_in_the_loss(part: Part, change: dict) -> None:
    rows = torch.from_numpy(temporal.pairs(part, "train", 5, False)[20:24])
    recipe = RECIPES["tiny"]
    plain = equal_weights(Objective(recipe, part.streams)).loss(rows)
    other = dataclasses.replace(recipe, objective=dataclasses.replace(recipe.objective, **change))
    more = equal_weights(Objective(other, part.streams)).loss(rows)
    assert more > plain
    if "lag" in change:  # equal weights of five frames are two frames old on average
        assert (more - plain).item() == pytest.approx(0.5 * 2 / 5, rel=1e-4)


def test_the_control_sees_the_frames_in_another_order(part: Part) -> None:
    recipe = RECIPES["tiny"]
    shuffled = dataclasses.replace(recipe, objective=dataclasses.replace(recipe.objective, shuffled=True))
    torch.manual_seed(0)
    plain = Objective(recipe, part.streams)
    torch.manual_seed(0)
    control = Objective(shuffled, part.streams)
    rows = torch.from_numpy(part.streams.windows(5)[20:30])
    assert (plain.answer(rows)[0] - control.answer(rows)[0]).abs().max() > 1e-4
    same = rows[:1].expand(20, -1)  # one window twenty times: an order that is the same for all would not show
    assert (control.answer(same)[0].std(dim=0) > 1e-5).any()
    assert (plain.answer(same)[0].std(dim=0) < 1e-6).all()


@pytest.mark.parametrize("change", [{"budget": 1.0}, {"ema": 0.9}, {"start": "somewhere"}])
def test_settings_of_runs_that_take_hours_are_refused(change: dict) -> None:
    with pytest.raises(InputError, match=f"run.{next(iter(change))}"):
        dataclasses.replace(RECIPES["tiny"], run=dataclasses.replace(RECIPES["tiny"].run, **change)).check()


def test_pairs_are_neighbours_of_one_clip_and_split(part: Part) -> None:
    rows = temporal.pairs(part, "val", 5, False)
    current, following = rows[:, 0, -1], rows[:, 1, -1]
    assert (following - current == 1).all()
    assert (part.streams.clips[current] == part.streams.clips[following]).all()
    assert (part.split[current] == "val").all()


def test_it_learns_to_be_calm_and_twice_the_same(part: Part, trained: Objective) -> None:
    answer, _ = temporal.answers(trained, part.streams)
    test = part.split == "test"
    single = part.streams.probabilities
    assert (np.diff(answer[test], axis=0) ** 2).mean() < 0.3 * (np.diff(single[test], axis=0) ** 2).mean()
    again, _ = temporal.answers(temporal.fit(RECIPES["tiny"], part), part.streams)
    assert np.array_equal(answer, again)


def test_frames_without_a_face_have_no_answer(part: Part, trained: Objective) -> None:
    streams = dataclasses.replace(part.streams, features=part.streams.features.copy())
    streams.features[10:14] = np.nan
    objective = Objective(trained.recipe, streams)
    objective.network.load_state_dict(trained.network.state_dict())
    answer, _ = temporal.answers(objective, streams)
    assert np.isnan(answer[10:14]).all()
    assert not np.isnan(answer[14:]).any()


def test_a_split_without_neighbours_is_refused(part: Part) -> None:
    with pytest.raises(DataError, match="no clip of the split elsewhere"):
        temporal.pairs(part, "elsewhere", 5, False)


@pytest.mark.parametrize(
    "change",
    [{"length": 1}, {"length": 4, "centred": True}, {"hidden": (0, 4)}, {"affect": True}, {"weighs": "features"}],
)
def test_impossible_networks_are_refused(change: dict) -> None:
    with pytest.raises(InputError, match=r"network\."):
        Recipe(network=NetworkConfig(**change)).check()


@NAMED
def test_the_graph_answers_what_the_network_answers(name: str, part: Part, tmp_path: Path) -> None:
    objective = Objective(RECIPES[name], part.streams).eval()
    temporal.save(objective, tmp_path / "model", part.streams, {"data": "drawn"})
    session = ort.InferenceSession(str(tmp_path / "model" / "model.onnx"))
    width = part.streams.features.shape[1]
    length = RECIPES[name].network.length
    rng = np.random.default_rng(0)
    values = {"values": rng.normal(size=(3, length, width)).astype(np.float32)}
    values["cues"] = rng.random((3, length, 4)).astype(np.float32)
    values["seen"] = rng.random((3, length)) < 0.8
    values["seen"][:, -1] = True
    needed = {value.name for value in session.get_inputs()}
    (found,) = session.run(None, {key: value for key, value in values.items() if key in needed})
    expected = objective.network(*(torch.from_numpy(values[key]) for key in ("values", "cues", "seen")))
    assert found == pytest.approx(expected.detach().numpy(), abs=1e-5)
    described = json.loads((tmp_path / "model" / "temporal.json").read_text())
    assert described["recipe"]["network"]["length"] == length
    assert described["data"] == "drawn"


def test_the_command_learns_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "temporal_attention", "tiny", "--out", str(tmp_path), "--run.epochs", "1"]
    assert main(command) == 0
    assert "val_loss" in capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "model").iterdir())
    assert names == ["model.onnx", "temporal.json", "weights.safetensors"]
    assert main(["train", "temporal_attention", "causal", "--out", str(tmp_path / "none")]) == 2
    assert "--data.root" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
