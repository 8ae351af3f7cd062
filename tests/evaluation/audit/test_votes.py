from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.labels import FER2013, FERPLUS_VOTES
from kaoiro.evaluation.audit import votes

ANGER, FEAR, NEUTRAL = FER2013.indices(("anger", "fear", "neutral"))


def voted(**counts: int) -> np.ndarray:
    row = np.zeros(len(FERPLUS_VOTES), np.int64)
    for name, count in counts.items():
        row[FERPLUS_VOTES.index(name)] = count
    return row


def test_entropy_is_in_bits() -> None:
    found = votes.entropy(np.stack([voted(anger=10), voted(anger=5, fear=5), voted(anger=4, fear=4, NF=8), voted()]))
    assert found[:3].tolist() == pytest.approx([0, 1, 1.5])
    assert np.isnan(found[3])


def test_labels_are_compared_with_the_most_frequent_vote_and_with_the_majority() -> None:
    table = np.stack([voted(anger=10), voted(neutral=9, fear=1), voted(fear=5, surprise=5), voted(NF=10)])
    truth = np.array([ANGER, FEAR, FEAR, NEUTRAL])
    found = votes.agreement(truth, table, FER2013, np.arange(4))
    assert found["label is the most frequent vote"] == 0.25  # of fear and surprise, surprise comes first
    assert (found["images with a majority among emotions"], found["label is the majority"]) == (2, 0.5)
    assert found["labels and votes"]["fear"]["share of the votes"] == pytest.approx((0.1 + 0.5) / 2)
    assert found["labels and votes"]["disgust"]["agrees with the majority"] is None
    crossed = found["label (rows) and most frequent vote (columns)"]
    assert (crossed["fear"]["neutral"], crossed["fear"]["surprise"], crossed["neutral"]["NF"]) == (1, 1, 1)
    assert sum(sum(row.values()) for row in crossed.values()) == 4


def test_precision_counts_only_labels_with_a_majority_in_the_order_of_doubt() -> None:
    table = np.stack([voted(anger=10), voted(neutral=10), voted(fear=5, surprise=5), voted(neutral=10)])
    truth, suggested = np.array([ANGER, FEAR, FEAR, NEUTRAL]), np.array([NEUTRAL, NEUTRAL, ANGER, NEUTRAL])
    rows, among = np.array([1, 2, 0]), np.ones(4, bool)
    found = votes.precision(truth, table, FER2013, rows, suggested, among, np.arange(4))
    assert list(found) == ["first 3", "all labels"]
    assert (found["first 3"]["with a FER+ majority"], found["first 3"]["it contradicts the label"]) == (2, 0.5)
    assert found["first 3"]["it is the suggested label"] == 0.5
    assert found["all labels"]["it contradicts the label"] == pytest.approx(1 / 3)
    among[1] = False
    assert votes.precision(truth, table, FER2013, rows, suggested, among, np.arange(4))["first 2"]["n"] == 2


def test_the_detector_is_held_against_votes_for_no_face() -> None:
    table = np.stack([voted(anger=10), voted(fear=10), voted(NF=6, fear=4), voted(NF=10), voted(NF=10)])
    scores, constant = np.array([0.9, 0.15, 0.3, 0.05, 0.0]), np.array([0, 0, 0, 0, 1], bool)
    found = votes.faces(scores, table, constant)
    assert (found["real crops (no vote for 'unknown' or 'not a face')"], found["AUC of the detector's score"]) == (
        2,
        0.75,
    )
    row = found["detector on crops"]["below 0.2"]
    assert (row["real crops missed"], row["called no face by half of the voters"]) == (0.5, 0.5)
    assert (row["images suspected"], row["of these called no face by half"]) == (2, 0.5)
    assert votes.faces(np.full(5, np.nan), table, constant) == {}
