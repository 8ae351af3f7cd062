"""One's own pictures of expressions as a set to learn from, and a transfer to it in two stages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kaoiro.core.crops import E_CROP
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import FER2013
from kaoiro.data.datasets.drawn import LOOKS, draw_face, draw_portrait
from kaoiro.data.source import DataConfig
from kaoiro.inference.classifier import Classifier
from kaoiro.training.export import export
from kaoiro.training.families import recipes
from kaoiro.training.fit import fit
from kaoiro.training.labelled import load

FAMILY = "staged_transfer"
SIX = ("happiness", "anger", "surprise", "sadness", "neutral", "disgust")


def pictures(root: Path, people: int = 8, labels: tuple[str, ...] = SIX) -> Path:
    """Write drawn crops and a table of them: everybody shows every label; return the table."""
    rows = ["path,label,person"]
    for person in range(people):
        for number, label in enumerate(labels):
            name = f"{person}-{label}.png"
            face = draw_face(LOOKS[label], rng=np.random.default_rng((person, number)))
            Image.fromarray(face).save(root / name)
            rows.append(f"{name},{label},p{person}")
    table = root / "own.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    return table


def config(root: Path, **changes: Any) -> DataConfig:
    return replace(DataConfig(dataset="labelled", root=str(root), cut="whole"), **changes)


def test_labels_stand_in_the_order_of_fer2013_and_fit_their_faces(tmp_path: Path) -> None:
    data = load(config(pictures(tmp_path)), E_CROP, 48)
    labels = data.vocabularies["expression"].labels
    assert labels == tuple(label for label in FER2013.labels if label != "fear")
    both = [data.training, data.validation]
    assert sum(map(len, both)) == 48
    for faces in both:
        assert faces.targets["expression"].argmax(axis=1).tolist() == faces.labels["expression"].tolist()
        for pixels, label in zip(faces.pixels, faces.labels["expression"], strict=True):
            written = [np.asarray(Image.open(path)) for path in tmp_path.glob(f"*-{labels[label]}.png")]
            assert any((pixels == one).all() for one in written)
    assert data.description == "48 labelled pictures of 8 people"


def test_nobody_is_on_both_sides_and_the_share_is_about_that_asked_for(tmp_path: Path) -> None:
    for held, people in ((0.25, 2), (0.5, 4)):
        data = load(config(pictures(tmp_path), held=held), E_CROP, 48)
        learned, checked = data.training.subjects, data.validation.subjects
        assert learned is not None and checked is not None
        assert not set(learned) & set(checked)
        assert len(set(checked)) == people


def test_the_same_pictures_are_divided_in_the_same_way(tmp_path: Path) -> None:
    first, second = (load(config(pictures(tmp_path)), E_CROP, 48) for _ in range(2))
    assert np.array_equal(first.validation.pixels, second.validation.pixels)


def test_folders_of_labels_are_read_and_copies_stay_together(tmp_path: Path) -> None:
    for label in ("happy", "sad"):
        (tmp_path / label).mkdir()
        look = LOOKS["happiness" if label == "happy" else "sadness"]
        for number in range(8):
            face = Image.fromarray(draw_portrait(look, 64, rng=np.random.default_rng(number // 2))[..., :3])
            face.save(tmp_path / label / f"{number}.png")
    data = load(config(tmp_path, held=0.5), E_CROP, 54)
    assert data.vocabularies["expression"].labels == ("happiness", "sadness")
    assert data.training.pixels.shape[1:] == (54, 54)
    assert {one.tobytes() for one in data.training.pixels}.isdisjoint(one.tobytes() for one in data.validation.pixels)


def split(table: Path, parts: dict[str, str]) -> Path:
    """Add a column with the split of each person to a table."""
    head, *rows = table.read_text(encoding="utf-8").splitlines()
    written = [f"{row},{parts[row.split(',')[2]]}" for row in rows]
    table.write_text("\n".join([f"{head},Split", *written]), encoding="utf-8")
    return table


def test_splits_of_a_table_are_kept(tmp_path: Path) -> None:
    parts = {f"p{number}": "Training" for number in range(5)} | {"p5": "val", "p6": "validation", "p7": "test"}
    table = split(pictures(tmp_path), parts)
    (tmp_path / "copy.png").write_bytes((tmp_path / "7-anger.png").read_bytes())
    table.write_text(table.read_text(encoding="utf-8") + "\ncopy.png,anger,p9,train", encoding="utf-8")
    data = load(config(table), E_CROP, 48)
    assert (len(data.training), len(data.validation)) == (30, 12)
    said = "split by their table: 30 to learn from, 12 held out, 7 left out"
    assert data.description == f"49 labelled pictures of 9 people, {said}"
    tested = {np.asarray(Image.open(tmp_path / f"7-{label}.png")).tobytes() for label in SIX}
    assert tested.isdisjoint(one.tobytes() for one in [*data.training.pixels, *data.validation.pixels])


def test_without_val_a_share_of_train_is_held_out(tmp_path: Path) -> None:
    parts = {f"p{number}": "train" for number in range(6)} | {"p6": "test", "p7": "test"}
    data = load(config(split(pictures(tmp_path), parts), held=0.5), E_CROP, 48)
    assert (len(data.training), len(data.validation)) == (18, 18)


def test_splits_that_cannot_be_kept_are_refused(tmp_path: Path) -> None:
    people = {f"p{number}": "train" for number in range(8)}
    with pytest.raises(DataError, match=r"split of 3-happiness\.png must be one of train, val, test, not 'x'"):
        load(config(split(pictures(tmp_path), people | {"p3": "x"})), E_CROP, 48)
    table = split(pictures(tmp_path), people)
    table.write_text(
        table.read_text(encoding="utf-8").replace("7-anger.png,anger,p7,train", "7-anger.png,anger,p7,val")
    )
    with pytest.raises(DataError, match=r"p7 is in train and, with 7-anger\.png, in val; nobody may be in two"):
        load(config(table), E_CROP, 48)
    with pytest.raises(DataError, match="change the column split of the table"):
        load(config(split(pictures(tmp_path), dict.fromkeys(people, "val"))), E_CROP, 48)


def test_a_label_that_is_no_expression_is_refused(tmp_path: Path) -> None:
    table = pictures(tmp_path)
    table.write_text(table.read_text(encoding="utf-8").replace(",disgust,", ",pain,"), encoding="utf-8")
    with pytest.raises(DataError, match=r"labels to learn must be of anger, disgust, .*; found pain"):
        load(config(table), E_CROP, 48)


def test_without_a_table_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"by --data\.root"):
        load(DataConfig(dataset="labelled"), E_CROP, 48)
    with pytest.raises(DataError, match="no table"):
        load(config(tmp_path / "none.csv"), E_CROP, 48)


def test_a_class_of_which_nobody_would_be_left_to_learn_from_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no face to learn from of .*; hold out fewer by --data\.held"):
        load(config(pictures(tmp_path, 2), held=0.9), E_CROP, 48)


def test_a_transfer_in_two_stages_keeps_what_the_first_one_learned(tmp_path: Path) -> None:
    """Eight drawn expressions, then six of them in another order; at a rate of almost 0 these are known already."""
    tiny = recipes(FAMILY)["tiny"]
    first = fit(FAMILY, tiny, tmp_path / "first")
    export(first, FAMILY, "tiny", tmp_path / "first" / "model", "first", "24 epochs")
    (tmp_path / "own").mkdir()
    target = replace(
        recipes(FAMILY)["compact-target"],
        data=config(pictures(tmp_path / "own"), augmentation=tiny.data.augmentation),
        network=tiny.network,
        objective=replace(tiny.objective, learning_rate=1e-5),
        run=replace(tiny.run, start=str(tmp_path / "first" / "model"), epochs=3, patience=2),
        size=50,
    )
    second = fit(FAMILY, target, tmp_path / "second")
    assert max(row["val_accuracy"] for row in second.history) > 0.7
    model = export(second, FAMILY, "compact-target", tmp_path / "second" / "model", "second", "3 epochs")
    assert model.specification.crop.name == "e-crop"
    answers = Classifier(model).predict(second.data.validation.pixels).heads["expression"]
    right = (answers.argmax(axis=1) == second.data.validation.labels["expression"]).mean()
    assert right == pytest.approx(max(row["val_accuracy"] for row in second.history))
    assert str(tmp_path) not in (model.path / "model.json").read_text(encoding="utf-8")


@pytest.fixture
def narrow(tmp_path: Path) -> Any:
    """Return a narrow AlexNet's recipe on a few drawn faces, with a file of weights."""
    from kaoiro.nn.alexnet import alexnet

    named = {name: list(layer.parameters()) for name, layer in alexnet(16).named_children()}
    content = {name: [one.detach().numpy() for one in pair] for name, pair in named.items() if pair}
    np.save(tmp_path / "imagenet.npy", np.array(content, dtype=object), allow_pickle=True)
    whole = recipes(FAMILY)["alexnet-fer2013"]
    return replace(
        whole,
        data=replace(whole.data, dataset="drawn", count=32),
        network=replace(whole.network, thin=16, weights=str(tmp_path / "imagenet.npy")),
        objective=replace(whole.objective, learning_rate=0.0),
        run=replace(whole.run, epochs=1, batch=16),
    )


def test_a_run_begins_with_published_weights_and_its_description_says_so(narrow: Any, tmp_path: Path) -> None:
    found = fit(FAMILY, narrow, tmp_path / "run")
    content = np.load(tmp_path / "imagenet.npy", allow_pickle=True).item()
    state = found.objective.state_dict()
    assert np.array_equal(state["network.lower.fc7.weight"], content["fc7"][0])
    assert np.array_equal(state["network.lower.conv1.weight"], content["conv1"][0][:, ::-1])
    assert state["network.gain"] == 63.75
    model = export(found, FAMILY, "alexnet-fer2013", tmp_path / "model", "narrow", "1 epoch")
    assert model.specification.std == (0.25,)
    settings = model.description.provenance.settings
    assert settings["network"]["weights"] == settings["run"]["weights"]["name"] == "imagenet.npy"
    assert len(settings["run"]["weights"]["sha256"]) == 64
    assert str(tmp_path) not in (model.path / "model.json").read_text(encoding="utf-8")


def test_a_resumed_run_needs_the_published_weights_no_more(narrow: Any, tmp_path: Path) -> None:
    first = fit(FAMILY, narrow, tmp_path / "run").objective.state_dict()
    Path(narrow.network.weights).unlink()
    again = fit(FAMILY, narrow, tmp_path / "run").objective.state_dict()
    assert all((again[name] == value).all() for name, value in first.items())
    with pytest.raises(InputError, match="cannot read"):
        fit(FAMILY, narrow, tmp_path / "other")
