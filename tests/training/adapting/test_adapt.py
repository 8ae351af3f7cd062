"""Adaptation of a small model to drawings of another kind: what is written, what is told, what is refused."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import EXPRESSION, EXPRESSIONS, OWN_HEAD, Vocabulary
from kaoiro.core.modelfile import ModelFolder, load
from kaoiro.data.datasets import drawn, own_labels
from kaoiro.evaluation.audit import seeing
from kaoiro.evaluation.audit.labelled_set import LabelledSet
from kaoiro.evaluation.groups import card as card_of_groups
from kaoiro.inference.classifier import Classifier
from kaoiro.metrics.calibration import fit_temperature
from kaoiro.training.adapting import adapt as adapting
from kaoiro.training.adapting import start, told, trials, writing
from kaoiro.training.adapting.adapt import Adaptation, AdaptConfig, adapt, method_names
from kaoiro.training.adapting.candidates import NAMES, Bench
from kaoiro.training.adapting.material import gather
from kaoiro.training.adapting.tuning import TuningConfig, answers, layered, tune

FACES = 96
QUICK = AdaptConfig("whole", ("shift", "head 0.1"), folds=3, draws=200)


def table(folder: Path, names: dict[str, str] | None = None, people: int = 12) -> Path:
    """Write drawn faces as negatives, which no model here has seen, and a table of them."""
    folder.mkdir(parents=True, exist_ok=True)
    faces = drawn.faces(FACES, seed=5)
    labels = [drawn.VOCABULARY.labels[label] for label in faces.labels[EXPRESSION]]
    with (folder / "own.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "person"])
        for number, (pixels, label) in enumerate(zip(faces.pixels, labels, strict=True)):
            Image.fromarray(255 - pixels).save(folder / f"{number}.png")
            called = label if names is None else names.get(label)
            if called is not None:
                rows.writerow([f"{number}.png", called, f"p{number // 8 % people}" if people else ""])
    return folder / "own.csv"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> own_labels.OwnLabels:
    return own_labels.read(table(tmp_path_factory.mktemp("own")))


@pytest.fixture(scope="module")
def found(own: own_labels.OwnLabels, tmp_path_factory: pytest.TempPathFactory) -> Adaptation:
    return adapt(own, load("stills"), tmp_path_factory.mktemp("out") / "mine", QUICK)


def bench_of(own: own_labels.OwnLabels, model: ModelFolder) -> Bench:
    begun = start.opened(model)
    material = gather(own, begun.part.specification, "whole")
    return Bench(begun, material, start.look(begun, material.crops, material.labels))


def test_drawings_of_another_kind_are_learned(found: Adaptation) -> None:
    assert found.taken == "head 0.1"
    assert found.choice.gain > 0.05
    assert found.material.people == 12
    assert found.growth is not None
    assert len(found.growth.sizes) == 4
    assert sorted(found.growth.sizes) == list(found.growth.sizes)


def test_the_result_is_an_ordinary_model(found: Adaptation, own: own_labels.OwnLabels) -> None:
    model = load(found.model.path)
    assert model.name == "mine"
    head = model.specification.head(EXPRESSION)
    assert head.labels == own.labels
    answer = Classifier(model).predict(found.material.crops)
    share = (answer.heads[EXPRESSION].argmax(axis=1) == found.material.truth).mean()
    assert share > found.choice.after - 0.05  # it learned from these faces
    card = model.description.card
    assert card.numbers["folds_own_accuracy"] == pytest.approx(found.choice.after, abs=1e-4)
    assert any("elsewhere it may be worse" in limit for limit in card.limits)
    assert sum(limit.startswith("Before it was adapted, by group: ") for limit in card.limits) == 1
    assert not any(limit.startswith(card_of_groups.BEGINS) for limit in card.limits)
    assert model.description.provenance.recipe == "adapted/head-0.1"
    assert not (model.path / adapting.WORK).exists()


def test_graph_and_trial_say_the_same(found: Adaptation, own: own_labels.OwnLabels) -> None:
    bench = bench_of(own, load("stills"))
    rows = np.arange(len(bench.material))
    expected = bench.scores("head 0.1", rows, rows)
    raw = Classifier(found.model).predict(bench.material.crops).raw[EXPRESSION]
    np.testing.assert_allclose(raw, expected, atol=0.02)  # weights of the graph have half precision


def test_the_graph_of_a_tuned_network_says_what_the_network_says(
    own: own_labels.OwnLabels, model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kaoiro.training.adapting.candidates.TUNED", {"all layers": TuningConfig("all", least=3, passes=1)}
    )
    bench, made = bench_of(own, model), adapting.chosen(bench_of(own, model), QUICK)
    out = made.scores["shift"]
    folder = writing.write(bench, "all layers", tmp_path / "mine", "mine", out, made.choice, 3)
    expected = answers(bench.model("all layers", np.arange(FACES)), bench.material.crops)
    said = Classifier(folder).predict(bench.material.crops)
    np.testing.assert_allclose(said.raw[EXPRESSION], expected, atol=0.05)  # weights of the graph have half precision
    assert folder.specification.head(EXPRESSION).temperature == pytest.approx(
        fit_temperature(out, bench.material.truth), abs=1e-4
    )  # of answers about faces that were not learned from


def test_pictures_that_a_camera_marked_as_turned_are_cut_out_upright(tmp_path: Path, astronaut: Path) -> None:
    with Image.open(astronaut) as picture:
        upright = picture.convert("RGB")
    for number, turn in enumerate((None, Image.Transpose.ROTATE_90)):
        exif = Image.Exif()
        exif[0x0112] = 1 if turn is None else 6
        path = tmp_path / ("fear", "anger")[number] / f"{number}.png"
        path.parent.mkdir()
        (upright if turn is None else upright.transpose(turn)).save(path, exif=exif)
    own, specification = own_labels.read(tmp_path), load("stills").specification
    unknown = np.full(2, "")
    names = (own.ids, own.truth, unknown, own.persons, unknown)
    data = LabelledSet("folders", own.source, Vocabulary("own", own.labels), *names, paths=own.paths)
    crops = seeing.see(data, specification, "detect").crops
    np.testing.assert_array_equal(crops[0], crops[1])


def test_nothing_is_what_the_model_said(own: own_labels.OwnLabels, model: ModelFolder) -> None:
    bench = bench_of(own, model)
    rows = np.arange(len(bench.material))
    raw = Classifier(model).predict(bench.material.crops).heads[EXPRESSION]
    order = [model.specification.head(EXPRESSION).labels.index(label) for label in own.labels]
    scores = bench.scores("nothing", rows[:10], rows)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    np.testing.assert_allclose(powers / powers.sum(axis=1, keepdims=True), raw[:, order], atol=1e-5)


def test_labels_of_no_expression_stand_beside_the_expressions(model: ModelFolder, tmp_path: Path) -> None:
    names = {"happiness": "pain", "sadness": "Tired Eyes", "neutral": "neutral", "anger": "anger"}
    own = own_labels.read(table(tmp_path / "own", names))
    found = adapt(own, model, tmp_path / "mine", QUICK)
    heads = {head.name: head.labels for head in found.model.specification.heads}
    assert heads[OWN_HEAD] == ("anger", "neutral", "pain", "tired eyes")
    assert heads[EXPRESSION] == model.specification.head(EXPRESSION).labels
    assert not found.knew
    assert "always answering the most frequent" in told.text(found)


def test_labels_that_cannot_be_learned_leave_the_model_as_it_was(model: ModelFolder, tmp_path: Path) -> None:
    """Drawings of all expressions have the words by chance."""
    path = table(tmp_path / "own")
    rows = path.read_text().splitlines()
    words = np.random.default_rng(1).permutation(np.resize(["pain", "rest"], len(rows) - 1)).tolist()
    told_so = [
        ",".join((row.split(",")[0], word, row.split(",")[2])) for row, word in zip(rows[1:], words, strict=True)
    ]
    path.write_text("\n".join([rows[0], *told_so]))
    (tmp_path / "mine" / adapting.WORK).mkdir(parents=True)
    (tmp_path / "mine" / adapting.WORK / "my own.npy").write_bytes(b"not a trial")
    found = adapt(own_labels.read(path), model, tmp_path / "mine", QUICK)
    assert (found.taken, found.knew) == ("nothing", False)
    assert found.model.digest == model.digest
    assert "labels pain, rest could not be learned surely from these pictures" in told.text(found)
    assert "more people" in told.text(found)
    assert "accuracy to expect" not in told.figures(found)
    assert (tmp_path / "mine" / adapting.WORK / "my own.npy").exists()


def test_a_model_that_is_good_already_stays_as_it_is(model: ModelFolder, tmp_path: Path) -> None:
    """Labels are what the model answers, so that nothing can be better."""
    path = table(tmp_path / "own")
    crops = own_labels.read(path)
    bench = bench_of(crops, model)
    said = bench.seen.raw.argmax(axis=1)
    names = [crops.labels[place] for place in said]
    kept = [name for name in set(names) if names.count(name) >= 6]
    rows = "".join(
        f"{one},{name},p{number}\n"
        for number, (one, name) in enumerate(zip(crops.ids, names, strict=True))
        if name in kept
    )
    (tmp_path / "own" / "said.csv").write_text(f"path,label,person\n{rows}")
    found = adapt(own_labels.read(tmp_path / "own" / "said.csv"), model, tmp_path / "mine", QUICK)
    assert found.taken == "nothing"
    assert found.model.digest == model.digest
    assert found.growth is None
    assert "as it was" in told.text(found)


def test_tuning_moves_only_the_layers_that_it_may(own: own_labels.OwnLabels, model: ModelFolder) -> None:
    bench = bench_of(own, model)
    rows = np.arange(len(bench.material))
    layer, spec = bench.layer("head 0.1", rows), bench.start.part.specification
    for depth, moved in (("last", False), ("all", True)):
        adapted = layered(bench.start.network(), layer, own.labels, spec, EXPRESSION)
        first = next(p for p in adapted.network.parameters() if p.ndim == 4)
        before = first.detach().clone()
        statistics = {name: one.clone() for name, one in adapted.named_buffers() if "running" in name}
        learned = tune(adapted, bench.material.crops, bench.material.truth, TuningConfig(depth, least=3, passes=1))
        assert torch.equal(before, first) is not moved
        assert all(torch.equal(one, dict(learned.named_buffers())[name]) for name, one in statistics.items())


def test_the_same_seed_tunes_the_same_network(own: own_labels.OwnLabels, model: ModelFolder) -> None:
    bench = bench_of(own, model)
    rows = np.arange(len(bench.material))
    spec = bench.start.part.specification

    def tuned(seed: int) -> np.ndarray:
        adapted = layered(bench.start.network(), bench.layer("nothing", rows), own.labels, spec, EXPRESSION)
        tune(adapted, bench.material.crops, bench.material.truth, TuningConfig("all", least=3, passes=1), seed)
        return answers(adapted, bench.material.crops[:4])

    np.testing.assert_array_equal(tuned(1), tuned(1))
    assert np.abs(tuned(1) - tuned(2)).max() > 1e-6


def test_what_is_done_is_kept_when_it_is_stopped(
    own: own_labels.OwnLabels, model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kaoiro.training.adapting.candidates.TUNED", {"all layers": TuningConfig("all", least=2, passes=1)}
    )
    config = AdaptConfig("whole", ("all layers",), folds=3, draws=100)
    real, calls = Bench.scores, []

    def stopping(self: Bench, name: str, learned: np.ndarray, asked: np.ndarray) -> np.ndarray:
        calls.append(name)
        if calls.count("all layers") == 3:
            raise KeyboardInterrupt
        return real(self, name, learned, asked)

    monkeypatch.setattr(Bench, "scores", stopping)
    with pytest.raises(KeyboardInterrupt):
        adapt(own, model, tmp_path / "mine", config)
    assert len(list((tmp_path / "mine" / adapting.WORK).glob("*.npy"))) == 2
    calls.clear()
    monkeypatch.setattr(Bench, "scores", lambda *args: (calls.append(args[1]), real(*args))[1])
    adapt(own, model, tmp_path / "mine", config)
    assert calls[:4].count("all layers") == 1  # three folds of 'nothing', then the one fold that was not done


def test_the_learning_curve_goes_on_where_it_was_stopped(
    own: own_labels.OwnLabels, model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = {"all layers": TuningConfig("all", least=2, passes=1)}
    monkeypatch.setattr("kaoiro.training.adapting.candidates.TUNED", tuned)
    monkeypatch.setattr("kaoiro.training.adapting.trials.TUNED", tuned)
    config = AdaptConfig("whole", ("all layers",), folds=2, draws=100)
    bench = bench_of(own, model)
    made = adapting.chosen(bench, config, tmp_path)
    made = replace(made, choice=replace(made.choice, place=1))
    assert made.taken == "all layers"
    first = adapting._growth(bench, made, config, tmp_path)
    monkeypatch.setattr(Bench, "scores", lambda *_: pytest.fail("a trial that was done is done again"))
    assert adapting._growth(bench, made, config, tmp_path) == first
    writing.forget(tmp_path)
    assert not tmp_path.exists()


def test_copies_of_a_picture_stay_on_one_side(model: ModelFolder, tmp_path: Path) -> None:
    path = table(tmp_path / "own")
    lines = path.read_text().splitlines()
    (tmp_path / "own" / "copy.png").write_bytes((tmp_path / "own" / "0.png").read_bytes())
    path.write_text("\n".join([*lines, f"copy.png,{lines[1].split(',')[1]},somebody"]))
    material = gather(own_labels.read(path), model.specification, "whole")
    assert material.groups[0] == material.groups[-1]
    assert len(np.unique(material.groups)) == 12


def test_a_picture_with_two_labels_is_left_out(model: ModelFolder, tmp_path: Path) -> None:
    path = table(tmp_path / "own")
    (tmp_path / "own" / "copy.png").write_bytes((tmp_path / "own" / "0.png").read_bytes())
    first, second = (line.split(",")[1] for line in path.read_text().splitlines()[1:3])
    other = second if second != first else "neutral"
    path.write_text(path.read_text() + f"copy.png,{other},p0\n1.png,{first if second != first else 'fear'},p0\n")
    material = gather(own_labels.read(path), model.specification, "whole")
    reason = "the same picture has another label, too"
    assert material.left_out == {reason: ["0.png", "1.png", "copy.png", "1.png"]}
    assert len(material) == FACES - 2


def test_a_set_in_which_no_face_is_found_says_so(model: ModelFolder, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(4):
        path = tmp_path / ("fear", "anger")[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (64, 64), np.uint8)).save(path)
    with pytest.raises(DataError, match=r"4 of 4 pictures: no face found \(if they are crops of faces, --cut whole\)"):
        gather(own_labels.read(tmp_path), model.specification, "detect")


def test_pictures_in_which_nobody_is_named_are_counted(found: Adaptation) -> None:
    one = replace(found, material=replace(found.material, nameless=3, left_out={"cannot be read": ["x.png"]}))
    assert told.warnings(one) == [
        "1 picture is left out (cannot be read): x.png",
        f"nobody is named in 3 of {FACES} pictures, so that whoever is seen there may be learned from and judged by: "
        "figures may be too good for new people",
    ]


def test_faces_that_look_the_same_are_one_where_nobody_is_named(model: ModelFolder, tmp_path: Path) -> None:
    path = table(tmp_path / "own", people=0)
    material = gather(own_labels.read(path), model.specification, "whole")
    assert len(np.unique(material.groups)) < FACES  # some drawings differ by little


def test_a_rare_label_leaves_the_folds_as_they_are(own: own_labels.OwnLabels, model: ModelFolder) -> None:
    material = gather(own, model.specification, "whole")
    few = np.flatnonzero(material.truth == 0)[2:]
    rare = material.rows(np.setdiff1d(np.arange(len(material)), few))
    place = trials.folds_of(rare, seed=0)
    assert len(np.unique(place)) == trials.FOLDS
    assert len(np.unique(place[rare.truth == 0])) == 2
    assert all(len(np.unique(place[rare.groups == one])) == 1 for one in np.unique(rare.groups))


def test_pictures_that_cannot_be_used_are_named(own: own_labels.OwnLabels, model: ModelFolder, tmp_path: Path) -> None:
    path = table(tmp_path / "own")
    (tmp_path / "own" / "3.png").write_bytes(b"no picture")
    Image.fromarray(np.full((48, 48), 7, np.uint8)).save(tmp_path / "own" / "4.png")
    material = gather(own_labels.read(path), model.specification, "whole")
    assert material.left_out == {"cannot be read": ["3.png"], "all pixels alike": ["4.png"]}
    assert len(material) == FACES - 2


def test_too_few_people_of_a_label_are_refused(model: ModelFolder, tmp_path: Path) -> None:
    path = table(tmp_path / "own", people=1)
    with pytest.raises(DataError, match="each label needs 2 people or more"):
        gather(own_labels.read(path), model.specification, "whole")


def test_models_that_cannot_be_adapted_are_refused(found: Adaptation) -> None:
    with pytest.raises(InputError, match="was adapted already"):
        start.opened(found.model)


def test_the_default_model_is_adapted_by_its_part_of_expressions() -> None:
    whole = load("affect")
    begun = start.opened(whole)
    assert begun.part.name == "stills"
    assert begun.labels == begun.part.specification.head(EXPRESSION).labels


def test_networks_that_are_no_sequence_are_tuned_as_a_whole(own: own_labels.OwnLabels, model: ModelFolder) -> None:
    bench = bench_of(own, model)
    assert bench.names(("last layers", "shift")) == ("nothing", "shift", "last layers")
    network = bench.start.network()
    network.lower = torch.nn.ModuleList([network.lower])  # pyright: ignore
    bench.__dict__["_network"] = network
    assert bench.names(("last layers", "all layers")) == ("nothing", "all layers")


def test_networks_that_read_expressions_otherwise_are_refused_at_once(
    own: own_labels.OwnLabels, model: ModelFolder
) -> None:
    bench = bench_of(own, model)
    network = bench.start.network()
    network.upper[EXPRESSION] = torch.nn.Identity()  # pyright: ignore
    bench.__dict__["_network"] = network
    with pytest.raises(InputError, match="by more than one layer"):
        bench.names(NAMES)


def test_tuning_longer_is_tried_where_it_is_longer(own: own_labels.OwnLabels, model: ModelFolder) -> None:
    bench = bench_of(own, model)
    assert bench.names(("all layers longer",)) == ("nothing", "all layers longer")
    many = replace(bench, material=bench.material.rows(np.arange(1000) % len(bench.material)))
    assert many.names(("all layers", "all layers longer")) == ("nothing", "all layers")


@pytest.mark.parametrize("best", ["head 0.1", "all layers"])
def test_tuning_longer_is_tried_where_tuning_all_layers_is_best(
    best: str, own: own_labels.OwnLabels, model: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def knowing(self: Bench, name: str, learned: np.ndarray, asked: np.ndarray) -> np.ndarray:
        return (4.0 if name == best else 0.1) * np.eye(len(own.labels))[self.material.truth[asked]]

    monkeypatch.setattr(Bench, "scores", lambda *args: np.roll(knowing(*args), args[1] != best, axis=1))
    config = AdaptConfig("whole", ("head 0.1", "all layers", "all layers longer"), folds=3, draws=100)
    made = adapting.chosen(bench_of(own, model), config)
    assert made.taken == best
    assert ("all layers longer" in made.names) is (best == "all layers")
    assert tuple(made.scores) == made.names


def test_steps_follow_the_number_of_faces_within_bounds() -> None:
    config = TuningConfig(passes=80, least=60, most=500)
    assert [config.steps(count) for count in (10, 40, 160, 1000)] == [60, 100, 400, 500]


def test_methods_have_short_names() -> None:
    assert method_names("head, last") == ["head 1", "head 0.1", "head 0.01", "last layers"]
    assert set(method_names("all,shift,nothing")) <= set(NAMES)
    with pytest.raises(InputError, match="no method 'magic'"):
        method_names("head,magic")


def test_all_figures_are_told(found: Adaptation) -> None:
    content: dict[str, Any] = json.loads(told.as_json(found))
    assert content["taken"] == "head 0.1"
    assert set(content["tried"]) == {"nothing", "shift", "head 0.1"}
    assert sum(map(sum, content["confusion"]["head 0.1"]["counts"])) == FACES
    assert content["gain by them, interval"][0] <= content["gain by them"] <= content["gain by them, interval"][1]
    assert set(content["labels"]) <= set(EXPRESSIONS.labels)
    assert told.picture(found).width > 600
    assert told.warnings(found) == []
