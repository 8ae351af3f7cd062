"""Chains of stages on a made-up FER2013 and a made-up target, small enough for seconds."""

from dataclasses import replace

import numpy as np
import pytest
from fake.fer2013 import write
from fake.target import LABELS, target

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import FER2013
from kaoiro.evaluation.transfers import CONDITIONS
from kaoiro.training import arm_data, reproduce_e1
from kaoiro.training.reproduce_e1 import Order, system_e1
from kaoiro.training.transfer import runs, targets
from kaoiro.training.transfer.learning import Official, framed, of_target
from kaoiro.training.transfer.runs import Workshop
from kaoiro.training.transfer.schedule import Schedule
from kaoiro.training.transfer.targets import Roots

SMALL = {"network.stem": 4, "network.widths": [4, 6, 8], "network.mask": 0, "size": 50}


@pytest.fixture(scope="module")
def fer2013_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fer")
    write(folder, {"Training": 120, "PublicTest": 32, "PrivateTest": 8}, duplicates=8)
    return folder


@pytest.fixture
def official(fer2013_folder):
    return Official(arm_data.read(str(fer2013_folder)))


@pytest.fixture
def workshop(official, tmp_path):
    return Workshop(tmp_path / "out", official, Schedule(2, 3, 2, 16), changes=dict(SMALL))


def condition(name):
    return next(one for one in CONDITIONS if one.name == name)


def test_every_condition_answers_all_faces(workshop):
    one = target()
    for chain in CONDITIONS:
        found = workshop.answers(chain, one, 0)
        assert found.shape == (36, 3)
        assert np.isfinite(found).all()
    assert sorted(path.name for path in (workshop.out / "stage-1").iterdir()) == [
        "fer28-random-seed-0",
        "fer28-seed-0",
        "fer32-seed-0",
        "ferplus-seed-0",
    ]


def test_finished_chains_are_not_learned_again(workshop, monkeypatch):
    one, chain = target(), condition("T2")
    before = workshop.answers(chain, one, 0)
    assert workshop.finished(chain, one, 0) and not workshop.finished(chain, one, 1)

    def forbidden(*_):
        raise AssertionError

    monkeypatch.setattr(runs, "fit", forbidden)
    assert workshop.answers(chain, one, 0) == pytest.approx(before, abs=1e-6)


def test_damaged_answers_are_refused(workshop):
    one, chain = target(), condition("T5")
    workshop.answers(chain, one, 0)
    file = next(workshop.out.rglob("answers.npz"))
    file.write_bytes(b"no")
    with pytest.raises(DataError, match="damaged"):
        workshop.answers(chain, one, 0)


def test_answers_about_another_set_are_refused(workshop):
    chain = condition("T5")
    workshop.answers(chain, target(), 0)
    with pytest.raises(DataError, match="another set"):
        workshop.answers(chain, replace(target(), labels=LABELS[:2], truth=target().truth % 2), 0)


def test_nothing_of_the_target_is_in_the_first_stage(workshop, official):
    chain = condition("T5")
    first = workshop.answers(chain, target(), 0)
    other = replace(target(), truth=2 - target().truth)
    (workshop.out / "rendered").rename(workshop.out / "before")
    assert workshop.answers(chain, other, 0) == pytest.approx(first, abs=1e-6)


def test_the_union_has_all_faces_with_the_labels_of_fer2013(official):
    one = target()
    union = official.first("union", one, "e-crop")
    base = len(official.fer28.training)
    assert len(union.training) == base + 18
    tail = union.training.labels["expression"][base:]
    assert [FER2013.labels[place] for place in tail[:3]] == list(LABELS)
    assert len(union.validation) == 9
    assert (union.training.pixels[base:] == one.crops["e-crop"][:18]).all()


def test_fer32_adds_public_test_without_copies_of_held_out_images(official):
    held = {face.tobytes() for face in official.fer28.validation.pixels}
    more = official.fer32.training.pixels[len(official.fer28.training) :]
    assert len(more)
    assert not any(face.tobytes() in held for face in more)


def test_only_training_faces_are_learned_from_and_validation_judges():
    one = target()
    data = of_target(one, "box")
    assert (len(data.training), len(data.validation)) == (18, 9)
    assert (data.training.pixels == one.crops["box"][:18]).all()
    assert (of_target(one, "box", rows=np.array([4, 7])).training.labels["expression"] == [1, 1]).all()


def test_crops_that_are_alike_are_not_framed():
    one = target()
    same = replace(one, crops=dict.fromkeys(one.crops, one.crops["box"]))
    assert framed(one) and not framed(same)


@pytest.fixture
def order(fer2013_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(targets, "load", lambda name, roots, side, folder: target(name, side))
    monkeypatch.setattr(reproduce_e1, "FIRST_PASSES", 1)
    monkeypatch.setattr(reproduce_e1, "ZERO_PASSES", 1)
    monkeypatch.setattr(reproduce_e1, "SECOND_UPDATES", 2)
    monkeypatch.setattr(reproduce_e1, "BATCH", 16)
    roots = Roots(fer2013=str(fer2013_folder))
    return Order(roots, tmp_path / "E1", ("rendered",), ("T2", "T4", "T5"), 1, changes=dict(SMALL))


def test_figures_come_after_every_target_and_at_the_end(order):
    told, found = [], []
    system_e1(order, lambda figures, whole: found.append((figures, whole)), told.append)
    figures, whole = found[-1]
    assert whole
    assert set(figures["targets"]["rendered"]["conditions"]) >= {"T2", "T4", "T5"}
    assert "1" in figures["targets"]["rendered"]["curves"]["T2"]
    assert any("T2, 5 per class" in line for line in told)
    again = []
    system_e1(replace(order, training=False), lambda figures, _: again.append(figures))
    assert again[0]["targets"] == figures["targets"]


def test_another_network_in_the_same_folder_is_refused(order):
    system_e1(replace(order, conditions=("T5",), curves=False), lambda *_: None, lambda _: None)
    with pytest.raises(InputError, match="changes"):
        system_e1(replace(order, changes=dict(SMALL) | {"network.stem": 6}), lambda *_: None)


def test_another_set_of_the_same_name_is_refused(order, monkeypatch):
    system_e1(replace(order, conditions=("T5",), curves=False), lambda *_: None, lambda _: None)
    other = replace(target(), truth=2 - target().truth)
    monkeypatch.setattr(targets, "load", lambda name, roots, side, folder: other)
    with pytest.raises(InputError, match="another set"):
        system_e1(order, lambda *_: None)


def test_a_budget_shortens_the_first_stages_only(order):
    system_e1(replace(order, conditions=("T5",), curves=False, budget=1e-3), lambda *_: None, lambda _: None)
    settled = (order.out / reproduce_e1.SETTINGS).read_text(encoding="utf-8")
    assert '"second": 2' in settled and '"budget": 0.001' in settled


def test_a_budget_that_is_too_little_says_so(order):
    with pytest.raises(InputError, match="too little"):
        system_e1(replace(order, budget=1e-9), lambda *_: None)


def test_nothing_finished_is_refused(order):
    with pytest.raises(InputError, match="no finished runs"):
        system_e1(replace(order, training=False), lambda *_: None)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"targets": ("moon",)}, "--targets"),
        ({"conditions": ("T9",)}, "--conditions"),
        ({"changes": {"objective.learning_rate": 1.0}}, "settings for all stages"),
        ({"weights": "weights.npy"}, "--weights"),
        ({"form": "alexnet", "weights": "nowhere.npy"}, "a file"),
        ({"seeds": 0}, "--seeds"),
        ({"budget": 0.0}, "--budget"),
    ],
)
def test_bad_orders_are_refused(order, change, match):
    with pytest.raises(InputError, match=match):
        replace(order, **change)
