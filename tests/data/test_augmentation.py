from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from kaoiro.data.augmentation import Augmentation

PROBABILITIES = ("flip", "blur", "low_resolution", "jpeg", "erase")


def test_settings_are_frozen_and_equal_by_value() -> None:
    assert Augmentation(flip=0.25) == dataclasses.replace(Augmentation(), flip=0.25)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Augmentation().flip = 0.0  # type: ignore[misc]


def test_every_setting_is_documented() -> None:
    text = Augmentation.__doc__ or ""
    assert [field.name for field in dataclasses.fields(Augmentation) if f"{field.name}:" not in text] == []


def test_defaults_are_probabilities_and_widths() -> None:
    config = Augmentation()
    assert all(0 <= getattr(config, name) <= 1 for name in PROBABILITIES)
    assert all(getattr(config, field.name) >= 0 for field in dataclasses.fields(config))


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="flop"):
        Augmentation(flop=1.0)  # type: ignore[call-arg]


@pytest.mark.parametrize("family", ["residual_attention", "temporal_attention"])
def test_recipes_can_be_read_without_pytorch(family: str) -> None:
    listing = f"from kaoiro.families.{family}.recipe import RECIPES; print(*RECIPES)"
    code = f"import sys; sys.modules['torch'] = None; {listing}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "tiny"
