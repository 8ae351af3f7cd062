from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.core.labels import FER2013
from kaoiro.synthesis.difficulty import load
from kaoiro.synthesis.prototypes import SHOWN
from kaoiro.synthesis.script import expression_clip
from kaoiro.synthesis.sets import NAMES, WARD_CUT, Plan, plans

DIFFICULTY = load()


def of(name: str, scale: float = 1.0) -> dict[str, list[Plan]]:
    """Return the plans of a set by split."""
    result: dict[str, list[Plan]] = {}
    for plan in plans(name, DIFFICULTY, scale):
        result.setdefault(plan.split, []).append(plan)
    return result


def subjects(found: list[Plan]) -> list[str]:
    return list(dict.fromkeys(plan.subject for plan in found))


def total(found: list[Plan], role: str) -> int:
    return sum(getattr(plan, role) for plan in found)


def test_syn_id_has_the_sizes_of_the_seed() -> None:
    found = of("syn-id")
    assert {split: len(subjects(part)) for split, part in found.items()} == {
        "train": 195,
        "paper-test": 7,
        "further-test": 40,
    }
    assert {split: total(part, "training") for split, part in found.items()} == {
        "train": 29085,
        "paper-test": 0,
        "further-test": 0,
    }
    assert {split: total(part, "evaluation") for split, part in found.items()} == {
        "train": 1842,
        "paper-test": 195,
        "further-test": 1114,
    }
    assert set(Counter(plan.training for plan in found["train"])) == {21, 22}
    assert set(Counter(plan.evaluation for plan in found["further-test"])) == {3, 4}


def test_syn_id_shows_every_expression_of_every_subject_once() -> None:
    for part in of("syn-id").values():
        assert Counter((plan.subject, plan.expression) for plan in part) == {
            (subject, expression): 1 for subject in subjects(part) for expression in FER2013.labels
        }


def test_syn_posed_has_the_clips_of_syn_id_with_the_same_course() -> None:
    found, own = plans("syn-posed", DIFFICULTY, seed=3), plans("syn-id", DIFFICULTY, seed=3)
    assert [replace(plan, set="syn-id", level=other.level) for plan, other in zip(found, own, strict=True)] == own
    assert {plan.level for plan in found} == {"posed"}
    for plan, other in list(zip(found, own, strict=True))[::97]:
        ours, theirs = plan.script(3, DIFFICULTY), other.script(3, DIFFICULTY)
        for name in ("time_s", "intensity", "labels", "valence", "arousal"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        assert ours.expression == theirs.expression
        if other.level == "low":  # which the posed one is like, but for the head, the chair and the exposure
            np.testing.assert_array_equal(ours.units, theirs.units)


def test_all_clips_of_a_person_of_syn_posed_are_of_one_session() -> None:
    sessions: dict[str, set[tuple[int, int]]] = {}
    noises = []
    for plan in plans("syn-posed", DIFFICULTY, 0.02):
        script = plan.script(0, DIFFICULTY)
        sessions.setdefault(plan.subject, set()).add((script.light_seed, script.background_seed))
        noises.append(script.noise_seed)
        assert np.ptp(script.yaw) < 15  # a head that hardly turns
    assert {len(found) for found in sessions.values()} == {1}
    seeds = [seed for found in sessions.values() for pair in found for seed in pair]
    assert len(sessions) == 6 and len(set(seeds)) == 12  # another light and background for everybody
    assert len(set(noises)) == len(noises)
    plan = plans("syn-posed", DIFFICULTY)[0]
    assert plan.script(0, DIFFICULTY).light_seed != plan.script(1, DIFFICULTY).light_seed
    lights = {one.script(0, DIFFICULTY).light_seed for one in plans("syn-id", DIFFICULTY, 0.02)[:7]}
    assert len(lights) == 7  # of syn-id, each clip in its own


def test_names_and_places_of_clips_say_nothing_about_the_expression() -> None:
    found = of("syn-id")["train"]
    assert [plan.clip for plan in found] == [f"clip-{place}" for _ in subjects(found) for place in range(7)]
    pairs = Counter((plan.clip, plan.expression) for plan in found)
    assert len(pairs) == 49
    assert set(pairs.values()) <= set(range(12, 45))  # 195 / 7 = 28, three standard deviations
    assert plans("syn-id", DIFFICULTY) == plans("syn-id", DIFFICULTY, seed=0) != plans("syn-id", DIFFICULTY, seed=1)
    named = [plan for name in ("syn-vid", "syn-mt", "conference") for plan in plans(name, DIFFICULTY)]
    assert not [plan for plan in named if any(label in plan.subject + plan.clip for label in FER2013.labels)]


def test_evaluation_frames_of_syn_id_are_spread_evenly_over_expressions() -> None:
    counts = Counter(dict.fromkeys(FER2013.labels, 0))
    for plan in of("syn-id")["train"]:
        counts[plan.expression] += plan.evaluation or 0
    assert max(counts.values()) - min(counts.values()) <= 3


def test_syn_vid_is_balanced_over_levels_and_expressions_in_every_split() -> None:
    found = of("syn-vid")
    assert {split: len(part) for split, part in found.items()} == {"train": 180, "val": 60, "test": 60}
    for part in found.values():
        assert len(subjects(part)) == len(part)
        pairs = Counter((plan.level, plan.expression) for plan in part)
        assert len(pairs) == 3 * len(SHOWN)
        assert max(pairs.values()) - min(pairs.values()) <= 1


def test_syn_flicker_has_the_test_clips_of_syn_vid_with_the_same_course_in_other_light() -> None:
    found, tested = plans("syn-flicker", DIFFICULTY), of("syn-vid")["test"]
    assert [(p.subject, p.clip, p.expression, p.split) for p in found] == [
        (p.subject, p.clip, p.expression, p.split) for p in tested
    ]
    assert {plan.level for plan in found} == {"flicker"}
    ours, theirs = found[0].script(0, DIFFICULTY), tested[0].script(0, DIFFICULTY)
    np.testing.assert_array_equal(ours.time_s, theirs.time_s)
    np.testing.assert_array_equal(ours.intensity, theirs.intensity)
    np.testing.assert_array_equal(ours.yaw, theirs.yaw)
    assert tested[0].level == "low"
    assert np.std(ours.exposure) > 3 * np.std(theirs.exposure)


def test_syn_mt_gives_the_same_shares_of_labels_away_in_every_split_and_never_both() -> None:
    found = of("syn-mt")
    assert {split: len(part) for split, part in found.items()} == {"train": 210, "val": 30, "test": 60}
    for part in found.values():
        assert not any(plan.has_units and plan.has_expression for plan in part)
        assert sum(plan.has_units for plan in part) == pytest.approx(len(part) / 5, abs=1)
        assert sum(plan.has_expression for plan in part) == pytest.approx(len(part) / 4, abs=1)
    everyone = [plan for part in found.values() for plan in part]
    assert sum(plan.has_units for plan in everyone) == 60
    assert sum(plan.has_expression for plan in everyone) == pytest.approx(75, abs=1)


def test_syn_swap_shows_the_further_test_subjects_of_syn_id() -> None:
    found = plans("syn-swap", DIFFICULTY)
    assert len(found) == 280
    assert subjects(found) == subjects(of("syn-id")["further-test"])
    assert Counter(plan.expression for plan in found) == dict.fromkeys(FER2013.labels, 40)


def test_syn_ward_has_one_picture_of_every_expression_of_every_person_at_the_apex() -> None:
    found = of("syn-ward")
    assert {split: len(subjects(part)) for split, part in found.items()} == {"train": 137, "val": 62, "test": 150}
    assert {split: total(part, "training") for split, part in found.items()} == {"train": 959, "val": 0, "test": 0}
    assert {split: total(part, "evaluation") for split, part in found.items()} == {"train": 0, "val": 434, "test": 1050}
    for part in found.values():
        assert Counter((plan.subject, plan.expression) for plan in part) == {
            (subject, expression): 1 for subject in subjects(part) for expression in FER2013.labels
        }
        for length in (60, 61, 150):
            training, evaluation = part[0].frames(length, 3)
            assert np.flatnonzero(training | evaluation).tolist() == [length // 2]
    assert len({(plan.clip, plan.expression) for plan in found["train"]}) == 49  # names of clips say nothing


def test_faces_of_syn_ward_are_cut_with_more_around_them_than_a_detector_leaves() -> None:
    plan = plans("syn-ward", DIFFICULTY)[0]
    ours = plan.script(0, DIFFICULTY)
    tight = expression_clip(plan.subject, plan.clip, plan.expression, plan.level, plan.set, 0, DIFFICULTY)
    np.testing.assert_array_equal(ours.box_jitter[:, :2], tight.box_jitter[:, :2])
    np.testing.assert_allclose(np.exp(ours.box_jitter[:, 2] - tight.box_jitter[:, 2]), WARD_CUT)
    np.testing.assert_array_equal(ours.units, tight.units)
    assert ours.labels[len(ours) // 2] == plan.expression


def test_conferences_take_the_planted_shares_in_turn() -> None:
    found, settings = plans("conference", DIFFICULTY), DIFFICULTY.conference
    assert len(found) == settings.recordings
    assert [plan.share for plan in found] == [settings.shares[k % len(settings.shares)] for k in range(len(found))]
    assert Counter((plan.share, plan.level) for plan in found) == {
        (share, level): 1 for share in settings.shares for level in ("low", "medium", "high")
    }
    assert len(subjects(found)) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [1.0, 0.1, 1e-9])
def test_splits_share_no_subject_and_clips_are_named_once(name: str, scale: float) -> None:
    found = of(name, scale)
    assert len(found) == len(of(name))
    everyone = [subject for part in found.values() for subject in subjects(part)]
    assert len(everyone) == len(set(everyone))
    clips = [(plan.subject, plan.clip) for part in found.values() for plan in part]
    assert len(clips) == len(set(clips))


def test_sets_that_show_nobody_again_have_subjects_of_their_own() -> None:
    again = ("syn-posed", "syn-swap", "syn-flicker")
    groups = [set(subjects(plans(name, DIFFICULTY))) for name in NAMES if name not in again]
    assert sum(map(len, groups)) == len(set().union(*groups))


@pytest.mark.parametrize("name", NAMES)
def test_a_smaller_scale_takes_the_first_clips_of_each_split(name: str) -> None:
    for split, part in of(name, 0.1).items():
        whole = of(name)[split]
        assert len(part) < len(whole)
        assert [(plan.subject, plan.clip) for plan in part] == [(p.subject, p.clip) for p in whole[: len(part)]]


def test_the_smallest_scale_still_shows_all_expressions_and_gives_all_kinds_of_labels() -> None:
    for part in of("syn-vid", 1e-9).values():
        assert {plan.expression for plan in part} == set(SHOWN)
    for part in of("syn-mt", 1e-9).values():
        assert any(plan.has_units for plan in part)
        assert any(plan.has_expression for plan in part)
    assert len({plan.share > 0 for plan in plans("conference", DIFFICULTY, 1e-9)}) == 2


def test_the_scale_keeps_the_frames_per_clip() -> None:
    part = of("syn-id", 0.1)["train"]
    assert len(subjects(part)) == 20
    assert total(part, "training") == round(29085 * 20 / 195)


@pytest.mark.parametrize("scale", [0.0, -1.0, 1.01, float("nan"), float("inf")])
def test_an_impossible_scale_is_refused(scale: float) -> None:
    with pytest.raises(InputError, match="scale must be above 0 and at most 1"):
        plans("syn-id", DIFFICULTY, scale)


def test_an_unknown_set_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"set must be one of syn-id, syn-posed, syn-vid, .*, not syn-x"):
        plans("syn-x", DIFFICULTY)


def test_training_frames_lie_at_equal_intervals_and_evaluation_frames_about_the_centre() -> None:
    training, evaluation = Plan("syn-id", "a", "b", "train", "low", "anger", training=21, evaluation=4).frames(100, 3)
    places = training.nonzero()[0]
    assert len(places) == 21
    assert set((places[1:] - places[:-1]).tolist()) == {4, 5}
    assert evaluation.sum() == 4
    assert set(evaluation.nonzero()[0].tolist()) <= set(range(47, 54))


def test_sets_of_all_frames_learn_from_train_and_measure_on_the_rest() -> None:
    for split, part in of("syn-vid").items():
        training, evaluation = part[0].frames(60, 3)
        assert training.all() == (split == "train")
        assert evaluation.all() == (split != "train")
        assert not (training & evaluation).any()


@pytest.mark.parametrize("name", NAMES)
def test_scripts_are_those_of_the_plan(name: str) -> None:
    plan = plans(name, DIFFICULTY)[-1]
    script = plan.script(3, DIFFICULTY)
    assert (script.subject, script.clip, script.level) == (plan.subject, plan.clip, plan.level)
    if plan.expression:
        assert script.expression == plan.expression
