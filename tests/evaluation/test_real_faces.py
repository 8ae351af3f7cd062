from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import noted
import numpy as np
import pytest
from fake import exchange as fake
from fake import fer2013, london
from graphs import write_bright_model
from jobs import Middle
from PIL import Image

from kaoiro.cli import evaluate
from kaoiro.cli.main import main
from kaoiro.core.crops import FER2013_CROP, INNER_CROP
from kaoiro.core.errors import ModelError
from kaoiro.core.spec import CropGeometry
from kaoiro.data.splits import part_of
from kaoiro.evaluation import carried, exchange_report, real_faces, unlabelled
from kaoiro.evaluation.real_faces import CODE, OTHERS
from kaoiro.faces.surroundings import put_back
from kaoiro.families.identity_expression.config import NetworkConfig
from kaoiro.families.identity_expression.network import Network
from kaoiro.inference import exchange
from kaoiro.inference.exchange import Exchanger
from kaoiro.metrics.agreement import resampled_interval
from kaoiro.training import snapshots

SUBJECTS = [f"{number:03d}" for number in range(1, 25)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "CenterFace", lambda threads=None: Middle())
    few = lambda figure, groups, draws: resampled_interval(figure, groups, 50)  # noqa: E731
    monkeypatch.setattr(carried, "resampled_interval", few)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("real")
    fer2013.write(folder / "fer", {"Training": 240, "PublicTest": 64}, duplicates=16)
    london.write(folder / "london", SUBJECTS)
    return {name: folder / name for name in ("fer", "london")}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.write(tmp_path_factory.mktemp("exchange"))


def test_readers_learn_choose_and_are_asked_on_different_images(roots: dict[str, Path]) -> None:
    found = real_faces.lesson(roots["fer"], "val")
    assert (found.learned.sum(), found.choosing.sum(), found.asked.sum()) == (216, 24, 64)
    assert (found.learned.astype(int) + found.choosing + found.asked == 1).all()
    assert 0 < found.seen.sum() <= 16
    assert set(found.labels) == {"FER2013", "FER+"}
    choice = real_faces.lesson(roots["fer"], real_faces.CHOICE)
    assert np.array_equal(choice.asked, found.choosing)
    assert not choice.choosing.any()
    assert not choice.seen.any()


def test_codes_stand_beside_plain_features_and_published_figures(roots: dict[str, Path]) -> None:
    """A code that knows the answer is read without error; noise is not."""
    data = real_faces.lesson(roots["fer"], "val")
    truth = np.eye(7)[data.labels["FER2013"]]
    place = iter(range(10**6))

    def told(crops: np.ndarray) -> np.ndarray:
        assert crops.shape[1:] == (8, 8, 3)
        return truth[[next(place) for _ in crops]]

    def noise(crops: np.ndarray) -> np.ndarray:
        return np.random.default_rng(0).normal(size=(len(crops), 5))

    rows = real_faces.readings({CODE: told, "untrained": noise}, 8, FER2013_CROP, data)
    assert rows[CODE]["FER2013"] == rows[CODE][f"FER2013: {OTHERS}"] == 1
    assert rows["untrained"]["FER2013"] < 0.5
    assert (rows[CODE]["numbers"], rows["oriented gradients"]["numbers"]) == (7, 1024)
    assert rows["oriented gradients, 256 components"]["FER2013"] is not None
    assert rows["pixels, 64 components"]["numbers"] == 64
    assert rows["FaceCycle (published)"] == dict.fromkeys(rows[CODE]) | {"FER2013": 0.4876}
    assert {tuple(row) for row in rows.values()} == {tuple(rows[CODE])}
    assert rows[CODE]["FER+: faces"] == 64


def test_encoders_see_the_crop_that_they_learned_and_plain_features_the_images(
    roots: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, plain = real_faces.lesson(roots["fer"], "val"), []
    histograms = real_faces.gradients.histograms
    monkeypatch.setattr(real_faces.gradients, "histograms", lambda images: plain.append(images) or histograms(images))
    seen: dict[str, list[np.ndarray]] = {}
    for crop in (FER2013_CROP, INNER_CROP):
        batches = seen.setdefault(crop.name, [])
        codes = lambda crops, own=batches: own.append(crops) or crops.reshape(len(crops), -1)[:, :4]  # noqa: E731
        real_faces.readings({CODE: codes}, 48, crop, data)
    found = {name: np.concatenate(batches)[..., 0] for name, batches in seen.items()}
    assert np.array_equal(found["fer2013"], data.images)
    assert np.array_equal(found["inner"], unlabelled.recut(data.images, INNER_CROP))
    assert not np.array_equal(found["inner"], data.images)
    assert all(images is data.images for images in plain)


def test_portraits_are_those_of_one_part_in_colour(roots: dict[str, Path], model: Path) -> None:
    exchanger = Exchanger(model, threads=1)
    faces = real_faces.portraits(exchanger, roots["london"], "report")
    wished = [name for name in SUBJECTS if part_of(name) == "report"]
    assert sorted(set(faces.people)) == wished
    assert faces.pixels.shape == (2 * len(wished), 8, 8, 3)
    pairs = faces.pairs
    assert pairs.people.tolist() == wished
    assert pairs.smiling.mean() > 180 > 80 > pairs.resting.mean()
    assert pairs.smiling_wide.mean() > 180 > 80 > pairs.resting_wide.mean()


@pytest.mark.parametrize(("crop", "side"), [(INNER_CROP, 12), (FER2013_CROP, 8)], ids=["inner", "fer2013"])
def test_portraits_are_kept_with_what_lies_around_the_face(tmp_path: Path, crop: CropGeometry, side: int) -> None:
    """Pictures get brighter downwards, so that it shows how far a crop reaches: from the geometry, 45 % further."""
    shades = np.linspace(0, 255, 64).round().astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(np.broadcast_to(shades[:, None, None], (64, 64, 3))).save(content, "PNG")
    names = [london.name(subject, expression) for subject in SUBJECTS for expression in london.FOLDERS]
    london.write(tmp_path / "london", SUBJECTS, own=dict.fromkeys(names, content.getvalue()))
    exchanger = Exchanger(fake.write(tmp_path / "model", crop=crop), threads=1)
    faces = real_faces.portraits(exchanger, tmp_path / "london", "report")
    assert (faces.crop, faces.wide.shape[1:]) == (crop, (side, side, 3))
    reach = [np.ptp(pixels[0, :, 0, 0].astype(float)) / (len(pixels[0]) - 1) for pixels in (faces.pixels, faces.wide)]
    assert reach[1] == pytest.approx(reach[0] * 8 / side * (1.45 if crop == INNER_CROP else 1), rel=0.1)
    if crop == INNER_CROP:
        again = put_back(faces.pixels, faces.wide, crop).astype(int)
        assert np.abs(again - faces.wide).max() <= 8
    else:
        assert np.array_equal(faces.wide, faces.pixels)


def test_what_real_faces_say_becomes_a_section(
    roots: dict[str, Path], model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fake code is the brightness of both halves: London's smiles are bright, and come over by the blue alone."""
    write_bright_model(tmp_path / "bright")
    call = ["evaluate", "codes", "--root", roots["fer"], "--model", model, "--london", roots["london"], "--threads", 1]
    call += ["--reader", tmp_path / "bright", "--results", tmp_path / "results", "--pictures", tmp_path / "own"]
    assert main([str(part) for part in call]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "linear readers, PublicTest" in said.out
    stored = json.loads((tmp_path / "results" / "system-b.json").read_text(encoding="utf-8"))["real"]
    assert stored["claims"]["FER2013 linear reader"]["wished"] == "at least 0.488"
    table = stored["London, report part"]
    assert table[CODE]["smile AUC"] == 1
    assert table[f"{CODE}, less the person's rest"]["smile AUC"] == 1
    assert table[f"{CODE}, less the person's rest"]["identity"] is None
    carried_over = stored["smiles carried over, photographs of London"]
    assert carried_over["given, smiling"]["happiness"].startswith("1.000")
    assert carried_over["at rest, with another's smile"]["happiness"].startswith("0.000")
    page = (tmp_path / "results" / "system-b.md").read_text(encoding="utf-8")
    assert "| FaceCycle (published) |" in page
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"system-b.json", "system-b.md"}
    notes = noted.of(tmp_path / "own" / "london-swaps.png")
    assert "CC BY 4.0" in notes["Description"]
    assert "generated" in notes["Comment"]


def test_rendered_swaps_stand_below_the_section_and_people_never(
    roots: dict[str, Path], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = Image.new("RGB", (32, 16), "teal")
    found = real_faces.Found({"claims": {}}, picture, picture)
    monkeypatch.setattr(real_faces, "measure", lambda *_: found)
    written: dict[str, Any] = {}
    monkeypatch.setattr(exchange_report, "write", lambda folder, section, figures: written.update(figures))
    call = ["evaluate", "codes", "--root", roots["fer"], "--model", model, "--threads", 1, "--results", tmp_path]
    assert main([str(part) for part in call]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["real-swaps.jpg"]
    assert list(written["pictures below"]) == ["real-swaps.jpg"]
    assert "rendered people" in noted.of(tmp_path / "real-swaps.jpg")["Description"]


def test_an_untrained_network_stands_beside_where_there_is_one(model: Path, tmp_path: Path) -> None:
    """Models that ship have no weights, and a code of patches is nothing before it has learned."""
    folder = shutil.copytree(model, tmp_path / "model")
    exchanger = Exchanger(folder, threads=1)
    assert evaluate._untrained(exchanger) is None
    for patches in (0, 8):
        network = Network(NetworkConfig(side=16, width=2, identity=4, expression=4, patches=patches))
        snapshots.save(network, [], folder / exchange.WEIGHTS)
        found = evaluate._untrained(exchanger)
        assert (found is None) == bool(patches)
    with pytest.raises(ModelError, match=r"views\.start .*: no weights\.safetensors in it, as in models that ship"):
        snapshots.begin(network, model)


def test_choices_are_made_on_other_images_and_people(
    roots: dict[str, Path], model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "choice.json"
    call = ["evaluate", "codes", "--root", roots["fer"], "--model", model, "--london", roots["london"]]
    assert main([str(part) for part in [*call, "--split", "training-val", "--threads", 1, "--json", file]]) == 0
    capsys.readouterr()
    figures = json.loads(file.read_text(encoding="utf-8"))
    assert figures["linear readers, Training, a tenth held out"][CODE]["FER2013: faces"] == 24
    assert "London, development part" in figures


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--split", "training-val", "--results", "r"], "--results has no meaning beside --split training-val"),
        (["--pictures", "p"], "name its folder by --london"),
        (["--split", "test"], "has no PrivateTest rows"),
        (["--london", "nowhere"], "name the folder of the London set"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    options: list[str], said: str, roots: dict[str, Path], model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "codes", "--root", str(roots["fer"]), "--model", str(model), *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
