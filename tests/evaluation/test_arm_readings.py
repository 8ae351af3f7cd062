"""Figures and differences of system C's arms, by hand on a few images."""

from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.labels import FER2013
from kaoiro.evaluation.arm_readings import Drawn, Reading, summary, table

ANGER, DISGUST, FEAR, HAPPINESS = (FER2013.index(name) for name in ("anger", "disgust", "fear", "happiness"))
TRUTH = np.array([ANGER, ANGER, DISGUST, DISGUST, FEAR, FEAR, FEAR, HAPPINESS, HAPPINESS, HAPPINESS])
FIRST = np.array([ANGER, FEAR, DISGUST, DISGUST, FEAR, FEAR, ANGER, HAPPINESS, HAPPINESS, DISGUST])
SECOND = np.array([ANGER, ANGER, DISGUST, ANGER, FEAR, ANGER, ANGER, HAPPINESS, HAPPINESS, FEAR])


def said(guess: np.ndarray, sure: float = 0.7) -> np.ndarray:
    """Return probabilities whose largest is that of the guess."""
    return np.where(np.arange(7) == guess[:, None], sure, (1 - sure) / 6)


def drawn(**arms: list[np.ndarray]) -> Drawn:
    runs = {(arm, seed): said(guess) for arm, guesses in arms.items() for seed, guess in enumerate(guesses)}
    return Drawn(Reading(FER2013, TRUTH, np.arange(len(TRUTH)), runs, draws=200))


def test_every_measure_by_hand() -> None:
    found = table(drawn(words=[FIRST]), "words")
    level = {name: one["found"] for name, one in found["measures"].items()}
    recalls = {"anger": 1 / 2, "disgust": 2 / 2, "fear": 2 / 3, "happiness": 2 / 3}
    assert level["accuracy"] == pytest.approx(7 / 10)
    assert level["macro recall"] == pytest.approx(sum(recalls.values()) / 4)
    assert level["NEG2 recall"] == pytest.approx((1 + 2 / 3) / 2)
    assert level["NEG2 precision"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert level["NEG recall"] is None  # no sadness among the images
    per_class = found["per class"]
    assert {name: per_class[name]["recall"] for name in recalls} == pytest.approx(recalls)
    assert per_class["disgust"]["precision"] == pytest.approx(2 / 3)
    assert per_class["disgust"]["f1"] == pytest.approx(4 / 5)
    assert per_class["sadness"] == {"recall": None, "precision": None, "f1": None, "support": 0}
    # 10 answers of 0.7, 7 of them right
    assert level["ECE"] == pytest.approx(0.0)
    counts = found["confusion"]["counts"]
    assert counts[ANGER] == [1, 0, 1, 0, 0, 0, 0]
    assert counts[HAPPINESS] == [0, 1, 0, 2, 0, 0, 0]


def test_confusions_of_seeds_are_summed_and_kept() -> None:
    found = table(drawn(words=[FIRST, SECOND]), "words")["confusion"]
    assert found["counts"][DISGUST][DISGUST] == 3
    assert found["by seed"]["0"][DISGUST][DISGUST] == 2
    assert found["by seed"]["1"][DISGUST][DISGUST] == 1


def test_a_difference_is_the_mean_over_seeds_in_common() -> None:
    both = drawn(words=[FIRST, TRUTH, TRUTH], linear=[SECOND, SECOND])
    gap = both.gap("words", "linear", both.reading.measures()["accuracy"])
    # 7/10 and 10/10 against 6/10 and 6/10; the third seed has nothing beside it
    assert gap is not None
    assert gap["by seed"] == pytest.approx([0.1, 0.4])
    assert gap["found"] == pytest.approx(0.25)
    assert gap["sd"] == pytest.approx(0.3 / 2**0.5)
    assert gap["seeds"] == 2
    assert gap["interval"][0] <= 0.25 <= gap["interval"][1]
    assert both.gap("words", "nobody", both.reading.measures()["accuracy"]) is None


def test_the_same_answers_differ_by_nothing_in_every_draw() -> None:
    both = drawn(words=[FIRST], linear=[FIRST])
    gap = both.gap("words", "linear", both.reading.measures()["macro recall"])
    assert gap is not None
    assert gap["interval"] == [0.0, 0.0]


def test_mcnemar_counts_images_that_one_alone_has_right() -> None:
    both = drawn(words=[FIRST, SECOND], linear=[SECOND, FIRST])
    test = both.discordant("words", "linear")
    # FIRST alone: the second disgust, the second fear; SECOND alone: the second anger
    assert test["right alone"] == [[2, 1], [1, 2]]
    assert test["p by seed"] == pytest.approx([1.0, 1.0])
    assert test["p pooled"] == pytest.approx(1.0)
    assert both.discordant("words", "nobody")["p pooled"] is None


def test_an_arm_that_learns_nothing_stands_beside_every_seed() -> None:
    both = drawn(**{"clip-zero-shot": [FIRST], "clip-linear": [SECOND, TRUTH]})
    gap = both.gap("clip-zero-shot", "clip-linear", both.reading.measures()["accuracy"])
    assert gap is not None
    assert gap["by seed"] == pytest.approx([0.1, -0.3])


def test_what_is_undefined_is_none() -> None:
    found = summary([float("nan")], [np.full(5, np.nan)])
    assert (found["found"], found["interval"], found["sd"], found["by seed"]) == (None, None, None, [None])
