"""Readers of single sides: answers by hand, mirror images, when they run, and what damage does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from graphs import write_bright_model
from jobs import Counting, Middle
from media import regular, write_video
from PIL import Image

from kaoiro.core.errors import InputError, ModelError
from kaoiro.inference.words import readers
from kaoiro.inference.words.asked import answered, asked, measured
from kaoiro.inference.words.entry import Entry
from kaoiro.inference.words.readers import COLUMNS, SIDE, SIGNS, Readers, answers
from kaoiro.inference.words.scoring import score

MOST_BYTES = 200_000
SURE = 20.0
"""A logit that is as good as certain."""


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bright_model(tmp_path_factory.mktemp("models") / "bright").path


@pytest.fixture
def shipped() -> Readers:
    found = readers.shipped()
    assert found is not None
    return found


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the faces that readers are asked about, one entry for each call."""
    calls: list[int] = []
    plain = Readers.sides

    def counted(self: Readers, crops: np.ndarray) -> np.ndarray:
        calls.append(len(crops))
        return plain(self, crops)

    monkeypatch.setattr(Readers, "sides", counted)
    return calls


def logits(**given: tuple[float, float]) -> np.ndarray:
    """Return logits of one face, by the first word of a sign; what is not given is certainly absent."""
    found = np.full((1, len(SIGNS), 2), -SURE)
    for name, sides in given.items():
        found[0, next(place for place, sign in enumerate(SIGNS) if sign.startswith(name.replace("_", " ")))] = sides
    return found


def said(**given: tuple[float, float]) -> dict[str, float]:
    return {name: round(float(value[0]), 3) for name, value in answers(logits(**given)).items()}


def test_two_closed_eyes_are_closed_eyes_and_one_is_a_wink() -> None:
    both, one = said(eye=(SURE, SURE)), said(eye=(-SURE, SURE))
    assert (both["au_43"], both["au_46"]) == (1, 0)
    assert (one["au_43"], one["au_46"]) == (0, 1)


def test_what_both_sides_do_is_not_of_one_side() -> None:
    assert said(lip_corner_up=(SURE, -SURE))["au_12_one_side"] == 1
    assert said(lip_corner_up=(SURE, SURE))["au_12_one_side"] == 0
    assert said(lip_corner_tightened=(-SURE, SURE))["au_14_one_side"] == 1
    third = float(np.log(1 / 2))  # probability of a third on either side: 2 · 1/3 · 2/3
    assert said(lip_corner_up=(third, third))["au_12_one_side"] == pytest.approx(4 / 9, abs=1e-3)


def test_a_stretched_mouth_is_read_of_both_sides_together() -> None:
    assert said(mouth=(2.0, -2.0))["au_27"] == 0.5
    assert set(said()) == set(COLUMNS) and max(said().values()) == 0


def test_a_mirrored_face_is_the_same_with_sides_exchanged(shipped: Readers) -> None:
    faces = np.random.default_rng(0).integers(0, 256, (40, SIDE, SIDE), np.uint8)
    plain, turned = shipped.sides(faces), shipped.sides(faces[:, :, ::-1])
    assert plain.shape == (40, len(SIGNS), 2)
    np.testing.assert_allclose(plain, turned[:, :, ::-1], atol=1e-4)
    for name, values in shipped.read(faces).items():
        np.testing.assert_allclose(values, shipped.read(faces[:, :, ::-1])[name], atol=1e-4)


def test_no_faces_and_other_shapes(shipped: Readers) -> None:
    assert all(values.shape == (0,) for values in shipped.read(np.empty((0, SIDE, SIDE), np.uint8)).values())
    with pytest.raises(InputError, match=r"crops to read must be of shape \(N, 48, 48\)"):
        shipped.sides(np.zeros((1, 32, 32), np.uint8))


def test_the_readers_that_ship_are_small_and_have_a_card() -> None:
    files = list(readers.folder().iterdir())
    assert sum(file.stat().st_size for file in files) < MOST_BYTES
    about = json.loads((readers.folder() / readers.DESCRIPTION).read_text(encoding="utf-8"))
    assert about["card"]["limits"] and about["card"]["numbers"]["au_43_auc"] > 0.9
    assert about["provenance"]["settings"]["epochs"] > 0


@pytest.mark.parametrize("damage", ["graph", "description", "missing"])
def test_damaged_readers_are_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    place = tmp_path / "readers"
    shutil.copytree(readers.folder(), place)
    if damage == "missing":
        (place / readers.GRAPH).unlink()
    else:
        name = readers.GRAPH if damage == "graph" else readers.DESCRIPTION
        (place / name).write_bytes((place / name).read_bytes()[:-9])
    with pytest.raises(ModelError, match="install kaoiro again, or learn them: kaoiro evaluate readers") as error:
        readers.load(place)
    assert "\n" not in str(error.value)


# --- words that need them


def test_entries_say_what_they_need_of_readers() -> None:
    smirk = Entry(name="x", present={"au_12": 1}, absent={"au_25": 1}, one_sided=True)
    assert smirk.read == ("au_12_one_side",) and smirk.composition == "AU 12 of one side, without AU 25"
    assert score(smirk, {"au_12_one_side": np.array([0.5]), "au_25": np.array([0.2])}) == pytest.approx(0.4)
    both = Entry(name="x", present={"au_12": 1}, absent={"au_25": 1})
    assert both.read == () and both.digest != smirk.digest


def test_readers_answer_beside_any_model_and_into_no_record(bright: Path, read: list[int]) -> None:
    analyzer = Counting(bright, detector=Middle(), threads=1, classes="eyes closed, yawn, smirk, wink")
    assert set(answered(analyzer.model)) - set(measured(analyzer.model)) == set(COLUMNS)
    assert analyzer.words.read == ("au_43", "au_27", "au_12_one_side", "au_46")
    face = analyzer.image(np.full((48, 64, 3), 200, np.uint8), name="a")[0]
    words = [face.scores[name] for name in analyzer.words.names]
    assert all(0 <= value <= 1 for value in words)
    assert not set(COLUMNS) & set(face.scores)
    assert read == [1]


def test_readers_run_for_no_other_word(bright: Path, read: list[int]) -> None:
    for classes in (None, "smile, frown"):
        analyzer = Counting(bright, detector=Middle(), threads=1, classes=classes)
        assert analyzer.image(np.full((48, 64, 3), 200, np.uint8), name="a")[0].scores
    assert read == []


def test_without_a_face_nothing_is_read(bright: Path, read: list[int], tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "none.png")
    analyzer = Counting(bright, detector=Middle(), threads=1, classes="wink")
    table = analyzer.image(tmp_path / "none.png", name="none").to_pandas()
    assert table["word_wink"].isna().all() and read == []


def test_words_of_readers_are_smoothed_in_videos(bright: Path, tmp_path: Path) -> None:
    def frame(number: int) -> np.ndarray:
        return np.tile(np.linspace(20, 60 + 9 * number, 64).astype(np.uint8)[None, :, None], (48, 1, 3))

    write_video(tmp_path / "m.mp4", regular(20, 10.0), (64, 48), picture=frame)
    analyzer = Counting(bright, detector=Middle(), threads=1, classes="smirk")
    table = analyzer.video(tmp_path / "m.mp4", name="m").to_pandas()
    raw, smooth = table["word_smirk"], table["word_smirk_smooth"]
    assert len(table) == 20 and raw.notna().all() and smooth.notna().all()
    assert raw.min() - 1e-9 <= smooth.min() and smooth.max() <= raw.max() + 1e-9
    assert smooth.diff().abs().sum() <= raw.diff().abs().sum()


def test_other_readers_make_other_words(bright: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Counting(bright, detector=Middle(), threads=1).model
    before = {word: asked(word, model).digest for word in ("wink", "smile")}
    monkeypatch.setattr(readers, "digest", lambda: "others")
    after = {word: asked(word, model).digest for word in ("wink", "smile")}
    assert before["wink"] != after["wink"] and before["smile"] == after["smile"]


def test_without_readers_their_words_are_refused(bright: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Counting(bright, detector=Middle(), threads=1).model
    monkeypatch.setattr(readers, "shipped", lambda: None)
    with pytest.raises(InputError, match=r"model 'bright' does not measure AU 43 \(eyes closed\)"):
        asked("eyes closed", model)
    with pytest.raises(InputError, match=r"AU 12 \(lip corner puller\) is not measured of one side"):
        asked("smirk", model)
