"""Adaptation measured on a target of drawings: what is drawn, what rivals learn from, what is kept and refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from fake import fer2013

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import EXPRESSION, FERPLUS
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import drawn
from kaoiro.data.splits import part_of
from kaoiro.evaluation import adapt_claims
from kaoiro.evaluation.adapt_figures import ADAPTED
from kaoiro.metrics import resampling
from kaoiro.training.adapting import candidates, trials
from kaoiro.training.adapting.tuning import TuningConfig
from kaoiro.training.transfer import adapt_runs, lots, rivals, settings, targets
from kaoiro.training.transfer.adapt_measure import measure
from kaoiro.training.transfer.adapt_runs import Order, plan
from kaoiro.training.transfer.rivals import COMBINED, OVERSAMPLED, Web
from kaoiro.training.transfer.targets import TEST, TRAIN, VALIDATION, Roots, Target

LABELS = ("anger", "happiness", "neutral")
QUICK = MappingProxyType({"all layers": TuningConfig("all", passes=1, least=2)})


def target(name: str = "rendered", people: int = 30) -> Target:
    """Return drawn faces as negatives: 6 of each person, a third of the people in each part."""
    faces = drawn.faces(8 * people * 6, seed=3)
    wanted = [drawn.VOCABULARY.labels.index(label) for label in LABELS]
    rows = np.flatnonzero(np.isin(faces.labels[EXPRESSION], wanted))[: people * 6]
    truth = np.array([wanted.index(label) for label in faces.labels[EXPRESSION][rows]], np.int64)
    person = np.arange(len(rows)) // 6
    pixels = 255 - np.asarray(faces.pixels)[rows]
    crops: dict[str, np.ndarray] = dict.fromkeys(targets.FRAMINGS, pixels)
    groups = np.array([f"p{number:02d}" for number in person])
    return Target(name, f"{name} drawings.", LABELS, crops, truth, groups, person % 3, people)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(resampling, "DRAWS", 100)
    for module in (candidates, trials, adapt_runs):
        monkeypatch.setattr(module, "TUNED", QUICK)
    monkeypatch.setattr(rivals, "CONFIG", replace(QUICK["all layers"], batch=8))
    monkeypatch.setattr(candidates, "NAMES", ("nothing", "head 0.1", "all layers"))
    monkeypatch.setattr(targets, "load", lambda name, *_: target(name))
    yield


@pytest.fixture
def order(tmp_path: Path) -> Order:
    fer2013.write(tmp_path / "fer")
    return Order(Roots("ward", tmp_path / "fer"), tmp_path / "out", ("rendered",), 40, 2, 1)


def silent(_: str) -> None:
    pass


def test_whole_people_are_drawn_and_others_are_asked(model: ModelFolder) -> None:
    whole = target()
    lot = lots.drawn(whole, model.specification, 40, seed=1)
    assert (len(lot.learned), lot.learned.people) == (42, 7)
    assert set(lot.asked.groups) == set(whole.groups[whole.part == TEST])
    assert set(lot.learned.groups) <= set(whole.groups[whole.part != TEST])
    assert (whole.part[np.isin(whole.groups, lot.learned.groups)] == VALIDATION).any()
    assert set(lots.drawn(whole, model.specification, 40, seed=2).learned.groups) != set(lot.learned.groups)
    assert len(lots.drawn(whole, model.specification, 10_000, seed=0).learned) == (whole.part != TEST).sum()


def test_a_label_of_one_person_gets_another(model: ModelFolder) -> None:
    whole = target()
    people = np.unique(whole.groups[whole.part == TRAIN])
    rare = np.flatnonzero(whole.truth == 0)
    only = np.isin(whole.groups, people[:3])
    truth = whole.truth.copy()
    truth[rare[~only[rare]]] = 1
    lot = lots.drawn(replace(whole, truth=truth), model.specification, 6, seed=0)
    assert len(np.unique(lot.learned.groups[lot.learned.truth == 0])) >= 2


def test_a_model_of_another_framing_is_refused(model: ModelFolder) -> None:
    crop = model.specification.crop.model_copy(update={"name": "inner"})
    with pytest.raises(InputError, match="the model wants inner"):
        lots.drawn(target(), model.specification.model_copy(update={"crop": crop}), 40, seed=0)


def test_faces_of_the_web_keep_the_labels_of_the_target() -> None:
    crops = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((4, 8, 8), np.uint8)
    faces = Web(crops, np.array(FERPLUS.indices(["neutral", "fear", "anger", "happiness"])))
    kept, truth = faces.of(LABELS)
    assert kept[:, 0, 0].tolist() == [0, 2, 3]
    assert [LABELS[label] for label in truth] == ["neutral", "anger", "happiness"]


def test_half_of_each_batch_is_ones_own() -> None:
    order = list(rivals._halves(own=6, others=40, steps=10, rng=np.random.default_rng(0)))
    half = rivals.CONFIG.batch // 2
    assert all((rows[:half] < 6).all() and (rows[half:] >= 6).all() for rows in order)
    others = np.concatenate([rows[half:] for rows in order])
    assert sorted(others.tolist()) == list(range(6, 46))  # each once
    assert np.ptp(np.bincount(np.concatenate([rows[:half] for rows in order]))) <= 1


def test_a_measurement_is_complete_and_not_made_twice(
    model: ModelFolder, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    found = measure(model, order, told.append)
    methods = [(run.method, run.seed) for run in plan(order)]
    assert methods == [(ADAPTED, 0), (COMBINED, 0), (OVERSAMPLED, 0), (ADAPTED, 1)]
    assert len(told) == 4
    arms = found["targets"]["rendered"]["arms"]
    assert {name: arm["accuracy"]["seeds"] for name, arm in arms.items()} == {
        "before": 2,
        "adapted": 2,
        "combined": 1,
        "oversampled": 1,
    }
    run = found["targets"]["rendered"]["runs"]["0"]
    assert (run["pictures"], run["groups"]) == (42, 7)
    assert set(run["all"]) == {"nothing", "head 0.1", "all layers"}
    assert run["found"] == arms["adapted"]["accuracy"]["by seed"][0]
    learned = found["targets"]["rendered"]["rivals"]["combined, seed 0"]
    assert learned["steps"] == -(-(42 + learned["faces of FER2013"]) // 8)
    assert found["claims"][adapt_claims.BELOW]["verdict"] == "undecided"  # two seeds of one target

    def never(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(adapt_runs.Runs, "_made", never)
    again = measure(model, replace(order, training=False), told.append)
    assert again["targets"]["rendered"]["arms"] == arms


def test_what_was_finished_is_kept_when_it_is_stopped(
    model: ModelFolder, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = adapt_runs.Runs._made

    def stopping(self: adapt_runs.Runs, run: adapt_runs.Run, lot: lots.Lot):
        if run.method == OVERSAMPLED:
            raise KeyboardInterrupt
        return real(self, run, lot)

    monkeypatch.setattr(adapt_runs.Runs, "_made", stopping)
    with pytest.raises(KeyboardInterrupt):
        measure(model, order, silent)
    assert len(list((order.out / "answers").iterdir())) == 2
    found = measure(model, replace(order, training=False), silent)
    assert set(found["targets"]["rendered"]["arms"]) == {"before", "adapted", "combined"}
    assert found["claims"]["rendered: adapted above oversampled, accuracy"]["verdict"] == "not measured yet"


def test_more_and_fewer_pictures_make_a_curve(model: ModelFolder, order: Order) -> None:
    found = measure(model, replace(order, seeds=1, rival_seeds=0, curve=(20, 40)), silent)
    assert [point["pictures"] for point in found["curve"]["points"]] == [24, 42]
    assert found["curve"]["target"] == "rendered"


def test_of_generated_faces_only_the_half_is_measured_on_which_nothing_is_chosen(
    model: ModelFolder, order: Order
) -> None:
    runs = adapt_runs.Runs(model, replace(order, targets=("generated",), rival_seeds=0))
    found = runs.targets["generated"]
    assert 0 < len(found) < len(target())
    assert {part_of(name) for name in found.groups.tolist()} == {"report"}


def test_bad_orders_are_refused(model: ModelFolder, order: Order) -> None:
    with pytest.raises(DataError, match="name its folder by --fer2013"):
        measure(model, replace(order, roots=Roots("ward")), silent)
    with pytest.raises(InputError, match="no run is finished"):
        measure(model, replace(order, training=False), silent)


def test_settings_are_compared_on_development_domains(
    model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"all layers": QUICK["all layers"], "all layers, twice the passes": TuningConfig("all", passes=2, least=4)}
    monkeypatch.setattr(settings, "SETTINGS", few)
    monkeypatch.setattr(settings, "LEARNED", 30)
    monkeypatch.setattr(settings, "_people_of", lambda *_: replace(target(), part=np.full(180, TRAIN)))
    told: list[str] = []
    found = settings.compare(model, "people", "generated", tmp_path, told.append, seeds=1)
    assert len(told) == 4
    for domain in ("rendered (syn-id)", "generated"):
        assert found[domain]["all layers"]["accuracy beside the usual"] == 0.0
        assert set(found[domain]) == {"nothing", *few}
    assert settings.compare(model, "people", "generated", tmp_path, told.append, seeds=1) == found
    assert len(told) == 4
