"""What is asked of generated faces one thing at a time, by a generator and a reader that are told what to do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kaoiro.core.condition import CONDITION
from kaoiro.core.labels import AFFECT_HEAD, FER2013, MULTITASK_UNITS, UNITS_HEAD
from kaoiro.evaluation import asked
from kaoiro.inference.portraits import Portraits

TYPICAL = {label: np.zeros(len(CONDITION)) for label in FER2013.labels}
for _label in FER2013.labels:
    TYPICAL[_label][CONDITION.index(_label)] = 1
TYPICAL["happiness"][CONDITION.index("au_12")] = 0.8
TYPICAL["happiness"][CONDITION.index("valence")] = 0.7


class Honest(Portraits):
    """Pictures whose pixels are the condition: what is asked can be read."""

    def __init__(self) -> None:
        self.description: Any = SimpleNamespace(condition=CONDITION.labels, noise=2, name="honest", typical=TYPICAL)

    def draw(self, noise: np.ndarray, condition: np.ndarray | None = None) -> np.ndarray:
        """Return (N, 1, 17) pictures, 0.0 to 1.0 as 100 to 200."""
        assert condition is not None
        return np.repeat((100 + 100 * condition[None, None]).round().astype(np.uint8), len(noise), axis=0)


class Reader:
    """Reads the pixels of `Honest`."""

    def __init__(self, model: Any) -> None:
        del model

    def predict(self, crops: np.ndarray) -> Any:
        """Return what was asked, as answers."""
        values = (crops[:, 0].astype(float) - 100) / 100
        units = values[:, [CONDITION.index(unit) for unit in MULTITASK_UNITS.labels]]
        return SimpleNamespace(heads={UNITS_HEAD: units, AFFECT_HEAD: values[:, :2]})


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(asked, "Classifier", Reader)
    monkeypatch.setattr(asked, "prepare_crops", lambda pixels, *_: pixels)
    spec = SimpleNamespace(size=1, channels=1, head=lambda name: SimpleNamespace(labels=MULTITASK_UNITS.labels))
    return asked.measure(Honest(), SimpleNamespace(specification=spec))  # pyright: ignore[reportArgumentType]


def test_units_are_asked_for_alone_added_and_taken_away(found: dict[str, Any]) -> None:
    smile = found["units asked alone"]["AU 12 (lip corner puller)"]
    assert smile == {
        "at rest": 0.0,
        "asked for": 1.0,
        "added to neutral": 1.0,
        "shown most in": "happiness",
        "there": pytest.approx(0.8),
        "taken away": 0.0,
    }
    brow = found["units asked alone"]["AU 4 (brow lowerer)"]
    assert (brow["shown most in"], brow["there"], brow["taken away"]) == (None, None, None)


def test_valence_and_arousal_are_asked_by_degrees(found: dict[str, Any]) -> None:
    assert found["valence asked alone"]["+0.6"]["read"] == pytest.approx(0.6)
    assert found["arousal asked alone"]["-0.3"]["read"] == pytest.approx(-0.3)


def test_what_is_not_said_is_as_usual_with_what_is() -> None:
    made = Honest()
    happy, neutral = (CONDITION.index(label) for label in ("happiness", "neutral"))
    assert made.condition(units={"au_12": 1.0})[happy] == 1
    assert made.condition(valence=0.6)[happy] == 1
    assert made.condition(units={"au_12": 0.0})[neutral] == 1  # as near to others, which show it no more
    assert made.condition(expression="neutral", units={"au_12": 1.0})[neutral] == 1
    assert made.condition()[neutral] == 1
