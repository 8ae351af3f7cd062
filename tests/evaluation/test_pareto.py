from __future__ import annotations

import numpy as np
import pytest

from kaoiro.evaluation import pareto
from kaoiro.evaluation.pareto import Spot


def spots(name: str, shift: float) -> list[Spot]:
    return [Spot(name, 10.0 ** (-k - shift), 0.8 - 0.1 * k, 1.0 * k) for k in range(3)]


def test_every_method_and_what_was_learned_is_drawn() -> None:
    image = np.asarray(
        pareto.figure({"one": spots("one", 0), "two": spots("two", 0.5)}, [Spot("ours", 1e-2, 0.9, 2)], "t")
    )
    colours = {tuple(pixel) for pixel in image.reshape(-1, 3)}
    assert {(31, 119, 180), (255, 127, 14), (0, 0, 0)} <= colours
    without = np.asarray(pareto.figure({"one": spots("one", 0), "two": spots("two", 0.5)}, [], "t"))
    assert not np.array_equal(image, without)


def test_less_jitter_lies_to_the_left_and_more_fidelity_above() -> None:
    panel = pareto._Panel(None, 0, spots("one", 0), "fidelity")  # pyright: ignore[reportArgumentType]
    (x0, y0), (x1, y1), _ = (panel.place(spot) for spot in spots("one", 0))
    assert x1 < x0
    assert y1 > y0


def test_measured_figures_are_read() -> None:
    row = {"jitter": 1e-3, "fidelity": 0.5, "lag": 2.0}
    figures = {
        "by length of the window, causal": {"parabolic, 3": row, "parabolic, 5": {**row, "jitter": 1e-4}},
        "causal: beside fixed windows": {"causal": row},
    }
    assert pareto.of_results(figures, "causal", ["causal"]).width > 1000
    with pytest.raises(KeyError):
        pareto.of_results(figures, "centred", ["centred"])
