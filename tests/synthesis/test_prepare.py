from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kaoiro.core.errors import DataError, OutputError
from kaoiro.synthesis.assets import INDICES, SHAPES, load
from kaoiro.synthesis.prepare import NEUTRAL, prepare

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from fake.ict_face import ANCHORS, Arrays, write_clone


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Arrays]:
    folder = tmp_path_factory.mktemp("clone")
    return folder, write_clone(folder)


@pytest.fixture
def clone(written: tuple[Path, Arrays], tmp_path: Path) -> Path:
    return Path(shutil.copytree(written[0], tmp_path / "clone"))


def edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


def refusal(clone: Path) -> str:
    out = clone.parent / "out"
    with pytest.raises(DataError) as caught:
        prepare(clone, out)
    assert not out.exists()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_gives_the_arrays_of_the_head_that_was_written(written: tuple[Path, Arrays], tmp_path: Path) -> None:
    clone, arrays = written
    path = prepare(clone, tmp_path)
    assert path == tmp_path / SHAPES
    with np.load(path) as file:
        assert set(file.files) == set(arrays)
        for name in arrays:
            np.testing.assert_array_equal(file[name], arrays[name])
            assert file[name].dtype == arrays[name].dtype


def test_what_it_writes_can_be_loaded(written: tuple[Path, Arrays], tmp_path: Path) -> None:
    clone, arrays = written
    prepare(clone, tmp_path)
    assets = load(tmp_path)
    np.testing.assert_array_equal(assets.identity, arrays["identity"])
    np.testing.assert_allclose(assets.neutral[assets.landmarks], ANCHORS, atol=1e-6)
    assert (tmp_path / INDICES).read_bytes() == (clone / "FaceXModel" / INDICES).read_bytes()


def test_landmarks_are_those_of_the_clone(clone: Path, tmp_path: Path) -> None:
    listed = list(range(100, 32, -1))
    (clone / "FaceXModel" / INDICES).write_text(json.dumps({"idx_to_landmark_verts": listed}))
    prepare(clone, tmp_path / "out")
    assert load(tmp_path / "out").landmarks.tolist() == listed


def test_the_same_clone_gives_the_same_bytes(written: tuple[Path, Arrays], tmp_path: Path) -> None:
    first, second = (prepare(written[0], tmp_path / name).read_bytes() for name in "ab")
    assert first == second


def test_the_folder_of_the_meshes_can_be_named_itself(written: tuple[Path, Arrays], tmp_path: Path) -> None:
    assert prepare(str(written[0] / "FaceXModel"), str(tmp_path)).is_file()


def test_other_lines_other_ends_and_normals_do_not_matter(clone: Path, tmp_path: Path) -> None:
    expected = prepare(clone, tmp_path / "first").read_bytes()

    def dressed(text: str) -> str:
        lines = ["o head", "g part", "s 1", "vn 0 0 1"]
        for line in text.splitlines():
            corners = line.startswith("f ")
            lines.append(" ".join(f"{word}/1" if "/" in word else word for word in line.split()) if corners else line)
        return "\r\n".join(lines).replace("v ", "v   ").replace("vt ", "vt\t")

    edit(clone / "FaceXModel" / NEUTRAL, dressed)
    edit(clone / "FaceXModel" / "jawOpen.obj", lambda text: text.replace("\n", "\r\n").replace("v ", "v\t"))
    assert prepare(clone, tmp_path / "second").read_bytes() == expected


def test_texture_points_may_have_a_third_number(clone: Path, tmp_path: Path) -> None:
    expected = prepare(clone, tmp_path / "first").read_bytes()
    edit(clone / "FaceXModel" / NEUTRAL, lambda text: re.sub(r"(?m)^(vt .*)$", r"\1 0.0", text))
    assert " 0.0\nvt" in (clone / "FaceXModel" / NEUTRAL).read_text()
    assert prepare(clone, tmp_path / "second").read_bytes() == expected


def test_no_bar_is_drawn_where_stderr_is_no_terminal(
    written: tuple[Path, Arrays], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(written[0], tmp_path)
    assert capsys.readouterr() == ("", "")


def test_a_place_that_is_no_clone_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path / "none")
    assert f"{tmp_path / 'none'} lacks 159 of 159 files: generic_neutral_mesh.obj, vertex_indices.json" in message
    assert "and 156 more; CLONE_DIR must be a complete clone of https://github.com/ICT-VGL/ICT-FaceKit" in message


def test_missing_meshes_are_named_and_counted(clone: Path) -> None:
    for name in ("identity007", "jawOpen"):
        (clone / "FaceXModel" / f"{name}.obj").unlink()
    assert "lacks 2 of 159 files: identity007.obj, jawOpen.obj; CLONE_DIR" in refusal(clone)


def test_a_mesh_of_other_size_is_refused(clone: Path) -> None:
    edit(clone / "FaceXModel" / "mouthPucker.obj", lambda text: text.replace("\nv ", "\n# ", 1))
    assert f"mouthPucker.obj has 115 vertices, {NEUTRAL} has 116; CLONE_DIR" in refusal(clone)


def test_an_empty_mesh_is_refused(clone: Path) -> None:
    (clone / "FaceXModel" / "identity099.obj").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert "identity099.obj has 0 vertices" in refusal(clone)


def test_vertices_in_another_order_are_refused(clone: Path) -> None:
    def reversed_vertices(text: str) -> str:
        lines = text.splitlines()
        at = [number for number, line in enumerate(lines) if line.startswith("v ")]
        for number, line in zip(at, [lines[number] for number in reversed(at)], strict=True):
            lines[number] = line
        return "\n".join(lines)

    edit(clone / "FaceXModel" / "identity001.obj", reversed_vertices)
    assert "the files are of different versions" in refusal(clone)


@pytest.mark.parametrize("name", [NEUTRAL, "browDown_L.obj"])
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("v 1 2 x", "line 6: '1 2 x' are no numbers"),
        ("v 1 2", "line 6: expected 3 numbers below 10000, found '1 2'"),
        ("v 1 2 3 4", "line 6: expected 3 numbers below 10000, found '1 2 3 4'"),
        ("v 1 2 nan", "line 6: expected 3 numbers below 10000, found '1 2 nan'"),
        ("v 1 2 -inf", "line 6: expected 3 numbers below 10000, found '1 2 -inf'"),
        ("v 1 2 1e300", "line 6: expected 3 numbers below 10000, found '1 2 1e300'"),
    ],
)
def test_unreadable_vertices_are_refused_with_their_line(clone: Path, name: str, line: str, words: str) -> None:
    path = clone / "FaceXModel" / name
    lines = path.read_text().splitlines()
    assert lines[5].startswith("v ")
    path.write_text("\n".join([*lines[:5], line, *lines[6:]]))
    assert f"{path}, {words}" in refusal(clone)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("f 1/1 2/2", "expected 3 or 4 corners VERTEX/TEXTURE counted from 1, found '1/1 2/2'"),
        ("f 1/1 2/2 3/3 4/4 5/5", "expected 3 or 4 corners"),
        ("f 1 2 3", "expected 3 or 4 corners"),
        ("f 1//1 2//1 3//1", "expected 3 or 4 corners"),
        ("f 0/1 2/2 3/3", "expected 3 or 4 corners"),
        ("f -1/-1 2/2 3/3", "expected 3 or 4 corners"),
        ("f 99999999999/1 2/2 3/3", "expected 3 or 4 corners"),
        ("f 1/1 2/2 117/3", "faces must name points 0-115"),
        ("f 1/1 2/2 3/117", "faces_uv must name points 0-115"),
        ("vt 0.5", "expected 2 numbers below 10000, found '0.5'"),
        ("vt a b", "'a b' are no numbers"),
        ("usemtl M_More\nf 1/1 2/2 3/3", "materials must be text (12), not <U15 (13)"),
    ],
)
def test_an_unreadable_neutral_mesh_is_refused(clone: Path, line: str, words: str) -> None:
    edit(clone / "FaceXModel" / NEUTRAL, lambda text: text + line + "\n")
    message = refusal(clone)
    assert words in message
    assert "CLONE_DIR must be a complete clone" in message


def test_a_neutral_mesh_without_faces_is_refused(clone: Path) -> None:
    edit(clone / "FaceXModel" / NEUTRAL, lambda text: text.replace("\nf ", "\n# "))
    assert "has no vertices, texture points or faces" in refusal(clone)


def test_a_material_that_is_missing_is_named(clone: Path) -> None:
    edit(clone / "FaceXModel" / NEUTRAL, lambda text: text.replace("usemtl M_Teeth", "usemtl M_Tooth"))
    assert "materials lacks M_Teeth" in refusal(clone)


def test_damaged_landmarks_are_refused(clone: Path) -> None:
    (clone / "FaceXModel" / INDICES).write_text("{")
    assert f"{INDICES} is no JSON" in refusal(clone)


@pytest.mark.skipif(sys.platform == "win32" or getattr(os, "geteuid", lambda: 0)() == 0, reason="root reads all files")
def test_a_mesh_that_cannot_be_read_is_named(clone: Path) -> None:
    (clone / "FaceXModel" / "jawLeft.obj").chmod(0)
    assert "jawLeft.obj cannot be read" in refusal(clone)


def test_a_place_that_cannot_be_written_is_named(written: tuple[Path, Arrays], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="cannot write"):
        prepare(written[0], tmp_path / "out")
