"""Classes that were never learned: which faces are asked about, and what is made of the answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FER2013, FERPLUS, FERPLUS_VOTES
from kaoiro.data.datasets.fer2013 import Fer2013
from kaoiro.data.splits import stratified_holdout
from kaoiro.evaluation import unlearned, unlearned_pages
from kaoiro.evaluation.unlearned import Question, Told, question
from kaoiro.evaluation.unlearned_figures import PARTS, PROBABILITY, claims, scored, section

CONTEMPT, NEUTRAL = FERPLUS.index("contempt"), FERPLUS.index("neutral")
DRAWS = 200


def rows(names: list[str | None], seed: int) -> Fer2013:
    """Return rows with a clear majority for each name; None has none."""
    votes = np.zeros((len(names), len(FERPLUS_VOTES)), np.int64)
    for row, name in zip(votes, names, strict=True):
        row[FERPLUS_VOTES.indices(["neutral", "sadness"] if name is None else [name])] = 5
    images = np.random.default_rng(seed).integers(0, 256, (len(names), 48, 48), np.uint8)
    labels = np.full(len(names), FER2013.index("neutral"))
    return Fer2013(images, labels, np.full(len(names), "Training"), votes)


def asked() -> Question:
    """Return 40 faces, every fourth of the class, the first half from PublicTest."""
    places = np.arange(40)
    images = np.zeros((40, 48, 48), np.uint8)
    return Question("contempt", images, places % 4 == 0, places < 20, np.arange(20), places)


def told(right: float, seed: int = 0) -> Told:
    """Return answers in which contempt is right to a degree, neutral is chance, and the rest says nothing."""
    draws = np.random.default_rng(seed)
    cosines = np.zeros((40, len(FERPLUS)))
    cosines[:, CONTEMPT] = right * asked().positive + draws.random(40)
    cosines[:, NEUTRAL] = 0.1 * draws.random(40)
    powers = np.exp(cosines)
    return Told(cosines, powers / powers.sum(axis=1, keepdims=True))


def test_nobody_is_asked_about_who_was_learned() -> None:
    training = rows(["contempt"] * 6 + ["neutral"] * 60 + ["fear"] * 30 + [None] * 4, 0)
    public = rows(["contempt", "neutral", "fear", None, "neutral"], 1)
    held = stratified_holdout(training.image_keys(), training.labels)
    learned = int(np.flatnonzero(~held & (np.arange(100) >= 6))[0])
    public.images[4] = training.images[learned]
    found = question("contempt", public, training)
    assert found.rows.tolist() == [0, 1, 2]  # no majority, and a copy of a face that is learned from
    assert found.public.tolist() == [True] * 3 + [False] * (len(found.positive) - 3)
    assert found.positive[:3].tolist() == [True, False, False]
    assert found.positive.sum() == 7
    others = np.flatnonzero(held & (np.arange(100) >= 6) & (np.arange(100) < 96))
    assert (~found.positive[3:]).sum() == len(others)
    np.testing.assert_array_equal(found.images[3:][~found.positive[3:]], training.images[others])


def test_copies_of_a_face_of_the_class_stay_together() -> None:
    training, public = rows(["contempt", "neutral"] * 20, 0), rows(["contempt", "fear"], 1)
    public.images[0] = training.images[0]
    found = question("contempt", public, training)
    assert found.groups[0] == found.groups[2]
    assert len(np.unique(found.groups)) == len(found.groups) - 1


def test_areas_by_hand() -> None:
    one = asked()
    found = scored(one, told(2.0), DRAWS)
    assert found.areas["together", PROBABILITY][0] == 1.0  # every face of the class above every other
    assert {part for part, _ in found.areas} == set(PARTS)
    assert found.answered == {"of the class": 1.0, "of others": pytest.approx(0.9, abs=0.1)}
    backwards = scored(one, told(-2.0), DRAWS)
    assert backwards.areas["together", PROBABILITY][0] == 0.0
    assert found.others["fear"] == pytest.approx(1 - found.areas["together", PROBABILITY][0], abs=0.05)


def test_a_part_without_the_class_is_unknown() -> None:
    one = asked()
    none = Question("contempt", one.images, one.positive & ~one.public, one.public, one.rows, one.groups)
    assert np.isnan(scored(none, told(1.0), DRAWS).areas["PublicTest", PROBABILITY][0])
    content = section({"contempt": none}, {("unseen-contempt", 0): told(1.0)}, {}, DRAWS)
    arm = content["classes"]["contempt"]["arms"]["unseen-contempt"]
    assert arm["AUC"]["PublicTest"][PROBABILITY] is None
    assert arm["AUC"]["Training"][PROBABILITY]["seeds"] == 1


def test_claims_need_three_seeds_above_chance() -> None:
    name, more = "unseen-contempt, AUC of contempt", "unseen-contempt-tied above unseen-contempt, AUC of contempt"
    runs = {("unseen-contempt", seed): scored(asked(), told(0.3, seed), DRAWS) for seed in range(3)}
    runs |= {("unseen-contempt-tied", seed): scored(asked(), told(2.0, seed), DRAWS) for seed in range(3)}
    rows_of = claims(runs)
    assert rows_of[name]["wished"] == "interval above 0.5"
    assert rows_of["unseen-contempt-tied, AUC of contempt"]["verdict"] == "holds"
    assert rows_of[more]["verdict"] == "holds"
    assert rows_of["unseen-contempt-tied above the best other word, AUC of contempt"]["verdict"] == "holds"
    assert rows_of["unseen-fear, AUC of fear"]["verdict"] == "not measured yet"
    two = claims({key: one for key, one in runs.items() if key[1] < 2})
    assert two["unseen-contempt-tied, AUC of contempt"]["verdict"] == "undecided"
    lost = claims({("unseen-contempt", seed): scored(asked(), told(-2.0, seed), DRAWS) for seed in range(3)})
    assert lost[name]["verdict"] == "does not hold"


def test_arms_that_learned_the_class_stand_beside() -> None:
    one = asked()
    said = np.zeros((30, len(FERPLUS)))
    said[one.rows, CONTEMPT] = one.positive[:20]
    found = section({"contempt": one}, {("unseen-contempt", 0): told(1.0)}, {("improved", 0): said}, DRAWS)
    assert found["classes"]["contempt"]["learned"]["improved"]["found"] == 1.0
    assert found["classes"]["contempt"]["faces"]["Training"] == {"of the class": 5, "others": 15}


def test_the_page_names_faces_areas_and_other_words() -> None:
    found = section({"contempt": asked()}, {("unseen-contempt", 0): told(1.0)}, {}, DRAWS)
    about = {"measured": "today", "commit": "abc", "epochs": 1, "budget_hours": None, "settings": {}}
    runs = {"unseen-contempt, seed 0": {"cost": "an hour"}}
    page = "\n".join(unlearned_pages.section(found | about | {"seeds": {"unseen-contempt": 1}, "runs": runs}))
    assert "Faces: 5 of contempt and 15 others from PublicTest; 5 of contempt and 15 others from Training." in page
    assert "| arm | AUC PublicTest, probability | AUC PublicTest, cosine |" in page
    assert "| arm | anger | disgust | fear |" in page
    assert "Arms that learned" not in page


def test_damaged_answers_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "unlearned.npz").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match=r"unlearned\.npz is damaged; remove it to ask the model again"):
        unlearned._read(tmp_path / "unlearned.npz")
