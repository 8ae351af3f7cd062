"""A small run that the tests of training share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from kaoiro.metrics.agreement import resampled_interval
from kaoiro.training import bridge, signal
from kaoiro.training.export import export
from kaoiro.training.families import recipes
from kaoiro.training.fit import Fitted, fit

FAMILY = "residual_attention"


@pytest.fixture(scope="module", autouse=True)
def few_draws() -> Iterator[None]:
    """Resample 200 times, not 10,000, which took most of the time here; tests of metrics look at the intervals."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (bridge, signal):
            patch.setattr(module, "resampled_interval", partial(resampled_interval, draws=200))
        yield


@pytest.fixture(scope="session")
def small():
    """Return a recipe of a second, with everything that a long one has: dropout, blending, two sizes, averaging."""
    tiny = recipes(FAMILY)["tiny"]
    return replace(
        tiny,
        data=replace(tiny.data, count=64),
        network=replace(tiny.network, dropout=0.2),
        objective=replace(tiny.objective, mixup=0.2, small_until=0.5),
        run=replace(tiny.run, epochs=4),
    )


@pytest.fixture(scope="session")
def fitted(small, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """Return the uninterrupted run; its folder is `fitted_folder`."""
    return fit(FAMILY, small, tmp_path_factory.getbasetemp() / "unbroken")


@pytest.fixture(scope="session")
def fitted_folder(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.getbasetemp() / "unbroken"


@pytest.fixture(scope="session")
def model(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory):
    return export(fitted, FAMILY, "tiny", tmp_path_factory.mktemp("model"), "drawing", "4 epochs")
