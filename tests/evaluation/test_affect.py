"""Valence, arousal and action units on faces that nobody coded: from fake files to the page of system D."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake import fer2013, london
from fake.diffusion import write as write_generated
from fake.synthetic import Rows
from fake.synthetic import write as write_rendered
from graphs import write_bright_model, write_model
from jobs import Middle
from PIL import Image

from kaoiro.cli.main import main
from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import AFFECT, AFFECT_CENTRES, FERPLUS, MEASURED_UNITS
from kaoiro.core.modelfile import ModelFolder, load
from kaoiro.core.types import LANDMARKS
from kaoiro.data.splits import part_of
from kaoiro.evaluation import affect, answers, crops, photographs
from kaoiro.evaluation import fer2013 as accuracy
from kaoiro.evaluation.photographs import ALL, OTHERS, Photographs
from kaoiro.inference.classifier import Classifier
from kaoiro.metrics import resampling

LIPS = "AU 12 (lip corner puller)"
SUBJECTS = [f"{number:03d}" for number in range(1, 9)]


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "DRAWS", 200)
    monkeypatch.setattr(crops, "CenterFace", Middle)


def facing(rows: Rows) -> None:
    """Put the five points where a face has them; AU 12 rises in steps of 0.04."""
    points = [(10.0, 13.0), (22.0, 13.0), (16.0, 19.0), (11.0, 24.0), (21.0, 24.0)]
    for number, row in enumerate(rows):
        row["au_12"] = 0.04 * (number % 12)
        for name, (x, y) in zip(LANDMARKS, points, strict=True):
            row[f"{name}_x"], row[f"{name}_y"] = x, y


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("affect")
    fer2013.write(folder / "fer", {"Training": 32, "PublicTest": 64}, duplicates=8)
    write_generated(folder / "generated", each=8)
    write_rendered(folder / "rendered", facing)
    london.write(folder / "london", SUBJECTS)
    return {name: str(folder / name) for name in ("fer", "generated", "rendered", "london")}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_bright_model(tmp_path_factory.mktemp("model") / "bright")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Write a model that takes everything for neutral."""
    bias = [5.0 if label == "neutral" else 0.0 for label in FERPLUS.labels]
    return write_model(tmp_path_factory.mktemp("other") / "calm", bias)


@pytest.fixture
def figures(model: ModelFolder, other: ModelFolder, roots: dict[str, str]) -> dict[str, Any]:
    sets = roots["london"], roots["generated"], roots["rendered"]
    return affect.evaluate(model, other, roots["fer"], *sets, together=other, threads=1)


def test_every_set_gives_its_evidence(figures: dict[str, Any], model: ModelFolder) -> None:
    assert figures["FER2013 PublicTest: what"][""] == {
        "part": "PublicTest",
        "photographs": 64,
        OTHERS: 56,
    }
    assert set(figures["DiffusionFER: valence and arousal"]) == set(AFFECT.labels)
    assert figures["London: smiling against neutral"][LIPS]["AUC"] == 1
    assert figures["rendered: what"][""]["people"] == 2
    compared = figures["FER2013 PublicTest: expressions"]
    assert list(compared) == [ALL, OTHERS]
    assert (compared[ALL]["n"], compared[OTHERS]["n"]) == (64, 56)
    assert set(figures["FER2013 PublicTest: valence and arousal by expression"]) <= set(FERPLUS.labels)
    assert figures["claims"][affect.CLAIM]["found"] == 0
    wishes = figures["wishes"]
    assert wishes["London: AUC of valence"]["verdict"] == "reached"
    assert f"points of accuracy lost by {affect.TOGETHER}, which does not ship" in wishes
    assert len(json.dumps(figures)) > 1000, "plain values"


def test_frames_of_every_intensity_count_and_a_unit_is_there_from_two_tenths_on(
    figures: dict[str, Any], roots: dict[str, str], model: ModelFolder
) -> None:
    row = figures["rendered: units"][LIPS]
    assert row["n"] == figures["rendered: what"][""]["faces"] == 24
    # of every twelve frames 0, 0.04, … 0.16 are not there, 0.2 to 0.44 are
    assert row["share present"] == pytest.approx(7 / 12)
    assert row["threshold"] == model.specification.head("units").present_from["au_12"]
    faces = Faces(np.zeros((3, 8, 8)), {"units": np.array([[0], [0.5], [1]]) * np.ones(12), crops.INTENSITY: np.eye(3)})
    assert crops.clear(faces)["au_01"].tolist() == [True, False, True]


def test_a_wish_is_judged_by_its_whole_interval_and_says_what_the_figure_misses() -> None:
    cases: list[tuple[float, list[float], float, int, str]] = [
        (0.99, [0.985, 1.0], 0.98, 1, "reached"),
        (0.99, [0.97, 1.0], 0.98, 1, "undecided"),
        (0.94, [0.90, 0.983], 0.98, 1, "not reached (undecided by the interval)"),
        (0.9, [0.85, 0.95], 0.98, 1, "missed"),
        (0.2, [-0.5, 0.9], 1, -1, "reached"),
        (2.0, [1.2, 2.8], 1, -1, "missed"),
        (1.6, [0.7, 2.6], 1, -1, "not reached (undecided by the interval)"),
        (0.9, [0.2, 1.8], 1, -1, "undecided"),
    ]
    for found, interval, limit, sign, verdict in cases:
        assert affect.wish(found, interval, limit, sign)["verdict"] == verdict
    assert affect.wish(0.99, None, 0.98)["verdict"] == "reached", "without an interval the figure decides"


def test_no_loss_by_construction_is_called_so(model: ModelFolder, roots: dict[str, str]) -> None:
    found = affect.evaluate(model, model, roots["fer"], threads=1)
    row = found["wishes"]["FER2013 PublicTest: points of accuracy lost"]
    assert (row["found"], row["verdict"]) == (0, "reached by construction: the same answers")
    assert found["expressions"] == "to the last bit those of 'bright': its graph is part of the model's"
    assert found["claims"] == {affect.CLAIM: affect.NOT_MEASURED}


def test_a_joined_model_has_the_expressions_of_its_first_part(model: ModelFolder, other: ModelFolder) -> None:
    assert not affect.same_expressions(model, other)
    parts = {"parts": [{"name": "calm", "graph_sha256": other.digest}]}
    provenance = model.description.provenance.model_copy(update={"settings": parts})
    joined = replace(model, description=model.description.model_copy(update={"provenance": provenance}))
    assert affect.same_expressions(joined, other)


STORED: Mapping[str, Any] = {
    "measured": "2026-01-02",
    "commit": "abc",
    "claims": {affect.CLAIM: {"found": -0.016, "interval": [-0.03, -0.01], "wished": "at least 0", "verdict": "no"}},
    f"{affect.TOGETHER}: expressions": {
        "": {"loss in points": 1.6, "interval of the loss": [0.7, 2.6], "right alone": [92, 144]}
    },
}


def test_what_was_stored_of_one_trunk_is_kept_with_its_day(model: ModelFolder, roots: dict[str, str]) -> None:
    found = affect.evaluate(model, model, roots["fer"], earlier=STORED, threads=1)
    assert found["claims"] == STORED["claims"]
    row = found[f"{affect.TOGETHER}: expressions"][ALL]
    assert row["measured"] == "measured earlier: 2026-01-02, commit abc"
    assert row["model"] == "one trunk, not shipped", "whatever its folder was called"
    assert (row["loss in points"], row["p (McNemar)"]) == (1.6, pytest.approx(0.000863, abs=1e-6))
    wished = found["wishes"][f"points of accuracy lost by {affect.TOGETHER}, which does not ship"]
    assert wished["verdict"] == "not reached (undecided by the interval)"
    again = affect.evaluate(
        model, model, roots["fer"], earlier={**found, "measured": "later", "commit": "c"}, threads=1
    )
    assert again[f"{affect.TOGETHER}: expressions"] == found[f"{affect.TOGETHER}: expressions"]


def test_losses_are_counted_face_by_face_with_and_without_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    names = np.array([FERPLUS.labels[k] for k in (0, 1, 2, 3)])
    told = {"ours": np.eye(8)[[0, 1, 0, 0]], "theirs": np.eye(8)[[0, 1, 2, 0]]}
    monkeypatch.setattr(photographs, "predict", lambda name, *_, **__: (told[name], ""))
    seen = np.array([True, False, False, False])
    given = Photographs("PublicTest", np.empty((4, 48, 48)), names, np.arange(4), seen)
    ours, theirs = (type("Named", (str,), {"name": name})(name) for name in told)
    found: Any = photographs.compare(ours, theirs, given)  # pyright: ignore
    assert (found[ALL]["loss in points"], found[ALL]["right alone"], found[ALL]["p (McNemar)"]) == (25, [0, 1], 1)
    assert found[OTHERS]["loss in points"] == pytest.approx(100 / 3)
    assert found[ALL]["interval of the loss"][0] == 0
    without = photographs.compare(ours, theirs, replace(given, seen=None))  # pyright: ignore
    assert list(without) == [ALL]


def shown(*labels: str, seen: Any = None) -> Photographs:
    return Photographs("PublicTest", np.zeros((len(labels), 48, 48)), np.array(labels), np.arange(len(labels)), seen)


def test_evidence_compares_with_faces_for_which_no_table_names_the_unit() -> None:
    seen = np.array([False, True, False, False, False, False])
    given = shown("happiness", "happiness", "neutral", "anger", "sadness", "contempt", seen=seen)
    score = np.array([0.9, 0.5, 0.6, 0.1, 1.0, 1.0])  # sadness sometimes has AU 6, and of contempt nothing is known
    row = photographs.evidence({"au_06": score}, given)["AU 6 (cheek raiser) on happiness"]
    assert (row["tables"], row["n"], row["against"]) == ("facs", 2, 2)
    assert row["AUC"] == pytest.approx(3 / 4)
    assert row["AUC without copies"] == 1
    assert photographs.evidence({"au_06": score[2:]}, shown("neutral", "anger", "sadness", "contempt")) == {}


def test_means_in_the_order_of_their_places_correlate_as_far_as_equal_places_allow() -> None:
    labels = [label for label in AFFECT_CENTRES for _ in range(20)]
    places = np.array([AFFECT_CENTRES[label] for label in labels])
    noise = np.random.default_rng(0).normal(0, 0.02, places.shape)
    given = shown(*labels, seen=np.arange(len(labels)) % 2 == 0)
    table = photographs.order(places + noise, given)
    for name in AFFECT.labels:
        row = table[name]
        assert row["expressions"] == 7
        assert row[f"rank correlation, {ALL}"] > 0.9
        assert row[f"rank correlation, {ALL}"] <= row["at most"] + 1e-9 <= 1 + 1e-9
        assert row["interval"][0] > 0.85
        assert row[f"rank correlation, {OTHERS}"] > 0.9
    assert table["valence"]["at most"] < 1, "anger and fear have one place, disgust and sadness another"
    turned = photographs.order(-places, given)
    assert turned["arousal"][f"rank correlation, {ALL}"] < -0.9


def test_too_few_expressions_have_no_order() -> None:
    table = photographs.order(np.zeros((2, 2)), shown("happiness", "neutral"))
    assert (table["valence"][f"rank correlation, {ALL}"], table["valence"]["interval"]) == (None, None)


def test_choices_are_made_on_generated_faces_that_nothing_learned_from(roots: dict[str, str]) -> None:
    subjects = np.array([f"person{number}" for number in range(60)])
    pixels = np.arange(60)[:, None, None] * np.ones((60, 2, 2))
    faces = Faces(pixels, {}, {}, subjects=subjects)
    parts = {part: crops.generated_part(faces, part) for part in ("learned", "development", "report")}
    names = {part: set(one.subjects.tolist()) for part, one in parts.items()}  # pyright: ignore
    assert sum(map(len, names.values())) == 60 == len(set.union(*names.values()))
    assert {part_of(name) for name in names["learned"] | names["development"]} == {"development"}
    assert len(names["development"]) == -(-(60 - len(names["report"])) // 5)


def test_generated_faces_of_the_development_part_are_the_fifth_kept_back(
    model: ModelFolder, roots: dict[str, str]
) -> None:
    everyone = crops.generated(roots["generated"], 8)
    for part in ("development", "report"):
        found = affect.of_generated(model, roots["generated"], part, threads=1)
        assert found["faces"] == len(crops.generated_part(everyone, part)) > 0


def test_threads_reach_every_network(
    model: ModelFolder, other: ModelFolder, roots: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[int | None] = []

    class Counting(Classifier):
        def __init__(self, model: ModelFolder, threads: int | None = None) -> None:
            asked.append(threads)
            super().__init__(model, threads)

    monkeypatch.setattr(answers, "Classifier", Counting)
    monkeypatch.setattr(accuracy, "Classifier", Counting)
    sets = [f"--{name}={roots[name]}" for name in ("london", "generated", "rendered")]
    given = ["--root", roots["fer"], "--model", str(model.path), "--against", str(other.path), "--threads", "1"]
    assert main(["evaluate", "affect", *given, *sets]) == 0
    assert asked == [1] * 6, "units, two of expressions, and one for each set"


def test_the_command_writes_page_card_and_gallery_and_keeps_what_it_cannot_measure(
    roots: dict[str, str], tmp_path: Path, other: ModelFolder
) -> None:
    own, sheet = write_bright_model(tmp_path / "bright"), tmp_path / "failures.jpg"
    sets = [f"--{name}={roots[name]}" for name in ("london", "generated", "rendered")]
    given = ["--root", roots["fer"], "--model", str(own.path), "--against", str(other.path), "--threads", "1", *sets]
    first = [*given, "--together", str(other.path), "--results", str(tmp_path)]
    assert main(["evaluate", "affect", *first]) == 0
    before = json.loads((tmp_path / "system-d.json").read_text(encoding="utf-8"))["real"]
    assert main(["evaluate", "affect", *given, "--results", str(tmp_path), "--card", "--gallery", str(sheet)]) == 0
    after = json.loads((tmp_path / "system-d.json").read_text(encoding="utf-8"))["real"]
    assert after["claims"] == before["claims"]
    assert "measured earlier" in after[f"{affect.TOGETHER}: expressions"][ALL]["measured"]
    page = (tmp_path / "system-d.md").read_text(encoding="utf-8")
    assert "DiffusionFER: CCC of valence" in page and "order on the circumplex" in page
    with Image.open(sheet) as picture:
        assert picture.width == 1120
    numbers = load(own.path).description.card.numbers
    assert numbers["london_au_12_auc"] == numbers["london_valence_auc"] == 1
    assert {"diffusionfer_valence_ccc", "rendered_arousal_within_1_sd", "rendered_au_12_ece"} <= numbers.keys()
    assert numbers["rendered_units_f1"] == pytest.approx(after["rendered: units"]["mean"]["F1"], abs=1e-4)
    assert "rendered_units_auc" in numbers
    assert {f"rendered_{unit}_ece" for unit in MEASURED_UNITS.labels} & numbers.keys()


def test_a_damaged_page_is_refused_before_anything_is_measured(
    roots: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(affect, "evaluate", lambda *_, **__: pytest.fail("hours later"))
    (tmp_path / "system-d.json").write_text("[1]")
    assert main(["evaluate", "affect", "--root", roots["fer"], "--results", str(tmp_path)]) == 2
    assert "system-d.json is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--card"], ["--results", "x"]])
def test_what_choices_are_made_on_is_written_nowhere(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "affect", "--root", "x", "--choose", *option]) == 2
    assert "--choose is for choices" in capsys.readouterr().err


def test_a_gallery_of_people_is_not_drawn(model: ModelFolder, roots: dict[str, str], tmp_path: Path) -> None:
    from kaoiro.cli import evaluate

    arguments = type("Given", (), {"generated": None, "rendered": None, "gallery": str(tmp_path / "x.jpg")})
    with pytest.raises(InputError, match="shows generated and rendered faces alone"):
        evaluate._draw_failures(model, arguments, "report")  # pyright: ignore


def test_a_model_without_the_heads_cannot_be_asked(other: ModelFolder, roots: dict[str, str]) -> None:
    with pytest.raises(ModelError, match="model 'calm' has no head 'affect'; it has: expression"):
        affect.evaluate(other, other, roots["fer"])
