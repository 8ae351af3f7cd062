from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake import fer2013, london
from fake.ict_face import write_assets
from fake.model import SIZE, write
from PIL import Image

pytest.importorskip("torch")

from kaoiro.core.errors import DataError, InputError, ModelError
from kaoiro.core.labels import FER2013, FERPLUS, FERPLUS_VOTES, MULTITASK_UNITS
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.types import Box
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.datasets import synthetic
from kaoiro.evaluation import crops, report
from kaoiro.faces.detect import Detection
from kaoiro.families.residual_attention.config import NetworkConfig
from kaoiro.inference.classifier import prepare_crops
from kaoiro.training import bridge, rendered
from kaoiro.training.signal import SIDE, Signal, SignalConfig

STILL = Augmentation(flip=0, rotation=0, shift=0, scale=0, light=0, blur=0, low_resolution=0, jpeg=0, noise=0, erase=0)
TINY = SignalConfig(epochs=1, batch=32, network=NetworkConfig(8, (8, 12, 16), 0, 0.0), augmentation=STILL)
HAPPY = "happiness, bright"


@pytest.fixture(scope="module")
def signal() -> Signal:
    """Return a network that has learned nothing yet."""
    return Signal(TINY, ["p0", "p1"])


@pytest.fixture
def bright(tmp_path: Path) -> ModelFolder:
    """Write a model to which a brighter face is a happier one."""
    matrix = np.zeros((SIZE * SIZE, len(FERPLUS)))
    matrix[:, FERPLUS.index("happiness")] = 1e-5
    return write(tmp_path / "bright", matrix=matrix)


class Stub:
    """A detector that finds one face in the middle of every picture that is not black."""

    thread_safe = True

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        return width, height

    def detect(self, image: np.ndarray) -> list[Detection]:
        if image.max() < 30:
            return []
        points = np.array([(24, 26), (40, 26), (32, 36), (26, 44), (38, 44)], float)
        return [Detection(Box(12, 8, 40, 48), 0.9, points)]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crops, "CenterFace", Stub)


def test_real_faces_are_counted_by_their_majority_label(signal: Signal, tmp_path: Path) -> None:
    written = fer2013.write(tmp_path)
    found = bridge.rendered_on_real(signal, str(tmp_path))
    public = written.usage == "PublicTest"
    kept = public & (written.expressions != "contempt")
    assert kept.sum() < public.sum()
    names = written.expressions[kept]
    assert found["images"] == kept.sum()
    counts = {label: int((names == label).sum()) for label in FER2013.labels}
    assert {label: row["n"] for label, row in found["recall"].items()} == {k: n for k, n in counts.items() if n}
    answer = signal.answer(prepare_crops(written.images[kept], SIDE, 1))["expression"].argmax(axis=1)
    right = np.array(FER2013.labels)[answer] == names
    assert found["accuracy"] == pytest.approx(right.mean())
    assert found["majority class"] == pytest.approx(max(counts.values()) / kept.sum())
    assert found["macro recall"] == pytest.approx(np.mean([right[names == label].mean() for label in set(names)]))
    assert found["interval"][0] <= found["accuracy"] <= found["interval"][1]


def test_classes_that_no_real_face_shows_have_no_recall(signal: Signal, tmp_path: Path) -> None:
    fer2013.write(tmp_path, {"PublicTest": 4})
    found = bridge.rendered_on_real(signal, str(tmp_path))
    assert 0 < len(found["recall"]) < len(FER2013)
    assert np.isfinite(found["macro recall"])


def test_real_faces_without_votes_are_refused(signal: Signal, tmp_path: Path) -> None:
    fer2013.write(tmp_path, votes=False)
    with pytest.raises(DataError, match=r"needs fer2013new\.csv beside fer2013\.csv"):
        bridge.rendered_on_real(signal, str(tmp_path))


def test_real_faces_on_which_nobody_agrees_are_refused(signal: Signal, tmp_path: Path) -> None:
    made = fer2013.write(tmp_path, {"PublicTest": 4})
    fer2013.write_votes(tmp_path / "fer2013new.csv", [(part, np.ones(len(FERPLUS_VOTES), int)) for part in made.usage])
    with pytest.raises(DataError, match="no PublicTest image has a majority label among anger, disgust"):
        bridge.rendered_on_real(signal, str(tmp_path))


@pytest.mark.usefixtures("stub")
def test_smiles_that_a_score_separates_have_the_whole_area(signal: Signal, bright: ModelFolder, tmp_path: Path) -> None:
    london.write(tmp_path / "london")
    found = bridge.smiles(signal, bright, str(tmp_path / "london"))
    assert (found["faces"], found["people"], found["pictures without a found face"]) == (6, 3, 0)
    table = found["separation of smiling from neutral"]
    assert list(table) == [f"{name}, rendered faces only" for name in ("AU12", "AU6", "happiness")] + [HAPPY]
    assert table[HAPPY] == {"AUC": 1.0, "interval": [1.0, 1.0]}
    assert all(0 <= row["interval"][0] <= row["AUC"] <= row["interval"][1] <= 1 for row in table.values())


@pytest.mark.usefixtures("stub")
def test_people_without_a_found_face_are_left_out_and_counted(
    signal: Signal, bright: ModelFolder, tmp_path: Path
) -> None:
    dark = {london.name("003", expression): london.flat(0) for expression in london.FOLDERS}
    london.write(tmp_path / "london", own={**dark, london.name("002", "smiling"): london.flat(0)}, tar=False)
    found = bridge.smiles(signal, bright, str(tmp_path / "london"))
    assert (found["faces"], found["people"], found["pictures without a found face"]) == (3, 2, 3)
    assert found["separation of smiling from neutral"][HAPPY]["AUC"] == 1


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize(
    ("dark", "words"), [(("neutral", "smiling"), "0 smiling and 0 neutral"), (("smiling",), "0 smiling and 3 neutral")]
)
def test_groups_without_any_found_face_are_refused(
    signal: Signal, bright: ModelFolder, tmp_path: Path, dark: tuple[str, ...], words: str
) -> None:
    own = {london.name(subject, expression): london.flat(0) for subject in london.SUBJECTS for expression in dark}
    london.write(tmp_path / "london", own=own)
    with pytest.raises(DataError, match=f"of 6 portraits, faces were found in {words} ones; both kinds are needed"):
        bridge.smiles(signal, bright, str(tmp_path / "london"))


def test_a_damaged_portrait_is_named(signal: Signal, bright: ModelFolder, tmp_path: Path) -> None:
    london.write(tmp_path / "london", own={"neutral/001_03.jpg": b"nothing"})
    with pytest.raises(InputError, match=r"london, neutral/001_03\.jpg: not a picture"):
        bridge.smiles(signal, bright, str(tmp_path / "london"))


def test_the_same_face_in_both_groups_is_separated_by_nothing(
    signal: Signal, bright: ModelFolder, tmp_path: Path, astronaut: Path
) -> None:
    small = tmp_path / "small.png"
    Image.open(astronaut).convert("RGB").resize((256, 256)).save(small)
    own = {london.name("001", expression): small.read_bytes() for expression in london.FOLDERS}
    london.write(tmp_path / "london", ["001"], own=own)
    found = bridge.smiles(signal, bright, str(tmp_path / "london"))
    assert (found["faces"], found["people"], found["pictures without a found face"]) == (2, 1, 0)
    assert {row["AUC"] for row in found["separation of smiling from neutral"].values()} == {0.5}


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a real, very small syn-id set."""
    pytest.importorskip("numba")
    from kaoiro.synthesis.generate import Order, generate

    folder = tmp_path_factory.mktemp("rendered")
    return generate(Order("syn-id", scale=0.001, size=32), folder / "set", write_assets(folder / "assets"), 1).path


@pytest.fixture(scope="module")
def figures(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Measure it, with nothing of real people."""
    model = write(tmp_path_factory.mktemp("models") / "linear")
    return rendered.measure(faces, model, config=TINY, tick=lambda _: None)


def test_every_figure_of_a_rendered_set_is_there(figures: dict, faces: Path) -> None:
    described = json.loads((faces / "set.json").read_text())
    assert figures["set"] == {"set": "syn-id", "scale": 0.001, "size": 32, "version": described["version"]}
    assert figures["set_sha256"] == described["finished"]["sha256"]
    assert figures["difficulty_sha256"] == described["difficulty"]
    assert (figures["seed"], figures["epochs"]) == (0, 1)
    assert {"training frames", "hours", "hardware"} <= set(figures)
    unseen = figures["unseen people, at the apex"]
    assert (unseen["frames"], unseen["people"]) == (56, 2)
    assert 0 <= unseen["expression accuracy"] <= 1
    assert set(figures["recall"]) == set(FER2013.labels)
    assert set(figures["units"]) == set(MULTITASK_UNITS.labels)
    assert figures["identity, clips that were not trained on"]["chance"] == 1
    assert figures["identity, clips that were not trained on"]["frames"] + figures["training frames"] == 149
    assert figures["real on rendered"]["frames"] == np.sum(figures["confusion"]["counts"]) == 56


def test_parts_that_were_not_named_are_left_out(figures: dict) -> None:
    assert not [key for key in figures if key.startswith(("rendered on real", "London set"))]


def test_settings_are_chosen_on_training_people_who_were_kept_back(faces: Path, tmp_path: Path) -> None:
    from kaoiro.synthesis.generate import Order, generate

    assets = write_assets(tmp_path / "assets")
    root = generate(Order("syn-id", scale=0.01, size=32), tmp_path / "set", assets, 1).path
    figures = rendered.choose(root, TINY, tmp_path / "choice.pt", lambda _: None)
    assert figures["people kept back, at the apex"]["people"] == 1
    table = synthetic.read(root).table
    assert figures["training frames"] == (table["training"] & (table["split"] == "train")).sum() / 2
    assert not {"rendered on real", "real on rendered", "confusion"} & set(figures)
    with pytest.raises(DataError, match="has 0 frames to train on"):  # one training person, who is kept back
        rendered.choose(faces, TINY)


def test_the_figures_can_be_stored_and_shown(figures: dict) -> None:
    assert json.loads(json.dumps(figures)) == figures
    text = report.text(figures)
    for words in ("| set_sha256 |", "**recall**", "**units**", "| au_12 |", "**confusion** (counts)"):
        assert words in text


@pytest.mark.usefixtures("stub")
def test_parts_that_were_named_are_measured(faces: Path, bright: ModelFolder, tmp_path: Path) -> None:
    fer2013.write(tmp_path / "fer")
    london.write(tmp_path / "london")
    told: list[str] = []
    real = str(tmp_path / "fer"), str(tmp_path / "london")
    figures = rendered.measure(faces, bright, *real, TINY, tmp_path / "signal.pt", told.append)
    assert [line.split(":")[0] for line in told] == ["epoch 1 of 1"]
    assert figures["rendered on real"]["images"] > 0
    assert "recall" not in figures["rendered on real"]
    assert set(figures["rendered on real: recall"]) <= set(FER2013.labels)
    assert (figures["London set"]["faces"], figures["London set"]["people"]) == (6, 3)
    assert figures["London set: separation of smiling from neutral"][HAPPY]["AUC"] == 1
    assert (tmp_path / "signal.pt").is_file()
    report.text(figures)


def test_bad_input_is_refused_before_the_training(faces: Path, bright: ModelFolder, tmp_path: Path) -> None:
    def fail(line: str) -> None:
        raise AssertionError(f"trained: {line}")

    with pytest.raises(DataError, match=r"fer2013\.csv not found"):
        rendered.measure(faces, bright, faces=str(tmp_path), config=TINY, tick=fail)
    with pytest.raises(DataError, match=r"london\.csv cannot be read"):
        rendered.measure(faces, bright, portraits=str(tmp_path), config=TINY, tick=fail)
    with pytest.raises(DataError, match=r"has 1\d\d frames to train on, fewer than a batch of 500; .* --scale"):
        rendered.measure(faces, bright, config=replace(TINY, batch=500), tick=fail)
    silent = write_without_expressions(tmp_path / "silent")
    with pytest.raises(ModelError, match="has no expression head"):
        rendered.measure(faces, silent, config=TINY, tick=fail)


def write_without_expressions(folder: Path) -> ModelFolder:
    from graphs import write_model

    return write_model(folder, [0.0, 0.0], labels=("low", "high"), head="valence")


def test_a_set_that_was_not_finished_is_refused(faces: Path, bright: ModelFolder, tmp_path: Path) -> None:
    for path in faces.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    described = json.loads((faces / "set.json").read_text())
    del described["finished"]
    (tmp_path / "set.json").write_text(json.dumps(described))
    with pytest.raises(DataError, match=r"set\.json is not that of a finished set"):
        rendered.measure(tmp_path, bright, config=TINY)
