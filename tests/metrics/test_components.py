from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from kaoiro.core.errors import InputError
from kaoiro.metrics.components import principal


def test_components_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + 3
    found, wished = principal(rows, 4), PCA(4, whiten=True).fit(rows)
    ours, theirs = found(rows), wished.transform(rows) * np.sqrt(200 / 199)
    assert np.abs(np.abs(ours) - np.abs(theirs)).max() < 1e-4
    assert ours.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-5)
    assert ours.std(axis=0) == pytest.approx(np.ones(4), abs=1e-5)
    assert (found.axes[np.abs(found.axes).argmax(axis=0), np.arange(4)] > 0).all()


def test_fewer_components_where_rows_do_not_vary_in_so_many() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 7))
    assert principal(rows, 5)(rows).shape == (50, 2)
    with pytest.raises(InputError, match="do not vary"):
        principal(np.ones((5, 3)), 2)
