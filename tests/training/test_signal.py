from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from fake import identities, model, synthetic

from kaoiro.core.crops import CROPS, INNER_CROP
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import FER2013, MULTITASK_UNITS
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.datasets import synthetic as sets
from kaoiro.data.transforms import warp
from kaoiro.families.residual_attention.config import NetworkConfig
from kaoiro.inference.classifier import Classifier
from kaoiro.training import bridge, rendered, signal
from kaoiro.training.signal import Frames, Signal, SignalConfig

STILL = Augmentation(flip=0, rotation=0, shift=0, scale=0, light=0, blur=0, low_resolution=0, jpeg=0, noise=0, erase=0)
TINY = SignalConfig(
    epochs=6, batch=16, learning_rate=1e-2, network=NetworkConfig(8, (8, 12, 16), 0, 0.0), augmentation=STILL
)


def frames(people: int = 4, clips: int = 7, each: int = 4, seed: int = 0) -> Frames:
    """A bright band whose height is the expression; a spot that belongs to the person."""
    rng = np.random.default_rng(seed)
    count = people * clips * each
    person, clip = np.divmod(np.arange(count) // each, clips)
    pixels = rng.integers(90, 110, (count, 48, 48)).astype(np.uint8)
    for k in range(count):
        pixels[k, 6 * clip[k] + 2 : 6 * clip[k] + 6] += 100
        pixels[k, :, 10 * person[k] + 4 : 10 * person[k] + 8] -= 60
    units = np.tile((clip[:, None] == np.arange(8)).astype(np.float32), 1)
    names = np.array([f"p{k}" for k in person])
    return Frames(
        pixels.repeat(2, 1).repeat(2, 2),
        clip.astype(np.int64) % 7,
        np.ones(count, np.float32),
        units,
        rng.uniform(-1, 1, (count, 68, 2)).astype(np.float32),
        names,
        np.char.add(names, np.char.add("/", clip.astype(str))),
    )


@pytest.fixture(scope="module")
def trained() -> Signal:
    data = frames(each=12)
    one = Signal(SignalConfig(**{**vars(TINY), "epochs": 20, "identity": 2.0}), ["p0", "p1", "p2", "p3"])
    one.fit(data, tick=lambda _: None)
    return one


def test_frames_are_placed_in_the_crop_that_is_asked_for(tmp_path):
    """The five points lie where the inner crop has them: it is the whole picture, and landmarks stay where they are."""
    identities.write_videos(tmp_path)
    data = sets.read(tmp_path)
    rows = np.arange(0, 28, 5)
    whole, around = signal.aligned(data, rows, side=32, crop=INNER_CROP), signal.aligned(data, rows, side=32)
    plain = data.pixels(rows, grey=True)
    assert np.abs(whole.pixels.astype(int) - plain).max() <= 1
    assert whole.landmarks == pytest.approx(2 * data.landmarks[rows] / 32 - 1, abs=1e-5)
    eyes = {name: one.landmarks[:, 36:42].mean(axis=1) for name, one in (("inner", whole), ("fer2013", around))}
    for name, found in eyes.items():
        assert found == pytest.approx(np.tile(2 * np.array(CROPS[name].points[0]) - 1, (len(rows), 1)), abs=1e-5)
    assert np.abs(around.pixels.astype(int) - plain).max() > 50


def test_it_learns_expression_units_and_identity_of_plain_pictures(trained):
    fresh = frames(seed=1)
    figures = signal.figures_of(trained, fresh)
    assert figures["expression accuracy"] > 0.9
    assert figures["people"] == 4
    assert figures["units"]["au_01"]["CCC"] > 0.7
    assert signal.identity_figures(trained, fresh)["accuracy"] > 0.9
    assert signal.identity_figures(trained, fresh)["chance"] == 0.25


def test_an_interrupted_training_goes_on_as_if_it_had_not_been(tmp_path):
    data, config = frames(), TINY
    whole, broken, resumed = (Signal(config, ["p0", "p1", "p2", "p3"]) for _ in range(3))
    whole.fit(data, tick=lambda _: None)
    epochs = []

    def stop(line: str) -> None:
        epochs.append(line)
        if len(epochs) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken.fit(data, tmp_path / "state.pt", stop)
    assert len(epochs) == 4
    told = []
    resumed.fit(data, tmp_path / "state.pt", told.append)
    assert told[0].startswith("epoch 5 of 6")
    for ours, theirs in zip(whole.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("seed", "people", "data"), [(1, 2, ""), (0, 3, ""), (0, 2, "another set")])
def test_a_checkpoint_of_another_training_is_refused(tmp_path, seed, people, data):
    def fit(seed: int, people: int, data: str) -> None:
        config = SignalConfig(**{**vars(TINY), "epochs": 1, "seed": seed})
        one = Signal(config, [f"p{k}" for k in range(people)])
        one.fit(frames(people=people), tmp_path / "state.pt", lambda _: None, data)

    fit(0, 2, "")
    with pytest.raises(DataError, match="other settings, people or frames"):
        fit(seed, people, data)


def test_a_damaged_checkpoint_is_one_clear_error(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"state\.pt"):
        Signal(TINY, ["p0"]).fit(frames(people=1), tmp_path / "state.pt")


def test_the_loss_reaches_every_parameter():
    one = Signal(TINY, ["p0", "p1", "p2", "p3"])
    one.loss(frames(), np.arange(16), torch.Generator().manual_seed(0)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in one.network.parameters())


def test_a_weak_expression_is_learned_as_partly_neutral():
    data = replace(frames(), intensity=np.linspace(0, 1, 112).astype(np.float32))
    shares = data.targets(np.array([0, 28, 111]), 0.5)
    neutral = FER2013.index("neutral")
    assert shares.sum(axis=1) == pytest.approx(np.ones(3))
    assert shares[0, neutral] == 1
    assert shares[1, data.expression[28]] == pytest.approx(2 * 28 / 111) != shares[1, neutral]
    assert shares[2, data.expression[111]] == 1


def test_mirrored_landmarks_are_those_of_the_other_side():
    assert sorted(signal.MIRRORED) == list(range(68))
    assert [signal.MIRRORED[k] for k in signal.MIRRORED] == list(range(68))
    assert (signal.MIRRORED[0], signal.MIRRORED[17], signal.MIRRORED[36], signal.MIRRORED[48]) == (16, 26, 45, 54)


def test_landmarks_move_with_the_picture():
    one = Signal(TINY, ["p0"])
    pixels = torch.zeros(2, 1, 96, 96)
    pixels[:, 0, 30:34, 20:24] = 1
    spot = np.zeros((2, 68, 2), np.float32)
    spot[:, 5] = (2 * 22 / 96 - 1, 2 * 32 / 96 - 1)
    affine = torch.tensor([[[0.9, -0.1, 0.1], [0.1, 0.9, -0.05]], [[-0.9, 0.0, 0.1], [0.0, 0.9, 0.0]]])
    places = one._places(spot, affine).reshape(2, 68, 2)
    warped = warp(pixels, affine)
    for face, mark in ((0, 5), (1, signal.MIRRORED[5])):
        rows, columns = (warped[face, 0] > 0.5).nonzero().float().mean(dim=0) + 0.5
        expected = [2 * float(columns) / 96 - 1, 2 * float(rows) / 96 - 1]
        assert places[face, mark].tolist() == pytest.approx(expected, abs=0.02)


def test_landmarks_are_told_in_deviations_from_their_usual_places_and_heads_do_not_move_them():
    data = frames()
    one = Signal(TINY, ["p0", "p1", "p2", "p3"])
    one.network.expect(signal._both_ways(data.landmarks))
    both = signal._both_ways(data.landmarks)
    assert both.shape == (2 * len(data), 136)
    told = (both - one.network.usual) / one.network.spread
    assert told.mean(dim=0).abs().max() < 1e-4
    assert told.std(dim=0).numpy() == pytest.approx(np.ones(136), abs=1e-3)
    answer = one.network.eval()(torch.randn(3, 1, 96, 96))
    assert answer.features.shape == (3, 256 + 136)
    torch.testing.assert_close(answer.features[:, 256:], answer.heads["landmarks"])
    answer.heads["expression"].sum().backward()
    assert all(p.grad is None for p in one.network.places.parameters())


def test_one_clip_of_everybody_is_held_out_and_not_the_same_one():
    data = frames()
    held = signal.held_out(data)
    assert held.sum() == 4 * 4
    assert len({data.expression[held & (data.subjects == f"p{k}")][0] for k in range(4)}) == 4


@pytest.mark.parametrize("change", [{"epochs": 0}, {"batch": 1}, {"learning_rate": 0.0}])
def test_impossible_settings_are_refused(change):
    with pytest.raises(InputError):
        SignalConfig(**change)


def test_a_model_of_real_faces_is_compared_class_by_class(tmp_path):
    found = bridge.real_on_rendered(model.write(tmp_path / "linear"), frames(seed=2))
    assert found["frames"] == 112
    assert np.sum(found["confusion"]["counts"]) == 112
    assert found["chance"] == pytest.approx(1 / 7)
    assert found["interval"][0] <= found["agreement"] <= found["interval"][1]


def test_a_kept_network_answers_as_the_one_in_memory(trained, tmp_path):
    kept = signal.save(trained, tmp_path / "kept", "drawn", 0.1)
    pixels = frames(seed=3).pixels[:6]
    answer, expected = Classifier(kept).predict(pixels).heads, trained.answer(pixels)
    for head in ("expression", "units"):
        assert answer[head] == pytest.approx(expected[head], abs=5e-3)
    assert kept.specification.head("units").labels == MULTITASK_UNITS.labels


def test_answers_have_the_documented_shapes(trained):
    answer = trained.answer(frames().pixels[:5])
    assert {name: value.shape for name, value in answer.items()} == {
        "expression": (5, len(FER2013)),
        "units": (5, len(MULTITASK_UNITS)),
        "identity": (5, 4),
    }
    assert answer["expression"].sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_only_a_set_of_identities_is_measured(tmp_path):
    synthetic.write(tmp_path / "vid")
    with pytest.raises(DataError, match=r"set of syn-mt.*syn-id"):
        rendered.measure(tmp_path / "vid", model.write(tmp_path / "linear"))
