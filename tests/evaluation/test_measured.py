from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.evaluation import measured
from kaoiro.evaluation.measured import Measured


def one(values: dict[str, tuple[float, float]], **tables) -> Measured:
    return Measured(tuple(values), {"share": np.array(list(values.values()), float)}, tables)


def many(mean: float, people: int = 40, seed: int = 0) -> Measured:
    rng = np.random.default_rng(seed)
    shares = rng.normal(mean, 0.05, people)
    return Measured(tuple(f"p{k:02d}" for k in range(people)), {"share": np.column_stack([10 * shares, [10] * people])})


def test_values_are_summed_for_each_person_and_unknown_ones_left_out():
    found = measured.per_person(np.array([1.0, 0.0, np.nan, 1.0]), np.array(["b", "a", "b", "b"]))
    assert found.tolist() == [[0, 1], [2, 2]]
    weighed = measured.per_person(np.array([1.0, 3.0]), np.array(["a", "a"]), np.array([2.0, 6.0]))
    assert weighed.tolist() == [[4, 8]]
    assert measured.per_person(np.array([True, False]), np.array(["a", "a"])).tolist() == [[1, 2]]


def test_a_figure_weighs_people_by_their_faces():
    assert float(one({"a": (1, 2), "b": (6, 6)}).figure("share")) == pytest.approx(7 / 8)
    assert np.isnan(one({"a": (1, 2)}).figure("other"))


def test_folds_add_people_and_average_tables():
    first = one({"a": (1, 2), "b": (2, 2)}, codes={"x": {"width": 4.0, "own": 1.0}})
    second = one({"b": (0, 2), "c": (1, 1)}, codes={"x": {"width": 8.0}})
    both = measured.merged([first, second])
    assert both.people == ("a", "b", "c")
    assert both.sums["share"].tolist() == [[1, 2], [2, 4], [1, 1]]
    assert both.tables["codes"]["x"] == {"width": 6.0, "own": 1.0}
    with pytest.raises(InputError, match="no measurements"):
        measured.merged([])


def test_stored_figures_come_back():
    first = one({"a": (1, 2)}, codes={"x": {"width": np.float32(4)}})
    again = measured.restored(first.stored())
    assert again.people == first.people and (again.sums["share"] == first.sums["share"]).all()
    assert again.tables == {"codes": {"x": {"width": 4.0}}}
    for bad in ({}, [], {"people": ["a"], "sums": {"share": [[1, 2], [3, 4]]}}, {"people": ["a"], "sums": {"s": "x"}}):
        with pytest.raises(InputError, match="damaged"):
            measured.restored(bad)


def test_a_difference_is_paired_over_the_people_of_both():
    ours, theirs = many(0.6), many(0.5)
    found = measured.difference([ours], [theirs], "share")
    assert found is not None
    assert found == pytest.approx((0.1, 0.1, 0.1))  # the same people vary alike
    other = measured.difference([ours], [many(0.5, seed=1)], "share")
    assert other is not None and other[1] < other[0] < other[2] and other[2] - other[1] > 0.02
    fewer = measured.difference([ours], [theirs.of(["p03", "p01"])], "share")
    assert fewer is not None and fewer[0] == pytest.approx(0.1)
    assert measured.difference([ours], [], "share") is measured.level([ours], "other") is None
    with pytest.raises(InputError, match="different people"):
        measured.difference([ours], [one({"z": (1, 1)})], "share")


def test_a_level_is_the_mean_over_seeds_with_an_interval_over_people():
    found = measured.level([many(0.4), many(0.6, seed=1)], "share")
    assert found is not None
    assert found[0] == pytest.approx(0.5, abs=0.02)
    assert found[1] < found[0] < found[2]
    assert found[2] - found[1] == pytest.approx(2 * 1.96 * 0.05 / np.sqrt(2 * 40), rel=0.35)


def test_a_ratio_is_paired():
    table = many(0.5).sums["share"]
    both = Measured(many(0.5).people, {"ours": table * [0.5, 1], "theirs": table})
    assert measured.ratio([both], "ours", "theirs") == pytest.approx((0.5, 0.5, 0.5))


def test_verdicts_go_by_the_whole_interval():
    def word(found, limit, at_most=False):
        return measured.verdict(found, limit, at_most)["verdict"]

    assert word((0.7, 0.65, 0.75), 0.6) == "holds"
    assert word((0.7, 0.55, 0.75), 0.6) == "undecided"
    assert word((0.5, 0.45, 0.55), 0.6) == "does not hold"
    assert word((0.5, 0.45, 0.55), 0.6, at_most=True) == "holds"
    assert word((0.7, 0.65, 0.75), 0.6, at_most=True) == "does not hold"
    assert word(None, 0.6) == "not measured yet"
    assert measured.verdict((3.0, 1.0, 4.0), 3, at_most=True)["wished"] == "at most 3"


def test_an_order_holds_is_missed_or_not_resolved():
    def word(found, may_tie=False):
        return measured.above(found, may_tie)["verdict"]

    assert word((0.1, 0.05, 0.2)) == "holds"
    assert word((0.1, -0.05, 0.2)) == word((0.0, 0.0, 0.0)) == "not resolved"
    assert word((-0.1, -0.2, -0.05)) == word((-0.1, -0.2, -0.05), True) == "does not hold"
    assert word((-0.1, -0.2, 0.05), True) == "holds"
    assert word(None) == word(None, True) == "not measured yet"
