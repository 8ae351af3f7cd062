"""Recognisers on the codes of finished runs: learned once, kept, refused where they are not what is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake import identities

from kaoiro.core.errors import DataError, InputError
from kaoiro.data.subjects import People
from kaoiro.evaluation import recogniser_tables
from kaoiro.evaluation.recogniser_tables import ACCURACY, FROZEN, PIXELS, TUNED
from kaoiro.families.identity_expression.config import NetworkConfig
from kaoiro.families.identity_expression.network import Network, PatchEncoder
from kaoiro.training import exchange_recognisers, patches
from kaoiro.training.exchange_sets import Sets
from kaoiro.training.latents import Learned
from kaoiro.training.recogniser import RecogniserConfig, Recognisers, Trial

SIDE = 16
CONFIG = RecogniserConfig(steps=3, batch=8, fractions=(0.5, 1.0), rates=(1e-3,), seeds=1)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    folder = tmp_path_factory.mktemp("sets")
    identities.write(folder)
    return Sets(folder, folder / "crops").people(0, SIDE)


def learned(**network: int) -> Learned:
    made = Network(NetworkConfig(side=SIDE, width=8, identity=5, expression=12, **network))
    return Learned(made, [])


def test_recognisers_of_a_run_are_learned_once(people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = learned()
    assert exchange_recognisers.stored(own, CONFIG, tmp_path) == {}
    exchange_recognisers.of_run(own, people, CONFIG, tmp_path)
    found = exchange_recognisers.stored(own, CONFIG, tmp_path)
    assert set(found) == {f"{arm}, {share} %" for arm in (FROZEN, TUNED, PIXELS) for share in (50, 100)}
    assert all(0 <= one.figure(ACCURACY) <= 1 for seeds in found.values() for one in seeds)
    monkeypatch.setattr(Recognisers, "measured", pytest.fail)
    exchange_recognisers.of_run(own, people, CONFIG, tmp_path)
    section = recogniser_tables.figures({"iterated": recogniser_tables.merged([found])})
    assert section["claims"]["tuned - pixels, 100 %, iterated"]["found"] is not None
    file = next((tmp_path / exchange_recognisers.FOLDER).glob("*.json"))
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"config": {"steps": 4}}))
    with pytest.raises(DataError, match="is of a recogniser with other settings; remove"):
        exchange_recognisers.stored(own, CONFIG, tmp_path)
    file.write_text("{}")
    with pytest.raises(DataError, match="is damaged; remove it to learn this recogniser again"):
        exchange_recognisers.stored(own, CONFIG, tmp_path)


def test_a_code_of_patches_is_read_but_does_not_learn_on(people: People, tmp_path: Path) -> None:
    own = learned(patches=8)
    encoder = own.network.expression
    assert isinstance(encoder, PatchEncoder)
    patches.learn(encoder, patches.grey(people), people.training)
    exchange_recognisers.of_run(own, people, CONFIG, tmp_path)
    found = exchange_recognisers.stored(own, CONFIG, tmp_path)
    assert set(found) == {f"{arm}, {share} %" for arm in (FROZEN, PIXELS) for share in (50, 100)}
    assert found["frozen, 100 %"][0].figure(ACCURACY) > 2 * found["pixels, 100 %"][0].figure(ACCURACY) - 1e-9
    with pytest.raises(InputError, match="arm must be one of frozen, pixels, not tuned"):
        Recognisers(own, people, CONFIG).answered(Trial(TUNED, 1.0))
    assert np.isfinite(encoder.turn.numpy()).all()
