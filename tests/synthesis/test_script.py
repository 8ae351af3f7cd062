from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.core.labels import AFFECT_CENTRES, FER2013
from kaoiro.synthesis.action_units import SHAPES, blend_weights, column
from kaoiro.synthesis.difficulty import Difficulty, load
from kaoiro.synthesis.motion import speech
from kaoiro.synthesis.prototypes import mean, prototype
from kaoiro.synthesis.script import Script, blend_clip, conference, expression_clip, in_one_session, still
from kaoiro.synthesis.seeds import number, stream

ALL = load()


def clip(name: str = "c", expression: str = "fear", level: str = "high", seed: int = 7, **more: bool) -> Script:
    return expression_clip("s", name, expression, level, "syn-vid", seed, ALL, **more)


def arrays(script: Script) -> dict[str, np.ndarray]:
    return {name: value for name, value in vars(script).items() if isinstance(value, np.ndarray)}


def with_level(name: str, **changes: float) -> Difficulty:
    return replace(ALL, levels={**ALL.levels, name: replace(ALL.level(name), **changes)})


def check_invariants(script: Script) -> None:
    assert script.units.dtype == script.intensity.dtype == np.float32
    for values in (script.units, script.intensity, *script.shapes.values()):
        assert values.min() >= 0 and values.max() <= 1
    for values in (script.valence, script.arousal):
        assert np.abs(values).max() <= 1
    assert script.time_s[0] == 0 and np.all(np.diff(script.time_s) > 0)
    assert script.exposure.min() > 0 and script.zoom.min() > 0
    assert set(script.labels) <= set(FER2013.labels)
    assert np.array_equal(script.labels != "neutral", script.intensity >= np.float32(0.1))
    assert all(np.isfinite(values).all() for values in arrays(script).values() if values.dtype.kind == "f")
    assert set(script.shapes) <= SHAPES


@pytest.mark.parametrize("variable_rate", [False, True])
@pytest.mark.parametrize("level", ALL.levels)
@pytest.mark.parametrize("expression", ["neutral", "fear", "happiness"])
def test_clips_of_many_seeds_stay_within_their_scales(expression: str, level: str, variable_rate: bool) -> None:
    for seed in range(12):
        script = clip(expression=expression, level=level, seed=seed, variable_rate=variable_rate)
        check_invariants(script)
        assert 60 <= len(script) <= 150 and not script.episodes and not script.shapes


@pytest.mark.parametrize("variable_rate", [False, True])
def test_the_frames_around_the_centre_lie_on_the_apex_and_the_ends_are_neutral(variable_rate: bool) -> None:
    for seed in range(40):
        script = clip(seed=seed, variable_rate=variable_rate)
        middle = len(script) // 2
        apex = script.intensity[middle - 3 : middle + 4]
        assert len(apex) == 7 and np.all(apex == script.intensity.max()) and 0.3 <= apex[0] <= 1
        assert script.intensity[0] == script.intensity[-1] == script.valence[0] == script.arousal[-1] == 0
        assert np.all(np.diff(script.intensity[:middle]) >= 0) and np.all(np.diff(script.intensity[middle:]) <= 0)


def test_regular_clips_have_25_frames_per_second_and_variable_ones_15_to_30() -> None:
    assert np.allclose(np.diff(clip().time_s), 0.04)
    steps = np.diff(clip(variable_rate=True).time_s)
    assert steps.min() >= 1 / 30 - 1e-9 and steps.max() <= 1 / 15 + 1e-9 and steps.std() > 0.002


def test_the_same_seed_writes_the_same_clip_and_others_another() -> None:
    for name, values in arrays(clip()).items():
        assert np.array_equal(values, arrays(clip())[name]), name
    assert not np.array_equal(clip().yaw[:60], clip("d").yaw[:60])
    assert not np.array_equal(clip().yaw[:60], clip(seed=8).yaw[:60])
    assert len({clip().light_seed, clip().background_seed, clip().noise_seed, clip("d").light_seed}) == 4


def test_changing_one_process_leaves_the_others_alone() -> None:
    before = expression_clip("s", "c", "fear", "high", "syn-vid", 7, ALL)
    after = expression_clip(
        "s", "c", "fear", "high", "syn-vid", 7, with_level("high", gaze_sd=1.0, blinks_per_minute=0)
    )
    differing = {name for name, values in arrays(before).items() if not np.array_equal(values, arrays(after)[name])}
    assert differing <= {"gaze", "units"} and "gaze" in differing
    others = np.delete(np.arange(20), column(43))
    assert np.array_equal(before.units[:, :, others], after.units[:, :, others])
    assert (before.light_seed, before.jpeg, before.blur) == (after.light_seed, after.jpeg, after.blur)


def test_the_level_changes_the_nuisance_and_not_the_truth() -> None:
    low, high = clip(level="low"), clip(level="high")
    for name in ("time_s", "intensity", "valence", "arousal", "labels"):
        assert np.array_equal(arrays(low)[name], arrays(high)[name])
    assert high.box_jitter.std() > 2 * low.box_jitter.std() and high.noise > low.noise


def test_without_nuisance_the_units_are_the_prototype_times_the_course() -> None:
    script = clip(expression="happiness", level="none")
    found = {6, 12}, {6, 12, 25}
    active = {unit for unit in (6, 12, 25, 1, 4, 43) if script.units[:, :, column(unit)].any()}
    assert active in (*found, {12, 25})
    peak, smile = script.intensity.max(), script.units[:, 0, column(12)]
    assert np.allclose(smile, script.intensity * smile.max() / peak, atol=1e-6) and 0.7 <= smile.max() / peak <= 1
    assert np.array_equal(script.units[:, 0], script.units[:, 1])
    assert not script.yaw.any() and not script.box_jitter.any() and np.all(script.exposure == 1)


def test_valence_and_arousal_rise_with_the_intensity_to_their_centre_and_one_noise() -> None:
    errors = []
    for seed in range(150):
        script = expression_clip("s", "c", "sadness", "none", (0.8, 0.8), seed, ALL)
        peak = len(script) // 2
        felt = np.array([script.valence, script.arousal])
        assert np.allclose(felt, felt[:, [peak]] * script.intensity / np.float32(0.8), atol=1e-6)
        errors.append(felt[:, peak] - 0.8 * np.array(AFFECT_CENTRES["sadness"]))
    assert np.allclose(np.mean(errors, axis=0), 0, atol=0.016)
    assert np.allclose(np.std(errors, axis=0), 0.05, atol=0.011)


def test_a_neutral_clip_shows_nothing_but_blinks_and_twitches() -> None:
    script = clip(expression="neutral", level="medium")
    assert not script.intensity.any() and not script.valence.any() and set(script.labels) == {"neutral"}
    assert 0 < np.delete(script.units, column(43), axis=2).max() < 0.4


def test_sides_differ_at_the_levels_that_ask_for_it_and_blinks_do_not() -> None:
    script = expression_clip("s", "c", "surprise", "high", (1.0, 1.0), 3, with_level("high", rest_sd=0.0))
    left, right = script.units[:, 0], script.units[:, 1]
    assert np.abs(left - right).max() > 0.02
    assert np.array_equal(left[:, column(43)], right[:, column(43)])


def test_pose_starts_within_the_range_of_its_level() -> None:
    still_head = with_level("medium", turn_sd=(0.0, 0.0, 0.0))
    starts = np.array(
        [[s.yaw[0], s.pitch[0], s.roll[0]] for seed in range(120)
         for s in [expression_clip("s", "c", "fear", "medium", "syn-vid", seed, still_head)]]
    )  # fmt: skip
    assert np.all(np.abs(starts) <= [18, 12, 8]) and np.all(np.abs(starts).max(axis=0) > [15, 10, 6.5])


def test_intensity_is_drawn_from_the_set_or_from_the_range_that_is_given() -> None:
    peaks = [expression_clip("s", str(k), "anger", "low", "syn-id", 0, ALL).intensity.max() for k in range(40)]
    assert 0.6 <= min(peaks) < 0.7 and 0.9 < max(peaks) <= 1
    fixed = expression_clip("s", "c", "anger", "low", (0.25, 0.25), 0, ALL)
    assert fixed.intensity.max() == np.float32(0.25)


def test_impossible_clips_are_refused() -> None:
    for expression, level, intensity, seed, message in (
        ("contempt", "low", "syn-id", 0, "'contempt'"),
        ("fear", "extreme", "syn-id", 0, "nuisance level"),
        ("fear", "low", "mug", 0, "set must be one of"),
        ("fear", "low", (0.5, 0.2), 0, "intensity at the apex"),
        ("fear", "low", (0.5, 1.2), 0, "intensity at the apex"),
        ("fear", "low", "syn-id", -1, "seed"),
    ):
        with pytest.raises(InputError, match=message):
            expression_clip("s", "c", expression, level, intensity, seed, ALL)


def test_blend_videos_have_several_showings_with_neutral_between() -> None:
    kinds = set()
    for seed in range(40):
        script = blend_clip("s", "v", "medium", "syn-mt", seed, ALL)
        check_invariants(script)
        assert 120 <= len(script) <= 240
        rises = np.count_nonzero(np.diff((script.intensity > 0).astype(int)) == 1)
        assert 2 <= rises <= 4
        kinds.add(rises)
        strongest = script.labels[np.argmax(script.intensity)]
        assert script.expression == strongest
    assert kinds == {2, 3, 4}


def test_blends_lie_between_the_centres_of_two_expressions() -> None:
    calm = replace(ALL, truth=replace(ALL.truth, affect_sd=0.0), blend=replace(ALL.blend, blended=1.0))
    centres = np.array(list(AFFECT_CENTRES.values()))
    for seed in range(20):
        script = blend_clip("s", "v", "none", (1.0, 1.0), seed, calm)
        top = int(np.argmax(script.intensity))
        felt = np.array([script.valence[top], script.arousal[top]])
        own = np.array(AFFECT_CENTRES[script.labels[top]])
        found = [
            np.linalg.norm(felt - (own + share * (other - own)))
            for other in centres for share in np.linspace(0.25, 0.45, 201)
        ]  # fmt: skip
        assert min(found) < 2e-3


@pytest.mark.parametrize("expression", FER2013.labels)
def test_stills_differ_in_nothing_but_subject_and_expression(expression: str) -> None:
    one, other, reference = still("a", expression), still("b", expression), still("a", "fear")
    check_invariants(one)
    assert len(one) == 1 and (one.subject, other.subject) == ("a", "b") and one.expression == expression
    for name, values in arrays(one).items():
        assert np.array_equal(values, arrays(other)[name])
        assert name in ("units", "valence", "arousal", "labels", "intensity") or np.array_equal(
            values, arrays(reference)[name]
        )
    for name in ("light_seed", "background_seed", "noise_seed", "blur", "noise", "jpeg", "level"):
        assert getattr(one, name) == getattr(other, name) == getattr(reference, name)
    assert np.allclose(one.units[0], mean(expression, "facs", 1.0)) and one.labels[0] == expression
    assert (one.valence[0], one.arousal[0]) == pytest.approx(AFFECT_CENTRES[expression])
    assert (one.yaw[0], one.blur, one.noise, one.jpeg, one.zoom[0], one.exposure[0]) == (0, 0, 0, 100, 1, 1)


def test_a_session_gives_a_clip_its_light_and_background_and_nothing_else() -> None:
    first, second = in_one_session(clip("c"), 7), in_one_session(clip("d", "anger"), 7)
    assert (first.light_seed, first.background_seed) == (second.light_seed, second.background_seed)
    assert first.light_seed != first.background_seed
    changed = {name for name, value in vars(clip("c")).items() if np.any(getattr(first, name) != value)}
    assert changed == {"light_seed", "background_seed"}
    assert in_one_session(replace(clip("c"), subject="t"), 7).light_seed != first.light_seed
    assert in_one_session(clip("c"), 8).light_seed != first.light_seed


@pytest.mark.parametrize("share", [*ALL.conference.shares, 0.2])
def test_the_planted_share_of_a_conference_is_as_asked_to_the_frame(share: float) -> None:
    for seed in range(2):
        script = conference("s", 1, share, ALL, seed)
        check_invariants(script)
        assert len(script) == 4500 and script.clip == "conference-01"
        assert np.count_nonzero(script.labels == "anger") == round(share * 4500)
        assert sum(one.end_s - one.start_s for one in script.episodes) == pytest.approx(share * 180, abs=0.04)
        assert script.expression == ("anger" if script.episodes else "neutral")


def test_episodes_are_weak_apart_and_where_the_table_says() -> None:
    script = conference("s", 2, 0.05, ALL, 5)
    assert len(script.episodes) >= 3
    inside = np.zeros(len(script), bool)
    for one in script.episodes:
        assert 1 <= round(one.end_s - one.start_s, 6) <= 4 and 0.15 <= one.intensity <= 0.4
        within = (script.time_s > one.start_s) & (script.time_s < one.end_s)
        assert script.intensity[within].max() == pytest.approx(one.intensity)
        inside |= within
    assert np.array_equal(inside, script.labels == "anger")
    gaps = [after.start_s - before.end_s for before, after in zip(script.episodes, script.episodes[1:], strict=False)]
    assert min(gaps) >= 2 - 1e-9


def test_a_share_shorter_than_any_episode_is_one_short_episode() -> None:
    (only,) = conference("s", 1, 0.003, ALL, 0).episodes
    assert only.end_s - only.start_s == pytest.approx(0.56)  # 14 of 4500 frames


def test_a_conference_is_spoken_and_may_plant_another_expression() -> None:
    script = conference("s", 1, 0.02, ALL, 0, expression="disgust")
    assert set(script.labels) == {"neutral", "disgust"} and script.units[:, :, column(26)].max() > 0.4
    shown = {unit for table in ("facs", "probabilistic") for unit in prototype("disgust", table).always}
    assert script.units[script.labels == "disgust"][:, :, [column(unit) for unit in shown]].max() > 0.1


def test_speech_is_in_the_truth_of_the_units_that_it_moves_and_in_no_other() -> None:
    calm = {name: replace(level, rest_sd=0.0, asymmetry_sd=0.0) for name, level in ALL.levels.items()}
    script = conference("s", 1, 0.0, replace(ALL, levels=calm), 0, level="high")
    said = speech(script.time_s, ALL.speech, stream(0, "s", "conference-01", "speech"))
    assert script.level == "high" and set(script.shapes) == {"mouthPucker", "mouthFunnel", "mouthClose"}
    names = sorted(SHAPES)
    shown = blend_weights(script.units, names)
    for name in ("jawOpen", "mouthStretch_L", "mouthStretch_R"):
        assert np.allclose(shown[:, names.index(name)], said[name], atol=1e-6), name
    assert not np.delete(script.units, [column(20), column(26), column(43)], axis=2).any()
    assert not script.intensity.any() and not script.valence.any() and set(script.labels) == {"neutral"}


def test_planting_changes_nothing_else() -> None:
    null, planted = conference("s", 1, 0.0, ALL, 4), conference("s", 1, 0.02, ALL, 4)
    for name in ("yaw", "shift", "gaze", "exposure", "box_jitter"):
        assert np.array_equal(arrays(null)[name], arrays(planted)[name])
    assert all(np.array_equal(null.shapes[name], planted.shapes[name]) for name in null.shapes)
    quiet = np.array(planted.intensity == 0)
    assert np.array_equal(null.units[quiet], planted.units[quiet])


def test_impossible_conferences_are_refused() -> None:
    for number_, share, expression, message in (
        (-1, 0.0, None, "number of the recording"),
        (0, -0.1, None, "planted share"),
        (0, 1.0, None, "planted share"),
        (0, 0.9, None, "gaps"),
        (0, 0.1, "neutral", "planted expression"),
    ):
        with pytest.raises(InputError, match=message):
            conference("s", number_, share, ALL, 0, expression=expression)


def test_a_script_whose_arrays_differ_in_length_is_refused() -> None:
    script = clip()
    with pytest.raises(InputError, match="shape of yaw in script s/c"):
        replace(script, yaw=script.yaw[:-1])
    with pytest.raises(InputError, match="shape of jawOpen"):
        replace(script, shapes={"jawOpen": np.zeros(3)})


def test_streams_are_independent_by_name_and_reproducible() -> None:
    assert stream(1, "a", "b").random() == stream(1, "a", "b").random()
    draws = [stream(*key).random() for key in ((1, "a", "bc"), (1, "ab", "c"), (1, "abc"), (2, "a", "bc"), (1,))]
    assert len(set(draws)) == 5
    assert 0 <= number(1, "light") < 2**31 and number(1, "light") != number(1, "noise")
    one, other = (stream(0, name).standard_normal(20000) for name in ("yaw", "pitch"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


def test_streams_give_the_numbers_that_the_sets_were_made_with() -> None:
    assert stream(0, "s", "c", "yaw").integers(1000, size=4).tolist() == [922, 338, 706, 638]
