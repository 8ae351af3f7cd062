"""Which action units carry an expression."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from graphs import Further, write_affect_model, write_model
from jobs import Middle
from PIL import Image

from kaoiro import Analyzer
from kaoiro.core import modelfile
from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.labels import MEASURED_UNITS
from kaoiro.inference.unit_sheet import units
from kaoiro.inference.units import Evidence, evidence

Judge = Callable[..., Evidence]


@pytest.fixture
def judge(make_record) -> Judge:
    """Return a function that judges an expression by units, which are otherwise hardly probable."""

    def judged(expression: str, **chances: float) -> Evidence:
        record = make_record(**{expression: 1.0})
        return evidence(dataclasses.replace(record, scores={**record.scores, **chances}), {})

    return judged


def test_every_unit_is_visible_from_its_own_threshold_on(make_record) -> None:
    chances = {"au_06": 0.5, "au_12": 0.5, "au_25": 0.5, "au_04": 0.5, "au_09": 0.85}
    record = make_record(happiness=1.0)
    record = dataclasses.replace(record, scores={**record.scores, **chances})
    found = evidence(record, {"au_06": 0.5, "au_12": 0.51, "au_25": 0.2, "au_04": 0.1, "au_09": 0.8})
    assert found.visible_from == {"au_04": 0.1, "au_06": 0.5, "au_09": 0.8, "au_12": 0.51, "au_25": 0.2}
    assert (found.carrying, found.absent) == (("au_06", "au_25"), ("au_12",))
    assert found.foreign == {}, "neither is six tenths of the way from its threshold to certainty"
    assert evidence(record, {"au_04": 0.1, "au_09": 0.6}).foreign == {"au_09": ("disgust",)}


def test_a_smile_is_carried_by_cheeks_lip_corners_and_lips(judge: Judge) -> None:
    found = judge("happiness", au_06=0.5, au_12=0.9, au_25=0.7, au_04=0.1)
    assert found.expected == found.carrying == ("au_06", "au_12", "au_25")
    assert (found.absent, found.unmeasured, found.remarks) == ((), (), [])


def test_an_expected_unit_that_is_not_visible_is_remarked(judge: Judge) -> None:
    found = judge("happiness", au_06=0.6, au_12=0.499, au_25=0.2)
    assert found.absent == ("au_12", "au_25")
    assert found.remarks == [
        "happiness without AU 12 (lip corner puller)",
        "happiness without AU 25 (lips part), which one of the two tables expects",
    ]


def test_a_unit_that_clearly_speaks_for_others_is_remarked(judge: Judge) -> None:
    smile = {"au_06": 0.9, "au_12": 0.9, "au_25": 0.9}
    assert judge("happiness", **smile, au_04=0.8).remarks == []
    found = judge("happiness", **smile, au_04=0.81, au_09=0.95)
    assert found.foreign == {"au_04": ("anger", "fear", "sadness"), "au_09": ("disgust",)}
    assert found.remarks == [
        "happiness with AU 4 (brow lowerer), which speaks for anger, fear or sadness",
        "happiness with AU 9 (nose wrinkler), which speaks for disgust",
    ]


def test_what_a_table_sometimes_names_is_neither_expected_nor_foreign(judge: Judge) -> None:
    found = judge("sadness", au_01=0.9, au_04=0.9, au_15=0.9, au_06=0.95, au_17=0.95)
    assert found.expected == ("au_01", "au_04", "au_15")
    assert found.remarks == []
    assert judge("sadness", au_01=0.9, au_04=0.9, au_15=0.9, au_17=0.1).remarks == []


def test_units_that_the_model_does_not_answer_are_no_contradiction(judge: Judge) -> None:
    found = judge("anger", au_04=0.9, au_05=0.9)
    assert found.unmeasured == ("au_07", "au_23", "au_24")
    assert found.remarks == []


def test_a_neutral_face_needs_no_unit_and_contradicts_clear_ones(judge: Judge) -> None:
    assert judge("neutral", au_04=0.1, au_12=0.7).remarks == []
    assert judge("neutral", au_12=0.9).remarks == ["neutral with AU 12 (lip corner puller), which speaks for happiness"]


def test_of_contempt_the_tables_say_nothing(judge: Judge) -> None:
    found = judge("contempt", au_12=0.99, au_04=0.99)
    assert (found.known, found.expected, found.remarks) == (False, (), [])


def explained(path: Path, astronaut: Path):
    return units(Analyzer(path, threads=1), astronaut, "astronaut.png")


def test_text_names_every_unit_and_what_contradicts(astronaut: Path, tmp_path: Path) -> None:
    model = write_affect_model(tmp_path / "model", 0.5, {"au_06": 0.9, "au_12": 0.25, "au_25": 0.55})
    lines = explained(model.path, astronaut).text().splitlines()
    assert lines[0] == "face 0: happiness 0.95"
    assert "  AU 12 lip corner puller     0.25 < 0.50  █████                 expected" in lines
    assert "  AU 25 lips part             0.55 ≥ 0.50  ███████████           expected" in lines
    assert len(lines) == 1 + 12 + 2
    assert lines[-2] == "  happiness is carried by AU 6 (cheek raiser), AU 25 (lips part)"
    assert lines[-1] == "  ! happiness without AU 12 (lip corner puller)"


def test_the_model_s_own_thresholds_decide(astronaut: Path, tmp_path: Path) -> None:
    model = write_affect_model(tmp_path / "model", 0.5, {"au_06": 0.9, "au_12": 0.25, "au_25": 0.55})
    least = dict.fromkeys(MEASURED_UNITS.labels, 0.5) | {"au_12": 0.2, "au_25": 0.6, "au_01": 0.1}
    modelfile.set_thresholds(model, "units", least)
    sheet = explained(model.path, astronaut)
    lines, (face,) = sheet.text().splitlines(), sheet.values()
    assert "  AU 12 lip corner puller     0.25 ≥ 0.20  █████                 expected" in lines
    assert lines[-1] == "  ! happiness without AU 25 (lips part), which one of the two tables expects"
    assert (face["carrying"], face["absent"]) == (["au_06", "au_12"], ["au_25"])
    assert face["visible"] == ["au_01", "au_06", "au_12"]
    assert face["visible_from"] == least


def test_the_mark_of_a_bar_stands_at_its_threshold(astronaut: Path, tmp_path: Path) -> None:
    model = write_affect_model(tmp_path / "model", 0.5, dict.fromkeys(MEASURED_UNITS.labels, 0.95))
    modelfile.set_thresholds(model, "units", dict.fromkeys(MEASURED_UNITS.labels, 0.5) | {"au_01": 0.2})
    pixels = np.asarray(explained(model.path, astronaut).sheet().convert("L"))
    start = 192 + 48 + 240
    for row, least in ((0, 0.2), (1, 0.5)):
        bar = pixels[16 + 34 + 24 * row + 12, start + 6 : start + 280].astype(int)
        assert int(bar.argmax()) + 6 == pytest.approx(300 * least, abs=1)


def test_values_are_plain_and_rounded(astronaut: Path, tmp_path: Path) -> None:
    model = write_affect_model(tmp_path / "model", 0.5, {"au_06": 0.9, "au_12": 0.25, "au_25": 0.55})
    (face,) = explained(model.path, astronaut).values()
    assert (face["expression"], face["absent"], face["carrying"]) == ("happiness", ["au_12"], ["au_06", "au_25"])
    assert face["units"]["au_12"] == 0.25
    assert set(face["box"]) == {"left", "top", "width", "height"}


def test_expected_bars_have_another_colour(astronaut: Path, tmp_path: Path) -> None:
    shares = {"au_12": 0.9, "au_06": 0.9, "au_25": 0.9, "au_04": 0.6}
    sheet = np.asarray(explained(write_affect_model(tmp_path / "model", 0.5, shares).path, astronaut).sheet())
    middles = [16 + 34 + 24 * row + 12 for row in range(12)]
    at = 192 + 48 + 240 + 30  # a tenth of the bars' length
    teal, grey = (15, 143, 131), (168, 175, 186)
    colours = [tuple(sheet[y, at].tolist()) for y in middles]
    assert [row for row, colour in enumerate(colours) if colour == teal] == [4, 6, 10]  # AU 6, 12, 25
    assert colours[2] == grey


def test_a_model_that_answers_two_units_has_two_bars(astronaut: Path, tmp_path: Path) -> None:
    two = Further("units", "sigmoid", ("au_12", "au_04"), [3.0, 3.0])
    model = write_model(tmp_path / "model", [0.0] * 3 + [4.0] + [0.0] * 4, further=[two])
    found = explained(model.path, astronaut)
    assert list(found.evidence[0].probabilities) == ["au_04", "au_12"]
    assert "  expected, but not measured: AU 6 (cheek raiser), AU 25 (lips part)" in found.text()
    assert found.sheet().height > 192


def test_a_model_without_units_names_those_that_have_them(astronaut: Path, tmp_path: Path, monkeypatch) -> None:
    plain = write_model(tmp_path / "plain", [0.0] * 8)
    monkeypatch.setattr(modelfile, "shipped", lambda: {"plain": plain.path})
    with pytest.raises(ModelError, match="model 'plain' answers no action units; models that do: none of those that"):
        explained(plain.path, astronaut)
    shipped = {"plain": plain.path, "units": write_affect_model(tmp_path / "units").path}
    loaded = {name: modelfile.load(path) for name, path in shipped.items()}
    monkeypatch.setattr(modelfile, "shipped", lambda: shipped)
    monkeypatch.setattr(modelfile, "load", lambda name: loaded.get(str(name), plain))
    with pytest.raises(ModelError, match=r"models that do: units$"):
        explained(plain.path, astronaut)


def test_a_picture_without_a_face_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    model = write_affect_model(tmp_path / "model")
    with pytest.raises(InputError, match="no face found"):
        units(Analyzer(model.path, detector=Middle(), threads=1), tmp_path / "black.png")
