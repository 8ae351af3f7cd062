from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake import identities, separator
from graphs import write_affect_model, write_bright_model, write_model

from kaoiro.core.crops import FER2013_CROP, INNER_CROP
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.spec import CropGeometry
from kaoiro.evaluation import smile_swaps
from kaoiro.evaluation.smile_swaps import MORE, Pairs
from kaoiro.faces.align import cut
from kaoiro.faces.surroundings import put_back, wide_side

LIPS = separator.PERSON + 4
"""Cell of AU 12 among the person's three and those of units 1, 2, 4, 6, 12, …"""
LIFTED, RESTING = "at rest, with another's smile", "at rest, with another's rest"


def pairs(count: int = 6) -> Pairs:
    who = separator.people(count)
    faces = {
        name: separator.draw(np.concatenate([who, np.tile(separator.units_of(name), (count, 1))], axis=1))
        for name in ("neutral", "happiness")
    }
    both = faces["neutral"], faces["happiness"]
    return Pairs(np.array([f"p{k}" for k in range(count)]), *both, *both, FER2013_CROP)


def lips(faces: np.ndarray) -> dict[str, np.ndarray]:
    return {"lips": separator.read(faces)[:, LIPS] > 0.5}


class Deaf(separator.Perfect):
    """The expression code is right, and what is made is always at rest."""

    def decode(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        return super().decode(identity, 0 * expression)


def test_smiles_that_come_over_are_counted() -> None:
    assert separator.units_of("happiness")[LIPS - separator.PERSON] == 1
    found = smile_swaps.measure(separator.Perfect(), pairs(), lips)
    assert found["given, smiling"]["lips"] == found[LIFTED]["lips"] == "1.000 (1.000 to 1.000)"
    assert found["given, at rest"]["lips"] == found[RESTING]["lips"] == "0.000 (0.000 to 0.000)"
    assert found[MORE]["lips"] == "1.000 (1.000 to 1.000)"
    assert found["smiling, with another's rest"]["lips"] == "0.000 (0.000 to 0.000)"


def test_smiles_that_do_not_come_over_are_none() -> None:
    found = smile_swaps.measure(Deaf(), pairs(), lips)
    assert found["given, smiling"]["lips"].startswith("1.000")
    assert found["made again, smiling"]["lips"].startswith("0.000")
    assert found[MORE]["lips"] == "0.000 (0.000 to 0.000)"


def test_faint_codes_come_over_when_they_are_strong() -> None:
    """Whoever draws 2 / 7 of what a code says shows 3 / 7 of a smile at strength 1.5, and 4 / 7 at 2."""

    class Faint(separator.Perfect):
        def decode(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
            return super().decode(identity, expression / 3.5)

    found = smile_swaps.measure(Faint(), pairs(), lips)
    assert found[LIFTED]["lips"].startswith("0.000")
    assert found[f"{LIFTED}, strength 1.5"]["lips"].startswith("0.000")
    assert found[f"{LIFTED}, strength 2"]["lips"] == found[f"{MORE}, strength 2"]["lips"] == "1.000 (1.000 to 1.000)"


def test_everybody_gets_the_smiles_of_others() -> None:
    """One person cannot smile: everybody else gets that one's face as one of four, and shows it."""
    given = pairs()
    given.smiling[2] = given.resting[2]
    found = smile_swaps.measure(separator.Perfect(), given, lips)
    share = 1 - smile_swaps.SOURCES / 24
    assert found[LIFTED]["lips"].startswith(f"{share:.3f}")
    with pytest.raises(InputError, match="two people or more"):
        smile_swaps.measure(separator.Perfect(), Pairs(*(part[:1] for part in given[:5]), given.crop), lips)


@pytest.mark.parametrize("crop", [FER2013_CROP, INNER_CROP], ids=["fer2013", "inner"])
def test_faces_are_read_in_the_wider_picture_of_the_person_who_is_shown(crop: CropGeometry) -> None:
    """Whose picture a face lies in shows at its rim, what it does in its middle."""
    seen: list[np.ndarray] = []

    def read(faces: np.ndarray) -> dict[str, np.ndarray]:
        seen.append(faces)
        return {"any": np.ones(len(faces), bool)}

    given, side = pairs(), wide_side(separator.SIDE, crop)
    shades = np.arange(10, 130, 10, dtype=np.uint8)  # at rest, then smiling
    wide = np.broadcast_to(shades[:, None, None, None], (12, side, side, 3))
    given = given._replace(resting_wide=wide[:6], smiling_wide=wide[6:], crop=crop)
    smile_swaps.measure(separator.Perfect(), given, read)
    assert [len(faces) for faces in seen] == [6] * 4 + [24] * 9
    rest, smile = shades[:6].tolist(), shades[6:].tolist()
    if crop == FER2013_CROP:
        assert all(faces.shape[1] == separator.SIDE for faces in seen)
        assert np.array_equal(seen[0], given.smiling)
        return
    swaps = [np.repeat(shown, 4).tolist() for shown in (rest, rest, smile)]
    rims = [smile, rest, smile, rest, *swaps * 3]
    assert [faces[:, 0, 0, 0].tolist() for faces in seen] == rims
    inner = np.array([[1 / 1.45, 0, 0.5 - 0.5 / 1.45], [0, 1 / 1.45, 0.57 - 0.5 / 1.45]])
    cells = [separator.read(np.stack([cut(face, side * inner, separator.SIDE) for face in faces])) for faces in seen]
    assert (cells[0][:, LIPS] > 0.8).all() and (cells[4][:, LIPS] > 0.8).all()
    assert (cells[1][:, LIPS] < 0.2).all() and (cells[5][:, LIPS] < 0.2).all()


def test_smiles_are_read_by_whatever_a_model_answers(tmp_path: Path) -> None:
    faces = np.stack([np.full((12, 12, 3), shade, np.uint8) for shade in (0, 255)])
    both = smile_swaps.reader(write_bright_model(tmp_path / "bright"))(faces)
    assert list(both) == ["AU 12 (lip corner puller)", "happiness"]
    assert all(smiles.tolist() == [False, True] for smiles in both.values())
    alone = smile_swaps.reader(write_model(tmp_path / "alone", [0.0] * 8))
    assert list(alone(faces)) == ["happiness"]
    assert len(smile_swaps.reader(write_affect_model(tmp_path / "affect"))(faces)) == 2
    with pytest.raises(InputError, match="reads no smiles"):
        smile_swaps.reader(write_model(tmp_path / "none", [0.0, 0.0], labels=("anger", "neutral")))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("syn-swap")
    identities.write_swaps(folder)
    return folder


def test_rendered_people_are_those_of_syn_swap(root: Path) -> None:
    """The inner crop is the whole picture there; the wider one shows it in its middle."""
    found = smile_swaps.of_renders(root, 32, INNER_CROP)
    assert found.people.tolist() == [f"id-further-{number:03d}" for number in range(identities.SWAPPED)]
    assert lips(found.smiling)["lips"].all()
    assert not lips(found.resting)["lips"].any()
    assert found.resting_wide.shape == found.smiling_wide.shape == (identities.SWAPPED, 47, 47, 3)
    for face, around in ((found.resting, found.resting_wide), (found.smiling, found.smiling_wide)):
        assert np.abs(put_back(face, around, found.crop).astype(int) - around).mean() < 4
    assert np.abs(found.smiling_wide.astype(int) - found.resting_wide).mean() > 8


def test_rendered_people_of_the_wider_crop_are_read_as_they_are(root: Path) -> None:
    found = smile_swaps.of_renders(root, 32, FER2013_CROP)
    assert found.resting_wide.shape == (identities.SWAPPED, 32, 32, 3)
    assert np.array_equal(found.resting, found.resting_wide) and np.array_equal(found.smiling, found.smiling_wide)


def test_a_set_without_happy_faces_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = smile_swaps.synthetic.read(root)
    sad = found.table.assign(expression="sadness")
    monkeypatch.setattr(smile_swaps.synthetic, "read", lambda _: replace(found, table=sad))
    with pytest.raises(DataError, match="nobody is happy"):
        smile_swaps.of_renders(root, 32, FER2013_CROP)
