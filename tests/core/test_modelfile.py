from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kaoiro.core import modelfile
from kaoiro.core.errors import ModelError
from kaoiro.core.labels import FER2013, FERPLUS, Vocabulary
from kaoiro.core.modelfile import DEFAULT, DESCRIPTION, GRAPH, WEIGHTS
from kaoiro.inference.classifier import Classifier

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the default model, without the weights that only training needs."""
    source = modelfile.find()
    target = tmp_path / "model"
    target.mkdir()
    for name in (GRAPH, DESCRIPTION):
        shutil.copyfile(source / name, target / name)
    return target


def edit(folder: Path, change: Edit) -> None:
    file = folder / DESCRIPTION
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("name", modelfile.shipped())
def test_every_model_that_ships_opens_and_answers_probabilities(name: str) -> None:
    model = modelfile.load(name)
    spec = model.specification
    shape = (2, spec.size, spec.size) if spec.channels == 1 else (2, spec.size, spec.size, 3)
    answer = Classifier(model, threads=1).predict(np.full(shape, 128, np.uint8))
    assert model.name == name
    assert np.allclose(answer.heads["expression"].sum(axis=1), 1)


def test_thresholds_are_written_beside_the_graph_and_change_nothing_else(folder: Path) -> None:
    before = modelfile.load(folder)
    labels = before.specification.head("units").labels
    modelfile.set_thresholds(before, "units", dict.fromkeys(labels, 0.25) | {"au_12": 0.75})
    after = modelfile.load(folder)
    assert after.specification.head("units").present_from == dict.fromkeys(labels, 0.25) | {"au_12": 0.75}
    assert after.digest == before.digest
    assert after.description.card == before.description.card
    assert [head for head in after.specification.heads if head.name != "units"] == [
        head for head in before.specification.heads if head.name != "units"
    ]


def test_a_folder_that_names_no_thresholds_is_read_as_ever(folder: Path) -> None:
    def forget(content: dict[str, Any]) -> None:
        for head in content["specification"]["heads"]:
            head.pop("thresholds", None)

    edit(folder, forget)
    assert set(modelfile.load(folder).specification.head("units").present_from.values()) == {0.5}


def test_thresholds_that_cannot_be_are_not_written(folder: Path) -> None:
    model = modelfile.load(folder)
    with pytest.raises(KeyError, match="au_01"):
        modelfile.set_thresholds(model, "units", {"au_12": 0.5})
    with pytest.raises(KeyError, match="no head 'words'"):
        modelfile.set_thresholds(model, "words", {})
    with pytest.raises(ValueError, match="less than 1"):
        modelfile.set_thresholds(model, "units", dict.fromkeys(model.specification.head("units").labels, 1.5))
    assert modelfile.load(folder).specification == model.specification


def test_a_copied_folder_opens_without_its_training_weights(folder: Path) -> None:
    model = modelfile.load(folder)
    assert model.path == folder
    assert model.digest == modelfile.load(DEFAULT).digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format=2), r"format 2; this version of kaoiro reads format 1"),
        (lambda content: content.pop("format"), r"format None"),
        (lambda content: content.update(extra=1), r"not valid at 'extra'"),
        (lambda content: content["specification"].update(colour="grey"), r"not valid at 'specification.colour'"),
        (lambda content: content["specification"]["heads"][0].update(unit="x"), r"specification.heads.0.unit"),
        (lambda content: content["specification"].pop("size"), r"not valid at 'specification.size'"),
        (lambda content: content["card"].pop("licence"), r"not valid at 'card.licence'"),
        (lambda content: content["files"].pop(GRAPH), rf"names no {GRAPH}"),
    ],
)
def test_a_description_is_read_strictly(folder: Path, change: Edit, message: str) -> None:
    edit(folder, change)
    with pytest.raises(ModelError, match=message) as caught:
        modelfile.load(folder)
    assert str(folder / DESCRIPTION) in str(caught.value)


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe", b"[1]", b""])
def test_a_description_that_is_no_object_is_refused(folder: Path, text: bytes) -> None:
    (folder / DESCRIPTION).write_bytes(text)
    with pytest.raises(ModelError, match=DESCRIPTION):
        modelfile.load(folder)


@pytest.mark.parametrize("name", [GRAPH, WEIGHTS])
def test_one_changed_byte_is_noticed(folder: Path, name: str) -> None:
    if name == WEIGHTS:
        (folder / WEIGHTS).write_bytes(b"weights")
        modelfile.write_description(folder, modelfile.read_description(folder))
    modelfile.load(folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ModelError, match=rf"{name} is damaged \(checksum"):
        modelfile.load(folder)


def test_a_missing_graph_is_named(folder: Path) -> None:
    (folder / GRAPH).unlink()
    with pytest.raises(ModelError, match=rf"{GRAPH} is missing"):
        modelfile.load(folder)


def test_a_graph_that_is_none_is_refused_in_one_line(folder: Path) -> None:
    (folder / GRAPH).write_bytes(b"not a graph")
    modelfile.write_description(folder, modelfile.read_description(folder))
    with pytest.raises(ModelError, match="cannot be opened as an ONNX model") as caught:
        Classifier(modelfile.load(folder))
    assert "\n" not in str(caught.value)


def test_an_unknown_name_lists_what_ships() -> None:
    with pytest.raises(ModelError, match=f"no model 'nosuch'.*{DEFAULT}"):
        modelfile.load("nosuch")


@pytest.mark.parametrize("given", [f"./{DEFAULT}", f"{DEFAULT}/", Path(DEFAULT)], ids=["dot", "slash", "path object"])
def test_a_path_means_a_folder_even_where_a_shipped_model_has_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, given: str | Path
) -> None:
    monkeypatch.chdir(folder.parent)
    with pytest.raises(ModelError, match=f"no model in '.*{DEFAULT}/?': no {DESCRIPTION} there"):
        modelfile.load(given)
    folder.rename(folder.parent / DEFAULT)
    assert modelfile.load(given).path.resolve() == folder.parent / DEFAULT


def test_a_bare_name_means_the_model_that_ships_and_else_a_folder_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    assert modelfile.load("model").path.resolve() == folder
    folder.rename(folder.parent / DEFAULT)
    assert modelfile.load(DEFAULT).path == modelfile.shipped()[DEFAULT]


def test_the_other_separator_of_windows_means_a_path_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelfile.os, "altsep", "|")
    with pytest.raises(ModelError, match="no model in"):
        modelfile.find(f".|{DEFAULT}")


def test_writing_a_description_notes_the_checksums_of_the_files_beside_it(folder: Path) -> None:
    before = modelfile.read_description(folder)
    (folder / GRAPH).write_bytes(b"other graph")
    modelfile.write_description(folder, before)
    after = modelfile.read_description(folder)
    assert set(after.files) == {GRAPH}
    assert after.files[GRAPH] != before.files[GRAPH]
    assert after.provenance == before.provenance
    assert modelfile.load(folder).digest == after.files[GRAPH]


@pytest.mark.parametrize(("labels", "name"), [(FERPLUS, "affect"), (FER2013, "stills-both")])
def test_each_annotation_finds_the_model_that_answers_it(labels: Vocabulary, name: str) -> None:
    assert modelfile.answering(tuple(reversed(labels.labels))) == name


def test_labels_that_no_shipped_model_answers_find_none() -> None:
    assert modelfile.answering(("happiness", "sadness")) is None
