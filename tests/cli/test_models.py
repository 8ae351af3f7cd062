from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake import exchange as fake
from graphs import write_affect_model, write_model

from kaoiro.cli.main import main
from kaoiro.core import modelfile
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.modelfile import Card
from kaoiro.inference import exchange, portraits


@pytest.fixture
def swapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ship a tiny model that exchanges expressions."""
    card = Card(summary="Tells colours", numbers={"leakage": 0.25}, limits=("Paints.",), licence="MIT")
    folder = fake.write(tmp_path / "exchange", name="exchange", same_person=0.5, card=card)
    monkeypatch.setattr(exchange, "shipped", lambda: {"exchange": folder})
    return folder


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


def test_json_is_the_descriptions_themselves(capsys, swapping: Path):
    assert main(["models", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = list(modelfile.shipped())
    assert [model["name"] for model in found] == [*names, *portraits.shipped(), "exchange"]
    for model in found[: len(names)]:
        assert modelfile.Description.model_validate(model) == modelfile.load(model["name"]).description
    for model in found[len(names) : -1]:
        assert portraits.GeneratorDescription.model_validate(model) == portraits.read(portraits.find(model["name"]))
    assert exchange.ExchangeDescription.model_validate(found[-1]) == exchange.read(swapping)


def test_generators_are_listed_after_the_models(capsys):
    assert main(["models"]) == 0
    _, last = capsys.readouterr().out.split("\ngenerator ")
    assert "kaoiro generate --model generator" in last and "limits    Learned from rendered faces" in last


def test_a_generator_is_described_by_its_name(capsys):
    assert main(["models", "generator"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("generator (kaoiro generate") and "measured  condition_valence 0." in said
    assert main(["models", "generator", "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)
    assert portraits.GeneratorDescription.model_validate(card) == portraits.read(portraits.find("generator"))


def test_models_that_exchange_expressions_are_listed_last(capsys, swapping: Path):
    assert main(["models"]) == 0
    before, last = capsys.readouterr().out.split("\nexchange (")
    assert "\ngenerator (" in before
    lines = last.splitlines()
    assert lines[0] == "kaoiro swap, interpolate, embed, similar --model exchange): Tells colours"
    assert lines[1:5] == [
        "  input     8x8 RGB, crop 'test'",
        "  codes     expression 2 numbers, identity 2 numbers; identities up to 0.5 apart count as one person",
        "  measured  leakage 0.25",
        "  limits    Paints.",
    ]
    assert lines[5].startswith("  learned   none; recipe test/test, seed 0, none; 2000-01-01")
    size = sum((swapping / name).stat().st_size for name in (exchange.ENCODER, exchange.DECODER)) / 1e6
    digest = exchange.read(swapping).files[exchange.ENCODER][:16]
    assert lines[6:] == ["  licence   MIT", f"  size      {size:.1f} MB, sha256 of the encoder {digest}…"]


@pytest.mark.parametrize("by", ["name", "folder"])
def test_a_model_that_exchanges_expressions_is_described_alone(capsys, swapping: Path, by: str):
    called = "exchange" if by == "name" else str(swapping)
    assert main(["models", called]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"exchange (kaoiro swap, interpolate, embed, similar --model {called}): Tells colours\n")
    assert main(["models", called, "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)
    assert exchange.ExchangeDescription.model_validate(card) == exchange.read(swapping)


def test_a_method_with_one_code_has_no_identity(capsys, tmp_path: Path):
    assert main(["models", str(fake.write(tmp_path / "one", identity=0))]) == 0
    assert "  codes     expression 4 numbers, no identity\n" in capsys.readouterr().out


def test_a_damaged_decoder_is_one_line_and_exit_code_2(capsys, swapping: Path):
    (swapping / exchange.DECODER).write_bytes(b"something else")
    for argv in (["models"], ["models", "exchange"]):
        assert main(argv) == 2
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert "decoder.onnx is missing or damaged" in said.err


def test_an_installation_without_models_says_so(capsys, monkeypatch):
    monkeypatch.setattr(modelfile, "shipped", dict)
    monkeypatch.setattr(portraits, "shipped", dict)
    monkeypatch.setattr(exchange, "shipped", dict)
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
