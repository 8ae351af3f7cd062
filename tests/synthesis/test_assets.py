from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kaoiro.core.errors import DataError
from kaoiro.core.files import sha256
from kaoiro.synthesis.assets import EXPRESSIONS, INDICES, MATERIALS, SHAPES, VARIABLE, load

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from fake.ict_face import ANCHORS, Arrays, head, save, tiny, write_assets

MARKS = np.arange(68)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_assets(tmp_path_factory.mktemp("ict-face"))


def refusal(path: Path | None) -> str:
    with pytest.raises(DataError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_reads_the_arrays_as_they_were_written(drawn: Path) -> None:
    arrays, landmarks = head()
    assets = load(drawn)
    for name in ("neutral", "uv", "faces", "faces_uv", "face_material", "identity", "expression"):
        np.testing.assert_array_equal(getattr(assets, name), arrays[name])
    np.testing.assert_array_equal(assets.landmarks, landmarks)
    assert assets.materials == MATERIALS
    assert assets.expression_names == EXPRESSIONS
    assert assets.sha256 == sha256(drawn / SHAPES)


def test_types_are_those_that_are_documented(drawn: Path) -> None:
    assets = load(drawn)
    kinds = {name: getattr(assets, name).dtype for name in ("neutral", "uv", "identity", "expression")}
    assert set(kinds.values()) == {np.dtype(np.float32)}
    assert assets.faces.dtype == assets.faces_uv.dtype == np.int32
    assert (assets.face_material.dtype, assets.landmarks.dtype) == (np.int8, np.int64)


def test_the_npz_can_be_named_instead_of_its_folder(drawn: Path) -> None:
    assert load(drawn / SHAPES).sha256 == load(str(drawn)).sha256


def test_without_a_path_the_variable_counts(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(drawn))
    assert load().sha256 == load(drawn).sha256


def test_without_path_and_variable_the_error_says_where_assets_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, ""):
        monkeypatch.delenv(VARIABLE, raising=False) if value is None else monkeypatch.setenv(VARIABLE, value)
        message = refusal(None)
        for part in ("--assets", VARIABLE, "kaoiro synth prepare CLONE_DIR", "https://github.com/ICT-VGL/ICT-FaceKit"):
            assert part in message


def test_there_are_57_expressions_sorted_by_name() -> None:
    assert len(set(EXPRESSIONS)) == 57
    assert list(EXPRESSIONS) == sorted(EXPRESSIONS)


def test_the_drawn_head_has_its_landmarks_where_the_anchors_are(drawn: Path) -> None:
    assets = load(drawn)
    np.testing.assert_allclose(assets.neutral[assets.landmarks], ANCHORS, atol=1e-5)
    used = assets.faces[assets.faces >= 0]
    assert set(used.tolist()) == set(range(len(assets.neutral)))


@pytest.mark.parametrize(
    ("shape", "landmark", "direction"),
    [
        ("mouthSmile_L", 54, (1, 1, -1)),
        ("mouthSmile_R", 48, (-1, 1, -1)),
        ("jawOpen", 57, (0, -1, -1)),
        ("browInnerUp_L", 22, (1, 1, -1)),
        ("eyeBlink_R", 37, (1, -1, 0)),
        ("mouthPucker", 51, (0, 1, 1)),
    ],
)
def test_the_drawn_head_moves_as_the_real_one_does(
    drawn: Path, shape: str, landmark: int, direction: tuple[int, int, int]
) -> None:
    assets = load(drawn)
    moved = assets.expression[EXPRESSIONS.index(shape)][assets.landmarks[landmark]]
    np.testing.assert_array_equal(np.sign(np.round(moved, 3)), direction)


def test_an_open_jaw_parts_the_lips_of_the_drawn_head(drawn: Path) -> None:
    assets = load(drawn)
    upper, lower = assets.expression[EXPRESSIONS.index("jawOpen")][assets.landmarks[[62, 66]]]
    assert upper[1] == 0
    assert lower[1] < -2


def test_a_missing_folder_or_file_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path / 'none'} not found" in refusal(tmp_path / "none")
    assert f"{tmp_path / SHAPES} not found; make it anew with `kaoiro synth prepare" in refusal(tmp_path)


def test_a_missing_list_of_landmarks_is_named(tmp_path: Path) -> None:
    save(tmp_path, tiny(), MARKS)
    (tmp_path / INDICES).unlink()
    assert f"{tmp_path / INDICES} not found" in refusal(tmp_path)


def test_a_place_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    save(tmp_path, tiny(), MARKS)
    (tmp_path / INDICES).unlink()
    (tmp_path / INDICES).mkdir()
    assert f"{tmp_path / INDICES} cannot be read" in refusal(tmp_path)
    (tmp_path / SHAPES).unlink()
    (tmp_path / SHAPES).mkdir()
    assert f"{tmp_path / SHAPES} cannot be read" in refusal(tmp_path)


def _single(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def _with_bad_member(path: Path) -> None:
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, b"no array" if name == "uv.npy" else content)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-2000]), "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:9000] + bytes(500) + path.read_bytes()[9500:]), "damaged"),
        (_single, "single array"),
        (_with_bad_member, "uv is no array"),
    ],
)
def test_a_damaged_archive_is_refused(tmp_path: Path, damage: Callable[[Path], object], word: str) -> None:
    save(tmp_path, tiny(), MARKS)
    damage(tmp_path / SHAPES)
    message = refusal(tmp_path)
    assert word in message
    assert message.startswith(str(tmp_path / SHAPES))
    assert "kaoiro synth prepare" in message


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return (os.mkdir, (str(tmp_path / "sprung"),))

    save(tmp_path, tiny() | {"uv": np.array([Trap()], object)}, MARKS)
    assert "Object arrays" in refusal(tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_missing_arrays_are_named(tmp_path: Path) -> None:
    arrays = tiny()
    del arrays["uv"], arrays["expression_names"]
    save(tmp_path, arrays, MARKS)
    assert "lacks the arrays uv, expression_names; make it anew" in refusal(tmp_path)


def _changed(arrays: Arrays, name: str, index: object, value: object) -> Arrays:
    array = arrays[name].copy()
    array[index] = value
    return arrays | {name: array}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a | {"neutral": a["neutral"].astype(float)}, "neutral must be float32 (V, 3), not float64 (116, 3)"),
        (lambda a: a | {"neutral": a["neutral"][:, :2]}, "neutral must be float32 (V, 3), not float32 (116, 2)"),
        (lambda a: a | {"neutral": a["neutral"][:0]}, "neutral must be float32 (V, 3), not float32 (0, 3)"),
        (lambda a: a | {"uv": a["uv"].ravel()}, "uv must be float32 (T, 2), not float32 (232)"),
        (lambda a: a | {"faces": a["faces"][:, :3]}, "faces must be int32 (Q, 4), not int32 (12, 3)"),
        (lambda a: a | {"faces_uv": a["faces_uv"][1:]}, "faces_uv must be int32 (12, 4), not int32 (11, 4)"),
        (lambda a: a | {"face_material": a["faces"][:, 0]}, "face_material must be int8 (12), not int32 (12)"),
        (lambda a: a | {"identity": a["identity"][1:]}, "identity must be float16 (100, 116, 3), not float16 (99"),
        (
            lambda a: a | {"identity": a["identity"][:, 1:]},
            "identity must be float16 (100, 116, 3), not float16",
        ),
        (
            lambda a: a | {"expression": a["expression"] * np.float32(1)},
            "expression must be float16 (57, 116, 3), not",
        ),
        (lambda a: a | {"expression_names": a["expression_names"][1:]}, "expression_names must be text (57), not"),
        (lambda a: a | {"materials": np.arange(12)}, "materials must be text (12), not int64 (12)"),
        (lambda a: _changed(a, "materials", 4, "M_Skin"), "materials lacks M_Face"),
        (lambda a: _changed(a, "expression_names", 0, "browDown_L"), "expression_names lacks PupilDilate_L;"),
        (
            lambda a: _changed(a, "expression_names", slice(5), "a"),
            "lacks PupilDilate_L, PupilDilate_R, browDown_L and 2",
        ),
        (lambda a: _changed(a, "faces", (3, 1), 116), "faces must name points 0-115 (-1: triangle), found 0 to 116"),
        (lambda a: _changed(a, "faces", (3, 1), -1), "faces must name points 0-115 (-1: triangle), found -1 to 1"),
        (lambda a: _changed(a, "faces_uv", (3, 3), -2), "faces_uv must name points 0-115 (-1: triangle), found -1 to"),
        (lambda a: _changed(a, "faces_uv", (3, 3), -1), "faces and faces_uv do not agree where triangles are"),
        (lambda a: _changed(a, "face_material", 0, 12), "face_material must be 0-11, found 0 to 12"),
        (lambda a: _changed(a, "face_material", 0, -1), "face_material must be 0-11, found -1 to 11"),
        (lambda a: _changed(a, "neutral", (0, 0), np.nan), "neutral holds numbers that are not finite"),
        (lambda a: _changed(a, "uv", (0, 0), np.inf), "uv holds numbers that are not finite"),
        (lambda a: _changed(a, "identity", (7, 0, 0), np.nan), "identity holds numbers that are not finite"),
        (lambda a: _changed(a, "expression", (7, 0, 0), -np.inf), "expression holds numbers that are not finite"),
    ],
)
def test_arrays_that_are_no_head_are_refused(tmp_path: Path, change: Callable[[Arrays], Arrays], words: str) -> None:
    arrays = tiny()
    arrays["faces"][0, 0] = 0
    save(tmp_path, change(arrays), MARKS)
    message = refusal(tmp_path)
    assert words in message
    assert message.startswith(f"{tmp_path / SHAPES}: ")
    assert "kaoiro synth prepare" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON"),
        ('{"idx_to_landmark_verts": [1, 2', "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "must list 68 vertices"),
        ("{}", "must list 68 vertices"),
        ('{"idx_to_landmark_verts": 5}', "must list 68 vertices"),
        (json.dumps({"idx_to_landmark_verts": [0] * 67}), "must list 68 vertices"),
        (json.dumps({"idx_to_landmark_verts": [0] * 67 + [116]}), "must name vertices 0-115, found '116'"),
        (json.dumps({"idx_to_landmark_verts": [-1] * 68}), "must name vertices 0-115, found '-1'"),
        (json.dumps({"idx_to_landmark_verts": [1.5] * 68}), "must name vertices 0-115, found '1.5'"),
        (json.dumps({"idx_to_landmark_verts": [True] * 68}), "must name vertices 0-115, found 'True'"),
    ],
)
def test_a_list_of_landmarks_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    save(tmp_path, tiny(), MARKS)
    (tmp_path / INDICES).write_text(text)
    message = refusal(tmp_path)
    assert words in message
    assert message.startswith(str(tmp_path / INDICES))


def test_landmarks_in_another_encoding_are_refused(tmp_path: Path) -> None:
    save(tmp_path, tiny(), MARKS)
    (tmp_path / INDICES).write_bytes(b"\xff\xfe{}")
    assert "is no JSON" in refusal(tmp_path)


def test_no_damage_of_single_bytes_raises_anything_else(tmp_path: Path) -> None:
    save(tmp_path, tiny(), MARKS)
    content, random = (tmp_path / SHAPES).read_bytes(), np.random.default_rng(0)
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer) as file:
        heads = [member.header_offset for member in file.infolist()]
    places = [*random.integers(0, len(content), 40), *(offset + k for offset in heads for k in range(8, 80, 7))]
    places += list(range(len(content) - 120, len(content), 5))
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(random.integers(8))
        (tmp_path / SHAPES).write_bytes(damaged)
        try:
            load(tmp_path)
        except DataError as error:
            assert "\n" not in str(error)


@pytest.mark.data
def test_the_real_head_is_the_documented_one() -> None:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"{VARIABLE} names no folder")
    assets = load()
    assert assets.neutral.shape == (26719, 3)
    nose = assets.neutral[assets.landmarks[30]]
    assert nose[0] == 0
    assert nose[2] > assets.neutral[np.delete(assets.landmarks, 30), 2].max()
    assert int((assets.faces[:, 3] < 0).sum()) == 548
    np.testing.assert_allclose(assets.neutral[assets.landmarks], ANCHORS, atol=0.011)
