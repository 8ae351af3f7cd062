"""Generated faces beside real ones: figures, claims and pictures, from a set in the real layout."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake import generator, synthetic

from kaoiro.cli.main import main
from kaoiro.core.faces import Faces
from kaoiro.data.datasets.synthetic import Synthetic, read
from kaoiro.evaluation import claims
from kaoiro.evaluation.multitask import Answers, Sums, summed
from kaoiro.families.multitask_affect.generation import SMALL, GenerationRecipe
from kaoiro.inference.portraits import Portraits
from kaoiro.training import generated, generation
from kaoiro.training.generated import (
    BOTH,
    COMPARED,
    GENERATED,
    HALF,
    NUISANCES,
    PAIRS,
    REAL,
    by_nuisance,
    learned_from,
    nuisances,
)
from kaoiro.training.generation import Part, load

RECIPE = GenerationRecipe(run=replace(SMALL, steps=4))
TITLE = generated._TITLE


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("set")
    synthetic.write(folder)
    return str(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Portraits:
    return Portraits(generator.write(tmp_path_factory.mktemp("generator"))[1], threads=1)


@pytest.fixture(scope="module")
def part(root: str) -> Part:
    return load(replace(RECIPE.data, root=root), 48)


def test_real_and_generated_faces_are_learned_from_with_equal_steps(
    made: Portraits, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int, bool]] = []
    fit = generated.Adversarial.fit

    def noted(self: generated.Adversarial, faces: Faces, *rest: object, **named: object) -> generated.Adversarial:
        seen.append((len(faces), self.config.steps, self.config.adversarial))
        return fit(self, faces, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(generated.Adversarial, "fit", noted)
    told: list[str] = []
    found = learned_from(made, part, RECIPE, 1, 3, told.append)
    count = len(part.training)
    assert seen == [(count, 3, False), (count, 2, False), (count, 3, False), (2 * count, 3, False)]
    assert list(found) == [REAL, HALF, GENERATED, BOTH]
    assert all(0 <= float(runs[0].figure("TA_pool")) <= 1 for runs in found.values())
    assert told[2].startswith("learned from generated faces, seed 0: P ")


def test_action_units_are_learned_and_tested_as_shown_or_not(
    made: Portraits, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(self: generated.Adversarial, faces: Faces, **_: object) -> generated.Adversarial:
        assert set(np.unique(faces.targets["units"])) <= {0.0, 1.0}
        return self

    shown = np.where(part.unseen.targets["units"] >= 0.2, 0.7, 0.3)  # right of all units, by probabilities

    def answer(self: generated.Adversarial, pixels: np.ndarray) -> dict[str, np.ndarray]:
        return {**part.unseen.targets, "units": shown}

    monkeypatch.setattr(generated.Adversarial, "fit", fit)
    monkeypatch.setattr(generated.Adversarial, "answer", answer)
    found = learned_from(made, part, RECIPE, 1, 3, lambda _: None)
    assert float(found[REAL][0].figure("TA_exact")) == 1


def sums(right: float) -> Sums:
    """Return answers on ten faces of each of three people, a share of whose expressions is right."""
    truth, said = np.zeros(30, int), (np.arange(30) % 10 >= 10 * right).astype(int)
    affect = np.linspace(-1, 1, 60).reshape(30, 2)
    units = np.tile(np.arange(30)[:, None] % 2 == 0, (1, 8))
    people = np.repeat(["a", "b", "c"], 10)
    return summed(Answers(affect, truth, units), Answers(affect * right, said, units), people)


def test_differences_are_to_the_network_that_learned_from_real_faces() -> None:
    table = generated.differences({REAL: [sums(0.9)], HALF: [sums(0.8)], GENERATED: [sums(0.5)], BOTH: [sums(0.9)]})
    assert list(table) == [f"{measure}: {kind} - {other}" for kind, other in PAIRS for measure in COMPARED]
    row = table["accuracy: generated faces - real faces"]
    assert row["found"] == pytest.approx(-0.4)
    assert row["interval"] == pytest.approx([-0.4, -0.4])  # all people alike
    assert table["CCC valence: generated faces - real faces"]["found"] < -0.1
    assert table["accuracy: both - real faces"]["found"] == 0
    assert table[f"accuracy: both - {HALF}"]["found"] == pytest.approx(0.1)


@pytest.fixture(scope="module")
def data(root: str) -> Synthetic:
    return read(root)


def test_unseen_faces_are_counted_by_how_much_of_a_nuisance_they_have(
    made: Portraits, part: Part, data: Synthetic
) -> None:
    rows = nuisances(generated.draw(made, part, data, 0), data)
    assert len(rows) == 3 * len(NUISANCES)
    for name in NUISANCES:
        little, some, much = (rows[f"{name}, {third}"] for third in ("little", "some", "much"))
        assert little["to"] <= some["from"] <= some["to"] <= much["from"]
        assert little["faces"] + some["faces"] + much["faces"] == len(part.unseen)


def test_a_generator_that_draws_the_unseen_faces_themselves_has_them_all(
    made: Portraits, part: Part, data: Synthetic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Portraits, "draw", lambda *_: part.unseen.pixels)
    drawn = generated.draw(made, part, data, 0)
    assert {row["among generated faces"] for row in nuisances(drawn, data).values()} == {1.0}
    read = generated.readings(drawn.faces, part, data)
    assert all(np.array_equal(one.unseen, one.generated) for one in read.values())
    told = {row["generated / unseen"] for row in generated.spread(read).values()}
    assert told == {None}  # coloured squares tell nothing of lights and turned heads
    assert by_nuisance(read, drawn, part).size == (8 * 96, len(NUISANCES) * (2 * 96 + TITLE))


def lit(data: Synthetic, rows: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Return faces as bright as their light is contrasted."""
    amount = data.table["light_contrast"].to_numpy()[rows] * share
    return np.broadcast_to((128 + 100 * amount)[:, None, None], (len(rows), 48, 48)).astype(np.uint8)


def test_how_much_lights_vary_is_read_from_pixels_and_shown_in_order(data: Synthetic) -> None:
    learned, unseen = data.select("train", "training"), generation.unseen_rows(data)
    half = lit(data, unseen, 0.5)
    part = Part(Faces(lit(data, learned), {}), Faces(lit(data, unseen), {}), "")
    read = generated.readings(half, part, data)
    row = generated.spread(read)["contrast of the light"]
    assert row["correlation with the truth"] > 0.99
    assert row["sd of unseen faces"] == pytest.approx(data.table["light_contrast"].iloc[unseen].std(ddof=0), rel=0.05)
    assert row["generated / unseen"] == pytest.approx(0.5, abs=0.02)
    none = np.zeros((len(half), 2))
    kept = {"contrast of the light": read["contrast of the light"]}
    rows = np.asarray(by_nuisance(kept, generated.Drawn(half, none, none, none), part))[TITLE:]
    for line in (rows[48], rows[96 + 48]):
        assert (np.diff(line[::96].astype(int)) >= 0).all() and line[0] < line[-1]


def test_the_command_writes_its_section_and_pictures(
    made: Portraits, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generated, "GENERATORS", {"generator": RECIPE})
    monkeypatch.setattr(generated, "DRAWS", 50)
    pages, arguments = tmp_path / "pages", ["evaluate", "generator", "--root", root, "--seeds", "1", "--steps", "2"]
    arguments += ["--generator", str(made.folder), "--judge", str(tmp_path / "judge"), "--results", str(pages)]
    assert main(arguments) == 0
    assert {"generated-faces.jpg", "generated-nuisances.jpg", "system-d.json", "system-d.md"} == {
        path.name for path in pages.iterdir()
    }
    figures = json.loads((pages / "system-d.json").read_text(encoding="utf-8"))["faces"]
    assert set(figures["claims"]) == {one.row for one in claims.load()[0] if one.table == "faces/claims"}
    assert figures["sha256"] == made.digest and figures["pictures"]["condition_real_valence"] is not None
    assert figures["to learn from"]["both"]["seeds"] == 1
    assert "(generated-faces.jpg)" in (pages / "system-d.md").read_text(encoding="utf-8")
    assert figures["faces to learn from"] == 18 and len(figures["differences"]) == 3 * len(COMPARED)
    assert 0 <= figures["pictures"]["recall_of_other_people"]["value"] <= 1
    assert "learned from both, seed 0" in capsys.readouterr().err
    assert (tmp_path / "judge" / "control" / "last.pt").is_file()


@pytest.mark.parametrize(("change", "message"), [({"--root": "nowhere"}, "nowhere"), ({"--generator": "no"}, "'no'")])
def test_what_cannot_be_read_is_one_line(
    made: Portraits, root: str, change: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"--root": root, "--generator": str(made.folder), **change}
    assert main(["evaluate", "generator", *(part for pair in given.items() for part in pair)]) == 2
    said = capsys.readouterr().err
    assert message in said and len(said.splitlines()) == 1


def test_results_that_cannot_be_added_to_are_refused_before_anything_is_learned(
    made: Portraits, root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "system-d.json").write_text("[")
    call = ["evaluate", "generator", "--root", root, "--generator", str(made.folder), "--results", str(tmp_path)]
    assert main([*call, "--judge", str(tmp_path / "judge")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "system-d.json is damaged" in line
    assert not (tmp_path / "judge").exists()


def test_unseen_people_are_none_of_those_learned_from(root: str, part: Part) -> None:
    assert part.training.subjects is not None and part.unseen.subjects is not None
    data = generation.synthetic.read(root)
    assert set(data.table.iloc[generation.unseen_rows(data)]["subject"]) == set(part.unseen.subjects)
    assert not set(part.unseen.subjects) & set(part.training.subjects)
