"""London and rendered skin tones, with a detector that takes the middle and models that go by brightness."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake import london as fake
from fake.ict_face import write_assets
from graphs import Further, write_model
from jobs import Middle
from PIL import Image

from kaoiro.cli.main import main
from kaoiro.core import modelfile
from kaoiro.core.errors import DataError
from kaoiro.core.labels import FER2013, FERPLUS, MEASURED_UNITS, UNITS_HEAD
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import london
from kaoiro.evaluation.groups import card, portraits, tones
from kaoiro.evaluation.groups.comparing import DIFFERS, DOING
from kaoiro.evaluation.groups.tones import LIT, TONES, Rendered
from kaoiro.inference.analyzer import Analyzer
from kaoiro.synthesis.light import Lamp, Light
from kaoiro.synthesis.world import FaceWorld

SUBJECTS = [f"{number:03d}" for number in range(40)]
UNMEASURED = "Learned in 2013; differences between ages, skin tones and cultures are not measured."


@pytest.fixture
def model(tmp_path: Path) -> ModelFolder:
    """Bright crops are happy, others neutral; lips are apart where a crop is brighter still."""
    bias, slope = np.full(8, -20.0), np.zeros(8)
    happy, neutral = (FERPLUS.index(name) for name in ("happiness", "neutral"))
    bias[neutral], bias[happy], slope[happy] = 0.0, -20.0, 40.0
    units = [float(unit == "au_25") for unit in MEASURED_UNITS.labels]
    further = Further(
        UNITS_HEAD, "sigmoid", MEASURED_UNITS.labels, [-35 * one for one in units], [50 * one for one in units]
    )
    return write_model(tmp_path / "model", bias.tolist(), slope.tolist(), further=[further])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Everybody at rest is dark, women smile brightly, half of the men do not; half of bright ones part the lips."""
    folder = tmp_path / "london"
    shades = {
        subject: (200 if number // 2 % 2 else 150) if number % 2 == 0 or number // 2 % 2 else 90
        for number, subject in enumerate(SUBJECTS)
    }
    own = {fake.name(subject, "smiling"): fake.flat(shade) for subject, shade in shades.items()}
    fake.write(folder, SUBJECTS, own=own)
    rows = [fake.HEADER]
    for kind in fake.FOLDERS:
        for number, subject in enumerate(SUBJECTS):
            about = ("male" if number % 2 else "female", "NA" if number == 39 else 20 + number // 2)
            file = fake.name(subject, kind)
            rows.append(f"{file},{subject},{kind},{about[1]},{about[0]},{'white' if number < 35 else 'black'}")
    fake.write_table(folder, *rows)
    return folder


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assets")
    write_assets(folder)
    return folder


def test_what_people_of_london_said_of_themselves_is_read(root: Path, tmp_path: Path) -> None:
    about = london.about(root)
    assert about["001"] == {"age": "20", "gender": "male", "ethnicity": "white"}
    assert (about["039"]["age"], len(about)) == ("NA", 40)
    fake.write_table(root, "file,subject,expression", "neutral/001_03.jpg,001,neutral")
    assert london.about(root)["001"] == {"age": "", "gender": "", "ethnicity": ""}


def test_portraits_are_compared_by_gender_age_and_ethnicity(model: ModelFolder, root: Path) -> None:
    found = portraits.audited(model, root, draws=300, detector=Middle())
    audit = found.audit
    assert {name: list(groups) for name, groups in audit.about.items()} == {
        "gender": ["female", "male"],
        "age": ["below 25", "25 to below 35", "35 and above"],
        "ethnicity": ["black", "white"],
    }
    assert audit.unknown["age"] == {"people": 1, "pictures": 2}
    (recall,) = [
        one for one in audit.of("gender", DOING) if (one.group, one.measure) == ("female", "recall of happiness")
    ]
    assert (recall.value, recall.rest, recall.verdict) == (1, 0.5, DIFFERS)
    assert found.lips is not None
    assert found.lips["groups"]["female"]["recall, lips together"] == 1
    assert found.lips["groups"]["male"]["recall, lips together"] == 0


def test_portraits_without_faces_are_refused(model: ModelFolder, root: Path) -> None:
    class Blind(Middle):
        def detect(self, image: np.ndarray) -> list[Any]:
            return []

    with pytest.raises(DataError, match="no face was found in any of 80 portraits"):
        portraits.audited(model, root, draws=300, detector=Blind())


def test_skin_alone_changes_between_tones(assets: Path) -> None:
    world = FaceWorld(assets)
    drawn = list(tones.pictures(world, 1))
    assert len(drawn) == len(TONES) * 7 * len(LIT)
    person = world.person("tone-00")
    assert replace(tones.toned(person, 30.0).looks, lightness=person.looks.lightness) == person.looks
    happy = {(one.lit, one.tone): one.pixels.astype(float) for one in drawn if one.label == "happiness"}
    corner = {key: pixels[:8, :8].tolist() for key, pixels in happy.items()}
    assert all(one == corner[LIT[0], 0] for one in corner.values())  # the background is the same
    middle = {key: pixels[80:112, 80:112].mean() for key, pixels in happy.items()}
    dark, light = (middle[LIT[0], tone] for tone in (0, len(TONES) - 1))
    assert dark < 0.6 * light
    assert np.ptp([middle[LIT[1], tone] for tone in range(len(TONES))]) < 0.3 * (light - dark)


def test_a_light_is_brightened_as_a_whole_and_luminance_is_that_of_cielab() -> None:
    found = tones.brighter(Light((0.1, 0.2, 0.3), (Lamp(10, 20, (0.5, 0.5, 0.5)),)), 2)
    assert found == Light((0.2, 0.4, 0.6), (Lamp(10, 20, (1.0, 1.0, 1.0)),))
    assert (tones.luminance(100), tones.luminance(50)) == (pytest.approx(1), pytest.approx(0.18419, abs=1e-4))


@pytest.fixture
def evaluate(
    monkeypatch: pytest.MonkeyPatch, model: ModelFolder, root: Path, assets: Path, tmp_path: Path
) -> Callable[..., int]:
    """Return a function that runs the command."""
    monkeypatch.chdir(tmp_path)
    for module in (portraits, tones):
        monkeypatch.setattr(module, "Analyzer", _analyzer)
    monkeypatch.setattr(tones, "pictures", flat_pictures)
    known = ["evaluate", "groups", "--model", model.path, "--london", root, "--face", assets, "--people", 10]
    return lambda *more: main([str(part) for part in [*known, "--draws", 300, *more]])


def flat_pictures(world: FaceWorld, people: int, seed: int) -> Iterator[Rendered]:
    """Yield flat pictures as bright as their skin."""
    for person, place, label, lit in itertools.product(range(people), range(len(TONES)), FER2013.labels, LIT):
        shade = 42 + 2 * TONES[place] + 5 * (person % 3) if lit == LIT[0] else 160
        yield Rendered(f"p{person}", place, label, lit, np.full((64, 64, 3), shade, np.uint8))


def _analyzer(folder: Path, **options: Any) -> Analyzer:
    return Analyzer(folder, **{**options, "detector": Middle()})


def test_the_command_writes_page_figures_pictures_and_card(
    evaluate: Callable[..., int],
    model: ModelFolder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = modelfile.read_description(model.path).card
    modelfile.set_limits(model, (*text.limits, UNMEASURED))
    opened = modelfile.load(model.path)
    once = card.write
    monkeypatch.setattr(card, "write", lambda *found: [once(*found) for _ in range(2)])  # the card says it once
    assert evaluate("--card", "--results", tmp_path / "out") == 0
    assert "By group: London set, 80 portraits" in capsys.readouterr().out
    page = (tmp_path / "out" / "groups.md").read_text(encoding="utf-8")
    assert "**This is no certificate.** 40 adults" in page and "10 rendered people" in page
    assert "### Is it how people smile?" in page
    assert "{" not in page
    stored = json.loads((tmp_path / "out" / "groups.json").read_text(encoding="utf-8"))
    assert (stored["draws"], stored["seed"], stored["london"]["people"]) == (300, 0, 40)
    assert "(groups-london.png)" in page
    with Image.open(tmp_path / "out" / "groups-london.png") as image:
        assert image.format == "PNG" and image.width > 600
    after = modelfile.load(opened.path).description.card
    assert after.limits[-2] == "Learned in 2013."
    (said,) = [limit for limit in after.limits if limit.startswith(card.BEGINS)]
    assert "80 portraits of 40 adults" in said and "nothing here shows that groups are treated alike" in said
    assert after.numbers["london_error_gender_male"] == 0.25
    assert after.numbers["london_error_gender_female"] == 0
    assert "london_error_ethnicity_black" not in after.numbers  # five people
    dark, light = (after.numbers[f"rendered_error_skin_l_{tone}"] for tone in (30, 76))
    assert (dark, light) == (pytest.approx(6 / 7, abs=1e-4), pytest.approx(6 / 7, abs=1e-4))
    assert after.numbers["rendered_exposed_error_skin_l_30"] == dark


def test_the_command_names_what_is_missing(evaluate: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--london", "nowhere") == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit):
        evaluate("--people", 9)
    assert "must be 10 or more" in capsys.readouterr().err
    assert evaluate("--face", "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err
