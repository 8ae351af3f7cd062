from __future__ import annotations

import numpy as np
import pytest
import torch

from kaoiro.core.crops import CROPS
from kaoiro.core.errors import DataError
from kaoiro.families.residual_attention.config import NetworkConfig
from kaoiro.training import judge
from kaoiro.training.signal import Signal, SignalConfig

TINY = SignalConfig(epochs=1, batch=16, network=NetworkConfig(8, (8, 12, 16), 0, 0.0))


@pytest.fixture(scope="module")
def signal() -> Signal:
    one = Signal(TINY, ["a", "b", "c"])
    one.network.expect(torch.linspace(-1, 1, 136).repeat(4, 1) + torch.randn(4, 136, generator=torch.manual_seed(0)))
    return one


def pictures(side: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (5, side, side, 3)).astype(np.uint8)


def test_it_answers_as_judges_of_swaps_do(signal):
    asked = judge.SignalJudge(signal)
    pixels = pictures()
    marks, units = asked.landmarks(pixels), asked.units(pixels)
    assert marks.shape == (5, 68, 2) and units.shape == (5, 8) and asked.features(pixels).shape == (5, 392)
    assert ((units > 0) & (units < 1)).all()
    with torch.no_grad():
        grey = torch.from_numpy(judge._grey(pixels)).float()[:, None] / 255
        raw = signal.network((grey - 0.5) / 0.25).heads["landmarks"]
        wanted = (raw * signal.network.spread + signal.network.usual).reshape(-1, 68, 2)
    assert marks == pytest.approx(wanted.numpy(), abs=1e-5)


def test_other_pictures_get_other_answers_and_grey_ones_are_taken(signal):
    asked = judge.SignalJudge(signal)
    first, second = asked.units(pictures()), asked.units(pictures(seed=1))
    assert not np.allclose(first, second)
    assert (asked.units(pictures()) == first).all()
    grey = pictures(96)[..., 0]
    assert asked.units(grey) == pytest.approx(asked.units(grey[..., None].repeat(3, axis=3)), abs=1e-6)


def test_it_knows_the_crop_in_which_the_eyes_of_its_lessons_lay():
    one = Signal(TINY, ["a"])
    asked = judge.SignalJudge(one)
    assert not any(asked.knows(crop) for crop in CROPS.values())  # it has seen nobody
    for crop in CROPS.values():
        marks = torch.zeros(68, 2)
        for eye, first in enumerate((36, 42)):  # the landmarks of an eye lie about its centre
            marks[first : first + 6] = 2 * torch.tensor(crop.points[eye]) - 1 + torch.linspace(-0.1, 0.1, 6)[:, None]
        one.network.expect(marks.flatten().repeat(3, 1))
        assert [name for name, other in CROPS.items() if asked.knows(other)] == [crop.name]
        one.network.usual += 0.09  # a little lower and to the right
        assert asked.knows(crop)
        one.network.usual += 0.02
        assert not asked.knows(crop)


def test_a_judge_comes_back_from_the_checkpoint_of_its_training(signal, tmp_path):
    torch.save({"network": signal.network.state_dict(), "epoch": 1}, tmp_path / "signal.pt")
    pixels = pictures()
    again = judge.restored(tmp_path / "signal.pt", TINY)
    assert (again.landmarks(pixels) == judge.SignalJudge(signal).landmarks(pixels)).all()
    with pytest.raises(DataError, match="no checkpoint of the network that judges"):
        judge.restored(tmp_path / "signal.pt")  # of another width
    (tmp_path / "broken.pt").write_bytes(b"no")
    with pytest.raises(DataError, match=r"name OUT/judge/signal\.pt of another reproduction"):
        judge.restored(tmp_path / "broken.pt")
    with pytest.raises(DataError, match="no checkpoint"):
        judge.restored(tmp_path / "none.pt")
