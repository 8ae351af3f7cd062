from __future__ import annotations

import json
from pathlib import Path

import pytest
from graphs import write_affect_model, write_model

from kaoiro.cli.main import main
from kaoiro.core import modelfile
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.inference import portraits


def test_what_ships_is_described(capsys):
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    for name in modelfile.shipped():
        card = modelfile.load(name).description.card
        assert f"{name}: {card.summary}" in said
        assert card.licence in said
        assert all(label in said for label in EXPRESSIONS.labels)
        assert all(f"measured  {figure} {value:g}" in said for figure, value in card.numbers.items())


def test_one_model_can_be_named_by_its_folder(capsys, tmp_path: Path):
    write_model(tmp_path / "brightness", [0.0] * 8, temperature=1.25)
    assert main(["models", str(tmp_path / "brightness")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "brightness: Answers by brightness"
    assert "  input     8x8 grey, crop 'test'" in lines
    assert any(line.endswith("contempt (temperature 1.25)") for line in lines)
    assert "  measured  accuracy 0.5" in lines
    assert "  limits    sees nothing" in lines
    assert "  licence   MIT" in lines


def test_valence_arousal_and_action_units_are_said_in_words(capsys, tmp_path: Path):
    write_affect_model(tmp_path / "affect")
    assert main(["models", str(tmp_path / "affect")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  affect    valence, arousal: -1 to 1 (temperature 1)" in lines
    assert "  affect_spread standard deviations of valence, arousal (temperature 1)" in lines
    (units,) = [line for line in lines if line.startswith("  units")]
    assert units.startswith("  units     12 action units, visible from the probability in brackets on: 1 inner brow")
    assert "12 lip corner puller (0.5), 15" in units


def test_json_is_the_description_itself(capsys):
    assert main(["models", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in found] == list(modelfile.shipped())
    for model in found:
        assert modelfile.Description.model_validate(model) == modelfile.load(model["name"]).description


def test_generators_are_listed_after_the_models(capsys):
    assert main(["models"]) == 0
    last = capsys.readouterr().out.split("\ngenerator ")[1]
    assert "kaoiro generate --model generator" in last and "limits    Learned from rendered faces" in last


def test_a_generator_is_described_by_its_name(capsys):
    assert main(["models", "generator"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("generator (kaoiro generate") and "measured  condition_valence 0." in said
    assert main(["models", "generator", "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)
    assert portraits.GeneratorDescription.model_validate(card) == portraits.read(portraits.find("generator"))


def test_an_installation_without_models_says_so(capsys, monkeypatch):
    monkeypatch.setattr(modelfile, "shipped", dict)
    monkeypatch.setattr(portraits, "shipped", dict)
    assert main(["models"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "kaoiro: no model ships with this installation\n")


@pytest.mark.parametrize("name", ["nosuch", "no such model", "."])
def test_an_unknown_model_is_one_line_and_exit_code_2(capsys, name):
    assert main(["models", name]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert f"no model '{name}'" in said.err


def test_a_damaged_model_is_one_line_and_exit_code_2(capsys, tmp_path: Path):
    path = write_model(tmp_path / "model", [0.0] * 8).graph
    path.write_bytes(path.read_bytes() + b"\0")
    assert main(["models", str(path.parent)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"kaoiro: {path} is damaged (checksum differs")
