from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake import generator
from PIL import Image

from kaoiro.core.condition import CONDITION
from kaoiro.core.errors import InputError, ModelError, OutputError
from kaoiro.families.multitask_affect.adversarial import Adversarial
from kaoiro.inference import portraits as module
from kaoiro.inference.portraits import Portraits, find, in_rows, save, sheet, shipped


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Adversarial, Path]:
    return generator.write(tmp_path_factory.mktemp("generator"))


@pytest.fixture(scope="module")
def portraits(made: tuple[Adversarial, Path]) -> Portraits:
    return Portraits(made[1], threads=1)


def test_the_graph_answers_what_the_network_does(made: tuple[Adversarial, Path], portraits: Portraits) -> None:
    trained, _ = made
    wished = np.concatenate([trained.typical, trained.typical[::-1]])
    faces = portraits.draw(portraits.noise(14, seed=3), wished)
    network = trained.generate(wished, seed=3)
    assert faces.shape == network.shape == (14, 48, 48)
    apart = np.abs(faces.astype(int) - network.astype(int))
    assert apart.max() <= 2  # the graph's weights have half the precision
    assert apart.mean() < 0.1
    assert np.allclose(portraits.typical, trained.typical)


def test_the_same_seed_gives_the_same_people(portraits: Portraits) -> None:
    assert np.array_equal(portraits.noise(4, 1), portraits.noise(9, 1)[:4])
    first, second = (portraits.draw(portraits.noise(3, seed), portraits.condition("fear")) for seed in (1, 2))
    assert np.array_equal(first, portraits.draw(portraits.noise(3, 1), portraits.condition("fear")))
    assert not np.array_equal(first, second)


def test_everybody_shows_every_expression(portraits: Portraits) -> None:
    people = portraits.everybody(3, seed=5)
    assert people.shape == (3, 7, 48, 48)
    one = portraits.draw(portraits.noise(3, 5), portraits.condition("surprise"))
    assert np.array_equal(people[:, 5], one)


def test_many_faces_are_drawn_in_parts(portraits: Portraits) -> None:
    assert portraits.draw(portraits.noise(130), portraits.condition()).shape == (130, 48, 48)
    assert len(portraits.draw(portraits.noise(0), portraits.condition())) == 0


def named(row: np.ndarray) -> dict[str, float]:
    return dict(zip(CONDITION.labels, row.tolist(), strict=True))


def test_what_is_said_counts_and_the_rest_is_usual(portraits: Portraits) -> None:
    row = named(portraits.condition("happy", valence=0.25, units={"au_12": 0.5}))
    assert (row["valence"], row["au_12"], row["happiness"]) == (0.25, 0.5, 1.0)
    usual = named(portraits.typical[3])
    assert (row["arousal"], row["au_06"]) == (usual["arousal"], usual["au_06"])


def test_valence_and_arousal_alone_choose_the_nearest_expression(portraits: Portraits) -> None:
    assert named(portraits.condition(valence=0.8, arousal=0.4))["happiness"] == 1
    assert named(portraits.condition(arousal=-0.4))["sadness"] == 1
    assert named(portraits.condition(units={"au_12": 1.0}))["happiness"] == 1
    assert named(portraits.condition(units={"au_12": 0.0}))["neutral"] == 1


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"valence": 1.5}, r"valence must be between -1 and 1, not 1\.5"),
        ({"arousal": float("nan")}, "arousal must be between -1 and 1, not nan"),
        ({"expression": "boredom"}, "expression must be one of anger, .*, not boredom"),
        ({"units": {"au_12": 2.0}}, r"au_12 must be between 0 and 1, not 2\.0"),
        ({"units": {"au_43": 1.0}}, "action unit must be one of 1, 2, 4, 6, 12, 15, 20, 25, not 43"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(portraits: Portraits, wish: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        portraits.condition(**wish)


def test_a_generator_without_condition(tmp_path: Path) -> None:
    trained, folder = generator.write(tmp_path, conditional=False)
    portraits = Portraits(folder)
    faces = portraits.draw(portraits.noise(4))
    assert np.abs(faces.astype(int) - trained.generate(None, 0, 4).astype(int)).max() <= 2
    assert portraits.named(None) == {}
    with pytest.raises(InputError, match="takes no condition"):
        portraits.condition("anger")


def test_a_missing_generator_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="train one: kaoiro train multitask_affect generator"):
        find(tmp_path)


def test_a_damaged_folder_is_refused(made: tuple[Adversarial, Path], tmp_path: Path) -> None:
    graph, description = (made[1] / name for name in ("generator.onnx", "generator.json"))
    content = json.loads(description.read_text())
    (tmp_path / graph.name).write_bytes(graph.read_bytes() + b"more")
    (tmp_path / description.name).write_text(json.dumps(content))
    with pytest.raises(ModelError, match="missing or damaged"):
        Portraits(tmp_path)
    for change, said in (
        ({"condition": ["valence"]}, "a condition must be valence, arousal, anger"),
        ({"typical": {}}, "typical needs anger"),
        ({"typical": {label: [0.0] for label in content["typical"]}}, "a whole condition for each expression"),
        ({"colour": 1}, "not valid at 'colour'"),
    ):
        (tmp_path / description.name).write_text(json.dumps(content | change))
        with pytest.raises(ModelError, match=said):
            Portraits(tmp_path)
    (tmp_path / description.name).write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        Portraits(tmp_path)


def test_a_sheet_enlarges_small_faces_and_names_columns() -> None:
    faces = np.zeros((2, 3, 48, 48), np.uint8)
    assert sheet(faces).size == (3 * 96, 2 * 96)
    assert sheet(faces, ("a", "b", "c")).size == (3 * 96, 2 * 96 + 14)
    coloured = sheet(np.zeros((1, 2, 128, 128, 3), np.uint8))
    assert (coloured.size, coloured.mode) == ((256, 128), "RGB")


def test_faces_in_rows_leave_white_cells() -> None:
    rows = in_rows(np.zeros((5, 8, 8), np.uint8))
    assert rows.shape == (2, 3, 8, 8)
    assert rows[1, 2].min() == 255
    assert rows[1, 1].max() == 0


def test_pictures_say_that_they_show_nobody(tmp_path: Path) -> None:
    save(Image.new("L", (8, 8)), tmp_path / "new" / "a.png", {"seed": 3})
    with Image.open(tmp_path / "new" / "a.png") as picture:
        notes = picture.text  # pyright: ignore[reportAttributeAccessIssue]
    assert notes["Software"] == "kaoiro generate"
    assert "shows nobody" in notes["Comment"]
    assert json.loads(notes["Description"]) == {"seed": 3}
    with pytest.raises(OutputError, match="cannot write"):
        save(Image.new("L", (8, 8)), tmp_path / "new" / "a.png" / "b.png", {})


def test_the_generator_that_ships_shows_what_it_is_asked_for() -> None:
    shipping = Portraits(threads=1)
    assert list(shipped()) == [shipping.description.name]
    faces = shipping.everybody(8, seed=1).astype(np.float64)
    people, shown = faces.mean(axis=1, keepdims=True), faces.mean(axis=0, keepdims=True)
    assert (faces - shown).std() > 10  # people differ
    assert (faces - people).std() > 2  # and so do a person's expressions
    mouth = shipping.description.side * 2 // 3
    open_, closed = (
        shipping.draw(shipping.noise(8, 1), shipping.condition(label))[:, mouth:].astype(float)
        for label in ("surprise", "neutral")
    )
    assert np.abs(open_ - closed).mean() > 4
    numbers = shipping.description.card.numbers
    assert numbers["condition_valence"] > 0.7 and numbers["copied"] < 0.05


def test_without_one_in_the_package_the_error_says_how_to_train_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "shipped", dict)
    with pytest.raises(ModelError, match="no generator ships with kaoiro; train one"):
        find(None)
