"""What makes the code of the improved mode, on small fake sets and on numbers made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake import identities

from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.evaluation.separation import CLUSTERING, LEAKAGE, SeparationConfig
from kaoiro.training import exchange_codes
from kaoiro.training.exchange_codes import EVEN, FREED, LESS, PLAIN
from kaoiro.training.exchange_sets import FOLDS, Sets

CONFIG = SeparationConfig(runs=2, sizes=(), further=1, folds=3, turns=1, hidden=0)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Sets:
    folder = tmp_path_factory.mktemp("sets")
    identities.write(folder)
    return Sets(folder, folder / "crops")


def world(people: int = 40, faces: int = 30, size: int = 6) -> tuple[np.ndarray, Faces]:
    """Return rows (N, 6): three numbers are the person's own, three are what the face does; and whose they are."""
    rng = np.random.default_rng(0)
    who = np.repeat(rng.normal(0, 3, (people, 3)), faces, axis=0)
    what = rng.normal(0, [2.0, 1.0, 0.5], (len(who), 3))
    names = np.repeat([f"p{number:02d}" for number in range(people)], faces)
    pixels = np.zeros((len(who), size, size, 3), np.uint8)
    return np.hstack([who, what]).astype(np.float32), Faces(pixels, {}, subjects=names)


def test_codes_hold_what_faces_do_and_not_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, faces = world()
    monkeypatch.setattr(exchange_codes.patches, "COMPONENTS", 6)
    found = exchange_codes._codes(lambda one: rows, faces, {"test": faces}, 0)
    for variant, most in ((FREED, 0.02), (EVEN, 0.02), (LESS, 0.02)):
        code = found[variant]["test"][:, :3]
        explained = _share(code, rows[:, :3])
        assert explained < most + 3 / len(np.unique(faces.subjects)), variant  # chance correlation of 40 people
        assert _share(code, rows[:, 3:]) > 0.9, variant
    assert _share(found[PLAIN]["test"][:, :3], rows[:, :3]) > 0.9  # what varies most is who somebody is


def _share(code: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of a code's variance that a linear reader explains by the truth."""
    x, y = truth - truth.mean(axis=0), code - code.mean(axis=0)
    read = x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return float((read**2).sum() / (y**2).sum())


def test_directions_count_by_how_sure_they_are_or_all_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, faces = world()
    monkeypatch.setattr(exchange_codes.patches, "COMPONENTS", 6)
    found = exchange_codes._codes(lambda one: rows, faces, {"test": faces}, 0)

    def inside(code: np.ndarray) -> np.ndarray:
        return exchange_codes._less(code, np.asarray(faces.subjects)).std(axis=0)

    np.testing.assert_allclose(inside(found[EVEN]["test"])[:3], 1, rtol=1e-3)
    weights = inside(found[FREED]["test"])
    # variances within people are 4, 1, 0.25; between them 9 three times and 0 three times, which 4.5 is added to
    ratios = np.array([4, 1, 0.25]) / 4.5
    np.testing.assert_allclose(weights[:3], ratios / (1 + ratios), rtol=0.15)
    assert (np.diff(weights) < 0).all()


def test_every_fold_is_measured_once(sets: Sets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not exchange_codes.finished(tmp_path)
    first = exchange_codes.of_all_folds(sets, 16, tmp_path, CONFIG)
    assert exchange_codes.finished(tmp_path)
    assert set(first) == {f"{of}, {one}" for of in ("pixels", "patches") for one in exchange_codes.VARIANTS}
    whole = first[exchange_codes.WHOLE]
    assert len(whole["test"].people) == identities.PEOPLE  # every person is unseen in one fold
    assert whole["test"].figure(CLUSTERING) > 0.5
    assert 0 <= whole["train"].figure(LEAKAGE) <= 1
    monkeypatch.setattr(exchange_codes, "of_fold", pytest.fail)
    again = exchange_codes.of_all_folds(sets, 16, tmp_path, CONFIG)
    assert again[exchange_codes.WHOLE]["test"].figure(CLUSTERING) == whole["test"].figure(CLUSTERING)
    (tmp_path / f"fold{FOLDS - 1}.json").write_text("[")
    with pytest.raises(DataError, match="is damaged; remove it to measure this fold again"):
        exchange_codes.of_all_folds(sets, 16, tmp_path, CONFIG)
