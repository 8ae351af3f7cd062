from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake import exchange as fake
from fake.exchange import SIDE, painted
from jobs import Middle

from kaoiro import Exchanger
from kaoiro.core.codes import Codes
from kaoiro.core.errors import InputError, ModelError
from kaoiro.core.types import Box
from kaoiro.faces.detect import Detection
from kaoiro.inference import exchange
from kaoiro.inference.exchange import DECODER, DESCRIPTION, ENCODER, find, read, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.write(tmp_path_factory.mktemp("exchange"))


@pytest.fixture(scope="module")
def exchanger(folder: Path) -> Exchanger:
    return Exchanger(folder, detector=Middle(), threads=1)


NOBODY = np.empty((0, SIDE, SIDE, 3), np.uint8)
A, B = painted(255, 0, 51, 102), painted(51, 204, 255, 153)


def test_codes_are_those_of_the_graph(exchanger: Exchanger) -> None:
    codes = exchanger.encode(np.stack([A, B]))
    assert codes.identity == pytest.approx(np.array([[1, 0], [0.2, 0.8]]), abs=1e-6)
    assert codes.expression == pytest.approx(np.array([[0.2, 0.4], [1, 0.6]]), abs=1e-6)
    assert codes.identity.dtype == codes.expression.dtype == np.float32
    assert np.array_equal(codes.rows(np.array([1])).expression, codes.expression[1:])


def test_codes_become_faces(exchanger: Exchanger) -> None:
    faces = exchanger.decode(np.array([[0.2, 0.8], [1, 0]]), np.array([[1, 0.6], [0.2, 0.4]]))
    assert faces.dtype == np.uint8
    assert np.array_equal(faces, np.stack([B, A]))


def test_what_a_decoder_overshoots_is_cut_off(exchanger: Exchanger) -> None:
    face = exchanger.decode(np.array([[1.5, -1.0]]), np.array([[0.0, 2.0]]))[0]
    assert np.array_equal(face, painted(255, 0, 0, 255))


def test_a_swap_has_the_identity_of_one_and_the_expression_of_the_other(exchanger: Exchanger) -> None:
    assert np.array_equal(exchanger.swap(A, B), [painted(255, 0, 255, 153)])
    assert np.array_equal(exchanger.swap(B, A), [painted(51, 204, 51, 102)])
    assert np.array_equal(exchanger.swap(A, np.stack([A, B])), [A, painted(255, 0, 255, 153)])
    assert np.array_equal(exchanger.swap(np.stack([A, B]), B[None]), [painted(255, 0, 255, 153), B])


def test_the_strength_of_a_swap_goes_from_the_own_expression_to_beyond_the_other(
    exchanger: Exchanger, tmp_path: Path
) -> None:
    dim, lit = painted(255, 0, 51, 102), painted(51, 204, 102, 153)
    assert np.array_equal(exchanger.swap(dim, lit, 0), [dim])
    assert np.array_equal(exchanger.swap(dim, lit, 2.0), [painted(255, 0, 153, 204)])
    strong = Exchanger(fake.write(tmp_path, strength=2.0), detector=Middle())
    assert np.array_equal(strong.swap(dim, lit), exchanger.swap(dim, lit, 2.0))
    assert np.array_equal(strong.interpolate(dim, lit, 3)[1:], [exchanger.swap(dim, lit, s)[0] for s in (1.0, 2.0)])
    for wrong in (-0.1, 3.5, float("nan")):
        with pytest.raises(InputError, match="strength must be 0 to 3"):
            exchanger.swap(dim, lit, wrong)


def test_swaps_of_numbers_that_do_not_fit_are_refused(exchanger: Exchanger) -> None:
    with pytest.raises(InputError, match="2 identities and 3 expressions: give as many, or one"):
        exchanger.swap(np.stack([A, B]), np.stack([A, B, A]))
    with pytest.raises(InputError, match="0 identities"):
        exchanger.swap(NOBODY, np.stack([A, B]))
    assert len(exchanger.swap(NOBODY, NOBODY)) == 0


def test_interpolation_goes_straight_and_keeps_the_identity(exchanger: Exchanger) -> None:
    faces = exchanger.interpolate(A, B, 5)
    expected = [painted(255, 0, round(51 + share * 204), round(102 + share * 51)) for share in (0, 0.25, 0.5, 0.75, 1)]
    assert np.abs(faces.astype(int) - expected).max() <= 1
    assert np.array_equal(faces[0], A)
    assert np.array_equal(faces[-1], exchanger.swap(A, B)[0])
    assert len(exchanger.interpolate(A, B)) == 11


def test_interpolation_needs_two_steps_and_two_faces(exchanger: Exchanger) -> None:
    with pytest.raises(InputError, match="steps must be 2 or more, not 1"):
        exchanger.interpolate(A, B, 1)
    with pytest.raises(InputError, match="from one face to another"):
        exchanger.interpolate(np.stack([A, B]), B)


def test_faces_do_not_influence_each_other(exchanger: Exchanger) -> None:
    many = np.random.default_rng(0).integers(0, 256, (75, SIDE, SIDE, 3), np.uint8)
    together = exchanger.encode(many)
    alone = [exchanger.encode(face) for face in many]
    assert np.array_equal(together.expression, np.concatenate([code.expression for code in alone]))
    faces = exchanger.decode(together.identity, together.expression)
    one_by_one = [exchanger.decode(code.identity, code.expression) for code in alone]
    assert np.array_equal(faces, np.concatenate(one_by_one))


def test_no_faces_have_no_codes(exchanger: Exchanger) -> None:
    codes = exchanger.encode(NOBODY)
    assert (codes.identity.shape, codes.expression.shape, len(codes)) == ((0, 2), (0, 2), 0)
    assert exchanger.decode(codes.identity, codes.expression).shape == (0, SIDE, SIDE, 3)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.zeros((1, SIDE, SIDE, 3)), "uint8"),
        (np.zeros((1, SIDE, SIDE), np.uint8), r"crops must be RGB of shape \(N, 8, 8, 3\), not \(1, 8, 8\)"),
        (np.zeros((2, 9, SIDE, 3), np.uint8), r"not \(2, 9, 8, 3\)"),
    ],
)
def test_other_pixels_are_refused(exchanger: Exchanger, pixels: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        exchanger.encode(pixels)


def test_other_codes_are_refused(exchanger: Exchanger) -> None:
    with pytest.raises(InputError, match=r"identity codes must be 2 codes of 2 numbers, .*, not of shape \(1, 2\)"):
        exchanger.decode(np.zeros((1, 2)), np.zeros((2, 2)))
    with pytest.raises(InputError, match="expression codes must be 1 codes of 2 numbers"):
        exchanger.decode(np.zeros((1, 2)), np.zeros((1, 3)))


def test_a_method_with_one_code_has_no_identity(tmp_path: Path) -> None:
    exchanger = Exchanger(fake.write(tmp_path, identity=0), detector=Middle())
    codes = exchanger.encode(np.stack([A, B]))
    assert codes.identity.shape == (2, 0)
    assert codes.expression[0] == pytest.approx([1, 0, 0.2, 0.4], abs=1e-6)
    assert np.array_equal(exchanger.decode(codes.identity, codes.expression), [A, B])
    for exchanged in (exchanger.swap, exchanger.interpolate):
        with pytest.raises(InputError, match="has no code of identity, so that nothing can be exchanged"):
            exchanged(A, B)


class Two(Middle):
    """Finds a small face at the left and a large one at the right."""

    def detect(self, image: np.ndarray) -> list[Detection]:
        height, width = image.shape[:2]
        boxes = Box(width * 0.5, height * 0.2, width * 0.4, height * 0.6), Box(4.0, height * 0.4, 8.0, 8.0)
        return [Detection(box, 0.5) for box in boxes]


def test_faces_are_cut_out_in_colour_largest_first(folder: Path) -> None:
    scene = np.zeros((96, 128, 3), np.uint8)
    scene[:, :40], scene[:, 40:] = (10, 20, 30), (250, 100, 50)
    found = Exchanger(folder, detector=Two()).faces(scene, "scene")
    assert (len(found), found.crops.shape, found.name) == (2, (2, SIDE, SIDE, 3), "scene")
    assert found.crop()[4, 4].tolist() == [250, 100, 50]
    assert found.crop(1)[4, 4].tolist() == [10, 20, 30]
    with pytest.raises(InputError, match=r"scene: there is no face 2; it shows faces 0 \(the largest\) to 1"):
        found.crop(2)


def test_a_picture_without_a_face(exchanger: Exchanger) -> None:
    black = np.zeros((40, 40, 3), np.uint8)
    assert len(exchanger.faces(black)) == 0
    with pytest.raises(InputError, match="picture: no face found"):
        exchanger.face(black)


def test_the_toolkits_own_detector_is_the_default(folder: Path, astronaut: Path) -> None:
    exchanger = Exchanger(folder, threads=1)
    found = exchanger.faces(astronaut)
    assert len(found) == 1
    assert found.detections[0].box.overlap(Box(180, 58, 90, 118)) > 0.5
    with pytest.raises(InputError, match="there is no face 1; it shows only face 0"):
        found.crop(1)
    red, green = exchanger.encode(found.crops).identity[0]
    assert red > green  # skin


def without(tmp_path: Path, folder: Path, name: str) -> Path:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / name).unlink()
    return copy


@pytest.mark.parametrize("name", [ENCODER, DECODER])
def test_a_missing_or_damaged_graph_is_named(tmp_path: Path, folder: Path, name: str) -> None:
    copy = without(tmp_path, folder, name)
    with pytest.raises(ModelError, match=f"{name} is missing or damaged"):
        Exchanger(copy)
    with pytest.raises(ModelError, match=f"lacks {name}"):
        write(copy, fake.description())
    (copy / name).write_bytes(b"something else")
    with pytest.raises(ModelError, match=f"{name} is missing or damaged"):
        Exchanger(copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda said: said.update(format=2), "not valid at 'format'"),
        (lambda said: said.update(colour="red"), "not valid at 'colour'"),
        (lambda said: said.update(expression=0), "not valid at 'expression'"),
        (lambda said: said.pop("crop"), "not valid at 'crop'"),
        (lambda said: said.update(same_person=-1), "not valid at 'same_person'"),
    ],
)
def test_a_description_that_is_not_valid(tmp_path: Path, folder: Path, change: Callable, said: str) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    content = json.loads((copy / DESCRIPTION).read_text())
    change(content)
    (copy / DESCRIPTION).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=said):
        read(copy)


def test_a_description_that_is_no_json(tmp_path: Path, folder: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / DESCRIPTION).write_text("{")
    with pytest.raises(ModelError, match=r"exchange\.json cannot be read"):
        read(copy)


@pytest.mark.parametrize("wrong", [{"expression": 3}, {"side": 16}, {"identity": 1}])
def test_graphs_that_are_not_what_the_description_says(tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(ModelError, match=r"are not what exchange\.json says"):
        Exchanger(fake.write(tmp_path, **wrong))


def test_none_ships_until_one_does(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange.resources, "files", lambda package: tmp_path)
    with pytest.raises(ModelError) as caught:
        find()
    assert "kaoiro train identity_expression improved --data.root SET" in str(caught.value)
    assert "\n" not in str(caught.value)
    shipped = shutil.copytree(folder, tmp_path / "models" / "exchange")
    assert find() == find("exchange") == shipped
    assert Exchanger(detector=Middle()).title.startswith("paint-")
    with pytest.raises(ModelError, match=r"no exchange\.json there; .*; by name, without a path: exchange$"):
        find("nosuch")


def test_the_folder_of_a_run_is_as_good_as_its_model(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path / "run" / "model")
    assert find(tmp_path / "run") == find(tmp_path / "run" / "model") == tmp_path / "run" / "model"
    with pytest.raises(ModelError, match=r"no exchange\.json there; train one: kaoiro train identity_expression"):
        find(tmp_path)


def test_codes_know_their_number() -> None:
    assert len(Codes(np.zeros((3, 0)), np.zeros((3, 4)))) == 3
