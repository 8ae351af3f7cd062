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
from kaoiro.evaluation import claims
from kaoiro.families.multitask_affect.generation import SMALL, GenerationRecipe
from kaoiro.inference.portraits import Portraits
from kaoiro.training import generated, generation
from kaoiro.training.generated import NUISANCES, learned_from, nuisances
from kaoiro.training.generation import Part, load

RECIPE = GenerationRecipe(run=replace(SMALL, steps=4))


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


def test_three_kinds_of_faces_are_learned_from_with_equal_steps(
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
    assert seen == [(count, 3, False), (count, 3, False), (2 * count, 3, False)]
    assert list(found) == ["real faces", "generated faces", "both"]
    assert all(0 <= float(runs[0].figure("TA_pool")) <= 1 for runs in found.values())
    assert told[1].startswith("learned from generated faces, seed 0: P ")


def test_unseen_faces_are_counted_by_how_much_of_a_nuisance_they_have(made: Portraits, part: Part, root: str) -> None:
    rows, picture = nuisances(made, part, root, 0)
    assert len(rows) == 3 * len(NUISANCES)
    for name in NUISANCES:
        little, some, much = (rows[f"{name}, {third}"] for third in ("little", "some", "much"))
        assert little["to"] <= some["from"] <= some["to"] <= much["from"]
        assert little["faces"] + some["faces"] + much["faces"] == len(part.unseen)
    assert picture.size == (8 * 96, 2 * len(NUISANCES) * 96)


def test_a_generator_that_draws_the_unseen_faces_themselves_has_them_all(
    made: Portraits, part: Part, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Portraits, "draw", lambda *_: part.unseen.pixels)
    rows, picture = nuisances(made, part, root, 0)
    assert {row["among generated faces"] for row in rows.values()} == {1.0}
    lines = np.asarray(picture)
    assert np.array_equal(lines[:96], lines[96:192])


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


def test_unseen_people_are_none_of_those_learned_from(root: str, part: Part) -> None:
    assert part.training.subjects is not None and part.unseen.subjects is not None
    data = generation.synthetic.read(root)
    assert set(data.table.iloc[generation.unseen_rows(data)]["subject"]) == set(part.unseen.subjects)
    assert not set(part.unseen.subjects) & set(part.training.subjects)
