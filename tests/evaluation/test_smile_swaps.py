from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake import separator
from graphs import write_affect_model, write_bright_model, write_model

from kaoiro.core.crops import FER2013_CROP
from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import FER2013
from kaoiro.evaluation import smile_swaps
from kaoiro.evaluation.smile_swaps import MORE, Pairs

LIPS = separator.PERSON + 4
"""Cell of AU 12 among the person's three and those of units 1, 2, 4, 6, 12, …"""
LIFTED, RESTING = "at rest, with another's smile", "at rest, with another's rest"


def pairs(count: int = 6) -> Pairs:
    who = separator.people(count)
    faces = {
        name: separator.draw(np.concatenate([who, np.tile(separator.units_of(name), (count, 1))], axis=1))
        for name in ("neutral", "happiness")
    }
    return Pairs(np.array([f"p{k}" for k in range(count)]), faces["neutral"], faces["happiness"])


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


def test_smiles_that_do_not_come_over_are_none() -> None:
    found = smile_swaps.measure(Deaf(), pairs(), lips)
    assert found["given, smiling"]["lips"].startswith("1.000")
    assert found["made again, smiling"]["lips"].startswith("0.000")
    assert found[MORE]["lips"] == "0.000 (0.000 to 0.000)"


def test_everybody_gets_the_smiles_of_others() -> None:
    """One person cannot smile: everybody else gets that one's face as one of four, and shows it."""
    given = pairs()
    given.smiling[2] = given.resting[2]
    found = smile_swaps.measure(separator.Perfect(), given, lips)
    share = 1 - smile_swaps.SOURCES / 24
    assert found[LIFTED]["lips"].startswith(f"{share:.3f}")
    with pytest.raises(InputError, match="two people or more"):
        smile_swaps.measure(separator.Perfect(), Pairs(*(part[:1] for part in given)), lips)


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


def test_rendered_people_are_those_of_syn_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = separator.swap_faces(3)
    monkeypatch.setattr(smile_swaps.synthetic, "read", lambda _: faces)
    monkeypatch.setattr(smile_swaps, "rendered", lambda data, rows, side, crop: data.rows(rows))
    found = smile_swaps.of_renders("set", 32, FER2013_CROP)
    assert found.people.tolist() == ["id-000", "id-001", "id-002"]
    assert lips(found.smiling)["lips"].all()
    assert not lips(found.resting)["lips"].any()
    without = faces.rows(faces.labels["expression"] != FER2013.index("happiness"))
    monkeypatch.setattr(smile_swaps.synthetic, "read", lambda _: without)
    with pytest.raises(DataError, match="nobody is happy"):
        smile_swaps.of_renders("set", 32, FER2013_CROP)
