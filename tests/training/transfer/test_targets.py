"""Small sets that transfer is measured on: framings, parts, smaller parts to learn from, what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake import diffusion, fer2013, london, synthetic

from kaoiro.core.crops import E_CROP, FER2013_CROP
from kaoiro.core.errors import DataError, InputError, OutputError
from kaoiro.core.labels import FER2013
from kaoiro.core.types import Box
from kaoiro.data.datasets import fer2013 as official
from kaoiro.faces.detect import Detection
from kaoiro.training.transfer import framing, kept, sources, targets, worse
from kaoiro.training.transfer.targets import PARTS, TEST, TRAIN, VALIDATION, Roots, Target, few, first_people, load

PEOPLE = tuple(f"{number:03d}" for number in range(10))


class Everywhere:
    """Finds a face in the middle of every picture but of dark ones; counts how often it is asked."""

    asked = 0

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        return width, height

    def detect(self, image: np.ndarray) -> list[Detection]:
        type(self).asked += 1
        return [face(len(image) / 2)] if image.mean() > 30 else []


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> type[Everywhere]:
    monkeypatch.setattr(framing, "CenterFace", Everywhere)
    monkeypatch.setattr(Everywhere, "asked", 0)
    return Everywhere


def face(side: float, left: float = 0.0, top: float = 0.0) -> Detection:
    """Return an upright face that lies as in `E_CROP` when the crop has this side and corner."""
    x, y, width, height = E_CROP.box
    box = Box(left + x * side, top + y * side, width * side, height * side)
    return Detection(box, 0.9, np.array(E_CROP.points) * side + (left, top))


def ward(folder: Path) -> Path:
    """Write a set of coloured squares that says it is a syn-ward set."""
    synthetic.write(folder)
    settings = json.loads((folder / "set.json").read_text(encoding="utf-8"))
    (folder / "set.json").write_text(json.dumps(settings | {"set": sources.WARD}), encoding="utf-8")
    return folder


def made(truth: list[int], groups: list[str], part: list[int] | None = None, people: int = 0) -> Target:
    """Return a target of these faces, all to learn from if not said otherwise."""
    pixels = np.zeros((len(truth), 16, 16), np.uint8)
    parts = np.array(part if part is not None else [TRAIN] * len(truth))
    labels = FER2013.labels[: max(truth) + 1]
    crops: dict[str, np.ndarray] = dict.fromkeys(framing.FRAMINGS, pixels)
    return Target("made", "made up", labels, crops, np.array(truth), np.array(groups), parts, people)


def check(target: Target) -> None:
    """Check what holds of every target."""
    assert len(target) == len(target.truth) == len(target.groups) == len(target.part)
    assert list(target.crops) == ["e-crop", "box", "fer2013"]
    for crops in target.crops.values():
        assert crops.dtype == np.uint8 and crops.shape[0] == len(target) and crops.shape[1] == crops.shape[2]
    rows = [target.rows(part) for part in PARTS]
    assert np.array_equal(np.sort(np.concatenate(rows)), np.arange(len(target)))
    people = [set(target.groups[part].tolist()) for part in rows]
    assert all(people) and sum(map(len, people)) == len(set.union(*people))  # nobody is in two parts
    assert target.labels == tuple(label for label in FER2013.labels if label in target.labels)


def same(one: Target, other: Target) -> bool:
    names = ("truth", "groups", "part")
    alike = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
    crops = all(np.array_equal(one.crops[name], other.crops[name]) for name in framing.FRAMINGS)
    return alike and crops and (one.about, one.labels, one.people) == (other.about, other.labels, other.people)


def test_a_face_that_lies_as_in_the_crop_is_framed_alike_by_box_and_by_landmarks() -> None:
    found = framing.placements(face(100, 30, 40))
    np.testing.assert_allclose(found["box"], [[100, 0, 30], [0, 100, 40]])
    np.testing.assert_allclose(found["e-crop"], [[100, 0, 30], [0, 100, 40]], atol=1e-9)


def test_a_tilted_face_is_turned_by_its_landmarks_and_not_by_its_box() -> None:
    """A box of 80 x 120 has the area of that of `E_CROP` when this is 122.72 pixels wide, and keeps its middle."""
    cos, sin = np.cos(np.radians(20)), np.sin(np.radians(20))
    points = 100 * np.array(E_CROP.points) @ np.array([[cos, sin], [-sin, cos]])
    turned = Detection(Box(10.0, 20.0, 80.0, 120.0), 0.9, points)
    found = framing.placements(turned)
    x, y, width, height = E_CROP.box
    side = (80 * 120 / (width * height)) ** 0.5
    assert side == pytest.approx(122.72, abs=0.01)
    expected = [[side, 0, 50 - side * (x + width / 2)], [0, side, 80 - side * (y + height / 2)]]
    np.testing.assert_allclose(found["box"], expected)
    np.testing.assert_allclose(found["e-crop"], [[100 * cos, -100 * sin, 0], [100 * sin, 100 * cos, 0]], atol=1e-9)


def test_the_framing_of_fer2013_brings_the_points_where_they_lie_there() -> None:
    tilted = face(100)
    assert tilted.landmarks is not None
    matrix = framing.placements(Detection(tilted.box, 0.9, np.array(FER2013_CROP.points) * 64 + (5, 6)))["fer2013"]
    np.testing.assert_allclose(matrix, [[64, 0, 5], [0, 64, 6]], atol=1e-9)


def test_the_largest_face_is_cut_out_and_pictures_without_one_are_left_out() -> None:
    pictures = np.full((3, 64, 64, 3), 200, np.uint8)
    pictures[1] = 10
    pictures[2, 16:48, 16:48] = 90
    crops, seen = framing.cut_out(pictures, 3, 20, Everywhere(0.5))
    assert seen.tolist() == [True, False, True]
    assert {name: found.shape for name, found in crops.items()} == dict.fromkeys(framing.FRAMINGS, (2, 20, 20))
    assert (crops["box"][0] == 200).all()
    assert framing.cut_out(pictures[1:2], 1, 20, Everywhere(0.5))[0]["box"].shape == (0, 20, 20)


def test_rendered_people_keep_their_splits(tmp_path: Path, everywhere: type[Everywhere]) -> None:
    target = load("rendered", Roots(rendered=ward(tmp_path / "set")), 54, tmp_path / "kept")
    check(target)
    assert target.labels == FER2013.labels and target.people == 6
    assert target.crops["box"].shape == (72, 54, 54)
    assert [len(target.rows(part)) for part in PARTS] == [36, 12, 24]
    for name, part in zip(("train", "val", "test"), PARTS, strict=True):
        assert all(group.startswith(name) for group in target.groups[target.rows(part)])
    assert "36 to learn from, 12 to choose by, 24 to measure on" in target.about
    assert "6 people" in target.about and "0 of 72 pictures are left out" in target.about


def test_another_rendered_set_is_refused(tmp_path: Path) -> None:
    synthetic.write(tmp_path / "set")
    with pytest.raises(DataError, match=r"holds the set syn-mt; the target wants syn-ward: kaoiro synth syn-ward"):
        load("rendered", Roots(rendered=tmp_path / "set"), 54, tmp_path / "kept")


def test_portraits_are_divided_by_person_and_a_picture_without_a_face_is_counted(
    tmp_path: Path, everywhere: type[Everywhere]
) -> None:
    dark = {london.name("004", "smiling"): london.flat(5)}
    london.write(tmp_path / "london", PEOPLE, own=dark)
    target = load("london", Roots(london=tmp_path / "london"), 48, tmp_path / "kept")
    check(target)
    assert target.labels == ("happiness", "neutral")
    assert target.people == 10 and len(target) == 19
    assert np.bincount(target.truth).tolist() == [9, 10]
    assert [len(set(target.groups[target.rows(part)].tolist())) for part in PARTS] == [4, 2, 4]
    bright = target.crops["e-crop"].mean(axis=(1, 2)) > 130
    assert np.array_equal(bright, target.truth == 0)  # those who smile are drawn brighter
    assert "1 of 20 pictures are left out" in target.about


def test_a_set_without_faces_is_refused(tmp_path: Path, everywhere: type[Everywhere]) -> None:
    dark = {london.name(person, kind): london.flat(5) for person in PEOPLE for kind in london.FOLDERS}
    london.write(tmp_path / "london", PEOPLE, own=dark)
    with pytest.raises(DataError, match="the target 'london' has no face in one of its parts: 0 to learn from"):
        load("london", Roots(london=tmp_path / "london"), 48, tmp_path / "kept")


def test_generated_faces_are_found_though_they_are_cut_closely_and_near_copies_stay_together(tmp_path: Path) -> None:
    names = diffusion.write(tmp_path / "made", each=5, tar=False)
    copy = (tmp_path / "made" / names[0]).read_bytes()
    (tmp_path / "made" / names[4]).write_bytes(copy)
    target = load("generated", Roots(generated=tmp_path / "made"), 54, tmp_path / "kept")
    check(target)
    assert target.labels == ("happiness", "sadness", "neutral") and target.people == 0
    assert len(target) == 15 and "0 of 15 pictures" in target.about
    assert target.groups[4] == target.groups[0]
    assert 3 <= len(np.unique(target.groups)) <= 14  # drawn faces of one look are near copies


def test_pictures_of_fer2013_are_those_held_back_with_the_majority_of_votes(tmp_path: Path) -> None:
    written = fer2013.write(tmp_path / "fer", {"Training": 300, "PublicTest": 40})
    target = load("degraded", Roots(fer2013=tmp_path / "fer"), 54, tmp_path / "kept")
    check(target)
    training = official.read(tmp_path / "fer").part("Training")
    held = sources.stratified_holdout(training.image_keys(), training.labels)
    clear = held & (written.expressions[:300] != "contempt")
    assert [target.labels[place] for place in target.truth] == written.expressions[:300][clear].tolist()
    assert target.people == 0 and target.crops["box"].shape[1:] == (54, 54)
    assert all(target.crops[name] is target.crops["box"] for name in framing.FRAMINGS)
    again = worse.worsened(training.images[clear])
    assert np.array_equal(framing.whole(again, 54)["box"], target.crops["box"])
    assert "training-val" in target.about and "left out" not in target.about


def test_pictures_of_publictest_with_a_twin_in_training_are_left_out(tmp_path: Path) -> None:
    written = fer2013.write(tmp_path / "fer", {"Training": 40, "PublicTest": 60}, duplicates=9)
    target = load("degraded", Roots(fer2013=tmp_path / "fer"), 48, tmp_path / "kept", held="PublicTest")
    check(target)
    left = written.expressions[49:]
    assert len(target) == (left != "contempt").sum()
    sizes = [len(target.rows(part)) for part in PARTS]
    np.testing.assert_allclose(np.array(sizes) / len(target), sources.DEGRADED, atol=0.08)


def test_without_votes_no_picture_of_fer2013_has_a_label(tmp_path: Path) -> None:
    fer2013.write(tmp_path / "fer", votes=False)
    with pytest.raises(DataError, match=r"FER\+ labels need fer2013new.csv beside fer2013.csv"):
        load("degraded", Roots(fer2013=tmp_path / "fer"), 48, tmp_path / "kept")


def test_a_picture_is_made_worse_in_the_same_way_wherever_it_stands() -> None:
    images = np.random.default_rng(0).integers(40, 215, (6, 48, 48)).astype(np.uint8)
    images[3] = images[0]
    found = worse.worsened(images)
    assert found.shape == images.shape and found.dtype == np.uint8
    assert np.array_equal(worse.worsened(images[::-1])[::-1], found)
    assert np.array_equal(found[3], found[0])
    assert worse.worsened(images[:0]).shape == (0, 48, 48)


def test_the_light_falls_from_one_side_and_noise_and_detail_go() -> None:
    grey = np.full((200, 48, 48), 128, np.uint8)
    grey[:, 0, 0] = np.arange(200)  # each is another picture
    plain = worse.Camera(light=0, blur=(0, 0), resolution=(0, 0), noise=(0, 0), quality=(0, 0))
    lit = worse.worsened(grey, plain)[:, 2:-2, 2:-2] / 128.0
    np.testing.assert_allclose(lit.mean(axis=(1, 2)), 1, atol=0.02)
    reach = np.ptp(lit, axis=(1, 2))
    assert reach.min() > 0.3 and reach.max() < 1.45  # from 0.2 along a side to 0.5 along the diagonal, both ways
    checks = np.tile(np.indices((48, 48)).sum(axis=0) % 2 * 100 + 80, (4, 1, 1)).astype(np.uint8)
    quiet = worse.Camera(slope=(0, 0), light=0, noise=(0, 0), quality=(0, 0))
    assert worse.worsened(checks, quiet).std() < 10  # of 50: a chessboard of single pixels is gone


def test_few_takes_so_many_of_each_class_of_different_people() -> None:
    truth = [0, 1, 2] * 6 + [0]
    groups = [f"p{number}" for number in range(6) for _ in range(3)] + ["p9"]
    target = made(truth, groups, [TRAIN] * 18 + [TEST], people=7)
    for seed in range(5):
        rows = few(target, 2, seed)
        assert np.bincount(target.truth[rows]).tolist() == [2, 2, 2]
        assert len(set(target.groups[rows].tolist())) == 6  # all there are
        assert np.array_equal(rows, np.sort(rows)) and 18 not in rows
    assert len({tuple(few(target, 2, seed).tolist()) for seed in range(5)}) > 1
    assert np.array_equal(few(target, 2, 3), few(target, 2, 3))
    assert len(few(target, 4, 0)) == 12 and np.bincount(few(target, 9, 0) // 3).tolist() == [3] * 6


def test_few_takes_what_there_is_of_a_rare_class_and_lets_it_choose_first() -> None:
    target = made([0, 0, 0, 1, 0], ["a", "b", "c", "a", "a"])
    for seed in range(5):
        rows = few(target, 2, seed)
        assert rows.tolist() == [1, 2, 3]  # 'a' gives the only one of class 1, 'b' and 'c' the others


def test_first_people_takes_whole_people_until_there_are_enough() -> None:
    groups = [f"p{number}" for number in range(10) for _ in range(4)]
    target = made([0, 1, 0, 1] * 10, groups, [TRAIN] * 32 + [VALIDATION] * 8, people=10)
    for count, people in ((1, 1), (4, 1), (5, 2), (20, 5), (999, 8)):
        rows = first_people(target, count, 1)
        assert len(rows) == 4 * people and len(set(target.groups[rows].tolist())) == people
        assert (target.part[rows] == TRAIN).all()
    smaller, larger = (set(first_people(target, count, 1).tolist()) for count in (8, 20))
    assert smaller < larger  # who comes first stays first
    assert smaller != set(first_people(target, 8, 2).tolist())


def test_where_nobody_is_named_each_class_gives_its_share() -> None:
    target = made([0] * 50 + [1] * 30 + [2] * 20, [f"g{number}" for number in range(100)])
    for count, expected in ((10, [5, 3, 2]), (7, [4, 2, 1]), (1, [1]), (100, [50, 30, 20]), (500, [50, 30, 20])):
        rows = first_people(target, count, 0)
        assert sorted(np.bincount(target.truth[rows]).tolist(), reverse=True) == sorted(expected, reverse=True)
        assert len(np.unique(rows)) == len(rows) == sum(expected)


def test_what_was_cut_out_is_kept_and_a_changed_picture_is_cut_anew(
    tmp_path: Path, everywhere: type[Everywhere]
) -> None:
    london.write(tmp_path / "london", PEOPLE, tar=False)
    roots, folder = Roots(london=tmp_path / "london"), tmp_path / "kept"
    first = load("london", roots, 48, folder)
    assert everywhere.asked == 20 and same(first, load("london", roots, 48, folder)) and everywhere.asked == 20
    assert load("london", roots, 54, folder).crops["box"].shape[1] == 54 and everywhere.asked == 40
    (tmp_path / "london" / london.name("002", "neutral")).write_bytes(london.flat(90))
    changed = load("london", roots, 48, folder)
    assert everywhere.asked == 60 and not same(first, changed)
    assert np.array_equal(first.part, changed.part)
    assert len(list(folder.iterdir())) == 3  # and no unfinished file


def test_other_settings_give_another_kept_file(
    tmp_path: Path, everywhere: type[Everywhere], monkeypatch: pytest.MonkeyPatch
) -> None:
    london.write(tmp_path / "london", PEOPLE)
    roots = Roots(london=tmp_path / "london")
    load("london", roots, 48, tmp_path / "kept")
    monkeypatch.setattr(targets, "E_CROP", FER2013_CROP)
    load("london", roots, 48, tmp_path / "kept")
    assert everywhere.asked == 40


@pytest.mark.parametrize("damage", ["cut", "flip", "other", "empty"])
def test_a_damaged_kept_file_is_made_anew(tmp_path: Path, everywhere: type[Everywhere], damage: str) -> None:
    london.write(tmp_path / "london", PEOPLE)
    roots = Roots(london=tmp_path / "london")
    first = load("london", roots, 48, tmp_path / "kept")
    path = next((tmp_path / "kept").iterdir())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    changes = {"cut": bytes(content[: len(content) // 2]), "flip": bytes(content), "other": b"words", "empty": b""}
    path.write_bytes(changes[damage])
    assert kept.read(path) is None
    assert same(first, load("london", roots, 48, tmp_path / "kept")) and everywhere.asked == 40
    assert kept.read(path) is not None


@pytest.mark.parametrize(
    ("name", "option"),
    [("rendered", "rendered"), ("degraded", "fer2013"), ("generated", "generated"), ("london", "london")],
)
def test_a_folder_that_is_not_named_is_asked_for_by_its_option(tmp_path: Path, name: str, option: str) -> None:
    with pytest.raises(DataError, match=rf"^the target '{name}' is not there: name its folder by --{option}$"):
        load(name, Roots(), 48, tmp_path)


def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, everywhere: type[Everywhere]) -> None:
    london.write(tmp_path / "london", PEOPLE)
    roots = Roots(london=tmp_path / "london")
    with pytest.raises(InputError, match="target must be one of rendered, degraded, generated, london, not sfew"):
        load("sfew", roots, 48, tmp_path)
    with pytest.raises(InputError, match="side of the crops must be 16 or more, not 8"):
        load("london", roots, 8, tmp_path)
    with pytest.raises(InputError, match="pictures of FER2013 must be one of training-val, PublicTest, not Training"):
        load("degraded", roots, 48, tmp_path, held="Training")  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match="cannot be read"):
        load("london", Roots(london=tmp_path / "nowhere"), 48, tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot write"):
        load("london", roots, 48, tmp_path / "file")
    target = made([0, 1], ["a", "b"])
    for wrong in (lambda: few(target, 0, 0), lambda: first_people(target, 0, 0), lambda: target.rows(3)):
        with pytest.raises(InputError, match="must be"):
            wrong()
