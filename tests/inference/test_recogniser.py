from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graphs import write_recogniser

from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.files import sha256
from kaoiro.core.types import Box
from kaoiro.faces.detect import Detection
from kaoiro.inference import recogniser
from kaoiro.inference.recogniser import RAW, SAME_FROM, SIDE, TEMPLATE_CROP, PixelInput, Recogniser


def face(seed: int = 0, side: int = 112) -> np.ndarray:
    """A crop of coloured squares, eight by eight."""
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return small.repeat(side // 8, axis=0).repeat(side // 8, axis=1)


def wished(crop: np.ndarray) -> np.ndarray:
    """What the graph of the tests answers, by hand; a cosine does not see how pixels were scaled."""
    places = crop.reshape(8, crop.shape[0] // 8, 8, -1, 3).mean(axis=(1, 3)).transpose(2, 0, 1).ravel()
    places -= places.mean()
    return places / np.linalg.norm(places)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"layout": "nhwc"},
        {"side": 224},
        {"normalises": True},
        {"kind": onnx.TensorProto.UINT8},
        {"kind": onnx.TensorProto.FLOAT16},
        {"shape": ["n", 3, "h", "w"]},
        {"shape": ["n", "c", "h", "w"]},
    ],
)
def test_faces_become_vectors_whatever_the_layout(tmp_path: Path, options: dict[str, Any]) -> None:
    one = Recogniser(write_recogniser(tmp_path / "net.onnx", **options))
    crop = face(side=options.get("side", 112))
    assert one.side == len(crop)
    found = one.encode(np.stack([crop, face(1, len(crop))]))
    assert found[0] == pytest.approx(wished(crop), abs=2e-3)
    assert abs(found[0] @ found[1]) < 0.5 and np.linalg.norm(found, axis=1) == pytest.approx(1)


def test_pixels_are_of_arcface_s_kind_unless_the_graph_normalises_by_itself(tmp_path: Path) -> None:
    assert Recogniser(write_recogniser(tmp_path / "plain.onnx")).input == PixelInput()
    assert Recogniser(write_recogniser(tmp_path / "own.onnx", normalises=True)).input == RAW
    assert Recogniser(write_recogniser(tmp_path / "bytes.onnx", kind=onnx.TensorProto.UINT8)).input == RAW
    (tmp_path / "own.json").write_text('{"same_from": 0.5, "order": "bgr"}')  # leaves the rest as it is
    assert Recogniser(tmp_path / "own.onnx").input == RAW.model_copy(update={"same_from": 0.5, "order": "bgr"})


def test_a_published_file_is_known_by_its_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_recogniser(tmp_path / "net.onnx")
    monkeypatch.setitem(recogniser.KNOWN, sha256(path), RAW.model_copy(update={"same_from": 0.25}))
    one = Recogniser(path)
    assert (one.input.mean, one.input.scale, one.same_from) == (0, 1, 0.25)
    assert one.title == f"net-{sha256(path)[:8]}"
    assert all(known.same_from == SAME_FROM for digest, known in recogniser.KNOWN.items() if digest != sha256(path))


def test_a_file_beside_the_graph_says_what_pixels_it_expects(tmp_path: Path) -> None:
    path = write_recogniser(tmp_path / "net.onnx", shape=["n", 3, "h", "w"])
    said = {"mean": [104, 117, 123], "scale": 0.5, "order": "bgr", "side": 64, "same_from": 0.4}
    (tmp_path / "net.json").write_text(json.dumps(said))
    crop = np.zeros((1, 64, 64, 3), np.uint8)
    crop[:, :32] = (123, 117, 124)  # in blue, green, red, less the mean: 20, 0, 0, by a half
    one = Recogniser(write_recogniser(path, shape=["n", 3, "h", "w"], side=64))
    assert (one.side, one.same_from) == (64, 0.4)
    values = np.zeros((3, 8, 8))
    values[:, :4] = np.array([20, 0, 0])[:, None, None] / 2
    values[:, 4:] = np.array([-104, -117, -123])[:, None, None] / 2
    flat = values.ravel() - values.mean()
    assert one.encode(crop)[0] == pytest.approx(flat / np.linalg.norm(flat), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ('{"std": 1}', "not valid at 'std'.*it may hold mean, scale, order, layout, side, same_from"),
        ('{"order": "grey"}', "not valid at 'order'"),
        ('{"mean": [1, 2]}', "not valid at 'mean"),
        ('{"same_from": 2}', "not valid at 'same_from'"),
    ],
)
def test_a_bad_file_beside_the_graph_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = write_recogniser(tmp_path / "net.onnx")
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(ModelError, match=words) as caught:
        Recogniser(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"inputs": 2}, "2 inputs and 1 outputs"),
        ({"vectors": False}, r"answers \(1, 3, 8, 8\) for a face, not one vector"),
        ({"numbers": 8}, "not one vector of 32 numbers or more"),
        ({"shape": ["n", 1, 112, 112]}, "a face recogniser takes a picture"),
        ({"shape": [4, 3, 112, 112]}, "a face recogniser takes a picture"),
        ({"shape": ["n", 3, 112, 96]}, "a face recogniser takes a picture"),
        ({"kind": onnx.TensorProto.INT64}, "takes tensor.int64."),
    ],
)
def test_graphs_that_are_no_recogniser_are_refused(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        Recogniser(write_recogniser(tmp_path / "net.onnx", **options))
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('{"scale": 0}', "answers the same for any picture"),
        ('{"mean": NaN}', "answers numbers that are not finite"),
    ],
)
def test_graphs_that_do_not_work_with_what_is_said_of_them_are_refused(tmp_path: Path, said: str, words: str) -> None:
    path = write_recogniser(tmp_path / "net.onnx", side=224, shape=["n", 3, "h", "w"])
    (tmp_path / "net.json").write_text(said)
    with pytest.raises(ModelError, match=words) as caught:
        Recogniser(path)
    assert "\n" not in str(caught.value)


def flattening(path: Path, shape: list[Any], numbers: int) -> Path:
    """Write a graph that lays its input out as one row of so many numbers, and fails where it has others."""
    ends = [("x", shape), ("y", ["n", numbers])]
    taken, made = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, side) for name, side in ends)
    row = onnx.numpy_helper.from_array(np.array([1, numbers]), "row")
    node = onnx.helper.make_node("Reshape", ["x", "row"], ["y"])
    graph = onnx.helper.make_graph([node], "test", [taken], [made], [row])
    opset = onnx.helper.make_opsetid("", 17)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), str(path))
    return path


def test_a_graph_that_fails_on_a_face_is_refused(tmp_path: Path) -> None:
    path = flattening(tmp_path / "net.onnx", ["n", 3, "h", "w"], 3 * 64 * 64)
    with pytest.raises(ModelError, match="fails on a face: ") as caught:
        Recogniser(path)
    assert "\n" not in str(caught.value)
    (tmp_path / "net.json").write_text('{"side": 64}')
    assert Recogniser(path).side == 64


def test_a_graph_of_numbers_is_no_recogniser(tmp_path: Path) -> None:
    flattening(tmp_path / "net.onnx", ["n", 64], 64)
    with pytest.raises(
        ModelError, match=r"takes tensor\(float\) of shape \('n', 64\); a face recogniser takes a picture"
    ):
        Recogniser(tmp_path / "net.onnx")


def test_files_that_are_no_graph_are_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"noise" * 99)
    with pytest.raises(ModelError, match="cannot be opened as an ONNX model"):
        Recogniser(tmp_path / "net.onnx")
    with pytest.raises(InputError, match="no such file; name a face recogniser as ONNX"):
        Recogniser(tmp_path / "missing.onnx")


def test_the_five_points_come_to_lie_on_the_template(tmp_path: Path) -> None:
    """A picture that is the template itself, turned by nothing and enlarged three times, is cut out as it was."""
    crop = face()
    pixels = np.pad(crop.repeat(3, axis=0).repeat(3, axis=1), ((60, 40), (30, 50), (0, 0)))
    points = 3 * SIDE * np.asarray(TEMPLATE_CROP.points) + (30, 60)
    one = Recogniser(write_recogniser(tmp_path / "net.onnx"))
    found = one.crops(pixels, [Detection(Box(30, 60, 336, 336), 0.9, points)])
    assert found.shape == (1, 112, 112, 3)
    assert np.abs(found[0].astype(int) - crop)[2:-2, 2:-2].mean() < 8  # edges of squares are mixed
    assert one.crops(pixels, []).shape == (0, 112, 112, 3)
    eyes = np.asarray(TEMPLATE_CROP.points)[:2] * SIDE
    assert eyes[0] == pytest.approx((38.7946, 52.1963)) and eyes[1, 0] - eyes[0, 0] == pytest.approx(35.2372)
